"""The FAX mail of one number (guide FAXお知らせメール; spec section 8), and what of its faxes belongs in its history.

A number that goes over to another contract begins anew: its settings belong to the contract that made them. So does
one whose contract was removed, also when the next contract has the very same number.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never

from chassis.decider import Decider, replace
from chassis.errors import NotFound, Rejected
from contracts.faxstore import DeleteCause, FaxMailChanged
from contracts.switched import SwitchedOn, switched

CATEGORY = "faxmail"
MOST_ADDRESSES = 5


@dataclass(frozen=True)
class NumberNoted:
    """What auth said of the number in one contract: whether it has the option FAX mail there.

    `removed`: the contract itself has ended, and what comes under its number is another. `since`: when that other one
    began; None for the first.
    """

    number: str
    contract_number: str
    contracted: bool
    sequence: str
    removed: bool = False
    since: datetime | None = None


@dataclass(frozen=True)
class FaxDeletionNoted:
    """A fax of the number is gone; its own `FaxDeleted` has told everybody else. For the history, which reads one
    stream a number."""

    fax_id: str
    number: str
    contract_number: str
    caller: str | None
    received_at: datetime
    cause: DeleteCause


Event = NumberNoted | FaxMailChanged | FaxDeletionNoted
PRIVATE_EVENTS = (NumberNoted, FaxDeletionNoted)


@dataclass(frozen=True)
class Noted:
    """The newest news of a number in one contract; `removed` and `since` as in `NumberNoted`."""

    contracted: bool
    sequence: str
    removed: bool = False
    since: datetime | None = None


@dataclass(frozen=True)
class FaxMail:
    """Whom to tell of faxes to one number, as the contract `contract_number` has set it.

    `noted` is kept for each contract that the number was ever in, because the news of different contracts come in any
    order: the one that has the number keeps it until its end is heard.
    """

    number: str = ""
    contract_number: str = ""
    noted: Mapping[str, Noted] = field(default_factory=dict)
    started: bool = False
    addresses: tuple[str, ...] = ()
    on: SwitchedOn | None = None

    @property
    def contracted(self) -> bool:
        return self.contract_number in self.noted and self.noted[self.contract_number].contracted

    def shows(self, stored_at: datetime) -> bool:
        """Whether a fax that was stored then, under this contract's number, is the present holder's."""
        return self.since is None or stored_at >= self.since

    @property
    def since(self) -> datetime | None:
        """When the present holder began under a contract number that had belonged to another; else None."""
        return self.noted[self.contract_number].since if self.contract_number in self.noted else None

    @property
    def told(self) -> tuple[str, ...]:
        """The addresses that are told of a fax that comes now."""
        return self.addresses if self.started else ()


@dataclass(frozen=True)
class NoteNumber:
    """The number as auth has it in one contract since `at`; `removed`: the contract has ended. A `sequence` that is
    older in that contract changes nothing."""

    number: str
    contract_number: str
    contracted: bool
    sequence: str
    at: datetime
    removed: bool = False


@dataclass(frozen=True)
class EditFaxMail:
    """The settings anew; what is None stays as it is. `now` tells since when it is on, where this starts it."""

    started: bool | None = None
    addresses: tuple[str, ...] | None = None
    now: SwitchedOn | None = None


@dataclass(frozen=True)
class NoteFaxDeletion:
    """A fax of the number was deleted."""

    deletion: FaxDeletionNoted


Command = NoteNumber | EditFaxMail | NoteFaxDeletion


def evolve(mail: FaxMail, event: Event) -> FaxMail:
    match event:
        case NumberNoted():
            return _with_number(mail, event)
        case FaxMailChanged(started=started, addresses=addresses, on=on):
            return replace(mail, started=started, addresses=addresses, on=on)
        case FaxDeletionNoted():
            return mail
        case _:
            assert_never(event)


def _with_number(mail: FaxMail, news: NumberNoted) -> FaxMail:
    noted = {**mail.noted, news.contract_number: Noted(news.contracted, news.sequence, news.removed, news.since)}
    holder = _holder(mail, noted)
    known = replace(mail, number=news.number, contract_number=holder, noted=noted)
    return known if holder == mail.contract_number else replace(known, started=False, addresses=(), on=None)


def _holder(mail: FaxMail, noted: Mapping[str, Noted]) -> str:
    """Who had it last has it still, until it has ended there and another contract has it."""
    holders = [contract_number for contract_number, one in noted.items() if one.contracted]
    return mail.contract_number if mail.contract_number in holders or not holders else holders[-1]


def decide(command: Command, mail: FaxMail) -> list[Event]:
    match command:
        case NoteNumber():
            return _note_number(command, mail)
        case EditFaxMail():
            return _edit(command, mail)
        case NoteFaxDeletion(deletion):
            return [deletion]
        case _:
            assert_never(command)


def _note_number(command: NoteNumber, mail: FaxMail) -> list[Event]:
    """Nothing is kept of a number that never had the option. It is said that a mail stops before its end is noted."""
    before = mail.noted.get(command.contract_number)
    if command.sequence <= before.sequence if before else not command.contracted:
        return []
    noted = _noted(command, before or Noted(False, ""))
    ended = _ended(command, mail) if command.contract_number == mail.contract_number else mail
    return [noted] if ended == mail else [_changed(ended), noted]


def _noted(command: NoteNumber, before: Noted) -> NumberNoted:
    """What was removed is so until there is a contract with the option again, which begins then."""
    removed = not command.contracted and (command.removed or before.removed)
    since = command.at if command.contracted and before.removed else before.since
    return NumberNoted(command.number, command.contract_number, command.contracted, command.sequence, removed, since)


def _ended(command: NoteNumber, mail: FaxMail) -> FaxMail:
    if command.removed:
        return replace(mail, started=False, addresses=(), on=None)
    return mail if command.contracted else replace(mail, started=False, on=None)


def _edit(command: EditFaxMail, mail: FaxMail) -> list[Event]:
    if not mail.contracted:
        raise NotFound("not-found")
    addresses = mail.addresses if command.addresses is None else command.addresses
    started = mail.started if command.started is None else command.started
    on = switched(mail.started, mail.on, started, command.now)
    wanted = replace(mail, started=started, addresses=addresses, on=on)
    if len(wanted.addresses) > MOST_ADDRESSES:
        raise Rejected("too-many-addresses", field="addresses", most=MOST_ADDRESSES)
    if wanted.started and not wanted.addresses:
        raise Rejected("no-addresses", field="addresses")
    # Whoever saves addresses wants them tried again, also those that notify sends no mails to any more.
    saved = command.addresses is not None and wanted.addresses
    return [_changed(wanted)] if saved or wanted != mail else []


def _changed(mail: FaxMail) -> FaxMailChanged:
    return FaxMailChanged(mail.number, mail.contract_number, mail.started, mail.addresses, mail.on)


DECIDER: Decider[FaxMail] = Decider(FaxMail(), decide, evolve)
