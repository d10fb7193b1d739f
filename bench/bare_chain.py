"""The yardstick of the storm: insert -> change stream -> Kafka -> insert, twice over, one record a line, nothing else.

The same engines, the same client libraries with the same options, the same records (key, CloudEvents headers and value
of a `LineFaulted`) and the same durability as the services, but no rules, no HTTP, no checks of repeats. Each stage is
a process of its own, as the services are.
"""

import multiprocessing
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
from kafka import KafkaAdminClient, TopicPartition
from pymongo.database import Database

from bench import processor
from chassis import kafka
from chassis.mongo import Document, connect
from devstack.results import Void

LIST = 1000
DATABASE = "bench-bare-chain"
DEADLINE = 300.0


@dataclass(frozen=True)
class Figure:
    """Lines a second, and the processor time in seconds that each process used for them."""

    rate: float
    spent: processor.Spent


def measure(mongo_url: str, kafka_servers: Sequence[str], lines: int, engines: Mapping[str, int]) -> Figure:
    """From the first insert to the last record of the last collection; `Void`: some are lost. `engines` are processes
    by name, whose time counts too."""
    run = uuid.uuid4().hex[:8]
    owners = [f"bench-{run}-1", f"bench-{run}-2"]
    db = connect(mongo_url, DATABASE)
    kafka.make_topics(kafka_servers, owners)
    first, middle, last = (f"{run}-{place}" for place in "abc")
    stages = [
        (_relay, (mongo_url, kafka_servers, first, owners[0])),
        (_consume, (mongo_url, kafka_servers, owners[0], middle)),
        (_relay, (mongo_url, kafka_servers, middle, owners[1])),
        (_consume, (mongo_url, kafka_servers, owners[1], last)),
    ]
    try:
        with _running(stages) as pids, processor.measured({**engines, **pids, "inserting": os.getpid()}) as spent:
            began = time.monotonic()
            for start in range(0, lines, LIST):
                documents = [_line(number) for number in range(start, min(start + LIST, lines))]
                db[first].insert_many(documents, ordered=False)
            _wait(db, last, lines)
            figure = Figure(lines / (time.monotonic() - began), spent())
        _check(db, last, lines)
        return figure
    finally:
        db.client.drop_database(DATABASE)
        _drop_topics(kafka_servers, owners)


def _line(number: int) -> Document:
    contract_number = f"{number:010d}"
    return {
        "_id": f"line-{contract_number}@1",
        "type": "LineFaulted",
        "data": {
            "contract_number": contract_number,
            "fault_id": f"{contract_number}-1",
            "severity": "critical",
            "cause": "storm",
            "since": "2026-11-23T00:00:00+00:00",
        },
    }


def _check(db: Database[Document], collection: str, lines: int) -> None:
    """Every line once; what is there may be a moment from being majority-committed."""
    deadline = time.monotonic() + 10
    while db[collection].count_documents({}) != lines:
        if time.monotonic() > deadline:
            raise Void("the bare chain lost or doubled lines")
        time.sleep(0.02)


def _wait(db: Database[Document], collection: str, lines: int) -> None:
    deadline = time.monotonic() + DEADLINE
    while db[collection].estimated_document_count() < lines:
        if time.monotonic() > deadline:
            raise RuntimeError("the bare chain did not end in time")
        time.sleep(0.02)


@contextmanager
def _running(stages: Sequence[tuple[Any, tuple[Any, ...]]]) -> Iterator[dict[str, int]]:
    """All stages, each ready before the first line comes; ended afterwards. Gives their processes by name."""
    context = multiprocessing.get_context("spawn")
    ready = context.Semaphore(0)
    processes = [context.Process(target=stage, args=(*arguments, ready), daemon=True) for stage, arguments in stages]
    for process in processes:
        process.start()
    try:
        for _ in processes:
            if not ready.acquire(timeout=60):
                raise RuntimeError("a stage of the bare chain did not start")
        yield {f"stage {place}": process.pid for place, process in enumerate(processes, 1) if process.pid}
    finally:
        for process in processes:
            process.terminate()
            process.join(10)


def _relay(mongo_url: str, servers: Sequence[str], collection: str, owner: str, ready: Any) -> None:
    db = connect(mongo_url, DATABASE)
    producer = kafka.make_producer(servers, "bare-relay")
    topic = kafka.topic_of(owner)
    producer.partitions_for(topic)
    with db[collection].watch(
        [{"$match": {"operationType": "insert"}}], batch_size=LIST, max_await_time_ms=200
    ) as changes:
        changes.try_next()
        ready.release()
        pending = []
        while True:
            change = changes.try_next()
            if change is not None:
                document = change["fullDocument"]
                key, value, headers = _record(document)
                pending.append(producer.send(topic, key=key, value=value, headers=headers))
            if pending and (change is None or len(pending) >= LIST):
                producer.flush(timeout=20)
                for future in pending:
                    future.get(timeout=20)
                pending = []


def _consume(mongo_url: str, servers: Sequence[str], owner: str, collection: str, ready: Any) -> None:
    db = connect(mongo_url, DATABASE)
    consumer = kafka.make_consumer(servers, "bare-consumer", owner, 500)
    topic = kafka.topic_of(owner)
    consumer.assign([TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()])
    consumer.poll(timeout_ms=100)
    ready.release()
    while True:
        records = [record for batch in consumer.poll(timeout_ms=200).values() for record in batch]
        if records:
            db[collection].insert_many([_document(record) for record in records], ordered=False)
            consumer.commit()


def _record(document: Document) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """The line as the services would send it."""
    stream = document["_id"].partition("@")[0]
    headers = {
        "ce_specversion": "1.0",
        "ce_id": f"{document['_id']}.0",
        "ce_type": document["type"],
        "ce_source": "/linewatch",
        "ce_time": document["data"]["since"],
        "ce_subject": stream,
        "ce_partitionkey": stream,
        "ce_sequence": "0000000001.0000",
        "ce_correlationid": "0123456789abcdef0123456789abcdef",
        "ce_causationid": document["_id"],
        "ce_actor": "automatic:bench",
        "content-type": "application/json",
    }
    return stream.encode(), msgspec.json.encode(document["data"]), [(k, v.encode()) for k, v in headers.items()]


def _document(record: Any) -> Document:
    said = {name: text.decode() for name, text in record.headers}
    return {"_id": said["ce_causationid"], "type": said["ce_type"], "data": msgspec.json.decode(record.value)}


def _drop_topics(servers: Sequence[str], owners: Sequence[str]) -> None:
    admin = KafkaAdminClient(bootstrap_servers=list(servers))
    try:
        topics = [kafka.topic_of(owner) for owner in owners]
        admin.delete_topics([name for topic in topics for name in (topic, kafka.dead_letter_topic(topic))])
    finally:
        admin.close()
