from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from pymongo.database import Database

from chassis.decider import Decider
from chassis.handling import Handler
from chassis.memory_store import MemoryStore
from chassis.messages import Recorded
from chassis.store import Batch, EventStore, TokenLost
from chassis.tasks import Alarm, AlarmClock, Projector
from chassis.testing import NOON, OPERATOR, FixedClock, MemoryPositions
from chassis.tests.examples import CODEC, DECIDER, Closed, Door, Note, Opened, commit, wake_at
from chassis.views import View, Views

LATER = NOON + timedelta(minutes=5)


@dataclass
class Doors:
    """A handler whose notes ask to be looked at again, and the clock that does it."""

    store: MemoryStore = field(default_factory=lambda: MemoryStore(CODEC))
    clock: FixedClock = field(default_factory=FixedClock)
    waited: list[float] = field(default_factory=list)
    decider: Decider[Door] = DECIDER

    def __post_init__(self) -> None:
        self.handler = Handler(self.store, self.decider, "door", wake_at=wake_at, clock=self.clock)
        alarm = Alarm(self.handler, self.note_the_time)
        self.alarms = AlarmClock(self.store, [alarm], "keeper", wait=self.waited.append, clock=self.clock)

    @staticmethod
    def note_the_time(at: datetime) -> Note:
        return Note(f"woken at {at:%H:%M}")


def test_nothing_is_woken_before_its_time() -> None:
    doors = Doors()
    doors.handler.handle("1", Note("later", LATER), OPERATOR)

    assert doors.alarms.ring() == 0


def test_a_stream_is_woken_once() -> None:
    doors = Doors()
    doors.handler.handle("1", Note("later", LATER), OPERATOR)
    doors.clock.advance(minutes=5)

    rung = [doors.alarms.ring(), doors.alarms.ring()]

    assert rung == [1, 0]
    assert doors.handler.read("1").state.book == ("later", "woken at 03:05")


def test_a_crash_before_settling_wakes_again_and_changes_nothing() -> None:
    doors = Doors()
    doors.handler.handle("1", Note("later", LATER), OPERATOR)
    doors.clock.advance(minutes=5)
    due = doors.store.due(doors.clock(), 10)
    doors.alarms.ring()
    commits = doors.handler.read("1").revision
    doors.store._waking[due[0].commit_id] = (LATER, due[0].stream)

    assert doors.alarms.ring() == 1
    assert doors.handler.read("1").revision == commits


def test_a_wakings_events_say_what_caused_them() -> None:
    doors = Doors()
    doors.handler.handle("1", Note("later", LATER), OPERATOR)
    doors.clock.advance(minutes=5)

    doors.alarms.ring()

    newest = doors.handler.history("1", 0, 1)[0]
    assert (newest.causation_id, newest.actor.kind, newest.actor.id) == ("door-1@1", "automatic", "keeper")


def test_a_rule_that_breaks_on_waking_does_not_stop_the_others() -> None:
    def decide(command: Note, door: Door) -> Any:
        if command.text.startswith("woken") and "broken" in door.book:
            raise ZeroDivisionError
        return DECIDER.decide(command, door)

    doors = Doors(decider=Decider(Door(), decide, DECIDER.evolve))
    doors.handler.handle("1", Note("broken", LATER), OPERATOR)
    doors.handler.handle("2", Note("later", LATER), OPERATOR)
    doors.clock.advance(minutes=5)

    assert doors.alarms.ring() == 2
    assert doors.handler.read("2").state.book == ("later", "woken at 03:05")


def test_streams_of_other_handlers_are_left_alone() -> None:
    doors = Doors()
    doors.store.append(commit("gate-1", 1, Opened("ann"), wake_at=NOON))

    doors.alarms.ring()

    assert doors.store.load("gate-1").revision == 1


def test_the_alarm_clock_waits_only_when_nothing_is_due() -> None:
    doors = Doors()
    doors.handler.handle("1", Note("now", NOON), OPERATOR)
    turns = iter([True, True, False])

    doors.alarms.run(lambda: next(turns))

    assert len(doors.waited) == 1


def fold(row: Any, event: Recorded) -> dict[str, Any]:
    return {"seen": (row["seen"] if row else 0) + 1}


VIEW = View("doors", frozenset({"Opened", "Closed"}), lambda event: [event.stream], fold)


@dataclass
class Forgetful(MemoryStore):
    """Its log does not reach back to any token before `oldest`."""

    oldest: int = 0

    def follow(self, token: Any, types: frozenset[str] | None = None) -> Iterator[Batch]:
        if token < self.oldest:
            raise TokenLost
        yield from super().follow(token, types)


@pytest.mark.integration
class TestProjector:
    @pytest.fixture
    def views(self, database: Database[dict[str, Any]]) -> Views:
        return Views(database, [VIEW])

    def project(self, store: EventStore, views: Views, positions: MemoryPositions, turns: int = 1) -> None:
        left = iter(range(turns - 1))
        Projector(store, views, positions, fence=1).run(lambda: next(left, None) is not None)

    def seen(self, views: Views) -> int:
        row = views.one("doors", "door-1")
        return int(row["seen"]) if row else 0

    def test_begins_with_all_that_is_there(self, views: Views) -> None:
        store, positions = MemoryStore(CODEC), MemoryPositions()
        store.append(commit("door-1", 1, Opened("ann"), Closed("ann")))

        self.project(store, views, positions)

        assert self.seen(views) == 2
        assert positions.load("projector") == 1

    def test_goes_on_from_where_it_stopped(self, views: Views) -> None:
        store, positions = MemoryStore(CODEC), MemoryPositions()
        store.append(commit("door-1", 1, Opened("ann")))
        self.project(store, views, positions)
        store.append(commit("door-1", 2, Closed("ann")))

        self.project(store, views, positions)

        assert self.seen(views) == 2
        assert positions.load("projector") == 2

    def test_a_crash_before_its_place_was_saved_repeats_and_changes_nothing(self, views: Views) -> None:
        store, positions = MemoryStore(CODEC), MemoryPositions()
        store.append(commit("door-1", 1, Opened("ann")))
        self.project(store, views, positions)
        positions.save("projector", 1, 0)

        self.project(store, views, positions)

        assert self.seen(views) == 1

    def test_a_lost_place_means_everything_again(self, views: Views) -> None:
        store, positions = Forgetful(CODEC), MemoryPositions()
        positions.save("projector", 1, 0)
        store.append(commit("door-1", 1, Opened("ann")))
        store.oldest = 1

        self.project(store, views, positions)

        assert self.seen(views) == 1
        assert positions.load("projector") == 1
