"""One ready example of every event and command of bulk forwarding, and of every foreign event that it hears."""

from datetime import timedelta

from chassis.testing import NOON
from contracts.auth import Contract, ContractChanged, ContractImported, ContractRemoved
from contracts.bulkforward import (
    BulkForwardAutomationChanged,
    BulkForwardAutoStartSkipped,
    BulkForwardAutoStopSkipped,
    BulkForwardEntriesChanged,
    BulkForwardStarted,
    BulkForwardStopped,
)
from contracts.linewatch import LineFaulted, LineFaultWorsened, LineRecovered
from services.bulkforward.model import (
    ContractNoted,
    DropEntry,
    EditPlan,
    FaultNoted,
    NoteContract,
    NoteFault,
    NoteRecovery,
    RecoveryNoted,
    SetEntry,
    StartNow,
    StopNow,
)

NUMBER = "0600001111"
OTHER = "0600002222"
OFFICE = "0312345678"
MOBILE = "09012345678"
ENTRIES = {NUMBER: OFFICE}
FAULT = f"{NUMBER}-1"
NEXT_FAULT = f"{NUMBER}-2"
LATER = NOON + timedelta(minutes=10)


def at_line(place: int) -> str:
    """The sequence of a line's news, by its place."""
    return f"{place:010d}.0001"


CONTRACT = Contract(
    NUMBER, "C-1111", "株式会社つなぐ", "本店", ("bulk-forward",), {NUMBER: ("voicewarp",), OTHER: ("fax-mail",)}
)
CONTRACT_IMPORTED = ContractImported(CONTRACT)
CONTRACT_CHANGED = ContractChanged(CONTRACT)
CONTRACT_REMOVED = ContractRemoved(NUMBER)
LINE_FAULTED = LineFaulted(NUMBER, FAULT, "critical", "断線", NOON)
LINE_FAULT_WORSENED = LineFaultWorsened(NUMBER, FAULT, "critical", "断線", NOON)
LINE_RECOVERED = LineRecovered(NUMBER, FAULT, NOON, LATER)

CONTRACTED = ContractNoted(NUMBER, True, (NUMBER, OTHER), "0000000001.0000")
ENDED = ContractNoted(NUMBER, False, (), "0000000002.0000")
ENTRIES_CHANGED = BulkForwardEntriesChanged(NUMBER, ENTRIES)
AUTOMATION_OFF = BulkForwardAutomationChanged(NUMBER, auto_start=False, auto_stop=False)
FAULT_NOTED = FaultNoted(FAULT, wait_for_worse=False, sequence=at_line(1))
SLIGHT_FAULT_NOTED = FaultNoted(FAULT, wait_for_worse=True, sequence=at_line(1))
RECOVERY_NOTED = RecoveryNoted(FAULT, at_line(2))
STARTED_BY_HAND = BulkForwardStarted(NUMBER, ENTRIES, "manual", NOON)
STARTED_BY_FAULT = BulkForwardStarted(NUMBER, ENTRIES, "fault", NOON, FAULT)
STOPPED_BY_HAND = BulkForwardStopped(NUMBER, ENTRIES, "manual")
STOPPED_BY_RECOVERY = BulkForwardStopped(NUMBER, ENTRIES, "recovery", FAULT)
START_SKIPPED = BulkForwardAutoStartSkipped(NUMBER, FAULT, "no-entries")
STOP_SKIPPED = BulkForwardAutoStopSkipped(NUMBER, FAULT, "started-by-hand")

NOTE_CONTRACT = NoteContract(NUMBER, True, (NUMBER, OTHER), "0000000001.0000")
EDIT = EditPlan(ENTRIES, None, None)
SET_ENTRY = SetEntry(OTHER, MOBILE)
DROP_ENTRY = DropEntry(NUMBER)
START = StartNow(LATER)
STOP = StopNow()
NOTE_FAULT = NoteFault(NUMBER, FAULT, grave=True, at=NOON, sequence=at_line(1))
NOTE_SLIGHT_FAULT = NoteFault(NUMBER, FAULT, grave=False, at=NOON, sequence=at_line(1))
NOTE_WORSE = NoteFault(NUMBER, FAULT, grave=True, at=LATER, sequence=at_line(2))
NOTE_RECOVERY = NoteRecovery(NUMBER, FAULT, at_line(2))
