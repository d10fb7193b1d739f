"""From the event store to Kafka: follows the store's change stream and saves its place after Kafka's acknowledgement.

A crash between the two publishes again, so readers get an event at least once; two relays at once are kept apart by
a lease, and one that lost it can no longer move the place. When the place is gone from the store's log, or Kafka is
another cluster than the place belongs to, everything is published again from the store.

Where Kafka was wiped, nobody but the relay that publishes everything again makes its topics: had a reader made them, a
producer that still means the old cluster could put its last batch before all that belongs before it.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

import structlog

from chassis import kafka, progress
from chassis.lease import Positions
from chassis.messages import Codec, Recorded, to_kafka
from chassis.store import EventStore, TokenLost

SCAN_BATCH = 1000
# After a batch of few it rests: what is recorded meanwhile is one batch, where each event alone would cost a request to
# Kafka and wake every reader. An event after a while of silence never waits.
FEW, REST_SECONDS = 200, 0.1
SAVE_SECONDS = 0.2
SAVE_IDLE_SECONDS = 30.0
POSITION = "relay"
log = structlog.get_logger(__name__)


class Publisher(Protocol):
    """The way to the topic of one owner."""

    cluster: str

    def publish(self, events: Sequence[Recorded]) -> None:
        """Returns when all are acknowledged; raises when one is not."""

    def still_same_cluster(self) -> bool:
        """False when the place no longer means anything there."""

    def close(self) -> None: ...


class KafkaPublisher:
    """Publishes to `<owner>-events`, keyed by stream, through one idempotent producer."""

    def __init__(
        self, servers: Sequence[str], owner: str, codec: Codec, clients: kafka.Clients = kafka.CLIENTS
    ) -> None:
        clients.topics(servers, [owner])
        self._producer = clients.producer(servers, f"{owner}-relay")
        self._topic, self._owner, self._codec = kafka.topic_of(owner), owner, codec
        self.cluster = kafka.cluster_id(self._producer)

    def publish(self, events: Sequence[Recorded]) -> None:
        written = [(self._topic, *to_kafka(recorded, self._codec, self._owner)) for recorded in events]
        with progress.PUBLISH_FAILURES.count_exceptions():
            kafka.send_all(self._producer, written)
        progress.PUBLISHED.inc(len(events))

    def still_same_cluster(self) -> bool:
        return kafka.cluster_id(self._producer) in ("", self.cluster)

    def close(self) -> None:
        kafka.close_producer(self._producer)


@dataclass
class Relay:
    """One run of the relay under a lease's `fence`; `step` after `step` until something fails or `going` says no.

    `published` is told after each batch of how many events it was.
    """

    store: EventStore
    connect: Callable[[], Publisher]
    public: frozenset[str]
    positions: Positions
    fence: int
    published: Callable[[int], None] = lambda events: None
    wait: Callable[[float], Any] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    _saved_at: float = field(default=0.0)
    _moved: bool = field(default=False)

    def run(self, going: Callable[[], bool]) -> None:
        """Publishes until `going` is false. Any failure is raised and is safe to run again after."""
        with closing(self.connect()) as publisher:
            token = self._place(publisher)
            try:
                for batch in self.store.follow(token, self.public):
                    progress.OUTBOX.take_events(batch.events)
                    publisher.publish(batch.events)
                    progress.OUTBOX.done()
                    self.published(len(batch.events))
                    stopping = not going() or not publisher.still_same_cluster()
                    self._save(publisher, batch.token, bool(batch.events), at_once=stopping)
                    if stopping:
                        return
                    if 0 < len(batch.events) < FEW:
                        self.wait(REST_SECONDS)
            except TokenLost:
                log.warning("relay_place_lost")
                self._republish(publisher)

    def _place(self, publisher: Publisher) -> Any:
        saved = self.positions.load(POSITION)
        if saved is None or saved["cluster"] != publisher.cluster:
            return self._republish(publisher)
        return saved["token"]

    def _republish(self, publisher: Publisher) -> Any:
        """Everything in the store, then on from where the store stood before that."""
        token = self.store.start()
        count = 0
        public = (recorded for recorded in self.store.scan() if recorded.type in self.public)
        for chunk in _chunks(public, SCAN_BATCH):
            publisher.publish(chunk)
            count += len(chunk)
        self._save(publisher, token, True, at_once=True)
        log.info("republished", events=count)
        return token

    def _save(self, publisher: Publisher, token: Any, moved: bool, *, at_once: bool = False) -> None:
        """Not after each batch: when single events trickle in, that would cost more than they do."""
        self._moved = self._moved or moved
        since = self.monotonic() - self._saved_at
        if at_once or since > (SAVE_SECONDS if self._moved else SAVE_IDLE_SECONDS):
            self.positions.save(POSITION, self.fence, {"token": token, "cluster": publisher.cluster})
            self._saved_at, self._moved = self.monotonic(), False


def _chunks(events: Iterable[Recorded], size: int) -> Iterator[list[Recorded]]:
    remaining = iter(events)
    while chunk := list(islice(remaining, size)):
        yield chunk
