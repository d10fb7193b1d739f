"""How often something may happen in a while, shared by all replicas of a service and exact under parallel load.

A place is taken before the thing happens and may be given back after it. Time is cut into `SLOTS` parts of a limit's
while, and a part counts until it has wholly passed; so in no stretch of that length is there ever one too many.
"""

import math
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from pymongo import ReturnDocument
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError
from pymongo.write_concern import WriteConcern

from chassis.mongo import Document, reachable

SLOTS = 30


@dataclass(frozen=True)
class Limit:
    """At most `most` in any stretch of `within`."""

    most: int
    within: timedelta

    def slot(self, at: datetime) -> int:
        """When the part of the while began that `at` is in, in milliseconds: it means the same for a limit of another
        length, so that a setting can change while there are places."""
        return self._begin(at, parts_ago=0)

    def first_counted(self, at: datetime) -> int:
        return self._begin(at, parts_ago=SLOTS)

    def seconds_until_gone(self, slot: int, at: datetime) -> int:
        """Whole seconds until `slot` counts no more; at least one."""
        return max(1, math.ceil(slot / 1000 + (SLOTS + 1) * self._width - at.timestamp()))

    def _begin(self, at: datetime, parts_ago: int) -> int:
        return math.ceil((math.floor(at.timestamp() / self._width) - parts_ago) * self._width * 1000)

    @property
    def _width(self) -> float:
        return self.within.total_seconds() / SLOTS


@dataclass(frozen=True)
class Place:
    """One of a limit's places was free and is taken now."""

    name: str
    slot: int


@dataclass(frozen=True)
class Full:
    """No place is free; one will be, after `retry_after` seconds at the latest."""

    retry_after: int


class Limits(Protocol):
    """Places by name; a name always comes with the same limit."""

    def take(self, name: str, limit: Limit, at: datetime) -> Place | Full:
        """A place of `name`. Of any number of takers at the same time exactly as many get one as are free."""

    def give_back(self, place: Place) -> None:
        """Frees a place, once."""


@dataclass(frozen=True)
class MongoLimits:
    """One document a name, changed by single commands, and removed by the database when nothing in it counts.

    Not waited for until it is durable: what a crash of the database loses are some places taken just before it.
    """

    db: Database[Document]

    def prepare(self) -> None:
        with reachable():
            self._names.create_index("expires", expireAfterSeconds=0)

    def take(self, name: str, limit: Limit, at: datetime) -> Place | Full:
        slot = limit.slot(at)
        with reachable():
            kept = self._taken(name, _taking(limit, at, slot))
        if kept["taken"]:
            return Place(name, slot)
        return Full(limit.seconds_until_gone(min((part["slot"] for part in kept["parts"]), default=slot), at))

    def _taken(self, name: str, change: list[Document]) -> Document:
        try:
            return self._change(name, change)
        except DuplicateKeyError:  # Somebody else was the first of this name at the same moment.
            return self._change(name, change)

    def _change(self, name: str, change: list[Document]) -> Document:
        kept: Document = self._names.find_one_and_update(
            {"_id": name}, change, upsert=True, return_document=ReturnDocument.AFTER
        )
        return kept

    def give_back(self, place: Place) -> None:
        counted = {"$elemMatch": {"slot": place.slot, "count": {"$gt": 0}}}
        with reachable():
            self._names.update_one({"_id": place.name, "parts": counted}, {"$inc": {"parts.$.count": -1}})

    @property
    def _names(self) -> Any:
        return self.db["limits"].with_options(write_concern=WriteConcern(w=1))


def _taking(limit: Limit, at: datetime, slot: int) -> list[Document]:
    """An update that drops what counts no more and, when a place is free, counts one in `slot`."""
    parts = {"$ifNull": ["$parts", []]}
    counts = {"$and": [{"$gte": ["$$this.slot", limit.first_counted(at)]}, {"$gt": ["$$this.count", 0]}]}
    others = {"$filter": {"input": "$parts", "cond": {"$ne": ["$$this.slot", slot]}}}
    same = {"$filter": {"input": "$parts", "cond": {"$eq": ["$$this.slot", slot]}}}
    before = {"$sum": {"$map": {"input": same, "in": "$$this.count"}}}
    with_one_more = {"$concatArrays": [others, [{"slot": slot, "count": {"$add": [before, 1]}}]]}
    return [
        {"$set": {"parts": {"$filter": {"input": parts, "cond": counts}}}},
        {"$set": {"taken": {"$lt": [{"$sum": "$parts.count"}, limit.most]}, "expires": at + 2 * limit.within}},
        {"$set": {"parts": {"$cond": ["$taken", with_one_more, "$parts"]}}},
    ]


@dataclass
class MemoryLimits:
    """A stand-in with the same promise, within one process."""

    _parts: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, name: str, limit: Limit, at: datetime) -> Place | Full:
        slot, first = limit.slot(at), limit.first_counted(at)
        with self._lock:
            parts = {part: count for part, count in self._parts[name].items() if part >= first and count > 0}
            if sum(parts.values()) >= limit.most:
                return Full(limit.seconds_until_gone(min(parts, default=slot), at))
            self._parts[name] = {**parts, slot: parts.get(slot, 0) + 1}
        return Place(name, slot)

    def give_back(self, place: Place) -> None:
        with self._lock:
            parts = self._parts[place.name]
            parts[place.slot] = max(0, parts.get(place.slot, 0) - 1)
