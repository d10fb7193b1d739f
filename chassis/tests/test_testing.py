"""The tools of other tests: they must fail when a rule is broken."""

from datetime import timedelta

import pytest

from chassis.lease import LeaseLost
from chassis.testing import NOON, FixedClock, MemoryPositions, eventually, given
from chassis.tests.examples import DECIDER, Close, Closed, Note, Open, Opened


def test_a_story_that_is_true_passes() -> None:
    given(DECIDER, Opened("ann")).when(Close("bob")).then(Closed("bob"))
    given(DECIDER, Opened("ann")).when(Open("bob")).then()
    given(DECIDER).when(Note("")).rejects("text-missing")


def test_other_events_fail_and_are_shown() -> None:
    with pytest.raises(AssertionError) as shown:
        given(DECIDER, Opened("ann")).when(Close("bob")).then(Closed("cho"))

    for part in ("given", "Opened(by='ann')", "when", "Close(by='bob')", "Closed(by='cho')", "Closed(by='bob')"):
        assert part in str(shown.value)


def test_a_refusal_is_not_nothing() -> None:
    with pytest.raises(AssertionError, match="refused: text-missing"):
        given(DECIDER).when(Note("")).then()


def test_nothing_is_not_a_refusal() -> None:
    with pytest.raises(AssertionError, match="nothing"):
        given(DECIDER).when(Close("ann")).rejects("door-closed")


def test_another_code_fails() -> None:
    with pytest.raises(AssertionError):
        given(DECIDER).when(Note("")).rejects("text-too-long")


def test_another_detail_fails() -> None:
    with pytest.raises(AssertionError):
        given(DECIDER).when(Note("")).rejects("text-missing", field="text")


def test_a_broken_rule_is_not_a_refusal() -> None:
    with pytest.raises(ZeroDivisionError):
        given(DECIDER).when(Note("break"))


def test_a_fixed_clock_goes_on_when_told() -> None:
    clock = FixedClock()

    assert clock() == clock() == NOON
    assert clock.advance(minutes=5) == clock() == NOON + timedelta(minutes=5)


def test_a_position_is_the_later_holders() -> None:
    positions = MemoryPositions()
    positions.save("relay", 1, "a")
    positions.steal("relay", 2)

    with pytest.raises(LeaseLost):
        positions.save("relay", 1, "b")
    assert positions.load("relay") == "a"


def test_what_never_comes_true_fails_with_what_was_seen() -> None:
    with pytest.raises(AssertionError, match="at last: 0"):
        eventually(lambda: 0, within=0.0)
