"""In a storm an event waits for the event that answers it, so that what both mean for a stream is one commit.

One commit costs half of two, and what has to wait for its answer anyway loses nothing by waiting here. Its offset is
not committed meanwhile, so after a crash it is read again.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kafka import TopicPartition

# What is less than this is no storm: then nothing waits. Nor does it when there is more than the other.
THICK, MOST = 200, 20_000
LONGEST_SECONDS = 8.0


@dataclass
class _Group:
    """What is gathered of one aggregate, in the order of its coming."""

    since: float
    records: list[Any] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    awaited: list[frozenset[str]] = field(default_factory=list)

    @property
    def lacks_an_answer(self) -> bool:
        return any(self.names.isdisjoint(answers) for answers in self.awaited)


@dataclass
class Gathering:
    """Kafka records between being polled and being taken. Those about one aggregate stay in order and together.

    `answers`: the name of an event -> the names of those that answer it. They are of different owners, whose streams
    have the same id: the answer to `line-0600001111` is found in `plan-0600001111`.
    """

    answers: Mapping[str, frozenset[str]]
    clock: Callable[[], float] = time.monotonic
    _groups: dict[bytes, _Group] = field(default_factory=dict)
    _size: int = field(default=0)
    _reached: dict[TopicPartition, int] = field(default_factory=dict)
    _told: dict[TopicPartition, int] = field(default_factory=dict)

    def add(self, polled: Mapping[TopicPartition, Sequence[Any]]) -> None:
        """Records as they come from Kafka, each partition's in order."""
        for partition, records in polled.items():
            for record in records:
                self._add(record)
            self._reached[partition] = records[-1].offset + 1

    def _add(self, record: Any) -> None:
        id = (record.key or b"").partition(b"-")[2] if self.answers else b""
        group = self._groups.setdefault(id, _Group(self.clock()))
        group.records.append(record)
        self._size += 1
        if self.answers:
            group.names.add(name := _name(record))
            group.awaited += [self.answers[name]] if name in self.answers else []

    def take(self) -> list[Any]:
        """What need not wait any longer, in order within each aggregate."""
        storm = THICK <= self._size <= MOST
        oldest = self.clock() - LONGEST_SECONDS
        waiting = {
            id: group for id, group in self._groups.items() if storm and group.since > oldest and group.lacks_an_answer
        }
        taken = [record for id, group in self._groups.items() if id not in waiting for record in group.records]
        self._groups, self._size = waiting, self._size - len(taken)
        return taken

    def forget(self, partitions: Collection[TopicPartition]) -> None:
        """What was added of partitions that begin anew from their committed place."""
        if partitions:
            kept = [
                one for group in self._groups.values() for one in group.records if _partition(one) not in partitions
            ]
            self._groups, self._size = {}, 0
            for record in kept:
                self._add(record)
        for partition in partitions:
            self._reached.pop(partition, None)
            # What was told of them may never have been committed: the group was changing.
            self._told.pop(partition, None)

    def moved(self) -> dict[TopicPartition, int]:
        """For each partition the first offset that is not taken, where it is another than it was when last asked."""
        places = dict(self._reached)
        for group in self._groups.values():
            for record in group.records:
                places[_partition(record)] = min(places[_partition(record)], record.offset)
        moved = {partition: place for partition, place in places.items() if self._told.get(partition) != place}
        self._told |= moved
        return moved


def _partition(record: Any) -> TopicPartition:
    return TopicPartition(record.topic, record.partition)


def _name(record: Any) -> str:
    return next((value.decode("utf-8", "replace") for name, value in record.headers if name == "ce_type" and value), "")
