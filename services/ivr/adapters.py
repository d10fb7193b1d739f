"""The vault that keeps what is typed from whoever reads the events and makes verifiers, and the order of passwords."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pymongo import ReturnDocument
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from chassis.mongo import Document, reachable
from chassis.passwords import Verifiers, read_pepper


@dataclass(frozen=True)
class PepperVault:
    """See `services.ivr.model.Vault`; its keys come from the pepper. Safe to share between threads.

    AES-SIV, because a decision that is taken again after a lost race seals other digits with the same noise, which a
    mode that must never see a nonce twice would not forgive.
    """

    verifiers: Verifiers
    sealing: AESSIV
    fingerprints: bytes

    @classmethod
    def from_file(cls, path: Path) -> "PepperVault":
        """With the pepper of a file that `chassis.passwords.make_pepper` wrote."""
        return cls.of(read_pepper(path))

    @classmethod
    def of(cls, pepper: bytes) -> "PepperVault":
        return cls(Verifiers(pepper), AESSIV(_key(pepper, "seal", 64)), _key(pepper, "fingerprint", 32))

    def seal(self, digits: str, call_id: str, noise: bytes) -> str:
        sealed = self.sealing.encrypt(digits.encode(), [call_id.encode(), noise])
        return base64.b64encode(noise + sealed).decode()

    def open(self, sealed: str, call_id: str) -> str:
        data = base64.b64decode(sealed)
        noise, ciphertext = data[:NOISE_BYTES], data[NOISE_BYTES:]
        return self.sealing.decrypt(ciphertext, [call_id.encode(), noise]).decode()

    def verifier(self, password: str, salt: bytes) -> str:
        return self.verifiers.make(password, salt)

    def fingerprint(self, text: str) -> str:
        """A name for a text from which nobody without the pepper can try out what the text was."""
        return hmac.digest(self.fingerprints, text.encode(), hashlib.sha256).hex()


NOISE_BYTES = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _key(pepper: bytes, use: str, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=f"tsunagu ivr {use}".encode()).derive(pepper)


class Sequence(Protocol):
    """Numbers that grow, whatever the clocks of our processes do."""

    def next(self, at: datetime) -> int:
        """Larger than every number before. It is the microseconds of `at` unless these are not, so that it grows on
        also where the numbers were lost, as with an old backup."""


@dataclass(frozen=True)
class MongoSequence:
    """One document, changed by single commands; durable before the number is used."""

    db: Database[Document]

    def next(self, at: datetime) -> int:
        with reachable():
            try:
                return self._next(at)
            except DuplicateKeyError:  # Somebody else was the first of all at the same moment.
                return self._next(at)

    def _next(self, at: datetime) -> int:
        one_more = {"$add": [{"$ifNull": ["$last", 0]}, 1]}
        change = [{"$set": {"last": {"$max": [one_more, _microseconds(at)]}}}]
        kept: Any = self.db["sequence"].find_one_and_update(
            {"_id": "passwords"}, change, upsert=True, return_document=ReturnDocument.AFTER
        )
        return int(kept["last"])


@dataclass
class MemorySequence:
    """A stand-in with the same promise, within one thread."""

    last: int = 0

    def next(self, at: datetime) -> int:
        self.last = max(self.last + 1, _microseconds(at))
        return self.last


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
