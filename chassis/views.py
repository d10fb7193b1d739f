"""Rows for lists and searches, folded from events, rebuilt from nothing when wanted.

A row remembers the last sequence of every stream that it was folded from, so an event that comes again changes
nothing. Rows lag behind the streams that they are made from.
"""

import random
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pymongo import InsertOne, ReplaceOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import PyMongoError

from chassis.errors import Conflict, Unavailable
from chassis.lease import Lease
from chassis.messages import Recorded
from chassis.mongo import Document, at_once, reachable, was_raced

Row = Mapping[str, Any]
# Before each try but the first a pause by chance, longer each time.
TRIES = 10
PAUSE = 0.02
BATCH = 1000
# A rebuild that stood still for half of this gives up; one that was killed keeps others out for this long.
HOLD_SECONDS = 60.0


@dataclass(frozen=True)
class View:
    """`keys(event)` names the rows that an event touches, `fold(row or None, event)` gives the row after it.

    All are pure. A row that folds several streams must come out the same in whatever order the streams are read.
    `share(key, event)` is the event as one of its rows is told of it, where an event says something else of each.
    """

    name: str
    events: frozenset[str]
    keys: Callable[[Recorded], Sequence[str]]
    fold: Callable[[Row | None, Recorded], Row]
    indexes: tuple[Sequence[tuple[str, int]], ...] = ()
    share: Callable[[str, Recorded], Recorded] = lambda key, recorded: recorded


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
        """Folds a batch into all views: one read and one write a view. Repeating it changes nothing.

        `Unavailable` while one of them is being switched by `rebuild`.
        """
        heard = self.events
        theirs = [recorded for recorded in events if recorded.type in heard]
        if theirs and self._switching():
            raise Unavailable("view-being-switched", retry_after=1)
        for view in self._views:
            self.project_into(self._db[view.name], view, theirs)

    def _switching(self) -> bool:
        held = {"_id": {"$in": [_switch(view.name) for view in self._views]}, "$expr": {"$gt": ["$until", "$$NOW"]}}
        with reachable():
            return self._db["leases"].find_one(held) is not None

    def project_into(self, rows: Collection[Document], view: View, events: Sequence[Recorded]) -> None:
        """As `project`, for one view in any collection: all of it or nothing.

        Who meets rows that were changed meanwhile reads and folds again, a few times, then `Conflict`.
        """
        theirs = [recorded for recorded in events if recorded.type in view.events]
        for attempt in range(TRIES):
            time.sleep(random.uniform(0, PAUSE * attempt))
            if not theirs or self._folded(rows, view, theirs):
                return
        raise Conflict("lost-race")

    def _folded(self, rows: Collection[Document], view: View, events: Sequence[Recorded]) -> bool:
        with reachable():
            try:
                with at_once(self._db) as session:
                    self._fold_into(rows, view, events, session)
            except PyMongoError as problem:
                if not was_raced(problem):
                    raise
                return False
        return True

    @staticmethod
    def _fold_into(rows: Collection[Document], view: View, events: Sequence[Recorded], session: ClientSession) -> None:
        keyed = [(key, recorded) for recorded in events for key in view.keys(recorded)]
        wanted = {"_id": {"$in": list({key for key, _ in keyed})}}
        before = {row["_id"]: row for row in rows.find(wanted, session=session)}
        after: dict[str, Document] = {}
        for key, recorded in keyed:
            folded = fold_once(view, after.get(key) or before.get(key), view.share(key, recorded))
            if folded is not None:
                after[key] = {**folded, "_id": key}
        changed = [ReplaceOne({"_id": key}, row) for key, row in after.items() if key in before]
        new = [InsertOne(row) for key, row in after.items() if key not in before]
        if after:
            rows.bulk_write([*changed, *new], session=session)

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

        `everything` gives all events; `since`, called when that is done, at least those that have become durable since
        then, the others again if need be. The old rows are served until the switch. `Conflict` when the view is being
        rebuilt already, or when feeding stood still for so long that the view may be changed by others again.
        """
        view, fresh = self.named(name), self._db[f"{name}.rebuilding"]
        alone = _Hold(self._lease(f"rebuild-{name}"))
        try:
            self._begin(view, fresh)
            count = self._feed(fresh, view, everything(), alone)
            # From here on nobody projects: an event that went into the old rows only would be missed for ever by new
            # rows that have seen its successor. Every event that somebody was given before is durable, so `since`
            # gives it.
            switching = _Hold(self._lease(_switch(name)))
            try:
                count += self._feed(fresh, view, since(), alone, switching)
                with reachable():
                    fresh.rename(name, dropTarget=True)
            finally:
                switching.release()
        finally:
            alone.release()
        return count

    def _lease(self, name: str) -> Lease:
        return Lease(self._db, name, uuid.uuid4().hex, HOLD_SECONDS)

    def _begin(self, view: View, fresh: Collection[Document]) -> None:
        with reachable():
            fresh.drop()
            self._db.create_collection(fresh.name)
            for keys in view.indexes:
                fresh.create_index(list(keys))

    def _feed(self, rows: Collection[Document], view: View, events: Iterable[Recorded], *holds: "_Hold") -> int:
        count = 0
        remaining = iter(events)
        while batch := list(islice(remaining, BATCH)):
            self.project_into(rows, view, batch)
            count += len(batch)
            for hold in holds:
                hold.keep()
        for hold in holds:
            hold.keep()
        return count


class _Hold:
    """A lease that whoever works under it renews at every turn."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        if lease.take() is None:
            raise Conflict("rebuild-running")
        self._held_at = time.monotonic()

    def keep(self) -> None:
        held_for = time.monotonic() - self._held_at
        if held_for > HOLD_SECONDS / 2 or self._lease.take() is None:
            raise Conflict("rebuild-too-slow")
        self._held_at = time.monotonic()

    def release(self) -> None:
        self._lease.release()


def _switch(name: str) -> str:
    return f"switch-{name}"
