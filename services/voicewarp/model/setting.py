"""VoiceWarp of one number: where its calls go when, and which callers' (guide ボイスワープ; spec section 4)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from chassis.decider import Decider, replace
from chassis.errors import Conflict, FieldError, NotFound, Rejected
from contracts import phone
from contracts.voicewarp import (
    Caller,
    Destination,
    Mode,
    SelectMode,
    StopCause,
    VoiceWarpChanged,
    VoiceWarpStarted,
    VoiceWarpStopped,
)

CATEGORY = "voicewarp"
MOST_DESTINATIONS = 4
MOST_CALLERS = 30
RING_SECONDS = range(5, 61)
DEFAULT_RING_SECONDS = 15


@dataclass(frozen=True)
class ContractNoted:
    """What auth said of the number in one contract: whether it is in it, and with the option VoiceWarp."""

    number: str
    contract_number: str
    held: bool
    contracted: bool
    sequence: str


Event = ContractNoted | VoiceWarpChanged | VoiceWarpStarted | VoiceWarpStopped
PRIVATE_EVENTS = (ContractNoted,)


@dataclass(frozen=True)
class Claim:
    """A contract's last word on the number. One that has let it go is kept, to know older words that come late."""

    held: bool
    contracted: bool
    sequence: str


@dataclass(frozen=True)
class Setting:
    """The setting of one number. It belongs to the contract that has the number: whoever gets it next begins anew.

    `claims` by contract number; `active` counts from 1.
    """

    number: str = ""
    claims: Mapping[str, Claim] = field(default_factory=dict)
    started: bool = False
    mode: Mode = "no-answer"
    ring_seconds: int = DEFAULT_RING_SECONDS
    destinations: tuple[Destination, ...] = ()
    active: int | None = None
    select: SelectMode = "off"
    callers: tuple[Caller, ...] = ()

    @property
    def contract_number(self) -> str:
        """The contract that has the number; "" when none has. While the news of a move have reached us only in part
        two may have it: then the one that is first by its number."""
        return min((contract for contract, claim in self.claims.items() if claim.held), default="")

    @property
    def contracted(self) -> bool:
        """Whether the number has the option."""
        return any(claim.held and claim.contracted for claim in self.claims.values())

    @property
    def destination(self) -> str | None:
        """Where calls are forwarded to while it is started; None when no destination is active."""
        return self.destinations[self.active - 1].number if self.active else None


@dataclass(frozen=True)
class NoteContract:
    """The number as a contract has it now. An older `sequence` of the same contract changes nothing."""

    number: str
    contract_number: str
    held: bool
    contracted: bool
    sequence: str


@dataclass(frozen=True)
class EditSetting:
    """All of it anew; `started` None leaves that as it is. `loops` are destinations that lead back to the number."""

    mode: Mode
    ring_seconds: int
    destinations: tuple[Destination, ...]
    active: int | None
    select: SelectMode
    callers: tuple[Caller, ...]
    started: bool | None
    loops: frozenset[str] = frozenset()


@dataclass(frozen=True)
class AddCaller:
    """One more caller on the list."""

    caller: Caller


@dataclass(frozen=True)
class DropCaller:
    """One caller less."""

    number: str


@dataclass(frozen=True)
class Start:
    """Forward from now on. `walked` are the destinations that were looked at for loops, `loops` those that have one."""

    walked: frozenset[str] = frozenset()
    loops: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Stop:
    """Let the telephone ring again."""


Command = NoteContract | EditSetting | AddCaller | DropCaller | Start | Stop


def evolve(setting: Setting, event: Event) -> Setting:
    match event:
        case ContractNoted():
            return _noted(setting, event)
        case VoiceWarpChanged(_, _, mode, ring_seconds, destinations, active, select, callers):
            calls = replace(setting, mode=mode, ring_seconds=ring_seconds, destinations=destinations, active=active)
            return replace(calls, select=select, callers=callers)
        case VoiceWarpStarted():
            return replace(setting, started=True)
        case VoiceWarpStopped():
            return replace(setting, started=False)
        case _:
            assert_never(event)


def _noted(setting: Setting, noted: ContractNoted) -> Setting:
    claims = {**setting.claims, noted.contract_number: Claim(noted.held, noted.contracted, noted.sequence)}
    known = replace(setting, number=noted.number, claims=claims)
    same = known.contract_number == setting.contract_number
    return known if same else Setting(number=noted.number, claims=claims)


def decide(command: Command, setting: Setting) -> list[Event]:
    match command:
        case NoteContract():
            return _note_contract(command, setting)
        case _ if not setting.contracted:
            raise NotFound("not-found")
        case EditSetting():
            return _edit(command, setting)
        case AddCaller(caller):
            return _add_caller(caller, setting)
        case DropCaller(number):
            return _drop_caller(number, setting)
        case Start():
            return _start(command, setting)
        case Stop():
            return [_stopped(setting, "manual")] if setting.started else []
        case _:
            assert_never(command)


def _note_contract(command: NoteContract, setting: Setting) -> list[Event]:
    """What ran ends when the option ends, or when the number goes to another contract."""
    earlier = setting.claims.get(command.contract_number)
    if command.sequence <= (earlier.sequence if earlier else ""):
        return []
    noted = ContractNoted(command.number, command.contract_number, command.held, command.contracted, command.sequence)
    after = evolve(setting, noted)
    goes_on = after.contracted and after.contract_number == setting.contract_number
    return [noted] if goes_on or not setting.started else [_stopped(setting, "contract-ended"), noted]


def _edit(command: EditSetting, setting: Setting) -> list[Event]:
    _check(command, setting)
    wanted = setting.started if command.started is None else command.started
    if wanted and command.active is None:
        raise Rejected("no-active-destination", field="active")
    changed = _changed(setting, command)
    events: list[Event] = [changed] if changed != _unchanged(setting) else []
    if wanted != setting.started:
        after = evolve(setting, changed)
        events.append(_started(after) if wanted else _stopped(after, "manual"))
    return events


def _changed(setting: Setting, wanted: EditSetting | Setting) -> VoiceWarpChanged:
    return VoiceWarpChanged(
        setting.number,
        setting.contract_number,
        wanted.mode,
        wanted.ring_seconds,
        wanted.destinations,
        wanted.active,
        wanted.select,
        wanted.callers,
    )


def _unchanged(setting: Setting) -> VoiceWarpChanged:
    return _changed(setting, setting)


def _add_caller(caller: Caller, setting: Setting) -> list[Event]:
    """The same one again changes nothing; with another label it is a mistake of somebody."""
    if caller in setting.callers:
        return []
    if any(caller.number == listed.number for listed in setting.callers):
        raise Rejected("caller-already-registered", field="number")
    if refusal := phone.caller_refusal(caller.number):
        raise Rejected("caller-not-allowed", errors=[FieldError("number", refusal, phone.CALLER_MESSAGES[refusal])])
    if len(setting.callers) >= MOST_CALLERS:
        raise Rejected("too-many-callers", field="number", most=MOST_CALLERS)
    return [_changed(setting, replace(setting, callers=(*setting.callers, caller)))]


def _drop_caller(number: str, setting: Setting) -> list[Event]:
    left = tuple(caller for caller in setting.callers if caller.number != number)
    if left == setting.callers:
        raise NotFound("not-found")
    return [_changed(setting, replace(setting, callers=left))]


def _start(command: Start, setting: Setting) -> list[Event]:
    if setting.started:
        return []
    if setting.destination is None:
        raise Rejected("no-active-destination", field="active")
    if setting.destination not in command.walked:
        raise Conflict("lost-race")
    if setting.destination in command.loops:
        raise Rejected("destination-not-allowed", errors=[_loop(setting.active or 1, setting.destination)])
    return [_started(setting)]


def _started(setting: Setting) -> VoiceWarpStarted:
    return VoiceWarpStarted(setting.number, setting.contract_number, setting.destination or "")


def _stopped(setting: Setting, cause: StopCause) -> VoiceWarpStopped:
    return VoiceWarpStopped(setting.number, setting.contract_number, cause)


def _check(command: EditSetting, setting: Setting) -> None:
    if command.ring_seconds not in RING_SECONDS:
        raise Rejected("ring-seconds-out-of-range", field="ring_seconds")
    if len(command.destinations) > MOST_DESTINATIONS:
        raise Rejected("too-many-destinations", field="destinations", most=MOST_DESTINATIONS)
    if len(command.callers) > MOST_CALLERS:
        raise Rejected("too-many-callers", field="select.callers", most=MOST_CALLERS)
    _check_repeated(command)
    _refuse("destination-not-allowed", _destination_errors(command, setting))
    _refuse("caller-not-allowed", _caller_errors(command.callers))
    if command.active is not None and not 0 < command.active <= len(command.destinations):
        raise Rejected("no-such-destination", field="active")


def _check_repeated(command: EditSetting) -> None:
    destinations = _repeated("destinations", [destination.number for destination in command.destinations])
    callers = _repeated("select.callers", [caller.number for caller in command.callers])
    _refuse("repeated-number", [*destinations, *callers])


def _repeated(path: str, numbers: Sequence[str]) -> list[FieldError]:
    counted = Counter(numbers)
    # An empty number is refused as such.
    twice = [place for place, number in enumerate(numbers) if number and counted[number] > 1]
    return [FieldError(f"{path}.{place}.number", "repeated-number") for place in twice]


def _destination_errors(command: EditSetting, setting: Setting) -> list[FieldError]:
    """A loop that others have closed meanwhile keeps nobody from mending something else, only from a start."""
    known = {destination.number for destination in setting.destinations}
    errors = []
    for place, number in enumerate((destination.number for destination in command.destinations), 1):
        starts = place == command.active and bool(command.started) and not setting.started
        if error := _destination_error(place, number, setting.number):
            errors.append(error)
        elif number in command.loops and (number not in known or starts):
            errors.append(_loop(place, number))
    return errors


def _destination_error(place: int, number: str, own: str) -> FieldError | None:
    path = f"destinations.{place - 1}.number"
    if refusal := phone.refusal(number):
        return FieldError(path, refusal, phone.MESSAGES[refusal])
    return FieldError(path, "own-number", phone.OWN_NUMBER) if number == own else None


def _loop(place: int, number: str) -> FieldError:
    return FieldError(f"destinations.{place - 1}.number", "loop", phone.loop_message(number))


def _caller_errors(callers: Sequence[Caller]) -> list[FieldError]:
    refusals = [(place, phone.caller_refusal(caller.number)) for place, caller in enumerate(callers)]
    return [
        FieldError(f"select.callers.{place}.number", refusal, phone.CALLER_MESSAGES[refusal])
        for place, refusal in refusals
        if refusal
    ]


def _refuse(code: str, errors: Sequence[FieldError]) -> None:
    if errors:
        raise Rejected(code, errors=list(errors))


DECIDER: Decider[Setting] = Decider(Setting(), decide, evolve)
