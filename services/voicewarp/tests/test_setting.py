from dataclasses import replace
from typing import Any

import pytest

from chassis.errors import Rejected
from chassis.testing import Given, given
from contracts.voicewarp import Caller, Destination, VoiceWarpStarted
from services.voicewarp.model.setting import (
    DECIDER,
    AddCaller,
    ContractNoted,
    DropCaller,
    EditSetting,
    NoteContract,
    Setting,
    Start,
)
from services.voicewarp.tests.examples import (
    ADD_CALLER,
    BRANCH,
    CHANGED,
    DESTINATIONS,
    DROP_CALLER,
    EDIT,
    ENDED_WITH_CONTRACT,
    FIRST,
    HEAD_OFFICE,
    LEFT,
    MOBILE,
    NOTE_CONTRACT,
    NOTE_LEFT,
    NOTED,
    NUMBER,
    OFFICE,
    OTHER,
    SECOND,
    START,
    STARTED,
    STOP,
    STOPPED,
)

READY = (NOTED, CHANGED)
RUNNING = (*READY, STARTED)


def number(*events: object) -> Given[Setting]:
    return given(DECIDER, *events)


def errors_of(command: EditSetting | AddCaller, *events: object) -> dict[str, str]:
    refusal = number(*events).when(command).refusal
    assert isinstance(refusal, Rejected)
    return {error.field: error.code for error in refusal.details["errors"]}


# Contracts.


def test_a_number_is_noted_with_its_contract() -> None:
    number().when(NOTE_CONTRACT).then(NOTED)
    assert number(NOTED).state.contracted
    assert number(NOTED).state.contract_number == NUMBER


@pytest.mark.parametrize("command", [NOTE_CONTRACT, replace(NOTE_CONTRACT, contracted=False)])
def test_the_same_and_older_news_change_nothing(command: NoteContract) -> None:
    number(NOTED).when(command).then()


@pytest.mark.parametrize("command", [EDIT, ADD_CALLER, DROP_CALLER, START, STOP])
@pytest.mark.parametrize("events", [(), (NOTED, LEFT), (replace(NOTED, contracted=False),)])
def test_without_the_option_there_is_nothing_to_command(command: object, events: tuple[object, ...]) -> None:
    number(*events).when(command).rejects("not-found")


def test_the_end_of_the_option_stops_what_runs_and_keeps_the_setting() -> None:
    ends = NoteContract(NUMBER, NUMBER, held=True, contracted=False, sequence=SECOND)

    number(*RUNNING).when(ends).then(
        ENDED_WITH_CONTRACT, ContractNoted(NUMBER, NUMBER, held=True, contracted=False, sequence=SECOND)
    )
    assert number(*RUNNING, ENDED_WITH_CONTRACT, replace(NOTED, contracted=False)).state.destinations == DESTINATIONS


def test_a_number_that_leaves_its_contract_stops_and_forgets_its_setting() -> None:
    number(*RUNNING).when(NOTE_LEFT).then(ENDED_WITH_CONTRACT, LEFT)
    left = number(*RUNNING, ENDED_WITH_CONTRACT, LEFT).state
    assert (left.started, left.destinations, left.callers) == (False, (), ())


def test_a_number_that_moves_is_its_new_contracts_in_whatever_order_the_news_come() -> None:
    theirs = ContractNoted(NUMBER, OTHER, held=True, contracted=True, sequence=FIRST)

    one, other = number(*READY, LEFT, theirs).state, number(*READY, theirs, LEFT).state

    assert one.contract_number == other.contract_number == OTHER
    assert one.contracted
    assert one.destinations == other.destinations == ()


def test_news_that_come_late_do_not_bring_a_number_back() -> None:
    number(NOTED, LEFT).when(NOTE_CONTRACT).then()


def test_a_contract_without_the_number_has_no_say() -> None:
    stranger = NoteContract(NUMBER, OTHER, held=False, contracted=False, sequence=FIRST)

    number(*RUNNING).when(stranger).then(ContractNoted(NUMBER, OTHER, held=False, contracted=False, sequence=FIRST))
    assert number(*RUNNING, ContractNoted(NUMBER, OTHER, False, False, FIRST)).state.started


# Editing.


def test_a_setting_is_changed_as_a_whole() -> None:
    number(NOTED).when(EDIT).then(CHANGED)


def test_the_same_setting_again_changes_nothing() -> None:
    number(*READY).when(EDIT).then()


def test_an_edit_while_started_goes_on() -> None:
    number(*RUNNING).when(replace(EDIT, active=2)).then(replace(CHANGED, active=2))


def test_an_edit_starts_and_stops() -> None:
    number(NOTED).when(replace(EDIT, started=True)).then(CHANGED, STARTED)
    number(*READY).when(replace(EDIT, started=True)).then(STARTED)
    number(*RUNNING).when(replace(EDIT, started=False)).then(STOPPED)
    number(NOTED).when(replace(EDIT, active=2, started=True)).then(
        replace(CHANGED, active=2), VoiceWarpStarted(NUMBER, NUMBER, BRANCH)
    )


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"ring_seconds": 4}, "ring-seconds-out-of-range", "ring_seconds"),
        ({"ring_seconds": 61}, "ring-seconds-out-of-range", "ring_seconds"),
        ({"destinations": (Destination(MOBILE),) * 5}, "too-many-destinations", "destinations"),
        ({"callers": tuple(Caller(f"03{n:08d}") for n in range(31))}, "too-many-callers", "select.callers"),
        ({"active": 0}, "no-such-destination", "active"),
        ({"active": 3}, "no-such-destination", "active"),
        ({"active": -1}, "no-such-destination", "active"),
        ({"destinations": ()}, "no-such-destination", "active"),
        ({"active": None, "started": True}, "no-active-destination", "active"),
        ({"destinations": (), "active": None, "started": True}, "no-active-destination", "active"),
    ],
)
def test_what_a_setting_cannot_be(change: dict[str, Any], code: str, field: str) -> None:
    number(NOTED).when(replace(EDIT, **change)).rejects(code, field=field)


@pytest.mark.parametrize(
    "change",
    [
        {"ring_seconds": 5},
        {"ring_seconds": 60},
        {"callers": tuple(Caller(f"03{n:08d}") for n in range(30))},
        {"destinations": tuple(Destination(f"09{n}12345678") for n in (0,)), "active": 1},
        {"destinations": tuple(Destination(f"031234567{n}") for n in range(4)), "active": 4},
        {"active": None},
        {"destinations": (), "active": None},
    ],
)
def test_what_just_fits(change: dict[str, Any]) -> None:
    number(NOTED).when(replace(EDIT, **change)).then(replace(CHANGED, **change))


def test_a_started_setting_keeps_an_active_destination() -> None:
    number(*RUNNING).when(replace(EDIT, active=None)).rejects("no-active-destination", field="active")
    number(*RUNNING).when(replace(EDIT, active=None, started=False)).then(replace(CHANGED, active=None), STOPPED)


def test_every_refused_destination_is_named() -> None:
    numbers = ("110", NUMBER, "0120123456", MOBILE)

    refused = errors_of(replace(EDIT, destinations=tuple(map(Destination, numbers))), NOTED)

    assert refused == {
        "destinations.0.number": "three-digit-number",
        "destinations.1.number": "own-number",
        "destinations.2.number": "free-dial",
    }


def test_what_is_listed_twice_is_named_at_both_places() -> None:
    twice = replace(EDIT, destinations=(*DESTINATIONS, Destination(MOBILE)), callers=(HEAD_OFFICE, Caller(OFFICE)))

    assert errors_of(twice, NOTED) == dict.fromkeys(
        ("destinations.0.number", "destinations.2.number", "select.callers.0.number", "select.callers.1.number"),
        "repeated-number",
    )


def test_every_refused_caller_is_named() -> None:
    refused = errors_of(replace(EDIT, callers=(Caller("12"), HEAD_OFFICE, Caller(""), Caller("*31"))), NOTED)

    assert refused == {
        "select.callers.0.number": "too-short",
        "select.callers.2.number": "empty",
        "select.callers.3.number": "service-code",
    }


# Loops.


def test_a_new_destination_that_leads_back_is_refused() -> None:
    assert errors_of(replace(EDIT, loops=frozenset({BRANCH})), NOTED) == {"destinations.1.number": "loop"}


def test_a_loop_that_others_closed_keeps_nobody_from_mending_something_else() -> None:
    number(*READY).when(replace(EDIT, ring_seconds=30, loops=frozenset({BRANCH}))).then(
        replace(CHANGED, ring_seconds=30)
    )


def test_a_loop_that_others_closed_is_not_started() -> None:
    closed = frozenset({MOBILE})

    number(*READY).when(Start(frozenset({MOBILE, BRANCH}), closed)).rejects("destination-not-allowed")
    assert errors_of(replace(EDIT, started=True, loops=closed), *READY) == {"destinations.0.number": "loop"}


def test_a_loop_is_told_with_the_number_that_closes_it() -> None:
    refusal = number(NOTED).when(replace(EDIT, loops=frozenset({MOBILE}))).refusal

    assert refusal is not None
    assert refusal.details["errors"][0].message.startswith(
        "転送先の090-1234-5678が、この番号へ転送する設定になっています"
    )


def test_a_destination_that_was_not_looked_at_is_not_started() -> None:
    number(*READY).when(Start(frozenset({BRANCH}))).rejects("lost-race")


# Start and stop.


def test_a_start_and_a_stop() -> None:
    number(*READY).when(START).then(STARTED)
    number(*RUNNING).when(STOP).then(STOPPED)


def test_what_runs_need_not_be_started_nor_what_rests_be_stopped() -> None:
    number(*RUNNING).when(START).then()
    number(*READY).when(STOP).then()


def test_a_start_needs_an_active_destination() -> None:
    number(NOTED).when(START).rejects("no-active-destination", field="active")
    number(NOTED, replace(CHANGED, active=None)).when(START).rejects("no-active-destination", field="active")


# The list of callers.


def test_a_caller_is_added_and_dropped() -> None:
    number(*READY).when(ADD_CALLER).then(replace(CHANGED, callers=(HEAD_OFFICE, ADD_CALLER.caller)))
    number(*READY).when(DROP_CALLER).then(replace(CHANGED, callers=()))


def test_the_same_caller_again_changes_nothing_and_with_another_label_is_refused() -> None:
    number(*READY).when(AddCaller(HEAD_OFFICE)).then()
    number(*READY).when(AddCaller(Caller(OFFICE, "別の名前"))).rejects("caller-already-registered", field="number")


def test_a_caller_who_is_not_there_cannot_be_dropped() -> None:
    number(*READY).when(DropCaller(BRANCH)).rejects("not-found")


def test_what_cannot_call_is_not_listed() -> None:
    assert errors_of(AddCaller(Caller("denwa")), *READY) == {"number": "not-a-number"}


def test_the_list_takes_thirty() -> None:
    full = replace(CHANGED, callers=tuple(Caller(f"03{n:08d}") for n in range(30)))

    number(NOTED, full).when(ADD_CALLER).rejects("too-many-callers", field="number")
