"""Which service answers which path under /api/v1: one line per service, whatever the method.

A path that is not here does not exist outside. The histories, `/me` and the documentation are the gateway's own,
because they join the answers of several services.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

PREFIX = "/api/v1"
MEBIBYTE = 1024 * 1024
MAX_BODY = MEBIBYTE

ROUTES: Mapping[str, tuple[str, ...]] = {
    "auth": (
        "/contracts",
        "/contracts/<contract_number>",
        "/api-keys",
        "/api-keys/<id>",
        "/sessions",
        "/sessions/current",
        "/sessions/<id>",
        "/password",
        "/.well-known/jwks.json",
    ),
    "ivr": ("/ivr/<path:rest>",),
    "linewatch": (
        "/line-events",
        "/line-events/<format>",
        "/line-events/pagerduty",
        "/line-events/refused/retry",
        "/lines",
        "/lines/<contract_number>",
        "/areas",
        "/areas/<area>",
        "/sources",
    ),
    "bulkforward": (
        "/contracts/<contract_number>/bulk-forward",
        "/contracts/<contract_number>/bulk-forward/csv",
        "/contracts/<contract_number>/bulk-forward/<path:rest>",
    ),
    "voicewarp": (
        "/numbers/<number>/voicewarp",
        "/numbers/<number>/voicewarp/<path:rest>",
        "/numbers/<number>/routing",
        "/me/voicewarp",
        "/me/routing",
        "/calls",
        "/calls/<call_id>/outcome",
    ),
    "notify": (
        "/contracts/<contract_number>/fault-notice",
        "/contracts/<contract_number>/fault-notice/<path:rest>",
        "/numbers/<number>/incoming-mail",
        "/numbers/<number>/incoming-mail/<path:rest>",
        "/numbers/<number>/fax-mail/undeliverable",
        "/me/incoming-mail",
        "/mails",
        "/mails/<path:rest>",
    ),
    "faxstore": (
        "/numbers/<number>/fax-mail",
        "/numbers/<number>/fax-mail/<path:rest>",
        "/numbers/<number>/faxes",
        "/numbers/<number>/faxes/<path:rest>",
        "/me/fax-mail",
        "/faxes",
    ),
}

# Operations that are answered without a token, as "METHOD /path".
PUBLIC = frozenset({"GET /.well-known/jwks.json", "POST /sessions"})

# Asked without a token too: before it sends, a CloudEvents source asks whether it may.
HANDSHAKES = frozenset({"OPTIONS /line-events"})
TOKENLESS = PUBLIC | HANDSHAKES

# Here an API key may also be the password of basic authentication, whatever the name.
PASSWORDS = frozenset(
    {"POST /line-events", "POST /line-events/<format>", "PUT /line-events/<format>", "POST /line-events/pagerduty"}
)
# And here, where there is no Authorization header, the `routing_key` of the body.
KEY_IN_BODY = frozenset({"POST /line-events/pagerduty"})

# A password is hashed for these, so only so many are let in at a time. What is more than the hashing threads can do
# within a second or two is better turned away: each waits in a thread here and in one of auth's.
HASHING = frozenset({"POST /sessions", "PUT /password"})
MOST_HASHING = 50
BUSY_SECONDS = 2

# These end sessions, so what is remembered of their caller is forgotten.
ENDING = frozenset({"DELETE /sessions/current", "DELETE /sessions/<id>", "PUT /password"})

# Joined histories, and the services whose streams tell a part of each.
HISTORIES: Mapping[str, tuple[str, ...]] = {
    "/contracts/<contract_number>/history": ("auth", "linewatch", "bulkforward", "notify"),
    "/numbers/<number>/history": ("auth", "voicewarp", "notify", "faxstore"),
}


class State(NamedTuple):
    """Where the state of an option is read, and which of the setting's fields are enough at a glance."""

    service: str
    path: str
    glance: tuple[str, ...]


# What `/me` shows of each option; one that is not here has no service yet.
STATES: Mapping[str, State] = {
    "voicewarp": State("voicewarp", "/numbers/{number}/voicewarp", ("started",)),
    "incoming-mail": State("notify", "/numbers/{number}/incoming-mail", ("started",)),
    "fax-mail": State("faxstore", "/numbers/{number}/fax-mail", ("started",)),
    "bulk-forward": State("bulkforward", "/contracts/{contract_number}/bulk-forward", ("running", "cause", "since")),
    "fault-notice": State("notify", "/contracts/{contract_number}/fault-notice", ("started",)),
}


@dataclass(frozen=True)
class Upload:
    """A path that takes bodies of up to `max_body` bytes and may be silent for `seconds` while it works on them."""

    max_body: int
    seconds: float


UPLOADS: Mapping[str, Upload] = {
    "/contracts": Upload(64 * MEBIBYTE, 900),
    # The service takes 1 MiB and says in words of its own that a file is larger.
    "/contracts/<contract_number>/bulk-forward/csv": Upload(8 * MEBIBYTE, 30),
    # The service takes documents of 20 MiB and says in words of its own that one is larger.
    "/faxes": Upload(24 * MEBIBYTE, 120),
}
