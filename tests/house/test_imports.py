"""Imports go services -> chassis, contracts and no other way; rules are pure."""

from tests.house import imports
from tests.house.repository import REPOSITORY, told


def test_packages_use_only_what_stands_below_them() -> None:
    found = imports.wrong_ways(REPOSITORY)

    assert not found, told(
        "Imports go services, gateway -> chassis, contracts and no other way. Turn these round:", found
    )


def test_no_service_imports_another() -> None:
    found = imports.between_services(REPOSITORY)

    assert not found, told("Services meet on Kafka only: hear the other's event, its class is in contracts/.", found)


def test_models_are_pure() -> None:
    found = imports.impure_models(REPOSITORY)

    assert not found, told(
        "A model uses contracts, chassis.decider, chassis.errors and the pure part of the standard library (list in "
        "tests/house/imports.py). Let time, ids and chance come in with the command:",
        found,
    )


def test_services_reach_nobody_past_the_chassis() -> None:
    found = imports.private_ways_out(REPOSITORY)

    assert not found, told("Use the chassis; what only this service needs of MongoDB goes to its adapters.py:", found)
