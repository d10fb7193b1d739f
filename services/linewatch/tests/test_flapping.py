"""A line that flaps, through the route and the alarm clock."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chassis.handling import Handler
from chassis.messages import now
from chassis.tasks import Alarm, AlarmClock
from contracts.linewatch import EVENTS
from services.linewatch.model.line import CATEGORY, DECIDER, Wake, wake_at
from services.linewatch.tests.examples import NUMBER, REPORT

CHANGES = [
    REPORT | {"id": f"c{place}", "status": ("faulted", "recovered")[place % 2], "occurred_at": None}
    for place in range(1000)
]


@pytest.fixture
def flap(client_with: Callable[..., Any], as_monitor: dict[str, str]) -> Callable[[int], Any]:
    """A thousand changes, in lists of so many; the client afterwards."""
    client = client_with(recovery_hold=timedelta(seconds=1))

    def post(size: int) -> Any:
        for first in range(0, len(CHANGES), size):
            items = CHANGES[first : first + size]
            assert client.post("/line-events", json=items, headers=as_monitor).json["accepted"] == len(items)
        return client

    return post


def clock(store: Any, **later: float) -> AlarmClock:
    lines = Handler(store, DECIDER, CATEGORY, wake_at=wake_at)
    return AlarmClock(store, [Alarm(lines, Wake)], "linewatch", clock=lambda: now() + timedelta(**later))


def said(store: Any) -> list[str]:
    return [one.type for one in store.scan() if isinstance(one.event, EVENTS)]


@pytest.mark.slow
@pytest.mark.parametrize("size", [1000, 7])
def test_a_thousand_changes_say_a_fault_and_later_its_recovery(
    store: Any, flap: Callable[[int], Any], as_operator: dict[str, str], size: int
) -> None:
    client = flap(size)

    clock(store, seconds=55).ring()
    shown = client.get(f"/lines/{NUMBER}", headers=as_operator).json
    assert said(store) == ["LineFaulted", "LineFlapping"]
    assert (shown["faulted"], shown["flapping"]) == (True, True)

    clock(store, seconds=61).ring()  # What came in one commit has asked for its first waking only, and asks again.
    clock(store, seconds=61).ring()
    shown = client.get(f"/lines/{NUMBER}", headers=as_operator).json
    assert said(store) == ["LineFaulted", "LineFlapping", "LineRecovered"]
    assert (shown["faulted"], shown["flapping"]) == (False, False)
