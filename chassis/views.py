"""Rows for lists and searches, folded from events, rebuilt from nothing when wanted.

A row remembers the last sequence of every stream that it was folded from, so an event that comes again changes
nothing. Rows lag behind the streams that they are made from.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import InsertOne, ReplaceOne
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from chassis.errors import Conflict
from chassis.messages import Recorded
from chassis.mongo_store import DUPLICATE_KEY, Document, reachable

Row = Mapping[str, Any]
TRIES = 5
BATCH = 1000


@dataclass(frozen=True)
class View:
    """`keys(event)` names the rows that an event touches, `fold(row or None, event)` gives the row after it.

    Both are pure. A row that folds several streams must come out the same in whatever order the streams are read.
    """

    name: str
    events: frozenset[str]
    keys: Callable[[Recorded], Sequence[str]]
    fold: Callable[[Row | None, Recorded], Row]
    indexes: tuple[Sequence[tuple[str, int]], ...] = ()


def fold_once(view: View, row: Document | None, recorded: Recorded) -> Document | None:
    """The row after the event, or None when the row has seen it; keeps the row's bookkeeping under `_seen`."""
    seen = dict(row["_seen"]) if row else {}
    if seen.get(recorded.stream, "") >= recorded.sequence:
        return None
    seen[recorded.stream] = recorded.sequence
    return {**view.fold(row, recorded), "_seen": seen}


class Views:
    """The views of one service in its database, one collection each, named after the view."""

    def __init__(self, db: Database[Document], views: Sequence[View]) -> None:
        self._db, self._views = db, tuple(views)

    def prepare(self) -> None:
        """Makes the indexes; harmless when they are there."""
        with reachable():
            for view in self._views:
                for keys in view.indexes:
                    self._db[view.name].create_index(list(keys))

    @property
    def all(self) -> tuple[View, ...]:
        return self._views

    def named(self, name: str) -> View:
        return next(view for view in self._views if view.name == name)

    @property
    def events(self) -> frozenset[str]:
        return frozenset(name for view in self._views for name in view.events)

    def project(self, events: Sequence[Recorded]) -> None:
        """Folds a batch into all views: one read and one write a view. Repeating it changes nothing."""
        for view in self._views:
            self.project_into(self._db[view.name], view, events)

    def project_into(self, rows: Collection[Document], view: View, events: Sequence[Recorded]) -> None:
        """As `project`, for one view in any collection. Rows changed meanwhile are read and folded again."""
        theirs = [recorded for recorded in events if recorded.type in view.events]
        with reachable():
            for _ in range(TRIES):
                if not theirs or self._fold_into(rows, view, theirs):
                    return
        raise Conflict("lost-race")

    def _fold_into(self, rows: Collection[Document], view: View, events: Sequence[Recorded]) -> bool:
        keyed = [(key, recorded) for recorded in events for key in view.keys(recorded)]
        before = {row["_id"]: row for row in rows.find({"_id": {"$in": list({key for key, _ in keyed})}})}
        after: dict[str, Document] = {}
        for key, recorded in keyed:
            folded = fold_once(view, after.get(key) or before.get(key), recorded)
            if folded is not None:
                after[key] = folded
        writes = [_write(key, before.get(key), row) for key, row in after.items()]
        try:
            result = rows.bulk_write(writes, ordered=False) if writes else None
        except BulkWriteError as problem:
            if any(error["code"] != DUPLICATE_KEY for error in problem.details["writeErrors"]):
                raise
            return False
        return result is None or result.matched_count + result.inserted_count == len(writes)

    def one(self, view: str, key: str) -> Row | None:
        with reachable():
            return self._db[view].find_one({"_id": key})

    def find(
        self, view: str, wanted: Mapping[str, Any], *, sort: Sequence[tuple[str, int]] = (("_id", 1),), limit: int = 100
    ) -> list[Row]:
        """Rows that fit `wanted` (a MongoDB filter made by the service, never by a client)."""
        with reachable():
            return list(self._db[view].find(dict(wanted)).sort(list(sort)).limit(limit))

    def rebuild(
        self, name: str, everything: Callable[[], Iterable[Recorded]], since: Callable[[], Iterable[Recorded]]
    ) -> int:
        """Makes a view anew beside the old one, then switches. The number of events read.

        `everything` gives all events; `since`, called after the switch, those that may have come meanwhile, again if
        need be. The old rows are served until the switch.
        """
        view, fresh = self.named(name), self._db[f"{name}.rebuilding"]
        with reachable():
            fresh.drop()
            for keys in view.indexes:
                fresh.create_index(list(keys))
            fresh.insert_one({"_id": "", "_seen": {}})
            fresh.delete_one({"_id": ""})
        count = self._feed(fresh, view, everything())
        with reachable():
            fresh.rename(name, dropTarget=True)
        return count + self._feed(self._db[name], view, since())

    def _feed(self, rows: Collection[Document], view: View, events: Iterable[Recorded]) -> int:
        count, batch = 0, []
        for recorded in events:
            batch.append(recorded)
            if len(batch) == BATCH:
                self.project_into(rows, view, batch)
                count, batch = count + len(batch), []
        self.project_into(rows, view, batch)
        return count + len(batch)


def _write(key: str, before: Document | None, row: Document) -> Any:
    """A write that only succeeds on the row that was read."""
    fresh = {**row, "_id": key}
    if before is None:
        return InsertOne(fresh)
    return ReplaceOne({"_id": key, "_seen": before["_seen"]}, fresh)
