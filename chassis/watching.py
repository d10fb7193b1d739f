"""What lies in the engines for a service, looked at from beside its tasks: it is seen while they are stuck, too.

Each worker looks and tells the same; whoever adds up takes the largest.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaAdminClient, TopicPartition
from pymongo.database import Database

from chassis import kafka, progress
from chassis.mongo import Document, reachable

LOOK_SECONDS, STEP_SECONDS = 10.0, 0.5
AT_ONCE = 500


@dataclass(frozen=True)
class Counted:
    """How many of the letters from `start` to `end` are the service's own."""

    start: int
    end: int
    letters: int


@dataclass
class Watch:
    """Tells how far the service's group is behind, which dead letters wait for it, and what its database takes."""

    servers: Sequence[str]
    service: str
    topics: Sequence[str]
    db: Database[Document]
    wait: Callable[[float], Any] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _counted: dict[TopicPartition, Counted] = field(default_factory=dict)

    def run(self, going: Callable[[], bool]) -> None:
        """Until told to stop; any failure is safe to run again after."""
        with kafka.reachable(), closing(kafka.make_admin(self.servers, f"{self.service}-watch")) as admin:
            looked_at = float("-inf")
            while going():
                if self.clock() - looked_at >= LOOK_SECONDS:
                    looked_at = self.clock()
                    self.look(admin)
                self.wait(STEP_SECONDS)

    def look(self, admin: KafkaAdminClient) -> None:
        """Once: the database first, which may be there when Kafka is not."""
        self._look_at_database()
        progress.behind(self.service, kafka.committed(admin, self.service), kafka.ends(admin, self.topics))
        letters = [kafka.dead_letter_topic(topic) for topic in self.topics]
        self._look_at_letters(kafka.committed(admin, f"{self.service}.replay"), kafka.ends(admin, letters))

    def _look_at_database(self) -> None:
        with reachable():
            said = self.db.command("dbStats")
        # Of a database that is not there yet nothing is known.
        progress.stored(said["storageSize"], said["indexSize"], said["fsUsedSize"] / (said["fsTotalSize"] or 1))

    def _look_at_letters(self, taken: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]) -> None:
        known = {part: self._known(part, taken.get(part, 0)) for part in ends}
        new = {part: counted for part, counted in known.items() if counted.end < ends[part]}
        found = self._read(new, ends) if new else {}
        self._counted = {
            part: Counted(counted.start, max(counted.end, ends[part]), counted.letters + found.get(part, 0))
            for part, counted in known.items()
        }
        for topic in {part.topic for part in ends}:
            waiting = sum(counted.letters for part, counted in self._counted.items() if part.topic == topic)
            progress.LETTERS_WAITING.labels(topic).set(waiting)

    def _known(self, part: TopicPartition, start: int) -> Counted:
        """Letters lie there until they are taken again, so what was counted once is counted."""
        counted = self._counted.get(part)
        return counted if counted and counted.start == start else Counted(start, start, 0)

    def _read(
        self, places: Mapping[TopicPartition, Counted], ends: Mapping[TopicPartition, int]
    ) -> Mapping[TopicPartition, int]:
        """The service's own letters in each partition, of those that have not been counted."""
        found = dict.fromkeys(places, 0)
        with closing(kafka.make_consumer(self.servers, f"{self.service}-letters", None, AT_ONCE)) as consumer:
            consumer.assign(list(places))
            for part, counted in places.items():
                consumer.seek(part, counted.end)
            while any(consumer.position(part) < ends[part] for part in places):
                for part, records in consumer.poll(timeout_ms=500).items():
                    found[part] += sum(_is_of(self.service, record) for record in records if record.offset < ends[part])
        return found


def _is_of(service: str, record: Any) -> bool:
    return ("dl_service", service.encode()) in record.headers
