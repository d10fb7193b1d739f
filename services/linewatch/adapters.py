"""What linewatch keeps beside its commits: how the monitoring systems that report are doing."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from pymongo import DESCENDING, UpdateOne
from pymongo.database import Database
from pymongo.write_concern import WriteConcern

from chassis.errors import Unavailable
from chassis.mongo_store import Document, reachable

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
