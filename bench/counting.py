"""The smallest aggregate there is: it counts. For benches of the event store, whatever is stored in it."""

from dataclasses import dataclass, replace
from datetime import datetime

from chassis.decider import Decider
from chassis.messages import Actor, Codec
from chassis.store import Commit, Entry

CATEGORY = "counter"
ACTOR = Actor("automatic", "bench")


@dataclass(frozen=True)
class Counted:
    """One more; `note` makes it as long as an event of the services is."""

    number: int
    note: str


@dataclass(frozen=True)
class Count:
    """Count on."""

    note: str = "緊急の転送を開始しました。お客様番号と転送先を記録します。"


@dataclass(frozen=True)
class Counter:
    """How far it has counted."""

    number: int = 0


def decide(command: Count, counter: Counter) -> list[Counted]:
    return [Counted(counter.number + 1, command.note)]


def evolve(counter: Counter, event: Counted) -> Counter:
    return replace(counter, number=event.number)


DECIDER: Decider[Counter] = Decider(Counter(), decide, evolve)
CODEC = Codec((Counted,))


def commit(id: str, revision: int, first: int, count: int, at: datetime) -> Commit:
    """The numbers from `first` on, so many of them."""
    note = Count().note
    entries = tuple(Entry(Counted(number, note), "bench", "") for number in range(first, first + count))
    return Commit(f"{CATEGORY}-{id}", revision, entries, (), ACTOR, at)
