"""What auth keeps beside its commits: who claims which number, when a key was last seen, whose a session token is."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from pymongo import UpdateOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from chassis.mongo import DUPLICATE_KEY, Document, reachable


@dataclass(frozen=True)
class Claim:
    """A contract has, or is about to have, a name that only one contract may have.

    `changes` is how often the contract had changed when this was claimed: once it has changed again, that import is
    over, one way or the other.
    """

    contract_number: str
    changes: int
    at: datetime


class Claims(Protocol):
    """Names and the contracts that claim them. A claim is made before the contract's commit and never given back:
    one whose contract does not have the name (any more) is taken over by whoever wants it next."""

    def take(self, wanted: Mapping[str, Claim]) -> dict[str, Claim]:
        """Claims each name; gives those that another contract had claimed before, with its claim. A contract's older
        claim is replaced by its new one."""

    def take_over(self, name: str, from_claim: Claim, claim: Claim) -> bool:
        """Replaces exactly that claim; False when somebody else was faster."""


@dataclass(frozen=True)
class MongoClaims:
    """Claims in auth's database, one document a name: two requests can never both get it."""

    db: Database[Document]

    def take(self, wanted: Mapping[str, Claim]) -> dict[str, Claim]:
        if not wanted:
            return {}
        documents = [{"_id": name, **_document(claim)} for name, claim in wanted.items()]
        with reachable():
            try:
                self.db["claims"].insert_many(documents, ordered=False)
            except BulkWriteError as problem:
                return self._others(wanted, problem)
        return {}

    def _others(self, wanted: Mapping[str, Claim], problem: BulkWriteError) -> dict[str, Claim]:
        errors = problem.details["writeErrors"]
        if problem.details["writeConcernErrors"] or any(error["code"] != DUPLICATE_KEY for error in errors):
            raise problem
        names = [error["op"]["_id"] for error in errors]
        self.db["claims"].bulk_write([_renewal(name, wanted[name]) for name in names], ordered=False)
        found = self.db["claims"].find({"_id": {"$in": names}})
        claims = {claim["_id"]: Claim(claim["contract"], claim["changes"], claim["at"]) for claim in found}
        return {n: claim for n, claim in claims.items() if claim.contract_number != wanted[n].contract_number}

    def take_over(self, name: str, from_claim: Claim, claim: Claim) -> bool:
        with reachable():
            result = self.db["claims"].update_one({"_id": name, **_document(from_claim)}, {"$set": _document(claim)})
        return result.modified_count == 1


def _document(claim: Claim) -> Document:
    return {"contract": claim.contract_number, "changes": claim.changes, "at": claim.at}


def _renewal(name: str, claim: Claim) -> UpdateOne:
    return UpdateOne({"_id": name, "contract": claim.contract_number}, {"$set": _document(claim)})


@dataclass
class MemoryClaims:
    """A stand-in with the same promise, within one process."""

    claims: dict[str, Claim] = field(default_factory=dict)

    def take(self, wanted: Mapping[str, Claim]) -> dict[str, Claim]:
        others: dict[str, Claim] = {}
        for name, claim in wanted.items():
            held = self.claims.setdefault(name, claim)
            if held.contract_number == claim.contract_number:
                self.claims[name] = claim
            else:
                others[name] = held
        return others

    def take_over(self, name: str, from_claim: Claim, claim: Claim) -> bool:
        if self.claims.get(name) != from_claim:
            return False
        self.claims[name] = claim
        return True


class LastSeen(Protocol):
    """When a key was last used; a hint for operators, exact to a minute."""

    def saw(self, key_id: str, at: datetime) -> None: ...

    def when(self) -> Mapping[str, datetime]: ...


@dataclass
class MongoLastSeen:
    """Writes a key's time at most once a minute from each process."""

    db: Database[Document]
    every: timedelta = timedelta(minutes=1)
    _written: dict[str, datetime] = field(default_factory=lambda: defaultdict(lambda: datetime.min))

    def saw(self, key_id: str, at: datetime) -> None:
        if at.replace(tzinfo=None) - self._written[key_id] < self.every:
            return
        with reachable():
            self.db["last_seen"].bulk_write([UpdateOne({"_id": key_id}, {"$max": {"at": at}}, upsert=True)])
        self._written[key_id] = at.replace(tzinfo=None)

    def when(self) -> Mapping[str, datetime]:
        with reachable():
            return {seen["_id"]: seen["at"] for seen in self.db["last_seen"].find()}


@dataclass
class MemoryLastSeen:
    """A stand-in with the same promise, within one process."""

    seen: dict[str, datetime] = field(default_factory=dict)

    def saw(self, key_id: str, at: datetime) -> None:
        self.seen[key_id] = at

    def when(self) -> Mapping[str, datetime]:
        return self.seen


@dataclass(frozen=True)
class KnownSession:
    """Where a session token leads: to a session of a number's credential, whose stream alone knows if it lives."""

    number: str
    session_id: str
    last_seen: datetime
    source: str


class Sessions(Protocol):
    """Session tokens by their hash, and when each was last used, to a minute."""

    def add(self, token_hash: str, session: KnownSession, expires: datetime) -> None:
        """Before the session starts. May be forgotten after `expires`."""

    def find(self, token_hash: str) -> KnownSession | None: ...

    def saw(self, token_hash: str, at: datetime) -> None:
        """Time never goes back by it."""

    def of(self, number: str) -> Mapping[str, KnownSession]:
        """All that are kept of a number, by session id, the ended ones too."""


@dataclass(frozen=True)
class MongoSessions:
    """One document a token, which the database removes some time after it has expired."""

    db: Database[Document]

    def prepare(self) -> None:
        with reachable():
            self.db["sessions"].create_index("expires", expireAfterSeconds=0)
            self.db["sessions"].create_index("number")

    def add(self, token_hash: str, session: KnownSession, expires: datetime) -> None:
        with reachable():
            self.db["sessions"].insert_one(
                {
                    "_id": token_hash,
                    "number": session.number,
                    "session_id": session.session_id,
                    "last_seen": session.last_seen,
                    "source": session.source,
                    "expires": expires,
                }
            )

    def find(self, token_hash: str) -> KnownSession | None:
        with reachable():
            found = self.db["sessions"].find_one({"_id": token_hash})
        return _known(found) if found else None

    def saw(self, token_hash: str, at: datetime) -> None:
        with reachable():
            self.db["sessions"].update_one({"_id": token_hash}, {"$max": {"last_seen": at}})

    def of(self, number: str) -> Mapping[str, KnownSession]:
        with reachable():
            return {found["session_id"]: _known(found) for found in self.db["sessions"].find({"number": number})}


def _known(found: Document) -> KnownSession:
    return KnownSession(found["number"], found["session_id"], found["last_seen"], found["source"])


@dataclass
class MemorySessions:
    """A stand-in with the same promise, within one process; forgets nothing."""

    sessions: dict[str, KnownSession] = field(default_factory=dict)

    def add(self, token_hash: str, session: KnownSession, expires: datetime) -> None:
        self.sessions[token_hash] = session

    def find(self, token_hash: str) -> KnownSession | None:
        return self.sessions.get(token_hash)

    def saw(self, token_hash: str, at: datetime) -> None:
        known = self.sessions[token_hash]
        self.sessions[token_hash] = replace(known, last_seen=max(at, known.last_seen))

    def of(self, number: str) -> Mapping[str, KnownSession]:
        return {known.session_id: known for known in list(self.sessions.values()) if known.number == number}


def hash_of(secret: str) -> str:
    """Keys and session tokens have 256 random bits, so a plain hash keeps them as safe as a slow one would."""
    return hashlib.sha256(secret.encode()).hexdigest()
