"""The pipeline that one would write first: of each fault one POST, one insert, one send and one commit at a time.

The same engines and the same durability as ours, and the same three stations: who takes the report, who forwards, who
owes the mail. No rules, no checks of repeats: a process that dies loses or doubles what it has in hand.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import flask
from kafka import TopicPartition

from chassis import kafka
from chassis.mongo import connect
from chassis.settings import read, variable

DATABASE = "bench-naive"


@dataclass(frozen=True)
class Settings:
    mongo_url: str = variable("Of the database that holds the faults.")
    kafka_servers: tuple[str, ...] = variable("Kafka's bootstrap servers.")
    owner: str = variable("Whose topic the faults go to.")


def create_app() -> flask.Flask:
    """Takes faults: a POST is an insert and a send."""
    settings, app = read(Settings), flask.Flask(__name__)
    faults = connect(settings.mongo_url, DATABASE)["faults"]
    producer = kafka.make_producer(settings.kafka_servers, "naive")

    @app.get("/ready")
    def ready() -> str:
        return "ok"

    @app.post("/faults")
    def take() -> tuple[str, int]:
        fault = flask.request.get_json()
        faults.insert_one({"_id": fault["id"], **fault})
        value = json.dumps(fault).encode()
        producer.send(kafka.topic_of(settings.owner), key=fault["line"].encode(), value=value).get(timeout=20)
        return "taken", 202

    return app


def station(mongo_url: str, servers: Sequence[str], heard: str, collection: str, said: str, ready: Any) -> None:
    """A process that takes one record, inserts, sends it on where somebody is named, and commits its place."""
    db, topic = connect(mongo_url, DATABASE), kafka.topic_of(heard)
    consumer = kafka.make_consumer(servers, "naive", heard, 1)
    producer = kafka.make_producer(servers, "naive")
    consumer.assign([TopicPartition(topic, number) for number in producer.partitions_for(topic)])
    consumer.poll(timeout_ms=100)
    ready.release()
    while True:
        for record in [record for batch in consumer.poll(timeout_ms=200).values() for record in batch]:
            fault = json.loads(record.value)
            db[collection].insert_one({"_id": fault["id"], **fault})
            if said:
                producer.send(kafka.topic_of(said), key=record.key, value=record.value).get(timeout=20)
            consumer.commit()
