"""The event store beside the `eventsourcing` library, each as its users use it: load, decide, append; and many at once.

The library's own stores are SQLite and PostgreSQL. Here it is SQLite in a file, in WAL mode with synchronous FULL: as
durable on one machine as ours is, but in the same process, and with no second node that could have the data too.
"""

import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from bench.counting import ACTOR, CATEGORY, CODEC, DECIDER, Count, commit
from bench.ground import Ground
from chassis.handling import SNAPSHOT_EVERY, Handler
from chassis.messages import Origin, now
from chassis.mongo_store import MongoStore
from chassis.store import Appended
from devstack.results import Result, Void, figure

TITLE = "Tsunagu's event store beside the eventsourcing library on SQLite: changes, many at once, loads."
DATABASE = "bench-store"
ROUNDS, CHANGES, AT_ONCE, LOADS, LONG = 5, 200, 1000, 20, 1000
OURS, THEIRS = "Tsunagu on MongoDB", "eventsourcing on SQLite"


class Side(Protocol):
    """A store with a counter that changes and a long one that is only read."""

    def change(self) -> None:
        """One more, durable."""

    def add_many(self) -> None:
        """`AT_ONCE` new counters with one event each, in one call."""

    def load(self) -> int:
        """The long counter, from all of its events."""

    def counted(self) -> int:
        """How far the changing counter is."""


def run(ground: Ground) -> Result:
    """A change that is lost or there twice makes the figures void."""
    with _ours(ground) as ours, _theirs(ground) as theirs:
        sides: Mapping[str, Side] = {OURS: ours, THEIRS: theirs}
        changes: dict[str, list[float]] = {name: [] for name in sides}
        many: dict[str, list[float]] = {name: [] for name in sides}
        loads: dict[str, list[float]] = {name: [] for name in sides}
        rounds = 0
        for _ in ground.in_rounds("Rounds of both stores", ROUNDS):
            rounds += 1
            for name, side in sides.items():
                changes[name].append(CHANGES / _seconds(side.change, CHANGES))
                many[name].append(AT_ONCE / _seconds(side.add_many, 1))
                loads[name].append(LOADS * LONG / _seconds(lambda side=side: _is(side.load(), LONG), LOADS))  # type: ignore[misc]
        for name, side in sides.items():
            if side.counted() != rounds * CHANGES:
                raise Void(f"{name} counts {side.counted()} after {rounds * CHANGES} changes")
    figures = {
        "load, decide, append": figure("changes/s", changes, beside=THEIRS),
        f"{AT_ONCE:,} aggregates in one call": figure("events/s", many, beside=THEIRS),
        f"load of {LONG:,} events": figure("events/s", loads, beside=THEIRS),
    }
    return Result("store", TITLE, "", figures, notes=[_plainly()])


def _plainly() -> str:
    return (
        f"The library's store is SQLite {sqlite3.sqlite_version} in a file (WAL, synchronous FULL) in the bench's own "
        "process; ours is a MongoDB server with majority writes and journal. A MongoDB extension of the library that "
        "is kept was not found."
    )


def _seconds(act: Callable[[], object], times: int) -> float:
    began = time.monotonic()
    for _ in range(times):
        act()
    return time.monotonic() - began


def _is(found: int, wanted: int) -> None:
    if found != wanted:
        raise Void(f"a counter says {found} and not {wanted}")


class Ours:
    """The chassis as services use it, without snapshots where all events are wanted."""

    def __init__(self, store: MongoStore) -> None:
        self._store, self._handler = store, Handler(store, DECIDER, CATEGORY)
        self._id, self._long = uuid.uuid4().hex, uuid.uuid4().hex
        for number in range(LONG):
            store.append(commit(self._long, number + 1, number + 1, 1, now()))

    def change(self) -> None:
        self._handler.handle(self._id, Count(), Origin(ACTOR, "bench"))

    def add_many(self) -> None:
        at, ids = now(), [uuid.uuid4().hex for _ in range(AT_ONCE)]
        answers = self._store.append_many([commit(id, 1, 1, 1, at) for id in ids])
        if not all(isinstance(answer, Appended) for answer in answers):
            raise Void("not every commit was appended")

    def load(self) -> int:
        events = self._store.load(self._handler.stream(self._long)).events
        return DECIDER.fold(recorded.event for recorded in events).number

    def counted(self) -> int:
        return self._handler.read(self._id).state.number


class Tally(Aggregate):
    """The library's counter, as its documentation shows aggregates; a snapshot is kept as often as ours is."""

    @event("Begun")
    def __init__(self, note: str) -> None:
        self.number, self.note = 0, note

    @event("Counted")
    def count(self, note: str) -> None:
        self.number, self.note = self.number + 1, note


class Tallies(Application[uuid.UUID]):
    """Of tallies."""

    is_snapshotting_enabled = True
    snapshotting_intervals = {Tally: SNAPSHOT_EVERY}  # noqa: RUF012


class Theirs:
    """The library with its own application and repository."""

    def __init__(self, file: Path) -> None:
        settings = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(file)}
        self._app, self._note = Tallies(env=settings), Count().note
        self._plain = Application[uuid.UUID](env=settings | {"SQLITE_DBNAME": f"{file}.plain"})
        tally, long = Tally(self._note), Tally(self._note)
        for _ in range(LONG - 1):
            long.count(self._note)
        self._app.save(tally)
        self._plain.save(long)
        self._id, self._long = tally.id, long.id

    def change(self) -> None:
        tally: Tally = self._app.repository.get(self._id)
        tally.count(self._note)
        self._app.save(tally)

    def add_many(self) -> None:
        self._app.save(*(Tally(self._note) for _ in range(AT_ONCE)))

    def load(self) -> int:
        tally: Tally = self._plain.repository.get(self._long)
        return tally.version

    def counted(self) -> int:
        tally: Tally = self._app.repository.get(self._id)
        return tally.number

    def close(self) -> None:
        self._app.close()
        self._plain.close()


@contextmanager
def _ours(ground: Ground) -> Iterator[Ours]:
    db = ground.database(DATABASE)
    store = MongoStore(db, CODEC)
    store.prepare()
    try:
        yield Ours(store)
    finally:
        db.client.drop_database(DATABASE)


@contextmanager
def _theirs(ground: Ground) -> Iterator[Theirs]:
    """On the disk on which the engines' data is too."""
    with tempfile.TemporaryDirectory(dir=ground.places.root) as folder:
        theirs = Theirs(Path(folder) / "library.sqlite")
        try:
            yield theirs
        finally:
            theirs.close()
