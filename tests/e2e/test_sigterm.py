"""SIGTERM under load, as every rollout sends it: no request that was taken goes unanswered, no work is done twice."""

import itertools
import json
import signal
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from chaos.harm import LONG, away, told_to_end
from chassis.testing import eventually
from devstack.client import Answer
from devstack.stack import Stack
from devstack.trouble import Trouble
from tests.e2e.customer import Customer

REPORTERS, LINES = 4, 16
ENDINGS = 3


@dataclass
class Told:
    """What reporters were told. `again` is what became of reports whose first try was not taken."""

    taken: int = 0
    again: list[str] = field(default_factory=list)
    other: list[Answer] = field(default_factory=list)


def report_until(ended: threading.Event, customer: Customer) -> Told:
    """One report after the other, each again until it is taken."""
    told = Told()
    for number in itertools.count():
        if ended.is_set():
            return told
        report, tries = customer.report("faulted", alarm=f"a{number % 20}"), 0
        while (answer := sent(customer, report)) is None or answer.status == 503:
            tries += 1
        if answer.status != 202:
            told.other.append(answer)
        elif tries:
            told.again.append(answer.body["results"][0]["status"])
        told.taken += 1
    raise AssertionError("unreachable")


def sent(customer: Customer, report: dict[str, Any]) -> Answer | None:
    """None when the connection was refused, or broke before there was an answer."""
    try:
        return customer.post(report)
    except Trouble:
        return None


@contextmanager
def reporting(customers: list[Customer]) -> Iterator[list[Future[Told]]]:
    """Reports come in from all of these at once, until the context ends."""
    ended = threading.Event()
    with ThreadPoolExecutor(len(customers)) as threads:
        try:
            yield [threads.submit(report_until, ended, customer) for customer in customers]
        finally:
            ended.set()


@pytest.mark.parametrize("name", ["linewatch-web", "gateway"])
def test_a_request_that_was_taken_is_answered(stack: Stack, new_customer: Callable[[], Customer], name: str) -> None:
    customers = [new_customer() for _ in range(REPORTERS)]

    with reporting(customers) as reporters:
        for _ in range(ENDINGS):
            told_to_end(stack, name)
    told = [reporter.result() for reporter in reporters]

    assert not [answer for one in told for answer in one.other]
    # One that had been taken, and whose answer was dropped, would be a duplicate now.
    assert {status for one in told for status in one.again} <= {"accepted", "ignored"}
    assert all(one.taken for one in told)


def test_no_event_is_published_twice(
    stack: Stack, new_customer: Callable[[], Customer], kafka_servers: list[str]
) -> None:
    customers = made(new_customer)
    with ThreadPoolExecutor(REPORTERS) as threads:
        reports = [threads.submit(customer.says, customer.report("faulted")) for customer in customers]
        for name in ("linewatch-worker", "bulkforward-worker", "notify-worker", "notify-aside"):
            told_to_end(stack, name)
        assert [report.result() for report in reports] == [["accepted"]] * LINES

    for customer in customers:
        customer.once_faulted(LONG)
    for topic in ("linewatch-events", "bulkforward-events", "notify-events"):
        times = published(kafka_servers, topic, {customer.number for customer in customers})
        assert times, "there is something to count"
        assert not [event for event, count in times.items() if count > 1]


def test_what_a_consumer_has_done_it_has_marked_as_done(
    stack: Stack, new_customer: Callable[[], Customer], kafka_servers: list[str]
) -> None:
    customers, name = {customer.number: customer for customer in made(new_customer)}, "bulkforward-worker"
    with ThreadPoolExecutor(REPORTERS) as threads:
        for customer in customers.values():
            threads.submit(customer.says, customer.report("faulted"))
        eventually(lambda: any(customer.runs() for customer in customers.values()), within=LONG)
        with away(stack, name, signal.SIGTERM):
            facts = not_yet_taken(kafka_servers, "bulkforward", "linewatch-events")
            ahead = {fact["contract_number"] for fact in facts} & set(customers)
            done_ahead = [number for number in ahead if customers[number].runs()]

    assert not done_ahead, "its effect is there, and it would be taken again"
    for customer in customers.values():
        customer.once_faulted(LONG)


def made(new_customer: Callable[[], Customer]) -> list[Customer]:
    with ThreadPoolExecutor(REPORTERS) as threads:
        return list(threads.map(lambda _: new_customer(), range(LINES)))


def published(servers: list[str], topic: str, numbers: Collection[str]) -> Counter[str]:
    """How often each event about these contracts lies in a topic, by its id. Of others some lie there twice: stories
    before this one have killed relays."""
    with_headers = (dict(record.headers) for record in read(servers, topic, {}))
    return Counter(
        headers["ce_id"].decode()
        for headers in with_headers
        if "ce_id" in headers and headers["ce_subject"].decode().split("-")[1] in numbers
    )


def not_yet_taken(servers: list[str], group: str, topic: str) -> list[dict[str, Any]]:
    """The LineFaulted behind the group's committed offsets."""
    asking = KafkaConsumer(bootstrap_servers=servers, group_id=group, enable_auto_commit=False)
    try:
        partitions = [TopicPartition(topic, number) for number in asking.partitions_for_topic(topic) or ()]
        places = {partition.partition: asking.committed(partition) or 0 for partition in partitions}
    finally:
        asking.close()
    records = [
        record for record in read(servers, topic, places) if dict(record.headers).get("ce_type") == b"LineFaulted"
    ]
    return [json.loads(record.value) for record in records]


def read(servers: list[str], topic: str, since: dict[int, int]) -> list[Any]:
    """All records of a topic, of each partition those from an offset on."""
    reader = KafkaConsumer(
        topic, bootstrap_servers=servers, auto_offset_reset="earliest", consumer_timeout_ms=2000, group_id=None
    )
    try:
        return [record for record in reader if record.offset >= since.get(record.partition, 0)]
    finally:
        reader.close()
