"""The rules by which alarms make a fault (spec section 7; RFC 8632 and X.733 for the words).

An alarm is a state of one thing at one source, raised and cleared by messages that may come twice, late and in any
order. All alarms of a line that count are one fault, from the first raised to the last cleared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, assert_never

from chassis.decider import Decider
from contracts.linewatch import SEVERITIES, LineFaulted, LineFaultWorsened, LineRecovered, Severity

CATEGORY = "line"
# A line remembers when its last so many alarms were cleared, to know a late message for one.
MOST_CLEARED = 200

IgnoredBecause = Literal["already-raised", "recovery-before-fault", "older-than-recovery", "older-than-fault"]


@dataclass(frozen=True)
class AlarmRaised:
    """An alarm is open, or open with another severity than before. `slight`: it makes no fault, nor does `planned`.

    `since` is when it was first raised, `at` the time of this message.
    """

    key: str
    source: str
    message_id: str
    severity: Severity
    cause: str
    planned: bool
    slight: bool
    since: datetime
    at: datetime


@dataclass(frozen=True)
class AlarmCleared:
    """An open alarm is over."""

    key: str
    source: str
    message_id: str
    at: datetime


@dataclass(frozen=True)
class AlarmIgnored:
    """A message that changes nothing, and why. `at` is the message's time."""

    key: str
    source: str
    message_id: str
    reason: IgnoredBecause
    at: datetime


@dataclass(frozen=True)
class LineEnded:
    """The contract has ended: its alarms are nobody's any more."""

    at: datetime


Event = LineEnded | AlarmRaised | AlarmCleared | AlarmIgnored | LineFaulted | LineFaultWorsened | LineRecovered
PRIVATE_EVENTS = (LineEnded, AlarmRaised, AlarmCleared, AlarmIgnored)


@dataclass(frozen=True)
class Alarm:
    """An open alarm. `latest` is the time of the newest message that said so."""

    source: str
    message_id: str
    severity: Severity
    cause: str
    planned: bool
    slight: bool
    since: datetime
    latest: datetime

    @property
    def counts(self) -> bool:
        return not self.planned and not self.slight


@dataclass(frozen=True)
class Cleared:
    """When an alarm was last over; `early`: its recovery came before any fault of it."""

    at: datetime
    early: bool


@dataclass(frozen=True)
class Fault:
    """The open fault of a line."""

    fault_id: str
    severity: Severity
    since: datetime


@dataclass(frozen=True)
class Line:
    """One contract's access line. `faults` counts its faults so far."""

    alarms: Mapping[str, Alarm] = field(default_factory=dict)
    cleared: Mapping[str, Cleared] = field(default_factory=dict)
    fault: Fault | None = None
    faults: int = 0


@dataclass(frozen=True)
class Raise:
    """A monitoring system says that an alarm is open since `at`. `least`: slighter ones make no fault."""

    contract_number: str
    source: str
    alarm: str
    message_id: str
    severity: Severity
    cause: str
    planned: bool
    at: datetime
    least: Severity


@dataclass(frozen=True)
class Clear:
    """A monitoring system says that an alarm is over since `at`."""

    contract_number: str
    source: str
    alarm: str
    message_id: str
    at: datetime


@dataclass(frozen=True)
class EndLine:
    """auth: the contract has ended."""

    contract_number: str
    at: datetime


Command = Raise | Clear | EndLine


def evolve(line: Line, event: Event) -> Line:
    match event:
        case AlarmRaised():
            return replace(line, alarms={**line.alarms, event.key: _opened(event)})
        case AlarmCleared(key=key, at=at):
            left = {other: alarm for other, alarm in line.alarms.items() if other != key}
            return replace(line, alarms=left, cleared=_remember(line, key, Cleared(at, early=False)))
        case AlarmIgnored(key=key, reason="recovery-before-fault", at=at):
            return replace(line, cleared=_remember(line, key, Cleared(at, early=True)))
        case AlarmIgnored(key=key, reason="already-raised", at=at):
            known = line.alarms[key]
            return replace(line, alarms={**line.alarms, key: replace(known, latest=max(at, known.latest))})
        case AlarmIgnored():
            return line
        case LineFaulted(fault_id=fault_id, severity=severity, since=since):
            return replace(line, fault=Fault(fault_id, severity, since), faults=line.faults + 1)
        case LineFaultWorsened(fault_id=fault_id, severity=severity, since=since):
            return replace(line, fault=Fault(fault_id, severity, since))
        case LineRecovered():
            return replace(line, fault=None)
        case LineEnded():
            return Line(faults=line.faults, fault=line.fault)
        case _:
            assert_never(event)


def decide(command: Command, line: Line) -> list[Event]:
    match command:
        case Raise():
            return _raise(joined(command.source, command.alarm), command, line)
        case Clear():
            return _clear(joined(command.source, command.alarm), command, line)
        case EndLine(contract_number, at):
            ended = LineEnded(at)
            return [ended, *_consequence(contract_number, evolve(line, ended), at)]
        case _:
            assert_never(command)


def joined(source: str, name: str) -> str:
    """One text for what a source calls so; no other pair has the same."""
    return f"{source.replace('%', '%25').replace('|', '%7C')}|{name}"


def alarm_of(key: str) -> str:
    """The alarm's name at its source, which a recovery has to carry; "" for a source's only alarm of a line."""
    return key.partition("|")[2]


def _raise(key: str, command: Raise, line: Line) -> list[Event]:
    if reason := _why_not_raise(key, command, line):
        return [AlarmIgnored(key, command.source, command.message_id, reason, command.at)]
    slight = SEVERITIES.index(command.severity) < SEVERITIES.index(command.least)
    known = line.alarms.get(key)
    raised = AlarmRaised(
        key,
        command.source,
        command.message_id,
        command.severity,
        command.cause,
        command.planned,
        slight,
        since=known.since if known else command.at,
        at=command.at,
    )
    return [raised, *_consequence(command.contract_number, evolve(line, raised), command.at)]


def _why_not_raise(key: str, command: Raise, line: Line) -> IgnoredBecause | None:
    """An open alarm is news only with another severity or plan, and not older than what is known of it; one that is
    over by now is none at all."""
    known, over = line.alarms.get(key), line.cleared.get(key)
    same = known and (known.severity, known.planned) == (command.severity, command.planned)
    if known and (same or _before(command.at, known.latest)):
        return "already-raised"
    if not known and over and (_before(command.at, over.at) or (over.early and not _before(over.at, command.at))):
        return "older-than-recovery"
    return None


def _before(one: datetime, other: datetime) -> bool:
    """By whole seconds, which is what many sources send: within one second the order of arrival counts."""
    return one.replace(microsecond=0) < other.replace(microsecond=0)


def _clear(key: str, command: Clear, line: Line) -> list[Event]:
    known = line.alarms.get(key)
    if known is None or _before(command.at, known.latest):
        reason: IgnoredBecause = "recovery-before-fault" if known is None else "older-than-fault"
        return [AlarmIgnored(key, command.source, command.message_id, reason, command.at)]
    cleared = AlarmCleared(key, command.source, command.message_id, command.at)
    return [cleared, *_consequence(command.contract_number, evolve(line, cleared), command.at)]


def _consequence(contract_number: str, line: Line, at: datetime) -> list[Event]:
    """What the alarms that are open now mean for the line."""
    counting = [alarm for alarm in line.alarms.values() if alarm.counts]
    if not counting:
        fault = line.fault
        return [LineRecovered(contract_number, fault.fault_id, fault.since, max(at, fault.since))] if fault else []
    worst = max(counting, key=lambda alarm: SEVERITIES.index(alarm.severity))
    if line.fault is None:
        since = min(alarm.since for alarm in counting)
        return [
            LineFaulted(contract_number, f"{contract_number}-{line.faults + 1}", worst.severity, worst.cause, since)
        ]
    if SEVERITIES.index(worst.severity) > SEVERITIES.index(line.fault.severity):
        return [LineFaultWorsened(contract_number, line.fault.fault_id, worst.severity, worst.cause, line.fault.since)]
    return []


def _opened(event: AlarmRaised) -> Alarm:
    name = (event.source, event.message_id, event.severity, event.cause)
    return Alarm(*name, event.planned, event.slight, event.since, latest=event.at)


def _remember(line: Line, key: str, cleared: Cleared) -> Mapping[str, Cleared]:
    """The newest come last, and a late recovery never moves an alarm's end back."""
    before = line.cleared.get(key)
    newest = before if before and before.at > cleared.at else cleared
    others = {other: value for other, value in line.cleared.items() if other != key}
    kept = dict(list(others.items())[-(MOST_CLEARED - 1) :])
    return {**kept, key: newest}


DECIDER: Decider[Line] = Decider(Line(), decide, evolve)
