"""Where monitoring programs show their API key that know no bearer: as a password, or in the body as PagerDuty's do.

On the paths for reports only. Nobody's browser is ever asked for a password of this kind, so none sends one by itself.
"""

import base64
import binascii

import msgspec

from gateway import routes


class _Routed(msgspec.Struct):
    """What is read of an event of PagerDuty's kind."""

    routing_key: str = ""


def bearer_of(operation: str, authorization: str | None, body: object) -> str | None:
    """The Authorization header as if a bearer had been sent; unchanged where there is none to make of it.

    A header goes before the body, whatever is in it.
    """
    if authorization is None and operation in routes.KEY_IN_BODY:
        key = _routing_key(body)
    elif operation in routes.PASSWORDS:
        key = _password(authorization or "")
    else:
        key = ""
    return f"Bearer {key}" if key else authorization


def _routing_key(body: object) -> str:
    try:
        return msgspec.json.decode(body, type=_Routed).routing_key if isinstance(body, bytes) else ""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _password(authorization: str) -> str:
    """RFC 7617; the name may be anything."""
    scheme, _, said = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(said.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""
