"""An event store in memory with the promises of the real one: for tests and the simulator."""

import bisect
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chassis.messages import Codec, Recorded, sequence_of
from chassis.store import NOTHING, Answer, Appended, Batch, Commit, Loaded, Raced, Repeated, Seen, Snapshot, Waking


@dataclass
class MemoryStore:
    """Keeps every commit in order of arrival; `idle_seconds` is how long `follow` waits before an empty batch."""

    codec: Codec
    idle_seconds: float = 0.05
    _log: list[Commit] = field(default_factory=list)
    _streams: dict[str, list[Commit]] = field(default_factory=lambda: defaultdict(list))
    _seen: dict[str, Seen] = field(default_factory=dict)
    _snapshots: dict[str, tuple[str, Snapshot]] = field(default_factory=dict)
    _waking: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    _grown: threading.Condition = field(default_factory=threading.Condition)

    def load(self, stream: str, shape: str = "") -> Loaded:
        kept_shape, snapshot = self._snapshots.get(stream, ("", None))
        usable = snapshot if snapshot and kept_shape == shape else None
        return self._after(stream, usable.revision if usable else 0, usable)

    def load_many(
        self, streams: Sequence[str], shape: str = "", since: Mapping[str, int] = NOTHING
    ) -> dict[str, Loaded]:
        return {
            stream: self._after(stream, since[stream]) if stream in since else MemoryStore.load(self, stream, shape)
            for stream in streams
        }

    def _after(self, stream: str, revision: int, snapshot: Snapshot | None = None) -> Loaded:
        commits = self._streams.get(stream, [])
        after = commits[revision:]
        return Loaded(
            snapshot,
            tuple(event for commit in after for event in self._recorded(commit)),
            len(commits),
            frozenset(command for commit in after for command in commit.command_ids),
        )

    def append(self, commit: Commit) -> Answer:
        return self.append_many([commit])[0]

    def append_many(self, commits: Sequence[Commit]) -> list[Answer]:
        for entry in (entry for commit in commits for entry in commit.entries):
            self.codec.encode(entry.event)
        return [self._append(commit) for commit in commits]

    def _append(self, commit: Commit) -> Answer:
        with self._grown:
            if any(command in self._seen for command in commit.command_ids):
                return Repeated()
            if commit.revision != len(self._streams[commit.stream]) + 1:
                return Raced()
            self._keep(commit)
            self._grown.notify_all()
            return Appended(commit.revision)

    def _keep(self, commit: Commit) -> None:
        self._streams[commit.stream].append(commit)
        self._log.append(commit)
        for command in commit.command_ids:
            self._seen[command] = Seen(commit.stream, commit.revision, commit.fingerprint)
        if commit.wake_at:
            self._waking[commit.id] = (commit.wake_at, commit.stream)

    def seen(self, command_ids: Sequence[str]) -> dict[str, Seen]:
        return {command: self._seen[command] for command in command_ids if command in self._seen}

    def save_snapshots(self, shape: str, snapshots: Mapping[str, Snapshot]) -> None:
        for stream, snapshot in snapshots.items():
            kept_shape, kept = self._snapshots.get(stream, ("", None))
            if kept is None or kept_shape != shape or kept.revision < snapshot.revision:
                self._snapshots[stream] = (shape, snapshot)

    def history(self, stream: str, before: int, limit: int) -> list[Recorded]:
        commits = self._streams.get(stream, [])
        older = [commit for commit in (commits[: before - 1] if before else commits) if commit.entries]
        return [event for commit in reversed(older[-limit:]) for event in reversed(self._recorded(commit))]

    def start(self) -> Any:
        return len(self._log)

    def follow(self, token: Any, types: frozenset[str] | None = None) -> Iterator[Batch]:
        position = int(token)
        while True:
            with self._grown:
                self._grown.wait_for(lambda at=position: len(self._log) > at, timeout=self.idle_seconds)  # type: ignore[misc]
                commits = self._log[position:]
            position += len(commits)
            events = (event for commit in commits for event in self._recorded(commit))
            yield Batch(tuple(event for event in events if types is None or event.type in types), position)

    def scan(self) -> Iterator[Recorded]:
        for stream in sorted(self._streams):
            for commit in self._streams[stream]:
                yield from self._recorded(commit)

    def due(self, at: datetime, limit: int) -> list[Waking]:
        ready: list[tuple[datetime, str, str]] = []
        for commit_id, (wake_at, stream) in self._waking.items():
            if wake_at <= at:
                bisect.insort(ready, (wake_at, commit_id, stream))
        return [Waking(commit_id, stream) for _, commit_id, stream in ready[:limit]]

    def settle(self, commit_ids: Sequence[str]) -> None:
        for commit_id in commit_ids:
            self._waking.pop(commit_id, None)

    def _recorded(self, commit: Commit) -> list[Recorded]:
        return [
            Recorded(
                entry.event,
                type(entry.event).__name__,
                commit.stream,
                sequence_of(commit.revision, index),
                f"{commit.id}.{index}",
                commit.at,
                commit.actor,
                entry.correlation_id,
                entry.causation_id,
            )
            for index, entry in enumerate(commit.entries)
        ]
