from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from msgspec import structs
from pymongo.database import Database

from chassis.errors import Conflict, Unavailable
from chassis.lease import Lease
from chassis.messages import Recorded
from chassis.testing import recorded
from chassis.tests.examples import Closed, Noted, Opened
from chassis.views import BATCH, View, Views, fold_once

Documents = Database[dict[str, Any]]


def keys(event: Recorded) -> list[str]:
    return [event.stream]


def fold(row: Mapping[str, Any] | None, event: Recorded) -> Mapping[str, Any]:
    before = row or {"open": False, "seen": 0}
    return {**before, "open": isinstance(event.event, Opened), "seen": before["seen"] + 1}


DOORS = View("doors", frozenset({"Opened", "Closed"}), keys, fold, indexes=((("open", 1),),))


def keeper(event: Recorded) -> list[str]:
    return [event.event.by]


def count(row: Mapping[str, Any] | None, event: Recorded) -> Mapping[str, Any]:
    visited = set(row["doors"]) if row else set()
    return {"doors": sorted(visited | {event.stream})}


KEEPERS = View("keepers", frozenset({"Opened", "Closed"}), keeper, count)


def test_an_event_that_a_row_has_seen_changes_nothing() -> None:
    event = recorded(Opened("ann"), "door-1", 3)
    row = fold_once(DOORS, None, event)

    assert row == {"open": True, "seen": 1, "_seen": {"door-1": event.sequence}}
    assert fold_once(DOORS, row, event) is None
    assert fold_once(DOORS, row, recorded(Closed("ann"), "door-1", 2)) is None


def test_a_row_remembers_every_stream_by_itself() -> None:
    row = fold_once(KEEPERS, None, recorded(Opened("ann"), "door-1", 7))

    row = fold_once(KEEPERS, row, recorded(Opened("ann"), "door-2", 1))

    assert row is not None
    assert row["doors"] == ["door-1", "door-2"]


def rows(database: Documents, name: str = "doors") -> list[dict[str, Any]]:
    return list(database[name].find().sort("_id"))


@pytest.fixture
def views(database: Documents) -> Views:
    made = Views(database, [DOORS, KEEPERS])
    made.prepare()
    return made


def opened_and_closed(door: int, times: int = 1) -> list[Recorded]:
    turns = [Opened("ann"), Closed("bob")] * times
    return [recorded(event, f"door-{door}", revision) for revision, event in enumerate(turns, start=1)]


@pytest.mark.integration
class TestViews:
    def test_a_batch_is_folded_into_all_views(self, views: Views) -> None:
        views.project([*opened_and_closed(1), recorded(Opened("cho"), "door-2")])

        one = views.one("doors", "door-2")
        assert one is not None
        assert (one["open"], one["seen"]) == (True, 1)
        assert [row["_id"] for row in views.find("doors", {"open": False})] == ["door-1"]
        assert [row["_id"] for row in views.find("keepers", {}, sort=[("_id", -1)], limit=2)] == ["cho", "bob"]

    def test_the_same_batch_again_changes_nothing(self, views: Views, database: Documents) -> None:
        batch = [*opened_and_closed(1, 3), recorded(Opened("cho"), "door-2")]
        views.project(batch)
        before = rows(database) + rows(database, "keepers")

        views.project(batch)
        views.project(batch[2:4])

        assert rows(database) + rows(database, "keepers") == before

    def test_each_row_is_told_of_its_own_share(self, database: Documents) -> None:
        words = View(
            "words",
            frozenset({"Noted"}),
            keys=lambda event: event.event.text.split(),
            fold=lambda row, event: {"word": event.event.text},
            share=lambda key, event: structs.replace(event, event=Noted(key)),
        )

        Views(database, [words]).project([recorded(Noted("cold night"), "door-1")])

        assert [(row["_id"], row["word"]) for row in rows(database, "words")] == [("cold", "cold"), ("night", "night")]

    def test_events_of_other_types_are_passed_over(self, views: Views, database: Documents) -> None:
        views.project([recorded(Noted("cold"), "door-1")])

        assert rows(database) == []

    def test_two_streams_in_one_row_come_out_the_same_in_either_order(self, views: Views, database: Documents) -> None:
        one, two = recorded(Opened("ann"), "door-1", 5), recorded(Opened("ann"), "door-2", 1)
        views.project([one, two])
        first = rows(database, "keepers")
        database["keepers"].delete_many({})

        views.project([two])
        views.project([one])

        assert [row["doors"] for row in rows(database, "keepers")] == [row["doors"] for row in first]

    def test_who_lost_a_race_for_a_row_folds_again_on_the_newer_one(self, views: Views, database: Documents) -> None:
        events = opened_and_closed(1, 2)
        views.project(events[:1])
        racing = View("doors", DOORS.events, keys, rival_fold(views, events[:3]))

        Views(database, [racing]).project(events)

        [row] = rows(database)
        assert (row["seen"], row["open"]) == (4, False)

    def test_new_rows_of_two_projectors_meet(self, views: Views, database: Documents) -> None:
        racing = View("doors", DOORS.events, keys, rival_fold(views, opened_and_closed(1)))

        Views(database, [racing]).project(opened_and_closed(1))

        [row] = rows(database)
        assert row["seen"] == 2

    def test_a_row_that_is_always_taken_is_left_for_later(self, views: Views, database: Documents) -> None:
        events = iter(opened_and_closed(1, 100))

        def rival(row: Mapping[str, Any] | None, event: Recorded) -> Mapping[str, Any]:
            views.project([next(events)])
            return fold(row, event)

        with pytest.raises(Conflict):
            Views(database, [View("doors", DOORS.events, keys, rival)]).project(
                [recorded(Opened("ann"), "door-1", 999)]
            )

    def test_a_rebuilt_view_is_equal_byte_for_byte(self, views: Views, database: Documents) -> None:
        events = [event for door in range(300) for event in opened_and_closed(door, 3)]
        assert len(events) > BATCH
        for start in range(0, len(events), 70):
            views.project(events[start : start + 70])
        before = list(database["doors"].find_raw_batches(sort=[("_id", 1)]))

        read = views.rebuild("doors", lambda: events, lambda: [])

        assert read == len(events)
        assert list(database["doors"].find_raw_batches(sort=[("_id", 1)])) == before
        assert "open_1" in database["doors"].index_information()
        assert database.list_collection_names(filter={"name": {"$regex": "rebuilding"}}) == []

    def test_the_old_rows_are_served_until_the_switch(self, views: Views) -> None:
        views.project(opened_and_closed(1))
        served: list[Any] = []

        def everything() -> Iterator[Recorded]:
            yield recorded(Opened("ann"), "door-2")
            served.append(views.one("doors", "door-1"))

        views.rebuild("doors", everything, lambda: [])

        assert served[0]["seen"] == 2
        assert (views.one("doors", "door-1"), views.one("doors", "door-2") is None) == (None, False)

    def test_events_that_arrive_during_a_rebuild_are_not_lost(self, views: Views) -> None:
        store = opened_and_closed(1, 1)

        def everything() -> Iterator[Recorded]:
            yield from list(store)
            # This one is appended and projected into the old rows after it was our turn to read it.
            store.append(recorded(Opened("cho"), "door-1", 3))
            views.project(store[-1:])

        views.rebuild("doors", everything, lambda: list(store))
        views.project([recorded(Closed("cho"), "door-1", 4)])

        row = views.one("doors", "door-1")
        assert row is not None
        assert row["seen"] == 4

    def test_nobody_projects_during_the_switch(self, views: Views) -> None:
        """Else an event could go into the old rows only, and its successor into the new ones."""
        tried: list[str] = []

        def since() -> Iterator[Recorded]:
            with pytest.raises(Unavailable) as refused:
                views.project(opened_and_closed(1))
            tried.append(refused.value.code)
            yield from ()

        views.rebuild("doors", lambda: [], since)
        views.project(opened_and_closed(1))

        assert tried == ["view-being-switched"]
        assert views.one("doors", "door-1") is not None

    def test_a_rebuild_that_breaks_leaves_the_old_rows_and_can_be_repeated(self, views: Views) -> None:
        views.project(opened_and_closed(1))

        def broken() -> Iterator[Recorded]:
            yield recorded(Opened("ann"), "door-2")
            raise Unavailable("kafka-unavailable")

        with pytest.raises(Unavailable):
            views.rebuild("doors", broken, lambda: [])
        with pytest.raises(Unavailable):
            views.rebuild("doors", lambda: [], broken)
        assert views.one("doors", "door-1") is not None
        views.project([recorded(Opened("ann"), "door-1", 3)])

        assert views.rebuild("doors", lambda: opened_and_closed(1, 2), lambda: []) == 4

    def test_two_rebuilds_at_once_do_not_mix(self, views: Views) -> None:
        def everything() -> Iterator[Recorded]:
            with pytest.raises(Conflict, match="rebuild-running"):
                views.rebuild("doors", lambda: [], lambda: [])
            yield from opened_and_closed(1)

        assert views.rebuild("doors", everything, lambda: []) == 2

    def test_a_hold_that_was_taken_over_stops_the_rebuild(self, views: Views, database: Documents) -> None:
        def everything() -> Iterator[Recorded]:
            yield from opened_and_closed(1)
            database["leases"].update_one({"_id": "rebuild-doors"}, {"$set": {"holder": "another"}})

        with pytest.raises(Conflict):
            views.rebuild("doors", everything, lambda: [])
        assert Lease(database, "rebuild-doors", "another").take() is not None


def rival_fold(views: Views, theirs: list[Recorded]) -> Any:
    """Another projector writes the row once, between our read and our write."""
    waiting = [theirs]

    def racing(row: Mapping[str, Any] | None, event: Recorded) -> Mapping[str, Any]:
        while waiting:
            views.project(waiting.pop())
        return fold(row, event)

    return racing
