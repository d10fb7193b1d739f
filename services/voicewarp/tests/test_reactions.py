from dataclasses import replace
from typing import Any

import pytest

from chassis.consumer import Intake
from chassis.handling import Handler
from chassis.memory_store import MemoryStore
from chassis.messages import Codec, Recorded
from chassis.testing import OPERATOR, deliver, recorded
from contracts import events_of
from contracts.voicewarp import VoiceWarpStopped
from services.voicewarp.bootstrap import CODEC, HEARD, NAME
from services.voicewarp.model.setting import CATEGORY, DECIDER, Setting
from services.voicewarp.reactions import reactions
from services.voicewarp.tests.examples import (
    BULK_ENTRIES_CHANGED,
    BULK_STARTED,
    BULK_STOPPED,
    CONTRACT_CHANGED,
    CONTRACT_IMPORTED,
    CONTRACT_REMOVED,
    EDIT,
    NUMBER,
    OFFICE,
    OTHER,
)
from services.voicewarp.tests.stand_ins import MemoryRoutes
from services.voicewarp.views import bulk_now

STREAM = f"contract-{NUMBER}"
IMPORTED = recorded(CONTRACT_IMPORTED, STREAM, 1)
CHANGED = recorded(CONTRACT_CHANGED, STREAM, 2)
REMOVED = recorded(CONTRACT_REMOVED, STREAM, 3)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(CODEC)


@pytest.fixture
def settings(store: MemoryStore) -> Handler[Setting]:
    return Handler(store, DECIDER, CATEGORY)


@pytest.fixture
def routes() -> MemoryRoutes:
    return MemoryRoutes()


@pytest.fixture
def intake(settings: Handler[Setting], routes: Any) -> Intake:
    return Intake(NAME, Codec(events_of(*HEARD)), reactions(settings), routes)


def test_every_reaction_is_to_an_event_that_is_heard(intake: Intake) -> None:
    assert set(intake.reactions) <= intake.codec.types


def test_each_number_learns_of_its_contract_and_its_option(intake: Intake, settings: Handler[Setting]) -> None:
    deliver(intake, IMPORTED)

    number, other = settings.read(NUMBER).state, settings.read(OTHER).state
    assert (number.contract_number, number.contracted) == (NUMBER, True)
    assert (other.contract_number, other.contracted) == (NUMBER, False)


def test_a_number_that_left_is_in_no_contract(intake: Intake, settings: Handler[Setting]) -> None:
    contract = replace(CONTRACT_CHANGED.contract, numbers={NUMBER: ()})

    deliver(intake, IMPORTED, recorded(replace(CONTRACT_CHANGED, contract=contract, left=(OTHER,)), STREAM, 2))

    assert settings.read(OTHER).state.contract_number == ""
    assert not settings.read(NUMBER).state.contracted


def test_a_contract_that_ends_stops_what_ran(intake: Intake, settings: Handler[Setting], store: MemoryStore) -> None:
    deliver(intake, IMPORTED)
    settings.handle(NUMBER, replace(EDIT, started=True), OPERATOR)

    deliver(intake, REMOVED)

    assert VoiceWarpStopped(NUMBER, NUMBER, "contract-ended") in [one.event for one in store.scan()]
    assert settings.read(NUMBER).state.contract_number == settings.read(OTHER).state.contract_number == ""


def test_an_older_change_that_comes_late_changes_nothing(intake: Intake, settings: Handler[Setting]) -> None:
    deliver(intake, IMPORTED, REMOVED, CHANGED)

    assert settings.read(NUMBER).state.contract_number == ""


@pytest.mark.parametrize("message", [IMPORTED, CHANGED, REMOVED])
def test_the_same_message_twice_is_one_commit(intake: Intake, store: MemoryStore, message: Recorded) -> None:
    deliver(intake, message)
    before = list(store.scan())

    deliver(intake, message)
    deliver(intake, message, message)

    assert list(store.scan()) == before
    assert store.load(f"{CATEGORY}-{NUMBER}").revision == 1


def test_what_a_contract_caused_tells_of_it(intake: Intake, store: MemoryStore) -> None:
    deliver(intake, IMPORTED)

    last = list(store.scan())[-1]
    assert (last.causation_id, last.correlation_id) == (IMPORTED.id, IMPORTED.correlation_id)
    assert (last.actor.kind, last.actor.id) == ("automatic", "voicewarp")


def test_bulk_forwarding_is_in_the_next_decision(intake: Intake, routes: MemoryRoutes) -> None:
    plan = f"plan-{NUMBER}"

    deliver(intake, recorded(BULK_ENTRIES_CHANGED, plan, 1), recorded(BULK_STARTED, plan, 2))
    assert bulk_now(routes.rows[NUMBER]) == OFFICE
    deliver(intake, recorded(BULK_STOPPED, plan, 3))
    assert bulk_now(routes.rows[NUMBER]) is None


def test_a_batch_of_five_hundred_starts_is_one_projection_and_no_commit(
    intake: Intake, routes: MemoryRoutes, store: MemoryStore
) -> None:
    storm = [
        recorded(replace(BULK_STARTED, contract_number=f"06{n:08d}", entries={f"06{n:08d}": OFFICE}), f"plan-06{n:08d}")
        for n in range(500)
    ]

    deliver(intake, *storm)

    assert (routes.questions, len(routes.rows), list(store.scan())) == (1, 500, [])
