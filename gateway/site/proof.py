"""The proof in a form that the page with it came from us, in this very browser.

It is made of a secret that only this browser has, in a cookie that no script can read: the session's token, or before
a login a number made at random. So nothing has to be kept, and a new login makes all older proofs worthless.
"""

import base64
import binascii
import hashlib
import hmac
import secrets

SIZE = 32


def make(secret: str) -> str:
    """A proof for one page. It looks different each time, so that what a page compresses to tells nothing of it."""
    mask = secrets.token_bytes(SIZE)
    return base64.urlsafe_b64encode(mask + _covered(mask, _plain(secret))).decode()


def holds(shown: str, secret: str) -> bool:
    """Whether `shown` was made of this secret."""
    try:
        raw = base64.urlsafe_b64decode(shown.encode())
    except (binascii.Error, ValueError):
        return False
    mask, covered = raw[:SIZE], raw[SIZE:]
    return bool(secret) and len(raw) == 2 * SIZE and hmac.compare_digest(_covered(mask, covered), _plain(secret))


def _plain(secret: str) -> bytes:
    return hmac.digest(secret.encode(), b"tsunagu form", hashlib.sha256)


def _covered(mask: bytes, text: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(mask, text, strict=True))
