"""What is left behind: in logs, in databases, on topics, and in what the interface says of itself.

The last of the attacks, so that it reads the logs of all before it.
"""

import json
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from bson.raw_bson import RawBSONDocument
from kafka import TopicPartition
from pymongo import MongoClient

from chassis import kafka
from devstack import engines
from devstack.client import Client
from devstack.services import MAIL
from devstack.stack import Stack
from tests.e2e.attacks.wire import sent
from tests.e2e.customer import API, TEMPORARY, Customer, change
from tests.e2e.interface import Operation

NEW, WRONG = "aZ9bY8cX7dW6", "qM4nP3wK2vJ1"
NOT_OURS = frozenset({engines.MONGOD, engines.KAFKA, MAIL})
OWN_MARK = "4711-forged-line"


@pytest.fixture(name="secrets", scope="module")
def secrets_of_a_customer(victim: Customer, keys: Mapping[str, str]) -> list[str]:
    """Used in every way in which they can be: right, wrong, in the wrong place, and by mistake."""
    victim.set_temporary_password("line", password="83749201")
    temporary = victim.log_in(victim.number, "83749201").body["token"]
    session = change(victim.visitor(temporary), "83749201", NEW).body["token"]
    browser = victim.visitor(session)
    victim.log_in(victim.number, WRONG)
    victim.log_in(NEW, victim.number)  # The password where the number belongs.
    change(browser, WRONG, NEW)
    browser.get(f"{API}/sessions?password={WRONG}&token={session}")
    Client(victim.site, keys["calls"]).get(f"{API}/api-keys?key={keys['calls']}")
    Client(victim.site, WRONG).get(f"{API}/me")
    browser.post(f"{API}/sessions", {"number": victim.number, "password": WRONG, "passwort": WRONG})
    return ["83749201", temporary, session, NEW, WRONG, *keys.values()]


def texts(stack: Stack) -> Iterator[tuple[str, str]]:
    """Each line of each log with the name of its file."""
    for path in sorted(Path(stack.places.logs).glob("*.log*")):
        with path.open(encoding="utf-8", errors="replace") as lines:
            yield from ((path.name, line) for line in lines)


@pytest.mark.attack(60)
def test_no_log_holds_a_secret(stack: Stack, secrets: list[str]) -> None:
    found = [f"{name}: {line[:300]}" for name, line in texts(stack) if any(secret in line for secret in secrets)]

    assert not found, "\n".join(found[:20])


# As they are written anywhere: all that the run's customers have begin with these, and nothing else does.
NUMBER = re.compile(r"(?<![0-9A-Za-z.])0(?:[36]\d{8}|[5789]0\d{8})(?![0-9A-Za-z])")
ADDRESS = re.compile(r"[\w.+-]+@example\.jp")


@pytest.mark.attack(60)
def test_no_log_holds_a_number_or_an_address_of_a_customer(stack: Stack, secrets: list[str]) -> None:
    allowed = ("noc@example.jp", "tsunagu@example.jp")

    found = [
        f"{name}: {told} in {line[:300]}"
        for name, line in texts(stack)
        for told in [*NUMBER.findall(line), *ADDRESS.findall(line)]
        if told not in allowed
    ]

    assert not found, "\n".join(found[:20])


@pytest.mark.attack(32)
def test_no_caller_writes_a_line_of_a_log(stack: Stack, victim: Customer) -> None:
    """In all that a request has, and in what is logged of a body."""
    forged = f'x\n{{"level":"error","event":"{OWN_MARK}"}}\n\x1b[31m{OWN_MARK}\x1b[0m\r\n\u2028\u0085'
    victim.visitor().post(f"{API}/sessions", {"number": forged, "password": forged})
    victim.operator.get(f"{API}/areas/%0A%1B%5B31m{OWN_MARK}")
    victim.operator.put(f"{API}/contracts/{victim.number}", {"contractor": forged})
    victim.says(victim.report("faulted", 90, cause=forged.replace("\0", ""), alarm=forged, source=forged))
    head = f"GET /%0a{OWN_MARK}%1b[31m?x=%0d%0a{OWN_MARK} HTTP/1.1\r\nHost: {OWN_MARK}\r\nUser-Agent: \x1b[31mx\r\n"
    sent(victim.site, f"{head}X-Correlation-ID: {OWN_MARK}\x1b[0m\r\nX-Forwarded-For: {OWN_MARK}\x1b\r\n\r\n".encode())
    sent(victim.site, f"{OWN_MARK}\x1b[31m / HTTP/1.1\r\n\r\n".encode())

    ours = [(name, line) for name, line in texts(stack) if name.removesuffix(".log") not in NOT_OURS]
    assert len(ours) > 100
    assert [(name, line[:200]) for name, line in ours if "\x1b" in line or not is_an_event(line)] == []


def is_an_event(line: str) -> bool:
    """Whether a line is one JSON object of ours, and not what a caller has made look like one."""
    try:
        told = json.loads(line)
    except ValueError:
        return False
    return isinstance(told, dict) and {"ts", "level", "service", "event"} <= told.keys() and told["event"] != OWN_MARK


@pytest.mark.attack(22, 60)
def test_whoever_steals_the_databases_can_log_in_nowhere(stack: Stack, secrets: list[str]) -> None:
    """Neither passwords nor what stands for a login or a key; what is kept of them opens nothing."""
    wanted = [secret.encode() for secret in secrets]
    with closing(MongoClient(stack.mongo_url, document_class=RawBSONDocument)) as client:
        names = [name for name in client.list_database_names() if name not in ("admin", "config", "local")]
        found = [
            f"{name}.{collection}"
            for name in names
            for collection in client[name].list_collection_names()
            for document in client[name][collection].find()
            if any(secret in document.raw for secret in wanted)
        ]
        hashes = [bytes(one.raw) for one in client["auth"]["commits"].find() if b"argon2" in bytes(one.raw)]

    assert len(names) >= 7
    assert hashes, "verifiers are kept, as Argon2id"
    assert not found
    for stolen in sorted({found.decode() for kept in hashes for found in re.findall(rb"\$argon2id\$[^\x00\"]+", kept)})[
        :5
    ]:
        assert Client(stack.gateway_url, stolen[:4000]).get(f"{API}/me").status == 401


@pytest.mark.attack(60)
def test_no_event_tells_a_secret(kafka_servers: list[str], secrets: list[str]) -> None:
    wanted = [secret.encode() for secret in secrets]

    found = [
        f"{record.topic}/{record.partition}/{record.offset}"
        for record in everything(kafka_servers)
        if any(
            secret in part for secret in wanted for part in (record.value or b"", *(text for _, text in record.headers))
        )
    ]

    assert not found


def everything(servers: list[str]) -> Iterator[Any]:
    consumer = kafka.make_consumer(servers, "attacks", None, 2000)
    with closing(consumer):
        topics = [topic for topic in consumer.topics() if "-events" in topic]
        assert len(topics) >= 7
        partitions = [
            TopicPartition(topic, one) for topic in topics for one in consumer.partitions_for_topic(topic) or ()
        ]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            for batch in kafka.poll(consumer, 500).values():
                yield from batch


# --- what the interface says of itself

# Told once, to whoever has just made it.
ONCE = {("POST /api/v1/sessions", "token"), ("PUT /api/v1/password", "token"), ("POST /api/v1/api-keys", "key")}
SECRET = re.compile(r"^(password|new|new_again|token|key|secret|hash|verifier|pepper|salt|pin|digits)$")


@pytest.mark.attack(14)
def test_no_answer_has_a_place_for_a_password(operations: list[Operation], customer: Customer) -> None:
    found = {
        (str(operation), name)
        for operation in operations
        for answer in operation.described["responses"].values()
        for content in operation.looked_up(answer).get("content", {}).values()
        for name in fields_of(operation, content.get("schema", {}))
        if SECRET.fullmatch(name)
    }

    # The answer of a login and of what is asked of it later have one shape; the token is in the first alone.
    assert found == ONCE | {("GET /api/v1/sessions/current", "token")}
    assert "token" not in customer.at_home("line").get(f"{API}/sessions/current").body


def fields_of(operation: Operation, schema: Mapping[str, object]) -> Iterator[str]:
    schema = operation.looked_up(schema)
    properties = schema.get("properties", {})
    assert isinstance(properties, Mapping)
    yield from properties
    for inner in [*properties.values(), *(schema[name] for name in ("items",) if name in schema)]:
        yield from fields_of(operation, inner)


@pytest.mark.attack(14, 15)
def test_nobody_but_the_telephone_and_its_owner_gives_a_number_a_password(
    operations: list[Operation], unsigned_customer: Customer
) -> None:
    """So a contract begins without one, and no operator has a way to make or to see one."""
    takes = {str(one) for one in operations if one.body and any("password" in name for name in one.body["properties"])}
    assert takes == {"POST /api/v1/sessions"}
    assert {one.policy for one in operations if one.path.endswith("/password")} == {"customer-even-restricted"}

    number = unsigned_customer.number
    guesses = ("", "password", "0000", "00000000", "12345678", number, number[-8:], "tsunagu", "admin", TEMPORARY)
    answers = {unsigned_customer.log_in(number, guess).status for guess in guesses}

    assert answers <= {401, 422}


@pytest.fixture(name="unsigned_customer")
def one_without_a_password(customer: Customer) -> Customer:
    return customer


@pytest.mark.attack(5)
def test_a_password_is_taken_exactly_as_it_was_typed(customer: Customer) -> None:
    customer.set_temporary_password("line")
    browser = customer.visitor(customer.log_in(customer.number, TEMPORARY).body["token"])
    assert change(browser, TEMPORARY, NEW).status == 200

    near = [f"{NEW} ", f" {NEW}", NEW.lower(), NEW[:8], f"{NEW}\u200b", f"{NEW}x" * 10, "ａ" + NEW[1:], f"{NEW}\n"]
    assert {customer.log_in(customer.number, one).status for one in near} <= {401, 422}
    assert customer.log_in(customer.number, NEW).status == 201


# --- what might be fetched for a caller


@contextmanager
def trap() -> Iterator[tuple[str, list[bytes]]]:
    """An address inside, and what has come to it."""
    caught: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def wait() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    caught.append(connection.recv(1000))

        threading.Thread(target=wait, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/latest/meta-data/", caught
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.attack(48)
def test_no_address_that_a_caller_names_is_asked(customer: Customer, keys: Mapping[str, str]) -> None:
    """Alerts, events and handshakes are full of them."""
    monitor = Client(customer.site, keys["line-events"], headers={"WebHook-Request-Origin": "http://169.254.169.254/"})
    with trap() as (url, caught):
        alert = {
            "status": "firing",
            "labels": {"line": customer.number, "alertname": url},
            "annotations": {"runbook_url": url, "image": url, "summary": url},
            "startsAt": "2026-11-23T00:00:00Z",
            "generatorURL": url,
            "fingerprint": f"trap-{customer.number}",
            **dict.fromkeys(("silenceURL", "dashboardURL", "panelURL", "imageURL"), url),
        }
        body = {"version": "4", "externalURL": url, "receiver": url, "alerts": [alert]}
        cloud = {
            "specversion": "1.0",
            "id": url,
            "source": url,
            "type": "x",
            "dataschema": url,
            "data": customer.report("faulted", 1) | {"cause": url, "source": url},
        }
        answers = [
            monitor.post(f"{API}/line-events/alertmanager", body),
            monitor.post(f"{API}/line-events/grafana", body | {"orgId": 1}),
            monitor.post(f"{API}/line-events", cloud),
            monitor.post(f"{API}/line-events", customer.report("faulted", 2, cause=url, source=url)),
        ]
        customer.once_faulted()

        assert {answer.status for answer in answers} <= {202, 415, 400}
        assert answers[0].body["accepted"] == 1
        assert caught == []
