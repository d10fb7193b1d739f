"""Kafka in memory, by the part of kafka-python's clients that the chassis uses: topics of partitions, groups, offsets.

What is harder here than on a broker: a rebalance takes a partition from a member in the midst of its batch. What is
left out: nothing is ever lost that was acknowledged, but for all of it at once (`wipe`).
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import CommitFailedError, KafkaConnectionError, KafkaTimeoutError
from kafka.structs import MemberState, OffsetAndMetadata

from chassis import kafka
from chassis.testing import Record
from sim.world import Process, Signal, World

PARTITIONS = 2
SESSION_MS = 10_000
# As `sim.engines.FOLLOW_SECONDS`.
POLL_SECONDS = 600.0
Header = tuple[str, bytes]


@dataclass
class Group:
    """A consumer group: who is in it, who has which partitions, and what was committed (offset, cluster)."""

    members: list["Member"] = field(default_factory=list)
    generation: int = 0
    committed: dict[TopicPartition, tuple[int, str]] = field(default_factory=dict)


@dataclass
class Bus:
    """The broker. `ids` are those of all events on it. `away`: nobody reaches it; `triple`: every message comes three
    times."""

    world: World
    cluster: str = "cluster-1"
    topics: dict[str, list[list[Record]]] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=lambda: defaultdict(Group))
    ids: set[str] = field(default_factory=set)
    away: bool = False
    triple: bool = False
    readers: list["Member"] = field(default_factory=list)

    def make(self, names: Iterable[str]) -> None:
        for name in names:
            self.topics.setdefault(name, [[] for _ in range(PARTITIONS)])

    def append(self, topic: str, key: bytes | None, value: bytes | None, headers: Sequence[Header]) -> None:
        number = zlib.crc32(key or b"") % PARTITIONS
        partition = self.topics[topic][number]
        at = int(self.world.true_time().timestamp() * 1000)
        partition.append(Record(value, headers, key, topic, number, len(partition), at))
        self.ids.add(_id(headers))
        for member in self.readers:
            if topic in member.topics:
                self.world.fire(member.woken)

    def wipe(self) -> None:
        """All of its data is gone: it is another cluster."""
        self.cluster = f"cluster-{int(self.cluster.partition('-')[2]) + 1}"
        self.topics.clear()
        self.ids.clear()
        for group in self.groups.values():
            group.committed.clear()
            self.rebalance(group)

    def rebalance(self, group: Group) -> None:
        group.generation += 1
        for member in group.members:
            self.world.fire(member.woken)

    def assigned(self, group: Group, member: "Member") -> list[TopicPartition]:
        topics = sorted({topic for one in group.members for topic in one.topics})
        places = [TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)]
        mine = group.members.index(member)
        return [place for turn, place in enumerate(places) if turn % len(group.members) == mine]

    def miss_soon(self) -> None:
        """Somebody is silent from now on."""
        self.world.later(SESSION_MS + 1, self._expel_all)

    def _expel_all(self) -> None:
        for group in self.groups.values():
            self.expel(group)

    def wake(self, process: Process) -> None:
        for member in self.readers:
            if member.process is process:
                self.world.fire(member.woken)

    def expel(self, group: Group) -> None:
        """Those that have shown no life for a session's time are in the group no more."""
        late = [one for one in group.members if one.silent_since + SESSION_MS < self.world.now and one.is_silent]
        if late:
            group.members = [one for one in group.members if one not in late]
            self.rebalance(group)


@dataclass(frozen=True)
class Clients:
    """Makes the clients of one process."""

    bus: Bus
    process: Process

    def made(self) -> kafka.Clients:
        return kafka.Clients(self._topics, self._producer, self._consumer)

    def _topics(self, _servers: Sequence[str], owners: Sequence[str]) -> None:
        with kafka.reachable():
            reach(self.bus, self.process)
        for topic in map(kafka.topic_of, owners):
            self.bus.make((topic, kafka.dead_letter_topic(topic)))

    def _producer(self, _servers: Sequence[str], _client: str) -> KafkaProducer:
        with kafka.reachable():
            reach(self.bus, self.process)
        return cast(KafkaProducer, Producer(self.bus, self.process))

    def _consumer(self, _servers: Sequence[str], _client: str, group: str | None, most: int) -> KafkaConsumer:
        with kafka.reachable():
            reach(self.bus, self.process)
        return cast(KafkaConsumer, Member(self.bus, self.process, group or "", most))


def reach(bus: Bus, process: Process, what: str = "") -> None:
    bus.world.point(process, what, reads=not what)
    if bus.away:
        raise KafkaConnectionError("away")


class _Client:
    """What all clients have."""

    def __init__(self, bus: Bus, process: Process) -> None:
        self.bus, self.process = bus, process
        self.config = {"kafka_client": self}

    @property
    def cluster_id(self) -> str:
        return self.bus.cluster


class Producer(_Client):
    """Sends when it is flushed. What could not be sent is a tail of each partition's messages.

    As the real one it does not ask whether the cluster is still the one that it was made for: it sends where there is
    such a topic.
    """

    def __init__(self, bus: Bus, process: Process) -> None:
        super().__init__(bus, process)
        self._waiting: list[tuple[str, bytes | None, bytes | None, Sequence[Header]]] = []
        self._broken = False

    def send(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Sequence[Header]
    ) -> "SimpleNamespace":
        self._waiting.append((topic, key, value, headers))
        return SimpleNamespace(get=self._result)

    def flush(self, timeout: float) -> None:
        bus, world, waiting, self._waiting = self.bus, self.bus.world, self._waiting, []
        if not waiting:
            return
        traced = world.trace is not None
        what = f"send {', '.join(f'{topic} {_id(headers)}' for topic, _, _, headers in waiting)}" if traced else ""
        self._broken = True
        reach(bus, self.process, what or "send")
        if any(topic not in bus.topics for topic, *_ in waiting):
            raise KafkaTimeoutError("no such topic")
        some = len(waiting)
        if not world.calm and world.chance.random() < 0.02:
            some = world.chance.randrange(some + 1)
        for message in waiting[:some]:
            for _ in range(3 if bus.triple else 1):
                bus.append(*message)
        if some < len(waiting):
            world.note(self.process.name, f"only {some} of {len(waiting)} were acknowledged")
            raise KafkaTimeoutError("not acknowledged")
        self._broken = False

    def _result(self, timeout: float) -> None:
        if self._broken:
            raise KafkaTimeoutError("not acknowledged")

    def close(self, timeout: float | None = None) -> None: ...


def _id(headers: Sequence[Header]) -> str:
    return next((value.decode() for name, value in headers if name == "ce_id"), "?")


class Member(_Client):
    """A consumer: in a group by `subscribe`, or alone by `assign`."""

    def __init__(self, bus: Bus, process: Process, group: str, most: int) -> None:
        super().__init__(bus, process)
        self._group, self._most = bus.groups[group], most
        self.topics: tuple[str, ...] = ()
        self.silent_since = bus.world.now
        self.woken = Signal()
        self._listener: Any = None
        self._generation = -1
        self._assigned: list[TopicPartition] = []
        self._places: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()

    @property
    def is_silent(self) -> bool:
        """Heartbeats come from a thread of their own, as long as the process runs."""
        return self.process.dead or self.process.paused

    def subscribe(self, topics: Sequence[str], listener: Any) -> None:
        self.topics, self._listener = tuple(topics), listener
        self.bus.readers = [reader for reader in self.bus.readers if not reader.process.dead] + [self]
        self._join()

    def _join(self) -> None:
        self._group.members.append(self)
        self.bus.rebalance(self._group)

    def group_metadata(self) -> Any:
        return SimpleNamespace(state=MemberState.STABLE)

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(len(self.bus.topics.get(topic, ()))))

    def assign(self, places: Sequence[TopicPartition]) -> None:
        self._assigned = list(places)
        self._places = {place: self._committed_at(place) for place in places}

    def assignment(self) -> set[TopicPartition]:
        return set(self._assigned)

    def poll(self, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
        self._alive()
        self._take_turn()
        if not self._has_any() and not (self._paused and timeout_ms == 0):
            # Paused, it is a member that waits; else whatever happens wakes it.
            short = self._paused or self._has_moved()
            self.bus.world.until(None if self._paused else self.woken, timeout_ms / 1000 if short else POLL_SECONDS)
            self._alive()
            self._take_turn()
        return self._taken()

    def _alive(self) -> None:
        reach(self.bus, self.process)
        self.silent_since = self.bus.world.now
        if self._listener and self not in self._group.members:
            self._join()

    def _take_turn(self) -> None:
        """Learns of a rebalance: all that it had is taken, and what it has now begins at what is committed."""
        if not self._listener:
            return
        self.bus.expel(self._group)
        if self._generation != self._group.generation:
            mine = self.bus.assigned(self._group, self)
            self._listener.on_partitions_revoked(self._assigned)
            self._generation = self._group.generation
            self._assigned, self._paused = mine, set()
            self._places = {place: self._committed_at(place) for place in mine}
            self._listener.on_partitions_assigned(mine)

    def _committed_at(self, place: TopicPartition) -> int:
        return self._group.committed.get(place, (0, ""))[0]

    def _records(self, place: TopicPartition) -> Sequence[Record]:
        partitions = self.bus.topics.get(place.topic)
        return partitions[place.partition] if partitions else ()

    def _has_any(self) -> bool:
        return any(len(self._records(place)) > self._places[place] for place in self._open())

    def _has_moved(self) -> bool:
        return any(place != self._committed_at(part) for part, place in self._places.items())

    def _open(self) -> list[TopicPartition]:
        return [place for place in self._assigned if place not in self._paused]

    def _taken(self) -> dict[TopicPartition, list[Any]]:
        taken: dict[TopicPartition, list[Any]] = {}
        for place in self._open():
            records = self._records(place)[self._places[place] :]
            some = 1 if len(records) > 1 and self.bus.world.chance.random() < 0.3 else self._most
            if records:
                taken[place] = list(records[:some])
                self._places[place] += len(taken[place])
        return taken

    def committed(self, place: TopicPartition, metadata: bool = False) -> Any:
        known = self._group.committed.get(place)
        return OffsetAndMetadata(known[0], known[1], -1) if known else None

    def commit(self, places: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        said = ""
        if self.bus.world.trace is not None:
            said = ", ".join(f"{place.topic}/{place.partition}={at.offset}" for place, at in sorted(places.items()))
        reach(self.bus, self.process, f"commit {said}")
        if self._listener and (self._generation != self._group.generation or self not in self._group.members):
            raise CommitFailedError("the group has changed")
        self._group.committed |= {place: (at.offset, at.metadata) for place, at in places.items()}

    def seek(self, place: TopicPartition, offset: int) -> None:
        self._places[place] = offset

    def seek_to_beginning(self, *places: TopicPartition) -> None:
        self._places |= dict.fromkeys(places or self._assigned, 0)

    def position(self, place: TopicPartition) -> int:
        return self._places[place]

    def end_offsets(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        reach(self.bus, self.process)
        return {place: len(self._records(place)) for place in places}

    def pause(self, *places: TopicPartition) -> None:
        self._paused |= set(places)

    def resume(self, *places: TopicPartition) -> None:
        self._paused -= set(places)

    def paused(self) -> set[TopicPartition]:
        return set(self._paused)

    def close(self, autocommit: bool = False, timeout_ms: int = 0) -> None:
        if self in self.bus.readers:
            self.bus.readers.remove(self)
        if not self.process.dead and self in self._group.members:
            self._group.members.remove(self)
            self.bus.rebalance(self._group)
