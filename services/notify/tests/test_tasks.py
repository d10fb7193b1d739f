import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import pytest

from chassis import telemetry
from chassis.handling import Handler
from chassis.limits import Limit, Limits, MemoryLimits, Place
from chassis.messages import Codec, now
from chassis.testing import OPERATOR, counted, recorded
from chassis.views import Views
from contracts.notify import MailFailed, MailQueued, MailSent, MailSuppressed
from services.notify.adapters import Answer, OutboxMailer
from services.notify.bootstrap import CODEC
from services.notify.flows import Posting
from services.notify.model import address, bundle
from services.notify.model.address import AddressRefused, AddressRestored
from services.notify.model.bundle import GATHERING, MOST_LINES
from services.notify.model.letters import Letter, Owed
from services.notify.model.mail import CATEGORY, DECIDER, Mail, MailHeld, MailPostponed
from services.notify.tasks import LAST_TRIES, Sender
from services.notify.tests.examples import (
    ANNE,
    BEN,
    MAIL_ID,
    NOTE_SENT,
    NUMBER,
    RETRY,
    call_mail,
    fault_mail,
    recovery_mail,
    trial_mail,
)
from services.notify.tests.stand_ins import MemoryMails

MOST = Limit(100, timedelta(hours=1))
NO_SUCH_ADDRESS = Answer(False, True, "550 5.1.1 unknown", of_address=True)


@dataclass
class Refusing:
    """A mailer whose server always gives the same answer."""

    answer: Answer
    letters: list[Letter] = field(default_factory=list)

    def send(self, letter: Letter) -> Answer:
        self.letters.append(letter)
        return self.answer


@dataclass
class Breaking:
    """A mailer after whose every mail the store is away."""

    store: Any
    letters: list[Letter] = field(default_factory=list)

    def send(self, letter: Letter) -> Answer:
        self.letters.append(letter)
        self.store.away = True
        return Answer(True, False, "250 kept")


@pytest.fixture
def store(watched_store: Callable[[Codec], Any]) -> Any:
    return watched_store(CODEC)


@pytest.fixture
def mails(store: Any) -> Handler[Mail]:
    return Handler(store, DECIDER, CATEGORY)


@pytest.fixture
def queue() -> MemoryMails:
    return MemoryMails()


def queue_up(queue: MemoryMails, *mails: Owed) -> None:
    for place, mail in enumerate(mails):
        queue.project([recorded(mail, f"notice-{NUMBER}", 1, place, at=now() - GATHERING)])


def run(sender: Sender) -> None:
    """Until there is nothing more to start; what was started is finished."""
    idle = threading.Event()
    sender.around = replace(sender.around, wait=lambda seconds: idle.set())
    sender.run(1, lambda: not idle.is_set())


def sender_of(mails: Handler[Mail], queue: MemoryMails, mailer: Any, limits: Limits | None = None) -> Sender:
    addresses = Handler(mails._store, address.DECIDER, address.CATEGORY)
    site = "https://tsunagu.example.jp/"
    views = cast(Views, queue)
    posting = Posting(Handler(mails._store, bundle.DECIDER, bundle.CATEGORY), mails, views)
    return Sender(mails, addresses, posting, views, mailer, limits or MemoryLimits(), MOST, site, connections=2)


def said(store: Any, kind: type) -> list[Any]:
    return [one.event for one in store.scan() if isinstance(one.event, kind)]


def test_every_mail_that_is_due_is_sent_once(store: Any, mails: Handler[Mail], queue: MemoryMails) -> None:
    many = [replace(call_mail(ANNE), mail_id=f"m{place}") for place in range(50)]
    queue_up(queue, *many)
    outbox = OutboxMailer()

    run(sender_of(mails, queue, outbox))

    assert sorted(letter.mail_id for letter in outbox.letters) == sorted(mail.mail_id for mail in many)
    assert len(said(store, MailSent)) == 50


def test_a_mail_about_a_call_is_sent_like_any_other(store: Any, mails: Handler[Mail], queue: MemoryMails) -> None:
    queue_up(queue, fault_mail(ANNE), call_mail(ANNE))
    outbox = OutboxMailer()

    run(sender_of(mails, queue, outbox))

    assert {letter.mail_id for letter in outbox.letters} == {MAIL_ID, call_mail(ANNE).mail_id}
    assert {sent.contract_number for sent in said(store, MailSent)} == {NUMBER}


def test_what_the_server_said_is_noted(store: Any, mails: Handler[Mail], queue: MemoryMails) -> None:
    queue_up(queue, fault_mail(ANNE))

    run(sender_of(mails, queue, OutboxMailer()))

    assert said(store, MailSent) == [MailSent(MAIL_ID, NUMBER, 1, "250 kept")]


def test_a_temporary_refusal_is_postponed(store: Any, mails: Handler[Mail], queue: MemoryMails) -> None:
    queue_up(queue, fault_mail(ANNE))

    run(sender_of(mails, queue, Refusing(Answer(False, False, "451 busy"))))

    assert [postponed.answer for postponed in said(store, MailPostponed)] == ["451 busy"]


def test_a_refusal_for_good_is_given_up(store: Any, mails: Handler[Mail], queue: MemoryMails) -> None:
    queue_up(queue, fault_mail(ANNE))

    run(sender_of(mails, queue, Refusing(Answer(False, True, "550 unknown"))))

    assert said(store, MailFailed) == [MailFailed(MAIL_ID, NUMBER, 1, "550 unknown")]


def test_a_view_that_lags_sends_nothing_again(mails: Handler[Mail], queue: MemoryMails) -> None:
    queue_up(queue, fault_mail(ANNE))
    outbox = OutboxMailer()

    run(sender_of(mails, queue, outbox))
    run(sender_of(mails, queue, outbox))

    assert len(outbox.letters) == 1


def test_a_mail_that_another_sender_sent_meanwhile_is_left_alone(mails: Handler[Mail], queue: MemoryMails) -> None:
    queue_up(queue, fault_mail(ANNE), fault_mail(BEN))
    mails.handle(MAIL_ID, NOTE_SENT, OPERATOR)
    outbox = OutboxMailer()

    run(sender_of(mails, queue, outbox))

    assert [letter.to for letter in outbox.letters] == [BEN]


def test_a_mail_that_is_to_wait_is_not_sent_yet(mails: Handler[Mail], queue: MemoryMails) -> None:
    queue_up(queue, fault_mail(ANNE))
    refusing = Refusing(Answer(False, False, "451 busy"))

    run(sender_of(mails, queue, refusing))
    run(sender_of(mails, queue, refusing))

    assert len(refusing.letters) == 1


def test_mails_that_were_queued_before_the_clock_went_back_are_sent(mails: Handler[Mail], queue: MemoryMails) -> None:
    for number, mail in enumerate((fault_mail(ANNE), call_mail(BEN))):
        queue.project([recorded(mail, f"notice-{NUMBER}", 1, number, at=now() + timedelta(hours=1))])
    outbox = OutboxMailer()

    run(sender_of(mails, queue, outbox))
    run(sender_of(mails, queue, outbox))

    assert sorted(letter.to for letter in outbox.letters) == [ANNE, BEN]


def test_a_mail_that_was_postponed_before_the_clock_went_back_waits(mails: Handler[Mail], queue: MemoryMails) -> None:
    queue.project([recorded(fault_mail(ANNE), f"notice-{NUMBER}", 1, 0, at=now() + timedelta(hours=1))])
    queue.project([recorded(MailPostponed(MAIL_ID, 1, now() + timedelta(hours=1), "451"), f"mail-{MAIL_ID}", 1)])
    outbox = OutboxMailer()

    run(sender_of(mails, queue, outbox))

    assert outbox.letters == []


def test_a_store_that_is_away_for_a_moment_after_the_sending_makes_no_second_mail(
    store: Any, mails: Handler[Mail], queue: MemoryMails
) -> None:
    queue_up(queue, fault_mail(ANNE))
    breaking = Breaking(store)
    sender = sender_of(mails, queue, breaking)
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        store.away = False

    sender.around = replace(sender.around, wait=wait)
    sender.run(1, lambda: not waits)

    assert len(breaking.letters) == 1
    assert said(store, MailSent) == [MailSent(MAIL_ID, NUMBER, 1, "250 kept")]


def test_a_sender_that_is_to_stop_does_not_wait_for_the_store_for_ever(
    store: Any, mails: Handler[Mail], queue: MemoryMails
) -> None:
    queue_up(queue, fault_mail(ANNE))
    sender = sender_of(mails, queue, Breaking(store))
    waits: list[float] = []
    sender.around = replace(sender.around, wait=waits.append)

    sender.run(1, lambda: not waits)

    assert LAST_TRIES - 1 <= len(waits) <= LAST_TRIES + 1


def test_what_was_sent_and_could_not_be_noted_is_sent_again_with_the_same_id(
    store: Any, mails: Handler[Mail], queue: MemoryMails
) -> None:
    queue_up(queue, fault_mail(ANNE))
    breaking, outbox = Breaking(store), OutboxMailer()
    run(sender_of(mails, queue, breaking))
    store.away = False

    run(sender_of(mails, queue, outbox))

    assert breaking.letters == outbox.letters


def test_a_mail_that_breaks_the_sender_stops_no_other(store: Any, mails: Handler[Mail], queue: MemoryMails) -> None:
    queue_up(queue, fault_mail(ANNE), fault_mail(BEN))
    queue.rows[MAIL_ID]["queued"] = {"mail_id": 7}
    outbox = OutboxMailer()

    run(sender_of(mails, queue, outbox))

    assert [letter.to for letter in outbox.letters] == [BEN]


def test_more_mails_than_connections_all_go(store: Any, mails: Handler[Mail], queue: MemoryMails) -> None:
    at_once: list[int] = []
    open_now: set[str] = set()
    lock = threading.Lock()

    @dataclass
    class Counting:
        def send(self, letter: Letter) -> Answer:
            with lock:
                open_now.add(letter.mail_id)
                at_once.append(len(open_now))
            with lock:
                open_now.remove(letter.mail_id)
            return Answer(True, False, "250 kept")

    queue_up(queue, *(replace(call_mail(ANNE), mail_id=f"m{place}") for place in range(40)))

    run(sender_of(mails, queue, Counting()))

    assert len(at_once) == 40
    assert max(at_once) <= 2


# Addresses that are refused for good.


def test_an_address_that_was_refused_for_good_gets_no_more_mails_and_each_of_them_says_so(
    store: Any, mails: Handler[Mail], queue: MemoryMails
) -> None:
    queue_up(queue, fault_mail(ANNE))
    refusing, outbox = Refusing(NO_SUCH_ADDRESS), OutboxMailer()
    run(sender_of(mails, queue, refusing))
    queue_up(queue, call_mail(ANNE), call_mail(BEN))

    run(sender_of(mails, queue, outbox))

    assert [letter.to for letter in outbox.letters] == [BEN]
    assert said(store, MailFailed) == [MailFailed(MAIL_ID, NUMBER, 1, "550 5.1.1 unknown")]
    assert said(store, MailSuppressed) == [MailSuppressed(call_mail(ANNE).mail_id, NUMBER, "550 5.1.1 unknown")]


def test_a_mail_that_is_refused_for_itself_leaves_its_address_alone(
    store: Any, mails: Handler[Mail], queue: MemoryMails
) -> None:
    queue_up(queue, fault_mail(ANNE))

    run(sender_of(mails, queue, Refusing(Answer(False, True, "554 looks like spam"))))

    assert said(store, AddressRefused) == []


def test_a_mail_that_an_operator_retries_restores_its_address(
    store: Any, mails: Handler[Mail], queue: MemoryMails
) -> None:
    queue_up(queue, fault_mail(ANNE))
    run(sender_of(mails, queue, Refusing(NO_SUCH_ADDRESS)))
    mails.handle(MAIL_ID, replace(RETRY, at=now()), OPERATOR)
    outbox = OutboxMailer()

    run(sender_of(mails, queue, outbox))

    assert [letter.to for letter in outbox.letters] == [ANNE]
    assert len(said(store, AddressRestored)) == 1


def test_a_sender_that_dies_between_the_two_notes_of_a_refusal_loses_neither(
    store: Any, mails: Handler[Mail], queue: MemoryMails
) -> None:
    queue_up(queue, fault_mail(ANNE))
    sender = sender_of(mails, queue, Refusing(NO_SUCH_ADDRESS))
    mails.handle_many = dies  # type: ignore[method-assign]
    run(sender)
    del mails.handle_many

    run(sender_of(mails, queue, OutboxMailer()))

    assert len(said(store, AddressRefused)) == len(said(store, MailSuppressed)) == 1


def dies(*_: Any, **__: Any) -> Any:
    raise RuntimeError("killed here")


# So many an hour.


def test_what_is_over_the_hour_waits_without_a_try(store: Any, mails: Handler[Mail], queue: MemoryMails) -> None:
    queue_up(queue, *(replace(call_mail(ANNE), mail_id=f"m{place}") for place in range(5)))
    sender = sender_of(mails, queue, OutboxMailer())
    sender.most = Limit(3, timedelta(hours=1))

    run(sender)

    held = said(store, MailHeld)
    assert (len(said(store, MailSent)), len(held)) == (3, 2)
    assert all(timedelta(minutes=59) < one.next_at - now() <= timedelta(minutes=63) for one in held)
    assert all(mails.read(one.mail_id).state.tries == 0 for one in held)


def test_a_flood_of_calls_holds_back_no_word_of_a_fault(mails: Handler[Mail], queue: MemoryMails) -> None:
    queue_up(queue, *(replace(call_mail(ANNE), mail_id=f"c{place}") for place in range(5)), fault_mail(ANNE))
    outbox = OutboxMailer()
    sender = sender_of(mails, queue, outbox)
    sender.most = Limit(2, timedelta(hours=1))

    run(sender)

    assert len(outbox.letters) == 3
    assert MAIL_ID in {letter.mail_id for letter in outbox.letters}


def test_a_mail_that_nobody_took_counts_for_nothing(mails: Handler[Mail], queue: MemoryMails) -> None:
    queue_up(queue, fault_mail(ANNE))
    limits = MemoryLimits()
    run(sender_of(mails, queue, Refusing(Answer(False, False, "451 busy")), limits))

    taken = limits.take(f"mail:fault:{address.address_id_of(ANNE)}", Limit(1, timedelta(hours=1)), now())

    assert isinstance(taken, Place)


# What is counted.


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (Answer(True, False, "250 kept"), "sent"),
        (Answer(False, False, "451 busy"), "postponed"),
        (Answer(False, True, "554 no"), "failed"),
    ],
)
def test_every_try_is_counted_by_what_came_of_it(
    mails: Handler[Mail], queue: MemoryMails, answer: Answer, result: str
) -> None:
    counted = telemetry.MAIL_SENT.labels("test", result)._value
    before = counted.get()
    queue_up(queue, trial_mail(ANNE))

    run(sender_of(mails, queue, Refusing(answer)))

    assert counted.get() == before + 1


def test_a_mail_that_tells_of_a_fault_is_timed_when_it_went_out(mails: Handler[Mail], queue: MemoryMails) -> None:
    before = counted("fault_to_mail_seconds_count")
    queue_up(queue, fault_mail(ANNE), recovery_mail(ANNE), trial_mail(ANNE))

    run(sender_of(mails, queue, OutboxMailer()))

    assert counted("fault_to_mail_seconds_count") == before + 1


# Several lines in one letter.


def lines(count: int, kind: str = "fault") -> list[MailQueued]:
    """Mails of one owner's lines."""
    make = fault_mail if kind == "fault" else recovery_mail
    return [
        replace(
            make(ANNE),
            mail_id=f"{kind}-{place}",
            contract_number=f"07200{place:05d}",
            answers=f"fault-{place}" if kind == "recovery" else None,
        )
        for place in range(count)
    ]


def test_one_owners_lines_go_in_one_letter_and_each_mail_has_its_own_end(
    store: Any, mails: Handler[Mail], queue: MemoryMails
) -> None:
    queue_up(queue, *lines(7), fault_mail(BEN))
    outbox = OutboxMailer()

    run(sender_of(mails, queue, outbox))

    assert sorted((letter.to, letter.mail_id) for letter in outbox.letters) == [
        (ANNE, "fault-0"),
        (BEN, fault_mail(BEN).mail_id),
    ]
    [letter] = [letter for letter in outbox.letters if letter.to == ANNE]
    assert letter.body.count("■") == 7
    assert {sent.mail_id for sent in said(store, MailSent)} == {
        *(f"fault-{n}" for n in range(7)),
        fault_mail(BEN).mail_id,
    }


def test_a_letter_has_so_many_lines_and_no_more(store: Any, mails: Handler[Mail], queue: MemoryMails) -> None:
    queue_up(queue, *lines(MOST_LINES + 10))
    outbox = OutboxMailer()

    run(sender_of(mails, queue, outbox))

    assert sorted(letter.body.count("■") for letter in outbox.letters) == [10, MOST_LINES]
    assert len(said(store, MailSent)) == MOST_LINES + 10


def test_a_letter_of_recoveries_answers_the_letter_of_the_faults(mails: Handler[Mail], queue: MemoryMails) -> None:
    queue_up(queue, *lines(4), *lines(4, "recovery"))
    outbox = OutboxMailer()

    run(sender_of(mails, queue, outbox))

    fault, recovery = sorted(outbox.letters, key=lambda letter: letter.mail_id)
    assert (fault.mail_id, fault.answers) == ("fault-0", ())
    assert (recovery.mail_id, recovery.answers) == ("recovery-0", ("fault-0",))


def test_a_mail_that_is_queued_after_its_neighbours_letter_was_formed_changes_no_letter(
    store: Any, mails: Handler[Mail], queue: MemoryMails
) -> None:
    *first, last = lines(5)
    queue_up(queue, *first)
    refusing, outbox = Breaking(store), OutboxMailer()
    run(sender_of(mails, queue, refusing))
    store.away = False
    queue_up(queue, last)

    run(sender_of(mails, queue, outbox))

    assert refusing.letters[0] in outbox.letters
    assert sorted(letter.mail_id for letter in outbox.letters) == ["fault-0", "fault-4"]


def test_a_sender_that_dies_among_the_notes_of_a_letter_sends_none_of_it_again(
    store: Any, mails: Handler[Mail], queue: MemoryMails
) -> None:
    queue_up(queue, *lines(4))
    outbox, again = OutboxMailer(), OutboxMailer()
    whole = mails.handle_many

    def half(orders: Any, actor: Any) -> Any:
        whole(orders[2:], actor)
        raise RuntimeError("killed here")

    mails.handle_many = half  # type: ignore[method-assign]
    run(sender_of(mails, queue, outbox))
    mails.handle_many = whole  # type: ignore[method-assign]

    run(sender_of(mails, queue, again))

    assert (len(outbox.letters), len(again.letters)) == (1, 0)
    assert sorted(sent.mail_id for sent in said(store, MailSent)) == [f"fault-{n}" for n in range(4)]


def test_a_sender_that_dies_after_the_claim_sends_that_letter_later(
    store: Any, mails: Handler[Mail], queue: MemoryMails
) -> None:
    queue_up(queue, *lines(4))
    sender = sender_of(mails, queue, OutboxMailer())
    sender.posting.posts([row for row in queue.find("mails", {}, sort=[("due_at", 1)]) if row["_id"] == "fault-1"])
    queue_up(queue, *lines(9)[4:])
    outbox = OutboxMailer()

    run(sender_of(mails, queue, outbox))

    assert sorted((letter.mail_id, letter.body.count("■")) for letter in outbox.letters) == [
        ("fault-0", 4),
        ("fault-4", 5),
    ]


def test_a_letter_that_is_refused_for_now_comes_back_as_a_whole(
    store: Any, mails: Handler[Mail], queue: MemoryMails
) -> None:
    queue_up(queue, *lines(4))

    run(sender_of(mails, queue, Refusing(Answer(False, False, "451 busy"))))

    postponed = said(store, MailPostponed)
    assert sorted(one.mail_id for one in postponed) == [f"fault-{place}" for place in range(4)]
    assert len({one.next_at for one in postponed}) == 1


def test_a_letter_counts_once_in_the_hour(store: Any, mails: Handler[Mail], queue: MemoryMails) -> None:
    queue_up(queue, *lines(20))
    sender = sender_of(mails, queue, OutboxMailer())
    sender.most = Limit(1, timedelta(hours=1))

    run(sender)

    assert len(said(store, MailSent)) == 20
