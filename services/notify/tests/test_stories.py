"""Whatever comes in whatever order and however often, each address gets one mail of a fault and one of its recovery."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.handling import Handler, Order
from chassis.memory_store import MemoryStore
from chassis.tasks import Alarm, AlarmClock
from chassis.testing import NOON, OPERATOR, FixedClock
from contracts.notify import MailQueued
from services.notify.bootstrap import CODEC
from services.notify.model.notice import (
    CATEGORY,
    DECIDER,
    Command,
    HearFault,
    HearForwarding,
    HearRecovery,
    Wake,
    wake_at,
)
from services.notify.tests.examples import (
    ANNE,
    BEN,
    CONTRACTED,
    NOTE_CONTRACT,
    NUMBER,
    START,
    STARTED,
    WAIT,
    at_line,
)

pytestmark = pytest.mark.slow

FAULTS = tuple(f"{NUMBER}-{place}" for place in (1, 2, 3))
# How long after one news of a line the next comes: some before the waiting is over.
GAPS = st.sampled_from((WAIT / 3, WAIT, 5 * WAIT))


@dataclass(frozen=True)
class News:
    """The news of a line in their order, and what bulk forwarding did, in its own order."""

    line: tuple[Command, ...]
    forwarding: tuple[Command, ...]


@st.composite
def all_news(draw: st.DrawFn) -> News:
    line: list[Command] = []
    at, place = NOON, 0
    for fault in FAULTS[: draw(st.integers(1, 3))]:
        at, place = at + draw(GAPS), place + 2
        line.append(HearFault(fault, "major", at, at + WAIT, at_line(place - 1)))
        at += draw(GAPS)
        line.append(HearRecovery(fault, at, at + WAIT, at_line(place)))
    outcomes = [outcome(heard) for heard in line if draw(st.booleans())]
    last = draw(st.booleans())
    return News(tuple(line if last else line[:-1]), tuple(outcomes))


def outcome(heard: Command) -> Command:
    if isinstance(heard, HearFault):
        return HearForwarding(heard.fault_id, "fault", "started", "", 1)
    return HearForwarding(heard.fault_id, "recovery", "stopped", "", 1)  # type: ignore[union-attr]


@st.composite
def tellings(draw: st.DrawFn) -> tuple[News, list[Command]]:
    """The two sequences mixed, some of it again, with looks at the stream at any time; at last one late look."""
    news = draw(all_news())
    mixed = mix(draw, news.line, news.forwarding)
    for _ in range(draw(st.integers(0, 4))):
        again = draw(st.sampled_from(mixed))
        mixed.insert(draw(st.integers(mixed.index(again) + 1, len(mixed))), again)
    for _ in range(draw(st.integers(0, 4))):
        mixed.insert(draw(st.integers(0, len(mixed))), Wake(NOON + draw(st.integers(0, 12)) * WAIT))
    return news, [*mixed, Wake(NOON + 1000 * WAIT)]


def mix(draw: st.DrawFn, one: Sequence[Command], other: Sequence[Command]) -> list[Command]:
    """Both in their own order."""
    turns = draw(st.permutations([True] * len(one) + [False] * len(other)))
    ones, others = iter(one), iter(other)
    return [next(ones) if turn else next(others) for turn in turns]


def tell(commands: Sequence[Command], addresses: tuple[str, ...] = (ANNE, BEN)) -> list[Any]:
    notice = DECIDER.fold([CONTRACTED, replace(STARTED, addresses=addresses)])
    events: list[Any] = []
    for command in commands:
        new = DECIDER.decide(command, notice)
        notice = DECIDER.fold(new, notice)
        events += new
    return events


def mails_of(events: Sequence[Any]) -> list[MailQueued]:
    return [event for event in events if isinstance(event, MailQueued)]


def fault_of(mail: MailQueued) -> str:
    return mail.mail_id.rsplit("-", 2)[0]


@settings(max_examples=150, deadline=None)
@given(tellings())
def test_each_address_gets_one_mail_of_each_fault_and_recovery(told: tuple[News, list[Command]]) -> None:
    news, commands = told

    mails = mails_of(tell(commands))

    expected = Counter(
        (heard.fault_id, "fault" if isinstance(heard, HearFault) else "recovery", address)  # type: ignore[union-attr]
        for heard in news.line
        for address in (ANNE, BEN)
    )
    assert Counter((fault_of(mail), mail.kind, mail.address) for mail in mails) == expected
    assert len({mail.mail_id for mail in mails}) == len(mails)


@settings(max_examples=100, deadline=None)
@given(tellings())
def test_every_recovery_mail_answers_a_fault_mail_that_came_before(told: tuple[News, list[Command]]) -> None:
    mails = mails_of(tell(told[1]))

    places = {mail.mail_id: place for place, mail in enumerate(mails)}
    recoveries = [mail for mail in mails if mail.kind == "recovery"]
    assert all(places[mail.answers or ""] < places[mail.mail_id] for mail in recoveries)
    assert all(mail.answers is None for mail in mails if mail.kind == "fault")


@settings(max_examples=100, deadline=None)
@given(tellings())
def test_a_mail_tells_only_what_was_done_about_its_own_fault(told: tuple[News, list[Command]]) -> None:
    mails = mails_of(tell(told[1]))

    said = {(one.fault_id, one.of) for one in told[0].forwarding}  # type: ignore[union-attr]
    assert all(mail.forwarding == "unknown" for mail in mails if (fault_of(mail), mail.kind) not in said)


@settings(max_examples=40, deadline=None)
@given(all_news(), st.integers(1, 6))
def test_the_alarm_clock_looks_often_enough(news: News, at_once: int) -> None:
    """However many news of a line become one commit, which asks for one look only."""
    clock, store = FixedClock(), MemoryStore(CODEC)
    notices = Handler(store, DECIDER, CATEGORY, wake_at=wake_at, clock=clock)
    alarms = AlarmClock(store, [Alarm(notices, Wake)], "notify", clock=clock)
    notices.handle(NUMBER, NOTE_CONTRACT, OPERATOR)
    notices.handle(NUMBER, START, OPERATOR)

    for first in range(0, len(news.line), at_once):
        batch = news.line[first : first + at_once]
        notices.handle_many([Order(NUMBER, heard, str(heard)) for heard in batch], OPERATOR.actor)
        alarms.ring()
    for _ in range(50):
        clock.advance(seconds=2)
        alarms.ring()

    assert len(mails_of([one.event for one in store.scan()])) == 2 * len(news.line)
