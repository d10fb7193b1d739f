"""No file holds what is only true here or only true today."""

from tests.house import texts
from tests.house.repository import REPOSITORY, told


def test_nothing_is_left_unfinished() -> None:
    found = texts.unfinished(REPOSITORY)

    assert not found, told("Finish it, or open an issue and drop the mark:", found)


def test_no_registry_is_named() -> None:
    found = texts.registry_hosts(REPOSITORY)

    assert not found, told("Where packages come from is the machine's business; leave the host out:", found)


def test_no_secret_is_in_the_repository() -> None:
    found = texts.secrets(REPOSITORY)

    assert not found, told("Whoever has read this has the secret; make another one and leave both out:", found)


def test_no_path_of_a_machine_is_named() -> None:
    found = texts.machine_paths(REPOSITORY)

    assert not found, told("Make the path relative to the repository or a setting:", found)
