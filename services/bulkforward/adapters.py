"""What bulkforward keeps beside its commits: dry runs of CSV files, until they are applied or forgotten."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import msgspec
from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database

from chassis.mongo import Document, reachable
from services.bulkforward.formats import RowError

# Of one contract. A person tries one file and then another; a program that only tries fills no database.
MOST_KEPT = 20


@dataclass(frozen=True)
class DryRun:
    """The entries that a file wants, and by `basis` those that it was tried on. With errors it can only be shown."""

    id: str
    contract_number: str
    basis: str
    entries: Mapping[str, str]
    errors: tuple[RowError, ...]
    expires: datetime


class DryRuns(Protocol):
    """Dry runs, each of one contract."""

    def keep(self, run: DryRun) -> None:
        """May be forgotten after its `expires`, and when its contract has had `MOST_KEPT` more."""

    def find(self, contract_number: str, id: str) -> DryRun | None:
        """None too when it is another contract's. One that has expired may still be found."""


@dataclass(frozen=True)
class MongoDryRuns:
    """One document a dry run, which the database removes some time after it has expired."""

    db: Database[Document]

    def prepare(self) -> None:
        with reachable():
            self.db["dry_runs"].create_index("expires", expireAfterSeconds=0)
            self.db["dry_runs"].create_index([("contract_number", ASCENDING), ("expires", DESCENDING)])

    def keep(self, run: DryRun) -> None:
        kept = msgspec.to_builtins(run, builtin_types=(datetime,))
        theirs = {"contract_number": run.contract_number}
        with reachable():
            self.db["dry_runs"].insert_one({"_id": kept.pop("id"), **kept})
            newest = self.db["dry_runs"].find(theirs, {"_id": 1}).sort([("expires", DESCENDING), ("_id", DESCENDING)])
            if older := [row["_id"] for row in newest.skip(MOST_KEPT)]:
                self.db["dry_runs"].delete_many({"_id": {"$in": older}})

    def find(self, contract_number: str, id: str) -> DryRun | None:
        with reachable():
            found = self.db["dry_runs"].find_one({"_id": id, "contract_number": contract_number})
        return msgspec.convert({"id": found.pop("_id"), **found}, DryRun) if found else None


@dataclass
class MemoryDryRuns:
    """A stand-in with the same promise, within one process."""

    runs: dict[str, DryRun] = field(default_factory=dict)

    def keep(self, run: DryRun) -> None:
        self.runs[run.id] = run
        theirs = [one for one in self.runs.values() if one.contract_number == run.contract_number]
        for older in sorted(theirs, key=lambda one: (one.expires, one.id), reverse=True)[MOST_KEPT:]:
            del self.runs[older.id]

    def find(self, contract_number: str, id: str) -> DryRun | None:
        run = self.runs.get(id)
        return run if run and run.contract_number == contract_number else None
