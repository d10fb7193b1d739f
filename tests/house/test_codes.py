"""Callers branch on codes and people read their words."""

from chassis.problems import WORDS
from tests.house import codes
from tests.house.repository import REPOSITORY, told


def test_codes_are_kebab_case() -> None:
    found = codes.badly_spelled(REPOSITORY)

    assert not found, told("Spell the code in kebab-case, like destination-not-allowed:", found)


def test_every_code_of_a_service_has_words() -> None:
    found = codes.wordless(REPOSITORY, WORDS)

    assert not found, told("Add (Japanese, English) sentences to WORDS in the service's api.py:", found)


def test_every_code_of_the_chassis_and_the_gateway_has_words() -> None:
    found = codes.wordless_in_chassis(REPOSITORY, WORDS)

    assert not found, told("Add (Japanese, English) sentences to WORDS in chassis/problems.py:", found)


def test_no_words_are_left_of_codes_that_are_gone() -> None:
    found = codes.unused_words(REPOSITORY)

    assert not found, told("Nothing answers with these codes; drop their words:", found)
