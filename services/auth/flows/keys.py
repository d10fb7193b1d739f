"""API keys of machines and operators."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from chassis.auth import Principal
from chassis.errors import Conflict
from chassis.handling import Handler, Once
from chassis.messages import Origin, now
from services.auth.adapters import LastSeen, hash_of
from services.auth.model.keyring import THE_ONE, ApiKey, CreateApiKey, Keyring, RevokeApiKey, Scope, find

# Makes a leaked key easy to recognise for whoever scans for them.
PREFIX = "tsu_"
KEY_ID_LENGTH = 16


@dataclass(frozen=True)
class Keys:
    """API keys: a key is a secret that only its holder knows; we keep its hash."""

    ring: Handler[Keyring]
    last_seen: LastSeen

    def all(self) -> list[ApiKey]:
        return list(self.ring.read(THE_ONE).state.keys.values())

    def create(
        self, name: str, scopes: tuple[Scope, ...], origin: Origin, once: Once | None = None
    ) -> tuple[str, ApiKey]:
        """The key, to be shown once, and what is kept of it. Conflict when `once` made one before: we do not know it
        any more."""
        secret = f"{PREFIX}{secrets.token_urlsafe(32)}"
        key_hash = hash_of(secret)
        command = CreateApiKey(key_hash[:KEY_ID_LENGTH], key_hash, name, scopes, now())
        made = self.ring.handle(THE_ONE, command, origin, once=once).state.keys.get(command.key_id)
        if made is None:
            raise Conflict("key-made-before")
        return secret, made

    def revoke(self, command: RevokeApiKey, origin: Origin) -> None:
        self.ring.handle(THE_ONE, command, origin)

    def caller(self, secret: str, at: datetime) -> Principal | None:
        """Who calls with the key, when it is good."""
        key_hash = hash_of(secret)
        key = find(self.ring.read(THE_ONE).state, key_hash[:KEY_ID_LENGTH], key_hash)
        if key is None:
            return None
        self.last_seen.saw(key.key_id, at)
        return Principal("operator" if "operator" in key.scopes else "machine", key.name, frozenset(key.scopes))
