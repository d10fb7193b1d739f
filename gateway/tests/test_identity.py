from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Semaphore

import jwt
import pytest

from chassis.errors import Unauthenticated, Unavailable
from gateway.identity import Exchange, Grant, Identity


@dataclass
class Auth:
    """Exchanges bearers for numbered tokens, or raises `error`."""

    asked: list[str] = field(default_factory=list)
    error: Exception | None = None
    lifetime: float = 60

    def __call__(self, bearer: str) -> Grant:
        self.asked.append(bearer)
        if self.error:
            raise self.error
        return Grant(f"token-{len(self.asked)}", self.lifetime)


@dataclass
class Clock:
    seconds: float = 1000

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture(name="auth")
def an_auth() -> Auth:
    return Auth()


@pytest.fixture(name="clock")
def a_clock() -> Clock:
    return Clock()


@pytest.fixture(name="identity")
def an_identity(auth: Auth, clock: Clock) -> Identity:
    return Identity(auth, clock, most=3)


def test_a_bearer_is_remembered_for_some_seconds(identity: Identity, auth: Auth, clock: Clock) -> None:
    first = identity.token("Bearer a")
    clock.seconds += 2

    assert identity.token("bearer  a ") == first
    assert auth.asked == ["a"]


def test_what_was_given_lately_is_told_as_long_as_services_would_take_it(
    identity: Identity, auth: Auth, clock: Clock
) -> None:
    assert identity.lately("Bearer a") is None
    given = identity.grant("Bearer a")
    clock.seconds += 54
    assert identity.lately("Bearer a") == given
    clock.seconds += 1

    assert identity.lately("Bearer a") is None
    assert auth.asked == ["a"]


def test_of_who_was_forgotten_nothing_is_told(identity: Identity) -> None:
    identity.grant("Bearer a")
    identity.forget("Bearer a")

    assert identity.lately("Bearer a") is None


def test_a_remembered_bearer_is_looked_at_again(identity: Identity, auth: Auth, clock: Clock) -> None:
    identity.token("Bearer a")
    clock.seconds += 3

    assert identity.token("Bearer a") == "token-2"


def test_a_short_token_is_remembered_for_half_its_life(identity: Identity, auth: Auth, clock: Clock) -> None:
    auth.lifetime = 10
    identity.token("Bearer a")
    clock.seconds += 5

    assert identity.token("Bearer a") == "token-2"


def test_a_revoked_key_is_refused_when_it_is_looked_at_again(identity: Identity, auth: Auth, clock: Clock) -> None:
    identity.token("Bearer a")
    auth.error = Unauthenticated("token-invalid")
    clock.seconds += 15

    for error in (Unauthenticated("token-invalid"), Unavailable("service-unavailable")):
        auth.error = error
        with pytest.raises(type(error)):
            identity.token("Bearer a")


def test_a_good_token_outlives_an_outage_of_auth(identity: Identity, auth: Auth, clock: Clock) -> None:
    first = identity.token("Bearer a")
    auth.error = Unavailable("service-unavailable")
    clock.seconds += 50

    assert identity.token("Bearer a") == first


def test_a_token_near_its_end_does_not(identity: Identity, auth: Auth, clock: Clock) -> None:
    identity.token("Bearer a")
    auth.error = Unavailable("service-unavailable")
    clock.seconds += 56

    with pytest.raises(Unavailable):
        identity.token("Bearer a")


def test_only_so_many_are_remembered(identity: Identity, auth: Auth) -> None:
    for bearer in "abcd":
        identity.token(f"Bearer {bearer}")

    identity.token("Bearer d")
    identity.token("Bearer a")

    assert auth.asked == ["a", "b", "c", "d", "a"]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic a"])
def test_without_a_bearer_auth_is_not_asked(identity: Identity, auth: Auth, header: str | None) -> None:
    with pytest.raises(Unauthenticated, match="token-missing"):
        identity.token(header)
    assert not auth.asked


@pytest.mark.parametrize("bearer", ["x" * 4097, "é", "a\tb"])
def test_an_odd_bearer_is_refused_at_once(identity: Identity, auth: Auth, bearer: str) -> None:
    with pytest.raises(Unauthenticated, match="token-invalid"):
        identity.token(f"Bearer {bearer}")
    assert not auth.asked


def auth_of(people: dict[str, str]) -> Exchange:
    """Exchanges bearers for tokens that name these people."""

    def exchange(bearer: str) -> Grant:
        if bearer not in people:
            raise Unauthenticated("token-invalid")
        return Grant(jwt.encode({"sub": people[bearer]}, "x" * 32), 60)

    return exchange


def test_who_is_forgotten_is_asked_about_again_with_all_of_the_same_person(clock: Clock) -> None:
    people = {"phone": "0600001111", "pc": "0600001111", "other": "0600002222"}
    identity = Identity(auth_of(people), clock)
    for bearer in people:
        identity.token(f"Bearer {bearer}")

    identity.forget("Bearer phone")
    people.clear()

    for bearer in ("phone", "pc"):
        with pytest.raises(Unauthenticated):
            identity.token(f"Bearer {bearer}")
    assert identity.token("Bearer other")


def test_who_is_forgotten_while_auth_is_asked_is_not_remembered(auth: Auth, clock: Clock) -> None:
    def ask_while_forgotten(bearer: str) -> Grant:
        if not auth.asked:
            identity.forget(f"Bearer {bearer}")
        return auth(bearer)

    identity = Identity(ask_while_forgotten, clock)

    assert [identity.token("Bearer a") for _ in range(3)] == ["token-1", "token-2", "token-2"]


def test_whoever_comes_after_a_forgetting_shares_no_exchange_from_before() -> None:
    """The exchange of the first is under way when the session ends; the second comes after that."""
    begun, ended = Event(), Event()

    def exchange(bearer: str) -> Grant:
        if begun.is_set():
            raise Unauthenticated("token-invalid")
        begun.set()
        assert ended.wait(10)
        return Grant("old", 60)

    identity = Identity(exchange)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(identity.token, "Bearer a")
        assert begun.wait(10)
        identity.forget("Bearer a")
        with pytest.raises(Unauthenticated):
            identity.token("Bearer a")
        ended.set()

        assert first.result(10) == "old"
    with pytest.raises(Unauthenticated):
        identity.token("Bearer a")


def test_an_auth_that_is_away_is_not_asked_with_every_request(identity: Identity, auth: Auth, clock: Clock) -> None:
    first = identity.token("Bearer a")
    auth.error = Unavailable("service-unavailable")
    clock.seconds += 10

    assert [identity.token("Bearer a") for _ in range(3)] == [first] * 3
    assert auth.asked == ["a", "a"]


def test_forgetting_a_stranger_is_nothing(identity: Identity, auth: Auth) -> None:
    identity.token("Bearer a")

    identity.forget("Bearer b")

    assert identity.token("Bearer a") == "token-1"


def exchanged_by_eight(error: Exception | None) -> tuple[list[str], list[str]]:
    """Eight threads with one bearer, whose exchange ends when all of them wait: what they got, what auth was asked."""
    asked: list[str] = []
    arrived = Semaphore(0)

    def clock() -> float:
        arrived.release()
        return 1000

    def slow(bearer: str) -> Grant:
        asked.append(bearer)
        assert all(arrived.acquire(timeout=10) for _ in range(8))
        if error:
            raise error
        return Grant("token", 60)

    identity = Identity(slow, clock)

    def call(_: int) -> str:
        try:
            return identity.token("Bearer a")
        except Unavailable:
            return "unavailable"

    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(call, range(8), timeout=20)), asked


@pytest.mark.parametrize(("error", "result"), [(None, "token"), (Unavailable("service-unavailable"), "unavailable")])
def test_many_threads_share_one_exchange_and_its_end(error: Exception | None, result: str) -> None:
    results, asked = exchanged_by_eight(error)

    assert results == [result] * 8
    assert asked == ["a"]
