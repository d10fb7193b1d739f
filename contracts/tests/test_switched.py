"""Since when an option is on, after each kind of change."""

from datetime import UTC, datetime

import pytest

from contracts.switched import SwitchedOn, switched, told

THEN = SwitchedOn(datetime(2026, 1, 15, tzinfo=UTC), "telephone")
NOW = SwitchedOn(datetime(2026, 1, 16, tzinfo=UTC), "customer")


@pytest.mark.parametrize(
    ("was_started", "before", "started", "after"),
    [
        (False, None, True, NOW),
        (True, THEN, True, THEN),
        (True, None, True, None),  # Started before anybody noted when.
        (True, THEN, False, None),
        (False, None, False, None),
    ],
)
def test_since_when_it_is_on(
    was_started: bool, before: SwitchedOn | None, started: bool, after: SwitchedOn | None
) -> None:
    assert switched(was_started, before, started, NOW) == after


def test_what_is_not_known_is_not_told() -> None:
    assert told(THEN) == {"since": "2026-01-15T00:00:00+00:00", "by": "telephone"}
    assert told(None) == {}
