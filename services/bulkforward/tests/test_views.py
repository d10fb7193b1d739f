from typing import Any

import pytest

from chassis.testing import recorded
from contracts.bulkforward import BulkForwardEntriesChanged
from contracts.voicewarp import Destination, VoiceWarpChanged, VoiceWarpStarted, VoiceWarpStopped
from services.bulkforward.tests.examples import MOBILE, OFFICE
from services.bulkforward.tests.stand_ins import MemoryForwards

THEIRS = "0720001111"


def changed(number: str, *destinations: str, active: int | None = 1) -> VoiceWarpChanged:
    listed = tuple(map(Destination, destinations))
    return VoiceWarpChanged(number, number, "unconditional", 15, listed, active, "off", ())


def row_of(*events: object) -> dict[str, Any]:
    forwards = MemoryForwards()
    forwards.project([recorded(event, f"voicewarp-{THEIRS}", place) for place, event in enumerate(events, 1)])
    return {name: value for name, value in forwards.rows[THEIRS].items() if name not in ("_seen", "plans")}


STARTED = VoiceWarpStarted(THEIRS, THEIRS, MOBILE)
STOPPED = VoiceWarpStopped(THEIRS, THEIRS, "manual")


@pytest.mark.parametrize(
    ("events", "row"),
    [
        ([changed(THEIRS, MOBILE)], {"to": MOBILE, "started": False}),
        ([changed(THEIRS, MOBILE, active=None)], {"to": None, "started": False}),
        ([STARTED], {"to": MOBILE, "started": True}),
        ([STARTED, changed(THEIRS, MOBILE, OFFICE, active=2)], {"to": OFFICE, "started": True}),
        ([STARTED, STOPPED], {"to": MOBILE, "started": False}),
    ],
)
def test_a_row_says_where_a_number_is_forwarded(events: list[object], row: dict[str, Any]) -> None:
    assert row_of(*events) == row


def planned(entries: dict[str, str], *removed: str, contract: str = THEIRS) -> BulkForwardEntriesChanged:
    return BulkForwardEntriesChanged(contract, entries, removed)


@pytest.mark.parametrize(
    ("events", "plans"),
    [
        ([planned({THEIRS: MOBILE, OFFICE: "0312345678"})], {THEIRS: MOBILE}),
        ([planned({THEIRS: MOBILE}), planned({THEIRS: OFFICE})], {THEIRS: OFFICE}),
        ([planned({THEIRS: MOBILE}), planned({}, THEIRS)], {}),
        ([planned({THEIRS: MOBILE}), planned({THEIRS: OFFICE}, contract=OFFICE)], {THEIRS: MOBILE, OFFICE: OFFICE}),
    ],
)
def test_a_row_says_where_plans_send_a_number(events: list[BulkForwardEntriesChanged], plans: dict[str, str]) -> None:
    forwards = MemoryForwards()

    forwards.project([recorded(one, f"plan-{one.contract_number}", place) for place, one in enumerate(events, 1)])

    assert forwards.rows[THEIRS]["plans"] == plans


@pytest.mark.parametrize("event", [changed(THEIRS, MOBILE), STARTED, STOPPED, planned({THEIRS: MOBILE})])
def test_the_same_event_twice_changes_nothing(event: object) -> None:
    forwards = MemoryForwards()
    message = recorded(event, f"voicewarp-{THEIRS}")

    forwards.project([message])
    before = dict(forwards.rows)
    forwards.project([message])

    assert forwards.rows == before
