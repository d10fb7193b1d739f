"""What linewatch keeps beside its commits: how the monitoring systems that report are doing, and what was refused."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from pymongo import ASCENDING, DESCENDING, UpdateOne
from pymongo.database import Database
from pymongo.write_concern import WriteConcern

from chassis.errors import Unavailable
from chassis.mongo import Document, reachable

RESULTS = ("accepted", "duplicates", "ignored", "rejected")
FORGOTTEN_AFTER = timedelta(days=90)
MOST_SHOWN = 500
WRITE_SECONDS = 1.0
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Heard:
    """What one body brought from one source; `refused` is the code of its last rejected item, "" without one."""

    counts: Mapping[str, int]
    at: datetime
    refused: str = ""


@dataclass(frozen=True)
class Known:
    """A source as operators see it. Counts are hints: a crash loses those of the last second."""

    kind: str
    source: str
    first_seen: datetime
    last_seen: datetime
    counts: Mapping[str, int]
    refused: str
    refused_at: datetime | None


class Sources(Protocol):
    """Who reports, in what format, since when and with what result."""

    def heard(self, kind: str, by_source: Mapping[str, Heard]) -> None:
        """Never fails and is not waited for."""

    def all(self) -> Sequence[Known]:
        """The last to be heard first, 500 at most."""


def _later(write: Callable[[], None]) -> None:
    timer = threading.Timer(WRITE_SECONDS, write)
    timer.daemon = True
    timer.start()


@dataclass
class MongoSources:
    """One document a source. A process writes at most once a second, so that a storm costs no round trips."""

    db: Database[Document]
    later: Callable[[Callable[[], None]], None] = _later
    _waiting: dict[tuple[str, str], list[Heard]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def prepare(self) -> None:
        with reachable():
            self._rows.create_index("last_seen", expireAfterSeconds=int(FORGOTTEN_AFTER.total_seconds()))

    def heard(self, kind: str, by_source: Mapping[str, Heard]) -> None:
        with self._lock:
            begins = not self._waiting
            for source, heard in by_source.items():
                self._waiting.setdefault((kind, source), []).append(heard)
        if begins and by_source:
            self.later(self.write)

    def write(self) -> None:
        """What was heard since the last time; what cannot be written is given up."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        try:
            with reachable():
                self._rows.bulk_write([_update(*name, all_of) for name, all_of in waiting.items()], ordered=False)
        except Unavailable as problem:
            log.info("sources_not_written", sources=len(waiting), cause=problem.message)

    def all(self) -> Sequence[Known]:
        with reachable():
            return [_known(row) for row in self._rows.find().sort("last_seen", DESCENDING).limit(MOST_SHOWN)]

    @property
    def _rows(self) -> Any:
        return self.db["sources"].with_options(write_concern=WriteConcern(w=1))


def _update(kind: str, source: str, all_of: Sequence[Heard]) -> UpdateOne:
    counts: Counter[str] = Counter()
    for heard in all_of:
        counts.update(heard.counts)
    first, last = min(heard.at for heard in all_of), max(heard.at for heard in all_of)
    refusals = [heard for heard in all_of if heard.refused]
    said = {"refused": refusals[-1].refused, "refused_at": refusals[-1].at} if refusals else {}
    return UpdateOne(
        {"_id": f"{kind}|{source}"},
        {
            "$setOnInsert": {"kind": kind, "source": source},
            "$min": {"first_seen": first},
            "$max": {"last_seen": last},
            "$inc": {f"counts.{name}": counts[name] for name in RESULTS},
            **({"$set": said} if said else {}),
        },
        upsert=True,
    )


def _known(row: Document) -> Known:
    return Known(
        row["kind"],
        row["source"],
        row["first_seen"],
        row["last_seen"],
        row["counts"],
        row.get("refused", ""),
        row.get("refused_at"),
    )


@dataclass
class MemorySources:
    """A stand-in with the same promise, within one process."""

    rows: dict[tuple[str, str], Known] = field(default_factory=dict)

    def heard(self, kind: str, by_source: Mapping[str, Heard]) -> None:
        for source, heard in by_source.items():
            before = self.rows.get((kind, source)) or Known(kind, source, heard.at, heard.at, {}, "", None)
            counts = {name: before.counts.get(name, 0) + heard.counts.get(name, 0) for name in RESULTS}
            refusal = (heard.refused, heard.at) if heard.refused else (before.refused, before.refused_at)
            self.rows[(kind, source)] = Known(kind, source, before.first_seen, heard.at, counts, *refusal)

    def all(self) -> Sequence[Known]:
        return sorted(self.rows.values(), key=lambda known: known.last_seen, reverse=True)[:MOST_SHOWN]


REFUSALS_KEPT = timedelta(days=30)
MOST_REFUSALS = 500


@dataclass(frozen=True)
class Refusal:
    """An item that was refused, as it came (a JSON text), and why. `times`: how often it came."""

    id: str
    kind: str
    source: str
    code: str
    item: str
    times: int
    first_at: datetime
    last_at: datetime


class Refusals(Protocol):
    """What was refused of senders that do not look at results. Kept for 30 days since it came last."""

    def keep(self, refusals: Sequence[Refusal]) -> None:
        """Returns when they are durable; one that is there already is counted."""

    def newest(self, limit: int) -> Sequence[Refusal]:
        """Those that came last, the last first."""

    def oldest(self, ids: Sequence[str]) -> Sequence[Refusal]:
        """These, or without any all, by when they came first; 500 at most."""

    def forget(self, ids: Sequence[str]) -> None:
        """They were taken."""


@dataclass(frozen=True)
class MongoRefusals:
    """One document a refusal."""

    db: Database[Document]

    def prepare(self) -> None:
        with reachable():
            self._rows.create_index("last_at", expireAfterSeconds=int(REFUSALS_KEPT.total_seconds()))
            self._rows.create_index("first_at")

    def keep(self, refusals: Sequence[Refusal]) -> None:
        if refusals:
            with reachable():
                self._rows.bulk_write([_counted(refusal) for refusal in refusals], ordered=False)

    def newest(self, limit: int) -> Sequence[Refusal]:
        with reachable():
            return [_refusal(row) for row in self._rows.find().sort("last_at", DESCENDING).limit(limit)]

    def oldest(self, ids: Sequence[str]) -> Sequence[Refusal]:
        wanted = {"_id": {"$in": list(ids)}} if ids else {}
        with reachable():
            return [_refusal(row) for row in self._rows.find(wanted).sort("first_at", ASCENDING).limit(MOST_REFUSALS)]

    def forget(self, ids: Sequence[str]) -> None:
        with reachable():
            self._rows.delete_many({"_id": {"$in": list(ids)}})

    @property
    def _rows(self) -> Any:
        return self.db["refusals"]


def _counted(refusal: Refusal) -> UpdateOne:
    said = {"kind": refusal.kind, "source": refusal.source, "item": refusal.item, "first_at": refusal.first_at}
    change = {
        "$setOnInsert": said,
        "$set": {"code": refusal.code},
        "$max": {"last_at": refusal.last_at},
        "$inc": {"times": 1},
    }
    return UpdateOne({"_id": refusal.id}, change, upsert=True)


def _refusal(row: Document) -> Refusal:
    return Refusal(**{"id" if name == "_id" else name: value for name, value in row.items()})


@dataclass
class MemoryRefusals:
    """A stand-in with the same promise, within one process; forgets nothing by itself. `away`: the database is."""

    rows: dict[str, Refusal] = field(default_factory=dict)
    away: bool = False

    def keep(self, refusals: Sequence[Refusal]) -> None:
        if self.away:
            raise Unavailable("store-unavailable")
        for refusal in refusals:
            before = self.rows.get(refusal.id)
            times, first = (before.times + 1, before.first_at) if before else (1, refusal.first_at)
            self.rows[refusal.id] = replace(refusal, times=times, first_at=first)

    def newest(self, limit: int) -> Sequence[Refusal]:
        return sorted(self.rows.values(), key=lambda one: one.last_at, reverse=True)[:limit]

    def oldest(self, ids: Sequence[str]) -> Sequence[Refusal]:
        wanted = [one for one in self.rows.values() if not ids or one.id in ids]
        return sorted(wanted, key=lambda one: one.first_at)[:MOST_REFUSALS]

    def forget(self, ids: Sequence[str]) -> None:
        for id in ids:
            self.rows.pop(id, None)
