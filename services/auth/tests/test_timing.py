"""Nobody can tell from an answer, or from how long it took, why a login failed.

The bound: the medians of `ROUNDS` answers to each kind of failure, taken in turn in an order by chance, differ by at
most a tenth, or by less than the answers to one kind differ among themselves (the larger interquartile range of the
two), whichever is more. So it is no matter how busy the machine is. A check that was left out would be most of the
whole time; that this yardstick would see it is a test too.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from statistics import median, quantiles
from typing import Any

import pytest

from chassis.limits import MongoLimits
from chassis.mongo_store import MongoStore
from chassis.passwords import OWASP
from services.auth.adapters import MongoSessions
from services.auth.bootstrap import CODEC
from services.auth.settings import Settings
from services.auth.tests.door import PASSWORD, TEMPORARY_PASSWORD, Door
from services.auth.tests.examples import NUMBER, OTHER, plain

ROUNDS = 40
LOCKED, EXPIRED, UNKNOWN = OTHER, "0600003333", "0699999999"


@pytest.fixture(params=["memory", pytest.param("mongo", marks=pytest.mark.integration)])
def door(request: pytest.FixtureRequest, settings: Settings, keys: Any) -> Door:
    plenty = replace(settings, wrong_per_number=100_000, wrong_per_source=100_000, wrong_overall=100_000)
    if request.param == "memory":
        return Door(plenty, keys.caller, cost=OWASP)
    db = request.getfixturevalue("database")
    return Door(plenty, keys.caller, MongoStore(db, CODEC), MongoSessions(db), MongoLimits(db), OWASP)


@pytest.fixture
def failures(door: Door) -> Mapping[str, Callable[[], Any]]:
    """A login for each reason to fail."""
    door.imports(plain(NUMBER, LOCKED, EXPIRED))
    door.issue(EXPIRED, "number")
    door.clock.advance(hours=25)
    door.customer(NUMBER, "number")
    door.customer(LOCKED, "number")
    for _ in range(10):
        door.log_in(LOCKED, "wrong-one")
    return {
        "unknown number": lambda: door.log_in(UNKNOWN, PASSWORD),
        "wrong password": lambda: door.log_in(NUMBER, "wrong-one"),
        "invalid password": lambda: door.log_in(LOCKED, "wrong-one"),
        "invalid password, right": lambda: door.log_in(LOCKED, PASSWORD),
        "expired password, right": lambda: door.log_in(EXPIRED, TEMPORARY_PASSWORD),
    }


def timed(tries: Mapping[str, Callable[[], Any]], between: Callable[[], object]) -> dict[str, list[float]]:
    """Seconds of `ROUNDS` tries of each, all in turn. Bodies and statuses have to be the same."""
    chance, seconds = random.Random(4), {name: list[float]() for name in tries}
    answers = set()
    for _ in range(ROUNDS):
        for name in chance.sample(sorted(tries), len(tries)):
            start = time.perf_counter()
            answer = tries[name]()
            seconds[name].append(time.perf_counter() - start)
            answers.add((answer.status_code, answer.data))
        between()
    assert len(answers) == 1
    return seconds


def spread(seconds: Sequence[float]) -> float:
    first, _, third = quantiles(seconds, n=4)
    return third - first


def tells_apart(one: Sequence[float], other: Sequence[float]) -> bool:
    difference = abs(median(one) - median(other))
    return difference > max(0.1 * median(one), 0.1 * median(other), spread(one), spread(other))


def test_every_failed_login_takes_as_long(door: Door, failures: Mapping[str, Callable[[], Any]]) -> None:
    seconds = timed(failures, between=lambda: door.log_in(NUMBER, PASSWORD))

    told = [(one, other) for one, other in combinations(failures, 2) if tells_apart(seconds[one], seconds[other])]

    assert not told, {
        name: f"{median(taken) * 1000:.2f} ± {spread(taken) * 1000:.2f} ms" for name, taken in seconds.items()
    }


def test_the_yardstick_would_see_a_password_that_is_not_checked(
    door: Door, failures: Mapping[str, Callable[[], Any]]
) -> None:
    def seen() -> bool:
        unchecked = [_seconds(lambda: door.log_in("nobody", PASSWORD)) for _ in range(ROUNDS)]
        return tells_apart(unchecked, [_seconds(failures["unknown number"]) for _ in range(ROUNDS)])

    # More than once only where what else the machine does hides it.
    assert any(seen() for _ in range(5))


def _seconds(one: Callable[[], object]) -> float:
    start = time.perf_counter()
    one()
    return time.perf_counter() - start
