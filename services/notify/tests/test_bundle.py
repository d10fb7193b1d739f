"""Which mails go out as one letter."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chassis.testing import NOON, Given, given
from services.notify.model.bundle import (
    DECIDER,
    MOST_LINES,
    STRETCH,
    Bundle,
    Candidate,
    Formed,
    FormLetters,
    LetterFormed,
    bundle_id_of,
)
from services.notify.tests.examples import ANNE, BEN, FORM, FORMED, fault_mail, recovery_mail


def bundle(*events: object) -> Given[Bundle]:
    return given(DECIDER, *events)


def test_mails_that_are_to_go_now_go_as_one_letter() -> None:
    bundle().when(FORM).then(FORMED)


def test_a_mail_is_in_one_letter_for_ever() -> None:
    bundle(FORMED).when(FORM).then()


def test_a_mail_that_comes_late_has_the_next_letter() -> None:
    late = FormLetters("bundle", (*FORM.candidates, Candidate("m5", None)))

    bundle(FORMED).when(late).then(LetterFormed("bundle", ("m5",), ()))


def test_a_letter_that_would_be_too_long_is_several() -> None:
    many = FormLetters("bundle", tuple(Candidate(f"m{place}", None) for place in range(2 * MOST_LINES + 1)))

    letters = bundle().when(many).events

    assert [len(letter.mails) for letter in letters] == [MOST_LINES, MOST_LINES, 1]
    assert [id for letter in letters for id in letter.mails] == [one.mail_id for one in many.candidates]


def test_a_letter_answers_each_letter_once() -> None:
    answers = {"m1": "f1", "m2": "f1", "m3": "f2", "m4": "f2"}
    recovered = FormLetters("bundle", tuple(Candidate(id, answered) for id, answered in answers.items()))

    bundle().when(recovered).then(LetterFormed("bundle", ("m1", "m2", "m3", "m4"), ("f1", "f2")))


def test_a_few_mails_go_each_alone() -> None:
    few = FormLetters("bundle", tuple(Candidate(id, None) for id in ("m1", "m2", "m3")))

    bundle().when(few).then(*(LetterFormed("bundle", (id,), ()) for id in ("m1", "m2", "m3")))


def test_the_letter_of_a_mail_is_known() -> None:
    state = bundle(FORMED).state

    assert state.letter_with("m2") == Formed(("m1", "m2", "m3", "m4"), ())
    assert state.letter_with("m5") is None


MAIL = fault_mail(ANNE)


@pytest.mark.parametrize(
    "other", [fault_mail(BEN), recovery_mail(ANNE), replace(MAIL, contractor="別の会社")], ids=("to", "kind", "whose")
)
def test_mails_to_others_of_others_and_of_another_kind_never_meet(other: object) -> None:
    assert bundle_id_of(other, NOON) != bundle_id_of(MAIL, NOON)  # type: ignore[arg-type]


def test_one_owners_lines_meet_when_they_fall_ill_at_the_same_time() -> None:
    other = replace(MAIL, mail_id="other", contract_number="0720001111", site="支店", address=ANNE.upper())

    assert bundle_id_of(other, NOON + timedelta(seconds=5)) == bundle_id_of(MAIL, NOON)
    assert bundle_id_of(other, NOON + STRETCH) != bundle_id_of(MAIL, NOON)
