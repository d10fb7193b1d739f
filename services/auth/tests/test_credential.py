"""The rules of passwords and sessions (spec section 2; guide, 認証単位 and パスワード)."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from chassis.errors import Rejected
from chassis.testing import NOON, given
from contracts.auth import LoginFailed
from contracts.ivr import Unit
from services.auth.model.credential import (
    DECIDER,
    MOST_SESSIONS,
    Credential,
    Guess,
    Rules,
    SessionsEnded,
    SessionStarted,
    VerifierSet,
    check_new,
    live,
    opens,
    scope,
)
from services.auth.tests.examples import (
    CHANGE,
    CHANGED_AT,
    CONTRACT,
    CURRENT_WRONG,
    END,
    ENDED,
    FAILED,
    IGNORED,
    INVALIDATED,
    LASTING_SET,
    LASTING_VERIFIER,
    LOG_IN,
    NEWER_VERIFIER,
    NEXT_SESSION,
    NOTE,
    NUMBER,
    OTHER,
    PASSWORD_CHANGED,
    RENEWED,
    SESSION,
    STARTED,
    SUCCEEDED,
    TEMPORARY_SET,
    TEMPORARY_VERIFIER_SET,
    TENURE,
    VERIFIER,
)

RULES = Rules()
SECOND = timedelta(seconds=1)
TEMPORARY = (TEMPORARY_SET, TEMPORARY_VERIFIER_SET)
LASTING = (*TEMPORARY, LASTING_SET, PASSWORD_CHANGED)
LOGGED_IN = (*LASTING, STARTED, SUCCEEDED)
TEMPORARY_LOG_IN = replace(LOG_IN, guess=Guess(VERIFIER, True))
RESTRICTED = replace(STARTED, restricted=True)
TEMPORARILY_IN = (*TEMPORARY, RESTRICTED, replace(SUCCEEDED, must_change_password=True))
WRONG = replace(LOG_IN, guess=Guess(LASTING_VERIFIER, False))
TEMPORARY_WRONG = replace(LOG_IN, guess=Guess(VERIFIER, False))
TEMPORARY_INVALIDATED = replace(INVALIDATED, temporary=True)


def failures(count: int) -> tuple[LoginFailed, ...]:
    return tuple(replace(FAILED, wrong_in_a_row=number + 1) for number in range(count))


# Setting it by telephone.


def test_a_temporary_password_is_set() -> None:
    given(DECIDER).when(NOTE).then(*TEMPORARY)


def test_a_temporary_password_replaces_what_the_number_had() -> None:
    again = replace(NOTE, issued_at=CHANGED_AT, verifier="again", unit="number")

    state = given(DECIDER, *LOGGED_IN, *failures(9), *DECIDER.decide(again, given(DECIDER, *LOGGED_IN).state)).state

    assert (state.kind, state.verifier, state.unit, state.wrong, state.sessions) == (
        "temporary",
        "again",
        "number",
        0,
        {},
    )


def test_an_invalid_password_is_replaced_too() -> None:
    again = replace(NOTE, issued_at=CHANGED_AT)

    events = DECIDER.decide(again, given(DECIDER, *LASTING, INVALIDATED).state)

    assert not given(DECIDER, *LASTING, INVALIDATED, *events).state.invalid


def test_one_that_was_set_before_the_newest_is_ignored() -> None:
    given(DECIDER, *LASTING).when(replace(NOTE, issued_at=NOON - SECOND)).then()


@pytest.mark.parametrize(
    ("sequence", "issued_at", "is_newer"),
    [(8, NOON - SECOND, True), (8, NOON + SECOND, True), (6, NOON + SECOND, False), (0, NOON + SECOND, False)],
)
def test_which_is_the_newest_is_what_the_telephone_says_and_not_its_clock(
    sequence: int, issued_at: datetime, is_newer: bool
) -> None:
    seventh = (replace(TEMPORARY_SET, sequence=7), TEMPORARY_VERIFIER_SET)

    events = DECIDER.decide(
        replace(NOTE, sequence=sequence, issued_at=issued_at, verifier="next"), given(DECIDER, *seventh).state
    )

    assert bool(events) == is_newer


def test_the_first_with_a_sequence_is_newer_than_those_of_before_whatever_their_times() -> None:
    events = DECIDER.decide(replace(NOTE, sequence=7, issued_at=NOON - SECOND), given(DECIDER, *LASTING).state)

    assert given(DECIDER, *LASTING, *events).state.sequence == 7


# Logging in.


def test_a_login_opens_a_session() -> None:
    given(DECIDER, *LASTING).when(LOG_IN).then(STARTED, SUCCEEDED)


def test_a_login_with_a_temporary_password_may_only_change_it() -> None:
    given(DECIDER, *TEMPORARY).when(TEMPORARY_LOG_IN).then(RESTRICTED, replace(SUCCEEDED, must_change_password=True))


def test_an_outdated_verifier_is_renewed_with_the_login() -> None:
    given(DECIDER, *LASTING).when(replace(LOG_IN, renewed=NEWER_VERIFIER)).then(RENEWED, STARTED, SUCCEEDED)


def test_a_renewed_verifier_is_the_one_to_check() -> None:
    given(DECIDER, *LASTING, RENEWED).when(replace(LOG_IN, guess=Guess(NEWER_VERIFIER, True))).then(STARTED, SUCCEEDED)


def test_a_number_without_a_password_is_not_opened() -> None:
    given(DECIDER).when(replace(LOG_IN, guess=Guess("", False))).then(IGNORED)


def test_not_even_by_a_match_with_nothing() -> None:
    given(DECIDER).when(replace(LOG_IN, guess=Guess("", True))).then(IGNORED)


@pytest.mark.parametrize("tenure", ["", f"{NUMBER}@2", "0720001111@1"])
def test_a_password_of_another_stay_in_a_contract_opens_nothing(tenure: str) -> None:
    given(DECIDER, *LASTING).when(replace(LOG_IN, tenure=tenure)).then(IGNORED)


def test_a_password_that_was_heard_of_after_the_number_had_left_opens_nothing() -> None:
    homeless = replace(TEMPORARY_SET, tenure="")

    given(DECIDER, homeless, TEMPORARY_VERIFIER_SET).when(replace(TEMPORARY_LOG_IN, tenure="")).then(IGNORED)


def test_what_was_checked_against_another_password_is_not_decided_on() -> None:
    given(DECIDER, *LASTING).when(TEMPORARY_LOG_IN).rejects("changed-meanwhile")


# Time.


def test_a_temporary_password_is_good_until_24_hours_have_passed() -> None:
    last = replace(TEMPORARY_LOG_IN, at=NOON + timedelta(hours=24) - SECOND)

    given(DECIDER, *TEMPORARY).when(last).then(
        replace(RESTRICTED, started_at=last.at), replace(SUCCEEDED, must_change_password=True)
    )


def test_a_temporary_password_is_not_good_after_24_hours() -> None:
    given(DECIDER, *TEMPORARY).when(replace(TEMPORARY_LOG_IN, at=NOON + timedelta(hours=24))).then(IGNORED)


def test_a_password_of_60_days_has_to_be_changed_after_the_login() -> None:
    at = CHANGED_AT + timedelta(days=60)

    given(DECIDER, *LASTING).when(replace(LOG_IN, at=at)).then(
        SessionStarted(SESSION, at, True), replace(SUCCEEDED, must_change_password=True)
    )


def test_a_day_before_it_has_not() -> None:
    at = CHANGED_AT + timedelta(days=59)

    given(DECIDER, *LASTING).when(replace(LOG_IN, at=at)).then(SessionStarted(SESSION, at, False), SUCCEEDED)


def test_an_old_password_can_still_be_changed() -> None:
    at = CHANGED_AT + timedelta(days=61)
    change = replace(CHANGE, guess=Guess(LASTING_VERIFIER, True), verifier=NEWER_VERIFIER, at=at)
    started = SessionStarted(SESSION, at - SECOND, True)

    given(DECIDER, *LASTING, started).when(change).then(
        VerifierSet("lasting", NEWER_VERIFIER, at), PASSWORD_CHANGED, SessionStarted(NEXT_SESSION, at, False)
    )


# Wrong ones.


def test_a_wrong_password_is_counted() -> None:
    given(DECIDER, *LASTING, *failures(4)).when(WRONG).then(replace(FAILED, wrong_in_a_row=5))


def test_the_tenth_wrong_one_in_a_row_makes_a_password_invalid() -> None:
    given(DECIDER, *LASTING, *failures(9)).when(WRONG).then(replace(FAILED, wrong_in_a_row=10), INVALIDATED)


def test_the_third_wrong_one_in_a_row_makes_a_temporary_password_invalid() -> None:
    given(DECIDER, *TEMPORARY, *failures(2)).when(TEMPORARY_WRONG).then(
        replace(FAILED, wrong_in_a_row=3), TEMPORARY_INVALIDATED
    )


def test_the_second_does_not() -> None:
    given(DECIDER, *TEMPORARY, *failures(1)).when(TEMPORARY_WRONG).then(replace(FAILED, wrong_in_a_row=2))


def test_a_temporary_password_can_be_invalid_before_it_was_ever_right() -> None:
    given(DECIDER, *TEMPORARY, *failures(3), TEMPORARY_INVALIDATED).when(TEMPORARY_LOG_IN).then(IGNORED)


@pytest.mark.parametrize("command", [LOG_IN, WRONG])
def test_an_invalid_password_opens_nothing_any_more(command: object) -> None:
    given(DECIDER, *LASTING, *failures(10), INVALIDATED).when(command).then(IGNORED)


def test_a_success_sets_the_count_to_zero() -> None:
    given(DECIDER, *LASTING, *failures(9), STARTED, SUCCEEDED).when(WRONG).then(FAILED)


def test_the_end_of_a_session_does_not() -> None:
    given(DECIDER, *LOGGED_IN, *failures(9), ENDED).when(WRONG).then(replace(FAILED, wrong_in_a_row=10), INVALIDATED)


def test_a_password_that_became_invalid_leaves_its_sessions_open() -> None:
    state = given(DECIDER, *LOGGED_IN, *failures(10), INVALIDATED).state

    assert not opens(state, TENURE, CHANGED_AT, Rules())
    assert live(state, SESSION, TENURE, CHANGED_AT, Rules())


@pytest.mark.parametrize("matched", [True, False])
def test_an_invalid_password_cannot_be_guessed_at_from_inside(matched: bool) -> None:
    change = replace(CHANGE, guess=Guess(LASTING_VERIFIER, matched))

    given(DECIDER, *LOGGED_IN, *failures(10), INVALIDATED).when(change).then(IGNORED)


def test_a_new_temporary_password_ends_the_sessions_that_were_left_open() -> None:
    before = given(DECIDER, *LOGGED_IN, *failures(10), INVALIDATED)

    after = given(DECIDER, *before.events, *DECIDER.decide(replace(NOTE, issued_at=CHANGED_AT), before.state)).state

    assert after.sessions == {}


def test_guesses_that_open_nothing_are_not_counted() -> None:
    assert given(DECIDER, *LASTING, *failures(2), IGNORED, IGNORED).state.wrong == 2


# Changing it.


def test_a_temporary_password_is_changed_into_a_lasting_one() -> None:
    given(DECIDER, *TEMPORARILY_IN).when(CHANGE).then(
        LASTING_SET, PASSWORD_CHANGED, SessionStarted(NEXT_SESSION, CHANGED_AT, False)
    )


def test_the_change_ends_every_session_but_the_one_that_goes_on() -> None:
    another = replace(STARTED, session_id="another")
    before = given(DECIDER, *TEMPORARILY_IN, another)

    after = given(DECIDER, *before.events, *DECIDER.decide(CHANGE, before.state)).state

    assert set(after.sessions) == {NEXT_SESSION}


def test_the_change_sets_the_count_to_zero() -> None:
    before = given(DECIDER, *TEMPORARILY_IN, *failures(2))

    assert given(DECIDER, *before.events, *DECIDER.decide(CHANGE, before.state)).state.wrong == 0


def test_a_wrong_current_password_counts_as_a_login_does() -> None:
    given(DECIDER, *LOGGED_IN, *failures(8)).when(replace(CHANGE, guess=Guess(LASTING_VERIFIER, False))).then(
        CURRENT_WRONG
    )


def test_the_tenth_wrong_current_password_makes_it_invalid() -> None:
    events = (*LOGGED_IN, *failures(8), CURRENT_WRONG)

    given(DECIDER, *events).when(replace(CHANGE, guess=Guess(LASTING_VERIFIER, False))).then(
        CURRENT_WRONG, INVALIDATED, replace(ENDED, reason="guessing")
    )


def test_the_third_wrong_current_password_makes_a_temporary_one_invalid() -> None:
    events = (*TEMPORARILY_IN, CURRENT_WRONG, CURRENT_WRONG)

    given(DECIDER, *events).when(replace(CHANGE, guess=Guess(VERIFIER, False))).then(
        CURRENT_WRONG, TEMPORARY_INVALIDATED, replace(ENDED, reason="guessing")
    )


@pytest.mark.parametrize(
    "change",
    [
        replace(CHANGE, session_id="unknown"),
        replace(CHANGE, tenure=""),
        replace(CHANGE, at=NOON + timedelta(hours=24)),
        replace(CHANGE, guess=Guess(VERIFIER, False), session_id="unknown"),
    ],
)
def test_only_an_open_session_changes_a_password(change: object) -> None:
    given(DECIDER, *TEMPORARILY_IN).when(change).rejects("token-invalid")


def test_a_session_that_the_telephone_ended_changes_nothing() -> None:
    given(DECIDER, *TEMPORARILY_IN, *TEMPORARY).when(CHANGE).rejects("token-invalid")


@pytest.mark.parametrize("new", ["abcdefg1", "abcdefgh", "ABCdefgh1234"])
def test_a_password_has_8_to_12_letters_and_digits(new: str) -> None:
    check_new("12345678", new, new)


@pytest.mark.parametrize(
    ("new", "codes"),
    [
        ("abcdef1", ["too-short"]),
        ("abcdefgh12345", ["too-long"]),
        ("87654321", ["digits-only"]),
        ("８７６５４３２１", ["letters-and-digits-only", "digits-only"]),
        ("ａbcdefg1", ["letters-and-digits-only"]),
        ("abcdefg-1", ["letters-and-digits-only"]),
        ("abcd efg1", ["letters-and-digits-only"]),
        ("abcdefg1\n", ["letters-and-digits-only"]),
        ("パスワードabc1", ["letters-and-digits-only"]),
        ("current1", ["same-as-current"]),
        ("", ["too-short"]),
    ],
)
def test_any_other_is_refused_with_what_is_wrong(new: str, codes: list[str]) -> None:
    with pytest.raises(Rejected) as refused:
        check_new("current1", new, new)

    assert [(error.field, error.code) for error in refused.value.details["errors"]] == [("new", code) for code in codes]


def test_a_new_password_is_typed_twice() -> None:
    with pytest.raises(Rejected) as refused:
        check_new("12345678", "abcdefg1", "abcdefg2")

    assert [(error.field, error.code) for error in refused.value.details["errors"]] == [
        ("new_again", "passwords-differ")
    ]


# Sessions.


def test_a_session_is_ended() -> None:
    given(DECIDER, *LOGGED_IN).when(END).then(ENDED)


@pytest.mark.parametrize("events", [LASTING, (*LOGGED_IN, ENDED)])
def test_what_is_not_open_cannot_be_ended(events: tuple[object, ...]) -> None:
    given(DECIDER, *events).when(END).rejects("not-found")


def many(count: int) -> tuple[SessionStarted, ...]:
    return tuple(SessionStarted(f"s{place}", CHANGED_AT + place * SECOND, False) for place in range(count))


def test_the_oldest_of_twenty_sessions_makes_room() -> None:
    at = CHANGED_AT + timedelta(hours=1)

    given(DECIDER, *LASTING, *many(MOST_SESSIONS)).when(replace(LOG_IN, at=at)).then(
        SessionsEnded(NUMBER, ("s0",), "too-many"), replace(STARTED, started_at=at), SUCCEEDED
    )


def test_nineteen_leave_room() -> None:
    given(DECIDER, *LASTING, *many(MOST_SESSIONS - 1)).when(LOG_IN).then(STARTED, SUCCEEDED)


def test_sessions_whose_time_is_over_go_first() -> None:
    at = CHANGED_AT + timedelta(hours=12, seconds=1)

    given(DECIDER, *LASTING, *many(MOST_SESSIONS)).when(replace(LOG_IN, at=at)).then(
        SessionsEnded(NUMBER, ("s0", "s1"), "lapsed"), replace(STARTED, started_at=at), SUCCEEDED
    )


def credential(*events: object) -> Credential:
    return given(DECIDER, *events).state


def test_a_session_is_open_for_12_hours() -> None:
    state, end = credential(*LOGGED_IN), CHANGED_AT + timedelta(hours=12)

    assert live(state, SESSION, TENURE, end - SECOND, RULES)
    assert not live(state, SESSION, TENURE, end, RULES)


def test_a_session_ends_when_the_number_leaves_its_contract() -> None:
    assert not live(credential(*LOGGED_IN), SESSION, "", CHANGED_AT, RULES)


def test_a_restricted_session_ends_with_its_temporary_password() -> None:
    late = replace(RESTRICTED, started_at=NOON + timedelta(hours=20))
    state = credential(*TEMPORARY, late)

    assert live(state, SESSION, TENURE, NOON + timedelta(hours=24) - SECOND, RULES)
    assert not live(state, SESSION, TENURE, NOON + timedelta(hours=24), RULES)


# Scopes: the guide's example of two numbers in three units.


@pytest.mark.parametrize(
    ("unit", "number", "numbers", "everything"),
    [
        ("line", NUMBER, {NUMBER, OTHER}, True),
        ("number", NUMBER, {NUMBER}, False),
        ("number", OTHER, {OTHER}, False),
        ("admin-user", NUMBER, {NUMBER, OTHER}, True),
        ("admin-user", OTHER, {OTHER}, False),
        ("line", OTHER, {OTHER}, False),
    ],
)
def test_the_unit_says_what_a_login_opens(unit: Unit, number: str, numbers: set[str], everything: bool) -> None:
    assert scope(CONTRACT, number, unit) == (frozenset(numbers), everything)
