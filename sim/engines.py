"""A service's database in memory, as one of its processes reaches it: event store, positions, lease, views.

The contents are the chassis' own stand-ins. What is added here is the way to them, on which anything may happen: the
process dies before or after, the engine is away, or the answer is lost and nobody knows whether it was done.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from chassis.errors import Unavailable
from chassis.lease import LEASE_SECONDS
from chassis.memory_store import MemoryStore
from chassis.messages import Codec, Recorded
from chassis.store import NOTHING, Answer, Batch, Commit, Loaded, Seen, Snapshot, TokenLost, Waking
from chassis.testing import MemoryPositions
from chassis.views import Row, View, fold_once
from sim.world import Process, Signal, World

Given = TypeVar("Given")
# How long nothing has to happen before an empty batch. The real one is a second; here all that matters wakes them.
FOLLOW_SECONDS = 600.0
# What mattered before it began it has missed.
FIRST_SECONDS = 1.0
LOST_ANSWERS = 0.02


@dataclass
class Database:
    """What a service has of MongoDB. `away`: nobody reaches it. `oldest`: earlier places of followers are lost.
    `nudges` counts what followers have to come round for, though nothing was appended."""

    name: str
    world: World
    store: MemoryStore
    positions: MemoryPositions = field(default_factory=MemoryPositions)
    leases: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    views: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    away: bool = False
    oldest: int = 0
    nudges: int = 0
    grown: Signal = field(default_factory=Signal)
    wakings: Signal = field(default_factory=Signal)
    rows_changed: Signal = field(default_factory=Signal)
    # How far the followers by their task's name have got.
    followed: dict[str, int] = field(default_factory=dict)
    committed: Callable[[Commit], None] = lambda commit: None

    @property
    def log(self) -> Sequence[Commit]:
        return self.store._log

    def earliest_waking(self) -> datetime | None:
        return min((at for at, _ in self.store._waking.values()), default=None)


@dataclass(frozen=True)
class Way:
    """A process' way to the database of its service."""

    db: Database
    process: Process

    def read(self, act: Callable[[], Given]) -> Given:
        self.db.world.point(self.process, reads=True)
        return self._done(act)

    def write(self, what: str, act: Callable[[], Given]) -> Given:
        """As `read`; and what was done may be known to nobody."""
        world = self.db.world
        world.point(self.process, what)
        done = self._done(act)
        if not world.calm and world.chance.random() < LOST_ANSWERS:
            world.note(self.process.name, f"no answer to: {what}")
            raise Unavailable("store-unavailable", "no answer")
        return done

    def _done(self, act: Callable[[], Given]) -> Given:
        if self.db.away:
            raise Unavailable("store-unavailable", "away")
        return act()


@dataclass(frozen=True)
class Store:
    """See `chassis.store.EventStore`."""

    way: Way

    @property
    def _kept(self) -> MemoryStore:
        return self.way.db.store

    def load(self, stream: str, shape: str = "") -> Loaded:
        return self.way.read(lambda: self._kept.load(stream, shape))

    def load_many(
        self, streams: Sequence[str], shape: str = "", since: Mapping[str, int] = NOTHING
    ) -> dict[str, Loaded]:
        return self.way.read(lambda: self._kept.load_many(streams, shape, since))

    def append(self, commit: Commit) -> Answer:
        return self.append_many([commit])[0]

    def append_many(self, commits: Sequence[Commit]) -> list[Answer]:
        if not commits:
            return []
        world, traced = self.way.db.world, self.way.db.world.trace is not None
        what = f"append {', '.join(_said(commit) for commit in commits)}" if traced else ""
        some = len(commits)
        if some > 1 and not world.calm and world.chance.random() < LOST_ANSWERS:
            some = world.chance.randrange(1, some)
        answers = self.way.write(what, lambda: self._append(commits[:some]))
        if some < len(commits):
            raise Unavailable("store-unavailable", "died amid an insert")
        return answers

    def _append(self, commits: Sequence[Commit]) -> list[Answer]:
        db, before = self.way.db, len(self.way.db.log)
        answers = self._kept.append_many(commits)
        for commit in db.log[before:]:
            db.committed(commit)
            if commit.wake_at:
                db.world.fire(db.wakings)
        if len(db.log) > before:
            db.world.fire(db.grown)
        return answers

    def seen(self, command_ids: Sequence[str]) -> dict[str, Seen]:
        return self.way.read(lambda: self._kept.seen(command_ids))

    def save_snapshots(self, shape: str, snapshots: Mapping[str, Snapshot]) -> None:
        self.way.read(lambda: self._kept.save_snapshots(shape, snapshots))

    def history(self, stream: str, before: int, limit: int) -> list[Recorded]:
        return self.way.read(lambda: self._kept.history(stream, before, limit))

    def start(self) -> Any:
        return self.way.read(self._kept.start)

    def follow(self, token: Any, types: frozenset[str] | None = None) -> Iterator[Batch]:
        db, world = self.way.db, self.way.db.world
        batches = self._kept.follow(token, types)
        position, name, nudges = int(token), world.task, db.nudges
        patience = FIRST_SECONDS
        while True:
            if position < db.oldest:
                raise TokenLost
            db.followed[name] = max(position, db.followed.get(name, 0))
            if len(db.log) == position and nudges == db.nudges:
                world.until(db.grown, patience)
            patience = FOLLOW_SECONDS
            nudges = db.nudges
            batch = self.way.read(lambda: next(batches))
            position = int(batch.token)
            yield batch

    def scan(self) -> Iterator[Recorded]:
        yield from self.way.write("reads its whole store", lambda: list(self._kept.scan()))

    def due(self, at: datetime, limit: int) -> list[Waking]:
        return self.way.read(lambda: self._kept.due(at, limit))

    def settle(self, commit_ids: Sequence[str]) -> None:
        if commit_ids:
            self.way.write(f"settle {', '.join(commit_ids)}", lambda: self._kept.settle(commit_ids))


def _said(commit: Commit) -> str:
    return f"{commit.id} [{' '.join(type(entry.event).__name__ for entry in commit.entries)}]"


@dataclass(frozen=True)
class Positions:
    """See `chassis.lease.Positions`."""

    way: Way

    def load(self, name: str) -> Any:
        return self.way.read(lambda: self.way.db.positions.load(name))

    def save(self, name: str, fence: int, value: Any) -> None:
        self.way.write(f"save {name} at {value} under {fence}", lambda: self.way.db.positions.save(name, fence, value))


@dataclass(frozen=True)
class Lease:
    """See `chassis.lease.Lease`."""

    way: Way
    name: str
    holder: str

    def take(self) -> int | None:
        return self.way.read(self._take)

    def _take(self) -> int | None:
        db = self.way.db
        holder, until, fence = db.leases.get(self.name, ("", -1, 0))
        if holder != self.holder and db.world.now < until:
            return None
        fence += holder != self.holder
        db.leases[self.name] = (self.holder, db.world.now + round(LEASE_SECONDS * 1000), fence)
        return fence

    def release(self) -> None:
        self.way.read(self._release)

    def _release(self) -> None:
        holder, _, fence = self.way.db.leases.get(self.name, ("", 0, 0))
        if holder == self.holder:
            self.way.db.leases[self.name] = (holder, -1, fence)


@dataclass(frozen=True)
class Views:
    """See `chassis.views.Views`; the questions are those that the services ask."""

    way: Way
    all: tuple[View, ...]

    @property
    def events(self) -> frozenset[str]:
        return frozenset(name for view in self.all for name in view.events)

    def project(self, events: Sequence[Recorded]) -> None:
        theirs = [recorded for recorded in events if recorded.type in self.events]
        if theirs:
            traced = self.way.db.world.trace is not None
            what = f"project {', '.join(recorded.id for recorded in theirs)}" if traced else ""
            self.way.write(what, lambda: self._fold(theirs))

    def _fold(self, events: Sequence[Recorded]) -> None:
        db = self.way.db
        for view in self.all:
            fold_into(db.views.setdefault(view.name, {}), view, events)
        db.world.fire(db.rows_changed)

    def one(self, view: str, key: str) -> Row | None:
        return self.way.read(lambda: self.way.db.views.get(view, {}).get(key))

    def find(
        self, view: str, wanted: Mapping[str, Any], *, sort: Sequence[tuple[str, int]] = (("_id", 1),), limit: int = 100
    ) -> list[Row]:
        return self.way.read(lambda: self._find(view, wanted, sort, limit))

    def _find(self, view: str, wanted: Mapping[str, Any], sort: Sequence[tuple[str, int]], limit: int) -> list[Row]:
        rows = (row for row in self.way.db.views.get(view, {}).values() if _fits(row, wanted))
        found: list[Row] = sorted(rows, key=lambda row: [row[name] for name, _ in sort] + [row["_id"]])
        return found[:limit] if limit else found


def fold_into(rows: dict[str, dict[str, Any]], view: View, events: Sequence[Recorded]) -> None:
    """All of `events` into the rows of the view, as a rebuild does and as a projector does."""
    for recorded in events:
        if recorded.type in view.events:
            for key in view.keys(recorded):
                folded = fold_once(view, rows.get(key), view.share(key, recorded))
                if folded is not None:
                    rows[key] = {**folded, "_id": key}


def _fits(row: Row, wanted: Mapping[str, Any]) -> bool:
    return all(_is(row.get(name), want) for name, want in wanted.items())


def _is(value: Any, want: Any) -> bool:
    match want:
        case {"$ne": other}:
            return bool(value != other)
        case {"$in": values}:
            return any(one in values for one in value) if isinstance(value, list) else value in values
        case {"$lte": most}:
            return value is not None and bool(value <= most)
        case {"$gt": least}:
            return value is not None and bool(value > least)
        case _:
            return bool(value == want)


def database(name: str, world: World, codec: Codec) -> Database:
    return Database(name, world, MemoryStore(codec, idle_seconds=0.0))
