"""How a mail is delivered: tried until it is taken, refused for good, or out of tries (spec section 8).

That a mail is owed is said in the stream of what owes it (`MailQueued`); this stream begins with its first try.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, assert_never

from chassis.decider import Decider, replace
from chassis.errors import Rejected
from contracts.notify import MailFailed, MailSent, MailSuppressed

CATEGORY = "mail"
# Minutes after each failed try; RFC 5321 section 4.5.4.1 asks for growing pauses.
RETRY_MINUTES = (1, 5, 15, 60, 240)
# A pause is up to this much longer by chance, so that mails that failed together do not come back together.
JITTER = 0.2


@dataclass(frozen=True)
class MailPostponed:
    """A try failed for now."""

    mail_id: str
    attempts: int
    next_at: datetime
    answer: str


@dataclass(frozen=True)
class MailRetried:
    """An operator wants it tried again, from the beginning of the plan."""

    mail_id: str
    at: datetime


@dataclass(frozen=True)
class MailHeld:
    """Its address has had enough mails for now. That was no try."""

    mail_id: str
    next_at: datetime


Event = MailPostponed | MailRetried | MailHeld | MailSent | MailFailed | MailSuppressed
PRIVATE_EVENTS = (MailPostponed, MailRetried, MailHeld)


@dataclass(frozen=True)
class Mail:
    """How far the delivery of one mail has got. `tries` counts those since the plan began, `attempts` all.

    `insisted`: an operator wants it tried, even if its address was refused before.
    """

    state: Literal["queued", "sent", "failed", "suppressed"] = "queued"
    attempts: int = 0
    tries: int = 0
    next_at: datetime | None = None
    insisted: bool = False


@dataclass(frozen=True)
class NoteSent:
    """A mail server took it."""

    mail_id: str
    contract_number: str
    answer: str


@dataclass(frozen=True)
class NoteFailure:
    """A try failed; `luck` between 0 and 1 spreads the next ones."""

    mail_id: str
    contract_number: str
    answer: str
    permanent: bool
    at: datetime
    luck: float


@dataclass(frozen=True)
class NoteHeld:
    """Its address has had as many mails as it may for a while."""

    mail_id: str
    until: datetime


@dataclass(frozen=True)
class NoteSuppressed:
    """Its address was refused for good, with this `answer`."""

    mail_id: str
    contract_number: str
    answer: str


@dataclass(frozen=True)
class RetryMail:
    """An operator wants a mail that was given up or suppressed tried again."""

    mail_id: str
    at: datetime


Command = NoteSent | NoteFailure | NoteHeld | NoteSuppressed | RetryMail


def evolve(mail: Mail, event: Event) -> Mail:
    match event:
        case MailPostponed(attempts=attempts, next_at=next_at):
            return replace(mail, attempts=attempts, tries=mail.tries + 1, next_at=next_at)
        case MailRetried(at=at):
            return replace(mail, state="queued", tries=0, next_at=at, insisted=True)
        case MailHeld(next_at=next_at):
            return replace(mail, next_at=next_at)
        case MailSent(attempts=attempts):
            return replace(mail, state="sent", attempts=attempts, next_at=None)
        case MailFailed(attempts=attempts):
            return replace(mail, state="failed", attempts=attempts, next_at=None)
        case MailSuppressed():
            return replace(mail, state="suppressed", next_at=None)
        case _:
            assert_never(event)


def decide(command: Command, mail: Mail) -> list[Event]:
    match command:
        case NoteSent(mail_id, contract_number, answer):
            return [] if mail.state == "sent" else [MailSent(mail_id, contract_number, mail.attempts + 1, answer)]
        case NoteFailure():
            return _note_failure(command, mail) if mail.state == "queued" else []
        case NoteHeld(mail_id, until):
            return [MailHeld(mail_id, until)] if mail.state == "queued" else []
        case NoteSuppressed(mail_id, contract_number, answer):
            held_back = mail.state == "queued" and not mail.insisted
            return [MailSuppressed(mail_id, contract_number, answer)] if held_back else []
        case RetryMail(mail_id, at):
            if mail.state not in ("failed", "suppressed"):
                raise Rejected("mail-not-failed")
            return [MailRetried(mail_id, at)]
        case _:
            assert_never(command)


def _note_failure(command: NoteFailure, mail: Mail) -> list[Event]:
    attempts = mail.attempts + 1
    if command.permanent or mail.tries >= len(RETRY_MINUTES):
        return [MailFailed(command.mail_id, command.contract_number, attempts, command.answer)]
    pause = timedelta(minutes=RETRY_MINUTES[mail.tries] * (1 + JITTER * command.luck))
    return [MailPostponed(command.mail_id, attempts, command.at + pause, command.answer)]


DECIDER: Decider[Mail] = Decider(Mail(), decide, evolve)
