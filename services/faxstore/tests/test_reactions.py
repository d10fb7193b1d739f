import pytest

from chassis.consumer import Intake
from chassis.handling import Handler
from chassis.memory_store import MemoryStore
from chassis.messages import Codec
from chassis.testing import OPERATOR, deliver, recorded
from contracts import events_of
from services.faxstore.bootstrap import CODEC, HEARD, NAME
from services.faxstore.model.setting import CATEGORY, DECIDER, FaxMail
from services.faxstore.reactions import reactions
from services.faxstore.tests.examples import (
    CONTRACT,
    CONTRACT_CHANGED,
    CONTRACT_IMPORTED,
    CONTRACT_REMOVED,
    EDIT,
    NUMBER,
)

STREAM = f"contract-{CONTRACT}"
IMPORTED = recorded(CONTRACT_IMPORTED, STREAM, 1)


@pytest.fixture
def settings() -> Handler[FaxMail]:
    return Handler(MemoryStore(CODEC), DECIDER, CATEGORY)


@pytest.fixture
def intake(settings: Handler[FaxMail]) -> Intake:
    return Intake(NAME, Codec(events_of(*HEARD)), reactions(settings))


def test_every_reaction_is_to_an_event_that_is_heard(intake: Intake) -> None:
    assert set(intake.reactions) <= intake.codec.types


def test_numbers_have_the_option_as_their_contract_says(intake: Intake, settings: Handler[FaxMail]) -> None:
    assert not deliver(intake, IMPORTED)

    assert settings.read(NUMBER).state.contracted
    assert settings.read(CONTRACT).revision == 0


def test_the_same_message_twice_gives_one_commit(intake: Intake, settings: Handler[FaxMail]) -> None:
    deliver(intake, IMPORTED, IMPORTED)
    deliver(intake, IMPORTED)

    assert settings.read(NUMBER).revision == 1


@pytest.mark.parametrize("end", [CONTRACT_CHANGED, CONTRACT_REMOVED])
def test_what_ran_stops_when_the_number_leaves(intake: Intake, settings: Handler[FaxMail], end: object) -> None:
    deliver(intake, IMPORTED)
    settings.handle(NUMBER, EDIT, OPERATOR)

    deliver(intake, recorded(end, STREAM, 2))
    deliver(intake, recorded(end, STREAM, 2))

    state = settings.read(NUMBER)
    assert (state.state.contracted, state.state.started, state.revision) == (False, False, 3)
