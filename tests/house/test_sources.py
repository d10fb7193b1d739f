"""How sources are written, where a tool does not look."""

from tests.house import sources
from tests.house.repository import REPOSITORY, told


def test_only_settings_read_the_environment() -> None:
    found = sources.environment_readers(REPOSITORY)

    assert not found, told("Make it a field of the Settings (chassis.settings.variable) and hand it in:", found)


def test_names_of_modules_say_what_is_in_them() -> None:
    found = sources.badly_named(REPOSITORY)

    assert not found, told("Name the module for what it does, not utils, helpers, common, manager or base:", found)


def test_annotations_are_real() -> None:
    found = sources.future_annotations(REPOSITORY)

    assert not found, told(
        "Types are read at run time: drop `from __future__ import annotations`, quote the name:", found
    )


def test_every_module_says_what_it_owns() -> None:
    found = sources.silent_modules(REPOSITORY)

    assert not found, told("Begin the module with a docstring: what it owns and why it is this way.", found)


def test_no_test_sleeps() -> None:
    found = sources.sleeping_tests(REPOSITORY)

    assert not found, told("Wait with chassis.testing.eventually (a deadline) or hand in a clock, never sleep:", found)


def test_a_new_event_or_command_cannot_be_forgotten() -> None:
    found = sources.open_matches(REPOSITORY)

    assert not found, told("End the match over Event or Command with `case _: assert_never(...)`:", found)


def test_deciders_match_their_commands_and_events() -> None:
    found = sources.unmatched_deciders(REPOSITORY)

    assert not found, told("Write decide(command: Command, ...) and evolve(..., event: Event) as one match:", found)


def test_modules_hold_no_state() -> None:
    found = sources.mutable_globals(REPOSITORY)

    assert not found, told("No globals that change: write a constant as one literal, keep state in an object:", found)


def test_metrics_belong_to_the_chassis() -> None:
    found = sources.metrics_elsewhere(REPOSITORY)

    assert not found, told("Define the metric in chassis/telemetry.py or chassis/progress.py:", found)
