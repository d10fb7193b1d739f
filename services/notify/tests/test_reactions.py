from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chassis.consumer import Intake
from chassis.handling import Handler
from chassis.memory_store import MemoryStore
from chassis.messages import Codec, Recorded
from chassis.store import EventStore
from chassis.testing import OPERATOR, deliver, recorded
from contracts import events_of
from contracts.auth import ContractChanged
from contracts.linewatch import LineFaulted
from contracts.notify import IncomingMailQueued, MailQueued
from services.notify.bootstrap import CODEC, HEARD, NAME
from services.notify.model import drill, incoming
from services.notify.model.drill import DrillMailQueued
from services.notify.model.incident import FaultHeard, ForwardingHeard
from services.notify.model.notice import CATEGORY, DECIDER, Notice, wake_at
from services.notify.reactions import on_line_tested, reactions
from services.notify.tests.examples import (
    ADDITIONAL,
    ANNE,
    BEN,
    CALL_ENDED,
    CONTRACT_CHANGED,
    CONTRACT_IMPORTED,
    CONTRACT_REMOVED,
    CONTRACTOR,
    DRILL_MAIL,
    FAULT,
    FORWARD_STARTED,
    FORWARD_STOPPED,
    LINE_FAULTED,
    LINE_FLAPPING,
    LINE_RECOVERED,
    LINE_TESTED,
    NOC,
    NUMBER,
    SITE,
    START,
    START_INCOMING,
    START_SKIPPED,
    STOP_SKIPPED,
    WAIT,
    call_mail,
    fault_mail,
    recovery_mail,
)

CONTRACT_STREAM, LINE_STREAM, PLAN_STREAM = f"contract-{NUMBER}", f"line-{NUMBER}", f"plan-{NUMBER}"
IMPORTED = recorded(CONTRACT_IMPORTED, CONTRACT_STREAM, 1)
CHANGED = recorded(CONTRACT_CHANGED, CONTRACT_STREAM, 2)
REMOVED = recorded(CONTRACT_REMOVED, CONTRACT_STREAM, 3)
FAULTED = recorded(LINE_FAULTED, LINE_STREAM, 1, 1)
RECOVERED = recorded(LINE_RECOVERED, LINE_STREAM, 2, 1)
FORWARDED = recorded(FORWARD_STARTED, PLAN_STREAM, 1, 1)
UNFORWARDED = recorded(FORWARD_STOPPED, PLAN_STREAM, 2, 1)
NOT_STARTED = recorded(START_SKIPPED, PLAN_STREAM, 1, 1)
NOT_STOPPED = recorded(STOP_SKIPPED, PLAN_STREAM, 2, 1)


def intake_on(store: EventStore) -> tuple[Intake, Handler[Notice]]:
    notices = Handler(store, DECIDER, CATEGORY, wake_at=wake_at)
    numbers = Handler(store, incoming.DECIDER, incoming.CATEGORY)
    drills = Handler(store, drill.DECIDER, drill.CATEGORY)
    return Intake(NAME, Codec(events_of(*HEARD)), reactions(notices, numbers, drills, WAIT, NOC)), notices


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(CODEC)


@pytest.fixture
def notices(store: MemoryStore) -> Handler[Notice]:
    return intake_on(store)[1]


@pytest.fixture
def intake(store: MemoryStore, notices: Handler[Notice]) -> Intake:
    """Has heard of the contract, and its customer wants notices."""
    intake = intake_on(store)[0]
    deliver(intake, IMPORTED)
    notices.handle(NUMBER, START, OPERATOR)
    return intake


def said(store: MemoryStore, kind: type) -> list[Any]:
    return [one.event for one in store.scan() if isinstance(one.event, kind)]


def test_every_reaction_is_to_an_event_that_is_heard(intake: Intake) -> None:
    assert set(intake.reactions) <= intake.codec.types


def test_a_contract_with_the_option_has_a_notice(intake: Intake, notices: Handler[Notice]) -> None:
    notice = notices.read(NUMBER).state

    assert notice.contracted
    assert (notice.contractor, notice.site) == (CONTRACTOR, SITE)


@pytest.mark.parametrize("message", [CHANGED, IMPORTED], ids=["changed", "imported anew"])
def test_a_contract_without_the_option_has_none(intake: Intake, notices: Handler[Notice], message: Recorded) -> None:
    contract = replace(message.event.contract, options=())

    deliver(intake, recorded(replace(message.event, contract=contract), CONTRACT_STREAM, 5))

    assert not notices.read(NUMBER).state.contracted


def test_a_removed_contract_stops_its_notice(intake: Intake, notices: Handler[Notice]) -> None:
    deliver(intake, REMOVED)

    notice = notices.read(NUMBER).state
    assert (notice.contracted, notice.started) == (False, False)


def test_a_fault_waits_for_three_seconds_from_its_news(intake: Intake, store: MemoryStore) -> None:
    deliver(intake, FAULTED)

    assert said(store, FaultHeard)[0].wait_until == FAULTED.at + WAIT
    assert [waking.stream for waking in store.due(FAULTED.at + WAIT, 10)] == [f"notice-{NUMBER}"]


def test_a_fault_and_what_forwarding_did_make_a_mail_to_each_address(intake: Intake, store: MemoryStore) -> None:
    deliver(intake, FAULTED, FORWARDED)

    assert said(store, MailQueued) == [fault_mail("anne@example.jp"), fault_mail("ben@example.jp")]


def test_a_recovery_and_what_forwarding_did_make_an_answer_to_each(intake: Intake, store: MemoryStore) -> None:
    deliver(intake, FAULTED, FORWARDED, RECOVERED, UNFORWARDED)

    assert said(store, MailQueued)[2:] == [recovery_mail("anne@example.jp"), recovery_mail("ben@example.jp")]


def test_forwarding_that_was_not_started_says_why(intake: Intake, store: MemoryStore) -> None:
    deliver(intake, FAULTED, NOT_STARTED)

    assert said(store, ForwardingHeard) == [ForwardingHeard(FAULT, "fault", "not-running", "no-entries", 0)]


def test_forwarding_that_runs_already_is_said_to_run(intake: Intake, store: MemoryStore) -> None:
    deliver(intake, recorded(replace(START_SKIPPED, reason="already-running"), PLAN_STREAM))

    assert said(store, ForwardingHeard)[0].result == "running"


@pytest.mark.parametrize(
    ("reason", "result"), [("started-by-hand", "running"), ("switched-off", "running"), ("not-running", "not-running")]
)
def test_forwarding_that_was_not_stopped_is_said_to_run_or_not(
    intake: Intake, store: MemoryStore, reason: str, result: str
) -> None:
    deliver(intake, recorded(replace(STOP_SKIPPED, reason=reason), PLAN_STREAM))  # type: ignore[arg-type]

    assert said(store, ForwardingHeard) == [ForwardingHeard(FAULT, "recovery", result, reason, 0)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "event",
    [replace(FORWARD_STARTED, cause="manual", fault_id=None), replace(FORWARD_STOPPED, cause="manual", fault_id=None)],
)
def test_what_a_hand_does_is_no_news_about_a_fault(intake: Intake, store: MemoryStore, event: object) -> None:
    deliver(intake, recorded(event, PLAN_STREAM))

    assert said(store, ForwardingHeard) == []


@pytest.mark.parametrize(
    "message", [IMPORTED, CHANGED, REMOVED, FAULTED, RECOVERED, FORWARDED, UNFORWARDED, NOT_STARTED, NOT_STOPPED]
)
def test_the_same_message_twice_is_one_commit(intake: Intake, store: MemoryStore, message: Recorded) -> None:
    deliver(intake, message)
    before = list(store.scan())
    revision = store.load(f"notice-{NUMBER}").revision

    deliver(intake, message)
    deliver(intake, message, message)

    assert list(store.scan()) == before
    assert store.load(f"notice-{NUMBER}").revision == revision


def test_all_of_it_again_makes_no_second_mail(intake: Intake, store: MemoryStore) -> None:
    story = (FAULTED, FORWARDED, RECOVERED, UNFORWARDED)
    deliver(intake, *story)

    deliver(intake, *story, *story)

    assert len(said(store, MailQueued)) == 4


def test_a_mail_tells_what_it_was_caused_by(intake: Intake, store: MemoryStore) -> None:
    deliver(intake, FAULTED, FORWARDED)

    queued = [one for one in store.scan() if one.type == "MailQueued"]
    assert {one.causation_id for one in queued} == {FORWARDED.id}


# Calls.

CALLED = recorded(CALL_ENDED, "call-c-1", 2)


@pytest.fixture
def numbers(store: MemoryStore) -> Handler[incoming.Incoming]:
    return Handler(store, incoming.DECIDER, incoming.CATEGORY)


@pytest.fixture
def on(intake: Intake, numbers: Handler[incoming.Incoming]) -> Handler[incoming.Incoming]:
    """The customer wants mails of calls to the first number."""
    numbers.handle(NUMBER, START_INCOMING, OPERATOR)
    return numbers


def test_only_numbers_with_the_option_are_noted(
    intake: Intake, store: MemoryStore, numbers: Handler[incoming.Incoming]
) -> None:
    assert numbers.read(NUMBER).state.contracted
    assert numbers.read(ADDITIONAL).revision == 0


@pytest.mark.parametrize("gone", [{}, {NUMBER: ()}], ids=["the number", "the option"])
def test_what_a_contract_has_no_more_stops(intake: Intake, on: Handler[incoming.Incoming], gone: Any) -> None:
    contract = replace(CONTRACT_CHANGED.contract, numbers=gone)
    left = () if gone else (NUMBER, ADDITIONAL)

    deliver(intake, recorded(ContractChanged(contract, left), CONTRACT_STREAM, 5))

    state = on.read(NUMBER).state
    assert (state.contracted, state.settings.started) == (False, False)


def test_a_removed_contract_stops_the_mails_of_its_numbers(intake: Intake, on: Handler[incoming.Incoming]) -> None:
    deliver(intake, REMOVED)

    assert not on.read(NUMBER).state.contracted


def test_a_call_makes_a_mail_to_each_address(
    intake: Intake, on: Handler[incoming.Incoming], store: MemoryStore
) -> None:
    deliver(intake, CALLED)

    assert said(store, IncomingMailQueued) == [call_mail(ANNE), call_mail(BEN)]
    assert {one.causation_id for one in store.scan() if one.type == "IncomingMailQueued"} == {CALLED.id}


def test_a_call_that_comes_again_makes_no_second_mail(
    intake: Intake, on: Handler[incoming.Incoming], store: MemoryStore
) -> None:
    deliver(intake, CALLED, CALLED)
    revision = on.read(NUMBER).revision

    deliver(intake, CALLED)
    deliver(intake_on(store)[0], CALLED)

    assert len(said(store, IncomingMailQueued)) == 2
    assert on.read(NUMBER).revision == revision


def test_a_call_from_before_the_start_is_not_told_when_it_comes_again(
    intake: Intake, numbers: Handler[incoming.Incoming], store: MemoryStore
) -> None:
    deliver(intake, CALLED)
    numbers.handle(NUMBER, START_INCOMING, OPERATOR)

    deliver(intake, CALLED)

    assert said(store, IncomingMailQueued) == []


def test_a_batch_of_calls_costs_as_many_store_calls_as_one(watched_store: Callable[[Codec], Any]) -> None:
    one, many = watched_store(CODEC), watched_store(CODEC)

    deliver(intake_on(one)[0], *calls(1))
    deliver(intake_on(many)[0], *calls(200))

    assert many.calls == one.calls
    assert set(many.calls.values()) == {1}


def calls(count: int) -> list[Recorded]:
    ended = [replace(CALL_ENDED, call_id=f"c-{place}", called=f"06{place:08d}") for place in range(count)]
    return [recorded(call, f"call-{call.call_id}", 2) for call in ended]


def test_calls_among_faults_cost_the_faults_nothing(watched_store: Callable[[Codec], Any]) -> None:
    """Each kind has its own round trips; a storm without calls has none for them."""
    faults, both = watched_store(CODEC), watched_store(CODEC)

    deliver(intake_on(faults)[0], *storm(50))
    deliver(intake_on(both)[0], *storm(50), *calls(50))

    assert set(faults.calls.values()) == {1}
    assert set(both.calls.values()) == {2}


def storm(count: int) -> list[Recorded]:
    numbers = [f"06{place:08d}" for place in range(count)]
    faults = [LineFaulted(number, f"{number}-1", "critical", "断線", FAULTED.at) for number in numbers]
    return [recorded(fault, f"line-{fault.contract_number}", 1, 1) for fault in faults]


def test_a_batch_of_five_hundred_costs_as_many_store_calls_as_one(watched_store: Callable[[Codec], Any]) -> None:
    one, many = watched_store(CODEC), watched_store(CODEC)

    deliver(intake_on(one)[0], *storm(1))
    deliver(intake_on(many)[0], *storm(500))

    assert many.calls == one.calls
    assert set(many.calls.values()) == {1}


# Tests of monitoring systems.


def test_a_test_of_a_monitoring_system_is_told_to_the_operators_alone(store: MemoryStore, intake: Intake) -> None:
    for _ in range(2):
        deliver(intake, recorded(LINE_TESTED, LINE_STREAM, 1))

    assert said(store, DrillMailQueued) == [DRILL_MAIL]
    assert not said(store, MailQueued)


def test_without_an_address_of_the_operators_nobody_is_told() -> None:
    assert on_line_tested(recorded(LINE_TESTED, LINE_STREAM, 1), "") == []


def test_a_line_that_flaps_is_said_to_be_unstable(intake: Intake, store: MemoryStore) -> None:
    for _ in range(2):
        deliver(intake, FAULTED, recorded(LINE_FLAPPING, LINE_STREAM, 1, 2), FORWARDED)

    assert [mail.unstable for mail in said(store, MailQueued)] == [True, True]
