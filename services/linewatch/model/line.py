"""The rules by which alarms make a fault (spec section 7; RFC 8632 and X.733 for the words).

An alarm is a state of one thing at one source, raised and cleared by messages that may come twice, late and in any
order. All alarms of a line that count are one fault, from the first raised to the last cleared.

A line that goes up and down too often is flapping: it counts as faulted and nothing is said of it, until it has been
still for a while. The times of messages decide what is true of a line; our own clock decides how often it has changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, assert_never

from chassis.decider import Decider, replace
from contracts.linewatch import (
    SEVERITIES,
    LineFaulted,
    LineFaultWorsened,
    LineFlapping,
    LineRecovered,
    LineTested,
    Severity,
)

CATEGORY = "line"
# A line remembers when its last so many alarms were cleared, to know a late message for one.
MOST_CLEARED = 200
# And when it last went up or down; a setting may count fewer.
MOST_CHANGES = 100

IgnoredBecause = Literal["already-raised", "recovery-before-fault", "older-than-recovery", "older-than-fault"]


@dataclass(frozen=True)
class AlarmRaised:
    """An alarm is open, or open with another severity than before. `slight`: it makes no fault, nor does `planned`.

    `since` is when it was first raised, `at` the time of this message, `received` when it came by our clock (None: it
    was not kept then). `area`: it was raised for all lines of that area; else "".
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
    received: datetime | None = None
    area: str = ""


@dataclass(frozen=True)
class AlarmCleared:
    """An open alarm is over."""

    key: str
    source: str
    message_id: str
    at: datetime
    received: datetime | None = None


@dataclass(frozen=True)
class AlarmIgnored:
    """A message that changes nothing, and why. `at` is the message's time."""

    key: str
    source: str
    message_id: str
    reason: IgnoredBecause
    at: datetime


@dataclass(frozen=True)
class ChangeKept:
    """The line went up or down at `at`, and nothing is said of it before `quiet_until`."""

    at: datetime
    quiet_until: datetime


@dataclass(frozen=True)
class StillKept:
    """It was looked at too early, as a commit asks for its earliest waking only; nothing is said before then."""

    quiet_until: datetime


@dataclass(frozen=True)
class LineSettled:
    """The line has been still for long enough: it is flapping no more."""

    at: datetime


@dataclass(frozen=True)
class LineEnded:
    """The contract has ended: its alarms are nobody's any more."""

    at: datetime


Event = (
    AlarmRaised
    | AlarmCleared
    | AlarmIgnored
    | ChangeKept
    | StillKept
    | LineSettled
    | LineEnded
    | LineFaulted
    | LineFaultWorsened
    | LineFlapping
    | LineRecovered
    | LineTested
)
PRIVATE_EVENTS = (AlarmRaised, AlarmCleared, AlarmIgnored, ChangeKept, StillKept, LineSettled, LineEnded)


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
    area: str = ""

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

    contract_number: str
    fault_id: str
    severity: Severity
    since: datetime


@dataclass(frozen=True)
class Line:
    """One contract's access line. `faults` counts its faults so far, `changes` has when it went up or down, and `kept`
    the last change of which nothing was said. `asked_for`: a waking then was asked for alone, so there will be one.
    `newest` is how far our clock, or what we took for the time of a message, has ever been."""

    alarms: Mapping[str, Alarm] = field(default_factory=dict)
    cleared: Mapping[str, Cleared] = field(default_factory=dict)
    fault: Fault | None = None
    faults: int = 0
    changes: tuple[datetime, ...] = ()
    flapping: bool = False
    kept: ChangeKept | None = None
    asked_for: datetime | None = None
    newest: datetime | None = None

    @property
    def is_down(self) -> bool:
        """By its alarms; what was said of it may lag behind."""
        return any(alarm.counts for alarm in self.alarms.values())


@dataclass(frozen=True)
class Rules:
    """What an operator sets. Alarms slighter than `least` make no fault. More than `most_changes` in `within` is
    flapping, until the line has been still for `stable`. A recovery that comes within `hold` of its fault is said only
    when it has lasted as long, because it may be the beginning of flapping."""

    least: Severity = "minor"
    most_changes: int = 3
    within: timedelta = timedelta(minutes=5)
    stable: timedelta = timedelta(seconds=60)
    hold: timedelta = timedelta(seconds=1)


@dataclass(frozen=True)
class Raise:
    """A monitoring system says that an alarm is open since `at`; we have known it since `received`. `timed` false: it
    said no time."""

    contract_number: str
    source: str
    alarm: str
    message_id: str
    severity: Severity
    cause: str
    planned: bool
    at: datetime
    received: datetime
    rules: Rules
    area: str = ""
    timed: bool = True


@dataclass(frozen=True)
class Clear:
    """A monitoring system says that an alarm is over since `at`; as `Raise`."""

    contract_number: str
    source: str
    alarm: str
    message_id: str
    at: datetime
    received: datetime
    rules: Rules
    timed: bool = True


@dataclass(frozen=True)
class LeaveArea:
    """The line is none of the area's any more; what was raised for the area is none of the line's."""

    contract_number: str
    area: str
    at: datetime
    rules: Rules


@dataclass(frozen=True)
class TryOut:
    """A monitoring system wants to see that what it says arrives; nothing is true of the line."""

    contract_number: str
    source: str
    faulted: bool
    severity: Severity
    cause: str
    at: datetime


@dataclass(frozen=True)
class Wake:
    """The line may have been still for long enough."""

    at: datetime


@dataclass(frozen=True)
class EndLine:
    """auth: the contract has ended."""

    contract_number: str
    at: datetime


Command = Raise | Clear | TryOut | LeaveArea | Wake | EndLine


def evolve(line: Line, event: Event) -> Line:
    match event:
        case AlarmRaised():
            raised = _with_alarms(line, {**line.alarms, event.key: _opened(event)}, event.received)
            return replace(raised, newest=_newest(line, event.at, event.received))
        case AlarmCleared(key=key, at=at, received=received):
            left = {other: alarm for other, alarm in line.alarms.items() if other != key}
            remembered = replace(line, cleared=_remember(line, key, Cleared(at, early=False)))
            return _with_alarms(replace(remembered, newest=_newest(line, at, received)), left, received)
        case AlarmIgnored(key=key, reason="recovery-before-fault", at=at):
            cleared = _remember(line, key, Cleared(at, early=True))
            return replace(line, cleared=cleared, newest=_newest(line, at))
        case AlarmIgnored(key=key, reason="already-raised", at=at):
            known = line.alarms[key]
            alarms = {**line.alarms, key: replace(known, latest=max(at, known.latest))}
            return replace(line, alarms=alarms, newest=_newest(line, at))
        case AlarmIgnored() | LineTested():
            return line
        case ChangeKept():
            return replace(line, kept=event)
        case StillKept(quiet_until):
            return replace(line, asked_for=quiet_until)
        case LineFaulted(contract_number=number, fault_id=fault_id, severity=severity, since=since):
            return replace(line, fault=Fault(number, fault_id, severity, since), faults=line.faults + 1)
        case LineFaultWorsened(contract_number=number, fault_id=fault_id, severity=severity, since=since):
            return replace(line, fault=Fault(number, fault_id, severity, since))
        case LineFlapping():
            return replace(line, flapping=True)
        case LineSettled():
            return replace(line, flapping=False, kept=None, changes=())
        case LineRecovered():
            return replace(line, fault=None, kept=None)
        case LineEnded():
            return Line(faults=line.faults, fault=line.fault)
        case _:
            assert_never(event)


def decide(command: Command, line: Line) -> list[Event]:
    match command:
        case Raise():
            return _raise(joined(command.source, command.alarm), replace(command, at=_time_of(command, line)), line)
        case Clear():
            return _clear(joined(command.source, command.alarm), replace(command, at=_time_of(command, line)), line)
        case TryOut(contract_number, source, faulted, severity, cause, at):
            return [LineTested(contract_number, source, faulted, severity, cause, at)]
        case LeaveArea():
            return _leave_area(command, line)
        case Wake(at):
            return _wake(at, line)
        case EndLine(contract_number, at):
            ended = LineEnded(at)
            return [ended, *_news(contract_number, evolve(line, ended), at)]
        case _:
            assert_never(command)


def joined(source: str, name: str) -> str:
    """One text for what a source calls so; no other pair has the same."""
    return f"{source.replace('%', '%25').replace('|', '%7C')}|{name}"


def alarm_of(key: str) -> str:
    """The alarm's name at its source, which a recovery has to carry; "" for a source's only alarm of a line."""
    return key.partition("|")[2]


def _time_of(command: Raise | Clear, line: Line) -> datetime:
    """When we take it to have happened. A sender's clock that is ahead of ours must not make the messages that come
    after look old; nor must our own, when it is set back or when another process' was ahead of this one's."""
    ours = max(command.received, line.newest or command.received)
    if not command.timed:
        return ours
    return min(command.at, ours) if ours == command.received else command.at


def _newest(line: Line, at: datetime, received: datetime | None = None) -> datetime:
    return max(known for known in (line.newest, at, received) if known)


def _raise(key: str, command: Raise, line: Line) -> list[Event]:
    if reason := _why_not_raise(key, command, line):
        return [AlarmIgnored(key, command.source, command.message_id, reason, command.at)]
    slight = SEVERITIES.index(command.severity) < SEVERITIES.index(command.rules.least)
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
        received=command.received,
        area=command.area,
    )
    return [raised, *_consequence(line, evolve(line, raised), command)]


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
    cleared = AlarmCleared(key, command.source, command.message_id, command.at, command.received)
    return [cleared, *_consequence(line, evolve(line, cleared), command)]


def _leave_area(command: LeaveArea, line: Line) -> list[Event]:
    cleared: list[Event] = [
        AlarmCleared(key, alarm.source, alarm.message_id, command.at, command.at)
        for key, alarm in line.alarms.items()
        if alarm.area == command.area
    ]
    return [*cleared, *_consequence(line, DECIDER.fold(cleared, line), command)] if cleared else []


def _consequence(before: Line, after: Line, command: Raise | Clear | LeaveArea) -> list[Event]:
    """What is said of the line now that its alarms are others, and what is kept until it is known to last."""
    rules, received = command.rules, command.at if isinstance(command, LeaveArea) else command.received
    changed = before.is_down != after.is_down
    if after.flapping:
        return [ChangeKept(command.at, received + rules.stable)] if changed else []
    news = _news(command.contract_number, after, command.at)
    if changed and _changes(after, received - rules.within) > rules.most_changes:
        return _flapping(after, news, ChangeKept(command.at, received + rules.stable), received - rules.within)
    if after.fault and not after.is_down:
        if changed and _lasted(after) < rules.hold:
            return [ChangeKept(command.at, received + rules.hold)]
        return [] if after.kept and received < after.kept.quiet_until else news
    return news


def _flapping(line: Line, news: list[Event], kept: ChangeKept, since: datetime) -> list[Event]:
    """A fault that was not said yet is said; a recovery that may be none is not."""
    said = [event for event in news if not isinstance(event, LineRecovered)]
    fault = DECIDER.fold(said, line).fault
    if fault is None:
        return news
    flapping = LineFlapping(fault.contract_number, fault.fault_id, _changes(line, since), fault.since)
    return [*said, flapping, kept]


def _changes(line: Line, since: datetime) -> int:
    return sum(at > since for at in line.changes)


def _lasted(line: Line) -> timedelta:
    """How long the state before the last change lasted."""
    return line.changes[-1] - line.changes[-2] if len(line.changes) > 1 else timedelta.max


def _wake(at: datetime, line: Line) -> list[Event]:
    if line.fault is None or line.kept is None:
        return []
    if at < line.kept.quiet_until:
        return [] if line.asked_for == line.kept.quiet_until else [StillKept(line.kept.quiet_until)]
    settled: list[Event] = [LineSettled(at)] if line.flapping else []
    return [*settled, *_news(line.fault.contract_number, DECIDER.fold(settled, line), line.kept.at)]


def _news(contract_number: str, line: Line, at: datetime) -> list[Event]:
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
    return Alarm(*name, event.planned, event.slight, event.since, latest=event.at, area=event.area)


def _with_alarms(line: Line, alarms: Mapping[str, Alarm], received: datetime | None) -> Line:
    after = replace(line, alarms=alarms)
    if received is None or after.is_down == line.is_down:
        return after
    return replace(after, changes=(*line.changes, received)[-MOST_CHANGES:])


def _remember(line: Line, key: str, cleared: Cleared) -> Mapping[str, Cleared]:
    """The newest come last, and a late recovery never moves an alarm's end back."""
    before = line.cleared.get(key)
    newest = before if before and before.at > cleared.at else cleared
    others = {other: value for other, value in line.cleared.items() if other != key}
    kept = dict(list(others.items())[-(MOST_CLEARED - 1) :])
    return {**kept, key: newest}


def wake_at(event: Event, _after: Line) -> datetime | None:
    """When a line wants to be looked at again."""
    return event.quiet_until if isinstance(event, ChangeKept | StillKept) else None


DECIDER: Decider[Line] = Decider(Line(), decide, evolve)
