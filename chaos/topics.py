"""Kafka as anyone who may write to it can use it: to look, and to say things again."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any

from kafka import TopicPartition

from chassis import kafka
from chassis.kafka import Message
from chassis.messages import sequence_of

AT_ONCE = 2_000
LINES, FORWARDING, NOTICES = "linewatch-events", "bulkforward-events", "notify-events"


def read(servers: Sequence[str], topic: str) -> list[Any]:
    """All records that are in a topic now, partition by partition in order; what comes meanwhile is left out."""
    with closing(kafka.make_consumer(servers, "chaos", None, AT_ONCE)) as reader:
        partitions = [TopicPartition(topic, number) for number in sorted(reader.partitions_for_topic(topic) or ())]
        reader.assign(partitions)
        reader.seek_to_beginning(*partitions)
        ends = reader.end_offsets(partitions)
        found: list[Any] = []
        while any(reader.position(partition) < end for partition, end in ends.items()):
            for partition, records in reader.poll(timeout_ms=500).items():
                found += [record for record in records if record.offset < ends[partition]]
    return sorted(found, key=lambda record: (record.partition, record.offset))


def new(records: Iterable[Any], before: Iterable[Any]) -> list[Any]:
    """Those that were not there before."""
    known = {(record.partition, record.offset) for record in before}
    return [record for record in records if (record.partition, record.offset) not in known]


def send(servers: Sequence[str], records: Iterable[Message]) -> None:
    """(topic, key, value, headers) each, acknowledged when this returns."""
    producer = kafka.make_producer(servers, "chaos")
    try:
        kafka.send_all(producer, list(records))
    finally:
        kafka.close_producer(producer)


def scatter(servers: Sequence[str], records: Iterable[Message]) -> None:
    """As `send`, in the order given, each into the partition after that of the one before."""
    producer = kafka.make_producer(servers, "chaos")
    try:
        for number, (topic, key, value, headers) in enumerate(records):
            partition = number % kafka.PARTITIONS
            producer.send(topic, key=key, value=value, headers=list(headers), partition=partition).get(timeout=30)
    finally:
        kafka.close_producer(producer)


def written(commits: Iterable[Mapping[str, Any]], owner: str, types: Collection[str]) -> list[Message]:
    """The events of these types as the owner's relay would send them."""
    return [
        (
            kafka.topic_of(owner),
            commit["stream"].encode(),
            json.dumps(event["data"]).encode(),
            [(name, text.encode()) for name, text in _headers(commit, index, event, owner).items()],
        )
        for commit in commits
        for index, event in enumerate(commit["events"])
        if event["type"] in types
    ]


def _headers(commit: Mapping[str, Any], index: int, event: Mapping[str, Any], owner: str) -> dict[str, str]:
    return {
        "ce_specversion": "1.0",
        "ce_id": f"{commit['_id']}.{index}",
        "ce_type": event["type"],
        "ce_source": f"/{owner}",
        "ce_time": commit["at"].isoformat(),
        "ce_subject": commit["stream"],
        "ce_partitionkey": commit["stream"],
        "ce_sequence": sequence_of(commit["revision"], index),
        "ce_correlationid": event["correlation"],
        "ce_causationid": event["causation"],
        "ce_actor": f"{commit['actor']['kind']}:{commit['actor']['id']}",
        "content-type": "application/json",
    }


def members(servers: Sequence[str], group: str) -> int:
    """How many readers the group has now."""
    with closing(kafka.make_admin(servers, "chaos")) as admin:
        return len(admin.describe_groups([group])[group]["members"])


def header(record: Any, name: str) -> str:
    headers: dict[str, bytes] = dict(record.headers)
    return headers.get(name, b"").decode()


def out_of_order(records: Iterable[Any]) -> list[str]:
    """Streams of which an event came for the first time after a later one had."""
    newest: dict[str, str] = defaultdict(str)
    seen: set[str] = set()
    wrong = []
    for record in records:
        stream, sequence, id = header(record, "ce_subject"), header(record, "ce_sequence"), header(record, "ce_id")
        if id and id not in seen and sequence < newest[stream]:
            wrong.append(stream)
        seen.add(id)
        newest[stream] = max(newest[stream], sequence)
    return wrong
