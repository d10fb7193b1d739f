"""From a command to a durable commit: load, fold, decide, append; once for one command and once for a whole batch."""

import hashlib
import random
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec
import structlog

from chassis import telemetry
from chassis.decider import Decider
from chassis.errors import Conflict, Rejected, TsunaguError, Unavailable
from chassis.kept import Kept
from chassis.messages import Actor, Origin, Recorded, now
from chassis.store import Appended, Commit, Entry, EventStore, Loaded, Snapshot

State = TypeVar("State")
SNAPSHOT_EVERY = 6
# Before each try but the first two a pause by chance, so that those who race do not meet again.
TRIES = 10
LONGEST_PAUSE = 0.02
# States of about a kilobyte each. What was left behind for longer has often been changed by somebody else: then the try
# is for nothing. What was read is of use as long as somebody looks at one page after the other.
MOST_KEPT, LEFT_BEHIND, REMEMBERED = 10_000, timedelta(seconds=10), timedelta(minutes=10)
log = structlog.get_logger(__name__)


def _give_way(attempt: int) -> None:
    if attempt > 1:
        time.sleep(random.uniform(0, LONGEST_PAUSE))


@dataclass(frozen=True)
class Once:
    """A client's promise that requests with this `command_id` are one; `fingerprint` tells if their bodies differ."""

    command_id: str
    fingerprint: str = ""


@dataclass(frozen=True)
class Outcome(Generic[State]):
    """The state after a command, the stream's revision and the command's own events (none when it changed nothing),
    which were recorded `at`."""

    state: State
    revision: int
    events: tuple[Any, ...] = ()
    at: datetime | None = None


class Order(msgspec.Struct, frozen=True):
    """One command of a batch for the aggregate `id`; `command_id` is the same on every delivery of its message.

    `mark` false: coming again later it would do no harm, so when it changes nothing it leaves no trace. `actor` is who
    did it where that is not the service by itself, as when the message tells what a customer did by telephone.
    """

    id: str
    command: Any
    command_id: str
    correlation_id: str = ""
    causation_id: str = ""
    mark: bool = True
    actor: Actor | None = None


class Done(msgspec.Struct, frozen=True):
    """The order's events, durable; none when it changed nothing, which is remembered too."""

    events: tuple[Any, ...]


@dataclass(frozen=True)
class AlreadyDone:
    """The order was carried out before."""


@dataclass(frozen=True)
class Refused:
    """A rule refused the order: a normal outcome."""

    code: str


@dataclass(frozen=True)
class Failed:
    """The decider broke on this order; its neighbours went on."""

    error: Exception


Result = Done | AlreadyDone | Refused | Failed


class Handler(Generic[State]):
    """Carries out the commands of one kind of aggregate; its streams are `<category>-<id>`.

    `wake_at` tells from an event, and from the state after its commit, when the stream wants to be looked at again.
    After so many events or commits as `snapshot_every` says a reader starts from a snapshot; with 1 nobody can tell
    from the time a stream takes how long it is or whether it was read before, and each commit costs one more write.
    `give_way` is called before each try with its number, from 0 on.
    """

    def __init__(
        self,
        store: EventStore,
        decider: Decider[State],
        category: str,
        *,
        wake_at: Callable[[Any, State], datetime | None] = lambda event, state: None,
        clock: Callable[[], datetime] = now,
        snapshot_every: int = SNAPSHOT_EVERY,
        give_way: Callable[[int], None] = _give_way,
    ) -> None:
        self._store, self._decider, self._category = store, decider, category
        self._wake_at, self._clock, self._snapshot_every = wake_at, clock, snapshot_every
        self._give_way = give_way
        self._state_type = type(decider.initial)
        self._shape = _shape_of(self._state_type)  # type: ignore[arg-type]  # Every class can be hashed.
        self._left_behind: Kept[_Known[State]] = Kept(MOST_KEPT, LEFT_BEHIND)
        self._remembered: Kept[Outcome[State]] = Kept(MOST_KEPT if snapshot_every > 1 else 0, REMEMBERED)

    def stream(self, id: str) -> str:
        return f"{self._category}-{id}"

    def id_of(self, stream: str) -> str | None:
        """The aggregate that a stream belongs to; None when it is of another kind."""
        id = stream.removeprefix(f"{self._category}-")
        return id if id != stream else None

    def read(self, id: str) -> Outcome[State]:
        """The state now; revision 0 and the initial state when nothing was ever recorded."""
        stream = self.stream(id)
        return self._read([stream])[stream]

    def read_many(self, ids: Sequence[str]) -> dict[str, State]:
        states = self._read([self.stream(id) for id in ids])
        return {id: states[self.stream(id)].state for id in ids}

    def _read(self, streams: Sequence[str]) -> dict[str, Outcome[State]]:
        """Never behind: to a state that was read before is added what has been recorded since."""
        at = self._clock()
        before = self._remembered.look(streams, at)
        since = {stream: known.revision for stream, known in before.items()}
        loaded = self._store.load_many(streams, self._shape, since)
        read = {
            stream: Outcome(self._state(found, before.get(stream)), found.revision) for stream, found in loaded.items()
        }
        self._remembered.keep(read, at)
        return read

    def read_as_of(self, id: str, at: datetime) -> State:
        """The state as it was at an instant. Costs the whole history: for a look back, not for the daily work."""
        # A shape that nobody has: without a snapshot, which would know of the present only.
        events = self._store.load(self.stream(id)).events
        return self._decider.fold(recorded.event for recorded in events if recorded.at <= at)

    def history(self, id: str, before: int, limit: int) -> list[Recorded]:
        return self._store.history(self.stream(id), before, limit)

    def handle(
        self,
        id: str,
        command: Any,
        origin: Origin,
        *,
        guard: Callable[[State], None] = lambda state: None,
        once: Once | None = None,
    ) -> Outcome[State]:
        """Decides and appends; after a lost race decides again on the newer state, a few times, then `Conflict`.

        `guard` sees the state before each decision and may raise. A repeated `once` gives the state as it is now and
        no events; with another fingerprint it is `Rejected("idempotency-key-reused")`.
        """
        for attempt in range(TRIES):
            self._give_way(attempt)
            if once and self._done_before(once):
                return self.read(id)
            before = self._known(self._store.load(self.stream(id), self._shape))
            guard(before.state)
            events = tuple(self._decider.decide(command, before.state))
            after = self._decider.fold(events, before.state)
            if not events and not once:
                return Outcome(after, before.revision)
            commit = self._commit(id, before.revision + 1, events, after, origin, once)
            if isinstance(self._store.append(commit), Appended):
                self._keep_snapshots([before.after(commit, after)])
                return Outcome(after, commit.revision, events, commit.at)
        raise Conflict("lost-race")

    def begin(self, id: str, command: Any, origin: Origin) -> Outcome[State]:
        """As `handle`, in one round trip where the stream is new: that nothing was recorded yet is tried first, and
        the append proves it."""
        events = tuple(self._decider.decide(command, self._decider.initial))
        if events:
            after = self._decider.fold(events)
            commit = self._commit(id, 1, events, after, origin, None)
            if isinstance(self._store.append(commit), Appended):
                return Outcome(after, 1, events, commit.at)
        return self.handle(id, command, origin)

    def _done_before(self, once: Once) -> bool:
        earlier = self._store.seen([once.command_id]).get(once.command_id)
        if earlier and earlier.fingerprint != once.fingerprint:
            raise Rejected("idempotency-key-reused")
        return earlier is not None

    def _commit(
        self, id: str, revision: int, events: Sequence[Any], after: State, origin: Origin, once: Once | None
    ) -> Commit:
        entries = tuple(Entry(event, origin.correlation_id, origin.causation_id) for event in events)
        return Commit(
            self.stream(id),
            revision,
            entries,
            (once.command_id,) if once else (),
            origin.actor,
            self._clock(),
            once.fingerprint if once else "",
            self._waking(events, after),
        )

    def handle_many(self, orders: Sequence[Order], actor: Actor) -> list[Result]:
        """Carries out a batch in a number of round trips that does not grow with it; an answer for each, in order.

        Orders for one aggregate are decided in turn and become one commit, also those that changed nothing: when they
        come again they are `AlreadyDone`, whatever the state is by then. A refused or failed order leaves no mark.
        `actor` did all that has no actor of its own; a commit has one, so another's orders wait for the next round.
        The first try may start from the state that this handler left behind: the append at its revision proves that
        it was the newest; where nothing is appended, the state is loaded and decided on again.
        Streams that lost a race or met a repeated command are tried again alone; `Conflict` after a few times, and then
        repeating the batch is safe.
        """
        results: dict[int, Result] = {}
        left = list(enumerate(orders))
        for attempt in range(TRIES):
            self._give_way(attempt)
            if attempt:
                left = self._without_done(left, results)
            left = self._carry_out(left, actor, results)
            if not left:
                return [results[index] for index in range(len(orders))]
        raise Conflict("lost-race")

    def _without_done(self, left: list[tuple[int, Order]], results: dict[int, Result]) -> list[tuple[int, Order]]:
        seen = self._store.seen([order.command_id for _, order in left])
        results.update({index: AlreadyDone() for index, order in left if order.command_id in seen})
        return [(index, order) for index, order in left if order.command_id not in seen]

    def _carry_out(
        self, left: list[tuple[int, Order]], actor: Actor, results: dict[int, Result]
    ) -> list[tuple[int, Order]]:
        """One round over `left`; fills `results` and gives back what has to be tried again."""
        by_stream, again = self._by_stream(left)
        known = self._known_many(by_stream)
        at = self._clock()
        plans = [self._plan(stream, known[stream], theirs, actor, at) for stream, theirs in by_stream.items()]
        answers = iter(self._store.append_many([plan.commit for plan in plans if plan.commit]))
        written: list[_Known[State]] = []
        for plan in plans:
            newest = isinstance(next(answers), Appended) if plan.commit else known[plan.stream].newest
            if not newest:
                again += by_stream[plan.stream]
                continue
            results.update(plan.results)
            if plan.commit:
                written.append(known[plan.stream].after(plan.commit, plan.state))
        self._keep_snapshots(written)
        self._left_behind.keep({state.stream: state for state in written}, self._clock())
        return sorted(again, key=lambda one: one[0])

    def _by_stream(
        self, left: list[tuple[int, Order]]
    ) -> tuple[dict[str, list[tuple[int, Order]]], list[tuple[int, Order]]]:
        """The orders of each stream up to where their actor changes, and the orders from there on."""
        by_stream: dict[str, list[tuple[int, Order]]] = defaultdict(list)
        later: dict[str, list[tuple[int, Order]]] = defaultdict(list)
        for index, order in left:
            stream = self.stream(order.id)
            theirs = by_stream[stream]
            waits = stream in later or (theirs and theirs[0][1].actor != order.actor)
            (later[stream] if waits else theirs).append((index, order))
        return by_stream, [one for theirs in later.values() for one in theirs]

    def _known_many(self, by_stream: Mapping[str, Sequence[tuple[int, Order]]]) -> dict[str, "_Known[State]"]:
        """What was left behind, once; the rest, and what is likely to come to nothing, from the store."""
        usable = [stream for stream, theirs in by_stream.items() if all(order.mark for _, order in theirs)]
        known = self._left_behind.take(usable, self._clock())
        missing = [stream for stream in by_stream if stream not in known]
        loaded = self._store.load_many(missing, self._shape) if missing else {}
        return {**known, **{stream: self._known(loaded[stream], stream) for stream in missing}}

    def _plan(
        self, stream: str, known: "_Known[State]", theirs: Sequence[tuple[int, Order]], actor: Actor, at: datetime
    ) -> "_Plan[State]":
        state = known.state
        results: dict[int, Result] = {}
        entries: list[Entry] = []
        decided: list[str] = []
        for index, order in theirs:
            if order.command_id in known.command_ids or order.command_id in decided:
                results[index] = AlreadyDone()
                continue
            results[index], state = self._decide(order, state)
            if isinstance(result := results[index], Done) and (result.events or order.mark):
                entries += [Entry(event, order.correlation_id, order.causation_id) for event in result.events]
                decided.append(order.command_id)
        waking = self._waking([entry.event for entry in entries], state)
        revision = known.revision + 1
        who = theirs[0][1].actor or actor
        commit = Commit(stream, revision, tuple(entries), tuple(decided), who, at, wake_at=waking)
        return _Plan(stream, state, results, commit if decided else None)

    def _decide(self, order: Order, state: State) -> tuple[Result, State]:
        try:
            events = tuple(self._decider.decide(order.command, state))
            return Done(events), self._decider.fold(events, state)
        except TsunaguError as refusal:
            telemetry.COMMANDS_REJECTED.labels(refusal.code).inc()
            return Refused(refusal.code), state
        except Exception as error:  # noqa: BLE001  One broken order must not take its neighbours with it.
            return Failed(error), state

    def _waking(self, events: Sequence[Any], after: State) -> datetime | None:
        times = [at for event in events if (at := self._wake_at(event, after))]
        return min(times, default=None)

    def _state(self, loaded: Loaded, before: Outcome[State] | None = None) -> State:
        start = before.state if before else None
        if loaded.snapshot:
            start = msgspec.convert(loaded.snapshot.state, self._state_type)
        return self._decider.fold((recorded.event for recorded in loaded.events), start)

    def _known(self, loaded: Loaded, stream: str = "") -> "_Known[State]":
        since = loaded.revision - (loaded.snapshot.revision if loaded.snapshot else 0)
        grown = max(since, len(loaded.events))
        return _Known(stream, self._state(loaded), loaded.revision, grown, loaded.command_ids, newest=True)

    def _keep_snapshots(self, written: Sequence["_Known[State]"]) -> None:
        """For the streams that have grown by `snapshot_every` since their last one. The commits are durable by now, so
        that a snapshot could not be kept is no failure of theirs."""
        due = {
            known.stream: Snapshot(known.revision, msgspec.to_builtins(known.state))
            for known in written
            if known.grown >= self._snapshot_every
        }
        try:
            if due:
                self._store.save_snapshots(self._shape, due)
        except Unavailable as problem:
            log.info("snapshots_not_kept", streams=len(due), cause=problem.message)


class _Known(msgspec.Struct, Generic[State], frozen=True):
    """A state and the revision that it is of. `grown` counts what a reader goes through since the last snapshot: its
    events or its commits, whichever are more, as a commit may have no events. `newest`: it was just loaded."""

    stream: str
    state: State
    revision: int
    grown: int
    command_ids: frozenset[str]
    newest: bool

    def after(self, commit: Commit, state: State) -> "_Known[State]":
        grown = self.grown + max(1, len(commit.entries))
        return _Known(commit.stream, state, commit.revision, grown, frozenset(commit.command_ids), newest=False)


class _Plan(msgspec.Struct, Generic[State], frozen=True):
    """What one round decided for one stream."""

    stream: str
    state: State
    results: Mapping[int, Result]
    commit: Commit | None


@cache
def _shape_of(state_type: Any) -> str:
    """A name for the fields of a state: a snapshot of another shape is not used."""
    return hashlib.sha256(msgspec.json.encode(msgspec.json.schema(state_type), order="deterministic")).hexdigest()[:16]
