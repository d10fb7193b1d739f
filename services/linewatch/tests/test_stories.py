"""Any order and repetition of what a monitoring system says leads to what its times say."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.testing import NOON
from contracts.linewatch import SEVERITIES, LineFaulted, LineFaultWorsened, LineRecovered, Severity
from services.linewatch.model.line import DECIDER, Clear, Line, Raise, Wake, wake_at
from services.linewatch.tests.examples import NUMBER, RULES

pytestmark = pytest.mark.slow

LEAST: Severity = RULES.least
SELDOM, AT_ONCE = timedelta(hours=1), timedelta(milliseconds=10)


@dataclass(frozen=True)
class Said:
    """One message: the alarm is open or over since `second`."""

    alarm: str
    second: int
    open: bool
    severity: Severity
    planned: bool

    def command(self, received: datetime) -> Raise | Clear:
        at, message_id = NOON + timedelta(seconds=self.second), f"{self.alarm}-{self.second}"
        if self.open:
            name = (NUMBER, "noc", self.alarm, message_id)
            return Raise(*name, self.severity, "", self.planned, at, received, RULES)
        return Clear(NUMBER, "noc", self.alarm, message_id, at, received, RULES)


SECONDS = 12
messages = st.builds(
    Said,
    alarm=st.sampled_from("abc"),
    second=st.integers(0, SECONDS),
    open=st.booleans(),
    severity=st.sampled_from(SEVERITIES),
    planned=st.sampled_from((False, False, True)),
)


@st.composite
def tellings(draw: st.DrawFn) -> list[Said]:
    """Messages that differ in time for each alarm, some of them twice, in any order."""
    said = draw(st.lists(messages, max_size=12, unique_by=lambda one: (one.alarm, one.second)))
    again = draw(st.lists(st.sampled_from(said), max_size=6)) if said else []
    return draw(st.permutations(said + again))


def is_faulted(said: list[Said]) -> bool:
    """By the newest message of each alarm alone."""
    newest = {one.alarm: one for one in sorted(said, key=lambda one: one.second)}
    return any(
        one.open and not one.planned and SEVERITIES.index(one.severity) >= SEVERITIES.index(LEAST)
        for one in newest.values()
    )


def tell(said: list[Said], every: timedelta = SELDOM) -> tuple[Line, list[object]]:
    """What comes of messages that we get at such intervals, when all has happened that they tell of."""
    line, events, first = DECIDER.initial, list[object](), NOON + timedelta(seconds=SECONDS)
    for place, one in enumerate(said):
        new = DECIDER.decide(one.command(first + place * every), line)
        line = DECIDER.fold(new, line)
        events += new
    return line, events


@settings(max_examples=120, deadline=None)
@given(tellings())
def test_the_newest_message_of_each_alarm_decides(said: list[Said]) -> None:
    line, _ = tell(said)

    assert (line.fault is not None) == is_faulted(said)


@settings(max_examples=60, deadline=None)
@given(tellings())
def test_faults_and_recoveries_take_turns_and_no_fault_id_comes_twice(said: list[Said]) -> None:
    _, events = tell(said)

    turns = [one for one in events if isinstance(one, LineFaulted | LineRecovered)]
    assert [isinstance(one, LineFaulted) for one in turns] == [place % 2 == 0 for place in range(len(turns))]
    assert [one.fault_id for one in turns] == [f"{NUMBER}-{place // 2 + 1}" for place in range(len(turns))]


@settings(max_examples=60, deadline=None)
@given(tellings())
def test_a_fault_only_gets_worse(said: list[Said]) -> None:
    _, events = tell(said)

    gravity = [
        (one.fault_id, SEVERITIES.index(one.severity))
        for one in events
        if isinstance(one, LineFaulted | LineFaultWorsened)
    ]
    assert gravity == sorted(set(gravity), key=lambda pair: (int(pair[0].rsplit("-", 1)[1]), pair[1]))


@settings(max_examples=60, deadline=None)
@given(tellings())
def test_telling_it_all_again_in_order_changes_nothing_that_matters(said: list[Said]) -> None:
    line, events = tell(said)

    _, again = tell([*said, *sorted(said, key=lambda one: one.second)])

    kinds = LineFaulted | LineRecovered
    assert [one for one in again if isinstance(one, kinds)] == [one for one in events if isinstance(one, kinds)]
    assert (line.fault is not None) == is_faulted(said)


@settings(max_examples=120, deadline=None)
@given(tellings())
def test_whatever_comes_at_once_the_end_is_right_as_soon_as_it_is_still(said: list[Said]) -> None:
    line, events = tell(said, AT_ONCE)

    wakings = [at for event in events if (at := wake_at(event, line))]  # type: ignore[arg-type]
    woken = DECIDER.fold([new for at in wakings[-1:] for new in DECIDER.decide(Wake(at), line)], line)

    assert (woken.fault is not None) == is_faulted(said)
    assert not woken.flapping


@settings(max_examples=60, deadline=None)
@given(tellings())
def test_whatever_comes_at_once_little_is_said(said: list[Said]) -> None:
    _, events = tell(said, AT_ONCE)

    turns = [one for one in events if isinstance(one, LineFaulted | LineRecovered)]
    assert len(turns) <= 1
