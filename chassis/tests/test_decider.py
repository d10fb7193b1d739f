from chassis.tests.examples import DECIDER, Closed, Door, Opened


def test_folds_from_the_beginning() -> None:
    assert DECIDER.fold([Opened("ann"), Closed("bob")]) == Door(False, ("opened by ann", "closed by bob"))


def test_folds_on_from_a_state() -> None:
    assert DECIDER.fold([Opened("bob")], Door(False, ("before",))) == Door(True, ("before", "opened by bob"))


def test_no_events_leave_the_state_as_it_was() -> None:
    assert DECIDER.fold([]) == Door()
