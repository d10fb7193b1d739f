"""The commands that repair: dead letters again, views anew, everything published again."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import structlog
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from chassis import kafka
from chassis.consumer import BATCH, Intake, bury, read
from chassis.errors import BadMessage
from chassis.messages import Codec, Recorded
from chassis.store import EventStore

log = structlog.get_logger(__name__)


def replay(
    servers: Sequence[str], topics: Sequence[str], intake: Intake, clients: kafka.Clients = kafka.CLIENTS
) -> tuple[int, int]:
    """Takes the service's dead letters once more; what fails again is buried again. How many (taken, failed).

    Ends at the letters that were there when it began. A letter that was taken before has no second effect.
    """
    taken = failed = 0
    consumer = clients.consumer(servers, f"{intake.service}-replay", f"{intake.service}.replay", BATCH)
    with (
        closing(consumer),
        _closing(clients.producer(servers, f"{intake.service}-replay")) as producer,
        kafka.reachable(),
    ):
        partitions = _partitions(consumer, [kafka.dead_letter_topic(topic) for topic in topics])
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        for stale in kafka.committed_elsewhere(consumer, partitions):
            consumer.seek_to_beginning(stale)
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            polled = consumer.poll(timeout_ms=500)
            # What is buried again lands behind these ends, and may be polled while another partition is not there yet.
            there = [record for part, batch in polled.items() for record in batch if record.offset < ends[part]]
            records = [record for record in there if _is_ours(record, intake.service)]
            letters = intake.take(records)
            bury(producer, intake.service, letters)
            taken, failed = taken + len(records), failed + len(letters)
            cluster = kafka.cluster_id(consumer)
            places = {part: min(batch[-1].offset + 1, ends[part]) for part, batch in polled.items()}
            consumer.commit({part: kafka.offset(place, cluster) for part, place in places.items()})
    return taken, failed


@contextmanager
def _closing(producer: KafkaProducer) -> Iterator[KafkaProducer]:
    try:
        yield producer
    finally:
        kafka.close_producer(producer)


def heard(servers: Sequence[str], topics: Sequence[str], codec: Codec) -> Iterator[Recorded]:
    """All events of the topics from the beginning to the end as it was at the call; unreadable ones are left out."""
    with closing(kafka.make_consumer(servers, "rebuild", None, BATCH)) as consumer:
        partitions = _partitions(consumer, topics)
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            for batch in consumer.poll(timeout_ms=500).values():
                for record in batch:
                    try:
                        yield read(record, codec)
                    except BadMessage as problem:
                        log.warning("unreadable_event_left_out", code=problem.code)


def since(store: EventStore, token: object) -> Iterator[Recorded]:
    """The store's own events after `token`, to where it stands when it falls silent."""
    for batch in store.follow(token):
        if not batch.events:
            return
        yield from batch.events


def _partitions(consumer: KafkaConsumer, topics: Sequence[str]) -> list[TopicPartition]:
    return [
        TopicPartition(topic, number)
        for topic in topics
        for number in sorted(consumer.partitions_for_topic(topic) or ())
    ]


def _is_ours(record: Any, service: str) -> bool:
    return ("dl_service", service.encode()) in record.headers
