"""Phone numbers as people type them, and where a call may go."""

import pytest

from contracts import phone


@pytest.mark.parametrize(
    ("typed", "digits"),
    [
        ("0600001111", "0600001111"),
        ("06-0000-1111", "0600001111"),
        ("06 0000 1111", "0600001111"),
        (" ０６－００００－１１１１ ", "0600001111"),
        ("06ー0000ー1111", "0600001111"),
        ("06−0000–1111", "0600001111"),
        ("(06)0000-1111", "0600001111"),
        ("（06）0000・1111", "0600001111"),
        ("+81 6-0000-1111", "0600001111"),
        ("+81(0)6-0000-1111", "0600001111"),
        ("＋８１９０１２３４５６７８", "09012345678"),
        ("", ""),
    ],
)
def test_a_number_is_taken_however_it_is_typed(typed: str, digits: str) -> None:
    assert phone.normalise(typed) == digits


@pytest.mark.parametrize(
    "digits",
    [
        "0312345678",
        "0600001111",
        "0123456789",
        "05012345678",
        "06012345678",
        "07012345678",
        "08012345678",
        "09012345678",
    ],
)
def test_a_call_may_be_forwarded_to_a_subscriber(digits: str) -> None:
    assert phone.refusal(digits) is None
    assert phone.is_subscriber(digits)


@pytest.mark.parametrize(
    ("digits", "reason"),
    [
        ("", "empty"),
        ("denwa", "not-a-number"),
        ("06000０1111", "not-a-number"),
        ("#9110", "service-code"),
        ("*31", "service-code"),
        ("+14155550100", "international"),
        ("01014155550100", "international"),
        ("0033010123", "carrier-code"),
        ("0077123456", "carrier-code"),
        ("110", "three-digit-number"),
        ("119", "three-digit-number"),
        ("0120123456", "free-dial"),
        ("08001234567", "free-dial"),
        ("0570012345", "navi-dial"),
        ("0990123456", "premium-rate"),
        ("0", "too-short"),
        ("031234567", "too-short"),
        ("12345678", "too-short"),
        ("03123456789", "kind-not-allowed"),
        ("02012345678", "kind-not-allowed"),
        ("1234567890", "kind-not-allowed"),
        ("090123456789", "too-long"),
    ],
)
def test_anything_else_is_refused_for_a_reason_of_its_own(digits: str, reason: str) -> None:
    assert phone.refusal(digits) == reason
    assert not phone.is_subscriber(digits)
    assert phone.MESSAGES[reason]


def test_a_shown_number_is_grouped_only_where_the_grouping_is_certain() -> None:
    assert phone.shown("0600001111") == "06-0000-1111"
    assert phone.shown("09012345678") == "090-1234-5678"
    assert phone.shown("0123456789") == "0123456789"


def test_a_masked_number_cannot_be_called() -> None:
    assert phone.mask("0600001111") == "06***11"
    assert phone.mask("110") == "***"
