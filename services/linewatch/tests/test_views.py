from typing import Any

import pytest

from chassis.messages import Recorded
from chassis.testing import NOON, recorded
from chassis.views import fold_once
from services.linewatch.model.area import AreaChanged, AreaRemoved
from services.linewatch.model.line import LineSettled
from services.linewatch.tests.examples import (
    CONTRACT_CHANGED,
    CONTRACT_IMPORTED,
    CONTRACT_REMOVED,
    LINE_FAULT_WORSENED,
    LINE_FAULTED,
    LINE_FLAPPING,
    LINE_RECOVERED,
    NUMBER,
    OTHER,
)
from services.linewatch.views import AREAS, CONTRACTS, FAULTS, fold_contract, keys_contract, keys_fault

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


FAULTED = recorded(LINE_FAULTED, f"line-{NUMBER}", 1)
WORSENED = recorded(LINE_FAULT_WORSENED, f"line-{NUMBER}", 2)
FLAPPING = recorded(LINE_FLAPPING, f"line-{NUMBER}", 3)
SETTLED = recorded(LineSettled(NOON), f"line-{NUMBER}", 4)
RECOVERED = recorded(LINE_RECOVERED, f"line-{NUMBER}", 5)


def fault(*events: Recorded) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for event in events:
        row = fold_once(FAULTS, row or None, event) or row
    return {name: value for name, value in row.items() if name != "_seen"}


def test_a_line_at_fault_is_a_row_of_its_contract() -> None:
    assert all(list(keys_fault(event)) == [NUMBER] for event in (FAULTED, SETTLED, RECOVERED))
    assert fault(FAULTED) == {"faulted": True, "since": NOON, "severity": "major", "cause": "断線", "flapping": False}


def test_a_fault_gets_worse_flaps_and_is_over() -> None:
    assert fault(FAULTED, WORSENED)["severity"] == "critical"
    assert fault(FAULTED, FLAPPING)["flapping"]
    assert not fault(FAULTED, FLAPPING, SETTLED)["flapping"]
    assert not fault(FAULTED, FLAPPING, RECOVERED)["faulted"]


def test_what_is_said_of_a_line_twice_or_late_changes_nothing() -> None:
    row = fold_once(FAULTS, None, RECOVERED)

    assert fold_once(FAULTS, row, RECOVERED) is None
    assert fold_once(FAULTS, row, FAULTED) is None
