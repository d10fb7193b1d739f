"""A worker that kills itself with SIGKILL at one exact place: `python -m tests.e2e.crashing SERVICE PLACE`.

`before-offset-commit`: the effects of a batch with faults are durable, Kafka does not know that the batch is done.
`before-relay-place`: Kafka has acknowledged, the place in the change stream is not saved.
"""

import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

from chassis import relay
from chassis.__main__ import main
from chassis.consumer import Consumer
from chassis.lease import MongoPositions

_save, _commit = MongoPositions.save, Consumer._commit


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


PLACES = {
    "before-offset-commit": lambda: setattr(Consumer, "_commit", staticmethod(die_at_offset_commit)),
    "before-relay-place": lambda: setattr(MongoPositions, "save", die_at_relay_place),
}

if __name__ == "__main__":
    service, place = sys.argv[1:]
    PLACES[place]()
    sys.exit(main([service, "worker"]))
