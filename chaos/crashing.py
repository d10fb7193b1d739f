"""A worker that fails at one exact place: `python -m chaos.crashing SERVICE PLACE`.

| place | |
|---|---|
| `before-offset-commit` | dies by SIGKILL: effects of a batch with faults are durable, Kafka does not know |
| `after-append` | dies by SIGKILL: its commits are durable, nothing that would come after them has happened |
| `before-relay-place` | dies by SIGKILL: Kafka has acknowledged, the place in the change stream is not saved |
| `bug-on-a-line` | lives on; a reaction to any event of the line `CHAOS_LINE` raises |
"""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from chassis import relay
from chassis.__main__ import main
from chassis.consumer import Consumer, Intake, Reaction
from chassis.lease import MongoPositions
from chassis.messages import Recorded
from chassis.mongo_store import MongoStore

_save, _commit = MongoPositions.save, Consumer._commit
_append_many, _reactions_to = MongoStore.append_many, Intake._reactions_to


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_offset_commit(consumer: Any, places: Mapping[Any, int], cluster: str) -> None:
    """Only when a fault was among it: a worker also commits what it heard of contracts, and nothing when it is idle."""
    if any(partition.topic == "linewatch-events" for partition in places):
        die()
    _commit(consumer, places, cluster)


def die_at_relay_place(self: MongoPositions, name: str, fence: int, value: object) -> None:
    """Only when there is something new: the place at the start, and of other tasks, is saved as ever."""
    known = self.load(name)
    if name == relay.POSITION and known and known["token"] != value["token"]:  # type: ignore[index]
        die()
    _save(self, name, fence, value)


def die_after_append(self: MongoStore, commits: Sequence[Any]) -> None:
    _append_many(self, commits)
    if commits:
        die()


def break_on_a_line(self: Intake, event: Recorded) -> Sequence[Reaction]:
    if getattr(event.event, "contract_number", "") == os.environ["CHAOS_LINE"]:
        raise ZeroDivisionError("a bug, on purpose")
    return _reactions_to(self, event)


PLACES = {
    "before-offset-commit": lambda: setattr(Consumer, "_commit", staticmethod(die_at_offset_commit)),
    "after-append": lambda: setattr(MongoStore, "append_many", die_after_append),
    "before-relay-place": lambda: setattr(MongoPositions, "save", die_at_relay_place),
    "bug-on-a-line": lambda: setattr(Intake, "_reactions_to", break_on_a_line),
}

if __name__ == "__main__":
    service, place = sys.argv[1:]
    PLACES[place]()
    sys.exit(main([service, "worker"]))
