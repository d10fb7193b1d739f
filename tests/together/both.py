"""auth and ivr on stand-ins, as their callers meet them. The test carries the news between them.

They have one clock, unless a test sets the telephone's back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import jwt

from chassis.auth import AUDIENCE, ISSUER, Principal, TokenIssuer, read_jwks
from chassis.consumer import Intake
from chassis.handling import Handler
from chassis.limits import MemoryLimits
from chassis.memory_store import MemoryStore
from chassis.messages import Codec, Recorded, now
from chassis.passwords import Cost, Verifiers, read_pepper
from chassis.testing import FixedClock, deliver
from chassis.views import Views
from contracts import events_of
from services.auth import bootstrap as auth
from services.auth.adapters import MemoryClaims, MemoryLastSeen, MemorySessions
from services.auth.model import contract, credential
from services.auth.reactions import reactions
from services.auth.settings import Settings as AuthSettings
from services.ivr import bootstrap as ivr
from services.ivr.adapters import MemorySequence, PepperVault
from services.ivr.settings import Settings as IvrSettings
from services.ivr.tests.stand_ins import MemoryContracts

# As safe as nothing, and quick. What comes from the telephone is made anew at the first login.
CHEAP, OTHERWISE_CHEAP = Cost(memory=8, passes=1), Cost(memory=8, passes=2)
# How often one may guess within minutes is another test's.
MANY = 1_000_000
# Nothing is ever asked of engines.
NOWHERE = ("mongodb://127.0.0.1:1/", ("127.0.0.1:1",))


@dataclass(frozen=True)
class KeyFiles:
    """The keys of both services."""

    signing: Path
    public: Path
    pepper: Path


@dataclass
class Both:
    """Both services, as new. Each request is made a moment after the one before."""

    files: KeyFiles
    clock: FixedClock = field(default_factory=FixedClock)
    # How far the telephone's clock stands behind.
    ivr_behind: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        pepper = read_pepper(self.files.pepper)
        self.verifiers = Verifiers(pepper, CHEAP)
        self.said_by_auth, self.said_by_ivr = MemoryStore(auth.CODEC), MemoryStore(ivr.CODEC)
        self.contracts = MemoryContracts()
        self._issuer = TokenIssuer.from_file(self.files.signing)
        self._auth = self._build_auth().app().test_client()
        self._ivr = self._build_ivr(pepper).app().test_client()
        self._auth_hears = Intake(auth.NAME, Codec(events_of(*auth.HEARD)), self._reactions())
        self._ivr_hears = Intake(ivr.NAME, Codec(events_of(*ivr.HEARD)), {}, cast(Views, self.contracts))
        self._desk = self.headers(Principal("operator", "desk", frozenset({"operator"})))
        self._exchange = self.headers(Principal("machine", "exchange", frozenset({"ivr"})))

    def _build_auth(self) -> Any:
        settings = AuthSettings(
            *NOWHERE,
            self.files.public,
            self.files.signing,
            self.files.pepper,
            wrong_per_number=MANY,
            wrong_per_number_and_source=MANY,
            wrong_per_source=MANY,
            wrong_overall=MANY,
        )
        return auth.build(
            settings,
            store=self.said_by_auth,
            claims=MemoryClaims(),
            last_seen=MemoryLastSeen(),
            sessions=MemorySessions(),
            limits=MemoryLimits(),
            verifiers=self.verifiers,
            clock=self.clock,
        )

    def _build_ivr(self, pepper: bytes) -> Any:
        safe = PepperVault.of(pepper)
        vault = PepperVault(Verifiers(pepper, OTHERWISE_CHEAP), safe.sealing, safe.fingerprints)
        views = cast(Views, self.contracts)
        settings = IvrSettings(*NOWHERE, self.files.public, self.files.pepper)
        return ivr.build(
            settings, store=self.said_by_ivr, views=views, vault=vault, sequence=MemorySequence(), clock=self._ivr_clock
        )

    def _ivr_clock(self) -> datetime:
        return self.clock() - self.ivr_behind

    def _reactions(self) -> Any:
        """Of a process of its own, as auth's worker is one."""
        contracts = Handler(self.said_by_auth, contract.DECIDER, contract.CATEGORY, clock=self.clock)
        credentials = Handler(self.said_by_auth, credential.DECIDER, credential.CATEGORY, clock=self.clock)
        return reactions(credentials, contracts)

    def headers(self, who: Principal, **others: str) -> dict[str, str]:
        """Of a request that the gateway has found to be of `who`. Tokens are checked by the real clock."""
        token = self._issuer.issue(who, lifetime=timedelta(minutes=5), at=now())
        return {"Authorization": f"Bearer {token}", **others}

    # Operators.

    def put_contract(self, number: str, numbers: frozenset[str]) -> Any:
        about = {"circuit": "", "contractor": "", "site": "", "options": []}
        body = {"contract_number": number, **about, "numbers": {one: ["voicewarp"] for one in sorted(numbers)}}
        self.clock.advance(milliseconds=1)
        return self._auth.put(f"/contracts/{number}", json=body, headers=self._desk)

    def remove_contract(self, number: str) -> Any:
        self.clock.advance(milliseconds=1)
        return self._auth.delete(f"/contracts/{number}", headers=self._desk)

    # The telephone.

    def telephone(self, method: str, path: str, body: Mapping[str, Any] | None, key: str) -> Any:
        self.clock.advance(milliseconds=1)
        headers = self._exchange | {"Idempotency-Key": key}
        return self._ivr.open(f"/ivr/calls{path}", method=method, json=body, headers=headers)

    # Customers.

    def log_in(self, number: str, password: str, source: str) -> Any:
        self.clock.advance(milliseconds=1)
        body = {"number": number, "password": password}
        return self._auth.post("/sessions", json=body, headers={"X-Forwarded-For": source})

    def exchange(self, token: str) -> Any:
        self.clock.advance(milliseconds=1)
        return self._auth.post("/tokens", json={"bearer": token})

    def caller(self, token: str) -> Principal | None:
        """Whom a session token stands for: what our signature says, whenever it says it."""
        answer = self.exchange(token)
        if answer.status_code == 401:
            return None
        signed = answer.json["token"]
        key = read_jwks(self.files.public)[jwt.get_unverified_header(signed)["kid"]]
        claims = jwt.decode(
            signed,
            key,
            algorithms=["EdDSA"],
            issuer=ISSUER,
            audience=AUDIENCE,
            options={"verify_exp": False, "verify_iat": False},
        )
        assert (claims["kind"], claims["scopes"]) == ("customer", [])
        now = self.clock().timestamp()
        assert now - 16 < claims["iat"] <= now
        assert claims["exp"] - claims["iat"] == 60
        assert 0 <= claims["exp"] - now - answer.json["expires_in"] < 1
        return Principal(
            "customer",
            claims["sub"],
            frozenset(),
            claims["contract_number"],
            frozenset(claims["numbers"]),
            claims["all_numbers"],
            claims["unit"],
            claims["session_id"],
            claims["restricted"],
        )

    def change_password(self, who: Principal, current: str, new: str) -> Any:
        self.clock.advance(milliseconds=1)
        body = {"current": current, "new": new, "new_again": new}
        return self._auth.put("/password", json=body, headers=self.headers(who))

    def end_session(self, who: Principal, session: str) -> Any:
        self.clock.advance(milliseconds=1)
        return self._auth.delete(f"/sessions/{session}", headers=self.headers(who))

    # News.

    def contract_news(self, number: str) -> tuple[Recorded, ...]:
        return self.said_by_auth.load(f"contract-{number}").events

    def passwords_issued(self, call_id: str) -> list[Recorded]:
        return [one for one in self.said_by_ivr.load(f"call-{call_id}").events if one.type == "PasswordIssued"]

    def auth_hears(self, *news: Recorded) -> None:
        self.clock.advance(milliseconds=1)
        assert deliver(self._auth_hears, *news) == []

    def ivr_hears(self, *news: Recorded) -> None:
        assert deliver(self._ivr_hears, *news) == []
