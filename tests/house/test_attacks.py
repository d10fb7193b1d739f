"""Every attack of the list is tried, or it is said why it cannot be."""

from tests.house import attacks
from tests.house.repository import REPOSITORY, told


def test_every_attack_is_tried_or_excused() -> None:
    found = attacks.odd_rows(REPOSITORY)

    assert not found, told("Give each number of docs/attacks.md a row with a test or with a reason:", found)


def test_tests_named_beside_attacks_exist() -> None:
    found = attacks.unknown_tests(REPOSITORY)

    assert not found, told("docs/attacks.md names a test that is not there:", found)


def test_tests_of_attacks_stand_where_their_marks_say() -> None:
    found = attacks.unlike(REPOSITORY)

    assert not found, told("Make the mark `attack` and docs/attacks.md the same:", found)
