import base64
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Semaphore

import pytest

from chassis.errors import Unavailable
from chassis.passwords import NICENESS, OWASP, BoundedVerifiers, Cost, Verifiers, make_pepper, read_pepper
from chassis.testing import eventually

PEPPER, OTHER_PEPPER = b"p" * 32, b"q" * 32
CHEAP = Cost(memory=64, passes=1)
PASSWORD = "tsunagu2026"


@pytest.fixture
def verifiers() -> Verifiers:
    return Verifiers(PEPPER, CHEAP)


def test_a_password_matches_its_verifier(verifiers: Verifiers) -> None:
    assert verifiers.matches(verifiers.make(PASSWORD), PASSWORD)


@pytest.mark.parametrize("password", ["", "tsunagu2027", "Tsunagu2026", "tsunagu2026 ", "tsunagu2026\0", "あ" * 1000])
def test_another_password_does_not(verifiers: Verifiers, password: str) -> None:
    assert not verifiers.matches(verifiers.make(PASSWORD), password)


def test_a_verifier_is_worth_nothing_with_another_pepper(verifiers: Verifiers) -> None:
    assert not Verifiers(OTHER_PEPPER, CHEAP).matches(verifiers.make(PASSWORD), PASSWORD)


def test_the_same_password_has_another_verifier_each_time(verifiers: Verifiers) -> None:
    assert verifiers.make(PASSWORD) != verifiers.make(PASSWORD)


def test_with_a_salt_the_verifier_is_always_the_same(verifiers: Verifiers) -> None:
    assert verifiers.make(PASSWORD, b"s" * 16) == verifiers.make(PASSWORD, b"s" * 16)


@pytest.mark.parametrize("verifier", ["", "x", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$AAAA$", "é"])
def test_nothing_matches_what_is_no_verifier(verifiers: Verifiers, verifier: str) -> None:
    assert not verifiers.matches(verifier, PASSWORD)


def test_nobodys_verifier_costs_what_a_real_one_does() -> None:
    verifiers = Verifiers(PEPPER)

    nobody, real = verifiers.of_nobody(), verifiers.make(PASSWORD)

    assert nobody.split("$")[:4] == real.split("$")[:4] == ["", "argon2id", "v=19", "m=19456,t=2,p=1"]
    assert [len(part) for part in nobody.split("$")] == [len(part) for part in real.split("$")]
    assert not verifiers.outdated(nobody)


@pytest.mark.parametrize("password", ["", PASSWORD])
def test_nobodys_verifier_matches_nothing(verifiers: Verifiers, password: str) -> None:
    assert not verifiers.matches(verifiers.of_nobody(), password)


def test_a_verifier_of_another_cost_still_matches_and_is_outdated(verifiers: Verifiers) -> None:
    today = Verifiers(PEPPER, Cost(memory=128, passes=1))
    old = verifiers.make(PASSWORD)

    assert (today.matches(old, PASSWORD), today.outdated(old), today.outdated(today.make(PASSWORD))) == (
        True,
        True,
        False,
    )


def test_the_cost_is_what_owasp_asks_for() -> None:
    assert (OWASP.memory, OWASP.passes, OWASP.lanes) == (19 * 1024, 2, 1)


def test_a_pepper_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "pepper"
    make_pepper(path)
    first = read_pepper(path)

    make_pepper(path)

    assert (read_pepper(path), len(first)) == (first, 32)
    assert path.stat().st_mode & 0o777 == 0o600


def test_verifiers_of_one_file_know_each_other(tmp_path: Path) -> None:
    make_pepper(tmp_path / "pepper")

    verifier = Verifiers.from_file(tmp_path / "pepper").make(PASSWORD)

    assert Verifiers.from_file(tmp_path / "pepper").matches(verifier, PASSWORD)


@pytest.mark.parametrize("content", [b"", base64.b64encode(b"short"), b"no base64 at all!"])
def test_a_file_without_a_pepper_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pepper").write_bytes(content)

    with pytest.raises(ValueError):
        read_pepper(tmp_path / "pepper")


class Slow(Verifiers):
    """Verifiers whose checks take until they are let go; they note how nice their threads are."""

    def __init__(self) -> None:
        super().__init__(PEPPER, CHEAP)
        self.begun, self.go_on = Semaphore(0), Event()
        self.niceness: list[int] = []

    def matches(self, verifier: str, password: str) -> bool:
        self.niceness.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        self.begun.release()
        return self.go_on.wait(20)


def test_the_bounded_ones_answer_as_the_others_do(verifiers: Verifiers) -> None:
    bounded = BoundedVerifiers(verifiers)

    verifier = bounded.make(PASSWORD)

    assert (bounded.matches(verifier, PASSWORD), bounded.matches(bounded.of_nobody(), PASSWORD)) == (True, False)
    assert not bounded.outdated(verifier)


def test_who_comes_when_too_many_wait_is_turned_away_and_nobody_else() -> None:
    slow = Slow()
    bounded = BoundedVerifiers(slow, threads=2, waiting=3)
    with ThreadPoolExecutor(5) as callers:
        waiting = [callers.submit(bounded.matches, "", PASSWORD) for _ in range(5)]
        assert slow.begun.acquire(timeout=20)
        assert slow.begun.acquire(timeout=20)
        eventually(lambda: bounded.free == 0)

        with pytest.raises(Unavailable, match="busy"):
            bounded.matches("", PASSWORD)

        assert not slow.begun.acquire(timeout=0)
        slow.go_on.set()
        assert all(one.result(20) for one in waiting)
    assert bounded.matches("", PASSWORD)


def test_hashing_gives_way_to_what_else_the_process_does() -> None:
    slow = Slow()
    slow.go_on.set()
    before = os.getpriority(os.PRIO_PROCESS, 0)

    BoundedVerifiers(slow).matches("", PASSWORD)

    assert slow.niceness == [min(19, before + NICENESS)]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
