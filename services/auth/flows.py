"""What takes more than one command of one stream: importing contracts, and keys with the tokens made for them."""

import hashlib
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chassis.auth import Kind, Principal, TokenIssuer, jwks
from chassis.errors import FieldError, Rejected, Unauthenticated
from chassis.handling import Done, Failed, Handler, Order, Refused
from chassis.messages import Origin, now
from contracts.auth import Contract, ContractImported
from services.auth.adapters import Claim, Claims, LastSeen, distinct
from services.auth.model.contract import Holder, ImportContract, check, names
from services.auth.model.keyring import THE_ONE, ApiKey, CreateApiKey, Keyring, RevokeApiKey, Scope, find

# A claim younger than this may belong to an import that is just about to commit.
IMPORT_TAKES = timedelta(seconds=60)
# Makes a leaked key easy to recognise for whoever scans for them.
PREFIX = "tsu_"
KEY_ID_LENGTH = 16


@dataclass(frozen=True)
class Imported:
    """What became of one contract: `imported`, `changed`, `unchanged`, or `rejected` with why."""

    result: str
    problem: Rejected | None = None


@dataclass(frozen=True)
class Register:
    """All contracts, so that a number and a circuit belong to one at most."""

    contracts: Handler[Holder]
    claims: Claims

    def take(self, contracts: Sequence[Contract], origin: Origin) -> list[Imported]:
        """An answer for each, in order. A refused contract changes nothing; repeating all is safe.

        A contract that stands twice in one call counts as it stands last.
        """
        problems = [_problem(contract) for contract in contracts]
        good = {c.contract_number: c for c, problem in zip(contracts, problems, strict=True) if not problem}
        taken = self._taken(list(good.values()))
        free = [contract for number, contract in good.items() if number not in taken]
        results = self._commit(free, origin)
        return [
            Imported("rejected", problem or taken.get(contract.contract_number))
            if problem or contract.contract_number in taken
            else results[contract.contract_number]
            for contract, problem in zip(contracts, problems, strict=True)
        ]

    def _taken(self, contracts: Sequence[Contract]) -> dict[str, Rejected]:
        """The contracts that want what another has."""
        at = now()
        wanted, late = distinct([(name, c.contract_number) for c in contracts for name in sorted(names(c))])
        others = self.claims.take({name: c for name, c in wanted.items() if c not in late}, at)
        held = {name: claim for name, claim in others.items() if not self._free(name, claim, wanted[name], at)}
        refused = {wanted[name]: _name_taken(name) for name in held}
        return {**{contract: Rejected("number-taken", field="numbers") for contract in late}, **refused}

    def _free(self, name: str, claim: Claim, contract_number: str, at: datetime) -> bool:
        """Takes a claim over whose contract does not have the name: it gave it up, or never came to have it."""
        outcome = self.contracts.read(claim.contract_number)
        if outcome.state.contract and name in names(outcome.state.contract):
            return False
        events = self.contracts.history(claim.contract_number, 0, 1)
        resolved = bool(events) and events[0].at > claim.at
        if not resolved and at - claim.at < IMPORT_TAKES:
            return False
        return self.claims.take_over(name, claim, contract_number, at)

    def _commit(self, contracts: Sequence[Contract], origin: Origin) -> Mapping[str, Imported]:
        orders = [
            Order(c.contract_number, ImportContract(c), f"import:{uuid.uuid4().hex}", origin.correlation_id, mark=False)
            for c in contracts
        ]
        results = self.contracts.handle_many(orders, origin.actor)
        return {order.id: _imported(result) for order, result in zip(orders, results, strict=True)}


def _problem(contract: Contract) -> Rejected | None:
    try:
        check(contract)
    except Rejected as problem:
        return problem
    return None


def _name_taken(name: str) -> Rejected:
    if name.startswith("circuit:"):
        return Rejected("circuit-taken", errors=[FieldError("circuit", "circuit-taken")])
    return Rejected("number-taken", errors=[FieldError(f"numbers.{name}", "number-taken")])


def _imported(result: object) -> Imported:
    match result:
        case Done(events=()):
            return Imported("unchanged")
        case Done(events=(ContractImported(), *_)):
            return Imported("imported")
        case Done():
            return Imported("changed")
        case Refused(code=code):
            return Imported("rejected", Rejected(code))
        case Failed(error=error):
            raise error
        case _:
            return Imported("unchanged")


@dataclass(frozen=True)
class Keys:
    """API keys: a key is a secret that only its holder knows; we keep its hash."""

    ring: Handler[Keyring]
    last_seen: LastSeen
    issuer: TokenIssuer
    lifetime: timedelta

    def all(self) -> list[ApiKey]:
        return list(self.ring.read(THE_ONE).state.keys.values())

    def create(self, name: str, scopes: tuple[Scope, ...], origin: Origin) -> tuple[str, ApiKey]:
        """The key, to be shown once, and what is kept of it."""
        secret = f"{PREFIX}{secrets.token_urlsafe(32)}"
        key_hash = _hash(secret)
        command = CreateApiKey(key_hash[:KEY_ID_LENGTH], key_hash, name, scopes, now())
        ring = self.ring.handle(THE_ONE, command, origin).state
        return secret, ring.keys[command.key_id]

    def revoke(self, command: RevokeApiKey, origin: Origin) -> None:
        self.ring.handle(THE_ONE, command, origin)

    def token_for(self, bearer: str, at: datetime) -> tuple[str, int]:
        """A signed token for the key, and its lifetime in seconds; Unauthenticated when the key is not good."""
        key_hash = _hash(bearer)
        key = find(self.ring.read(THE_ONE).state, key_hash[:KEY_ID_LENGTH], key_hash)
        if key is None:
            raise Unauthenticated("token-invalid")
        self.last_seen.saw(key.key_id, at)
        kind: Kind = "operator" if "operator" in key.scopes else "machine"
        who = Principal(kind, key.name, frozenset(key.scopes))
        return self.issuer.issue(who, lifetime=self.lifetime, at=at), int(self.lifetime.total_seconds())

    def jwks(self) -> dict[str, Any]:
        return jwks(self.issuer.key)


def _hash(secret: str) -> str:
    """A key has 256 random bits, so a plain hash keeps it as safe as a slow one would."""
    return hashlib.sha256(secret.encode()).hexdigest()
