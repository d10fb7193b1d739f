"""The rules of bulk forwarding (guide 一括転送機能, 一括転送自動開始/停止設定; spec section 6).

One plan per contract. A fault starts it once; the recovery of that fault stops only what the fault started. What a
customer does by hand always wins.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never

from chassis.decider import Decider, replace
from chassis.errors import FieldError, NotFound, Rejected
from contracts import phone
from contracts.bulkforward import (
    BulkForwardAutomationChanged,
    BulkForwardAutoStartSkipped,
    BulkForwardAutoStopSkipped,
    BulkForwardEntriesChanged,
    BulkForwardStarted,
    BulkForwardStopped,
    StartCause,
    StartSkipped,
    StopCause,
    StopSkipped,
)

CATEGORY = "plan"
MOST_ENTRIES = 200


@dataclass(frozen=True)
class ContractNoted:
    """What auth said of the contract: its numbers, and whether it has the option bulk forwarding."""

    contract_number: str
    contracted: bool
    numbers: tuple[str, ...]
    sequence: str


@dataclass(frozen=True)
class FaultNoted:
    """The line has a fault; `wait_for_worse`: it was too slight to start anything."""

    fault_id: str
    wait_for_worse: bool
    sequence: str


@dataclass(frozen=True)
class RecoveryNoted:
    """The fault is over."""

    fault_id: str
    sequence: str


Event = (
    ContractNoted
    | FaultNoted
    | RecoveryNoted
    | BulkForwardEntriesChanged
    | BulkForwardAutomationChanged
    | BulkForwardStarted
    | BulkForwardStopped
    | BulkForwardAutoStartSkipped
    | BulkForwardAutoStopSkipped
)
PRIVATE_EVENTS = (ContractNoted, FaultNoted, RecoveryNoted)


@dataclass(frozen=True)
class Running:
    """Forwarding is on. `cause` is `fault` as long as no hand has touched what a fault started."""

    cause: StartCause
    since: datetime


@dataclass(frozen=True)
class Fault:
    """The open fault of the line."""

    fault_id: str
    wait_for_worse: bool


@dataclass(frozen=True)
class Plan:
    """The plan of one contract. Both automations are on until a customer switches them off.

    The sequences are those of the last news of the contract and of its line: older news that comes late, from a
    dead letter that is taken again, changes nothing.
    """

    contract_number: str = ""
    contracted: bool = False
    contract_sequence: str = ""
    numbers: tuple[str, ...] = ()
    entries: Mapping[str, str] = field(default_factory=dict)
    auto_start: bool = True
    auto_stop: bool = True
    running: Running | None = None
    fault: Fault | None = None
    line_sequence: str = ""


@dataclass(frozen=True)
class NoteContract:
    """The contract as auth has it now; `numbers` is empty when it has ended. An older `sequence` changes nothing."""

    contract_number: str
    contracted: bool
    numbers: tuple[str, ...]
    sequence: str


@dataclass(frozen=True)
class EditPlan:
    """All entries anew; an automation that is None stays as it is. `by_file`: a CSV file wants it. `forwards` is where
    calls to numbers may go that the entries lead to: by VoiceWarp, and by the plans of other contracts."""

    entries: Mapping[str, str]
    auto_start: bool | None
    auto_stop: bool | None
    by_file: bool = False
    forwards: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class SetEntry:
    """One entry, new or changed; `forwards` as for `EditPlan`."""

    number: str
    destination: str
    forwards: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class DropEntry:
    """One entry less."""

    number: str


@dataclass(frozen=True)
class StartNow:
    """By hand: forward from now on."""

    at: datetime


@dataclass(frozen=True)
class StopNow:
    """By hand: let the telephones ring again."""


@dataclass(frozen=True)
class NoteFault:
    """The line has a fault, or it got worse; `grave` enough to start forwarding by itself, or not."""

    contract_number: str
    fault_id: str
    grave: bool
    at: datetime
    sequence: str


@dataclass(frozen=True)
class NoteRecovery:
    """The fault is over."""

    contract_number: str
    fault_id: str
    sequence: str


Command = NoteContract | EditPlan | SetEntry | DropEntry | StartNow | StopNow | NoteFault | NoteRecovery


def evolve(plan: Plan, event: Event) -> Plan:
    match event:
        case ContractNoted(contract_number, contracted, numbers, sequence):
            noted = replace(plan, contract_number=contract_number, contracted=contracted)
            return replace(noted, numbers=numbers, contract_sequence=sequence)
        case BulkForwardEntriesChanged(entries=entries):
            return replace(plan, entries=entries)
        case BulkForwardAutomationChanged(auto_start=auto_start, auto_stop=auto_stop):
            return replace(plan, auto_start=auto_start, auto_stop=auto_stop)
        case BulkForwardStarted(cause=cause, since=since):
            return replace(plan, running=Running(cause, since))
        case BulkForwardStopped():
            return replace(plan, running=None, fault=_answered(plan.fault))
        case FaultNoted(fault_id, wait_for_worse, sequence):
            return replace(plan, fault=Fault(fault_id, wait_for_worse), line_sequence=sequence)
        case RecoveryNoted(sequence=sequence):
            return replace(plan, fault=None, line_sequence=sequence)
        case BulkForwardAutoStartSkipped() | BulkForwardAutoStopSkipped():
            return plan
        case _:
            assert_never(event)


def decide(command: Command, plan: Plan) -> list[Event]:
    match command:
        case NoteContract():
            return _note_contract(command, plan)
        case NoteFault():
            return _note_fault(command, plan)
        case NoteRecovery():
            return _note_recovery(command, plan)
        case _ if not plan.contracted:
            raise NotFound("not-found")
        case EditPlan():
            return _edit(command, plan)
        case SetEntry(number, destination, forwards):
            return _change_entries(plan, {**plan.entries, number: destination}, forwards)
        case DropEntry(number):
            return _drop(number, plan)
        case StartNow(at):
            return _start_by_hand(at, plan)
        case StopNow():
            return [_stopped(plan, "manual")] if plan.running else []
        case _:
            assert_never(command)


def _note_contract(command: NoteContract, plan: Plan) -> list[Event]:
    """Ends what ran on numbers that are gone, and everything when the option is gone; the rest stays."""
    if command.sequence <= plan.contract_sequence:
        return []
    noted = ContractNoted(command.contract_number, command.contracted, command.numbers, command.sequence)
    kept = {number: to for number, to in plan.entries.items() if number in command.numbers}
    events: list[Event] = [noted]
    if kept != dict(plan.entries):
        events.append(_entries_changed(replace(plan, contract_number=command.contract_number), kept))
    if plan.running and not (command.contracted and kept):
        events.append(_stopped(plan, "contract-ended"))
    return events


def _edit(command: EditPlan, plan: Plan) -> list[Event]:
    start = plan.auto_start if command.auto_start is None else command.auto_start
    stop = plan.auto_stop if command.auto_stop is None else command.auto_stop
    events = _change_entries(plan, command.entries, command.forwards, command.by_file)
    if (start, stop) != (plan.auto_start, plan.auto_stop):
        events.append(BulkForwardAutomationChanged(plan.contract_number, start, stop))
    return events


def _change_entries(
    plan: Plan, wanted: Mapping[str, str], forwards: Mapping[str, Sequence[str]], by_file: bool = False
) -> list[Event]:
    _check_entries(plan, wanted, forwards)
    if dict(wanted) == dict(plan.entries):
        return []
    changed = _entries_changed(plan, dict(sorted(wanted.items())), by_file)
    return [changed, _stopped(plan, "no-entries")] if plan.running and not wanted else [changed]


def _entries_changed(plan: Plan, entries: Mapping[str, str], by_file: bool = False) -> BulkForwardEntriesChanged:
    removed = tuple(sorted(plan.entries.keys() - entries.keys()))
    return BulkForwardEntriesChanged(plan.contract_number, entries, removed, plan.running is not None, by_file)


def _drop(number: str, plan: Plan) -> list[Event]:
    if number not in plan.entries:
        raise NotFound("not-found")
    return _change_entries(plan, {other: to for other, to in plan.entries.items() if other != number}, {})


def _start_by_hand(at: datetime, plan: Plan) -> list[Event]:
    """Takes over what a fault started, so that the recovery will not stop it."""
    if not plan.entries:
        raise Rejected("no-entries", field="entries")
    if plan.running and plan.running.cause == "manual":
        return []
    since = plan.running.since if plan.running else at
    return [BulkForwardStarted(plan.contract_number, plan.entries, "manual", since)]


def _note_fault(command: NoteFault, plan: Plan) -> list[Event]:
    """Once per fault, except that one too slight to act on is looked at again when it gets worse."""
    if command.sequence <= plan.line_sequence or not _is_news(command, plan.fault):
        return []
    noted = FaultNoted(command.fault_id, not command.grave, command.sequence)
    if reason := _why_not_start(command, plan):
        return [noted, BulkForwardAutoStartSkipped(command.contract_number, command.fault_id, reason)]
    return [noted, BulkForwardStarted(command.contract_number, plan.entries, "fault", command.at, command.fault_id)]


def _is_news(command: NoteFault, open_fault: Fault | None) -> bool:
    if open_fault is None or open_fault.fault_id != command.fault_id:
        return True
    return command.grave and open_fault.wait_for_worse


def _why_not_start(command: NoteFault, plan: Plan) -> StartSkipped | None:
    if not plan.contracted:
        return "not-contracted"
    if plan.running:
        return "already-running"
    if not plan.auto_start:
        return "switched-off"
    if not plan.entries:
        return "no-entries"
    return None if command.grave else "minor-fault"


def _note_recovery(command: NoteRecovery, plan: Plan) -> list[Event]:
    """Also of a fault that was never heard of: the newest news of the line is that it is well."""
    if command.sequence <= plan.line_sequence:
        return []
    noted = RecoveryNoted(command.fault_id, command.sequence)
    if reason := _why_not_stop(plan):
        return [noted, BulkForwardAutoStopSkipped(command.contract_number, command.fault_id, reason)]
    return [noted, _stopped(plan, "recovery", command.fault_id)]


def _why_not_stop(plan: Plan) -> StopSkipped | None:
    if not plan.running:
        return "not-running"
    if plan.running.cause == "manual":
        return "started-by-hand"
    return None if plan.auto_stop else "switched-off"


def _stopped(plan: Plan, cause: StopCause, fault_id: str | None = None) -> BulkForwardStopped:
    return BulkForwardStopped(plan.contract_number, plan.entries, cause, fault_id)


def _answered(fault: Fault | None) -> Fault | None:
    """A stop by hand is not undone by the same fault, even when it gets worse."""
    return replace(fault, wait_for_worse=False) if fault else None


def _check_entries(plan: Plan, wanted: Mapping[str, str], forwards: Mapping[str, Sequence[str]]) -> None:
    """Only what is new or changed is checked, so that an old entry never keeps a customer from mending another."""
    if len(wanted) > MOST_ENTRIES:
        raise Rejected("too-many-entries", field="entries", most=MOST_ENTRIES)
    strangers = [number for number in wanted if number not in plan.numbers]
    if strangers:
        raise Rejected(
            "number-not-in-contract", errors=[_error(number, "number-not-in-contract") for number in strangers]
        )
    changed = {number: to for number, to in wanted.items() if plan.entries.get(number) != to}
    found = [_destination_error(number, to, wanted, forwards) for number, to in changed.items()]
    errors = [error for error in found if error]
    if errors:
        raise Rejected("destination-not-allowed", errors=errors)


def _destination_error(
    number: str, destination: str, wanted: Mapping[str, str], forwards: Mapping[str, Sequence[str]]
) -> FieldError | None:
    if refusal := phone.refusal(destination):
        return _error(number, refusal, phone.MESSAGES[refusal])
    if destination == number:
        return _error(number, "own-number", phone.OWN_NUMBER)
    if _loops(number, wanted, forwards):
        return _error(number, "loop", phone.loop_message(destination))
    return None


def _loops(number: str, wanted: Mapping[str, str], forwards: Mapping[str, Sequence[str]]) -> bool:
    """Whether a call to `number` would come back to it: by this plan, by VoiceWarp, by others, or all in turn."""
    passed: set[str] = set()
    ahead = {wanted[number]}
    while ahead:
        passed |= ahead
        onward = {to for at in ahead for to in forwards.get(at, ())}
        ahead = (onward | {wanted[at] for at in ahead if at in wanted}) - passed
    return number in passed


def _error(number: str, code: str, message: str = "") -> FieldError:
    return FieldError(f"entries.{number}", code, message)


DECIDER: Decider[Plan] = Decider(Plan(), decide, evolve)
