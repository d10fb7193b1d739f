"""Kafka clients with every option that matters set by name, and the topics they use."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError, TopicAlreadyExistsError
from kafka.net.compat import KafkaNetClient
from kafka.structs import MemberState, OffsetAndMetadata

from chassis.errors import Unavailable

PARTITIONS = 4
DEAD_LETTER = ".dead-letter"
MAX_MESSAGE_BYTES = 1_000_000
# A client learns within this time that the cluster behind its servers is another one.
METADATA_AGE_MS = 5_000
# How long a new client looks for a server that answers.
BOOTSTRAP_MS = 10_000
# How long a batch may wait for its acknowledgements.
ACKNOWLEDGE_SECONDS = 20.0

Client = TypeVar("Client", KafkaAdminClient, KafkaConsumer, KafkaProducer)
Message = tuple[str, bytes | None, bytes | None, Sequence[tuple[str, bytes]]]


@contextmanager
def reachable() -> Iterator[None]:
    """Turns every failure to reach or to use Kafka into `Unavailable`, which may be tried again."""
    try:
        yield
    except KafkaError as problem:
        raise Unavailable("kafka-unavailable", type(problem).__name__) from problem


def topic_of(owner: str) -> str:
    return f"{owner}-events"


def dead_letter_topic(topic: str) -> str:
    return f"{topic}{DEAD_LETTER}"


def make_topics(servers: Sequence[str], owners: Sequence[str], replicas: int = -1) -> None:
    """Makes the event and dead-letter topics of the owners; those that exist are left as they are.

    Events are kept for ever: a new reader begins at the beginning. `replicas` -1 is the broker's default.
    """
    with reachable(), closing(make_admin(servers, "topics")) as admin:
        wanted = {name for owner in owners for name in (topic_of(owner), dead_letter_topic(topic_of(owner)))}
        missing = wanted - set(admin.list_topics())
        options = {"num_partitions": PARTITIONS, "replication_factor": replicas, "configs": {"retention.ms": "-1"}}
        try:
            if missing:
                admin.create_topics(dict.fromkeys(sorted(missing), options), wait_for_metadata=True)
        except TopicAlreadyExistsError:
            return  # Another process was a moment faster.


def make_admin(servers: Sequence[str], client: str) -> KafkaAdminClient:
    return _made(KafkaAdminClient, servers, client, bootstrap_timeout_ms=BOOTSTRAP_MS)


def ends(admin: KafkaAdminClient, topics: Sequence[str]) -> dict[TopicPartition, int]:
    """Where the next record of each partition of these topics will be; a topic that is not there has none."""
    partitions = [
        TopicPartition(topic["name"], partition["partition_index"])
        for topic in admin.describe_topics()
        if topic["name"] in topics
        for partition in topic["partitions"]
    ]
    found = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST)) if partitions else {}
    return {partition: end.offset for partition, end in found.items()}


def committed(admin: KafkaAdminClient, group: str) -> dict[TopicPartition, int]:
    """The next record that the group will take, where it has ever committed one."""
    return {partition: place.offset for partition, place in admin.list_group_offsets(group)[group].items()}


def make_producer(servers: Sequence[str], client: str, *, bootstrap_ms: int = BOOTSTRAP_MS) -> KafkaProducer:
    """Idempotent, acknowledged by all replicas, in order; to be made after any fork.

    It gives a record up only long after `send_all` has: a record that expired before its successor would let the
    successor overtake it.
    """
    return _made(
        KafkaProducer,
        servers,
        client,
        acks="all",
        enable_idempotence=True,
        max_in_flight_requests_per_connection=5,
        linger_ms=2,
        batch_size=262_144,
        max_request_size=MAX_MESSAGE_BYTES * 2,
        max_block_ms=5_000,
        request_timeout_ms=10_000,
        delivery_timeout_ms=int(ACKNOWLEDGE_SECONDS * 10_000),
        reconnect_backoff_max_ms=1_000,
        bootstrap_timeout_ms=bootstrap_ms,
        metadata_max_age_ms=METADATA_AGE_MS,
        allow_auto_create_topics=False,
        metrics_enabled=False,
    )


def make_consumer(
    servers: Sequence[str], client: str, group: str | None, max_records: int, *, bootstrap_ms: int = BOOTSTRAP_MS
) -> KafkaConsumer:
    """At least once: offsets are committed by the caller, a group without any begins at the beginning."""
    return _made(
        KafkaConsumer,
        servers,
        client,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=max_records,
        fetch_max_wait_ms=500,
        fetch_min_bytes=1,
        max_poll_interval_ms=300_000,
        session_timeout_ms=10_000,
        heartbeat_interval_ms=2_000,
        request_timeout_ms=15_000,
        reconnect_backoff_max_ms=1_000,
        bootstrap_timeout_ms=bootstrap_ms,
        metadata_max_age_ms=METADATA_AGE_MS,
        allow_auto_create_topics=False,
        metrics_enabled=False,
    )


def _made(kind: Callable[..., Client], servers: Sequence[str], client_id: str, **options: Any) -> Client:
    """A client; `Unavailable` when no server answers, and then without the thread that the library would leave."""
    net = _Net()
    try:
        with reachable():
            return kind(
                bootstrap_servers=list(servers),
                client_id=client_id,
                kafka_client=net,
                **options,
            )
    except BaseException:
        net.close()
        raise


class _Net:
    """Makes the network part of one client and keeps hold of it, for what the client itself has no public word for."""

    def __init__(self) -> None:
        self._made: KafkaNetClient | None = None

    def __call__(self, **options: Any) -> KafkaNetClient:
        self._made = KafkaNetClient(**options)
        return self._made

    @property
    def cluster_id(self) -> str:
        return str(self._made.cluster.cluster_id or "") if self._made else ""

    def close(self) -> None:
        if self._made:
            self._made.close()


@dataclass(frozen=True)
class Clients:
    """How topics and clients are made. The simulator has its own, which are used alike and reach a Kafka in memory."""

    topics: Callable[[Sequence[str], Sequence[str]], None] = make_topics
    producer: Callable[[Sequence[str], str], KafkaProducer] = make_producer
    consumer: Callable[[Sequence[str], str, str | None, int], KafkaConsumer] = make_consumer


CLIENTS = Clients()


def poll(consumer: KafkaConsumer, milliseconds: int) -> dict[TopicPartition, list[Any]]:
    """As the library's `poll`, but a member that was joining its group again stays at it.

    In kafka-python 3.0.12 a rejoin because of new topics or partitions that outlasts one poll is forgotten: its result
    is never taken, heartbeats stay off, and the member is out of its group for ever without noticing.
    """
    if consumer.group_metadata().state == MemberState.REBALANCING:
        consumer._coordinator.request_rejoin()
    polled: dict[TopicPartition, list[Any]] = consumer.poll(timeout_ms=milliseconds)
    return polled


def send_all(producer: KafkaProducer, messages: Sequence[Message]) -> None:
    """Sends (topic, key, value, headers) and returns when all are acknowledged.

    `Unavailable` otherwise; then each partition has got a beginning of its messages, and the producer is to be closed.
    """
    with reachable():
        futures = [
            producer.send(topic, key=key, value=value, headers=list(headers)) for topic, key, value, headers in messages
        ]
        producer.flush(timeout=ACKNOWLEDGE_SECONDS)
        for future in futures:
            future.get(timeout=1)


def close_producer(producer: KafkaProducer) -> None:
    """Ends a producer within seconds, also when Kafka does not answer; what was not acknowledged is given up."""
    try:
        producer.close(timeout=2)
    except KafkaError:
        # While records wait for an answer the library's close raises and leaves its thread running for ever; there
        # is no public way to stop it.
        producer._sender.force_close()
        producer._sender.join(2)


def cluster_id(client: KafkaProducer | KafkaConsumer) -> str:
    """The cluster that the client last spoke with; "" when it has not yet. Changes when Kafka's data was wiped.

    It is as fresh as `METADATA_AGE_MS`.
    """
    return str(client.config["kafka_client"].cluster_id)


def committed_elsewhere(consumer: KafkaConsumer, partitions: Sequence[TopicPartition]) -> list[TopicPartition]:
    """Partitions whose committed offset was counted in another cluster, and so means nothing in this one.

    An offset that says no cluster was set by an operator's tool and is believed.
    """
    here = cluster_id(consumer)
    found = {partition: consumer.committed(partition, metadata=True) for partition in partitions}
    return [partition for partition, offset in found.items() if offset and offset.metadata not in ("", None, here)]


def offset(position: int, cluster: str) -> Any:
    return OffsetAndMetadata(position, cluster, -1)
