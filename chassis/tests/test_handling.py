from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from chassis import history
from chassis.decider import Decider
from chassis.errors import Conflict, Rejected, Stale, Unavailable
from chassis.handling import (
    SNAPSHOT_EVERY,
    TRIES,
    AlreadyDone,
    Done,
    Failed,
    Handler,
    Once,
    Order,
    Refused,
)
from chassis.memory_store import MemoryStore
from chassis.messages import Actor
from chassis.store import NOTHING, Answer, Commit, EventStore, Loaded, Snapshot, Waking
from chassis.testing import NOON, OPERATOR, FixedClock
from chassis.tests.examples import (
    CODEC,
    DECIDER,
    Close,
    Closed,
    Door,
    Note,
    Noted,
    Open,
    Opened,
    commit,
    wake_at,
)

ACTOR = OPERATOR.actor


@dataclass
class Counting(MemoryStore):
    """Notes each call of a method that goes to the database, and how many events many streams gave at a time."""

    calls: list[str] = field(default_factory=list)
    given: list[int] = field(default_factory=list)

    def load(self, stream: str, shape: str = "") -> Loaded:
        self.calls.append("load")
        return super().load(stream, shape)

    def load_many(
        self, streams: Sequence[str], shape: str = "", since: Mapping[str, int] = NOTHING
    ) -> dict[str, Loaded]:
        self.calls.append("load_many")
        loaded = super().load_many(streams, shape, since)
        self.given.append(sum(len(one.events) for one in loaded.values()))
        return loaded

    def append_many(self, commits: Sequence[Commit]) -> list[Answer]:
        self.calls.append("append_many")
        return super().append_many(commits)

    def seen(self, command_ids: Sequence[str]) -> Any:
        self.calls.append("seen")
        return super().seen(command_ids)

    def save_snapshots(self, shape: str, snapshots: Mapping[str, Snapshot]) -> None:
        self.calls.append("save_snapshots")
        super().save_snapshots(shape, snapshots)


@dataclass
class Racing(MemoryStore):
    """Somebody else writes `notes` to the stream just before each append, one at a time."""

    notes: list[str] = field(default_factory=list)

    def append_many(self, commits: Sequence[Commit]) -> list[Answer]:
        if self.notes:
            stream = commits[0].stream
            super().append_many([commit(stream, self.load(stream).revision + 1, Noted(self.notes.pop(0)))])
        return super().append_many(commits)


@pytest.fixture
def store() -> Counting:
    return Counting(CODEC)


@pytest.fixture
def doors(store: Counting) -> Handler[Door]:
    return handler(store)


def handler(store: EventStore, decider: Decider[Door] = DECIDER) -> Handler[Door]:
    return Handler(store, decider, "door", wake_at=wake_at, clock=FixedClock())


def order(id: str, command: object, command_id: str = "") -> Order:
    return Order(id, command, command_id or f"{id}:{command}", "correlation-1", "cause-1")


# One command


def test_a_command_is_decided_and_recorded(doors: Handler[Door]) -> None:
    outcome = doors.handle("1", Open("ann"), OPERATOR)

    assert (outcome.state, outcome.revision, outcome.events) == (Door(True, ("opened by ann",)), 1, (Opened("ann"),))
    assert doors.read("1").state == outcome.state


def test_a_command_that_changes_nothing_records_nothing(doors: Handler[Door]) -> None:
    outcome = doors.handle("1", Close("ann"), OPERATOR)

    assert (outcome.revision, outcome.events) == (0, ())


def test_a_refused_command_records_nothing(doors: Handler[Door]) -> None:
    with pytest.raises(Rejected):
        doors.handle("1", Note(""), OPERATOR)

    assert doors.read("1").revision == 0


def test_what_nobody_wrote_to_is_in_the_initial_state(doors: Handler[Door]) -> None:
    assert (doors.read("1").state, doors.read("1").revision) == (Door(), 0)


def test_the_first_command_of_a_new_stream_takes_one_call_of_the_store(doors: Handler[Door], store: Counting) -> None:
    outcome = doors.begin("1", Open("ann"), OPERATOR)

    assert store.calls == ["append_many"]
    assert (outcome.revision, outcome.events, outcome.state.open) == (1, (Opened("ann"),), True)


def test_a_first_command_that_was_not_the_first_is_decided_on_what_is_there(doors: Handler[Door]) -> None:
    doors.handle("1", Open("ann"), OPERATOR)

    outcome = doors.begin("1", Open("bob"), OPERATOR)

    assert (outcome.revision, outcome.events, outcome.state.book) == (1, (), ("opened by ann",))


def test_a_state_is_read_as_it_was(store: Counting) -> None:
    clock = FixedClock()
    doors = Handler(store, DECIDER, "door", clock=clock)
    for turn in range(SNAPSHOT_EVERY):
        doors.handle("1", Note(f"{turn}"), OPERATOR)
        clock.advance(seconds=1)

    assert doors.read_as_of("1", NOON - timedelta(seconds=1)) == Door()
    assert doors.read_as_of("1", NOON + timedelta(seconds=2.5)) == Door(book=("0", "1", "2"))
    assert doors.read_as_of("1", clock.at) == doors.read("1").state


def test_a_guard_sees_the_state_before_and_may_forbid(doors: Handler[Door]) -> None:
    doors.handle("1", Open("ann"), OPERATOR)

    def forbid(state: Door) -> None:
        raise Stale("stale-etag", current={"open": state.open})

    with pytest.raises(Stale) as refused:
        doors.handle("1", Close("bob"), OPERATOR, guard=forbid)
    assert refused.value.current == {"open": True}
    assert doors.read("1").revision == 1


def test_who_lost_a_race_decides_again_on_the_newer_state() -> None:
    doors = handler(Racing(CODEC, notes=["first", "second"]))
    seen: list[tuple[str, ...]] = []

    outcome = doors.handle("1", Open("ann"), OPERATOR, guard=lambda door: seen.append(door.book))

    assert seen == [(), ("first",), ("first", "second")]
    assert outcome.state.book == ("first", "second", "opened by ann")


def test_who_loses_every_race_gives_up() -> None:
    doors = handler(Racing(CODEC, notes=["x"] * 100))

    with pytest.raises(Conflict, match="lost-race"):
        doors.handle("1", Open("ann"), OPERATOR)


def test_a_repeated_request_gives_the_state_and_no_events(doors: Handler[Door]) -> None:
    doors.handle("1", Note("hello"), OPERATOR, once=Once("key-1", "body"))
    doors.handle("1", Open("ann"), OPERATOR)

    again = doors.handle("1", Note("hello"), OPERATOR, once=Once("key-1", "body"))

    assert (again.events, again.revision, again.state.book) == ((), 2, ("hello", "opened by ann"))


def test_a_request_that_changed_nothing_is_remembered_too(doors: Handler[Door]) -> None:
    doors.handle("1", Close("ann"), OPERATOR, once=Once("key-1"))
    doors.handle("1", Open("bob"), OPERATOR)

    assert doors.handle("1", Close("ann"), OPERATOR, once=Once("key-1")).state.open


def test_a_key_with_another_body_is_refused(doors: Handler[Door]) -> None:
    doors.handle("1", Note("hello"), OPERATOR, once=Once("key-1", "body"))

    with pytest.raises(Rejected, match="idempotency-key-reused"):
        doors.handle("1", Note("bye"), OPERATOR, once=Once("key-1", "other body"))


def test_a_refused_request_may_come_again_with_its_key(doors: Handler[Door]) -> None:
    with pytest.raises(Rejected):
        doors.handle("1", Note(""), OPERATOR, once=Once("key-1"))

    assert doors.handle("1", Note("now"), OPERATOR, once=Once("key-1")).events == (Noted("now"),)


def test_the_same_request_twice_at_once_is_carried_out_once() -> None:
    @dataclass
    class Twin(MemoryStore):
        """The same request got in between our look and our append."""

        told: bool = False

        def append_many(self, commits: Sequence[Commit]) -> list[Answer]:
            if not self.told:
                self.told = True
                super().append_many(commits)
            return super().append_many(commits)

    doors = handler(Twin(CODEC))

    outcome = doors.handle("1", Note("hello"), OPERATOR, once=Once("key-1"))

    assert outcome.state.book == ("hello",)


def test_a_commit_asks_to_be_woken_at_its_earliest_event(doors: Handler[Door], store: Counting) -> None:
    later, sooner = NOON + timedelta(hours=2), NOON + timedelta(hours=1)

    doors.handle_many([order("1", Note("a", later)), order("1", Note("b", sooner)), order("1", Note("c"))], ACTOR)

    assert store.due(sooner, 10) == [Waking("door-1@1", "door-1")]


def test_the_aggregate_of_a_stream_is_found_by_its_category(store: Counting) -> None:
    notices = Handler(store, DECIDER, "fault-notice")

    assert notices.id_of(notices.stream("06-1")) == "06-1"
    assert notices.id_of("door-1") is None


# Batches


def test_the_orders_of_one_stream_become_one_commit(doors: Handler[Door], store: Counting) -> None:
    results = doors.handle_many([order("1", Open("ann")), order("2", Open("bob")), order("1", Note("cold"))], ACTOR)

    assert results == [Done((Opened("ann"),)), Done((Opened("bob"),)), Done((Noted("cold"),))]
    assert (store.load("door-1").revision, store.load("door-2").revision) == (1, 1)
    assert doors.read("1").state.book == ("opened by ann", "cold")


def test_an_order_that_knows_who_did_it_says_so(doors: Handler[Door]) -> None:
    caller, told = Actor("telephone", "ivr-east"), Actor("operator", "desk")
    orders = [
        Order("1", Note(word), word, actor=who)
        for word, who in (("a", None), ("b", caller), ("c", caller), ("d", told), ("e", None))
    ]

    results = doors.handle_many([*orders, order("2", Note("f"))], ACTOR)

    assert results == [Done((Noted(word),)) for word in "abcdef"]
    assert doors.read("1").state.book == ("a", "b", "c", "d", "e")
    assert [one.actor for one in reversed(doors.history("1", 0, 10))] == [ACTOR, caller, caller, told, ACTOR]


def test_an_event_carries_the_correlation_and_cause_of_its_order(doors: Handler[Door]) -> None:
    doors.handle_many([Order("1", Note("a"), "a", "mail-1", "event-1"), Order("1", Note("b"), "b", "mail-2")], ACTOR)

    newest, oldest = doors.history("1", 0, 10)
    assert (oldest.correlation_id, oldest.causation_id, oldest.actor) == ("mail-1", "event-1", ACTOR)
    assert (newest.correlation_id, newest.causation_id) == ("mail-2", "")


def test_a_refused_order_does_not_touch_its_neighbours(doors: Handler[Door]) -> None:
    results = doors.handle_many([order("1", Open("ann")), order("1", Note("")), order("2", Note(""))], ACTOR)

    assert results == [Done((Opened("ann"),)), Refused("text-missing"), Refused("text-missing")]


def test_an_order_that_breaks_the_rule_fails_alone(doors: Handler[Door]) -> None:
    results = doors.handle_many([order("1", Open("ann")), order("1", Note("break")), order("1", Note("on"))], ACTOR)

    assert [type(result) for result in results] == [Done, Failed, Done]
    assert doors.read("1").state.book == ("opened by ann", "on")


def test_an_order_whose_event_cannot_be_folded_fails_alone(store: Counting) -> None:
    def evolve(door: Door, event: object) -> Door:
        if event == Noted("odd"):
            raise KeyError(event)
        return DECIDER.evolve(door, event)

    doors = handler(store, Decider(Door(), DECIDER.decide, evolve))

    results = doors.handle_many([order("1", Note("odd")), order("1", Note("on"))], ACTOR)

    assert [type(result) for result in results] == [Failed, Done]


def test_a_batch_that_comes_again_is_already_done(doors: Handler[Door]) -> None:
    batch = [order("1", Open("ann")), order("2", Note("cold")), order("1", Close("ann"))]
    doors.handle_many(batch, ACTOR)

    assert doors.handle_many(batch, ACTOR) == [AlreadyDone()] * 3
    assert doors.read("1").revision == 1


def test_an_order_twice_in_one_batch_is_carried_out_once(doors: Handler[Door]) -> None:
    results = doors.handle_many([order("1", Note("hello"), "c-1"), order("1", Note("hello"), "c-1")], ACTOR)

    assert results == [Done((Noted("hello"),)), AlreadyDone()]


def test_an_order_that_changed_nothing_changes_nothing_later_either(doors: Handler[Door]) -> None:
    assert doors.handle_many([order("1", Close("ann"), "c-1")], ACTOR) == [Done(())]
    doors.handle("1", Open("bob"), OPERATOR)

    assert doors.handle_many([order("1", Close("ann"), "c-1")], ACTOR) == [AlreadyDone()]
    assert doors.read("1").state.open


def test_an_order_without_a_mark_leaves_none_when_it_changes_nothing(doors: Handler[Door]) -> None:
    assert doors.handle_many([Order("1", Close("ann"), "c-1", mark=False)], ACTOR) == [Done(())]

    assert doors.read("1").revision == 0


# States left behind


def test_the_next_batch_starts_from_the_state_that_the_last_one_left(doors: Handler[Door], store: Counting) -> None:
    doors.handle_many([order("1", Open("ann"))], ACTOR)
    store.calls.clear()

    assert doors.handle_many([order("1", Close("ann"))], ACTOR) == [Done((Closed("ann"),))]
    assert store.calls == ["append_many"]


def test_a_state_left_behind_that_is_old_by_now_decides_nothing(doors: Handler[Door], store: Counting) -> None:
    doors.handle_many([order("1", Open("ann"))], ACTOR)
    handler(store).handle("1", Close("bob"), OPERATOR)

    assert doors.handle_many([order("1", Open("cid"))], ACTOR) == [Done((Opened("cid"),))]
    assert doors.read("1").state.book == ("opened by ann", "closed by bob", "opened by cid")


def test_a_state_left_behind_refuses_nothing_by_itself(store: Counting) -> None:
    doors = handler(store, Decider(Door(), _only_when_closed, DECIDER.evolve))
    doors.handle_many([order("1", Open("ann"))], ACTOR)
    handler(store).handle("1", Close("bob"), OPERATOR)

    assert doors.handle_many([order("1", Open("cid"))], ACTOR) == [Done((Opened("cid"),))]


def test_a_state_left_behind_long_ago_is_loaded_anew(store: Counting) -> None:
    clock = FixedClock()
    doors = Handler(store, DECIDER, "door", clock=clock)
    doors.handle_many([order("1", Open("ann"))], ACTOR)
    store.calls.clear()
    clock.advance(seconds=11)

    assert doors.handle_many([order("1", Close("ann"))], ACTOR) == [Done((Closed("ann"),))]
    assert store.calls == ["load_many", "append_many"]


def _only_when_closed(command: object, door: Door) -> list[Any]:
    if isinstance(command, Open) and door.open:
        raise Rejected("open-already")
    return list(DECIDER.decide(command, door))


def test_a_refused_order_may_be_accepted_when_it_comes_again(doors: Handler[Door]) -> None:
    doors.handle_many([order("1", Note(""), "c-1"), order("1", Note("a"), "c-2")], ACTOR)

    assert doors.handle_many([order("1", Note("b"), "c-1")], ACTOR) == [Done((Noted("b"),))]


def test_an_order_older_than_the_snapshot_is_already_done_too(doors: Handler[Door]) -> None:
    doors.handle_many([order("1", Note("first"), "c-0")], ACTOR)
    doors.handle_many([order("1", Note(str(number)), f"c-{number}") for number in range(1, SNAPSHOT_EVERY)], ACTOR)

    results = doors.handle_many([order("1", Note("first"), "c-0"), order("1", Note("new"), "c-new")], ACTOR)

    assert results == [AlreadyDone(), Done((Noted("new"),))]
    assert doors.read("1").state.book.count("first") == 1


def test_a_batch_that_lost_a_race_decides_again(store: Counting) -> None:
    racing = Racing(CODEC, notes=["first"])

    results = handler(racing).handle_many([order("1", Open("ann")), order("2", Open("bob"))], ACTOR)

    assert results == [Done((Opened("ann"),)), Done((Opened("bob"),))]
    assert handler(racing).read("1").state.book == ("first", "opened by ann")


def test_a_batch_that_loses_every_race_gives_up_and_may_come_again() -> None:
    racing = Racing(CODEC, notes=["x"] * TRIES)
    batch = [order("1", Open("ann")), order("2", Open("bob"))]

    with pytest.raises(Conflict):
        handler(racing).handle_many(batch, ACTOR)

    assert handler(racing).handle_many(batch, ACTOR) == [Done((Opened("ann"),)), AlreadyDone()]


@pytest.mark.parametrize("size", [1, 500])
def test_a_batch_of_any_size_takes_two_calls_of_the_store(doors: Handler[Door], store: Counting, size: int) -> None:
    doors.handle_many([order(str(number), Open("ann")) for number in range(size)], ACTOR)

    assert store.calls == ["load_many", "append_many"]


def test_a_batch_that_fills_many_snapshots_takes_one_call_more(doors: Handler[Door], store: Counting) -> None:
    orders = [
        order(str(door), Note(str(number)), f"{door}:{number}")
        for door in range(10)
        for number in range(SNAPSHOT_EVERY)
    ]

    doors.handle_many(orders, ACTOR)

    assert store.calls == ["load_many", "append_many", "save_snapshots"]


def test_an_empty_batch_has_no_results(doors: Handler[Door]) -> None:
    assert doors.handle_many([], ACTOR) == []


def test_many_are_read_at_once(doors: Handler[Door], store: Counting) -> None:
    doors.handle("1", Open("ann"), OPERATOR)
    store.calls.clear()

    assert doors.read_many(["1", "2"]) == {"1": Door(True, ("opened by ann",)), "2": Door()}
    assert store.calls == ["load_many"]


def test_what_was_read_before_is_not_loaded_again(doors: Handler[Door], store: Counting) -> None:
    handler(store).handle("1", Open("ann"), OPERATOR)
    handler(store).handle("2", Note("cold"), OPERATOR)
    doors.read_many(["1", "2"])

    assert doors.read_many(["1", "2"]) == {"1": Door(True, ("opened by ann",)), "2": Door(book=("cold",))}
    assert doors.read("1").revision == 1
    assert store.given == [2, 0, 0]


def test_a_reader_is_never_behind_what_others_record(doors: Handler[Door], store: Counting) -> None:
    others = handler(store)
    for number in range(2 * SNAPSHOT_EVERY):
        others.handle("1", Note(str(number)), OPERATOR)

        read = doors.read("1")

        assert (read.state.book[-1], read.revision) == (str(number), number + 1)
    assert store.given == [1] * 2 * SNAPSHOT_EVERY


def test_what_was_read_long_ago_is_loaded_anew(store: Counting) -> None:
    clock = FixedClock()
    doors = Handler(store, DECIDER, "door", clock=clock)
    doors.handle("1", Open("ann"), OPERATOR)
    doors.read("1")
    clock.advance(seconds=601)

    assert doors.read("1").state.open
    assert store.given == [1, 1]


def test_nobody_can_tell_from_the_time_whether_a_stream_with_a_snapshot_each_commit_was_read(store: Counting) -> None:
    doors = Handler(store, DECIDER, "door", snapshot_every=1)
    handler(store).handle("1", Open("ann"), OPERATOR)

    assert [doors.read("1").state.open, doors.read("1").state.open] == [True, True]
    assert store.given == [1, 1]


# Snapshots


def shape_kept(store: MemoryStore, doors: Handler[Door]) -> Loaded:
    return store.load("door-1", doors._shape)


def test_a_snapshot_is_kept_each_so_many_events_and_used(doors: Handler[Door], store: Counting) -> None:
    for number in range(2 * SNAPSHOT_EVERY + 5):
        doors.handle("1", Note(str(number)), OPERATOR)

    loaded = shape_kept(store, doors)

    assert store.calls.count("save_snapshots") == 2
    assert loaded.snapshot is not None
    assert (loaded.snapshot.revision, len(loaded.events)) == (2 * SNAPSHOT_EVERY, 5)
    assert doors.read("1").state.book == tuple(str(number) for number in range(2 * SNAPSHOT_EVERY + 5))


def test_with_a_snapshot_at_each_commit_a_long_stream_is_read_as_a_short_one_is(store: Counting) -> None:
    doors = Handler(store, DECIDER, "door", snapshot_every=1)
    for number in range(50):
        doors.handle("1", Note(str(number)), OPERATOR)

    loaded = shape_kept(store, doors)

    assert (loaded.revision, loaded.events) == (50, ())


def test_commits_without_events_fill_a_snapshot_too(doors: Handler[Door], store: Counting) -> None:
    for number in range(SNAPSHOT_EVERY):
        doors.handle_many([order("1", Close("ann"), f"c-{number}")], ACTOR)

    assert shape_kept(store, doors).snapshot is not None


def test_a_state_of_another_shape_does_not_use_the_snapshot(doors: Handler[Door], store: Counting) -> None:
    @dataclass(frozen=True)
    class Visits:
        number: int = 0

    doors.handle_many([order("1", Note(str(number)), f"c-{number}") for number in range(SNAPSHOT_EVERY)], ACTOR)

    counting = Decider(Visits(), lambda command, state: [], lambda state, event: Visits(state.number + 1))

    assert Handler(store, counting, "door").read("1").state == Visits(SNAPSHOT_EVERY)


def test_a_snapshot_that_cannot_be_kept_is_no_failure(store: Counting) -> None:
    class Full(MemoryStore):
        def save_snapshots(self, shape: str, snapshots: Mapping[str, Snapshot]) -> None:
            raise Unavailable("store-unavailable")

    doors = handler(Full(CODEC))

    results = doors.handle_many([order("1", Note(str(n)), f"c-{n}") for n in range(SNAPSHOT_EVERY)], ACTOR)

    assert {type(result) for result in results} == {Done}


def test_history_pages_go_back_from_a_revision(doors: Handler[Door]) -> None:
    for command in (Open("ann"), Note("cold"), Close("ann")):
        doors.handle("1", command, OPERATOR)

    assert [recorded.event for recorded in doors.history("1", 3, 5)] == [Noted("cold"), Opened("ann")]
    assert [recorded.event for recorded in doors.history("1", 0, 1)] == [Closed("ann")]


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_every_page_of_the_history_leads_to_the_next(doors: Handler[Door], limit: int) -> None:
    for number in range(9):
        doors.handle("1", Note(str(number)), OPERATOR)
    doors.handle_many([order("1", Note("a")), order("1", Note("b"))], ACTOR)

    texts, before = [], ""
    while before is not None:
        page = history.page(doors, "1", lambda event: (event.text, event.text), limit=limit, before=before)
        texts += [item["sentence"]["ja"] for item in page["items"]]
        before = page["next"]

    assert texts == ["b", "a", *(str(number) for number in reversed(range(9)))]
