"""From Kafka to a service's own commits: batches, at least once, effects that know their message.

Offsets are committed after the effects are durable, with the id of the cluster that they were counted in: an offset
from a cluster whose data is gone is not believed. What cannot be done now is tried again while the partition waits;
what can never be done goes to the dead-letter topic with its cause, and the partition moves on.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from kafka import ConsumerRebalanceListener, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import CommitFailedError, IllegalStateError, RebalanceInProgressError

from chassis import kafka, progress
from chassis.errors import BadMessage, Conflict, TsunaguError
from chassis.gathering import Gathering
from chassis.handling import Done, Failed, Handler, Order
from chassis.messages import Actor, Codec, Recorded, from_kafka
from chassis.views import Views

# Each batch waits for the journal once or twice, so in a storm a larger one is a faster one.
BATCH = 2_000
COMMIT_SECONDS = 0.2
# After fewer records it rests, as the relay does and for the same reason.
FEW, REST_SECONDS = 200, 0.1
FIRST_PAUSE_MS, LONGEST_PAUSE_MS = 200, 5_000
CAUSE_LENGTH = 1_000
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

    Round trips a batch do not grow with it. The same batch again has no second effect. An event may have several
    reactions, of several handlers; its orders then need command ids that differ.
    `caused` is told of the own events that came of a batch when they are durable.
    `answers` names the events that in a storm are better taken together with others, which answer them.
    """

    service: str
    codec: Codec
    reactions: Mapping[str, Reaction | Sequence[Reaction]]
    views: Views | None = None
    caused: Callable[[Iterable[Any]], None] = lambda events: None
    answers: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def take(self, records: Sequence[Any]) -> list[Letter]:
        """Carries out Kafka records; gives back those that can never be. An error that `passes`: call it again."""
        events, letters = self._read(records)
        if self.views:
            self.views.project([event for _, event in events])
        return letters + self._react(events)

    def _read(self, records: Sequence[Any]) -> tuple[list[tuple[Any, Recorded]], list[Letter]]:
        events, letters = [], []
        for record in records:
            try:
                events.append((record, read(record, self.codec)))
            except BadMessage as problem:
                letters.append(Letter(record, f"{problem.code} {problem.details}"))
        return events, letters

    def _react(self, events: Sequence[tuple[Any, Recorded]]) -> list[Letter]:
        letters: list[Letter] = []
        by_handler: dict[Handler[Any], list[tuple[Any, Order]]] = defaultdict(list)
        for record, event in events:
            try:
                for reaction in self._reactions_to(event):
                    if orders := reaction.orders(event):
                        by_handler[reaction.handler] += [(record, order) for order in orders]
            except Exception as broken:  # One broken message must not stop the rest.
                if passes(broken):
                    raise
                letters.append(Letter(record, repr(broken)))
        for handler, pairs in by_handler.items():
            results = handler.handle_many([order for _, order in pairs], Actor("automatic", self.service))
            self.caused(event for result in results if isinstance(result, Done) for event in result.events)
            failed = [
                (pair[0], result) for pair, result in zip(pairs, results, strict=True) if isinstance(result, Failed)
            ]
            letters += [Letter(record, repr(failure.error)) for record, failure in failed]
        return letters

    def _reactions_to(self, event: Recorded) -> Sequence[Reaction]:
        found = self.reactions.get(event.type, ())
        return (found,) if isinstance(found, Reaction) else found


def read(record: Any, codec: Codec) -> Recorded:
    """The event of a Kafka record; BadMessage also when its topic is not that of the one who alone says such events.

    Who may write to one topic can therefore not speak for anybody else, whatever the record says of itself.
    """
    event = from_kafka(record.value, record.headers, codec)
    owner = codec.owner_of(event.type)
    if owner and record.topic.removesuffix(kafka.DEAD_LETTER) != kafka.topic_of(owner):
        raise BadMessage("not-its-owner", type=event.type, topic=record.topic)
    return event


def passes(problem: Exception) -> bool:
    """Whether the same attempt may succeed later: an engine is away, or somebody else was faster."""
    return isinstance(problem, Conflict) or (isinstance(problem, TsunaguError) and problem.retriable)


class Consumer:
    """One run of a consumer group's member. `run` returns when `going` says so; any failure is safe to run again."""

    def __init__(
        self,
        servers: Sequence[str],
        topics: Sequence[str],
        intake: Intake,
        taken: Callable[[int], None] = lambda records: None,
        *,
        clients: kafka.Clients = kafka.CLIENTS,
        wait: Callable[[float], Any] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`taken` is told after each batch of how many records it was."""
        self._servers, self._topics, self._intake, self._taken = servers, list(topics), intake, taken
        self._clients, self._wait, self._monotonic = clients, wait, monotonic

    def run(self, going: Callable[[], bool]) -> None:
        group = self._intake.service
        consumer = self._clients.consumer(self._servers, f"{group}-worker", group, BATCH)
        try:
            assigned = _Assigned()
            consumer.subscribe(self._topics, listener=assigned)
            with kafka.reachable():
                self._loop(consumer, assigned, going)
        finally:
            consumer.close(autocommit=False, timeout_ms=3_000)

    def _loop(self, consumer: KafkaConsumer, assigned: "_Assigned", going: Callable[[], bool]) -> None:
        cluster = kafka.cluster_id(consumer)
        gathering = Gathering(self._intake.answers, self._monotonic)
        committed_at = self._monotonic()
        while going():
            polled = kafka.poll(consumer, 500)
            if kafka.cluster_id(consumer) not in ("", cluster):
                raise ClusterChanged
            progress.consumer_turned()
            newly = assigned.newly()
            gathering.forget(newly)
            for partition in self._distrusted(consumer, newly):
                polled.pop(partition, None)
            gathering.add(polled)
            records = gathering.take()
            if records and not self._carry_out(consumer, records, going):
                return
            if not records or self._monotonic() - committed_at > COMMIT_SECONDS:
                self._commit(consumer, gathering.moved(), cluster)
                committed_at = self._monotonic()
            if 0 < len(records) < FEW:
                self._wait(REST_SECONDS)
        self._commit(consumer, gathering.moved(), cluster)

    @staticmethod
    def _distrusted(consumer: KafkaConsumer, assigned: Collection[TopicPartition]) -> Sequence[TopicPartition]:
        """Of these partitions those whose committed offset belongs to a cluster that is gone; they begin anew."""
        stale = kafka.committed_elsewhere(consumer, [part for part in assigned if part in consumer.assignment()])
        if stale:
            log.warning("offsets_of_another_cluster", partitions=len(stale))
            consumer.seek_to_beginning(*stale)
        return stale

    def _carry_out(self, consumer: KafkaConsumer, records: Sequence[Any], going: Callable[[], bool]) -> bool:
        """Tries until it is done; the consumer stays in its group meanwhile. False when told to stop first."""
        progress.IN_HAND.take(len(records), min(record.timestamp for record in records) / 1000)
        pause_ms = FIRST_PAUSE_MS
        while going():
            try:
                self._bury(self._take(records))
            except TsunaguError as problem:
                log.warning("batch_postponed", code=problem.code, records=len(records), again_in_ms=pause_ms)
                _stay(consumer, pause_ms)
                pause_ms = min(pause_ms * 2, LONGEST_PAUSE_MS)
            else:
                consumer.resume(*consumer.paused())
                progress.consumed(len(records))
                self._taken(len(records))
                return True
        return False

    def _take(self, records: Sequence[Any]) -> list[Letter]:
        """A batch that breaks as a whole is taken one by one, so that only the broken message is lost to it."""
        try:
            return self._intake.take(records)
        except Exception as broken:
            if passes(broken):
                raise
            log.exception("batch_broke", records=len(records))
            if len(records) == 1:
                return [Letter(records[0], repr(broken))]
            return [letter for record in records for letter in self._take([record])]

    def _bury(self, letters: Sequence[Letter]) -> None:
        if letters:
            producer = self._clients.producer(self._servers, f"{self._intake.service}-dead-letters")
            try:
                bury(producer, self._intake.service, letters)
            finally:
                kafka.close_producer(producer)

    @staticmethod
    def _commit(consumer: KafkaConsumer, places: Mapping[TopicPartition, int], cluster: str) -> None:
        """Not after each batch: when single events trickle in, that would cost more than they do."""
        ours = {part: kafka.offset(at, cluster) for part, at in places.items() if part in consumer.assignment()}
        try:
            if ours:
                consumer.commit(ours)
        except (CommitFailedError, RebalanceInProgressError, IllegalStateError):
            log.info("offsets_not_committed", reason="group changed: the batch comes again")


def _stay(consumer: KafkaConsumer, milliseconds: int) -> None:
    """Waits as a member of the group. A partition that is assigned meanwhile is not paused: what it gives is left
    where it is, to be polled again."""
    consumer.pause(*consumer.assignment())
    for partition, records in kafka.poll(consumer, milliseconds).items():
        consumer.seek(partition, records[0].offset)
    progress.consumer_turned()


def bury(producer: KafkaProducer, service: str, letters: Sequence[Letter]) -> None:
    """Puts messages into their topics' dead-letter topics, with cause, reader and place; returns when durable."""
    kafka.send_all(producer, [_message(service, letter) for letter in letters])
    for letter in letters:
        progress.DEAD_LETTERS.labels(letter.record.topic).inc()
        log.error("dead_letter", place=_place(letter.record), cause=letter.cause)


def _message(service: str, letter: Letter) -> kafka.Message:
    record = letter.record
    topic = record.topic if record.topic.endswith(".dead-letter") else kafka.dead_letter_topic(record.topic)
    facts = {"dl_service": service, "dl_cause": letter.cause[:CAUSE_LENGTH], "dl_place": _place(record)}
    headers = [header for header in record.headers if not header[0].startswith("dl_")]
    headers += [(name, text.encode("utf-8", "backslashreplace")) for name, text in facts.items()]
    value = record.value if record.value is None or len(record.value) < kafka.MAX_MESSAGE_BYTES else b""
    return topic, record.key, value, headers


def _place(record: Any) -> str:
    return f"{record.topic}/{record.partition}/{record.offset}"


class _Assigned(ConsumerRebalanceListener):  # type: ignore[misc]
    """Notes newly assigned partitions. The library calls it on its network thread, where nothing may be asked."""

    def __init__(self) -> None:
        self._new: set[TopicPartition] = set()

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._new = self._new - set(revoked)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._new = self._new | set(assigned)

    def newly(self) -> set[TopicPartition]:
        """Those assigned since the last call."""
        new, self._new = self._new, set()
        return new
