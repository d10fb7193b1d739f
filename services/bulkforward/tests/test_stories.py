"""Random stories of one plan: a hand, a line and a contract in any order, with news that come again."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chassis.errors import TsunaguError
from chassis.testing import NOON
from contracts.bulkforward import (
    BulkForwardAutoStartSkipped,
    BulkForwardAutoStopSkipped,
    BulkForwardEntriesChanged,
    BulkForwardStarted,
    BulkForwardStopped,
)
from services.bulkforward.model import (
    DECIDER,
    Command,
    EditPlan,
    NoteContract,
    NoteFault,
    NoteRecovery,
    StartNow,
    StopNow,
)
from services.bulkforward.tests.examples import MOBILE, NUMBER, OFFICE, OTHER, at_line

pytestmark = pytest.mark.slow

NUMBERS = (NUMBER, OTHER)
some_numbers = st.sets(st.sampled_from(NUMBERS)).map(lambda numbers: tuple(sorted(numbers)))
some_entries = st.dictionaries(st.sampled_from(NUMBERS), st.sampled_from((OFFICE, MOBILE)))
perhaps = st.sampled_from((None, True, False))


class Story(RuleBasedStateMachine):
    """Keeps its own short account of who started what, and compares what the plan says with it."""

    def __init__(self) -> None:
        super().__init__()
        self.plan = DECIDER.initial
        self.news: list[Command] = []
        self.line_news = self.contract_news = self.faults = 0
        self.open_fault = ""
        self.forwarded: dict[str, str] | None = None
        self.by_hand = False
        self.stopped_by_hand: set[str] = set()
        self.starts: Counter[str] = Counter()
        self.hear(NoteContract(NUMBER, True, NUMBERS, self.next_contract_news()))

    def do(self, command: Command) -> list[Any]:
        try:
            events = DECIDER.decide(command, self.plan)
        except TsunaguError:
            return []
        self.plan = DECIDER.fold(events, self.plan)
        for event in events:
            self.account(event)
        return list(events)

    def account(self, event: Any) -> None:
        match event:
            case BulkForwardStarted(entries=entries, cause=cause, fault_id=fault_id):
                assert cause == "manual" or fault_id not in self.stopped_by_hand
                assert cause == "manual" or self.forwarded is None
                self.starts[fault_id or ""] += cause == "fault"
                self.forwarded, self.by_hand = dict(entries), cause == "manual"
            case BulkForwardStopped(entries=entries, cause=cause):
                assert self.forwarded is not None
                assert not (cause == "recovery" and self.by_hand)
                if cause == "manual":
                    self.stopped_by_hand.add(self.open_fault)
                self.forwarded = None
            case BulkForwardEntriesChanged(entries=entries):
                self.forwarded = dict(entries) if self.forwarded is not None else None

    def hear(self, command: Command) -> list[Any]:
        self.news.append(command)
        return self.do(command)

    def next_line_news(self) -> str:
        self.line_news += 1
        return at_line(self.line_news)

    def next_contract_news(self) -> str:
        self.contract_news += 1
        return at_line(self.contract_news)

    @rule()
    def start(self) -> None:
        self.do(StartNow(NOON))

    @rule()
    def stop(self) -> None:
        self.do(StopNow())

    @rule(entries=some_entries, auto_start=perhaps, auto_stop=perhaps)
    def edit(self, entries: dict[str, str], auto_start: bool | None, auto_stop: bool | None) -> None:
        self.do(EditPlan(entries, auto_start, auto_stop))

    @rule(numbers=some_numbers, contracted=st.sampled_from((True, True, False)))
    def change_contract(self, numbers: tuple[str, ...], contracted: bool) -> None:
        self.hear(NoteContract(NUMBER, contracted, numbers, self.next_contract_news()))

    @precondition(lambda self: not self.open_fault)
    @rule(grave=st.booleans())
    def fault(self, grave: bool) -> None:
        self.faults += 1
        self.open_fault = f"{NUMBER}-{self.faults}"
        events = self.hear(NoteFault(NUMBER, self.open_fault, grave, NOON, self.next_line_news()))

        answers = [one for one in events if isinstance(one, BulkForwardStarted | BulkForwardAutoStartSkipped)]
        assert [answer.fault_id for answer in answers] == [self.open_fault]

    @precondition(lambda self: self.open_fault)
    @rule(grave=st.booleans())
    def worsen(self, grave: bool) -> None:
        self.hear(NoteFault(NUMBER, self.open_fault, grave, NOON, self.next_line_news()))

    @precondition(lambda self: self.open_fault)
    @rule()
    def recover(self) -> None:
        over, self.open_fault = self.open_fault, ""
        events = self.hear(NoteRecovery(NUMBER, over, self.next_line_news()))

        answers = [one for one in events if isinstance(one, BulkForwardStopped | BulkForwardAutoStopSkipped)]
        assert [answer.fault_id for answer in answers] == [over]
        assert self.forwarded is None or self.by_hand or not self.plan.auto_stop

    @rule(data=st.data())
    def hear_again(self, data: st.DataObject) -> None:
        old = data.draw(st.sampled_from(self.news))
        assert self.do(old) == []

    @invariant()
    def a_fault_starts_once(self) -> None:
        assert not self.starts or max(self.starts.values()) <= 1

    @invariant()
    def what_was_said_is_what_is(self) -> None:
        assert (self.plan.running is not None) == (self.forwarded is not None)
        assert self.forwarded is None or self.forwarded == dict(self.plan.entries)

    @invariant()
    def running_has_entries_of_the_contract(self) -> None:
        assert not self.plan.running or (self.plan.entries and self.plan.contracted)
        assert set(self.plan.entries) <= set(self.plan.numbers)


TestStory = Story.TestCase
TestStory.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
