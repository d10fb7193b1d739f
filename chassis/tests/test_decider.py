import pytest

from chassis.decider import replace
from chassis.tests.examples import DECIDER, Closed, Door, Opened


def test_folds_from_the_beginning() -> None:
    assert DECIDER.fold([Opened("ann"), Closed("bob")]) == Door(False, ("opened by ann", "closed by bob"))


def test_folds_on_from_a_state() -> None:
    assert DECIDER.fold([Opened("bob")], Door(False, ("before",))) == Door(True, ("before", "opened by bob"))


def test_no_events_leave_the_state_as_it_was() -> None:
    assert DECIDER.fold([]) == Door()


def test_what_is_replaced_leaves_the_rest_and_the_state_before_as_they_were() -> None:
    before = Door(False, ("closed",))

    after = replace(before, open=True)

    assert (after, before) == (Door(True, ("closed",)), Door(False, ("closed",)))


def test_a_field_that_there_is_not_cannot_be_replaced() -> None:
    with pytest.raises(TypeError):
        replace(Door(), colour="red")  # type: ignore[call-arg]
