from dataclasses import replace
from datetime import timedelta

import pytest

from chassis.testing import NOON, given
from contracts.voicewarp import CallOutcome, Step
from services.voicewarp.model.call import DECIDER, EndCall, destination
from services.voicewarp.model.routing import Decision
from services.voicewarp.tests.examples import (
    BRANCH,
    CALL_ENDED,
    END,
    LATER,
    MOBILE,
    OTHER,
    RECEIVE,
    RECEIVED,
)


def test_a_call_is_received_with_its_answer() -> None:
    given(DECIDER).when(RECEIVE).then(RECEIVED)


def test_the_same_question_again_is_no_new_call_whatever_the_answer_would_be_now() -> None:
    elsewhere = replace(RECEIVE, decision=Decision(Step("forward", BRANCH), None, None, "bulk-forward"))

    given(DECIDER, RECEIVED).when(elsewhere).then()


@pytest.mark.parametrize(
    "change", [{"called": OTHER}, {"caller": None}, {"caller": MOBILE}, {"at": NOON + timedelta(microseconds=1)}]
)
def test_another_call_of_the_same_name_is_refused(change: dict[str, object]) -> None:
    given(DECIDER, RECEIVED).when(replace(RECEIVE, **change)).rejects("call-differs")  # type: ignore[arg-type]


def test_a_call_ends_with_all_that_a_mail_tells() -> None:
    given(DECIDER, RECEIVED).when(END).then(CALL_ENDED)


@pytest.mark.parametrize("outcome", ["answered", "no-answer", "busy"])
def test_a_call_that_was_not_forwarded_went_nowhere(outcome: CallOutcome) -> None:
    ended = replace(CALL_ENDED, outcome=outcome, forwarded_to=None)

    given(DECIDER, RECEIVED).when(replace(END, outcome=outcome)).then(ended)


def test_an_outcome_without_a_time_is_of_when_it_was_heard() -> None:
    given(DECIDER, RECEIVED).when(EndCall("forwarded", None, LATER)).then(CALL_ENDED)


def test_a_call_never_ends_before_it_began_by_our_clock() -> None:
    early = NOON - timedelta(seconds=5)

    given(DECIDER, RECEIVED).when(EndCall("forwarded", None, early)).then(replace(CALL_ENDED, ended_at=NOON))
    given(DECIDER, RECEIVED).when(EndCall("forwarded", early, LATER)).rejects("ended-before-it-began", field="at")


def test_an_outcome_before_its_call_is_refused() -> None:
    given(DECIDER).when(END).rejects("unknown-call")


def test_the_same_outcome_again_changes_nothing() -> None:
    given(DECIDER, RECEIVED, CALL_ENDED).when(replace(END, at=None)).then()


def test_an_outcome_that_contradicts_is_refused() -> None:
    given(DECIDER, RECEIVED, CALL_ENDED).when(replace(END, outcome="answered")).rejects("outcome-differs")


def test_where_a_call_was_to_be_forwarded() -> None:
    rings, to = Step("ring"), Step("forward", MOBILE)

    assert destination(replace(RECEIVED, now=to, on_no_answer=None)) == MOBILE
    assert destination(replace(RECEIVED, now=rings, on_busy=to, on_no_answer=None)) == MOBILE
    assert destination(replace(RECEIVED, now=rings, on_busy=None, on_no_answer=None)) is None
