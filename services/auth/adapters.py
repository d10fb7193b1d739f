"""What auth keeps beside its commits: who claims which number, and when a key was last seen."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from pymongo import UpdateOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from chassis.mongo_store import DUPLICATE_KEY, Document, reachable


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
