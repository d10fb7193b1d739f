"""Which addresses are written to no more."""

from dataclasses import replace

from chassis.testing import NOON, Given, given
from services.notify.model.address import DECIDER, Address, address_id_of
from services.notify.tests.examples import ANNE, BEN, NEXT, REFUSE, REFUSED, RESTORE, RESTORED


def address(*events: object) -> Given[Address]:
    return given(DECIDER, *events)


def test_an_address_that_was_refused_for_good_is_known() -> None:
    address().when(REFUSE).then(REFUSED)

    assert address(REFUSED).state == Address(NOON, "550 unknown")


def test_a_second_refusal_is_no_news() -> None:
    address(REFUSED).when(replace(REFUSE, at=NEXT)).then()


def test_an_address_is_restored() -> None:
    address(REFUSED).when(RESTORE).then(RESTORED)

    assert address(REFUSED, RESTORED).state == Address()


def test_an_address_that_was_never_refused_needs_no_restoring() -> None:
    address().when(RESTORE).then()


def test_a_restored_address_may_be_refused_again() -> None:
    address(REFUSED, RESTORED).when(REFUSE).then(REFUSED)


def test_an_address_is_the_same_in_capitals_and_no_other() -> None:
    assert address_id_of(ANNE) == address_id_of(ANNE.upper()) != address_id_of(BEN)
