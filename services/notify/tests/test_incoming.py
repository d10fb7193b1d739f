from dataclasses import replace
from typing import get_args

import msgspec
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from chassis.testing import NOON, given
from contracts.notify import CallCondition, CallerMode, IncomingMailChanged
from contracts.switched import SwitchedOn
from contracts.voicewarp import CallOutcome
from services.notify.model.incoming import (
    DECIDER,
    EditIncoming,
    Incoming,
    MailSettings,
    NoteNumber,
    NumberNoted,
    is_told,
    mail_id_of,
)
from services.notify.tests.examples import (
    ANNE,
    BEN,
    CALLER,
    END_NUMBER,
    HEAR_CALL,
    INCOMING_OFF,
    INCOMING_ON,
    NOTE_NUMBER,
    NUMBER,
    NUMBER_ENDED,
    NUMBER_NOTED,
    OVER,
    START_INCOMING,
    call_mail,
)

ELSEWHERE = "0333330000"
THEIRS = NumberNoted(NUMBER, ELSEWHERE, True, "0000000001.0000")
ON = (NUMBER_NOTED, INCOMING_ON)


# Settings.


def test_a_number_with_the_option_gets_settings_that_are_off() -> None:
    given(DECIDER).when(NOTE_NUMBER).then(NUMBER_NOTED)

    assert given(DECIDER, NUMBER_NOTED).state.settings == MailSettings(False, (), ("all",), "all", {}, True)


def test_nothing_is_kept_of_a_number_that_never_had_the_option() -> None:
    given(DECIDER).when(END_NUMBER).then()


@pytest.mark.parametrize("sequence", ["0000000001.0000", "0000000000.0007"])
def test_old_news_changes_nothing(sequence: str) -> None:
    given(DECIDER, NUMBER_NOTED).when(replace(END_NUMBER, sequence=sequence)).then()


def test_a_mail_is_started() -> None:
    given(DECIDER, NUMBER_NOTED).when(START_INCOMING).then(INCOMING_ON)


def test_it_is_told_since_when_a_mail_is_on_and_who_started_it() -> None:
    first, later = SwitchedOn(NOON, "customer"), SwitchedOn(OVER, "operator")
    started = replace(INCOMING_ON, on=first)

    given(DECIDER, NUMBER_NOTED).when(replace(START_INCOMING, now=first)).then(started)
    given(DECIDER, NUMBER_NOTED, started).when(replace(START_INCOMING, now=later)).then()
    given(DECIDER, NUMBER_NOTED, started).when(EditIncoming(anonymous=False, now=later)).then(
        replace(started, anonymous=False)
    )
    given(DECIDER, NUMBER_NOTED, started).when(EditIncoming(started=False, now=later)).then(INCOMING_OFF)
    given(DECIDER, NUMBER_NOTED, started).when(END_NUMBER).then(INCOMING_OFF, NUMBER_ENDED)


def test_what_is_not_named_stays() -> None:
    given(DECIDER, *ON).when(EditIncoming(anonymous=False)).then(replace(INCOMING_ON, anonymous=False))


def test_an_edit_that_changes_nothing_says_nothing() -> None:
    given(DECIDER, *ON).when(START_INCOMING).then()


def test_to_save_an_address_that_is_refused_is_a_change_also_where_the_settings_stay() -> None:
    given(DECIDER, *ON).when(replace(START_INCOMING, refused=frozenset({ANNE}))).then(INCOMING_ON)


def test_without_the_option_nothing_can_be_set() -> None:
    given(DECIDER).when(START_INCOMING).rejects("not-found")
    given(DECIDER, *ON, INCOMING_OFF, NUMBER_ENDED).when(START_INCOMING).rejects("not-found")


def test_without_an_address_there_is_no_start() -> None:
    given(DECIDER, NUMBER_NOTED).when(EditIncoming(started=True)).rejects("no-addresses")


def test_the_last_address_of_a_started_mail_stays() -> None:
    given(DECIDER, *ON).when(EditIncoming(addresses=())).rejects("no-addresses")


@pytest.mark.parametrize(("count", "code"), [(5, ""), (6, "too-many-addresses")])
def test_there_are_up_to_five_addresses(count: int, code: str) -> None:
    addresses = tuple(f"a{place}@example.jp" for place in range(count))

    refusal = given(DECIDER, NUMBER_NOTED).when(EditIncoming(addresses=addresses)).refusal

    assert (refusal.code if refusal else "") == code


@pytest.mark.parametrize(("count", "code"), [(30, ""), (31, "too-many-callers")])
def test_there_are_up_to_thirty_callers(count: int, code: str) -> None:
    callers = {f"03{place:08d}": "" for place in range(count)}

    refusal = given(DECIDER, NUMBER_NOTED).when(EditIncoming(callers=callers)).refusal

    assert (refusal.code if refusal else "") == code


def test_what_cannot_call_is_refused_with_its_reason() -> None:
    callers = {CALLER: "", "12": "", "#31": "", "本社": ""}

    refusal = given(DECIDER, NUMBER_NOTED).when(EditIncoming(callers=callers)).refusal

    assert refusal
    assert refusal.code == "caller-not-allowed"
    assert [(error.field, error.code) for error in refusal.details["errors"]] == [
        ("callers.numbers.1", "too-short"),
        ("callers.numbers.2", "service-code"),
        ("callers.numbers.3", "not-a-number"),
    ]


@pytest.mark.parametrize("caller", ["110", "0120123456", "0570012345", "+14155550100"])
def test_whoever_can_call_can_be_listed(caller: str) -> None:
    given(DECIDER, NUMBER_NOTED).when(EditIncoming(callers={caller: ""})).then(
        replace(INCOMING_OFF, addresses=(), callers={caller: ""})
    )


# The contract.


def test_the_end_of_the_option_stops_the_mail_and_keeps_its_settings() -> None:
    given(DECIDER, *ON).when(END_NUMBER).then(INCOMING_OFF, NUMBER_ENDED)

    state = given(DECIDER, *ON, INCOMING_OFF, NUMBER_ENDED).state
    assert (state.contracted, state.settings.addresses) == (False, (ANNE, BEN))


def test_in_another_contract_a_number_begins_anew() -> None:
    state = given(DECIDER, *ON, INCOMING_OFF, NUMBER_ENDED, THEIRS).state

    assert (state.contract_number, state.contracted, state.settings) == (ELSEWHERE, True, MailSettings())


@pytest.mark.parametrize("order", [(NUMBER_ENDED, THEIRS), (THEIRS, NUMBER_ENDED)], ids=["in time", "crossed"])
def test_whichever_contract_is_heard_first_the_same_one_has_the_number(order: tuple[NumberNoted, ...]) -> None:
    state = given(DECIDER, NUMBER_NOTED, *order).state

    assert (state.contract_number, state.contracted) == (ELSEWHERE, True)


def test_a_mail_stops_when_its_contract_ends_after_the_next_one_was_heard() -> None:
    given(DECIDER, *ON, THEIRS).when(END_NUMBER).then(INCOMING_OFF, NUMBER_ENDED)


def test_the_next_contract_does_not_end_with_the_last() -> None:
    given(DECIDER, *ON, INCOMING_OFF, NUMBER_ENDED, THEIRS).when(replace(END_NUMBER, sequence="0000000003.0000")).then(
        replace(NUMBER_ENDED, sequence="0000000003.0000")
    )


# Calls.


def test_a_call_is_told_to_each_address() -> None:
    given(DECIDER, *ON).when(HEAR_CALL).then(call_mail(ANNE), call_mail(BEN))


@pytest.mark.parametrize(
    "before", [(), (NUMBER_NOTED,), (NUMBER_NOTED, INCOMING_OFF), (*ON, INCOMING_OFF, NUMBER_ENDED)]
)
def test_what_is_not_on_tells_nothing(before: tuple[object, ...]) -> None:
    given(DECIDER, *before).when(HEAR_CALL).then()


def test_a_call_of_another_contracts_time_is_not_told() -> None:
    given(DECIDER, *ON).when(replace(HEAR_CALL, contract_number=ELSEWHERE)).then()


def test_a_caller_without_a_label_has_none() -> None:
    mails = given(DECIDER, *ON).when(replace(HEAR_CALL, caller="0399999999")).events

    assert [mail.label for mail in mails] == ["", ""]


CALLERS = {"listed": CALLER, "unlisted": "0399999999", "anonymous": None}


@pytest.mark.parametrize(
    ("mode", "anonymous", "told"),
    [
        ("all", True, {"listed", "unlisted", "anonymous"}),
        ("all", False, {"listed", "unlisted"}),
        ("only", True, {"listed", "anonymous"}),
        ("only", False, {"listed"}),
        ("except", True, {"unlisted", "anonymous"}),
        ("except", False, {"unlisted"}),
    ],
)
def test_whose_calls_are_told(mode: CallerMode, anonymous: bool, told: set[str]) -> None:
    settings = MailSettings(True, (ANNE,), ("all",), mode, {CALLER: ""}, anonymous)

    assert {name for name, caller in CALLERS.items() if is_told(caller, "busy", settings)} == told


OUTCOMES = get_args(CallOutcome)


@pytest.mark.parametrize(
    ("when", "told"),
    [
        (("all",), set(OUTCOMES)),
        *(((outcome,), {outcome}) for outcome in OUTCOMES),
        (("no-answer", "busy"), {"no-answer", "busy"}),
        (OUTCOMES, set(OUTCOMES)),
    ],
)
def test_which_outcomes_are_told(when: tuple[CallCondition, ...], told: set[str]) -> None:
    settings = MailSettings(True, (ANNE,), when)

    assert {outcome for outcome in OUTCOMES if is_told(CALLER, outcome, settings)} == told


@for_all(st.text(), st.text())
def test_a_mails_id_is_fit_for_a_header_and_a_path(call_id: str, address: str) -> None:
    mail_id = mail_id_of(call_id, address)

    assert mail_id == mail_id_of(call_id, address)
    assert mail_id.replace("-", "").isalnum()
    assert mail_id.isascii()


def test_each_call_and_each_address_has_a_mail_of_its_own() -> None:
    assert len({mail_id_of(call, address) for call in ("c-1", "c-2") for address in (ANNE, BEN)}) == 4


def test_the_state_survives_being_kept_as_a_snapshot() -> None:
    state = given(DECIDER, *ON, call_mail(ANNE), THEIRS).state

    assert msgspec.convert(msgspec.to_builtins(state), Incoming) == state


@for_all(st.permutations([NOTE_NUMBER, END_NUMBER, NoteNumber(NUMBER, NUMBER, True, "0000000003.0000")]))
def test_only_the_newest_news_of_a_contract_counts(news: list[NoteNumber]) -> None:
    state: Incoming = Incoming()
    for command in news:
        state = DECIDER.fold(DECIDER.decide(command, state), state)

    assert state.contracted


def test_settings_are_said_as_a_whole() -> None:
    [changed] = given(DECIDER, NUMBER_NOTED).when(START_INCOMING).events

    assert isinstance(changed, IncomingMailChanged)
    assert (changed.number, changed.contract_number, changed.callers) == (NUMBER, NUMBER, {CALLER: "本社"})
