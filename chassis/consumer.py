"""From Kafka to a service's own commits: batches, at least once, effects that know their message.

Offsets are committed after the effects are durable, with the id of the cluster that they were counted in: an offset
from a cluster whose data is gone is not believed. What cannot be done now is tried again while the partition waits;
what can never be done goes to the dead-letter topic with its cause, and the partition moves on.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import structlog
from kafka import ConsumerRebalanceListener, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import CommitFailedError, IllegalStateError, RebalanceInProgressError

from chassis import kafka, progress
from chassis.errors import BadMessage, TsunaguError
from chassis.handling import Failed, Handler, Order
from chassis.messages import Actor, Codec, Recorded, from_kafka
from chassis.views import Views

BATCH = 500
FIRST_PAUSE_MS, LONGEST_PAUSE_MS = 200, 5_000
log = structlog.get_logger(__name__)


class ClusterChanged(Exception):
    """Kafka is another cluster than at the start of this run: begin again."""


@dataclass(frozen=True)
class Reaction:
    """What a service does when an event happens elsewhere: commands for its own aggregates, in order."""

    handler: Handler[Any]
    orders: Callable[[Recorded], Sequence[Order]]


@dataclass(frozen=True)
class Letter:
    """A message that can never be carried out, and why."""

    record: Any
    cause: str


@dataclass(frozen=True)
class Intake:
    """Carries out batches of foreign events: first the views made from them, then the reactions.

    Round trips a batch do not grow with it. The same batch again has no second effect.
    """

    service: str
    codec: Codec
    reactions: Mapping[str, Reaction]
    views: Views | None = None

    def take(self, records: Sequence[Any]) -> list[Letter]:
        """Carries out Kafka records; gives back those that can never be. Raises a retriable error to be called again."""
        events, letters = self._read(records)
        if self.views:
            self.views.project([event for _, event in events])
        return letters + self._react(events)

    def _read(self, records: Sequence[Any]) -> tuple[list[tuple[Any, Recorded]], list[Letter]]:
        events, letters = [], []
        for record in records:
            try:
                events.append((record, from_kafka(record.value, record.headers, self.codec)))
            except BadMessage as problem:
                letters.append(Letter(record, f"{problem.code} {problem.details}"))
        return events, letters

    def _react(self, events: Sequence[tuple[Any, Recorded]]) -> list[Letter]:
        letters: list[Letter] = []
        by_handler: dict[Handler[Any], list[tuple[Any, Order]]] = defaultdict(list)
        for record, event in events:
            if reaction := self.reactions.get(event.type):
                try:
                    by_handler[reaction.handler] += [(record, order) for order in reaction.orders(event)]
                except Exception as broken:  # noqa: BLE001  One broken message must not stop the rest.
                    letters.append(Letter(record, repr(broken)))
        for handler, pairs in by_handler.items():
            results = handler.handle_many([order for _, order in pairs], Actor("automatic", self.service))
            failed = [
                (pair[0], result) for pair, result in zip(pairs, results, strict=True) if isinstance(result, Failed)
            ]
            letters += [Letter(record, repr(failure.error)) for record, failure in failed]
        return letters


class Consumer:
    """One run of a consumer group's member. `run` returns when `going` says so; any failure is safe to run again."""

    def __init__(self, servers: Sequence[str], topics: Sequence[str], intake: Intake) -> None:
        self._servers, self._topics, self._intake = servers, list(topics), intake

    def run(self, going: Callable[[], bool]) -> None:
        group = self._intake.service
        consumer = kafka.make_consumer(self._servers, f"{group}-worker", group, BATCH)
        try:
            consumer.subscribe(self._topics, listener=_Distrust(consumer))
            self._loop(consumer, going)
        finally:
            consumer.close(autocommit=False, timeout_ms=3_000)

    def _loop(self, consumer: KafkaConsumer, going: Callable[[], bool]) -> None:
        cluster = kafka.cluster_id(consumer)
        while going():
            polled = consumer.poll(timeout_ms=500)
            now_at = kafka.cluster_id(consumer)
            if cluster and now_at not in ("", cluster):
                raise ClusterChanged
            cluster = now_at or cluster
            progress.consumer_turned()
            if polled and self._carry_out(
                consumer, [record for records in polled.values() for record in records], going
            ):
                self._commit(consumer, polled, cluster)

    def _carry_out(self, consumer: KafkaConsumer, records: Sequence[Any], going: Callable[[], bool]) -> bool:
        """Tries until it is done; the consumer stays in its group meanwhile. False when told to stop first."""
        pause_ms = FIRST_PAUSE_MS
        while going():
            try:
                self._bury(self._take(records))
            except TsunaguError as problem:
                log.warning("batch_postponed", code=problem.code, records=len(records), again_in_ms=pause_ms)
                consumer.pause(*consumer.assignment())
                consumer.poll(timeout_ms=pause_ms)
                pause_ms = min(pause_ms * 2, LONGEST_PAUSE_MS)
            else:
                consumer.resume(*consumer.paused())
                progress.consumed(len(records), records[0].timestamp)
                return True
        return False

    def _take(self, records: Sequence[Any]) -> list[Letter]:
        """A batch that breaks as a whole is taken one by one, so that only the broken message is lost to it."""
        try:
            return self._intake.take(records)
        except TsunaguError:
            raise
        except Exception as broken:
            log.exception("batch_broke", records=len(records))
            if len(records) == 1:
                return [Letter(records[0], repr(broken))]
            return [letter for record in records for letter in self._take([record])]

    def _bury(self, letters: Sequence[Letter]) -> None:
        if letters:
            with closing(kafka.make_producer(self._servers, f"{self._intake.service}-dead-letters")) as producer:
                bury(producer, self._intake.service, letters)

    @staticmethod
    def _commit(consumer: KafkaConsumer, polled: Mapping[TopicPartition, Sequence[Any]], cluster: str) -> None:
        places = {part: kafka.offset(records[-1].offset + 1, cluster) for part, records in polled.items()}
        try:
            consumer.commit({part: place for part, place in places.items() if part in consumer.assignment()})
        except (CommitFailedError, RebalanceInProgressError, IllegalStateError):
            log.info("offsets_not_committed", reason="group changed: the batch comes again")


def bury(producer: KafkaProducer, service: str, letters: Sequence[Letter]) -> None:
    """Puts messages into their topics' dead-letter topics, with cause, reader and place; returns when durable."""
    futures = []
    for letter in letters:
        record = letter.record
        topic = record.topic if record.topic.endswith(".dead-letter") else kafka.dead_letter_topic(record.topic)
        facts = {
            "dl_service": service,
            "dl_cause": letter.cause,
            "dl_place": f"{record.topic}/{record.partition}/{record.offset}",
        }
        headers = [header for header in record.headers if not header[0].startswith("dl_")]
        headers += [(name, text.encode()) for name, text in facts.items()]
        value = record.value if record.value is None or len(record.value) < kafka.MAX_MESSAGE_BYTES else b""
        futures.append(producer.send(topic, key=record.key, value=value, headers=headers))
        progress.DEAD_LETTERS.labels(record.topic).inc()
        log.error("dead_letter", place=facts["dl_place"], cause=letter.cause)
    producer.flush(timeout=20)
    for future in futures:
        future.get(timeout=20)


class _Distrust(ConsumerRebalanceListener):  # type: ignore[misc]
    """Begins at the beginning where the committed offset belongs to a cluster that is gone."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer

    def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        pass

    def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        stale = kafka.committed_elsewhere(self._consumer, assigned)
        if stale:
            log.warning("offsets_of_another_cluster", partitions=len(stale))
            self._consumer.seek_to_beginning(*stale)
