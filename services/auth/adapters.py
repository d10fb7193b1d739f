"""What auth keeps beside its commits: who claims which number, and when a key was last seen."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from pymongo import UpdateOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from chassis.mongo_store import DUPLICATE_KEY, Document, reachable


@dataclass(frozen=True)
class Claim:
    """A contract has, or is about to have, a name that only one contract may have."""

    contract_number: str
    at: datetime


class Claims(Protocol):
    """Names and the contracts that claim them. A claim is made before the contract's commit and never given back:
    one whose contract does not have the name (any more) is taken over by whoever wants it next."""

    def take(self, wanted: Mapping[str, str], at: datetime) -> dict[str, Claim]:
        """Claims each name for its contract; gives the names that another contract had claimed before."""

    def take_over(self, name: str, from_claim: Claim, contract_number: str, at: datetime) -> bool:
        """Replaces exactly that claim; False when somebody else was faster."""


@dataclass(frozen=True)
class MongoClaims:
    """Claims in auth's database, one document a name: two requests can never both get it."""

    db: Database[Document]

    def take(self, wanted: Mapping[str, str], at: datetime) -> dict[str, Claim]:
        if not wanted:
            return {}
        documents = [{"_id": name, "contract": contract, "at": at} for name, contract in wanted.items()]
        with reachable():
            try:
                self.db["claims"].insert_many(documents, ordered=False)
            except BulkWriteError as problem:
                return self._others(wanted, problem)
        return {}

    def _others(self, wanted: Mapping[str, str], problem: BulkWriteError) -> dict[str, Claim]:
        errors = problem.details["writeErrors"]
        if problem.details["writeConcernErrors"] or any(error["code"] != DUPLICATE_KEY for error in errors):
            raise problem
        names = [error["op"]["_id"] for error in errors]
        found = self.db["claims"].find({"_id": {"$in": names}})
        claims = {claim["_id"]: Claim(claim["contract"], claim["at"]) for claim in found}
        return {name: claim for name, claim in claims.items() if claim.contract_number != wanted[name]}

    def take_over(self, name: str, from_claim: Claim, contract_number: str, at: datetime) -> bool:
        with reachable():
            result = self.db["claims"].update_one(
                {"_id": name, "contract": from_claim.contract_number, "at": from_claim.at},
                {"$set": {"contract": contract_number, "at": at}},
            )
        return result.modified_count == 1


@dataclass
class MemoryClaims:
    """A stand-in with the same promise, within one process."""

    claims: dict[str, Claim] = field(default_factory=dict)

    def take(self, wanted: Mapping[str, str], at: datetime) -> dict[str, Claim]:
        held = {name: self.claims.setdefault(name, Claim(contract, at)) for name, contract in wanted.items()}
        return {name: claim for name, claim in held.items() if claim.contract_number != wanted[name]}

    def take_over(self, name: str, from_claim: Claim, contract_number: str, at: datetime) -> bool:
        if self.claims.get(name) != from_claim:
            return False
        self.claims[name] = Claim(contract_number, at)
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


def distinct(wanted: Sequence[tuple[str, str]]) -> tuple[dict[str, str], set[str]]:
    """Name -> contract, first come first served, and the contracts that came too late for a name."""
    first: dict[str, str] = {}
    late: set[str] = set()
    for name, contract in wanted:
        if first.setdefault(name, contract) != contract:
            late.add(contract)
    return first, late
