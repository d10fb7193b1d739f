"""Kafka clients with every option that matters set by name, and the topics they use."""

from collections.abc import Sequence
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import TopicAlreadyExistsError
from kafka.structs import OffsetAndMetadata

PARTITIONS = 4
MAX_MESSAGE_BYTES = 1_000_000
# A client learns within this time that the cluster behind its servers is another one.
METADATA_AGE_MS = 5_000


def topic_of(owner: str) -> str:
    return f"{owner}-events"


def dead_letter_topic(topic: str) -> str:
    return f"{topic}.dead-letter"


def make_topics(servers: Sequence[str], owners: Sequence[str], replicas: int = -1) -> None:
    """Makes the event and dead-letter topics of the owners; those that exist are left as they are.

    Events are kept for ever: a new reader begins at the beginning. `replicas` -1 is the broker's default.
    """
    admin = KafkaAdminClient(bootstrap_servers=list(servers), bootstrap_timeout_ms=10_000)
    try:
        wanted = {name for owner in owners for name in (topic_of(owner), dead_letter_topic(topic_of(owner)))}
        missing = wanted - set(admin.list_topics())
        options = {"num_partitions": PARTITIONS, "replication_factor": replicas, "configs": {"retention.ms": "-1"}}
        if missing:
            admin.create_topics(dict.fromkeys(sorted(missing), options), wait_for_metadata=True)
    except TopicAlreadyExistsError:
        return  # Another process was a moment faster.
    finally:
        admin.close()


def make_producer(servers: Sequence[str], client: str) -> KafkaProducer:
    """Idempotent, acknowledged by all replicas, in order; to be made after any fork."""
    return KafkaProducer(
        bootstrap_servers=list(servers),
        client_id=client,
        acks="all",
        enable_idempotence=True,
        max_in_flight_requests_per_connection=5,
        linger_ms=2,
        batch_size=262_144,
        max_request_size=MAX_MESSAGE_BYTES * 2,
        max_block_ms=5_000,
        request_timeout_ms=10_000,
        delivery_timeout_ms=20_000,
        reconnect_backoff_max_ms=1_000,
        bootstrap_timeout_ms=10_000,
        metadata_max_age_ms=METADATA_AGE_MS,
        allow_auto_create_topics=False,
        metrics_enabled=False,
    )


def make_consumer(servers: Sequence[str], client: str, group: str | None, max_records: int) -> KafkaConsumer:
    """At least once: offsets are committed by the caller, a group without any begins at the beginning."""
    return KafkaConsumer(
        bootstrap_servers=list(servers),
        client_id=client,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=max_records,
        fetch_max_wait_ms=100,
        fetch_min_bytes=1,
        max_poll_interval_ms=300_000,
        session_timeout_ms=10_000,
        heartbeat_interval_ms=2_000,
        request_timeout_ms=15_000,
        reconnect_backoff_max_ms=1_000,
        bootstrap_timeout_ms=10_000,
        metadata_max_age_ms=METADATA_AGE_MS,
        allow_auto_create_topics=False,
        metrics_enabled=False,
    )


def cluster_id(client: KafkaProducer | KafkaConsumer) -> str:
    """The cluster that the client last spoke with; "" when it has not yet. Changes when Kafka's data was wiped.

    The library has no public word for it on these clients; it is as fresh as `METADATA_AGE_MS`.
    """
    return str(client._manager.cluster.cluster_id or "")


def committed_elsewhere(consumer: KafkaConsumer, partitions: Sequence[TopicPartition]) -> list[TopicPartition]:
    """Partitions whose committed offset was counted in another cluster, and so means nothing in this one."""
    here = cluster_id(consumer)
    found = {partition: consumer.committed(partition, metadata=True) for partition in partitions}
    return [partition for partition, offset in found.items() if offset is not None and offset.metadata != here]


def offset(position: int, cluster: str) -> Any:
    return OffsetAndMetadata(position, cluster, -1)
