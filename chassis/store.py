"""The event store: what every backend promises, and the shapes it takes and gives.

One append is one commit, atomic without a transaction. Its name `<stream>@<revision>` is unique, which is the
optimistic lock; its command ids are unique too, which makes a repeated command or message a refused commit and
never a second effect.

What a storm makes by the million is a struct, which is made in a tenth of the time of a frozen dataclass.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol

import msgspec

from chassis.messages import Actor, Recorded

NOTHING: Mapping[str, int] = MappingProxyType({})


class Entry(msgspec.Struct, frozen=True):
    """One event about to be recorded, with what caused it."""

    event: Any
    correlation_id: str
    causation_id: str


class Commit(msgspec.Struct, frozen=True):
    """The events of one stream that become durable together or not at all.

    `revision` is the stream's last one plus 1. `command_ids` name the commands decided here, `fingerprint` the body of
    a client's request that carries an Idempotency-Key. `wake_at` asks for a look at the stream at that time.
    """

    stream: str
    revision: int
    entries: tuple[Entry, ...]
    command_ids: tuple[str, ...]
    actor: Actor
    at: datetime
    fingerprint: str = ""
    wake_at: datetime | None = None

    @property
    def id(self) -> str:
        return f"{self.stream}@{self.revision}"


class Appended(msgspec.Struct, frozen=True):
    """The commit is durable."""

    revision: int


@dataclass(frozen=True)
class Raced:
    """Another commit took this revision first: load again and decide again."""


@dataclass(frozen=True)
class Repeated:
    """At least one command of the commit was recorded before: nothing of it was written."""


Answer = Appended | Raced | Repeated


@dataclass(frozen=True)
class Seen:
    """Where a command was recorded."""

    stream: str
    revision: int
    fingerprint: str


@dataclass(frozen=True)
class Snapshot:
    """A folded state as JSON data, after the commit `revision`."""

    revision: int
    state: Any


class Loaded(msgspec.Struct, frozen=True):
    """A stream: its newest usable snapshot and all that came after it, in order. `revision` 0 is an empty stream.

    `command_ids` are those of the loaded commits; commands older than the snapshot are not among them.
    """

    snapshot: Snapshot | None
    events: tuple[Recorded, ...]
    revision: int
    command_ids: frozenset[str]


@dataclass(frozen=True)
class Batch:
    """Events in the order of their commits, and the token after which to go on. May be empty: time has passed."""

    events: tuple[Recorded, ...]
    token: Any


@dataclass(frozen=True)
class Waking:
    """A commit whose `wake_at` has come."""

    commit_id: str
    stream: str


class TokenLost(Exception):
    """The position is not in the store's log any more: publish from the beginning."""


class EventStore(Protocol):
    """Reads see only what a majority of the store's nodes has made durable, and so does an acknowledged append.

    `Unavailable` is raised when the store cannot be reached; whether an append then happened is unknown, and
    repeating it with the same command ids is safe.
    """

    def load(self, stream: str, shape: str = "") -> Loaded:
        """One stream; a snapshot of another `shape` is passed over."""

    def load_many(
        self, streams: Sequence[str], shape: str = "", since: Mapping[str, int] = NOTHING
    ) -> dict[str, Loaded]:
        """Every named stream, the empty ones too, in a number of round trips that does not grow with theirs.

        Of a stream that has a revision in `since`, only what came after that, and no snapshot.
        """

    def append(self, commit: Commit) -> Answer:
        """One commit, durable before this returns."""

    def append_many(self, commits: Sequence[Commit]) -> list[Answer]:
        """An answer for each commit, in order; one refused commit does not touch its neighbours. One round trip when
        none is refused. At most one commit a stream. `BadMessage` when one holds what cannot be written: then nothing
        is."""

    def seen(self, command_ids: Sequence[str]) -> dict[str, Seen]:
        """Those of the commands that are recorded."""

    def save_snapshots(self, shape: str, snapshots: Mapping[str, Snapshot]) -> None:
        """One for each named stream, in one round trip. Of two of the same shape the newer is kept; one of another
        shape is replaced. May be lost without harm."""

    def history(self, stream: str, before: int, limit: int) -> list[Recorded]:
        """Events of commits with a revision below `before` (0: of the newest), newest first, whole commits only, at
        most `limit` commits that have events."""

    def start(self) -> Any:
        """A token from which `follow` gives what is appended from now on."""

    def follow(self, token: Any, types: frozenset[str] | None = None) -> Iterator[Batch]:
        """Endless: batches of what was appended after `token`, only of `types`; an empty batch at least each second.

        Raises `TokenLost`; every commit comes at least once, commits of one stream in order.
        """

    def scan(self) -> Iterator[Recorded]:
        """Everything, stream by stream, each in order."""

    def due(self, at: datetime, limit: int) -> list[Waking]:
        """Commits whose `wake_at` has come and that are not settled, oldest first."""

    def settle(self, commit_ids: Sequence[str]) -> None:
        """The wakings were attended to."""
