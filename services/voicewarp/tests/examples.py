"""One ready example of every event and command of voicewarp, and of every foreign event that it hears."""

from datetime import timedelta

from chassis.testing import NOON
from contracts.auth import Contract, ContractChanged, ContractImported, ContractRemoved
from contracts.bulkforward import BulkForwardEntriesChanged, BulkForwardStarted, BulkForwardStopped
from contracts.voicewarp import (
    CallEnded,
    Caller,
    CallReceived,
    Destination,
    Step,
    VoiceWarpChanged,
    VoiceWarpStarted,
    VoiceWarpStopped,
)
from services.voicewarp.model.call import EndCall, ReceiveCall
from services.voicewarp.model.routing import Decision
from services.voicewarp.model.setting import (
    AddCaller,
    ContractNoted,
    DropCaller,
    EditSetting,
    NoteContract,
    Start,
    Stop,
)

NUMBER, OTHER = "0600001111", "0600002222"
OFFICE, MOBILE, BRANCH = "0312345678", "09012345678", "0451234567"
FIRST, SECOND = "0000000001.0000", "0000000002.0000"
LATER = NOON + timedelta(minutes=10)

CONTRACT = Contract(
    NUMBER,
    "C-1111",
    "株式会社つなぐ",
    "本店",
    ("bulk-forward",),
    {NUMBER: ("voicewarp", "incoming-mail"), OTHER: ("fax-mail",)},
)
CONTRACT_IMPORTED = ContractImported(CONTRACT)
CONTRACT_CHANGED = ContractChanged(CONTRACT)
CONTRACT_REMOVED = ContractRemoved(NUMBER, (NUMBER, OTHER))
ENTRIES = {NUMBER: OFFICE}
BULK_ENTRIES_CHANGED = BulkForwardEntriesChanged(NUMBER, ENTRIES)
BULK_STARTED = BulkForwardStarted(NUMBER, ENTRIES, "fault", NOON, f"{NUMBER}-1")
BULK_STOPPED = BulkForwardStopped(NUMBER, ENTRIES, "recovery", f"{NUMBER}-1")

NOTED = ContractNoted(NUMBER, NUMBER, held=True, contracted=True, sequence=FIRST)
LEFT = ContractNoted(NUMBER, NUMBER, held=False, contracted=False, sequence=SECOND)
HEAD_OFFICE = Caller(OFFICE, "本社")
DESTINATIONS = (Destination(MOBILE, "携帯"), Destination(BRANCH))
CHANGED = VoiceWarpChanged(NUMBER, NUMBER, "unconditional", 20, DESTINATIONS, 1, "off", (HEAD_OFFICE,))
STARTED = VoiceWarpStarted(NUMBER, NUMBER, MOBILE)
STOPPED = VoiceWarpStopped(NUMBER, NUMBER, "manual")
ENDED_WITH_CONTRACT = VoiceWarpStopped(NUMBER, NUMBER, "contract-ended")

NOTE_CONTRACT = NoteContract(NUMBER, NUMBER, held=True, contracted=True, sequence=FIRST)
NOTE_LEFT = NoteContract(NUMBER, NUMBER, held=False, contracted=False, sequence=SECOND)
EDIT = EditSetting("unconditional", 20, DESTINATIONS, 1, "off", (HEAD_OFFICE,), None)
ADD_CALLER = AddCaller(Caller(BRANCH, "支店"))
DROP_CALLER = DropCaller(OFFICE)
START = Start(walked=frozenset({MOBILE, BRANCH}))
STOP = Stop()

CALL = "call-1@switch"
DECISION = Decision(Step("ring"), None, Step("forward", MOBILE, 15), "voicewarp-no-answer")
RECEIVE = ReceiveCall(CALL, NUMBER, NUMBER, OFFICE, NOON, DECISION)
RECEIVED = CallReceived(
    CALL, NUMBER, NUMBER, OFFICE, Step("ring"), None, Step("forward", MOBILE, 15), "voicewarp-no-answer", NOON
)
END = EndCall("forwarded", LATER, LATER)
CALL_ENDED = CallEnded(CALL, NUMBER, NUMBER, OFFICE, "forwarded", MOBILE, NOON, LATER)
