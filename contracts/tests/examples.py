"""One example of every public event, as complete as the event can be."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from contracts.auth import (
    Contract,
    ContractChanged,
    ContractImported,
    ContractRemoved,
    GuessIgnored,
    LoginFailed,
    LoginSucceeded,
    PasswordChanged,
    PasswordInvalidated,
)
from contracts.bulkforward import (
    BulkForwardAutomationChanged,
    BulkForwardAutoStartSkipped,
    BulkForwardAutoStopSkipped,
    BulkForwardEntriesChanged,
    BulkForwardStarted,
    BulkForwardStopped,
)
from contracts.faxstore import FaxDeleted, FaxMailChanged, FaxReceived
from contracts.ivr import PasswordIssued
from contracts.linewatch import LineFaulted, LineFaultWorsened, LineFlapping, LineRecovered, LineTested
from contracts.notify import (
    FaultNoticeChanged,
    FaxMailQueued,
    IncomingMailChanged,
    IncomingMailQueued,
    MailFailed,
    MailQueued,
    MailSent,
    MailSuppressed,
    TrialMailQueued,
)
from contracts.switched import SwitchedOn
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

SINCE = datetime(2026, 1, 15, 3, 0, 0, 123000, tzinfo=UTC)
ON = SwitchedOn(SINCE, "customer")
UNTIL = datetime(2026, 1, 15, 4, 30, tzinfo=UTC)
NUMBER, ADDITIONAL, LEFT = "0600001111", "0600002222", "0600003333"
FAULT = f"{NUMBER}-1"
ENTRIES = {NUMBER: "0312345678", ADDITIONAL: "09012345678"}
CONTRACT = Contract(
    NUMBER,
    "C-1111",
    "株式会社つなぐ",
    "本店",
    ("bulk-forward", "fault-notice"),
    {NUMBER: ("voicewarp", "incoming-mail"), ADDITIONAL: ("incoming-mail", "fax-mail")},
)
MAIL = f"{FAULT}-fault-0123456789abcdef"
REPLY = f"{FAULT}-recovery-0123456789abcdef"
CALL_MAIL = "call-0123456789abcdef0123456789abcdef-0123456789abcdef"
FAX_MAIL = "fax-0123456789abcdef0123456789abcdef-0123456789abcdef"
CHECKSUM = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
VERIFIER = "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
TO = "soumu@example.jp"
MOBILE = "09012345678"
AFTER = Step("forward", MOBILE, 15)

_ALL = (
    ContractImported(CONTRACT),
    ContractChanged(CONTRACT, (LEFT,)),
    ContractRemoved(NUMBER, (NUMBER, ADDITIONAL)),
    PasswordChanged(NUMBER, NUMBER, "line"),
    LoginSucceeded(ADDITIONAL, NUMBER, "admin-user", True),
    LoginFailed(ADDITIONAL, NUMBER, "admin-user", 2),
    GuessIgnored(),
    PasswordInvalidated(NUMBER, NUMBER, "number", False),
    PasswordIssued(
        ADDITIONAL,
        NUMBER,
        "admin-user",
        VERIFIER,
        SINCE,
        "0f0e7f5c-6d0a-4c7e-9d3e-5a1b2c3d4e5f",
        1_763_856_000_000_000,
        "0000000001.0000",
    ),
    LineFaulted(NUMBER, FAULT, "critical", "光回線の断", SINCE),
    LineFaultWorsened(NUMBER, FAULT, "critical", "光回線の断", SINCE),
    LineRecovered(NUMBER, FAULT, SINCE, UNTIL),
    LineFlapping(NUMBER, FAULT, 4, SINCE),
    LineTested(NUMBER, "noc-west", True, "critical", "試験", SINCE),
    BulkForwardEntriesChanged(NUMBER, ENTRIES, ("0600003333",), True, True),
    BulkForwardAutomationChanged(NUMBER, True, False),
    BulkForwardStarted(NUMBER, ENTRIES, "fault", SINCE, FAULT),
    BulkForwardStopped(NUMBER, ENTRIES, "recovery", FAULT),
    BulkForwardAutoStartSkipped(NUMBER, FAULT, "already-running"),
    BulkForwardAutoStopSkipped(NUMBER, FAULT, "started-by-hand"),
    VoiceWarpChanged(
        NUMBER,
        NUMBER,
        "no-answer-or-busy",
        15,
        (Destination(MOBILE, "携帯"), Destination("0312345678")),
        1,
        "forward-registered",
        (Caller("0312345678", "本社"), Caller("+14155550100")),
    ),
    VoiceWarpStarted(NUMBER, NUMBER, MOBILE),
    VoiceWarpStopped(NUMBER, NUMBER, "contract-ended"),
    CallReceived(
        "c-1",
        NUMBER,
        NUMBER,
        "0312345678",
        Step("ring"),
        Step("forward", MOBILE),
        AFTER,
        "voicewarp-no-answer-or-busy",
        SINCE,
    ),
    CallEnded("c-1", NUMBER, NUMBER, "0312345678", "forwarded", MOBILE, SINCE, UNTIL),
    FaultNoticeChanged(NUMBER, True, "株式会社つなぐ", "本店", (TO, "tencho@example.jp"), ON),
    MailQueued(
        REPLY, NUMBER, "recovery", TO, "株式会社つなぐ", "本店", "critical", SINCE, UNTIL, "stopped", "", 2, MAIL
    ),
    IncomingMailChanged(
        ADDITIONAL,
        NUMBER,
        True,
        (TO,),
        ("no-answer", "busy"),
        "except",
        {"0312345678": "本社", "0120123456": ""},
        False,
        ON,
    ),
    IncomingMailQueued(CALL_MAIL, NUMBER, TO, "c-1", ADDITIONAL, "0312345678", "本社", "forwarded", MOBILE, SINCE),
    MailSent(MAIL, NUMBER, 1, "250 OK"),
    MailFailed(MAIL, NUMBER, 6, "550 no such user"),
    MailSuppressed(MAIL, NUMBER, "550 no such user"),
    TrialMailQueued("test-1-0123456789abcdef", NUMBER, TO, "株式会社つなぐ", "本店"),
    FaxMailQueued(FAX_MAIL, NUMBER, TO, "f-1", ADDITIONAL, "0312345678", 3, SINCE),
    FaxMailChanged(ADDITIONAL, NUMBER, True, (TO, "tencho@example.jp"), ON),
    FaxReceived("f-1", ADDITIONAL, NUMBER, "0312345678", "image/tiff", 3, 48_213, CHECKSUM, SINCE, (TO,)),
    FaxDeleted("f-1", ADDITIONAL, NUMBER, "expired"),
)
EXAMPLES: Mapping[str, Any] = {type(event).__name__: event for event in _ALL}
