"""What is in a task's hands is counted and grows older until it is done."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from kafka import TopicPartition
from prometheus_client import REGISTRY, Gauge, Histogram

from chassis import progress
from chassis.progress import Backlog
from chassis.testing import counted, recorded
from chassis.tests.examples import Opened


@pytest.fixture
def backlog() -> Iterator[Backlog]:
    count, age = Gauge("test_pending", "."), Gauge("test_age_seconds", ".")
    delay = Histogram("test_delay_seconds", ".")
    yield Backlog(count, age, delay)
    for metric in (count, age, delay):
        REGISTRY.unregister(metric)


def test_the_age_is_that_of_the_oldest_in_hand(backlog: Backlog) -> None:
    hour_ago = datetime.now(UTC).timestamp() - 3600

    backlog.take(3, hour_ago)

    assert counted("test_pending") == 3
    assert counted("test_age_seconds") == pytest.approx(3600, abs=60)


def test_what_is_done_is_in_nobodys_hands_and_its_delay_is_counted(backlog: Backlog) -> None:
    backlog.take_events([recorded(Opened("ann"), at=datetime.now(UTC))])

    backlog.done()

    assert (counted("test_pending"), counted("test_age_seconds"), counted("test_delay_seconds_count")) == (0, 0, 1)


def test_an_empty_batch_is_nothing_in_hand(backlog: Backlog) -> None:
    backlog.take_events([])

    backlog.done()

    assert (counted("test_pending"), counted("test_age_seconds"), counted("test_delay_seconds_count")) == (0, 0, 0)


def test_a_clock_that_is_ahead_makes_no_negative_age(backlog: Backlog) -> None:
    backlog.take(1, datetime.now(UTC).timestamp() + 3600)

    assert counted("test_age_seconds") == 0


def test_a_group_that_has_committed_nothing_is_behind_by_all_there_is() -> None:
    first, second = TopicPartition("doors-events", 0), TopicPartition("doors-events", 1)

    progress.behind("keeper", {first: 7}, {first: 10, second: 4})

    lag = [
        counted("kafka_consumer_lag", group="keeper", topic="doors-events", partition=partition)
        for partition in ("0", "1")
    ]
    assert lag == [3, 4]
