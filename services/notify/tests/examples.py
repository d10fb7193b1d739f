"""One ready example of every event and command of notify, and of every foreign event that it hears."""

import hashlib
from dataclasses import replace
from datetime import timedelta

from chassis.testing import NOON
from contracts.auth import Contract, ContractChanged, ContractImported, ContractRemoved
from contracts.bulkforward import (
    BulkForwardAutoStartSkipped,
    BulkForwardAutoStopSkipped,
    BulkForwardStarted,
    BulkForwardStopped,
)
from contracts.linewatch import LineFaulted, LineFlapping, LineRecovered, LineTested
from contracts.notify import (
    FaultNoticeChanged,
    IncomingMailChanged,
    IncomingMailQueued,
    MailFailed,
    MailQueued,
    MailSent,
    MailSuppressed,
    TrialMailQueued,
)
from contracts.voicewarp import CallEnded
from services.notify.model.address import AddressRefused, AddressRestored, RefuseAddress, RestoreAddress, address_id_of
from services.notify.model.bundle import Candidate, FormLetters, LetterFormed
from services.notify.model.drill import DrillMailQueued
from services.notify.model.incident import (
    FaultHeard,
    ForwardingHeard,
    RecoveryHeard,
    StillWaiting,
    mail_id_of,
    trial_id_of,
)
from services.notify.model.incoming import EditIncoming, HearCall, NoteNumber, NumberNoted
from services.notify.model.incoming import mail_id_of as incoming_mail_id_of
from services.notify.model.letters import Letter, letter_of
from services.notify.model.mail import (
    MailHeld,
    MailPostponed,
    MailRetried,
    NoteFailure,
    NoteHeld,
    NoteSent,
    NoteSuppressed,
    RetryMail,
)
from services.notify.model.notice import (
    ContractNoted,
    EditNotice,
    HearFault,
    HearForwarding,
    HearRecovery,
    NoteContract,
    TryOut,
    Wake,
)

NUMBER, ADDITIONAL = "0600001111", "0600002222"
FAULT = f"{NUMBER}-1"
NEXT_FAULT = f"{NUMBER}-2"
ANNE, BEN = "anne@example.jp", "ben@example.jp"
CONTRACTOR, SITE = "株式会社つなぐ", "本店"
OVER = NOON + timedelta(minutes=10)
WAIT = timedelta(seconds=3)
NEXT = NOON + timedelta(hours=1)


def at_line(place: int) -> str:
    """The sequence of a line's news, by its place."""
    return f"{place:010d}.0001"


CONTRACT = Contract(
    NUMBER, "C-1111", CONTRACTOR, SITE, ("fault-notice",), {NUMBER: ("incoming-mail",), ADDITIONAL: ("fax-mail",)}
)
CONTRACT_IMPORTED = ContractImported(CONTRACT)
CONTRACT_CHANGED = ContractChanged(CONTRACT)
CONTRACT_REMOVED = ContractRemoved(NUMBER, left=(NUMBER, ADDITIONAL))
LINE_FAULTED = LineFaulted(NUMBER, FAULT, "critical", "断線", NOON)
LINE_FLAPPING = LineFlapping(NUMBER, FAULT, 4, NOON)
LINE_RECOVERED = LineRecovered(NUMBER, FAULT, NOON, OVER)
FORWARD_STARTED = BulkForwardStarted(NUMBER, {NUMBER: "0312345678"}, "fault", NOON, FAULT)
FORWARD_STOPPED = BulkForwardStopped(NUMBER, {NUMBER: "0312345678"}, "recovery", FAULT)
START_SKIPPED = BulkForwardAutoStartSkipped(NUMBER, FAULT, "no-entries")
STOP_SKIPPED = BulkForwardAutoStopSkipped(NUMBER, FAULT, "started-by-hand")
CALLER, DESTINATION = "0312345678", "09012345678"
CALL_ENDED = CallEnded("c-1", NUMBER, NUMBER, CALLER, "forwarded", DESTINATION, NOON, OVER)

CONTRACTED = ContractNoted(NUMBER, True, CONTRACTOR, SITE, "0000000001.0000")
ENDED = ContractNoted(NUMBER, False, "", "", "0000000002.0000")
STARTED = FaultNoticeChanged(NUMBER, True, CONTRACTOR, SITE, (ANNE, BEN))
STOPPED = FaultNoticeChanged(NUMBER, False, CONTRACTOR, SITE, (ANNE, BEN))
FAULT_HEARD = FaultHeard(FAULT, "critical", NOON, NOON + WAIT, at_line(1))
RECOVERY_HEARD = RecoveryHeard(FAULT, OVER, OVER + WAIT, at_line(2))
STILL_WAITING = StillWaiting(FAULT, OVER + WAIT)
START_HEARD = ForwardingHeard(FAULT, "fault", "started", "", 1)
STOP_HEARD = ForwardingHeard(FAULT, "recovery", "stopped", "", 1)


def fault_mail(address: str) -> MailQueued:
    """The mail of the example's fault, which started forwarding."""
    mail_id = mail_id_of(FAULT, "fault", address)
    facts = (NUMBER, "fault", address, CONTRACTOR, SITE, "critical", NOON, None, "started", "", 1)
    return MailQueued(mail_id, *facts)  # type: ignore[arg-type]


def recovery_mail(address: str) -> MailQueued:
    """The mail of its recovery, in answer to the first."""
    mail_id, answers = mail_id_of(FAULT, "recovery", address), mail_id_of(FAULT, "fault", address)
    facts = (NUMBER, "recovery", address, CONTRACTOR, SITE, "critical", NOON, OVER, "stopped", "", 1)
    return MailQueued(mail_id, *facts, answers)  # type: ignore[arg-type]


MAIL = fault_mail(ANNE)
MAIL_ID = MAIL.mail_id
LETTER: Letter = letter_of(MAIL, NOON, "https://tsunagu.example.jp/")
POSTPONED = MailPostponed(MAIL_ID, 1, NOON + timedelta(minutes=1), "451 busy")
SENT = MailSent(MAIL_ID, NUMBER, 1, "250 kept")
FAILED = MailFailed(MAIL_ID, NUMBER, 1, "550 unknown")
RETRIED = MailRetried(MAIL_ID, NEXT)
HELD = MailHeld(MAIL_ID, NEXT)
SUPPRESSED = MailSuppressed(MAIL_ID, NUMBER, "550 unknown")
ANNE_ID = address_id_of(ANNE)
REFUSED = AddressRefused(ANNE_ID, "550 unknown", NOON)
RESTORED = AddressRestored(ANNE_ID)


def trial_mail(address: str) -> TrialMailQueued:
    """The test mail of the example's notice."""
    return TrialMailQueued(trial_id_of("t-1", address), NUMBER, address, CONTRACTOR, SITE)


NOC = "noc@example.jp"
LINE_TESTED = LineTested(NUMBER, "noc-west", True, "critical", "試験", NOON)
DRILL_ID = "drill-" + hashlib.sha256(f"line-{NUMBER}@1.0".encode()).hexdigest()[:32]
DRILL_MAIL = DrillMailQueued(DRILL_ID, NUMBER, NOC, "noc-west", True, "critical", "試験", NOON)

NUMBER_NOTED = NumberNoted(NUMBER, NUMBER, True, "0000000001.0000")
NUMBER_ENDED = NumberNoted(NUMBER, NUMBER, False, "0000000002.0000")
INCOMING_ON = IncomingMailChanged(NUMBER, NUMBER, True, (ANNE, BEN), ("all",), "all", {CALLER: "本社"}, True)
INCOMING_OFF = replace(INCOMING_ON, started=False)


def call_mail(address: str) -> IncomingMailQueued:
    """The mail of the example's call."""
    facts = (NUMBER, address, "c-1", NUMBER, CALLER, "本社", "forwarded", DESTINATION, NOON)
    return IncomingMailQueued(incoming_mail_id_of("c-1", address), *facts)  # type: ignore[arg-type]


NOTE_NUMBER = NoteNumber(NUMBER, NUMBER, True, "0000000001.0000")
END_NUMBER = NoteNumber(NUMBER, NUMBER, False, "0000000002.0000")
START_INCOMING = EditIncoming(started=True, addresses=(ANNE, BEN), callers={CALLER: "本社"})
HEAR_CALL = HearCall("c-1", NUMBER, CALLER, "forwarded", DESTINATION, NOON)

NOTE_CONTRACT = NoteContract(NUMBER, True, CONTRACTOR, SITE, "0000000001.0000")
START = EditNotice(True, None, None, (ANNE, BEN))
STOP = EditNotice(False, None, None, None)
HEAR_FAULT = HearFault(FAULT, "critical", NOON, NOON + WAIT, at_line(1))
HEAR_RECOVERY = HearRecovery(FAULT, OVER, OVER + WAIT, at_line(2))
HEAR_NEXT_FAULT = HearFault(NEXT_FAULT, "major", NEXT, NEXT + WAIT, at_line(3))
HEAR_START = HearForwarding(FAULT, "fault", "started", "", 1)
HEAR_STOP = HearForwarding(FAULT, "recovery", "stopped", "", 1)
WAKE = Wake(NOON + WAIT)
NOTE_SENT = NoteSent(MAIL_ID, NUMBER, "250 kept")
NOTE_FAILURE = NoteFailure(MAIL_ID, NUMBER, "451 busy", permanent=False, at=NOON, luck=0.0)
NOTE_REFUSAL = NoteFailure(MAIL_ID, NUMBER, "550 unknown", permanent=True, at=NOON, luck=0.0)
RETRY = RetryMail(MAIL_ID, NEXT)
NOTE_HELD = NoteHeld(MAIL_ID, NEXT)
NOTE_SUPPRESSED = NoteSuppressed(MAIL_ID, NUMBER, "550 unknown")
FORM = FormLetters("bundle", tuple(Candidate(id, None) for id in ("m1", "m2", "m3", "m4")))
FORMED = LetterFormed("bundle", ("m1", "m2", "m3", "m4"), ())
TRY_OUT = TryOut("t-1")
REFUSE = RefuseAddress(ANNE_ID, "550 unknown", NOON)
RESTORE = RestoreAddress(ANNE_ID)
