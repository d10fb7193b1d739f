import pytest

from chassis.messages import Recorded
from chassis.testing import NOON, recorded
from chassis.views import fold_once
from services.linewatch.model.area import AreaChanged, AreaRemoved
from services.linewatch.tests.examples import (
    CONTRACT_CHANGED,
    CONTRACT_IMPORTED,
    CONTRACT_REMOVED,
    NUMBER,
    OTHER,
)
from services.linewatch.views import AREAS, CONTRACTS, fold_contract, keys_contract

IMPORTED = recorded(CONTRACT_IMPORTED, f"contract-{NUMBER}", 1)
CHANGED = recorded(CONTRACT_CHANGED, f"contract-{NUMBER}", 2)
REMOVED = recorded(CONTRACT_REMOVED, f"contract-{NUMBER}", 3)


@pytest.mark.parametrize("event", [IMPORTED, CHANGED, REMOVED])
def test_a_row_is_a_contract(event: Recorded) -> None:
    assert keys_contract(event) == [NUMBER]


@pytest.mark.parametrize("event", [IMPORTED, CHANGED])
def test_a_line_is_known_by_its_numbers_and_its_circuit(event: Recorded) -> None:
    assert fold_contract(None, event) == {"names": [NUMBER, OTHER, "circuit:C-1111"]}


def test_a_contract_that_has_ended_is_known_by_nothing() -> None:
    assert fold_contract(fold_contract(None, IMPORTED), REMOVED) == {"names": []}


@pytest.mark.parametrize("event", [IMPORTED, CHANGED, REMOVED])
def test_the_same_event_twice_changes_nothing(event: Recorded) -> None:
    row = fold_once(CONTRACTS, None, event)

    assert fold_once(CONTRACTS, row, event) is None


def test_an_older_event_that_comes_late_changes_nothing() -> None:
    row = fold_once(CONTRACTS, None, REMOVED)

    assert fold_once(CONTRACTS, row, CHANGED) is None


def test_the_view_hears_all_that_it_folds() -> None:
    assert CONTRACTS.events == {IMPORTED.type, CHANGED.type, REMOVED.type}


def test_an_area_is_a_row_until_it_is_removed() -> None:
    made = recorded(AreaChanged("kansai", (NUMBER, "circuit:C-7")), "area-kansai", 1)
    gone = recorded(AreaRemoved("kansai", NOON), "area-kansai", 2)

    row = fold_once(AREAS, None, made)

    assert AREAS.keys(made) == AREAS.keys(gone) == ["kansai"]
    assert row is not None
    assert (row["exists"], row["lines"]) == (True, 2)
    assert fold_once(AREAS, row, made) is None
    assert (fold_once(AREAS, row, gone) or {})["exists"] is False
