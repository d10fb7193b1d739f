"""How a mail is delivered: tried until it is taken, refused for good, or out of tries."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chassis.testing import NOON, FixedClock, Given, given
from contracts.notify import MailFailed, MailSent
from services.notify.model.mail import DECIDER, RETRY_MINUTES, Mail, MailPostponed, NoteFailure
from services.notify.tests.examples import (
    FAILED,
    HELD,
    MAIL_ID,
    NEXT,
    NOTE_FAILURE,
    NOTE_HELD,
    NOTE_REFUSAL,
    NOTE_SENT,
    NOTE_SUPPRESSED,
    NUMBER,
    POSTPONED,
    RETRIED,
    RETRY,
    SENT,
    SUPPRESSED,
)


def mail(*events: object) -> Given[Mail]:
    return given(DECIDER, *events)


def test_a_mail_that_was_taken_is_sent() -> None:
    mail().when(NOTE_SENT).then(SENT)


def test_a_mail_is_sent_once() -> None:
    mail(SENT).when(NOTE_SENT).then()


def test_a_try_that_failed_for_now_is_postponed() -> None:
    mail().when(NOTE_FAILURE).then(POSTPONED)


def test_a_mail_that_is_refused_for_good_is_given_up() -> None:
    mail().when(NOTE_REFUSAL).then(FAILED)


def test_a_mail_that_is_taken_at_last_tells_how_often_it_was_tried() -> None:
    mail(POSTPONED).when(NOTE_SENT).then(replace(SENT, attempts=2))


@pytest.mark.parametrize("command", [NOTE_FAILURE, NOTE_REFUSAL])
def test_a_failure_that_comes_after_the_end_changes_nothing(command: NoteFailure) -> None:
    mail(SENT).when(command).then()


def test_a_mail_that_was_given_up_and_taken_after_all_is_sent() -> None:
    mail(FAILED).when(NOTE_SENT).then(replace(SENT, attempts=2))


@pytest.mark.parametrize(("failures", "minutes"), list(enumerate(RETRY_MINUTES)))
def test_pauses_grow_by_the_plan(failures: int, minutes: int) -> None:
    before = [MailPostponed(MAIL_ID, place + 1, NOON, "451 busy") for place in range(failures)]

    mail(*before).when(NOTE_FAILURE).then(
        MailPostponed(MAIL_ID, failures + 1, NOON + timedelta(minutes=minutes), "451 busy")
    )


def test_the_sixth_failure_is_the_last() -> None:
    before = [MailPostponed(MAIL_ID, place + 1, NOON, "451 busy") for place in range(5)]

    mail(*before).when(NOTE_FAILURE).then(MailFailed(MAIL_ID, NUMBER, 6, "451 busy"))


def test_the_plan_is_one_five_fifteen_sixty_and_two_hundred_and_forty_minutes() -> None:
    clock, state, pauses = FixedClock(), DECIDER.initial, list[float]()
    while state.state == "queued":
        failure = replace(NOTE_FAILURE, at=clock())
        state = DECIDER.fold(DECIDER.decide(failure, state), state)
        if state.next_at:
            pauses.append((state.next_at - clock()).total_seconds() / 60)
            clock.at = state.next_at

    assert pauses == [1, 5, 15, 60, 240]
    assert (state.state, state.attempts) == ("failed", 6)


def test_luck_makes_a_pause_up_to_a_fifth_longer() -> None:
    mail().when(replace(NOTE_FAILURE, luck=1.0)).then(replace(POSTPONED, next_at=NOON + timedelta(minutes=1.2)))


def test_an_operator_begins_the_plan_anew() -> None:
    mail(FAILED).when(RETRY).then(RETRIED)


def test_a_mail_that_is_retried_has_its_whole_plan_again() -> None:
    spent = [MailPostponed(MAIL_ID, place + 1, NOON, "451 busy") for place in range(5)]

    mail(*spent, replace(FAILED, attempts=6), RETRIED).when(replace(NOTE_FAILURE, at=NEXT)).then(
        MailPostponed(MAIL_ID, 7, NEXT + timedelta(minutes=1), "451 busy")
    )


def test_a_mail_whose_address_has_had_enough_waits_and_has_its_whole_plan_left() -> None:
    mail().when(NOTE_HELD).then(HELD)

    assert mail(HELD).state == Mail(next_at=NEXT)


def test_a_mail_to_a_refused_address_is_not_sent() -> None:
    mail().when(NOTE_SUPPRESSED).then(SUPPRESSED)

    assert (mail(SUPPRESSED).state.state, mail(SUPPRESSED).state.next_at) == ("suppressed", None)


def test_a_mail_that_an_operator_wants_sent_is_not_suppressed() -> None:
    mail(SUPPRESSED, RETRIED).when(NOTE_SUPPRESSED).then()


@pytest.mark.parametrize("command", [NOTE_HELD, NOTE_SUPPRESSED])
@pytest.mark.parametrize("end", [SENT, FAILED, SUPPRESSED])
def test_a_mail_that_has_its_end_keeps_it(end: object, command: object) -> None:
    mail(end).when(command).then()


def test_a_suppressed_mail_is_retried_like_one_that_was_given_up() -> None:
    mail(SUPPRESSED).when(RETRY).then(RETRIED)


@pytest.mark.parametrize("events", [(), (POSTPONED,), (HELD,), (SENT,), (FAILED, RETRIED)])
def test_only_a_mail_that_was_given_up_is_retried(events: tuple[object, ...]) -> None:
    mail(*events).when(RETRY).rejects("mail-not-failed")


def test_a_retried_mail_is_due_at_once() -> None:
    state = mail(FAILED, RETRIED).state

    assert (state.state, state.next_at) == ("queued", NEXT)


def test_a_mail_that_has_an_end_is_not_due() -> None:
    assert mail(POSTPONED, MailSent(MAIL_ID, NUMBER, 2, "250 ok")).state.next_at is None
