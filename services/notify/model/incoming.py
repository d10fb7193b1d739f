"""Which calls a mail tells of (guide 着信お知らせメール; spec section 5).

One stream per number holds the settings and decides on each call that has ended. A number that goes over to another
contract begins anew: its settings belong to the contract that made them, and so does what is told.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never

from chassis.decider import Decider, replace
from chassis.errors import FieldError, NotFound, Rejected
from contracts import phone
from contracts.notify import CallCondition, CallerMode, IncomingMailChanged, IncomingMailQueued
from contracts.switched import SwitchedOn, switched
from contracts.voicewarp import CallOutcome

CATEGORY = "incoming"
MOST_ADDRESSES = 5
MOST_CALLERS = 30


@dataclass(frozen=True)
class NumberNoted:
    """What auth said of the number in one contract: whether it has the option incoming-call mail there."""

    number: str
    contract_number: str
    contracted: bool
    sequence: str


Event = NumberNoted | IncomingMailChanged | IncomingMailQueued
PRIVATE_EVENTS = (NumberNoted,)


@dataclass(frozen=True)
class Noted:
    """The newest news of a number in one contract."""

    contracted: bool
    sequence: str


@dataclass(frozen=True)
class MailSettings:
    """Whom to tell, and of which calls. `callers` has a label, or "", for each number of the list."""

    started: bool = False
    addresses: tuple[str, ...] = ()
    when: tuple[CallCondition, ...] = ("all",)
    mode: CallerMode = "all"
    callers: Mapping[str, str] = field(default_factory=dict)
    anonymous: bool = True
    on: SwitchedOn | None = None


@dataclass(frozen=True)
class Incoming:
    """The incoming-call mail of one number, as the contract `contract_number` has set it.

    `noted` is kept for each contract that the number was ever in, because the news of different contracts come in any
    order: the one that has the number keeps it until its end is heard.
    """

    number: str = ""
    contract_number: str = ""
    noted: Mapping[str, Noted] = field(default_factory=dict)
    settings: MailSettings = MailSettings()

    @property
    def contracted(self) -> bool:
        return self.contract_number in self.noted and self.noted[self.contract_number].contracted


@dataclass(frozen=True)
class NoteNumber:
    """The number as auth has it now in one contract. A `sequence` that is older in that contract changes nothing."""

    number: str
    contract_number: str
    contracted: bool
    sequence: str


@dataclass(frozen=True)
class EditIncoming:
    """The settings anew; what is None stays as it is. `refused` are those of `addresses` to which no mail goes now.
    `now` tells since when it is on, where this starts it."""

    started: bool | None = None
    addresses: tuple[str, ...] | None = None
    when: tuple[CallCondition, ...] | None = None
    mode: CallerMode | None = None
    callers: Mapping[str, str] | None = None
    anonymous: bool | None = None
    refused: frozenset[str] = frozenset()
    now: SwitchedOn | None = None


@dataclass(frozen=True)
class HearCall:
    """voicewarp: a call to the number has ended."""

    call_id: str
    contract_number: str
    caller: str | None
    outcome: CallOutcome
    forwarded_to: str | None
    received_at: datetime


Command = NoteNumber | EditIncoming | HearCall


def evolve(incoming: Incoming, event: Event) -> Incoming:
    match event:
        case NumberNoted():
            return _with_number(incoming, event)
        case IncomingMailChanged():
            return replace(incoming, settings=_settings_of(event))
        case IncomingMailQueued():
            return incoming
        case _:
            assert_never(event)


def _with_number(incoming: Incoming, news: NumberNoted) -> Incoming:
    noted = {**incoming.noted, news.contract_number: Noted(news.contracted, news.sequence)}
    holder = _holder(incoming, noted)
    settings = incoming.settings if holder == incoming.contract_number else MailSettings()
    return Incoming(news.number, holder, noted, settings)


def _holder(incoming: Incoming, noted: Mapping[str, Noted]) -> str:
    """Who had it last has it still, until it has ended there and another contract has it."""
    holders = [contract_number for contract_number, one in noted.items() if one.contracted]
    return incoming.contract_number if incoming.contract_number in holders or not holders else holders[-1]


def _settings_of(now: IncomingMailChanged) -> MailSettings:
    return MailSettings(now.started, now.addresses, now.when, now.mode, now.callers, now.anonymous, now.on)


def decide(command: Command, incoming: Incoming) -> list[Event]:
    match command:
        case NoteNumber():
            return _note_number(command, incoming)
        case EditIncoming():
            return _edit(command, incoming)
        case HearCall():
            return _hear_call(command, incoming)
        case _:
            assert_never(command)


def _note_number(command: NoteNumber, incoming: Incoming) -> list[Event]:
    """Nothing is kept of a number that never had the option. It is said that a mail stops before its end is noted."""
    before = incoming.noted.get(command.contract_number)
    if command.sequence <= before.sequence if before else not command.contracted:
        return []
    noted = NumberNoted(command.number, command.contract_number, command.contracted, command.sequence)
    ends = command.contract_number == incoming.contract_number and not command.contracted
    if ends and incoming.settings.started:
        return [_changed(incoming, replace(incoming.settings, started=False, on=None)), noted]
    return [noted]


def _edit(command: EditIncoming, incoming: Incoming) -> list[Event]:
    if not incoming.contracted:
        raise NotFound("not-found")
    before = incoming.settings
    wanted = {name: value for name, value in vars(command).items() if value is not None and name in vars(before)}
    settings = replace(before, **wanted)
    settings = replace(settings, on=switched(before.started, before.on, settings.started, command.now))
    if len(settings.addresses) > MOST_ADDRESSES:
        raise Rejected("too-many-addresses", field="addresses", most=MOST_ADDRESSES)
    _check_callers(settings.callers)
    if settings.started and not settings.addresses:
        raise Rejected("no-addresses", field="addresses")
    return [] if settings == before and not command.refused else [_changed(incoming, settings)]


def _check_callers(callers: Mapping[str, str]) -> None:
    if len(callers) > MOST_CALLERS:
        raise Rejected("too-many-callers", field="callers.numbers", most=MOST_CALLERS)
    refusals = [(place, phone.caller_refusal(number)) for place, number in enumerate(callers)]
    errors = [
        FieldError(f"callers.numbers.{place}", refusal, phone.CALLER_MESSAGES[refusal])
        for place, refusal in refusals
        if refusal
    ]
    if errors:
        raise Rejected("caller-not-allowed", errors=errors)


def _changed(incoming: Incoming, now: MailSettings) -> IncomingMailChanged:
    return IncomingMailChanged(
        incoming.number,
        incoming.contract_number,
        now.started,
        now.addresses,
        now.when,
        now.mode,
        now.callers,
        now.anonymous,
        now.on,
    )


def _hear_call(command: HearCall, incoming: Incoming) -> list[Event]:
    ours = incoming.contracted and command.contract_number == incoming.contract_number
    if not ours or not is_told(command.caller, command.outcome, incoming.settings):
        return []
    return [_mail(command, incoming, address) for address in incoming.settings.addresses]


def is_told(caller: str | None, outcome: CallOutcome, settings: MailSettings) -> bool:
    """Whether the settings want a mail of such a call."""
    wanted = "all" in settings.when or outcome in settings.when
    return settings.started and wanted and _is_target(caller, settings)


def _is_target(caller: str | None, settings: MailSettings) -> bool:
    if caller is None:
        return settings.anonymous
    match settings.mode:
        case "all":
            return True
        case "only":
            return caller in settings.callers
        case "except":
            return caller not in settings.callers
        case _:
            assert_never(settings.mode)


def _mail(call: HearCall, incoming: Incoming, address: str) -> IncomingMailQueued:
    return IncomingMailQueued(
        mail_id_of(call.call_id, address),
        incoming.contract_number,
        address,
        call.call_id,
        incoming.number,
        call.caller,
        incoming.settings.callers.get(call.caller, "") if call.caller else "",
        call.outcome,
        call.forwarded_to,
        call.received_at,
    )


def mail_id_of(call_id: str, address: str) -> str:
    """The same for the same call and address for ever; fit for a Message-ID whatever the switch calls its calls."""
    call, to = (hashlib.sha256(text.encode()).hexdigest() for text in (call_id, address))
    return f"call-{call[:32]}-{to[:16]}"


DECIDER: Decider[Incoming] = Decider(Incoming(), decide, evolve)
