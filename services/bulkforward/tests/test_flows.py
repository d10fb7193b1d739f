"""Files for plans where somebody else is faster, and where a rule has to know more than the plan."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chassis.errors import Conflict
from chassis.handling import Handler, Outcome
from chassis.memory_store import MemoryStore
from chassis.testing import NOON, OPERATOR
from services.bulkforward.adapters import MemoryDryRuns
from services.bulkforward.bootstrap import CODEC
from services.bulkforward.flows import CsvEdits
from services.bulkforward.model import CATEGORY, DECIDER, EditPlan, Plan, SetEntry
from services.bulkforward.tests.examples import ENTRIES, MOBILE, NOTE_CONTRACT, NUMBER, OFFICE, OTHER

FILE = f"{NUMBER},{OFFICE}\n".encode()


@pytest.fixture
def plans() -> Handler[Plan]:
    plans: Handler[Plan] = Handler(MemoryStore(CODEC), DECIDER, CATEGORY)
    plans.handle(NUMBER, NOTE_CONTRACT, OPERATOR)
    return plans


@pytest.fixture
def edits(plans: Handler[Plan]) -> CsvEdits:
    return CsvEdits(plans, MemoryDryRuns(), timedelta(minutes=30), lambda: NOON)


def anything(plan: Plan) -> None:
    """A caller without If-Match."""


def test_a_file_is_refused_when_somebody_was_faster(plans: Handler[Plan], edits: CsvEdits) -> None:
    def somebody_else(contract_number: str, command: EditPlan) -> EditPlan:
        plans.handle(contract_number, SetEntry(OTHER, MOBILE), OPERATOR)
        return command

    with pytest.raises(Conflict, match="entries-changed"):
        replace(edits, complete=somebody_else).take(NUMBER, FILE, None, OPERATOR, anything, None)

    assert plans.read(NUMBER).state.entries == {OTHER: MOBILE}


def test_somebody_who_did_the_same_is_no_conflict(plans: Handler[Plan], edits: CsvEdits) -> None:
    def somebody_else(contract_number: str, command: EditPlan) -> EditPlan:
        plans.handle(contract_number, SetEntry(NUMBER, OFFICE), OPERATOR)
        return command

    outcome = replace(edits, complete=somebody_else).take(NUMBER, FILE, None, OPERATOR, anything, None)

    assert (outcome.state.entries, outcome.events) == (ENTRIES, ())


def test_what_came_of_a_file_is_told_when_it_is_durable(plans: Handler[Plan], edits: CsvEdits) -> None:
    told: list[Outcome[Plan]] = []

    def done(contract_number: str, outcome: Outcome[Plan]) -> None:
        assert plans.read(contract_number).state.entries == ENTRIES
        told.append(outcome)

    outcome = replace(edits, done=done).take(NUMBER, FILE, None, OPERATOR, anything, None)

    assert told == [outcome]
