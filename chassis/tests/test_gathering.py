"""What waits for its answer in a storm, for how long, and what may be committed meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest
from kafka import TopicPartition

from chassis.gathering import LONGEST_SECONDS, MOST, THICK, Gathering
from chassis.testing import Record, record_of, recorded
from chassis.tests.examples import CODEC, Closed, Event, Noted, Opened

LINES, PLANS = TopicPartition("line-events", 0), TopicPartition("plan-events", 0)
MANY = THICK


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Gathered:
    """A gathering for events that `Closed` answers, and what Kafka has handed it."""

    answers: Mapping[str, frozenset[str]] = field(default_factory=lambda: {"Opened": frozenset({"Closed"})})
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.gathering = Gathering(self.answers, self.clock)
        self.ends = {LINES: 0, PLANS: 0}

    def add(self, partition: TopicPartition, event: Event, *numbers: int) -> None:
        records = [self._record(partition, event, number) for number in numbers]
        self.gathering.add({partition: records})

    def _record(self, partition: TopicPartition, event: Event, number: int) -> Record:
        kind, offset = partition.topic.removesuffix("-events"), self.ends[partition]
        self.ends[partition] += 1
        written = record_of(recorded(event, f"{kind}-{number}", 1), CODEC, kind, offset)
        return replace(written, topic=partition.topic, partition=partition.partition)

    def taken(self) -> list[tuple[str, int]]:
        return [(record.topic, record.offset) for record in self.gathering.take()]


@pytest.fixture
def gathered() -> Gathered:
    return Gathered()


def test_one_alone_never_waits(gathered: Gathered) -> None:
    gathered.add(LINES, Opened("ann"), 1)

    assert gathered.taken() == [("line-events", 0)]


def test_in_a_storm_each_waits_for_its_answer_and_comes_with_it(gathered: Gathered) -> None:
    gathered.add(LINES, Opened("ann"), *range(MANY + 2))
    assert gathered.taken() == []

    gathered.add(PLANS, Closed("ann"), 1, 0)

    assert gathered.taken() == [("line-events", 1), ("plan-events", 0), ("line-events", 0), ("plan-events", 1)]


def test_nothing_waits_where_nothing_is_answered() -> None:
    gathered = Gathered({})
    gathered.add(LINES, Opened("ann"), *range(MANY))

    assert gathered.taken() == [("line-events", number) for number in range(MANY)]


def test_what_needs_no_answer_goes_on(gathered: Gathered) -> None:
    gathered.add(LINES, Opened("ann"), *range(MANY))
    gathered.add(PLANS, Noted("cold"), MANY + 1)

    assert gathered.taken() == [("plan-events", 0)]


def test_what_comes_later_of_the_same_line_waits_behind_it(gathered: Gathered) -> None:
    gathered.add(LINES, Opened("ann"), *range(MANY))
    gathered.add(LINES, Noted("cold"), 0)
    assert gathered.taken() == []

    gathered.add(PLANS, Closed("ann"), 0)

    assert gathered.taken() == [("line-events", 0), ("line-events", MANY), ("plan-events", 0)]


def test_an_answer_that_never_comes_is_not_waited_for_for_ever(gathered: Gathered) -> None:
    gathered.add(LINES, Opened("ann"), *range(MANY))
    gathered.clock.now = LONGEST_SECONDS / 2
    gathered.add(LINES, Opened("ann"), *range(MANY, 2 * MANY))
    assert gathered.taken() == []

    gathered.clock.now = LONGEST_SECONDS

    assert gathered.taken() == [("line-events", number) for number in range(MANY)]


def test_more_than_may_be_kept_is_not_kept(gathered: Gathered) -> None:
    gathered.add(LINES, Opened("ann"), *range(MOST + 1))

    assert len(gathered.taken()) == MOST + 1


def test_what_waits_is_not_committed_nor_what_came_after_it(gathered: Gathered) -> None:
    gathered.add(LINES, Opened("ann"), *range(MANY + 1))
    gathered.add(PLANS, Closed("ann"), 0, 2)
    gathered.taken()

    assert gathered.gathering.moved() == {LINES: 1, PLANS: 2}
    assert gathered.gathering.moved() == {}

    gathered.add(PLANS, Closed("ann"), *range(1, MANY + 1))
    gathered.taken()

    assert gathered.gathering.moved() == {LINES: MANY + 1, PLANS: MANY + 2}


def test_a_partition_that_begins_anew_is_forgotten(gathered: Gathered) -> None:
    gathered.add(LINES, Opened("ann"), *range(MANY))
    gathered.add(PLANS, Opened("ann"), MANY)
    gathered.taken()

    gathered.gathering.forget([LINES])

    assert gathered.taken() == [("plan-events", 0)]
    assert gathered.gathering.moved() == {PLANS: 1}


def test_what_was_told_of_a_partition_is_told_again_when_it_begins_anew(gathered: Gathered) -> None:
    """The group may have changed before it could be committed; then nobody else would ever commit it."""
    gathered.add(LINES, Opened("ann"), 1)
    gathered.taken()
    told = gathered.gathering.moved()

    gathered.gathering.forget([LINES])
    gathered.ends[LINES] = 0
    gathered.add(LINES, Opened("ann"), 1)
    gathered.taken()

    assert gathered.gathering.moved() == told == {LINES: 1}


def test_records_without_key_name_or_value_do_no_harm(gathered: Gathered) -> None:
    nameless = Record(None, [("ce_type", None)], None, LINES.topic)  # type: ignore[list-item]
    gathered.gathering.add({LINES: [nameless, replace(nameless, headers=[], offset=1)]})

    assert gathered.taken() == [("line-events", 0), ("line-events", 1)]
