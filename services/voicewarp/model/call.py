"""One call: what the switch asked and was told, and what it says became of it. Both are said once, however often the
switch says them."""

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from chassis.decider import Decider, replace
from chassis.errors import Conflict, NotFound, Rejected
from contracts.voicewarp import CallEnded, CallOutcome, CallReceived, Step
from services.voicewarp.model.routing import Decision

CATEGORY = "call"

Event = CallReceived | CallEnded


@dataclass(frozen=True)
class Call:
    """A call; both are None before the first word of it."""

    received: CallReceived | None = None
    ended: CallEnded | None = None


@dataclass(frozen=True)
class ReceiveCall:
    """The switch asks, and `decision` is the answer of this moment."""

    call_id: str
    called: str
    contract_number: str
    caller: str | None
    at: datetime
    decision: Decision


@dataclass(frozen=True)
class EndCall:
    """The switch says what became of the call, and may say when; `now` is when it was heard."""

    outcome: CallOutcome
    at: datetime | None
    now: datetime


Command = ReceiveCall | EndCall


def evolve(call: Call, event: Event) -> Call:
    match event:
        case CallReceived():
            return replace(call, received=event)
        case CallEnded():
            return replace(call, ended=event)
        case _:
            assert_never(event)


def decide(command: Command, call: Call) -> list[Event]:
    match command:
        case ReceiveCall():
            return _receive(command, call)
        case EndCall():
            return _end(command, call)
        case _:
            assert_never(command)


def _receive(command: ReceiveCall, call: Call) -> list[Event]:
    """The first answer stands: the same question again is no new call, whatever has been set meanwhile."""
    before = call.received
    if before is None:
        return [_received(command, command.decision)]
    if (before.called, before.caller, before.received_at) != (command.called, command.caller, command.at):
        raise Conflict("call-differs")
    return []


def _received(command: ReceiveCall, decision: Decision) -> CallReceived:
    return CallReceived(
        command.call_id,
        command.called,
        command.contract_number,
        command.caller,
        decision.now,
        decision.on_busy,
        decision.on_no_answer,
        decision.reason,
        command.at,
    )


def _end(command: EndCall, call: Call) -> list[Event]:
    if call.received is None:
        raise NotFound("unknown-call")
    if call.ended is None:
        return [_ended(command, call.received)]
    if call.ended.outcome != command.outcome:
        raise Conflict("outcome-differs")
    return []


def _ended(command: EndCall, received: CallReceived) -> CallEnded:
    # The switch's clock may be ahead of ours.
    at = command.at or max(command.now, received.received_at)
    if at < received.received_at:
        raise Rejected("ended-before-it-began", field="at")
    return CallEnded(
        received.call_id,
        received.called,
        received.contract_number,
        received.caller,
        command.outcome,
        destination(received) if command.outcome == "forwarded" else None,
        received.received_at,
        at,
    )


def destination(received: CallReceived) -> str | None:
    """Where the switch was told to forward the call, at once or later; None when nowhere."""
    steps: tuple[Step | None, ...] = (received.now, received.on_busy, received.on_no_answer)
    return next((step.to for step in steps if step and step.to), None)


DECIDER: Decider[Call] = Decider(Call(), decide, evolve)
