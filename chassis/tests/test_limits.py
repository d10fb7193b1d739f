"""What both kinds of limits promise."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from chassis.limits import SLOTS, Full, Limit, Limits, MemoryLimits, MongoLimits, Place
from chassis.testing import NOON, FixedClock

THREE = Limit(3, timedelta(minutes=5))


@pytest.fixture(params=["memory", pytest.param("mongo", marks=pytest.mark.integration)])
def limits(request: pytest.FixtureRequest) -> Limits:
    return MemoryLimits() if request.param == "memory" else MongoLimits(request.getfixturevalue("database"))


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def take(limits: Limits, clock: FixedClock) -> Callable[..., bool]:
    def one(name: str = "a", limit: Limit = THREE) -> bool:
        return isinstance(limits.take(name, limit, clock()), Place)

    return one


def test_there_are_as_many_places_as_the_limit_says(take: Callable[..., bool]) -> None:
    assert [take() for _ in range(5)] == [True, True, True, False, False]


def test_names_do_not_count_for_each_other(take: Callable[..., bool]) -> None:
    assert [take("a") for _ in range(4)] + [take("b")] == [True, True, True, False, True]


def test_a_limit_of_none_lets_nobody_in(take: Callable[..., bool]) -> None:
    assert not take(limit=Limit(0, timedelta(minutes=5)))


def test_a_place_that_was_given_back_is_free(limits: Limits, take: Callable[..., bool], clock: FixedClock) -> None:
    place = limits.take("a", THREE, clock())
    assert isinstance(place, Place)

    limits.give_back(place)

    assert [take() for _ in range(4)] == [True, True, True, False]


def test_a_place_is_given_back_after_a_while_too(limits: Limits, take: Callable[..., bool], clock: FixedClock) -> None:
    place = limits.take("a", THREE, clock())
    assert isinstance(place, Place)
    clock.advance(minutes=1)

    limits.give_back(place)

    assert [take() for _ in range(4)] == [True, True, True, False]


def test_what_is_given_back_twice_makes_no_place(limits: Limits, take: Callable[..., bool], clock: FixedClock) -> None:
    place = limits.take("a", THREE, clock())
    assert isinstance(place, Place)
    limits.give_back(place)

    limits.give_back(place)

    assert [take() for _ in range(4)] == [True, True, True, False]


def test_a_refusal_takes_nothing(take: Callable[..., bool], clock: FixedClock) -> None:
    for _ in range(50):
        take()
    clock.advance(minutes=5, seconds=10)

    assert [take() for _ in range(4)] == [True, True, True, False]


def test_places_come_free_one_after_the_other(take: Callable[..., bool], clock: FixedClock) -> None:
    for _ in range(3):
        take()
        clock.advance(minutes=1)

    clock.advance(minutes=2, seconds=10)

    assert [take(), take()] == [True, False]


@pytest.mark.parametrize("seconds", [0, 3, 9.999])
def test_in_no_stretch_of_time_is_there_one_too_many(
    take: Callable[..., bool], clock: FixedClock, seconds: float
) -> None:
    clock.advance(seconds=seconds)
    for _ in range(3):
        take()

    clock.advance(minutes=4, seconds=59.999)

    assert not take()


def test_a_refusal_says_when_to_come_again(limits: Limits, take: Callable[..., bool], clock: FixedClock) -> None:
    for _ in range(3):
        take()
    clock.advance(minutes=1)
    full = limits.take("a", THREE, clock())
    assert isinstance(full, Full)

    clock.advance(seconds=full.retry_after)

    assert (take(), 240 <= full.retry_after <= 240 + 300 / SLOTS) == (True, True)


def test_a_clock_that_goes_back_frees_nothing(take: Callable[..., bool], clock: FixedClock) -> None:
    for _ in range(3):
        take()

    clock.advance(minutes=-3)

    assert not take()


@pytest.mark.parametrize("minutes", [1, 5, 15, 100])
def test_a_while_of_another_length_counts_what_lies_in_it(
    take: Callable[..., bool], clock: FixedClock, minutes: int
) -> None:
    for _ in range(3):
        take()
    other = Limit(3, timedelta(minutes=minutes))

    clock.advance(minutes=minutes, seconds=-1)
    in_it = take(limit=other)
    clock.advance(seconds=1 + 60 * minutes / SLOTS)

    assert (in_it, [take(limit=other) for _ in range(4)]) == (False, [True, True, True, False])


def test_exactly_as_many_of_many_at_once_get_a_place(limits: Limits) -> None:
    twenty = Limit(20, timedelta(minutes=5))

    with ThreadPoolExecutor(16) as together:
        places = list(together.map(lambda _: limits.take("a", twenty, NOON), range(100)))

    assert sum(isinstance(place, Place) for place in places) == 20


def test_giving_back_at_the_same_time_loses_no_place(limits: Limits, take: Callable[..., bool]) -> None:
    def come_and_go(_: int) -> None:
        place = limits.take("a", Limit(100, timedelta(minutes=5)), NOON)
        assert isinstance(place, Place)
        limits.give_back(place)

    with ThreadPoolExecutor(16) as together:
        list(together.map(come_and_go, range(100)))

    assert [take() for _ in range(4)] == [True, True, True, False]
