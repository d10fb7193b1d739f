"""Nobody can tell from an answer, or from how long it took, why a login failed.

Every sample is the first guess at a number of its own, through the real store and at the production cost of Argon2; the
kinds take turns, in an order by chance, so that whatever else the machine does meets all of them alike. The bound: the
median of a kind may differ from that of wrong passwords by as much as two random halves of the wrong passwords' own
samples differ from each other (the most of `SPLITS` splits), or by a twentieth of their median where that is more. So
it is no matter how busy the machine is, and no time is asked for. Two clocks are read: the wall's, which has the stores
in it, and the processor's, which stays fine where the machine is so busy that the wall's is not.
"""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from statistics import median
from typing import Any

import pytest
from pymongo.database import Database

from chassis.handling import Done, Order
from chassis.limits import MongoLimits
from chassis.memory_store import MemoryStore
from chassis.messages import Actor
from chassis.mongo_store import MongoStore
from chassis.passwords import OWASP
from chassis.store import Loaded
from services.auth.adapters import MongoSessions
from services.auth.bootstrap import CODEC
from services.auth.model.contract import ImportContract, tenure
from services.auth.model.credential import Guess, LogIn, NoteTemporaryPassword
from services.auth.settings import Settings
from services.auth.tests.door import TEMPORARY_PASSWORD, Door
from services.auth.tests.examples import plain

ROUNDS = 40
SPLITS = 2_000
LONG = 60
WRONG, WRONG_TOO = "wrong password", "wrong password too"
INVALID, EXPIRED = "right but invalid password", "right but expired password"
LONG_KNOWN, NO_PASSWORD, UNKNOWN = "wrong password of a long past", "no password yet", "unknown number"
KINDS = (WRONG, WRONG_TOO, INVALID, EXPIRED, LONG_KNOWN, NO_PASSWORD, UNKNOWN)
RIGHT = (INVALID, EXPIRED)
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
ACTOR = Actor("automatic", "tests", "192.0.2.1")


def number_of(kind: str, place: int) -> str:
    return f"06{KINDS.index(kind) + 1}{place:07d}"


class Town:
    """A door with `ROUNDS` numbers of each kind behind it, all with one password, each in a contract of its own."""

    def __init__(self, door: Door) -> None:
        self.door, self._verifier, self._orders = door, door.verifiers.make(TEMPORARY_PASSWORD), 0
        issued = [number for kind in KINDS if kind not in (NO_PASSWORD, UNKNOWN) for number in self.numbers(kind)]
        everybody = [*issued, *self.numbers(NO_PASSWORD)]
        self._do(door.contracts, {number: ImportContract(plain(number), 0) for number in everybody})
        self._stay = tenure(door.contracts.read(issued[0]).state, issued[0]).removeprefix(issued[0])
        self._do(door.credentials, {number: self._temporary(number) for number in issued})
        for _ in range(3):
            self._do(door.credentials, {number: self._guess(number, matched=False) for number in self.numbers(INVALID)})
        for _ in range(LONG):
            self._do(
                door.credentials, {number: self._guess(number, matched=True) for number in self.numbers(LONG_KNOWN)}
            )

    def numbers(self, kind: str) -> list[str]:
        return [number_of(kind, place) for place in range(ROUNDS)]

    def _temporary(self, number: str) -> NoteTemporaryPassword:
        long_ago = number in self.numbers(EXPIRED)
        at = self.door.clock() - timedelta(hours=25 if long_ago else 1)
        return NoteTemporaryPassword(number, number, "number", self._verifier, at, f"{number}{self._stay}")

    def _guess(self, number: str, *, matched: bool) -> LogIn:
        session_id = f"{self._orders:016x}"
        return LogIn(Guess(self._verifier, matched), session_id, f"{number}{self._stay}", self.door.clock())

    def _do(self, handler: Any, commands: Mapping[str, object]) -> None:
        self._orders += 1
        orders = [Order(number, command, f"{number}:{self._orders}") for number, command in commands.items()]
        assert all(isinstance(result, Done) and result.events for result in handler.handle_many(orders, ACTOR))


@pytest.fixture
def town(database: Database[dict[str, Any]], settings: Settings, keys: Any) -> Town:
    plenty = replace(settings, wrong_per_source=100_000, wrong_overall=100_000)
    store, sessions, limits = MongoStore(database, CODEC), MongoSessions(database), MongoLimits(database)
    for kept in (store, sessions, limits):
        kept.prepare()
    return Town(Door(plenty, keys.caller, store, sessions, limits, OWASP))


@pytest.mark.integration
def test_neither_answer_nor_time_tells_why_a_login_failed(town: Town) -> None:
    chance, answers = random.Random(4), set()
    samples = {clock: {kind: list[float]() for kind in KINDS} for clock in CLOCKS}
    town.door.log_in("0312345678")  # Connects.
    for place in range(ROUNDS):
        for kind in chance.sample(KINDS, len(KINDS)):
            password = TEMPORARY_PASSWORD if kind in RIGHT else "wrong-one"
            started = {clock: read() for clock, read in CLOCKS.items()}
            answer = town.door.log_in(number_of(kind, place), password)
            for clock, read in CLOCKS.items():
                samples[clock][kind].append(read() - started[clock])
            headers = tuple(header for header in answer.headers if header[0] != "X-Correlation-ID")
            answers.add((answer.status_code, answer.data, headers))

    told = {clock: told_apart(seconds) for clock, seconds in samples.items()}
    for clock, seconds in samples.items():
        print(clock, in_words(seconds))

    assert len(answers) == 1
    assert not any(told.values()), [(clock, told[clock], in_words(seconds)) for clock, seconds in samples.items()]


def told_apart(seconds: Mapping[str, Sequence[float]]) -> list[str]:
    """The kinds that take another time than wrong passwords do."""
    wrong = [*seconds[WRONG], *seconds[WRONG_TOO]]
    return [kind for kind in KINDS if abs(difference(seconds[kind], wrong)) > bound(wrong)]


def in_words(seconds: Mapping[str, Sequence[float]]) -> str:
    wrong = [*seconds[WRONG], *seconds[WRONG_TOO]]
    kinds = [f"{kind} {difference(seconds[kind], wrong) * 1000:+.2f}" for kind in KINDS]
    return f"{median(wrong) * 1000:.2f} ms, allowed {bound(wrong) * 1000:.2f}: {', '.join(kinds)}"


@dataclass
class Watched(MemoryStore):
    """A memory store that knows the most events it ever gave to one reader."""

    longest: int = 0

    def load(self, stream: str, shape: str = "") -> Loaded:
        loaded = super().load(stream, shape)
        self.longest = max(self.longest, len(loaded.events))
        return loaded


def test_a_login_reads_no_more_of_a_long_past_than_of_a_short_one(settings: Settings, keys: Any) -> None:
    store = Watched(CODEC)
    door = Door(settings, keys.caller, store)
    door.customer()
    for _ in range(40):
        door.log_in()
    store.longest = 0

    door.log_in(password="wrong-one")

    assert store.longest <= 1


def difference(one: Sequence[float], other: Sequence[float]) -> float:
    return median(one) - median(other)


def bound(same: Sequence[float]) -> float:
    """The most by which the medians of two random halves of the same kind differ, or a twentieth of its median."""
    chance = random.Random(4)
    splits = [chance.sample(same, len(same)) for _ in range(SPLITS)]
    half = len(same) // 2
    return max(0.05 * median(same), *(abs(difference(split[:half], split[half:])) for split in splits))


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.0005, 0.002, 0.005])
@pytest.mark.parametrize("seed", range(10))
def test_the_yardstick_sees_a_password_that_is_not_checked_and_nothing_where_nothing_is(
    noise: float, seed: int
) -> None:
    chance = random.Random(seed)
    wrong = [chance.gauss(0.060, noise) for _ in range(2 * ROUNDS)]
    alike = [chance.gauss(0.060, noise) for _ in range(ROUNDS)]
    unchecked = [chance.gauss(0.020, noise) for _ in range(ROUNDS)]

    assert (abs(difference(alike, wrong)) > bound(wrong), abs(difference(unchecked, wrong)) > bound(wrong)) == (
        False,
        True,
    )
