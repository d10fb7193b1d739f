"""The whole of auth on stand-ins, with customers in front of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import jwt

from chassis.auth import Principal
from chassis.handling import Handler
from chassis.limits import Limits, MemoryLimits
from chassis.memory_store import MemoryStore
from chassis.messages import now
from chassis.passwords import Cost, Verifiers
from chassis.store import EventStore
from chassis.testing import OPERATOR, FixedClock
from contracts.auth import Contract
from contracts.ivr import Unit
from services.auth.adapters import MemoryClaims, MemoryLastSeen, MemorySessions, Sessions
from services.auth.bootstrap import CODEC, build
from services.auth.model import contract, credential
from services.auth.model.contract import ImportContract, RemoveContract, tenure
from services.auth.model.credential import NoteTemporaryPassword
from services.auth.settings import Settings
from services.auth.tests.examples import CONTRACT, NUMBER

Headers = dict[str, str]
# As safe as nothing, and as quick.
CHEAP = Cost(memory=8, passes=1)
TEMPORARY_PASSWORD, PASSWORD, NEXT_PASSWORD = "13572468", "tsunagu2026", "tsunagu2027"


@dataclass
class Door:
    """auth with the guide's contract. `caller` signs tokens of now, wherever the door's own clock stands."""

    settings: Settings
    caller: Callable[[Principal], Headers]
    store: EventStore = field(default_factory=lambda: MemoryStore(CODEC))
    sessions: Sessions = field(default_factory=MemorySessions)
    limits: Limits = field(default_factory=MemoryLimits)
    cost: Cost = CHEAP
    clock: FixedClock = field(default_factory=lambda: FixedClock(now()))
    source: str = "192.0.2.7"

    def __post_init__(self) -> None:
        self.verifiers = Verifiers(b"p" * 32, self.cost)
        self.contracts = Handler(self.store, contract.DECIDER, contract.CATEGORY, clock=self.clock)
        self.credentials = Handler(
            self.store, credential.DECIDER, credential.CATEGORY, clock=self.clock, snapshot_every=1
        )
        self.app = build(
            self.settings,
            store=self.store,
            claims=MemoryClaims(),
            last_seen=MemoryLastSeen(),
            sessions=self.sessions,
            limits=self.limits,
            verifiers=self.verifiers,
            clock=self.clock,
        ).app()
        self.imports(CONTRACT)

    def imports(self, wanted: Contract) -> None:
        changes = self.contracts.read(wanted.contract_number).state.changes
        self.contracts.handle(wanted.contract_number, ImportContract(wanted, changes), OPERATOR)

    def removes(self, contract_number: str) -> None:
        self.contracts.handle(contract_number, RemoveContract(), OPERATOR)

    def issue(
        self,
        number: str = NUMBER,
        unit: Unit = "line",
        password: str = TEMPORARY_PASSWORD,
        contract_number: str = NUMBER,
        at: datetime | None = None,
    ) -> None:
        """A temporary password was set by telephone."""
        stay = tenure(self.contracts.read(contract_number).state, number)
        verifier = self.verifiers.make(password)
        command = NoteTemporaryPassword(number, contract_number, unit, verifier, at or self.clock(), stay)
        self.credentials.handle(number, command, OPERATOR)

    def log_in(self, number: str = NUMBER, password: str = PASSWORD, source: str = "") -> Any:
        body = {"number": number, "password": password}
        headers = {"X-Forwarded-For": source or self.source}
        return self.app.test_client().post("/sessions", json=body, headers=headers)

    def customer(self, number: str = NUMBER, unit: Unit = "line", password: str = PASSWORD) -> Headers:
        """A customer who has set a password of their own and is logged in."""
        self.issue(number, unit)
        restricted = self.headers(self.log_in(number, TEMPORARY_PASSWORD).json["token"])
        return self.headers(self.change(restricted, TEMPORARY_PASSWORD, password).json["token"])

    def exchange(self, token: str) -> Any:
        return self.app.test_client().post("/tokens", json={"bearer": token})

    def headers(self, token: str) -> Headers:
        """What the gateway sends on for a session token."""
        said = jwt.decode(self.exchange(token).json["token"], options={"verify_signature": False})
        who = Principal(
            said["kind"],
            said["sub"],
            frozenset(said["scopes"]),
            said["contract_number"],
            frozenset(said["numbers"]),
            said["all_numbers"],
            said["unit"],
            said["session_id"],
            said["restricted"],
        )
        return self.caller(who) | {"X-Forwarded-For": self.source}

    def change(self, headers: Headers, current: str, new: str, again: str | None = None) -> Any:
        body = {"current": current, "new": new, "new_again": new if again is None else again}
        return self.app.test_client().put("/password", json=body, headers=headers)

    def get(self, path: str, headers: Headers) -> Any:
        return self.app.test_client().get(path, headers=headers)

    def delete(self, path: str, headers: Headers) -> Any:
        return self.app.test_client().delete(path, headers=headers)

    def events(self, number: str = NUMBER) -> list[str]:
        """What was recorded of a number, by name."""
        return [one.type for one in self.store.load(f"credential-{number}").events]
