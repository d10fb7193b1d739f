"""Said by notify: settings of the fault notice (stream `notice-<contract number>`) and of the incoming-call mail
(`incoming-<number>`), each with the mails that are owed; the mails that are owed of a fax (`faxtold-<fax id>`); and
what became of every mail (`mail-<id>`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from contracts.switched import SwitchedOn
from contracts.voicewarp import CallOutcome

MailKind = Literal["fault", "recovery"]
ForwardingResult = Literal["started", "stopped", "running", "not-running", "unknown"]
CallCondition = Literal["all", "answered", "no-answer", "busy", "forwarded"]
CallerMode = Literal["all", "only", "except"]


@dataclass(frozen=True)
class FaultNoticeChanged:
    """The notice settings of a contract from now on."""

    contract_number: str
    started: bool
    contractor: str
    site: str
    addresses: tuple[str, ...]
    on: SwitchedOn | None = None


@dataclass(frozen=True)
class MailQueued:
    """A mail to one address will be sent. The other fields are the facts that it tells.

    `mail_id` is the same for the same fault, kind and address for ever, and so is the Message-ID made from it.
    `answers` is the mail id of the fault mail that a recovery mail replies to. `until` is set on recovery.
    `forwarding` and `reason` say what bulk forwarding did about it; `entries` counts the forwarded numbers. `unstable`:
    the line goes, or went, up and down; one of an incident's mails to an address says so.
    """

    mail_id: str
    contract_number: str
    kind: MailKind
    address: str
    contractor: str
    site: str
    severity: str
    since: datetime
    until: datetime | None
    forwarding: ForwardingResult
    reason: str
    entries: int
    answers: str | None = None
    unstable: bool = False


@dataclass(frozen=True)
class IncomingMailChanged:
    """The incoming-call mail of one number from now on.

    A call is told of when its outcome is in `when`, and its caller fits: any, only those in `callers`, or any but
    those. Whoever hides the number is in no list; `anonymous` alone says whether such calls are told of.
    """

    number: str
    contract_number: str
    started: bool
    addresses: tuple[str, ...]
    when: tuple[CallCondition, ...]
    mode: CallerMode
    callers: Mapping[str, str]
    anonymous: bool
    on: SwitchedOn | None = None


@dataclass(frozen=True)
class IncomingMailQueued:
    """A mail to one address will tell of a call. `mail_id` is the same for the same call and address for ever."""

    mail_id: str
    contract_number: str
    address: str
    call_id: str
    called: str
    caller: str | None
    label: str
    outcome: CallOutcome
    forwarded_to: str | None
    received_at: datetime


@dataclass(frozen=True)
class TrialMailQueued:
    """A mail to one address will show how a fault notice arrives. It tells of no fault, and says so."""

    mail_id: str
    contract_number: str
    address: str
    contractor: str
    site: str


@dataclass(frozen=True)
class FaxMailQueued:
    """A mail to one address will tell of a fax. `mail_id` is the same for the same fax and address for ever."""

    mail_id: str
    contract_number: str
    address: str
    fax_id: str
    number: str
    caller: str | None
    pages: int
    received_at: datetime


@dataclass(frozen=True)
class MailSent:
    """A mail server has taken the mail and answered for it."""

    mail_id: str
    contract_number: str
    attempts: int
    answer: str


@dataclass(frozen=True)
class MailFailed:
    """The mail is given up: refused for good, or the last try of its plan failed."""

    mail_id: str
    contract_number: str
    attempts: int
    answer: str


@dataclass(frozen=True)
class MailSuppressed:
    """The mail is not sent, because its address was refused for good before; `answer` is what was said then."""

    mail_id: str
    contract_number: str
    answer: str


EVENTS = (
    FaultNoticeChanged,
    MailQueued,
    IncomingMailChanged,
    IncomingMailQueued,
    TrialMailQueued,
    FaxMailQueued,
    MailSent,
    MailFailed,
    MailSuppressed,
)
