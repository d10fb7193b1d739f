"""How many wrong passwords are taken."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chassis.errors import TooMany, Unavailable
from chassis.limits import Limit, MemoryLimits
from chassis.testing import FixedClock
from services.auth.flows.attempts import Attempts, Bounds, neighbourhood
from services.auth.tests.door import PASSWORD, TEMPORARY_PASSWORD, Door
from services.auth.tests.examples import NUMBER

FIVE_MINUTES = timedelta(minutes=5)
SMALL = Bounds(
    Limit(4, timedelta(minutes=15)), Limit(6, FIVE_MINUTES), Limit(12, FIVE_MINUTES), few=Limit(2, FIVE_MINUTES)
)


class Guesser:
    """Tries passwords, and knows only whether they were looked at."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.attempts = Attempts(MemoryLimits(), SMALL)

    def fails(self, number: str = NUMBER, source: str = "192.0.2.1") -> bool:
        try:
            with self.attempts.one(number, source, self.clock()) as attempt:
                attempt.failed()
        except TooMany:
            return False
        return True

    def succeeds(self, number: str = NUMBER, source: str = "192.0.2.1") -> bool:
        try:
            with self.attempts.one(number, source, self.clock()):
                return True
        except TooMany:
            return False

    def spray(self, count: int) -> list[bool]:
        """Each from another address at another number."""
        return [self.fails(f"03{place:08d}", f"198.51.100.{place}") for place in range(count)]


@pytest.fixture
def guesser() -> Guesser:
    return Guesser()


def test_a_number_has_so_many_failures(guesser: Guesser) -> None:
    assert [guesser.fails(source=f"192.0.2.{place}") for place in range(6)] == [True] * 4 + [False] * 2


def test_a_source_alone_does_not_fill_a_number(guesser: Guesser) -> None:
    guesser.attempts = replace(guesser.attempts, bounds=replace(SMALL, share=Limit(3, timedelta(minutes=15))))

    assert [guesser.fails() for _ in range(5)] == [True] * 3 + [False] * 2
    assert guesser.succeeds(source="198.51.100.1")


def test_whoever_has_a_new_temporary_password_is_not_kept_out_by_what_others_did_before(door: Door) -> None:
    for place in range(100):
        door.log_in(NUMBER, "password1", source=f"198.51.100.{place}")
    kept_out = door.log_in(NUMBER, TEMPORARY_PASSWORD)

    door.issue()

    assert (kept_out.status_code, door.log_in(NUMBER, TEMPORARY_PASSWORD).status_code) == (429, 201)


def test_one_address_can_be_refused_while_the_customer_gets_in_from_another(door: Door) -> None:
    door.customer()

    statuses = [door.log_in(NUMBER, "password1", source="198.51.100.1").status_code for _ in range(70)]

    assert (statuses.count(401), statuses.count(429)) == (60, 10)
    assert door.log_in(NUMBER, "password1").status_code == 401


def test_a_source_has_so_many_failures(guesser: Guesser) -> None:
    assert [guesser.fails(number=str(place)) for place in range(8)] == [True] * 6 + [False] * 2


def test_successes_do_not_count(guesser: Guesser) -> None:
    assert all(guesser.succeeds() for _ in range(50))
    assert guesser.fails()


def test_a_number_that_is_full_lets_its_own_customer_wait_too(guesser: Guesser) -> None:
    for place in range(4):
        guesser.fails(source=f"192.0.2.{place}")

    assert not guesser.succeeds(source="192.0.2.99")


def test_after_a_while_there_is_room_again(guesser: Guesser) -> None:
    for place in range(4):
        guesser.fails(source=f"192.0.2.{place}")
    guesser.clock.advance(minutes=15, seconds=31)

    assert guesser.succeeds()


def test_when_too_many_fail_over_all_each_source_has_few(guesser: Guesser) -> None:
    assert all(guesser.spray(12))

    later = [guesser.fails(f"04{place:08d}", "203.0.113.1") for place in range(4)]

    assert later == [True, True, False, False]


def test_customers_still_get_in_then(guesser: Guesser) -> None:
    guesser.spray(12)

    assert all(guesser.succeeds(source="203.0.113.9") for _ in range(20))


def test_a_refusal_takes_no_place_of_the_others(guesser: Guesser) -> None:
    for _ in range(4):
        guesser.fails()
    for _ in range(50):
        guesser.fails()

    assert [guesser.fails(number=str(place)) for place in range(3)] == [True, True, False]


def test_what_could_not_be_looked_at_is_no_failure(guesser: Guesser) -> None:
    for _ in range(50):
        with pytest.raises(Unavailable), guesser.attempts.one(NUMBER, "192.0.2.1", guesser.clock()):
            raise Unavailable("busy")

    assert guesser.fails()


@pytest.mark.parametrize(
    ("source", "counted_as"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_an_ipv6_customer_has_one_network_and_no_more(source: str, counted_as: str) -> None:
    assert neighbourhood(source) == counted_as


def test_who_tries_too_often_is_told_when_to_come_again(door: Door) -> None:
    door.customer()
    numbers = [f"03{place:08d}" for place in range(100)]
    for number in numbers:
        door.log_in(number, "password1")

    answer = door.log_in(NUMBER, PASSWORD)

    assert (answer.status_code, answer.json["code"]) == (429, "too-many-attempts")
    assert 0 < int(answer.headers["Retry-After"]) <= 310
    assert door.log_in(NUMBER, PASSWORD, source="198.51.100.1").status_code == 201
