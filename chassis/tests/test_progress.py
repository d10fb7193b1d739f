"""When a worker says that it is live and ready."""

import time
from collections.abc import Iterator
from wsgiref.util import setup_testing_defaults

import pytest

from chassis import progress
from chassis.progress import STUCK_SECONDS, worker_app


@pytest.fixture(autouse=True)
def nothing_happened_yet() -> Iterator[None]:
    """Metrics are the process's own; each test leaves them as a new process has them."""
    yield
    progress.TURNED_AT.set(0)
    progress.PREPARED.set(0)
    progress.INTERRUPTED_AT.clear()


def answer(path: str) -> str:
    said: list[str] = []
    environ = {"PATH_INFO": path}
    setup_testing_defaults(environ)
    worker_app(environ, lambda status, headers, problem=None: said.append(status) or (lambda data: None))  # type: ignore[func-returns-value]
    return said[0][:3]


def long_ago() -> float:
    return time.time() - STUCK_SECONDS - 10


def test_a_worker_that_has_not_begun_is_live_and_not_ready() -> None:
    assert (answer("/health/live"), answer("/health/ready")) == ("200", "503")


def test_it_is_ready_when_its_indexes_are_there() -> None:
    progress.PREPARED.set(1)

    assert (answer("/health/live"), answer("/health/ready")) == ("200", "200")


def test_a_consumer_that_no_longer_comes_round_is_stuck() -> None:
    progress.PREPARED.set(1)
    progress.TURNED_AT.set(long_ago())

    assert (answer("/health/live"), answer("/health/ready")) == ("503", "503")


def test_one_that_tries_in_vain_to_reach_its_engine_is_not_started_anew() -> None:
    progress.PREPARED.set(1)
    progress.TURNED_AT.set(long_ago())

    progress.interrupted("consumer")

    assert (answer("/health/live"), answer("/health/ready")) == ("200", "200")


def test_that_another_task_is_interrupted_says_nothing_of_the_consumer() -> None:
    progress.TURNED_AT.set(long_ago())

    progress.interrupted("relay")

    assert answer("/health/live") == "503"
