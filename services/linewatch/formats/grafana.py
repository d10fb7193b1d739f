"""Grafana's webhook: its alerts are Alertmanager's, its signature is its own.

HMAC-SHA256 in hexadecimal over the body, or over `<timestamp>:<body>` where a header for the time is configured
(`http/hmac.go` of grafana/alerting).
"""

import hashlib
import hmac
from datetime import datetime, timedelta

from chassis.errors import Unauthenticated

# Its page and its library call the header differently where none is configured.
SIGNATURES = ("X-Grafana-Alerting-Signature", "X-Grafana-Alert-Signature")
TIMESTAMP = "X-Grafana-Alerting-Timestamp"
OLDEST = timedelta(minutes=5)


def check_signature(secret: str, body: bytes, signature: str | None, timestamp: str | None, at: datetime) -> None:
    """Raises Unauthenticated for a body that was not signed with `secret`, or not lately."""
    signed = body if timestamp is None else timestamp.encode() + b":" + body
    wanted = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted.encode(), (signature or "").strip().lower().encode()):
        raise Unauthenticated("signature-wrong")
    if timestamp is not None and not _is_fresh(timestamp, at):
        raise Unauthenticated("signature-too-old")


def _is_fresh(timestamp: str, at: datetime) -> bool:
    """A time from ahead of us is as suspect as an old one."""
    return timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12 and _age(timestamp, at) <= OLDEST


def _age(timestamp: str, at: datetime) -> timedelta:
    return timedelta(seconds=abs(at.timestamp() - int(timestamp)))
