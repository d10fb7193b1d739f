"""One worker at a time, and positions that a worker which was too slow can no longer move.

Time is the database server's own, so the clocks of the workers do not matter.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bson import SON
from pymongo import ReturnDocument
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from chassis.mongo import Document, reachable

LEASE_SECONDS = 10.0


class LeaseLost(Exception):
    """Another worker has taken over: stop, it goes on from the last saved position."""


class Positions(Protocol):
    """Where a task has got to. `save` raises `LeaseLost` when a later holder has saved already."""

    def load(self, name: str) -> Any:
        """The value last saved, or None."""

    def save(self, name: str, fence: int, value: Any) -> None:
        """Durable before this returns."""


@dataclass(frozen=True)
class MongoPositions:
    """Positions in the service's own database, each with the fence of who saved it."""

    db: Database[Document]

    def load(self, name: str) -> Any:
        with reachable():
            found = self.db["positions"].find_one({"_id": name})
        return found["value"] if found else None

    def save(self, name: str, fence: int, value: Any) -> None:
        with reachable():
            try:
                self.db["positions"].update_one(
                    {"_id": name, "fence": {"$lte": fence}}, {"$set": {"fence": fence, "value": value}}, upsert=True
                )
            except DuplicateKeyError as newer:
                raise LeaseLost(name) from newer


@dataclass(frozen=True)
class Lease:
    """The right to be the one worker called `name`; lapses `seconds` after it was last taken."""

    db: Database[Document]
    name: str
    holder: str
    seconds: float = LEASE_SECONDS

    def take(self) -> int | None:
        """Takes or prolongs the lease. The fence, which grows with every change of holder; None when another has it."""
        with reachable():
            try:
                return self._take()
            except DuplicateKeyError:  # Another made the lease in the same moment, and takes it now.
                return None

    def _take(self) -> int | None:
        free = {"$or": [{"$eq": ["$holder", self.holder]}, {"$lte": ["$until", "$$NOW"]}]}
        fence = {"$cond": [{"$eq": ["$holder", self.holder]}, "$fence", {"$add": [{"$ifNull": ["$fence", 0]}, 1]}]}
        until = {"$add": ["$$NOW", int(self.seconds * 1000)]}
        self.db["leases"].update_one(
            {"_id": self.name}, {"$setOnInsert": {"until": datetime.min, "fence": 0}}, upsert=True
        )
        found = self.db["leases"].find_one_and_update(
            {"_id": self.name, "$expr": free},
            [{"$set": SON([("fence", fence), ("holder", self.holder), ("until", until)])}],
            return_document=ReturnDocument.AFTER,
        )
        return int(found["fence"]) if found else None

    def release(self) -> None:
        """Lets the next worker in at once; harmless when another has the lease."""
        with reachable():
            self.db["leases"].update_one({"_id": self.name, "holder": self.holder}, {"$set": {"until": datetime.min}})
