"""In a storm an event waits for the event that answers it, so that what both mean for a stream is one commit.

One commit costs half of two, and what has to wait for its answer anyway loses nothing by waiting here. Its offset is
not committed meanwhile, so after a crash it is read again.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
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
    # In the order of their coming; `_touched` are those that have got something since the last look.
    _groups: dict[bytes, _Group] = field(default_factory=dict)
    _touched: dict[bytes, None] = field(default_factory=dict)
    _size: int = field(default=0)
    _reached: dict[TopicPartition, int] = field(default_factory=dict)
    _told: dict[TopicPartition, int] = field(default_factory=dict)

    def add(self, polled: Mapping[TopicPartition, Sequence[Any]]) -> None:
        """Records as they come from Kafka, each partition's in order."""
        for partition, records in polled.items():
            self._add(records)
            self._reached[partition] = records[-1].offset + 1

    def _add(self, records: Sequence[Any]) -> None:
        now = self.clock()
        self._size += len(records)
        if not self.answers:
            self._group(b"", now).records += records
            return
        for record in records:
            group = self._group((record.key or b"").partition(b"-")[2], now)
            group.records.append(record)
            group.names.add(name := _name(record))
            if name in self.answers:
                group.awaited.append(self.answers[name])

    def _group(self, id: bytes, now: float) -> _Group:
        group = self._groups.get(id)
        if group is None:
            group = self._groups[id] = _Group(now)
        self._touched[id] = None
        return group

    def take(self) -> list[Any]:
        """What need not wait any longer, in order within each aggregate."""
        storm = THICK <= self._size <= MOST
        ready = self._ready() if storm else list(self._groups)
        taken = [record for id in ready for record in self._groups.pop(id).records]
        self._size -= len(taken)
        self._touched = {}
        return taken

    def _ready(self) -> list[bytes]:
        """Those that have got what they lacked, and the oldest. All others were looked at before."""
        oldest = self.clock() - LONGEST_SECONDS
        old = [id for id, _ in takewhile(lambda one: one[1].since <= oldest, self._groups.items())]
        complete = [id for id in self._touched if not self._groups[id].lacks_an_answer]
        return list(dict.fromkeys([*old, *complete]))

    def forget(self, partitions: Collection[TopicPartition]) -> None:
        """What was added of partitions that begin anew from their committed place."""
        if partitions:
            kept = [
                one for group in self._groups.values() for one in group.records if _partition(one) not in partitions
            ]
            self._groups, self._touched, self._size = {}, {}, 0
            self._add(kept)
        for partition in partitions:
            self._reached.pop(partition, None)
            # What was told of them may never have been committed: the group was changing.
            self._told.pop(partition, None)

    def moved(self) -> dict[TopicPartition, int]:
        """For each partition the first offset that is not taken, where it is another than it was when last asked."""
        places = dict(self._reached)
        for group in self._groups.values():
            for record in group.records:
                place = (record.topic, record.partition)  # Equal to the library's own, and made much faster.
                places[place] = min(places[place], record.offset)
        moved = {partition: place for partition, place in places.items() if self._told.get(partition) != place}
        self._told |= moved
        return moved


def _partition(record: Any) -> TopicPartition:
    return TopicPartition(record.topic, record.partition)


def _name(record: Any) -> str:
    return next((value.decode("utf-8", "replace") for name, value in record.headers if name == "ce_type" and value), "")
