"""Passwords as they are kept: peppered Argon2id verifiers, made by whoever takes a password and checked by auth.

The pepper is a secret of the processes that hold it and stands in no database: verifiers that leak, from a store or
from a topic, cannot be guessed at without it.
"""

import base64
import hashlib
import hmac
import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from chassis.auth import write_whole
from chassis.errors import Unavailable

Result = TypeVar("Result")

PEPPER_BYTES = 32
SALT_BYTES = 16
HASH_BYTES = 32
NICENESS = 2


@dataclass(frozen=True)
class Cost:
    """What one hash costs: memory in KiB, passes over it, and lanes that could run beside each other."""

    memory: int
    passes: int
    lanes: int = 1


# The first of the equal choices in OWASP's Password Storage Cheat Sheet that fits several hashes at once.
OWASP = Cost(memory=19_456, passes=2)


class Verifiers:
    """Makes verifiers and checks passwords against them. Slow on purpose: tens of milliseconds of processor each time,
    outside of Python's lock. Safe to share between threads."""

    def __init__(self, pepper: bytes, cost: Cost = OWASP) -> None:
        self._pepper = pepper
        self._hasher = PasswordHasher(cost.passes, cost.memory, cost.lanes, HASH_BYTES, SALT_BYTES, type=Type.ID)
        self._cost = cost

    @classmethod
    def from_file(cls, path: Path) -> "Verifiers":
        """With the pepper of a file that `make_pepper` wrote."""
        return cls(read_pepper(path))

    def make(self, password: str, salt: bytes | None = None) -> str:
        """A new verifier; with a `salt` of 16 bytes always the same one."""
        return self._hasher.hash(self._peppered(password), salt=salt)

    def matches(self, verifier: str, password: str) -> bool:
        """Whether the verifier was made of this password with this pepper. False for what is no verifier."""
        try:
            return self._hasher.verify(verifier.encode(), self._peppered(password))
        except (VerificationError, InvalidHashError):
            return False

    def outdated(self, verifier: str) -> bool:
        """Whether today's verifiers cost something else, so that this one should be made anew when its password is at
        hand."""
        return self._hasher.check_needs_rehash(verifier)

    def of_nobody(self) -> str:
        """A verifier that no password matches, to be checked where there is none: it costs the same."""
        salt, digest = (_unpadded(secrets.token_bytes(size)) for size in (SALT_BYTES, HASH_BYTES))
        return f"$argon2id$v=19$m={self._cost.memory},t={self._cost.passes},p={self._cost.lanes}${salt}${digest}"

    def _peppered(self, password: str) -> bytes:
        """Of one length whatever the password's, so that a long one costs no more."""
        return base64.b64encode(hmac.digest(self._pepper, password.encode("utf-8", "surrogatepass"), hashlib.sha256))


class BoundedVerifiers:
    """Verifiers whose work is done by `threads` threads that give way to all other work of the machine, while at most
    `waiting` callers wait for them: more of them are told at once that it is too much, Unavailable `busy`."""

    def __init__(self, verifiers: Verifiers, threads: int = 2, waiting: int = 48) -> None:
        self._verifiers = verifiers
        self.free = threads + waiting
        self._lock = threading.Lock()
        # On Linux niceness is a thread's own.
        self._pool = ThreadPoolExecutor(threads, "hashing", initializer=_give_way)

    def make(self, password: str) -> str:
        return self._done(lambda: self._verifiers.make(password))

    def matches(self, verifier: str, password: str) -> bool:
        return self._done(lambda: self._verifiers.matches(verifier, password))

    def outdated(self, verifier: str) -> bool:
        return self._verifiers.outdated(verifier)

    def of_nobody(self) -> str:
        return self._verifiers.of_nobody()

    def _done(self, work: Callable[[], Result]) -> Result:
        with self._lock:
            if not self.free:
                raise Unavailable("busy")
            self.free -= 1
        try:
            return self._pool.submit(work).result()
        finally:
            with self._lock:
                self.free += 1


def _give_way() -> None:
    os.nice(NICENESS)


def _unpadded(data: bytes) -> str:
    return base64.b64encode(data).rstrip(b"=").decode()


def make_pepper(path: Path) -> None:
    """Writes a new pepper (base64, mode 600) unless there is one: with another one no password matches any more."""
    if not path.exists():
        write_whole(path, base64.b64encode(secrets.token_bytes(PEPPER_BYTES)) + b"\n", mode=0o600)


def read_pepper(path: Path) -> bytes:
    """The pepper of a file; ValueError when the file holds anything else than 32 bytes in base64."""
    pepper = base64.b64decode(path.read_bytes().strip(), validate=True)
    if len(pepper) != PEPPER_BYTES:
        raise ValueError(f"{path} must hold {PEPPER_BYTES} bytes in base64")
    return pepper
