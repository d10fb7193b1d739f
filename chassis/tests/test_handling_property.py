"""Batches under bad luck against the same commands one by one: the same state, each command at most once."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chassis.errors import Conflict, Unavailable
from chassis.handling import AlreadyDone, Done, Handler, Order
from chassis.memory_store import MemoryStore
from chassis.store import Answer, Commit, Raced
from chassis.testing import OPERATOR, FixedClock
from chassis.tests.examples import CODEC, DECIDER, Close, Door, Note, Open

pytestmark = pytest.mark.slow

IDS = ("1", "2", "3")
commands = st.one_of(
    st.builds(Open, st.sampled_from(["ann", "bob"])),
    st.builds(Close, st.sampled_from(["ann", "bob"])),
    st.builds(Note, st.sampled_from(["", "break", "cold", "warm"])),
)
new_orders = st.lists(st.tuples(st.sampled_from(IDS), commands), min_size=1, max_size=8)


@dataclass
class Unlucky(MemoryStore):
    """Says now and then that a race was lost, or cannot be reached, before or after it has appended."""

    luck: random.Random = field(default_factory=lambda: random.Random(0))

    def append_many(self, commits: Sequence[Commit]) -> list[Answer]:
        fate = self.luck.random()
        if fate < 0.1:
            raise Unavailable("store-unavailable")
        kept = [commit for commit in commits if self.luck.random() > 0.1]
        answers = dict(zip((commit.id for commit in kept), super().append_many(kept), strict=True))
        if fate < 0.3:
            raise Unavailable("store-unavailable")
        return [answers.get(commit.id, Raced()) for commit in commits]


class Batches(RuleBasedStateMachine):
    """Messages arrive in order and in batches; a batch that fails comes again from its beginning, as Kafka does it."""

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.luck = random.Random(seed)
        store = Unlucky(CODEC, luck=self.luck)
        # Two workers of a service: what one of them remembers of a stream may be old.
        self.batched = [Handler(store, DECIDER, "door", clock=FixedClock()) for _ in range(2)]
        self.single = Handler(MemoryStore(CODEC), DECIDER, "door", clock=FixedClock())
        self.sent: list[Order] = []
        self.done: Counter[str] = Counter()

    @rule(new=new_orders)
    def deliver(self, new: list[tuple[str, Open | Close | Note]]) -> None:
        batch = [Order(id, command, f"c-{len(self.sent) + place}") for place, (id, command) in enumerate(new)]
        self.sent += batch
        self.carry_out(self.with_duplicates(batch))
        for order in batch:
            self.single.handle_many([order], OPERATOR.actor)

    @rule(data=st.data())
    def deliver_again(self, data: st.DataObject) -> None:
        """What took effect or changed nothing; a refused or failed command is free to be accepted later."""
        known = [order for order in self.sent if order.command not in (Note(""), Note("break"))]
        if known:
            again = data.draw(st.lists(st.sampled_from(known), max_size=8))
            assert {type(result) for result in self.carry_out(again)} <= {AlreadyDone}

    def with_duplicates(self, batch: list[Order]) -> list[Order]:
        return [order for order in batch for _ in range(self.luck.choice((1, 1, 2)))]

    def carry_out(self, batch: list[Order]) -> list[object]:
        for _ in range(1000):
            try:
                results = self.luck.choice(self.batched).handle_many(batch, OPERATOR.actor)
            except (Unavailable, Conflict):
                continue
            self.done.update(o.command_id for o, result in zip(batch, results, strict=True) if isinstance(result, Done))
            return list(results)
        raise AssertionError("never got through")

    @invariant()
    def the_states_are_the_same(self) -> None:
        assert self.states(self.batched[0]) == self.states(self.batched[1]) == self.states(self.single)

    @invariant()
    def each_command_is_carried_out_once_at_most(self) -> None:
        assert not [command_id for command_id, times in self.done.items() if times > 1]

    @staticmethod
    def states(handler: Handler[Door]) -> dict[str, Door]:
        return handler.read_many(IDS)


TestBatches = Batches.TestCase
TestBatches.settings = settings(
    max_examples=25,
    stateful_step_count=10,
    deadline=None,
    database=None,
    # A failure is short enough as it is found; making it shorter takes minutes.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
