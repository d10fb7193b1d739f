"""One sentence for the page after the next: what was done, and how it is undone. It waits in a cookie."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import msgspec

from gateway.site.showing import now

UNDO = timedelta(seconds=60)


@dataclass(frozen=True)
class Notice:
    """`undo` is the path of the order that takes it back, for a minute; "" where there is none."""

    sentence: str
    kind: Literal["done", "attention"] = "done"
    undo: str = ""
    back: str = ""
    at: float = 0.0

    @property
    def can_undo(self) -> bool:
        return bool(self.undo) and now().timestamp() - self.at < UNDO.total_seconds()


def write(notice: Notice, secret: str) -> str:
    """The cookie's text. Nobody without this browser's secret can make one."""
    text = base64.urlsafe_b64encode(msgspec.json.encode(notice)).decode()
    return f"{text}.{_seal(text, secret)}"


def read(cookie: str, secret: str) -> Notice | None:
    """What was written; None for anything else."""
    text, _, seal = cookie.partition(".")
    if not (text and secret and hmac.compare_digest(seal.encode(), _seal(text, secret).encode())):
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text), type=Notice)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None


def _seal(text: str, secret: str) -> str:
    return hmac.digest(secret.encode(), f"tsunagu notice {text}".encode(), hashlib.sha256).hex()
