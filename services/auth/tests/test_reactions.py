"""What auth makes of events from elsewhere."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chassis.consumer import Intake
from chassis.handling import Handler
from chassis.memory_store import MemoryStore
from chassis.messages import Actor, Codec
from chassis.testing import NOON, OPERATOR, FixedClock, deliver, recorded
from contracts import events_of
from services.auth.bootstrap import CODEC, HEARD, NAME
from services.auth.model import contract, credential
from services.auth.model.contract import Holder, ImportContract
from services.auth.model.credential import Credential
from services.auth.reactions import reactions
from services.auth.tests.examples import (
    CHANGED,
    CONTRACT,
    ISSUED,
    NUMBER,
    OTHER,
    REMOVE,
    TEMPORARY_SET,
    TEMPORARY_VERIFIER_SET,
    TENURE,
    plain,
)

SECOND = timedelta(seconds=1)
CALL = recorded(ISSUED, "call-1", 7)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON - timedelta(days=1))


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(CODEC)


@pytest.fixture
def contracts(store: MemoryStore, clock: FixedClock) -> Handler[Holder]:
    return Handler(store, contract.DECIDER, contract.CATEGORY, clock=clock)


@pytest.fixture
def credentials(store: MemoryStore, clock: FixedClock) -> Handler[Credential]:
    return Handler(store, credential.DECIDER, credential.CATEGORY, clock=clock)


@pytest.fixture
def intake(credentials: Handler[Credential], contracts: Handler[Holder]) -> Intake:
    return Intake(NAME, Codec(events_of(*HEARD)), reactions(credentials, contracts))


@pytest.fixture
def contracted(contracts: Handler[Holder]) -> None:
    contracts.handle(NUMBER, ImportContract(CONTRACT, 0), OPERATOR)


@pytest.mark.usefixtures("contracted")
def test_a_password_that_was_issued_is_the_numbers_own(intake: Intake, store: MemoryStore) -> None:
    letters = deliver(intake, CALL)

    events = [one.event for one in store.load(f"credential-{NUMBER}").events]
    assert (letters, events) == ([], [TEMPORARY_SET, TEMPORARY_VERIFIER_SET])


@pytest.mark.usefixtures("contracted")
def test_who_called_has_set_the_password(intake: Intake, store: MemoryStore) -> None:
    called = Actor("telephone", "ivr-east")

    deliver(intake, recorded(ISSUED, "call-1", 7, actor=called))

    assert {one.actor for one in store.load(f"credential-{NUMBER}").events} == {called}


@pytest.mark.usefixtures("contracted")
def test_the_same_message_twice_gives_one_commit(intake: Intake, credentials: Handler[Credential]) -> None:
    deliver(intake, CALL)

    deliver(intake, CALL)

    assert credentials.read(NUMBER).revision == 1


@pytest.mark.usefixtures("contracted")
def test_an_older_call_that_is_heard_later_changes_nothing(intake: Intake, credentials: Handler[Credential]) -> None:
    deliver(intake, CALL)
    before = credentials.read(NUMBER).state

    deliver(intake, recorded(replace(ISSUED, verifier="older", issued_at=NOON - SECOND, call_id="call-0"), "call-0", 7))

    assert credentials.read(NUMBER).state == before


def test_a_password_for_a_number_without_a_contract_opens_nothing(
    intake: Intake, credentials: Handler[Credential]
) -> None:
    deliver(intake, CALL)

    assert credentials.read(NUMBER).state.tenure == ""


@pytest.mark.usefixtures("contracted")
def test_a_change_of_the_contract_does_not_matter_to_a_number_that_stays(
    intake: Intake, contracts: Handler[Holder], credentials: Handler[Credential], clock: FixedClock
) -> None:
    clock.at = NOON + SECOND
    contracts.handle(NUMBER, ImportContract(CHANGED.contract, 1), OPERATOR)

    deliver(intake, CALL)

    assert credentials.read(NUMBER).state.tenure == TENURE


@pytest.mark.usefixtures("contracted")
def test_what_was_issued_before_a_number_came_back_is_not_for_who_has_it_now(
    intake: Intake, contracts: Handler[Holder], credentials: Handler[Credential], clock: FixedClock
) -> None:
    clock.at = NOON + SECOND
    contracts.handle(NUMBER, REMOVE, OPERATOR)
    contracts.handle(NUMBER, ImportContract(CONTRACT, 2), OPERATOR)

    deliver(intake, CALL)

    assert credentials.read(NUMBER).state.tenure == ""


@pytest.mark.usefixtures("contracted")
def test_a_telephone_whose_clock_is_behind_knew_of_the_contract(
    intake: Intake, credentials: Handler[Credential]
) -> None:
    early = replace(ISSUED, issued_at=NOON - timedelta(days=2), contract_known="0000000001.0000")

    deliver(intake, recorded(early, "call-1", 7))

    assert credentials.read(NUMBER).state.tenure == TENURE


@pytest.mark.usefixtures("contracted")
def test_a_telephone_whose_clock_is_behind_and_that_knew_only_who_had_it_before_opens_nothing(
    intake: Intake, contracts: Handler[Holder], credentials: Handler[Credential]
) -> None:
    contracts.handle(NUMBER, REMOVE, OPERATOR)
    contracts.handle(NUMBER, ImportContract(CONTRACT, 2), OPERATOR)
    early = replace(ISSUED, issued_at=NOON - timedelta(days=2), contract_known="0000000001.0000")

    deliver(intake, recorded(early, "call-1", 7))

    assert credentials.read(NUMBER).state.tenure == ""


@pytest.mark.usefixtures("contracted")
def test_a_number_that_came_later_has_a_stay_of_its_own(
    intake: Intake, contracts: Handler[Holder], credentials: Handler[Credential]
) -> None:
    contracts.handle(NUMBER, ImportContract(plain(NUMBER), 1), OPERATOR)
    contracts.handle(NUMBER, ImportContract(CONTRACT, 2), OPERATOR)

    deliver(intake, recorded(replace(ISSUED, number=OTHER), "call-1", 7))

    assert credentials.read(OTHER).state.tenure == f"{NUMBER}@3"
