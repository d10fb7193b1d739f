"""Many guesses at the same time: no more of them are looked at than may be wrong, wherever commits are kept."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chassis.limits import MongoLimits
from chassis.mongo_store import MongoStore
from services.auth.adapters import MongoSessions
from services.auth.bootstrap import CODEC
from services.auth.settings import Settings
from services.auth.tests.door import PASSWORD, TEMPORARY_PASSWORD, Door
from services.auth.tests.examples import NUMBER

pytestmark = pytest.mark.slow

AT_ONCE = 50


@pytest.fixture(params=["memory", pytest.param("mongo", marks=pytest.mark.integration)])
def door(request: pytest.FixtureRequest, settings: Settings, keys: Any) -> Door:
    if request.param == "memory":
        return Door(settings, keys.caller)
    db = request.getfixturevalue("database")
    store, sessions, limits = MongoStore(db, CODEC), MongoSessions(db), MongoLimits(db)
    for kept in (store, sessions, limits):
        kept.prepare()
    return Door(settings, keys.caller, store, sessions, limits)


def at_once(try_one: Callable[[str], Any], passwords: Sequence[str]) -> list[Any]:
    with ThreadPoolExecutor(AT_ONCE) as together:
        return list(together.map(try_one, passwords))


def until_answered(door: Door) -> Callable[[str], int]:
    """A login, tried again for as long as there is too much to do to look at it."""

    def log_in(password: str) -> int:
        for _ in range(200):
            if (status := door.log_in(NUMBER, password).status_code) != 503:
                return int(status)
        return 503

    return log_in


def test_of_fifty_wrong_ones_at_once_ten_count(door: Door) -> None:
    door.customer()

    statuses = at_once(until_answered(door), ["wrong-one"] * AT_ONCE)

    counted = Counter(door.events())
    assert set(statuses) == {401}
    assert (counted["LoginFailed"], counted["PasswordInvalidated"], counted["GuessIgnored"]) == (10, 1, AT_ONCE - 10)
    assert door.log_in(NUMBER, PASSWORD).status_code == 401


def test_of_fifty_wrong_temporary_ones_at_once_three_count(door: Door) -> None:
    door.issue()

    at_once(until_answered(door), ["99999999"] * AT_ONCE)

    counted = Counter(door.events())
    assert (counted["LoginFailed"], counted["PasswordInvalidated"], counted["GuessIgnored"]) == (3, 1, AT_ONCE - 3)
    assert door.log_in(NUMBER, TEMPORARY_PASSWORD).status_code == 401


def test_the_right_one_among_fifty_is_not_heard_after_the_tenth_wrong_one(door: Door) -> None:
    door.customer()
    guesses = ["wrong-one"] * (AT_ONCE - 5) + [PASSWORD] * 5
    random.Random(4).shuffle(guesses)

    statuses = at_once(until_answered(door), guesses)

    since = door.events()[door.events().index("PasswordChanged") + 2 :]
    assert statuses.count(201) == since.count("LoginSucceeded")
    assert wrong_in_a_row(since) <= 10
    assert "PasswordInvalidated" in since
    after = since[since.index("PasswordInvalidated") + 1 :]
    assert set(after) <= {"GuessIgnored"}


def wrong_in_a_row(events: Sequence[str]) -> int:
    """The most failures without a success between them."""
    most = row = 0
    for event in events:
        row = 0 if event == "LoginSucceeded" else row + (event == "LoginFailed")
        most = max(most, row)
    return most


def test_fifty_guesses_at_the_current_password_count_as_well(door: Door) -> None:
    customer = door.customer()

    def change(password: str) -> int:
        for _ in range(200):
            if (status := door.change(customer, password, "tsunagu2028").status_code) != 503:
                return int(status)
        return 503

    statuses = Counter(at_once(change, ["wrong-one"] * AT_ONCE))

    assert statuses == {422: 10, 401: AT_ONCE - 10}
    assert Counter(door.events())["CurrentPasswordWrong"] == 10


def test_fifty_right_ones_at_once_are_all_let_in_and_twenty_stay(door: Door) -> None:
    door.customer()

    statuses = at_once(until_answered(door), [PASSWORD] * AT_ONCE)

    assert statuses == [201] * AT_ONCE
    assert len(door.credentials.read(NUMBER).state.sessions) == 20


def test_one_password_tried_on_many_numbers_from_one_place_is_stopped_exactly(door: Door) -> None:
    numbers = [f"03{place:08d}" for place in range(120)]

    def guess(number: str) -> int:
        for _ in range(200):
            if (status := door.log_in(number, "password1").status_code) != 503:
                return int(status)
        return 503

    statuses = Counter(at_once(guess, numbers))

    assert statuses == {401: 100, 429: 20}
