"""API keys of machines and operators: hashed, with scopes, revoked for good (spec section 0).

All keys are one small stream, so a list of them is never behind.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, assert_never

from chassis.decider import Decider, replace
from chassis.errors import NotFound, Rejected

CATEGORY = "keyring"
THE_ONE = "all"
Scope = Literal["line-events", "calls", "ivr", "faxes", "operator"]
SCOPES: tuple[Scope, ...] = ("line-events", "calls", "ivr", "faxes", "operator")


@dataclass(frozen=True)
class ApiKeyCreated:
    """A key is good from now on. `key_id` is derived from its hash and does not open anything."""

    key_id: str
    key_hash: str
    name: str
    scopes: tuple[Scope, ...]
    at: datetime


@dataclass(frozen=True)
class ApiKeyRevoked:
    """The key is good no more."""

    key_id: str


Event = ApiKeyCreated | ApiKeyRevoked
PRIVATE_EVENTS = (ApiKeyCreated, ApiKeyRevoked)


@dataclass(frozen=True)
class ApiKey:
    """One key as it is shown."""

    key_id: str
    key_hash: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    revoked: bool = False


@dataclass(frozen=True)
class Keyring:
    """All keys by id, the revoked ones too."""

    keys: Mapping[str, ApiKey] = field(default_factory=dict)


@dataclass(frozen=True)
class CreateApiKey:
    """A new key."""

    key_id: str
    key_hash: str
    name: str
    scopes: tuple[Scope, ...]
    at: datetime


@dataclass(frozen=True)
class RevokeApiKey:
    """Revoking twice is once."""

    key_id: str


Command = CreateApiKey | RevokeApiKey


def evolve(ring: Keyring, event: Event) -> Keyring:
    match event:
        case ApiKeyCreated(key_id, key_hash, name, scopes, at):
            return Keyring({**ring.keys, key_id: ApiKey(key_id, key_hash, name, scopes, at)})
        case ApiKeyRevoked(key_id):
            return Keyring({**ring.keys, key_id: replace(ring.keys[key_id], revoked=True)})
        case _:
            assert_never(event)


def decide(command: Command, ring: Keyring) -> list[Event]:
    match command:
        case CreateApiKey(key_id, key_hash, name, scopes, at):
            if not scopes or not set(scopes) <= set(SCOPES):
                raise Rejected("unknown-scope", field="scopes")
            return [ApiKeyCreated(key_id, key_hash, name, tuple(dict.fromkeys(scopes)), at)]
        case RevokeApiKey(key_id):
            if key_id not in ring.keys:
                raise NotFound("not-found")
            return [] if ring.keys[key_id].revoked else [ApiKeyRevoked(key_id)]
        case _:
            assert_never(command)


def find(ring: Keyring, key_id: str, key_hash: str) -> ApiKey | None:
    """The key, when it is good."""
    key = ring.keys.get(key_id)
    return key if key and key.key_hash == key_hash and not key.revoked else None


DECIDER: Decider[Keyring] = Decider(Keyring(), decide, evolve)
