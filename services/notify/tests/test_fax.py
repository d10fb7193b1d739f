from dataclasses import replace
from typing import Any

import pytest

from chassis.consumer import Intake
from chassis.handling import Handler
from chassis.memory_store import MemoryStore
from chassis.messages import Codec
from chassis.testing import NOON, OPERATOR, deliver, given, recorded
from contracts import events_of
from contracts.faxstore import FaxMailChanged, FaxReceived
from contracts.notify import FaxMailQueued
from services.notify.bootstrap import CODEC, HEARD, NAME
from services.notify.model import address
from services.notify.model.address import RefuseAddress, address_id_of
from services.notify.model.fax import CATEGORY, DECIDER, HearFax, mail_id_of
from services.notify.model.letters import kind_of, letter_of
from services.notify.reactions import fax_reactions
from services.notify.tests.examples import ADDITIONAL, ANNE, BEN, CALLER, NUMBER
from services.notify.tests.stand_ins import MemoryMails

SITE = "https://tsunagu.example.jp/"
RECEIVED = FaxReceived("f-1", ADDITIONAL, NUMBER, CALLER, "image/tiff", 3, 1024, "ab" * 32, NOON, (ANNE, BEN))
HEAR = HearFax("f-1", NUMBER, ADDITIONAL, CALLER, 3, NOON, (ANNE, BEN))


def mail(to: str) -> FaxMailQueued:
    return FaxMailQueued(mail_id_of("f-1", to), NUMBER, to, "f-1", ADDITIONAL, CALLER, 3, NOON)


def test_each_address_is_told_of_a_fax_once() -> None:
    given(DECIDER).when(HEAR).then(mail(ANNE), mail(BEN))
    given(DECIDER, mail(ANNE), mail(BEN)).when(HEAR).then()
    given(DECIDER, mail(ANNE)).when(HEAR).then(mail(BEN))


def test_a_mail_tells_of_the_fax_and_links_to_it() -> None:
    letter = letter_of(mail(ANNE), NOON, SITE)

    assert letter.subject == "【つなぐ】FAX受信のお知らせ：03-1234-5678（3ページ）"
    assert letter.to == ANNE
    assert f"https://tsunagu.example.jp/numbers/{ADDITIONAL}/faxes/f-1\n" in letter.body
    assert "受信した日時　：2026年1月15日（木）12:00" in letter.body
    assert "ログイン" in letter.body


def test_a_withheld_caller_is_said_to_be_so() -> None:
    letter = letter_of(replace(mail(ANNE), caller=None), NOON, SITE)

    assert "非通知" in letter.subject
    assert "送信元の番号　：非通知" in letter.body


def test_mails_of_faxes_are_a_kind_of_their_own_in_the_queue() -> None:
    queue = MemoryMails()

    queue.project([recorded(mail(ANNE), "faxtold-f-1")])

    (row,) = queue.rows.values()
    assert (row["due_at"], row["bundle"], row["state"]) == (NOON, None, "queued")
    assert kind_of(mail(ANNE)) == "fax"


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(CODEC)


@pytest.fixture
def intake(store: MemoryStore) -> Intake:
    faxes: Handler[Any] = Handler(store, DECIDER, CATEGORY)
    addresses: Handler[Any] = Handler(store, address.DECIDER, address.CATEGORY)
    return Intake(NAME, Codec(events_of(*HEARD)), fax_reactions(faxes, addresses))


def test_the_same_fax_twice_owes_one_mail_an_address(intake: Intake, store: MemoryStore) -> None:
    event = recorded(RECEIVED, "fax-f-1")

    deliver(intake, event, event)
    deliver(intake, event)

    assert [one.event for one in store.scan()] == [mail(ANNE), mail(BEN)]


def test_nobody_is_told_where_the_mail_is_stopped(intake: Intake, store: MemoryStore) -> None:
    deliver(intake, recorded(replace(RECEIVED, addresses=()), "fax-f-1"))

    assert not list(store.scan())


def test_who_saves_an_address_wants_it_tried_again(intake: Intake, store: MemoryStore) -> None:
    addresses: Handler[Any] = Handler(store, address.DECIDER, address.CATEGORY)
    id = address_id_of(ANNE)
    addresses.handle(id, RefuseAddress(id, "550 unknown", NOON), OPERATOR)
    event = recorded(FaxMailChanged(ADDITIONAL, NUMBER, True, (ANNE, BEN)), "faxmail-1")

    deliver(intake, event)
    deliver(intake, event)

    assert addresses.read(id).state.refused_since is None
    assert [one.type for one in store.scan()] == ["AddressRefused", "AddressRestored"]


def test_a_fax_mail_without_addresses_has_none_tried_again(intake: Intake, store: MemoryStore) -> None:
    addresses: Handler[Any] = Handler(store, address.DECIDER, address.CATEGORY)
    id = address_id_of(ANNE)
    addresses.handle(id, RefuseAddress(id, "550 unknown", NOON), OPERATOR)

    assert not deliver(intake, recorded(FaxMailChanged(ADDITIONAL, NUMBER, False, ()), "faxmail-1"))

    assert [one.type for one in store.scan()] == ["AddressRefused"]
