"""One line fault at a time in a system at rest: until bulk forwarding runs, and until the mail is queued.

A time counts from the POST until a reader of the service's commits sees the effect, durable on a majority. In turns
with each fault the yardstick: one bare insert, and one record to Kafka and back.
"""

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from pymongo.change_stream import ChangeStream
from pymongo.collection import Collection

from bench.ground import Ground
from bench.pace import percentile
from bench.storm import Commits, Storm
from chassis import kafka
from chassis.mongo import Document
from devstack.results import Result, Void, at_most, figure

TITLE = "One fault at a time in an idle system, beside one bare insert plus one bare round trip through Kafka."
DATABASE = "bench-latency"
ROUNDS, FAULTS, GOAL = 5, 40, 10.0
LONGEST = 30.0
FORWARDED, TOLD, BARE = "forwarded", "mail queued", "bare round trip"


def run(ground: Ground) -> Result:
    """A fault whose effect does not come, or comes twice, makes the figures void."""
    storm = Storm.on(replace(ground, lines=FAULTS))
    storm.prepare()
    rounds: list[dict[str, list[float]]] = []
    with _bare(ground) as bare:
        for _ in ground.in_rounds(f"Rounds of {FAULTS} faults", ROUNDS):
            rounds.append(_round(storm, bare))
            storm.recoveries()
    p50 = {name: [percentile(one[name], 50) for one in rounds] for name in rounds[0]}
    p99 = {name: [percentile(one[name], 99) for one in rounds] for name in rounds[0]}
    figures = {
        "p50": figure("ms", p50, beside=BARE),
        "p99": figure("ms", p99, beside=BARE, goal=at_most(GOAL)),
        "p99 of the mail": figure("ms", {name: p99[name] for name in (TOLD, BARE)}, beside=BARE),
    }
    return Result("latency", TITLE, "", figures)


def _round(storm: Storm, bare: "Bare") -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {FORWARDED: [], TOLD: [], BARE: []}
    mark = datetime.now(UTC)
    with _seen(storm.plans, "BulkForwardStarted") as plans, _seen(storm.notices, "MailQueued") as notices:
        for contract in storm.contracts():
            bare.round_trip()  # Warms the way that the pause before has cooled.
            taken[BARE].append(bare.round_trip())
            began = time.monotonic()
            storm.post_one(contract, "faulted")
            taken[FORWARDED].append(_wait(plans, contract, began))
            taken[TOLD].append(_wait(notices, contract, began))
    storm.check(mark, "BulkForwardStarted", storm.plans)
    storm.check(mark, "MailQueued", storm.notices)
    return taken


@contextmanager
def _seen(commits: Commits, event: str) -> Iterator[ChangeStream[Document]]:
    """What becomes durable from now on."""
    wanted = {"operationType": "insert", "fullDocument.events.type": event}
    with commits.watch([{"$match": wanted}], max_await_time_ms=1000) as changes:
        changes.try_next()
        yield changes


def _wait(changes: ChangeStream[Document], contract: str, began: float) -> float:
    """Milliseconds until the effect of this contract was seen."""
    while time.monotonic() - began < LONGEST:
        change = changes.try_next()
        if change and _contracts(change["fullDocument"]["events"]) == {contract}:
            return (time.monotonic() - began) * 1000
    raise Void(f"the effect of a fault did not come within {LONGEST:.0f} s")


def _contracts(events: Sequence[Document]) -> set[str]:
    return {event["data"]["contract_number"] for event in events if "contract_number" in event["data"]}


@dataclass(frozen=True)
class Bare:
    """The engines alone, with the services' own options."""

    rows: Collection[Document]
    producer: KafkaProducer
    consumer: KafkaConsumer
    topic: str

    def round_trip(self) -> float:
        """Milliseconds."""
        began, key = time.monotonic(), uuid.uuid4().hex
        self.rows.insert_one({"_id": key, "note": "x" * 300})
        self.producer.send(self.topic, key=key.encode(), value=b"x" * 300).get(timeout=LONGEST)
        while key.encode() not in [record.key for record in self._polled()]:
            if time.monotonic() - began > LONGEST:
                raise RuntimeError("Kafka did not give back what it took")
        return (time.monotonic() - began) * 1000

    def _polled(self) -> Iterator[Any]:
        for records in self.consumer.poll(timeout_ms=1000).values():
            yield from records


@contextmanager
def _bare(ground: Ground) -> Iterator[Bare]:
    owner = f"bench-{uuid.uuid4().hex[:8]}"
    topic = kafka.topic_of(owner)
    kafka.make_topics(ground.kafka_servers, [owner])
    db = ground.database(DATABASE)
    producer = kafka.make_producer(ground.kafka_servers, "bare")
    with closing(kafka.make_consumer(ground.kafka_servers, "bare", None, 500)) as consumer:
        consumer.assign([TopicPartition(topic, number) for number in producer.partitions_for(topic)])
        try:
            yield Bare(db["rows"], producer, consumer, topic)
        finally:
            kafka.close_producer(producer)
            db.client.drop_database(DATABASE)
            with closing(kafka.make_admin(ground.kafka_servers, "bare")) as admin:
                admin.delete_topics([topic, kafka.dead_letter_topic(topic)])
