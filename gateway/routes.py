"""Which service answers which path under /api/v1: one line per service, whatever the method.

A path that is not here does not exist outside. `/contracts/<contract_number>/history` and the documentation are the
gateway's own, because they join the answers of several services.
"""

from collections.abc import Mapping
from dataclasses import dataclass

PREFIX = "/api/v1"
MEBIBYTE = 1024 * 1024
MAX_BODY = MEBIBYTE

ROUTES: Mapping[str, tuple[str, ...]] = {
    "auth": ("/contracts", "/contracts/<contract_number>", "/api-keys", "/api-keys/<id>", "/.well-known/jwks.json"),
    "linewatch": ("/line-events", "/line-events/<format>", "/lines/<contract_number>"),
    "bulkforward": (
        "/contracts/<contract_number>/bulk-forward",
        "/contracts/<contract_number>/bulk-forward/<path:rest>",
    ),
    "notify": (
        "/contracts/<contract_number>/fault-notice",
        "/contracts/<contract_number>/fault-notice/<path:rest>",
        "/mails",
        "/mails/<path:rest>",
    ),
}

# Answered without a token.
PUBLIC = frozenset({"/.well-known/jwks.json"})

# Services whose streams tell of what happened to a contract.
HISTORY_OWNERS = ("auth", "linewatch", "bulkforward", "notify")


@dataclass(frozen=True)
class Upload:
    """A path that takes bodies of up to `max_body` bytes and may be silent for `seconds` while it works on them."""

    max_body: int
    seconds: float


UPLOADS: Mapping[str, Upload] = {"/contracts": Upload(64 * MEBIBYTE, 900)}
