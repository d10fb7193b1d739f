from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chassis.consumer import Intake
from chassis.handling import Handler
from chassis.memory_store import MemoryStore
from chassis.messages import Codec, Recorded
from chassis.store import EventStore
from chassis.testing import OPERATOR, counted, deliver, recorded
from contracts import events_of
from contracts.bulkforward import BulkForwardAutoStartSkipped, BulkForwardStarted, BulkForwardStopped
from contracts.linewatch import LineFaulted
from services.bulkforward.bootstrap import CODEC, HEARD, NAME
from services.bulkforward.model import CATEGORY, DECIDER, EditPlan, Plan
from services.bulkforward.reactions import reactions, tell_of_starts
from services.bulkforward.tests.examples import (
    CONTRACT_CHANGED,
    CONTRACT_IMPORTED,
    CONTRACT_REMOVED,
    EDIT,
    ENTRIES,
    FAULT,
    LINE_FAULT_WORSENED,
    LINE_FAULTED,
    LINE_RECOVERED,
    NUMBER,
    OFFICE,
    OTHER,
)

CONTRACT_STREAM, LINE_STREAM = f"contract-{NUMBER}", f"line-{NUMBER}"
IMPORTED = recorded(CONTRACT_IMPORTED, CONTRACT_STREAM, 1)
CHANGED = recorded(CONTRACT_CHANGED, CONTRACT_STREAM, 2)
REMOVED = recorded(CONTRACT_REMOVED, CONTRACT_STREAM, 3)
FAULTED = recorded(LINE_FAULTED, LINE_STREAM, 1, 1)
WORSENED = recorded(LINE_FAULT_WORSENED, LINE_STREAM, 2, 1)
RECOVERED = recorded(LINE_RECOVERED, LINE_STREAM, 3, 1)


def intake_on(store: EventStore) -> tuple[Intake, Handler[Plan]]:
    plans = Handler(store, DECIDER, CATEGORY)
    return Intake(NAME, Codec(events_of(*HEARD)), reactions(plans, "major"), caused=tell_of_starts), plans


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(CODEC)


@pytest.fixture
def plans(store: MemoryStore) -> Handler[Plan]:
    return intake_on(store)[1]


@pytest.fixture
def intake(store: MemoryStore) -> Intake:
    return intake_on(store)[0]


def test_a_start_by_a_fault_is_timed_and_the_same_fault_again_is_not(intake: Intake, plans: Handler[Plan]) -> None:
    deliver(intake, IMPORTED)
    plans.handle(NUMBER, EDIT, OPERATOR)
    before = counted("fault_to_forward_seconds_count")

    deliver(intake, FAULTED)
    deliver(intake, FAULTED)

    assert counted("fault_to_forward_seconds_count") == before + 1


def said(store: MemoryStore) -> list[Any]:
    return [one.event for one in store.scan()]


def test_every_reaction_is_to_an_event_that_is_heard(intake: Intake) -> None:
    assert set(intake.reactions) <= intake.codec.types


def test_a_contract_with_the_option_has_a_plan(intake: Intake, plans: Handler[Plan]) -> None:
    deliver(intake, IMPORTED)

    plan = plans.read(NUMBER).state
    assert plan.contracted
    assert plan.numbers == (NUMBER, OTHER)


def test_a_contract_without_the_option_has_none(intake: Intake, plans: Handler[Plan]) -> None:
    contract = replace(CONTRACT_IMPORTED.contract, options=("fault-notice",))

    deliver(intake, recorded(replace(CONTRACT_IMPORTED, contract=contract), CONTRACT_STREAM))

    assert not plans.read(NUMBER).state.contracted


def test_a_changed_contract_changes_the_numbers(intake: Intake, plans: Handler[Plan]) -> None:
    contract = replace(CONTRACT_CHANGED.contract, numbers={NUMBER: ()})

    deliver(intake, IMPORTED, recorded(replace(CONTRACT_CHANGED, contract=contract), CONTRACT_STREAM, 2))

    assert plans.read(NUMBER).state.numbers == (NUMBER,)


def test_a_removed_contract_ends_the_plan(intake: Intake, plans: Handler[Plan]) -> None:
    deliver(intake, IMPORTED, REMOVED)

    assert not plans.read(NUMBER).state.contracted


def test_an_older_change_that_comes_late_changes_nothing(intake: Intake, plans: Handler[Plan]) -> None:
    deliver(intake, IMPORTED, REMOVED, CHANGED)

    assert not plans.read(NUMBER).state.contracted


def test_a_fault_starts_forwarding_and_names_itself(intake: Intake, plans: Handler[Plan], store: MemoryStore) -> None:
    deliver(intake, IMPORTED)
    plans.handle(NUMBER, EDIT, OPERATOR)

    deliver(intake, FAULTED)

    assert BulkForwardStarted(NUMBER, ENTRIES, "fault", FAULTED.at, FAULT) in said(store)


def test_a_recovery_stops_it(intake: Intake, plans: Handler[Plan], store: MemoryStore) -> None:
    deliver(intake, IMPORTED)
    plans.handle(NUMBER, EDIT, OPERATOR)

    deliver(intake, FAULTED, RECOVERED)

    assert BulkForwardStopped(NUMBER, ENTRIES, "recovery", FAULT) in said(store)


def test_a_slight_fault_starts_when_it_gets_worse(intake: Intake, plans: Handler[Plan], store: MemoryStore) -> None:
    slight = recorded(replace(LINE_FAULTED, severity="minor"), LINE_STREAM, 1, 1)
    deliver(intake, IMPORTED)
    plans.handle(NUMBER, EDIT, OPERATOR)

    deliver(intake, slight, WORSENED)

    answers = [event for event in said(store) if isinstance(event, BulkForwardAutoStartSkipped | BulkForwardStarted)]
    assert [type(answer) for answer in answers] == [BulkForwardAutoStartSkipped, BulkForwardStarted]


def test_what_a_fault_caused_tells_of_it(intake: Intake, store: MemoryStore) -> None:
    deliver(intake, IMPORTED, FAULTED)

    last = list(store.scan())[-1]
    assert (last.causation_id, last.correlation_id) == (FAULTED.id, FAULTED.correlation_id)
    assert (last.actor.kind, last.actor.id) == ("automatic", "bulkforward")


@pytest.mark.parametrize("message", [IMPORTED, CHANGED, REMOVED, FAULTED, WORSENED, RECOVERED])
def test_the_same_message_twice_is_one_commit(intake: Intake, store: MemoryStore, message: Recorded) -> None:
    deliver(intake, message)
    before = list(store.scan())

    deliver(intake, message)
    deliver(intake, message, message)

    assert list(store.scan()) == before
    assert store.load(f"plan-{NUMBER}").revision == 1


def storm(count: int) -> list[Recorded]:
    faults = [
        LineFaulted(f"06{place:08d}", f"06{place:08d}-1", "critical", "断線", FAULTED.at) for place in range(count)
    ]
    return [recorded(fault, f"line-{fault.contract_number}", 1, 1) for fault in faults]


def test_a_batch_of_five_hundred_costs_as_many_store_calls_as_one(watched_store: Callable[[Codec], Any]) -> None:
    one, many = watched_store(CODEC), watched_store(CODEC)

    deliver(intake_on(one)[0], *storm(1))
    deliver(intake_on(many)[0], *storm(500))

    assert many.calls == one.calls == {"load_many": 1, "append_many": 1}
    assert len(list(many.scan())) == 2 * 500


def test_entries_survive_what_a_line_does(intake: Intake, plans: Handler[Plan]) -> None:
    deliver(intake, IMPORTED)
    plans.handle(NUMBER, EditPlan({OTHER: OFFICE}, None, None), OPERATOR)

    deliver(intake, FAULTED, WORSENED, RECOVERED)

    assert plans.read(NUMBER).state.entries == {OTHER: OFFICE}
