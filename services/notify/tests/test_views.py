from itertools import permutations

import pytest

from chassis.messages import Recorded
from chassis.testing import NOON, recorded
from chassis.views import Row, fold_once
from contracts.faxstore import FaxMailChanged
from services.notify.model.bundle import GATHERING
from services.notify.tests.examples import (
    ADDITIONAL,
    ANNE,
    BEN,
    DRILL_MAIL,
    FAILED,
    HELD,
    MAIL,
    MAIL_ID,
    NEXT,
    NUMBER,
    POSTPONED,
    RETRIED,
    SENT,
    STARTED,
    SUPPRESSED,
    call_mail,
    trial_mail,
)
from services.notify.views import FAX_MAILS, MAILS, keys_mail, owed_of

QUEUED = recorded(MAIL, f"notice-{NUMBER}", 7, 2)
MAIL_STREAM = f"mail-{MAIL_ID}"
DELIVERY = {
    "postponed": [recorded(POSTPONED, MAIL_STREAM, 1)],
    "sent": [recorded(SENT, MAIL_STREAM, 1)],
    "failed": [recorded(FAILED, MAIL_STREAM, 1)],
    "held": [recorded(HELD, MAIL_STREAM, 1)],
    "suppressed": [recorded(SUPPRESSED, MAIL_STREAM, 1)],
    "retried": [recorded(FAILED, MAIL_STREAM, 1), recorded(RETRIED, MAIL_STREAM, 2)],
}


def row_after(*events: Recorded) -> Row:
    row: Row | None = None
    for event in events:
        row = fold_once(MAILS, dict(row) if row else None, event) or row
    assert row is not None
    return row


def test_a_queued_mail_is_due_when_others_have_had_time_to_join_it() -> None:
    row = row_after(QUEUED)

    assert (row["state"], row["due_at"], row["contract"], row["attempts"]) == ("queued", NOON + GATHERING, NUMBER, 0)


@pytest.mark.parametrize("mail", [call_mail(ANNE), trial_mail(ANNE), DRILL_MAIL])
def test_a_mail_that_goes_alone_is_due_at_once(mail: object) -> None:
    row = row_after(recorded(mail))

    assert (row["due_at"], row["bundle"]) == (NOON, None)


@pytest.mark.parametrize(
    ("delivery", "state", "due_at", "attempts", "answer"),
    [
        ("postponed", "queued", POSTPONED.next_at, 1, "451 busy"),
        ("sent", "sent", None, 1, "250 kept"),
        ("failed", "failed", None, 1, "550 unknown"),
        ("held", "queued", NEXT, 0, ""),
        ("suppressed", "suppressed", None, 0, "550 unknown"),
        ("retried", "queued", NEXT, 1, "550 unknown"),
    ],
)
def test_a_row_tells_how_far_a_mail_has_got(
    delivery: str, state: str, due_at: object, attempts: int, answer: str
) -> None:
    row = row_after(QUEUED, *DELIVERY[delivery])

    assert (row["state"], row["due_at"], row["attempts"], row["answer"]) == (state, due_at, attempts, answer)


@pytest.mark.parametrize("delivery", list(DELIVERY))
def test_a_row_comes_out_the_same_in_whatever_order_its_two_streams_are_read(delivery: str) -> None:
    own = DELIVERY[delivery]
    orders = [order for order in permutations([QUEUED, *own]) if [one for one in order if one in own] == own]

    rows = [row_after(*order) for order in orders]

    assert all(row == rows[0] for row in rows)


@pytest.mark.parametrize("delivery", list(DELIVERY))
def test_what_is_not_yet_known_to_be_owed_is_not_due(delivery: str) -> None:
    assert row_after(*DELIVERY[delivery])["due_at"] is None


@pytest.mark.parametrize("event", [QUEUED, *(events[-1] for events in DELIVERY.values())])
def test_the_same_event_twice_changes_nothing(event: Recorded) -> None:
    row = dict(row_after(event))

    assert fold_once(MAILS, row, event) is None


@pytest.mark.parametrize("event", [QUEUED, *(events[-1] for events in DELIVERY.values())])
def test_a_row_is_a_mail(event: Recorded) -> None:
    assert keys_mail(event) == [MAIL_ID]
    assert event.type in MAILS.events


def test_the_addresses_of_a_fax_mail_are_those_that_it_had_last() -> None:
    first = recorded(FaxMailChanged(ADDITIONAL, NUMBER, True, (ANNE, BEN)), f"faxmail-{ADDITIONAL}", 1)
    last = recorded(FaxMailChanged(ADDITIONAL, NUMBER, False, ()), f"faxmail-{ADDITIONAL}", 2)
    row = fold_once(FAX_MAILS, None, first)

    assert row
    assert FAX_MAILS.keys(first) == [ADDITIONAL]
    assert (row["contract_number"], row["addresses"]) == (NUMBER, [ANNE, BEN])
    assert fold_once(FAX_MAILS, row, first) is None
    assert (fold_once(FAX_MAILS, row, last) or {})["addresses"] == []


def test_settings_are_no_mails() -> None:
    assert recorded(STARTED).type not in MAILS.events


OF_A_CALL = recorded(call_mail(ANNE), f"incoming-{NUMBER}", 3)


def test_a_mail_about_a_call_is_in_the_same_queue() -> None:
    row = row_after(OF_A_CALL)

    assert (row["state"], row["due_at"], row["contract"]) == ("queued", NOON, NUMBER)
    assert keys_mail(OF_A_CALL) == [call_mail(ANNE).mail_id]
    assert fold_once(MAILS, dict(row), OF_A_CALL) is None


TRIAL = recorded(trial_mail(ANNE), f"notice-{NUMBER}", 8)


@pytest.mark.parametrize("event", [QUEUED, OF_A_CALL, TRIAL])
def test_what_is_to_be_sent_comes_back_from_its_row(event: Recorded) -> None:
    assert owed_of(row_after(event)) == event.event


def test_a_row_from_before_there_were_calls_is_about_a_fault() -> None:
    row = {name: value for name, value in row_after(QUEUED).items() if name != "event"}

    assert owed_of(row) == MAIL
