"""The counter of the benches counts, and its commits are whole."""

from bench.counting import ACTOR, CATEGORY, CODEC, DECIDER, Count, commit
from chassis.handling import Handler
from chassis.memory_store import MemoryStore
from chassis.messages import Origin, now
from chassis.store import Appended


def test_a_filled_stream_counts_on() -> None:
    store = MemoryStore(CODEC)
    handler = Handler(store, DECIDER, CATEGORY)

    answers = store.append_many([commit("1", 1, 1, 100, now())])
    outcome = handler.handle("1", Count(), Origin(ACTOR, "test"))

    assert answers == [Appended(1)]
    assert outcome.state.number == 101
