"""The engines in memory are as hard as the real ones: what is lost with a process, and what is not."""

from dataclasses import dataclass, field

import pytest
from kafka import TopicPartition

from chassis import kafka
from chassis.errors import Unavailable
from chassis.memory_store import MemoryStore
from chassis.tests.examples import CODEC, Opened, commit
from sim.bus import Bus, Clients
from sim.engines import Database, Lease, Store, Way
from sim.world import Process, World

TOPIC = "test-events"


@dataclass
class Place:
    """A world with a database, a broker and two processes."""

    world: World = field(default_factory=lambda: World(1))
    first: Process = field(default_factory=lambda: Process("first"))
    second: Process = field(default_factory=lambda: Process("second"))

    def __post_init__(self) -> None:
        self.world.calm = True
        self.db = Database("test", self.world, MemoryStore(CODEC, idle_seconds=0.0))
        self.bus = Bus(self.world)
        self.bus.make([TOPIC])

    def until_quiet(self) -> None:
        while self.world.step():
            pass


@pytest.fixture
def place() -> Place:
    return Place()


def test_what_a_process_was_about_to_do_when_it_was_killed_never_happens(place: Place) -> None:
    def write() -> None:
        place.world.until(None, 1.0)
        Store(Way(place.db, place.first)).append(commit("door-1", 1, Opened("ann")))

    place.world.spawn(place.first, "writer", write)
    place.world.later(500, lambda: place.world.kill(place.first))
    place.until_quiet()

    assert not place.db.log


def test_a_process_that_is_stopped_goes_on_where_it_was(place: Place) -> None:
    def write() -> None:
        place.world.until(None, 1.0)
        Store(Way(place.db, place.first)).append(commit("door-1", 1, Opened("ann")))

    place.world.spawn(place.first, "writer", write)
    place.world.later(500, lambda: place.world.pause(place.first))
    place.world.later(9_000, lambda: place.world.resume(place.first))
    place.until_quiet()

    assert len(place.db.log) == 1
    assert place.world.now >= 9_000


def test_a_database_that_is_away_takes_nothing(place: Place) -> None:
    place.db.away = True

    with pytest.raises(Unavailable):
        Store(Way(place.db, place.first)).append(commit("door-1", 1, Opened("ann")))

    assert not place.db.log


def test_a_lease_lapses_and_its_fence_grows(place: Place) -> None:
    first, second = (Lease(Way(place.db, process), "worker", process.name) for process in (place.first, place.second))
    fence = first.take()

    assert second.take() is None
    place.world.now += 20_000

    assert (fence, second.take(), first.take()) == (1, 2, None)


def test_a_member_that_was_silent_for_too_long_is_in_its_group_no_more(place: Place) -> None:
    polled: dict[str, int] = {}

    def read(process: Process) -> None:
        consumer = Clients(place.bus, process).made().consumer((), "reader", "group", 10)
        consumer.subscribe([TOPIC], listener=Listener())
        while True:
            polled[process.name] = polled.get(process.name, 0) + sum(map(len, kafka.poll(consumer, 500).values()))

    for process in (place.first, place.second):
        place.world.spawn(process, "reader", read, process)
    place.world.later(1_000, lambda: place.world.kill(place.first))
    place.world.later(1_000, place.bus.miss_soon)
    for number in range(8):
        place.world.later(20_000, lambda key=b"%d" % number: place.bus.append(TOPIC, key, b"{}", ()))  # type: ignore[misc]
    while place.world.now < 30_000 and place.world.step():
        pass

    assert polled["second"] == 8
    place.world.kill(place.second)


def test_wiped_data_is_another_cluster_without_offsets(place: Place) -> None:
    place.bus.append(TOPIC, b"key", b"{}", ())
    place.bus.groups["group"].committed[TopicPartition(TOPIC, 0)] = (1, place.bus.cluster)
    before = place.bus.cluster

    place.bus.wipe()

    assert place.bus.cluster != before
    assert not place.bus.topics
    assert not place.bus.groups["group"].committed


class Listener:
    """Nobody needs to know."""

    def on_partitions_revoked(self, revoked: object) -> None: ...

    def on_partitions_assigned(self, assigned: object) -> None: ...
