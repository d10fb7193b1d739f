"""What lies in Kafka and MongoDB for a service is counted from beside its tasks."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from pymongo.database import Database

from chassis import kafka
from chassis.consumer import Letter, bury
from chassis.testing import counted, record_of, recorded
from chassis.tests.examples import CODEC, Opened
from chassis.watching import Watch
from conftest import Addresses

pytestmark = pytest.mark.integration


@pytest.fixture
def producer(engines: Addresses, owner: str) -> Iterator[Any]:
    kafka.make_topics(engines.kafka_servers, [owner])
    made = kafka.make_producer(engines.kafka_servers, "test")
    yield made
    kafka.close_producer(made)


@pytest.fixture
def watch(engines: Addresses, owner: str, database: Database[dict[str, Any]]) -> Watch:
    return Watch(engines.kafka_servers, "keeper", [kafka.topic_of(owner)], database, wait=lambda seconds: None)


def look(watch: Watch) -> None:
    """Once."""
    turns = iter([True])
    watch.run(lambda: next(turns, False))


def ends(watch: Watch, topic: str) -> dict[Any, int]:
    with closing(kafka.make_admin(watch.servers, "test")) as admin:
        return kafka.ends(admin, [topic])


def write(producer: Any, owner: str, count: int) -> None:
    kafka.send_all(producer, [(kafka.topic_of(owner), b"door-1", b"{}", [])] * count)


def test_the_lag_is_what_the_group_has_not_committed(
    watch: Watch, producer: Any, engines: Addresses, owner: str
) -> None:
    write(producer, owner, 5)
    with closing(kafka.make_consumer(engines.kafka_servers, "test", "keeper", 10)) as consumer:
        partition = next(part for part, end in ends(watch, kafka.topic_of(owner)).items() if end)
        consumer.assign([partition])
        consumer.commit({partition: kafka.offset(3, "")})

    look(watch)

    labels = {"group": "keeper", "topic": kafka.topic_of(owner)}
    lags = [counted("kafka_consumer_lag", **labels, partition=number) for number in range(kafka.PARTITIONS)]
    assert sorted(lags) == [0, 0, 0, 2]


def test_letters_wait_until_they_are_taken_again_and_only_ones_own_count(
    watch: Watch, producer: Any, engines: Addresses, owner: str
) -> None:
    letter = Letter(record_of(recorded(Opened("ann"), "door-1"), CODEC, owner), "broken")
    topic = kafka.dead_letter_topic(kafka.topic_of(owner))
    seen = []

    look(watch)
    seen.append(counted("dead_letters_waiting", topic=topic))
    for service, count in (("keeper", 2), ("another", 1)):
        bury(producer, service, [letter] * count)
    look(watch)
    seen.append(counted("dead_letters_waiting", topic=topic))
    bury(producer, "keeper", [letter])
    look(watch)
    seen.append(counted("dead_letters_waiting", topic=topic))
    with closing(kafka.make_consumer(engines.kafka_servers, "test", "keeper.replay", 10)) as consumer:
        consumer.commit({part: kafka.offset(end, "") for part, end in ends(watch, topic).items()})
    look(watch)
    seen.append(counted("dead_letters_waiting", topic=topic))

    assert seen == [0, 2, 3, 0]


def test_topics_that_are_not_there_yet_are_no_failure(watch: Watch) -> None:
    look(watch)


def test_the_database_and_its_disk_are_told_of(watch: Watch, database: Database[dict[str, Any]]) -> None:
    database["commits"].insert_one({})

    look(watch)

    assert counted("mongo_database_bytes", part="data") > 0
    assert 0 < counted("mongo_disk_used_ratio") < 1
