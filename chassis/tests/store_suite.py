"""What every event store must do; run by a test class for each backend, whose fixture `store` gives an empty one."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from chassis.errors import BadMessage
from chassis.handling import Handler
from chassis.messages import Actor, Codec
from chassis.store import Appended, Batch, EventStore, Loaded, Raced, Repeated, Seen, Snapshot, Waking
from chassis.testing import NOON, OPERATOR
from chassis.tests.examples import DECIDER, Closed, Noted, Open, Opened, commit

STREAM, OTHER = "door-1", "door-2"


def events_of(loaded: Loaded) -> list[Any]:
    return [recorded.event for recorded in loaded.events]


def next_batch(batches: Iterator[Batch]) -> Batch:
    """The next batch with events; a store may give empty ones before."""
    return next(batch for batch in batches if batch.events)


class StoreSuite:
    def test_a_stream_nobody_wrote_to_is_empty(self, store: EventStore) -> None:
        assert store.load(STREAM) == Loaded(None, (), 0, frozenset())

    def test_loads_events_in_the_order_of_their_commits(self, store: EventStore) -> None:
        assert store.append(commit(STREAM, 1, Opened("ann"), Noted("cold"))) == Appended(1)
        assert store.append(commit(STREAM, 2, Closed("bob"))) == Appended(2)

        loaded = store.load(STREAM)

        assert events_of(loaded) == [Opened("ann"), Noted("cold"), Closed("bob")]
        assert loaded.revision == 2

    def test_an_event_comes_back_with_the_facts_around_it(self, store: EventStore) -> None:
        actor = Actor("customer", "0600001111", "192.0.2.7")

        store.append(structs.replace(commit(STREAM, 1, Opened("ann"), commands=("c-1",)), actor=actor))

        [recorded] = store.load(STREAM).events
        assert (recorded.type, recorded.stream, recorded.id) == ("Opened", STREAM, "door-1@1.0")
        assert (recorded.at, recorded.actor) == (NOON, actor)
        assert (recorded.correlation_id, recorded.causation_id) == ("correlation-1", "cause-1")

    def test_sequences_compare_as_text_in_the_order_of_the_stream(self, store: EventStore) -> None:
        for revision in range(1, 12):
            store.append(commit(STREAM, revision, Noted("a"), Noted("b")))

        sequences = [recorded.sequence for recorded in store.load(STREAM).events]

        assert sequences == sorted(set(sequences))

    def test_time_keeps_its_milliseconds_and_its_zone(self, store: EventStore) -> None:
        at = datetime(2026, 3, 29, 1, 30, 0, 123_000, tzinfo=UTC)

        store.append(commit(STREAM, 1, Noted("night", at + timedelta(hours=1)), at=at))

        [recorded] = store.load(STREAM).events
        assert (recorded.at, recorded.event.look_again) == (at, at + timedelta(hours=1))
        assert recorded.at.utcoffset() == timedelta(0)

    @pytest.mark.parametrize(
        "text", ["", "故障・回復", "😀", "a\nb\r\t", "$where", "a.b", "nul\0nul", "\u2028", "x" * 100_000]
    )
    def test_odd_text_comes_back_as_it_was(self, store: EventStore, text: str) -> None:
        store.append(commit(STREAM, 1, Noted(text)))

        assert events_of(store.load(STREAM)) == [Noted(text)]

    def test_text_that_is_not_unicode_is_refused_and_nothing_of_the_batch_is_written(self, store: EventStore) -> None:
        with pytest.raises(BadMessage) as refused:
            store.append_many([commit(STREAM, 1, Opened("ann")), commit(OTHER, 1, Noted("half \ud83d"))])

        assert refused.value.code == "unwritable-event"
        assert store.load(STREAM).revision == 0

    def test_an_event_that_the_codec_does_not_know_is_a_mistake(self, store: EventStore) -> None:
        with pytest.raises(TypeError):
            store.append(commit(STREAM, 1, Codec([])))

    def test_loads_many_streams_the_empty_ones_too(self, store: EventStore) -> None:
        store.append_many([commit(STREAM, 1, Opened("ann")), commit(OTHER, 1, Opened("bob"))])
        store.append(commit(STREAM, 2, Closed("ann")))

        loaded = store.load_many([OTHER, "door-3", STREAM])

        assert {stream: events_of(one) for stream, one in loaded.items()} == {
            STREAM: [Opened("ann"), Closed("ann")],
            OTHER: [Opened("bob")],
            "door-3": [],
        }

    def test_of_a_stream_that_is_known_up_to_a_revision_only_the_rest_is_loaded(self, store: EventStore) -> None:
        for stream in (STREAM, OTHER, "door-3"):
            store.append(commit(stream, 1, Opened("ann")))
            store.append(commit(stream, 2, Noted("2")))
        store.save_snapshots("shape", {STREAM: Snapshot(2, {}), OTHER: Snapshot(2, {})})

        loaded = store.load_many([STREAM, OTHER, "door-3", "door-4"], "shape", {STREAM: 1, "door-3": 2, "door-4": 0})

        assert {stream: (events_of(one), one.revision) for stream, one in loaded.items()} == {
            STREAM: ([Noted("2")], 2),
            OTHER: ([], 2),
            "door-3": ([], 2),
            "door-4": ([], 0),
        }
        assert [stream for stream, one in loaded.items() if one.snapshot] == [OTHER]

    def test_of_no_streams_nothing_is_loaded(self, store: EventStore) -> None:
        assert store.load_many([]) == {}

    def test_the_second_of_two_commits_of_one_revision_lost_the_race(self, store: EventStore) -> None:
        store.append(commit(STREAM, 1, Opened("ann"), commands=("c-1",)))

        answer = store.append(commit(STREAM, 1, Opened("bob"), commands=("c-2",)))

        assert answer == Raced()
        assert events_of(store.load(STREAM)) == [Opened("ann")]
        assert store.seen(["c-2"]) == {}

    def test_of_many_who_begin_a_stream_at_once_one_does(self, store: EventStore) -> None:
        with ThreadPoolExecutor(8) as pool:
            doors = [Handler(store, DECIDER, "door") for _ in range(8)]
            outcomes = list(pool.map(lambda door: door.begin("1", Open("ann"), OPERATOR), doors))

        assert sorted(len(outcome.events) for outcome in outcomes) == [0] * 7 + [1]
        assert {outcome.state.book for outcome in outcomes} == {("opened by ann",)}

    def test_a_command_is_recorded_once(self, store: EventStore) -> None:
        store.append(commit(STREAM, 1, Opened("ann"), commands=("c-1",)))

        answer = store.append(commit(STREAM, 2, Closed("ann"), commands=("c-1",)))

        assert answer == Repeated()
        assert store.load(STREAM).revision == 1

    def test_a_command_is_recorded_once_in_all_streams(self, store: EventStore) -> None:
        store.append(commit(STREAM, 1, Opened("ann"), commands=("c-1",)))

        assert store.append(commit(OTHER, 1, Opened("ann"), commands=("c-1",))) == Repeated()

    def test_one_repeated_command_refuses_its_whole_commit(self, store: EventStore) -> None:
        store.append(commit(STREAM, 1, Opened("ann"), commands=("c-1",)))

        answer = store.append(commit(STREAM, 2, Closed("ann"), Opened("bob"), commands=("c-2", "c-1")))

        assert answer == Repeated()
        assert store.seen(["c-2"]) == {}

    def test_many_commits_are_answered_in_order_and_refused_ones_do_not_touch_their_neighbours(
        self, store: EventStore
    ) -> None:
        store.append(commit("door-1", 1, Opened("ann"), commands=("c-1",)))
        store.append(commit("door-2", 1, Opened("ann")))

        answers = store.append_many(
            [
                commit("door-1", 1, Opened("late"), commands=("c-8",)),
                commit("door-3", 1, Opened("bob"), commands=("c-2",)),
                commit("door-2", 2, Closed("bob"), commands=("c-1",)),
                commit("door-4", 1, Opened("cho"), commands=("c-3", "c-4")),
            ]
        )

        assert answers == [Raced(), Appended(1), Repeated(), Appended(1)]
        assert store.seen(["c-1", "c-2", "c-3", "c-4", "c-8"]).keys() == {"c-1", "c-2", "c-3", "c-4"}

    def test_appending_nothing_gives_nothing(self, store: EventStore) -> None:
        assert store.append_many([]) == []

    def test_a_thousand_commits_in_one_append(self, store: EventStore) -> None:
        streams = [f"door-{number}" for number in range(1000)]

        answers = store.append_many([commit(stream, 1, Opened("ann"), commands=(stream,)) for stream in streams])

        assert answers == [Appended(1)] * 1000
        assert {loaded.revision for loaded in store.load_many(streams).values()} == {1}

    def test_a_commit_may_have_commands_and_no_events(self, store: EventStore) -> None:
        store.append(commit(STREAM, 1, commands=("c-1",)))
        store.append(commit(STREAM, 2, commands=("c-2",)))

        assert store.load(STREAM) == Loaded(None, (), 2, frozenset({"c-1", "c-2"}))

    def test_seen_says_where_a_command_was_recorded_and_for_which_body(self, store: EventStore) -> None:
        store.append(commit(STREAM, 1, Opened("ann")))
        store.append(commit(STREAM, 2, Closed("ann"), commands=("c-1", "c-2"), fingerprint="f-1"))

        assert store.seen(["c-2", "c-9"]) == {"c-2": Seen(STREAM, 2, "f-1")}

    def test_loaded_names_the_commands_of_its_commits(self, store: EventStore) -> None:
        store.append(commit(STREAM, 1, Opened("ann"), commands=("c-1", "c-2")))

        assert store.load(STREAM).command_ids == {"c-1", "c-2"}

    def test_a_snapshot_stands_for_the_events_before_it(self, store: EventStore) -> None:
        for revision in (1, 2, 3):
            store.append(commit(STREAM, revision, Noted(str(revision)), commands=(f"c-{revision}",)))

        store.save_snapshots("shape", {STREAM: Snapshot(2, {"book": ["1", "2"]})})

        loaded = store.load(STREAM, "shape")
        assert loaded.snapshot == Snapshot(2, {"book": ["1", "2"]})
        assert events_of(loaded) == [Noted("3")]
        assert (loaded.revision, loaded.command_ids) == (3, frozenset({"c-3"}))

    def test_a_stream_may_end_at_its_snapshot(self, store: EventStore) -> None:
        store.append(commit(STREAM, 1, Noted("1")))

        store.save_snapshots("shape", {STREAM: Snapshot(1, {})})

        assert store.load(STREAM, "shape") == Loaded(Snapshot(1, {}), (), 1, frozenset())

    def test_a_snapshot_may_hold_a_large_number(self, store: EventStore) -> None:
        store.append(commit(STREAM, 1, Noted("1")))

        store.save_snapshots("shape", {STREAM: Snapshot(1, {"newest": 2**40})})

        assert store.load(STREAM, "shape").snapshot == Snapshot(1, {"newest": 2**40})

    def test_streams_with_and_without_snapshots_load_together(self, store: EventStore) -> None:
        for stream in ("door-1", "door-2", "door-3"):
            store.append(commit(stream, 1, Noted("1")))
            store.append(commit(stream, 2, Noted("2")))
        store.save_snapshots("shape", {"door-1": Snapshot(1, {}), "door-2": Snapshot(2, {})})

        loaded = store.load_many(["door-1", "door-2", "door-3"], "shape")

        assert [events_of(loaded[stream]) for stream in loaded] == [[Noted("2")], [], [Noted("1"), Noted("2")]]

    def test_streams_of_very_different_lengths_load_together(self, store: EventStore) -> None:
        lengths = {"door-1": 40, "door-2": 3, "door-3": 25, "door-4": 12}
        for stream, length in lengths.items():
            for revision in range(1, length + 1):
                store.append(commit(stream, revision, Noted(str(revision))))
        store.save_snapshots("shape", {stream: Snapshot(length - 2, {}) for stream, length in lengths.items()})

        loaded = store.load_many(list(lengths), "shape")

        last = {stream: [Noted(str(length - 1)), Noted(str(length))] for stream, length in lengths.items()}
        assert {stream: events_of(loaded[stream]) for stream in loaded} == last

    def test_a_snapshot_of_another_shape_is_passed_over(self, store: EventStore) -> None:
        store.append(commit(STREAM, 1, Noted("1")))

        store.save_snapshots("old shape", {STREAM: Snapshot(1, {})})

        assert events_of(store.load(STREAM, "shape")) == [Noted("1")]

    def test_the_newer_of_two_snapshots_is_kept(self, store: EventStore) -> None:
        for revision in (1, 2):
            store.append(commit(STREAM, revision, Noted(str(revision))))
        store.save_snapshots("shape", {STREAM: Snapshot(2, "newer")})

        store.save_snapshots("shape", {STREAM: Snapshot(1, "older"), OTHER: Snapshot(1, "neighbour")})

        assert store.load(STREAM, "shape").snapshot == Snapshot(2, "newer")
        assert store.load(OTHER, "shape").snapshot == Snapshot(1, "neighbour")

    def test_a_snapshot_of_another_shape_is_replaced(self, store: EventStore) -> None:
        for revision in (1, 2):
            store.append(commit(STREAM, revision, Noted(str(revision))))
        store.save_snapshots("old shape", {STREAM: Snapshot(2, "old")})

        store.save_snapshots("shape", {STREAM: Snapshot(1, "new")})

        assert store.load(STREAM, "shape").snapshot == Snapshot(1, "new")

    def test_saving_no_snapshots_does_nothing(self, store: EventStore) -> None:
        store.save_snapshots("shape", {})

    def test_history_is_newest_first(self, store: EventStore) -> None:
        store.append(commit(STREAM, 1, Opened("ann"), Noted("cold")))
        store.append(commit(STREAM, 2, Closed("ann")))
        store.append(commit(OTHER, 1, Opened("bob")))

        assert [recorded.event for recorded in store.history(STREAM, 0, 10)] == [
            Closed("ann"),
            Noted("cold"),
            Opened("ann"),
        ]

    def test_history_comes_in_pages_of_whole_commits(self, store: EventStore) -> None:
        for revision in range(1, 6):
            store.append(commit(STREAM, revision, Noted(f"{revision}a"), Noted(f"{revision}b")))

        pages = [store.history(STREAM, before, 2) for before in (0, 4, 2)]

        assert [[recorded.event.text for recorded in page] for page in pages] == [
            ["5b", "5a", "4b", "4a"],
            ["3b", "3a", "2b", "2a"],
            ["1b", "1a"],
        ]

    def test_history_passes_over_commits_without_events(self, store: EventStore) -> None:
        store.append(commit(STREAM, 1, Noted("1")))
        store.append(commit(STREAM, 2, commands=("c-2",)))
        store.append(commit(STREAM, 3, commands=("c-3",)))

        assert [recorded.event for recorded in store.history(STREAM, 0, 1)] == [Noted("1")]

    def test_follow_gives_what_is_appended_after_the_start(self, store: EventStore) -> None:
        store.append(commit(STREAM, 1, Opened("before")))
        token = store.start()
        store.append(commit(STREAM, 2, Closed("ann"), Noted("cold")))
        store.append(commit(OTHER, 1, Opened("bob")))

        following = store.follow(token)
        events = list(next_batch(following).events)
        while len(events) < 3:
            events += next_batch(following).events

        assert [recorded.id for recorded in events] == ["door-1@2.0", "door-1@2.1", "door-2@1.0"]

    def test_follow_gives_what_is_appended_while_it_waits(self, store: EventStore) -> None:
        following = store.follow(store.start())
        assert next(following).events == ()

        store.append(commit(STREAM, 1, Opened("ann")))

        assert [recorded.event for recorded in next_batch(following).events] == [Opened("ann")]

    def test_follow_gives_only_the_wanted_types(self, store: EventStore) -> None:
        token = store.start()
        store.append(commit(STREAM, 1, Opened("ann"), Noted("cold")))
        store.append(commit(STREAM, 2, Noted("colder")))
        store.append(commit(STREAM, 3, Closed("ann")))

        following = store.follow(token, frozenset({"Opened", "Closed"}))
        events = list(next_batch(following).events)
        while len(events) < 2:
            events += next_batch(following).events

        assert [recorded.event for recorded in events] == [Opened("ann"), Closed("ann")]

    def test_following_goes_on_from_a_batchs_token(self, store: EventStore) -> None:
        token = store.start()
        store.append(commit(STREAM, 1, Opened("ann")))
        first = next_batch(store.follow(token))
        store.append(commit(STREAM, 2, Closed("ann")))

        second = next_batch(store.follow(first.token))

        assert [recorded.event for recorded in second.events] == [Closed("ann")]

    def test_the_token_of_an_empty_batch_loses_nothing(self, store: EventStore) -> None:
        idle = next(store.follow(store.start()))
        store.append(commit(STREAM, 1, Opened("ann")))

        assert [recorded.event for recorded in next_batch(store.follow(idle.token)).events] == [Opened("ann")]

    def test_scan_gives_everything_stream_by_stream(self, store: EventStore) -> None:
        store.append(commit("door-2", 1, Opened("bob")))
        store.append(commit("door-1", 1, Opened("ann"), Noted("cold")))
        store.append(commit("door-2", 2, Closed("bob")))
        for revision in range(2, 12):
            store.append(commit("door-1", revision, Noted(str(revision))))

        scanned = list(store.scan())

        assert [recorded.stream for recorded in scanned] == ["door-1"] * 12 + ["door-2"] * 2
        assert [(recorded.stream, recorded.sequence) for recorded in scanned] == sorted(
            (recorded.stream, recorded.sequence) for recorded in scanned
        )

    def test_a_commit_is_due_when_its_time_has_come(self, store: EventStore) -> None:
        store.append(commit("door-1", 1, Noted("1"), wake_at=NOON + timedelta(minutes=2)))
        store.append(commit("door-2", 1, Noted("2"), wake_at=NOON + timedelta(minutes=1)))
        store.append(commit("door-3", 1, Noted("3"), wake_at=NOON + timedelta(minutes=3)))
        store.append(commit("door-4", 1, Noted("4")))

        due = store.due(NOON + timedelta(minutes=2), 10)

        assert due == [Waking("door-2@1", "door-2"), Waking("door-1@1", "door-1")]

    def test_the_oldest_are_due_first_when_there_are_too_many(self, store: EventStore) -> None:
        store.append(commit("door-1", 1, Noted("1"), wake_at=NOON + timedelta(seconds=1)))
        store.append(commit("door-2", 1, Noted("2"), wake_at=NOON))

        assert store.due(NOON + timedelta(minutes=1), 1) == [Waking("door-2@1", "door-2")]

    def test_a_settled_commit_is_not_due_again_and_its_events_stay(self, store: EventStore) -> None:
        store.append(commit(STREAM, 1, Noted("1"), wake_at=NOON))
        store.append(commit(OTHER, 1, Noted("2"), wake_at=NOON))

        store.settle(["door-1@1"])
        store.settle(["door-1@1"])
        store.settle([])

        assert store.due(NOON, 10) == [Waking("door-2@1", "door-2")]
        assert events_of(store.load(STREAM)) == [Noted("1")]
