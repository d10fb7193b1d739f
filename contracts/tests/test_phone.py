"""Phone numbers as people type them, where a call may go, and how a number is shown."""

from typing import get_args

import pytest

from contracts import phone
from contracts.tests.phone_table import TABLE


@pytest.mark.parametrize(("typed", "digits", "refusal", "shown"), TABLE)
def test_a_number_of_the_table(typed: str, digits: str, refusal: phone.Refusal | None, shown: str) -> None:
    assert phone.normalise(typed) == digits
    assert phone.refusal(digits) == refusal
    assert phone.is_subscriber(digits) == (refusal is None)
    assert phone.shown(digits) == shown


def test_the_table_is_long_and_has_every_refusal() -> None:
    assert len(TABLE) >= 80
    assert {row[2] for row in TABLE} == {None, *get_args(phone.Refusal)}


def test_every_refusal_has_words_of_its_own() -> None:
    assert set(phone.MESSAGES) == set(get_args(phone.Refusal))
    assert len(set(phone.MESSAGES.values())) == len(phone.MESSAGES)


@pytest.mark.parametrize("row", TABLE)
def test_taking_a_number_twice_or_as_it_was_shown_changes_nothing(row: tuple[str, str, str, str]) -> None:
    _, digits, _, shown = row

    assert phone.normalise(digits) == phone.normalise(shown) == digits


@pytest.mark.parametrize("digits", ["0600001111", "0120123456", "110", "+14155550100", "123456789012345"])
def test_anyone_may_call(digits: str) -> None:
    assert phone.caller_refusal(digits) is None


@pytest.mark.parametrize(
    ("digits", "refusal"),
    [
        ("", "empty"),
        ("*31", "service-code"),
        ("anonymous", "not-a-number"),
        ("06+00001111", "not-a-number"),
        ("+", "not-a-number"),
        ("12", "too-short"),
        ("+1", "too-short"),
        ("1234567890123456", "too-long"),
    ],
)
def test_what_is_no_number_cannot_call(digits: str, refusal: str) -> None:
    assert phone.caller_refusal(digits) == refusal
    assert phone.CALLER_MESSAGES[phone.caller_refusal(digits)]  # type: ignore[index]


def test_a_loop_is_told_with_the_number_that_closes_it() -> None:
    assert phone.loop_message("0600001111").startswith("転送先の06-0000-1111が、この番号へ転送する設定になっています")


def test_a_masked_number_cannot_be_called() -> None:
    assert phone.mask("0600001111") == "06***11"
    assert phone.mask("110") == "***"
