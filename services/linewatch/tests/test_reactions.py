import pytest

from chassis.consumer import Intake
from chassis.handling import Handler
from chassis.memory_store import MemoryStore
from chassis.messages import Codec
from chassis.testing import NOON, OPERATOR, deliver, recorded
from contracts import events_of
from contracts.auth import ContractRemoved
from services.linewatch.bootstrap import CODEC
from services.linewatch.model.line import CATEGORY, DECIDER, Line, Raise
from services.linewatch.reactions import reactions
from services.linewatch.tests.examples import RULES

NUMBER = "0600001111"


@pytest.fixture
def lines() -> Handler[Line]:
    return Handler(MemoryStore(CODEC), DECIDER, CATEGORY)


@pytest.fixture
def intake(lines: Handler[Line]) -> Intake:
    return Intake("linewatch", Codec(events_of("auth")), reactions(lines))


def fault(message_id: str) -> Raise:
    return Raise(NUMBER, "noc", "los", message_id, "critical", "", False, NOON, NOON, RULES)


def test_the_end_of_a_contract_is_the_end_of_its_fault(lines: Handler[Line], intake: Intake) -> None:
    lines.handle(NUMBER, fault("e1"), OPERATOR)

    assert deliver(intake, recorded(ContractRemoved(NUMBER), f"contract-{NUMBER}")) == []

    line = lines.read(NUMBER).state
    assert (line.fault, line.alarms) == (None, {})
    assert [event.type for event in lines.history(NUMBER, 0, 1)] == ["LineRecovered", "LineEnded"]


def test_the_next_contract_of_the_number_has_faults_of_its_own(lines: Handler[Line], intake: Intake) -> None:
    lines.handle(NUMBER, fault("e1"), OPERATOR)
    deliver(intake, recorded(ContractRemoved(NUMBER), f"contract-{NUMBER}"))

    lines.handle(NUMBER, fault("e2"), OPERATOR)

    found = lines.read(NUMBER).state.fault
    assert found
    assert found.fault_id == f"{NUMBER}-2"


def test_the_same_news_twice_is_one_commit(lines: Handler[Line], intake: Intake) -> None:
    news = recorded(ContractRemoved(NUMBER), f"contract-{NUMBER}")

    deliver(intake, news)
    deliver(intake, news)

    assert lines.read(NUMBER).revision == 1
