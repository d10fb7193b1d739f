from typing import Any

from chassis.messages import Recorded
from chassis.testing import NOON, recorded
from services.faxstore.tests import examples as one
from services.faxstore.tests.examples import AT, CONTRACT, FAX, NUMBER
from services.faxstore.tests.stand_ins import MemoryFaxes
from services.faxstore.views import FAXES, FaxNow, fax_of

EVENTS = [*one.STORED, one.MARKED, one.MADE, one.DELETED, one.REMOVED]


def told(*events: object) -> list[Recorded]:
    return [recorded(event, f"fax-{FAX}", revision) for revision, event in enumerate(events, 1)]


def row_of(*events: object) -> dict[str, Any]:
    views = MemoryFaxes()
    views.project(told(*events))
    return views.rows[FAX]


def test_a_fax_is_a_row_with_all_that_the_list_needs() -> None:
    row = row_of(*one.STORED)

    assert {name: row[name] for name in ("number", "contract_number", "received_at", "stored_at", "there")} == {
        "number": NUMBER,
        "contract_number": CONTRACT,
        "received_at": AT,
        "stored_at": NOON,
        "there": True,
    }
    assert fax_of(row).received == one.RECEIVED


def test_a_row_says_what_is_to_be_done() -> None:
    chores = [row_of(*EVENTS[:count])["chore"] for count in range(1, len(EVENTS) + 1)]

    assert chores == [None, "copies", "copies", None, "removal", None]


def test_what_somebody_waits_for_is_another_chore() -> None:
    assert row_of(*one.STORED, one.WANTED)["chore"] == "wanted-copies"
    assert row_of(*one.STORED, one.WANTED, one.MADE)["chore"] is None


def test_what_cannot_be_shown_is_not_tried_again() -> None:
    assert row_of(*one.STORED, one.FAILED)["chore"] is None


def test_the_same_event_twice_changes_nothing() -> None:
    views = MemoryFaxes()
    for event in told(*EVENTS):
        views.project([event])
        once = dict(views.rows[FAX])
        views.project([event])
        assert views.rows[FAX] == once


def test_a_state_that_was_put_in_at_once_is_what_the_events_make() -> None:
    views, events = MemoryFaxes(), told(*EVENTS[:3])
    state = fax_of(row_of(*EVENTS[:3]))

    views.project([recorded(FaxNow(FAX, state), f"fax-{FAX}", 3)])
    first = dict(views.rows[FAX])
    views.project(events)

    assert views.rows[FAX] == first == row_of(*EVENTS[:3])


def test_events_of_other_streams_are_no_faxes() -> None:
    assert not FAXES.events & {"NumberNoted", "FaxMailChanged", "ContentAbandoned"}
