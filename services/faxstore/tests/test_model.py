from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chassis.testing import NOON, given
from contracts.switched import SwitchedOn
from services.faxstore.model import fax, setting
from services.faxstore.model.fax import AbandonContent, ExpireFax, Fax, NoteCopies, ReceiveFax
from services.faxstore.model.setting import EditFaxMail, NoteNumber, NumberNoted
from services.faxstore.tests import examples as one
from services.faxstore.tests.examples import ANNE, BEN, CONTRACT, ELSEWHERE, FIRST, LATER, NUMBER

FAX, MAIL = fax.DECIDER, setting.DECIDER
LAST = "0000000003.0000"
GONE = NumberNoted(NUMBER, CONTRACT, False, LATER)
REMOVED = replace(GONE, removed=True)


# A fax.


def test_a_fax_is_received_with_its_content() -> None:
    given(FAX).when(one.RECEIVE).then(*one.STORED)


def test_a_fax_that_comes_again_is_no_new_one() -> None:
    again = ReceiveFax(replace(one.RECEIVED, pages=0, received_at=NOON), "other", NOON)

    given(FAX, *one.STORED).when(again).then()


def test_a_fax_that_was_deleted_does_not_come_back() -> None:
    given(FAX, *one.STORED, one.DELETED, one.REMOVED).when(one.RECEIVE).then()


@pytest.mark.parametrize("other", [{"checksum": "cd" * 32}, {"number": CONTRACT}, {"caller": None}])
def test_another_fax_under_the_same_id_is_refused(other: dict[str, Any]) -> None:
    differing = ReceiveFax(replace(one.RECEIVED, **other), "other", NOON)

    given(FAX, *one.STORED).when(differing).rejects("fax-differs")


def test_a_content_that_was_abandoned_makes_no_fax() -> None:
    given(FAX, one.ABANDONED).when(one.RECEIVE).rejects("store-unavailable")


def test_the_next_try_makes_the_fax() -> None:
    given(FAX, one.ABANDONED).when(ReceiveFax(one.RECEIVED, "next", NOON)).then(
        one.RECEIVED, fax.ContentKept("next", NOON)
    )


def test_a_content_of_nobody_is_abandoned_once() -> None:
    given(FAX).when(one.ABANDON).then(one.ABANDONED)
    given(FAX, one.ABANDONED).when(one.ABANDON).then()
    given(FAX, *one.STORED).when(AbandonContent("other")).then(fax.ContentAbandoned("other"))


def test_what_a_fax_consists_of_is_never_abandoned() -> None:
    given(FAX, *one.STORED).when(one.ABANDON).then()
    given(FAX, *one.STORED, one.MADE).when(AbandonContent(one.COPIES)).then()


def test_a_fax_is_read_and_unread() -> None:
    given(FAX, *one.STORED).when(one.READ).then(one.MARKED)
    given(FAX, *one.STORED, one.MARKED).when(one.READ).then()
    given(FAX, *one.STORED, one.MARKED).when(one.UNREAD).then(one.UNMARKED)


def test_a_fax_is_deleted_once() -> None:
    given(FAX, *one.STORED).when(one.DELETE).then(one.DELETED)
    given(FAX, *one.STORED, one.DELETED).when(one.DELETE).rejects("not-found")
    given(FAX).when(one.DELETE).rejects("not-found")


def test_a_fax_that_is_not_there_is_not_read() -> None:
    given(FAX).when(one.READ).rejects("not-found")
    given(FAX, *one.STORED, one.DELETED).when(one.READ).rejects("not-found")


def test_a_fax_expires_when_it_is_old_enough() -> None:
    given(FAX, *one.STORED).when(one.EXPIRE).then(one.EXPIRED)
    given(FAX, *one.STORED).when(ExpireFax(NOON - timedelta(milliseconds=1))).then()
    given(FAX, *one.STORED, one.DELETED).when(one.EXPIRE).then()
    given(FAX).when(one.EXPIRE).then()


def test_removal_is_noted_of_a_deleted_fax_once() -> None:
    given(FAX, *one.STORED, one.DELETED).when(one.NOTE_REMOVAL).then(one.REMOVED)
    given(FAX, *one.STORED, one.DELETED, one.REMOVED).when(one.NOTE_REMOVAL).then()
    given(FAX, *one.STORED).when(one.NOTE_REMOVAL).then()


def test_a_fax_is_wanted_once_and_only_while_it_cannot_be_shown() -> None:
    given(FAX, *one.STORED).when(one.WANT).then(one.WANTED)
    given(FAX, *one.STORED, one.WANTED).when(one.WANT).then()
    given(FAX, *one.STORED, one.MADE).when(one.WANT).then()
    given(FAX, *one.STORED, one.FAILED).when(one.WANT).then()
    given(FAX, *one.STORED, one.DELETED).when(one.WANT).then()


def test_a_fax_has_copies_once() -> None:
    given(FAX, *one.STORED).when(one.NOTE_COPIES).then(one.MADE)
    given(FAX, *one.STORED, one.MADE).when(NoteCopies("other")).then()
    given(FAX, *one.STORED, one.MADE).when(one.NOTE_FAILURE).then()
    given(FAX, *one.STORED).when(one.NOTE_FAILURE).then(one.FAILED)
    given(FAX, *one.STORED, one.FAILED).when(one.NOTE_COPIES).then()


def test_a_fax_that_was_deleted_meanwhile_has_no_copies() -> None:
    given(FAX, *one.STORED, one.DELETED).when(one.NOTE_COPIES).then()
    given(FAX, *one.STORED, one.DELETED).when(one.NOTE_FAILURE).then()


def test_copies_that_were_abandoned_are_not_shown() -> None:
    given(FAX, *one.STORED, fax.ContentAbandoned(one.COPIES)).when(one.NOTE_COPIES).then()


def test_nothing_is_left_of_a_fax_that_was_removed() -> None:
    state = given(FAX, *one.STORED, one.MADE, one.DELETED, one.REMOVED).state

    assert (state.content_id, state.copies_id) == ("", "")
    assert state != Fax()


# The FAX mail of a number.


def test_a_number_with_the_option_is_noted() -> None:
    given(MAIL).when(one.NOTE).then(one.NOTED)
    given(MAIL, one.NOTED).when(one.NOTE).then()


def test_nothing_is_kept_of_a_number_that_never_had_the_option() -> None:
    given(MAIL).when(NoteNumber(NUMBER, CONTRACT, False, FIRST, NOON)).then()


def test_a_fax_mail_is_changed() -> None:
    given(MAIL, one.NOTED).when(one.EDIT).then(one.CHANGED)
    given(MAIL, one.NOTED, one.CHANGED).when(EditFaxMail(started=True)).then()
    given(MAIL, one.NOTED, one.CHANGED).when(EditFaxMail(started=False)).then(replace(one.CHANGED, started=False))


def test_whoever_saves_addresses_again_wants_them_tried_again() -> None:
    given(MAIL, one.NOTED, one.CHANGED).when(one.EDIT).then(one.CHANGED)
    given(MAIL, one.NOTED).when(EditFaxMail(False, ())).then()


def test_it_is_told_since_when_a_mail_is_on_and_who_started_it() -> None:
    first, later = SwitchedOn(one.AT, "customer"), SwitchedOn(NOON, "operator")
    started, stopped = replace(one.CHANGED, on=first), replace(one.CHANGED, started=False)

    given(MAIL, one.NOTED).when(replace(one.EDIT, now=first)).then(started)
    given(MAIL, one.NOTED, started).when(EditFaxMail(addresses=(one.ANNE,), now=later)).then(
        replace(started, addresses=(one.ANNE,))
    )
    given(MAIL, one.NOTED, started).when(EditFaxMail(started=False, now=later)).then(stopped)
    given(MAIL, one.NOTED, started, stopped).when(EditFaxMail(started=True, now=later)).then(
        replace(one.CHANGED, on=later)
    )


def test_a_fax_mail_that_cannot_be_is_refused() -> None:
    six = tuple(f"a{number}@example.jp" for number in range(6))

    given(MAIL, one.NOTED).when(EditFaxMail(started=True)).rejects("no-addresses")
    given(MAIL, one.NOTED).when(EditFaxMail(addresses=six)).rejects("too-many-addresses")
    given(MAIL, one.NOTED, one.CHANGED).when(EditFaxMail(addresses=())).rejects("no-addresses")


def test_a_number_without_the_option_has_no_fax_mail() -> None:
    given(MAIL).when(one.EDIT).rejects("not-found")
    given(MAIL, one.NOTED, GONE).when(one.EDIT).rejects("not-found")


def test_a_fax_mail_stops_with_its_option() -> None:
    end = NoteNumber(NUMBER, CONTRACT, False, LATER, NOON)

    given(MAIL, one.NOTED, one.CHANGED).when(end).then(replace(one.CHANGED, started=False), GONE)
    given(MAIL, one.NOTED).when(end).then(GONE)


def test_a_deleted_fax_is_noted_and_changes_nothing() -> None:
    given(MAIL, one.NOTED, one.CHANGED).when(one.NOTE_GONE).then(one.GONE)

    assert given(MAIL, one.NOTED, one.GONE).state == given(MAIL, one.NOTED).state


def test_old_news_change_nothing() -> None:
    given(MAIL, one.NOTED, GONE).when(one.NOTE).then()


def test_another_contract_begins_anew() -> None:
    taken_over = NumberNoted(NUMBER, ELSEWHERE, True, FIRST)

    state = given(MAIL, one.NOTED, one.CHANGED, replace(one.CHANGED, started=False), GONE, taken_over).state

    assert (state.contract_number, state.addresses, state.told) == (ELSEWHERE, (), ())


def test_a_contract_keeps_its_number_until_its_end_is_heard() -> None:
    early = NumberNoted(NUMBER, ELSEWHERE, True, FIRST)

    state = given(MAIL, one.NOTED, one.CHANGED, early).state

    assert (state.contract_number, state.told) == (CONTRACT, (ANNE, BEN))


def test_nothing_is_left_of_a_contract_that_was_removed() -> None:
    end = NoteNumber(NUMBER, CONTRACT, False, LATER, NOON, removed=True)

    given(MAIL, one.NOTED, one.CHANGED).when(end).then(replace(one.CHANGED, started=False, addresses=()), REMOVED)
    given(MAIL, one.NOTED, one.CHANGED, replace(one.CHANGED, started=False), GONE).when(
        replace(end, sequence=LAST)
    ).then(replace(one.CHANGED, started=False, addresses=()), replace(REMOVED, sequence=LAST))


def test_the_next_contract_of_the_same_number_begins_anew() -> None:
    without = NoteNumber(NUMBER, CONTRACT, False, LAST, NOON)
    again = NoteNumber(NUMBER, CONTRACT, True, LAST, NOON)
    anew = NumberNoted(NUMBER, CONTRACT, True, LAST, since=NOON)

    given(MAIL, one.NOTED, REMOVED).when(without).then(replace(REMOVED, sequence=LAST))
    given(MAIL, one.NOTED, REMOVED).when(again).then(anew)
    given(MAIL, one.NOTED, GONE).when(again).then(replace(anew, since=None))

    state = given(MAIL, one.NOTED, REMOVED, anew).state
    assert (state.shows(NOON - timedelta(milliseconds=1)), state.shows(NOON)) == (False, True)
    assert given(MAIL, one.NOTED).state.shows(NOON - timedelta(days=60))
