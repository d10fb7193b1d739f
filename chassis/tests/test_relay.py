"""What is committed is published, at least once and in order, whatever breaks between the store and Kafka."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kafka import TopicPartition
from pymongo.database import Database

from chassis import kafka
from chassis.errors import Unavailable
from chassis.lease import LeaseLost, MongoPositions
from chassis.memory_store import MemoryStore
from chassis.messages import Recorded, from_kafka
from chassis.mongo_store import MongoStore
from chassis.relay import POSITION, KafkaPublisher, Publisher, Relay
from chassis.store import Batch, TokenLost
from chassis.testing import MemoryPositions
from chassis.tests.examples import CODEC, Closed, Noted, Opened, commit
from conftest import Addresses
from devstack.engines import Engines

PUBLIC = frozenset({"Opened", "Closed"})


class Crash(Exception):
    """The process dies here."""


@dataclass
class Topic:
    """A topic in memory that outlives the relays that publish to it."""

    cluster: str = "cluster-1"
    events: list[Recorded] = field(default_factory=list)
    closed: int = 0
    crash_before: bool = False
    crash_after: bool = False

    def publish(self, events: Sequence[Recorded]) -> None:
        if events and self.crash_before:
            self.crash_before = False
            raise Crash
        self.events += events
        if events and self.crash_after:
            self.crash_after = False
            raise Crash

    def still_same_cluster(self) -> bool:
        return True

    def close(self) -> None:
        self.closed += 1

    @property
    def ids(self) -> list[str]:
        return [event.id for event in self.events]


@dataclass
class Relayed:
    """A store, a topic and the place between them; `run` is one process of the relay."""

    store: MemoryStore = field(default_factory=lambda: MemoryStore(CODEC, idle_seconds=0.001))
    topic: Topic = field(default_factory=Topic)
    positions: MemoryPositions = field(default_factory=MemoryPositions)
    told: list[int] = field(default_factory=list)

    def run(self, fence: int = 1, turns: int = 1) -> None:
        left = iter(range(turns - 1))
        relay = Relay(self.store, lambda: self.topic, PUBLIC, self.positions, fence, self.told.append)
        relay.run(lambda: next(left, None) is not None)


@pytest.fixture
def relayed() -> Relayed:
    made = Relayed()
    made.run()
    return made


def test_public_events_are_published_and_private_ones_are_not(relayed: Relayed) -> None:
    relayed.store.append(commit("door-1", 1, Opened("ann"), Noted("secret"), Closed("ann")))

    relayed.run()

    assert relayed.topic.ids == ["door-1@1.0", "door-1@1.2"]


def test_it_is_told_how_many_events_went_out_together(relayed: Relayed) -> None:
    relayed.store.append(commit("door-1", 1, Opened("ann"), Noted("secret"), Closed("ann")))

    relayed.run()

    assert relayed.told[-1] == 2


def test_a_first_run_publishes_what_was_there_before() -> None:
    relayed = Relayed()
    relayed.store.append(commit("door-1", 1, Opened("ann")))

    relayed.run()

    assert relayed.topic.ids == ["door-1@1.0"]


def test_the_next_run_goes_on_from_the_saved_place(relayed: Relayed) -> None:
    relayed.store.append(commit("door-1", 1, Opened("ann")))
    relayed.run()
    relayed.store.append(commit("door-1", 2, Closed("ann")))

    relayed.run()

    assert relayed.topic.ids == ["door-1@1.0", "door-1@2.0"]


def test_a_crash_before_publishing_loses_nothing(relayed: Relayed) -> None:
    relayed.store.append(commit("door-1", 1, Opened("ann")))
    relayed.topic.crash_before = True

    with pytest.raises(Crash):
        relayed.run()
    relayed.run()

    assert relayed.topic.ids == ["door-1@1.0"]


def test_a_crash_after_publishing_publishes_twice(relayed: Relayed) -> None:
    relayed.store.append(commit("door-1", 1, Opened("ann")))
    relayed.topic.crash_after = True

    with pytest.raises(Crash):
        relayed.run()
    relayed.run()

    assert relayed.topic.ids == ["door-1@1.0", "door-1@1.0"]


def test_the_publisher_is_closed_however_a_run_ends(relayed: Relayed) -> None:
    relayed.store.append(commit("door-1", 1, Opened("ann")))
    relayed.topic.crash_after = True

    with pytest.raises(Crash):
        relayed.run()

    assert relayed.topic.closed == 2


def test_a_relay_that_lost_its_lease_stops_and_moves_no_place(relayed: Relayed) -> None:
    relayed.positions.steal(POSITION, fence=2)
    place = relayed.positions.load(POSITION)
    relayed.store.append(commit("door-1", 1, Opened("ann")))

    with pytest.raises(LeaseLost):
        relayed.run(fence=1)
    relayed.run(fence=2)

    assert relayed.positions.load(POSITION) != place
    assert set(relayed.topic.ids) == {"door-1@1.0"}


def test_another_cluster_gets_everything(relayed: Relayed) -> None:
    relayed.store.append(commit("door-1", 1, Opened("ann")))
    relayed.run()
    relayed.topic = Topic("cluster-2")

    relayed.run()

    assert relayed.topic.ids == ["door-1@1.0"]
    assert relayed.positions.load(POSITION)["cluster"] == "cluster-2"


def test_a_cluster_that_changes_under_a_run_ends_it_and_the_next_publishes_everything(relayed: Relayed) -> None:
    class Wiped(Topic):
        def still_same_cluster(self) -> bool:
            return not self.events

    relayed.store.append(commit("door-1", 1, Opened("ann")))
    relayed.topic = Wiped()
    relayed.run(turns=1000)
    relayed.topic = Topic("cluster-2")

    relayed.run()

    assert relayed.topic.ids == ["door-1@1.0"]


def test_a_lost_place_means_everything_again(relayed: Relayed) -> None:
    @dataclass
    class Forgetful(MemoryStore):
        oldest: int = 0

        def follow(self, token: Any, types: frozenset[str] | None = None) -> Iterator[Batch]:
            if token < self.oldest:
                raise TokenLost
            yield from super().follow(token, types)

    relayed.store = Forgetful(CODEC, idle_seconds=0.001)
    for revision in (1, 2, 3):
        relayed.store.append(commit("door-1", revision, Opened("ann")))
    relayed.store.oldest = 2

    relayed.run()
    relayed.run()

    assert relayed.topic.ids == ["door-1@1.0", "door-1@2.0", "door-1@3.0"]


# On the real engines


def records(servers: Sequence[str], owner: str) -> list[Any]:
    """All that lies on the owner's topic, partition by partition."""
    consumer = kafka.make_consumer(servers, "tests", None, 500)
    try:
        topic = kafka.topic_of(owner)
        partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        found: list[Any] = []
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            found += [record for batch in consumer.poll(timeout_ms=500).values() for record in batch]
        return found
    finally:
        consumer.close()


def published(servers: Sequence[str], owner: str) -> list[Recorded]:
    return [from_kafka(record.value, record.headers, CODEC) for record in records(servers, owner)]


@dataclass
class RealRelay:
    """The relay of one service on the real engines."""

    database: Database[dict[str, Any]]
    servers: Sequence[str]
    owner: str

    def __post_init__(self) -> None:
        self.store = MongoStore(self.database, CODEC)
        self.positions = MongoPositions(self.database)
        self.store.prepare()

    def publisher(self) -> Publisher:
        return KafkaPublisher(self.servers, self.owner, CODEC)

    def run(self, fence: int = 1, positions: Any = None) -> None:
        """Until all that was appended before is published."""
        idle = iter((True, False))
        batches = Relay(self.store, self.publisher, PUBLIC, positions or self.positions, fence)
        batches.run(lambda: next(idle))


@pytest.mark.integration
class TestOnRealEngines:
    @pytest.fixture
    def relay(self, database: Database[dict[str, Any]], engines: Addresses, owner: str) -> RealRelay:
        return RealRelay(database, engines.kafka_servers, owner)

    def test_each_stream_is_published_in_order(self, relay: RealRelay) -> None:
        relay.run()
        for revision in range(1, 11):
            turn = Opened("ann") if revision % 2 else Closed("ann")
            relay.store.append_many([commit(f"door-{number}", revision, turn) for number in range(50)])

        relay.run()

        streams: dict[str, list[str]] = {}
        for event in published(relay.servers, relay.owner):
            streams.setdefault(event.stream, []).append(event.sequence)
        assert len(streams) == 50
        assert all(len(sequences) == 10 and sequences == sorted(sequences) for sequences in streams.values())

    def test_one_stream_is_one_partition(self, relay: RealRelay) -> None:
        for revision in range(1, 11):
            relay.store.append_many([commit(f"door-{number}", revision, Opened("ann")) for number in range(10)])

        relay.run()

        places = {(record.key, record.partition) for record in records(relay.servers, relay.owner)}
        assert len(places) == 10
        assert len({partition for _, partition in places}) > 1

    def test_killed_between_acknowledgement_and_place_it_only_repeats(self, relay: RealRelay) -> None:
        class Dying(MongoPositions):
            def save(self, name: str, fence: int, value: Any) -> None:
                raise Crash

        relay.run()
        relay.store.append_many([commit(f"door-{number}", 1, Opened("ann")) for number in range(20)])
        with pytest.raises(Crash):
            relay.run(positions=Dying(relay.database))

        relay.run()

        ids = [event.id for event in published(relay.servers, relay.owner)]
        assert len(set(ids)) == 20
        assert len(ids) > 20

    def test_kafka_that_is_not_there_is_said_soon_and_no_thread_stays_behind(self, owner: str) -> None:
        with pytest.raises(Unavailable, match="kafka-unavailable"):
            kafka.make_producer(["127.0.0.1:1"], owner, bootstrap_ms=300)
        with pytest.raises(Unavailable, match="kafka-unavailable"):
            kafka.make_consumer(["127.0.0.1:1"], owner, None, 1, bootstrap_ms=300)

        assert [thread.name for thread in threading.enumerate() if owner in thread.name] == []

    def test_after_kafka_lost_its_data_everything_is_published_again(
        self,
        engines: Addresses,
        database: Database[dict[str, Any]],
        owner: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """With a Kafka of its own, since the other tests need theirs."""
        monkeypatch.setenv("MONGO_URL", engines.mongo_url)
        monkeypatch.delenv("KAFKA_SERVERS", raising=False)
        with Engines(tmp_path / "engines") as own:
            relay = RealRelay(database, own.kafka_servers.split(","), owner)
            relay.store.append_many([commit(f"door-{number}", 1, Opened("ann")) for number in range(20)])
            relay.run()

            own.wipe_kafka()
            own.plan.wait_for_kafka()
            relay.store.append(commit("door-0", 2, Closed("ann")))
            relay.run()

            assert {event.id for event in published(relay.servers, owner)} == {
                *(f"door-{number}@1.0" for number in range(20)),
                "door-0@2.0",
            }
