"""The vault that keeps what is typed from whoever reads the events, and that makes verifiers."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

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


def _key(pepper: bytes, use: str, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=f"tsunagu ivr {use}".encode()).derive(pepper)
