from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from chassis.messages import Recorded
from chassis.testing import NOON, recorded
from chassis.views import Row
from contracts.bulkforward import BulkForwardEntriesChanged, BulkForwardStarted, BulkForwardStopped
from contracts.voicewarp import Destination
from services.voicewarp.model.setting import DECIDER
from services.voicewarp.tests.examples import (
    BRANCH,
    BULK_ENTRIES_CHANGED,
    BULK_STARTED,
    BULK_STOPPED,
    CHANGED,
    LEFT,
    MOBILE,
    NOTED,
    NUMBER,
    OFFICE,
    OTHER,
    STARTED,
    STOPPED,
)
from services.voicewarp.tests.stand_ins import MemoryRoutes
from services.voicewarp.views import (
    PERIODS,
    ROUTES,
    SettingNow,
    bulk_at,
    bulk_now,
    is_remembered,
    setting_of,
)

OWN, PLAN = f"voicewarp-{NUMBER}", f"plan-{NUMBER}"


def at(minute: int) -> datetime:
    return NOON + timedelta(minutes=minute)


def told(stream: str, *events: object) -> list[Recorded]:
    """The events of a stream, a minute apart."""
    return [recorded(event, stream, place, at=at(place)) for place, event in enumerate(events, 1)]


def rows(*events: Recorded) -> dict[str, Any]:
    routes = MemoryRoutes()
    routes.project(events)
    return routes.rows


def row(*events: Recorded, number: str = NUMBER) -> Row | None:
    return rows(*events).get(number)


def without_marks(kept: dict[str, Any]) -> dict[str, Any]:
    return {key: {name: value for name, value in one.items() if name != "_seen"} for key, one in kept.items()}


def test_voicewarp_in_a_row_is_what_its_stream_says() -> None:
    events = (NOTED, CHANGED, STARTED)

    assert setting_of(row(*told(OWN, *events))) == DECIDER.fold(events)


@pytest.mark.parametrize("event", [NOTED, CHANGED, STARTED, STOPPED, BULK_STARTED, BULK_STOPPED, BULK_ENTRIES_CHANGED])
def test_the_same_event_twice_changes_nothing(event: object) -> None:
    stream = PLAN if type(event).__name__.startswith("Bulk") else OWN
    message = recorded(event, stream)

    assert rows(message, message) == rows(message)


def test_what_the_web_process_puts_in_is_what_the_projector_makes() -> None:
    events = told(OWN, NOTED, CHANGED, STARTED)
    setting = DECIDER.fold(one.event for one in events)
    at_once = structs.replace(events[-1], event=SettingNow(setting), type=SettingNow.__name__)

    assert rows(at_once) == rows(*events)
    assert rows(at_once, *events) == rows(*events)
    assert rows(*events, at_once) == rows(*events)


def test_bulk_forwarding_is_in_the_row_of_each_of_its_numbers() -> None:
    started = recorded(replace(BULK_STARTED, entries={NUMBER: OFFICE, OTHER: MOBILE}), PLAN)

    assert (bulk_now(row(started)), bulk_now(row(started, number=OTHER))) == (OFFICE, MOBILE)


def test_a_stop_ends_it() -> None:
    assert bulk_now(row(*told(PLAN, BULK_STARTED, BULK_STOPPED))) is None


def test_entries_alone_forward_nothing_but_are_edges() -> None:
    kept = row(*told(PLAN, BULK_ENTRIES_CHANGED))

    assert kept is not None
    assert bulk_now(kept) is None
    assert kept["edges"] == [OFFICE]


def test_an_edit_while_running_is_in_force_at_once() -> None:
    moved = BulkForwardEntriesChanged(NUMBER, {NUMBER: BRANCH, OTHER: MOBILE}, running=True)
    edited = told(PLAN, BULK_STARTED, moved)

    assert (bulk_now(row(*edited)), bulk_now(row(*edited, number=OTHER))) == (BRANCH, MOBILE)


def test_an_entry_that_went_while_running_forwards_no_more() -> None:
    gone = BulkForwardEntriesChanged(NUMBER, {OTHER: MOBILE}, removed=(NUMBER,), running=True)

    kept = row(*told(PLAN, BULK_STARTED, gone))

    assert kept is not None
    assert (bulk_now(kept), kept["edges"], kept["entries"]) == (None, [], {})


def test_a_takeover_by_hand_begins_no_new_period() -> None:
    kept = row(*told(PLAN, BULK_STARTED, replace(BULK_STARTED, cause="manual")))

    assert kept is not None
    assert len(kept["periods"]) == 1


def test_voicewarp_is_an_edge_only_while_it_is_started() -> None:
    resting, running = row(*told(OWN, NOTED, CHANGED)), row(*told(OWN, NOTED, CHANGED, STARTED))

    assert resting is not None
    assert running is not None
    assert (resting["edges"], running["edges"]) == ([], [MOBILE])


def test_a_look_back_finds_what_was_in_force() -> None:
    moved = BulkForwardEntriesChanged(NUMBER, {NUMBER: BRANCH}, running=True)
    kept = row(*told(PLAN, BULK_STARTED, moved, BULK_STOPPED, BULK_STARTED))

    found = {minute: bulk_at(kept, at(minute)) for minute in range(6)}
    assert found == {0: None, 1: OFFICE, 2: BRANCH, 3: None, 4: OFFICE, 5: OFFICE}


def test_old_periods_are_forgotten_and_that_is_remembered() -> None:
    turns: list[object] = [BULK_STARTED, BULK_STOPPED]
    kept = row(*told(PLAN, *(turns * (PERIODS + 1))))

    assert kept is not None
    assert len(kept["periods"]) == PERIODS
    assert not is_remembered(kept, at(1))
    assert is_remembered(kept, at(2))
    assert bulk_at(kept, at(3)) == OFFICE


def test_of_an_unknown_number_nothing_is_forwarded() -> None:
    assert (bulk_now(None), bulk_at(None, NOON), is_remembered(None, NOON)) == (None, None, True)
    assert setting_of(None).contract_number == ""


THEIRS = f"plan-{OTHER}"
STREAMS = {
    OWN: told(OWN, NOTED, CHANGED, STARTED, replace(CHANGED, destinations=(Destination(BRANCH),)), LEFT),
    PLAN: told(PLAN, BULK_ENTRIES_CHANGED, BULK_STARTED, BULK_STOPPED),
    THEIRS: told(
        THEIRS,
        BulkForwardStarted(OTHER, {NUMBER: MOBILE}, "manual", NOON),
        BulkForwardEntriesChanged(OTHER, {OTHER: OFFICE}, removed=(NUMBER,), running=True),
        BulkForwardStopped(OTHER, {OTHER: OFFICE}, "manual"),
    ),
}


@settings(deadline=None)
@given(st.permutations([stream for stream, events in STREAMS.items() for _ in events]))
def test_streams_that_come_in_any_order_give_the_same_rows(order: Sequence[str]) -> None:
    left = {stream: iter(events) for stream, events in STREAMS.items()}

    shuffled = rows(*(next(left[stream]) for stream in order))

    in_turn = rows(*(event for events in STREAMS.values() for event in events))
    assert without_marks(shuffled) == without_marks(in_turn)


def test_the_view_hears_nothing_that_it_does_not_fold() -> None:
    assert {type(event).__name__ for event in (NOTED, CHANGED, STARTED, STOPPED)} <= ROUTES.events
