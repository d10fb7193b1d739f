"""Every service is built alike, and everybody who has to know of it does."""

from tests.house import layout
from tests.house.repository import REPOSITORY, told


def test_services_have_the_standard_modules_and_no_others() -> None:
    found = layout.odd_parts(REPOSITORY)

    assert not found, told(
        "Make what is missing; move what has no place into a standard module (docs/adding-a-service.md has the table):",
        found,
    )


def test_services_have_the_standard_tests() -> None:
    found = layout.missing_tests(REPOSITORY)

    assert not found, told("Rules, routes, views and reactions are each tested beside the service:", found)


def test_services_are_known_wherever_they_have_to_be() -> None:
    found = layout.unnamed(REPOSITORY)

    assert not found, told("Name the service there too (docs/adding-a-service.md says how):", found)
