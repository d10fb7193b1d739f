"""Said by notify: notice settings (stream `notice-<contract number>`), and what became of every mail (`mail-<id>`)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

MailKind = Literal["fault", "recovery"]
ForwardingResult = Literal["started", "stopped", "running", "not-running", "unknown"]


@dataclass(frozen=True)
class FaultNoticeChanged:
    """The notice settings of a contract from now on."""

    contract_number: str
    started: bool
    contractor: str
    site: str
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class MailQueued:
    """A mail to one address will be sent. The other fields are the facts that it tells.

    `mail_id` is the same for the same fault, kind and address for ever, and so is the Message-ID made from it.
    `answers` is the mail id of the fault mail that a recovery mail replies to. `until` is set on recovery.
    `forwarding` and `reason` say what bulk forwarding did about it; `entries` counts the forwarded numbers.
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


EVENTS = (FaultNoticeChanged, MailQueued, MailSent, MailFailed)
