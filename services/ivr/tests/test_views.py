from dataclasses import replace
from typing import cast

import pytest

from chassis.messages import Recorded
from chassis.testing import recorded
from chassis.views import Views, fold_once
from services.ivr.tests.examples import CONTRACT_CHANGED, CONTRACT_IMPORTED, CONTRACT_REMOVED, NUMBER, OTHER, STRANGER
from services.ivr.tests.stand_ins import MemoryContracts
from services.ivr.views import CONTRACTS, Subscriber, fold_contract, keys_contract, subscriber

IMPORTED = recorded(CONTRACT_IMPORTED, f"contract-{NUMBER}", 1)
CHANGED = recorded(CONTRACT_CHANGED, f"contract-{NUMBER}", 2)
REMOVED = recorded(CONTRACT_REMOVED, f"contract-{NUMBER}", 3)


def found(number: str, *events: Recorded) -> Subscriber | None:
    contracts = MemoryContracts()
    contracts.project(events)
    return subscriber(cast(Views, contracts), number)


@pytest.mark.parametrize("event", [IMPORTED, CHANGED, REMOVED])
def test_a_row_is_a_contract(event: Recorded) -> None:
    assert keys_contract(event) == [NUMBER]


@pytest.mark.parametrize("event", [IMPORTED, CHANGED])
def test_a_row_has_all_numbers(event: Recorded) -> None:
    assert fold_contract(None, event) == {"numbers": [NUMBER, OTHER], "known": event.sequence}


@pytest.mark.parametrize("event", [IMPORTED, CHANGED, REMOVED])
def test_the_same_event_twice_changes_nothing(event: Recorded) -> None:
    row = fold_once(CONTRACTS, None, event)

    assert fold_once(CONTRACTS, row, event) is None


def test_an_older_event_that_comes_late_changes_nothing() -> None:
    row = fold_once(CONTRACTS, None, REMOVED)

    assert fold_once(CONTRACTS, row, CHANGED) is None


@pytest.mark.parametrize("number", [NUMBER, OTHER])
def test_a_subscriber_is_found_by_each_number(number: str) -> None:
    assert found(number, IMPORTED) == Subscriber(NUMBER, frozenset({NUMBER, OTHER}), IMPORTED.sequence)


def test_a_number_of_nobody_finds_nobody() -> None:
    assert found(STRANGER, IMPORTED) is None


def test_a_contract_that_has_ended_is_found_no_more() -> None:
    assert found(NUMBER, IMPORTED, REMOVED) is None


def test_while_a_number_seems_to_be_in_two_contracts_it_is_in_none() -> None:
    moved = replace(CONTRACT_IMPORTED.contract, contract_number=STRANGER, numbers={STRANGER: (), OTHER: ()})
    there = recorded(replace(CONTRACT_IMPORTED, contract=moved), f"contract-{STRANGER}", 1)
    here = replace(CONTRACT_CHANGED, contract=replace(CONTRACT_CHANGED.contract, numbers={NUMBER: ()}))

    assert found(OTHER, IMPORTED, there) is None
    assert found(OTHER, IMPORTED, there, recorded(here, f"contract-{NUMBER}", 2)) == Subscriber(
        STRANGER, frozenset({STRANGER, OTHER}), there.sequence
    )


def test_a_row_of_before_its_news_were_noted_is_found_as_well() -> None:
    contracts = MemoryContracts({NUMBER: {"numbers": [NUMBER]}})

    assert subscriber(cast(Views, contracts), NUMBER) == Subscriber(NUMBER, frozenset({NUMBER}), "")


def test_the_view_hears_all_that_it_folds() -> None:
    assert CONTRACTS.events == {IMPORTED.type, CHANGED.type, REMOVED.type}
