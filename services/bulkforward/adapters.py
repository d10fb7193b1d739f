"""What bulkforward keeps beside its commits: dry runs of CSV files, until they are applied or forgotten."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import msgspec
from pymongo.database import Database

from chassis.mongo_store import Document, reachable
from services.bulkforward.formats import RowError


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
        """May be forgotten after its `expires`."""

    def find(self, contract_number: str, id: str) -> DryRun | None:
        """None too when it is another contract's. One that has expired may still be found."""


@dataclass(frozen=True)
class MongoDryRuns:
    """One document a dry run, which the database removes some time after it has expired."""

    db: Database[Document]

    def prepare(self) -> None:
        with reachable():
            self.db["dry_runs"].create_index("expires", expireAfterSeconds=0)

    def keep(self, run: DryRun) -> None:
        kept = msgspec.to_builtins(run, builtin_types=(datetime,))
        with reachable():
            self.db["dry_runs"].insert_one({"_id": kept.pop("id"), **kept})

    def find(self, contract_number: str, id: str) -> DryRun | None:
        with reachable():
            found = self.db["dry_runs"].find_one({"_id": id, "contract_number": contract_number})
        return msgspec.convert({"id": found.pop("_id"), **found}, DryRun) if found else None


@dataclass
class MemoryDryRuns:
    """A stand-in with the same promise, within one process; forgets nothing."""

    runs: dict[str, DryRun] = field(default_factory=dict)

    def keep(self, run: DryRun) -> None:
        self.runs[run.id] = run

    def find(self, contract_number: str, id: str) -> DryRun | None:
        run = self.runs.get(id)
        return run if run and run.contract_number == contract_number else None
