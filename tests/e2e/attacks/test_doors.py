"""Past the gateway, with forged proofs, and with rights that have ended."""

import base64
import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

import jwt
import pytest
import urllib3
from kafka import TopicPartition

from chassis import kafka
from chassis.auth import AUDIENCE, ISSUER
from chassis.messages import Codec, to_kafka
from chassis.testing import eventually, recorded
from contracts.linewatch import LineFaulted
from devstack import services
from devstack.client import Client
from devstack.seed import OPERATOR
from devstack.stack import Stack
from tests.e2e.attacks.test_tolls import put_entry
from tests.e2e.customer import API, NINE, Customer
from tests.e2e.interface import Operation

FORGED = {
    "X-Forwarded-For": "127.0.0.1",
    "X-Principal": "operator",
    "X-User": "operator",
    "X-Scopes": "operator",
    "X-Correlation-ID": "gateway",
    "X-Original-URL": "/health/live",
    "X-HTTP-Method-Override": "GET",
}


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "operator", "iat": now, "exp": now + 600, "kind": "operator"}
    return said | {"scopes": ["operator"], "all_numbers": True} | changes


def forged_tokens(public_key: Mapping[str, str]) -> dict[str, str]:
    """What has been taken for a signed token elsewhere."""
    head = {"kid": public_key["kid"]}
    unsigned = jwt.encode(claims(), "", algorithm="none", headers=head)
    by_public_key = jwt.encode(claims(), "x" * 32 + public_key["x"], algorithm="HS256", headers=head)
    _, payload, _ = unsigned.split(".")
    curve = base64.urlsafe_b64encode(json.dumps({"alg": "EdDSA", **head}).encode()).rstrip(b"=").decode()
    own_key = base64.urlsafe_b64encode(json.dumps({"alg": "EdDSA", "jwk": dict(public_key), **head}).encode())
    return {
        "nobody's": "",
        "unsigned": unsigned,
        "signed with the public key": by_public_key,
        "with an empty signature": f"{curve}.{payload}.",
        "with a signature of zeros": f"{curve}.{payload}.{'A' * 86}",
        "with a key of its own": f"{own_key.rstrip(b'=').decode()}.{payload}.{'A' * 86}",
        "of a key that is a path": jwt.encode(claims(), "x" * 32, algorithm="HS256", headers={"kid": "../../dev/null"}),
        "no token": "operator",
    }


@pytest.mark.attack(39)
def test_no_service_believes_a_header_a_key_or_a_forged_token(
    stack: Stack, operations: Sequence[Operation], keys: Mapping[str, str], customer: Customer
) -> None:
    """At their own ports, which only the gateway is to reach: all of the interface, with every kind of proof."""
    (public_key,) = Client(stack.gateway_url).get(f"{API}/.well-known/jwks.json").body["keys"][:1]
    session = customer.at_home("line").bearer
    proofs = {**forged_tokens(public_key), "an API key": keys[OPERATOR], "a session": session}
    closed = [one for one in operations if one.policy != "public"]

    places = {str(one): ports_of(stack, one, customer) for one in closed}

    found = [
        f"{operation} with a token that is {name}: {status}"
        for operation in closed
        for port in places[str(operation)]
        for name, token in proofs.items()
        if (status := asked(port, operation, customer, token)) != 401
    ]

    assert not [name for name, ports in places.items() if not ports]
    assert not found, "\n".join(found)


def ports_of(stack: Stack, operation: Operation, customer: Customer) -> list[int]:
    """Of the services that have this operation."""
    ports = [stack.addresses.ports[services.web(name)] for name in services.SERVICES]
    return [port for port in ports if asked(port, operation, customer, "") not in (404, 405)]


def asked(port: int, operation: Operation, customer: Customer, token: str) -> int:
    path = operation.on(customer.number, customer.number).removeprefix(API)
    headers = FORGED | ({"Authorization": f"Bearer {token}"} if token else {})
    url = f"http://127.0.0.1:{port}{path}"
    return urllib3.request(operation.method, url, headers=headers, retries=False).status


@pytest.mark.attack(39)
def test_a_services_own_token_is_nothing_at_the_gateway(stack: Stack, keys: Mapping[str, str]) -> None:
    """Whoever has caught one on the inside cannot use it from the outside."""
    auth = Client(stack.addresses.url("auth-web"))
    token = auth.post("/tokens", {"bearer": keys[OPERATOR]}).body["token"]

    answer = Client(stack.gateway_url, token).get(f"{API}/api-keys")

    assert (answer.status, answer.code) == (401, "token-invalid")
    assert Client(stack.gateway_url, keys[OPERATOR]).post(f"{API}/tokens", {"bearer": keys[OPERATOR]}).status == 404


@pytest.mark.attack(33, 39)
def test_workers_answer_nothing_but_metrics_and_health(stack: Stack) -> None:
    names = [services.worker(one, task) for one in services.SERVICES for task in services.tasks(one)]

    for name in names:
        worker = stack.addresses.url(name)
        assert urllib3.request("GET", f"{worker}/metrics", retries=False).status == 200, name
        statuses = {
            urllib3.request("GET", f"{worker}/{path}", retries=False).status for path in ("", "debug", "contracts")
        }
        assert statuses == {404}, name


@pytest.mark.attack(38)
def test_what_an_operator_takes_away_is_gone_for_who_is_logged_in(full_customer: Callable[[], Customer]) -> None:
    victim = full_customer()
    browser, path = victim.at_home("line"), f"{API}/numbers/{victim.second_number}/voicewarp"
    assert browser.get(path).status == 200

    victim.register({victim.number: ["voicewarp"], victim.second_number: []}, ["fault-notice"])

    for gone in (path, victim.forwarding, f"{API}/numbers/{victim.second_number}/faxes"):
        assert eventually(lambda gone=gone: browser.get(gone).status == 404, within=10), gone  # type: ignore[misc]
    assert browser.get(f"{API}/numbers/{victim.number}/voicewarp").status == 200


@pytest.mark.attack(21, 38)
def test_the_end_of_a_contract_ends_every_login_of_it(full_customer: Callable[[], Customer]) -> None:
    victim = full_customer()
    browsers = [victim.at_home("line"), victim.at_home("number", victim.second_number)]
    assert {browser.get(f"{API}/me").status for browser in browsers} == {200}

    assert victim.operator.delete(f"{API}/contracts/{victim.number}").status == 204

    for browser in browsers:
        assert eventually(lambda browser=browser: browser.get(f"{API}/me").status == 401, within=10)  # type: ignore[misc]


@pytest.mark.attack(35)
def test_two_names_for_one_thing_that_disagree_open_nothing(
    victim: Customer, full_customer: Callable[[], Customer]
) -> None:
    """The path is the victim's own; what is named beside it is the neighbour's."""
    neighbour = full_customer()
    mine, theirs = victim.at_home("line"), neighbour.at_home("line")
    (session,) = [one["id"] for one in theirs.get(f"{API}/sessions").body["items"] if one["current"]]
    own, other = victim.number, neighbour.number

    answers = {
        "a session": mine.delete(f"{API}/sessions/{session}").status,
        "a number in a plan": mine.put(victim.forwarding, {"entries": {other: "0312345678"}}).status,
        "a number of an entry": put_entry(mine, victim, other, "0312345678").status,
        "a number in a query": mine.get(f"{API}/me/voicewarp?numbers={other}").body["numbers"],
        "a contract of a body": victim.operator.put(
            f"{API}/contracts/{own}", victim.operator.get(f"{API}/contracts/{other}").body
        ).status,
        "a fax": mine.get(f"{API}/numbers/{own}/faxes/{uuid.uuid4()}/document").status,
        "a path in a number": mine.get(f"{API}/numbers/{own}%2F..%2F{other}/voicewarp").status,
        "a second number": mine.get(f"{API}/numbers/{own},{other}/voicewarp").status,
    }

    assert answers == {
        "a session": 404,
        "a number in a plan": 422,
        "a number of an entry": 422,
        "a number in a query": {},
        "a contract of a body": 422,
        "a fax": 404,
        "a path in a number": 404,
        "a second number": 404,
    }
    assert theirs.get(f"{API}/me").status == 200


@pytest.mark.attack(41)
def test_nobody_speaks_for_another_service(kafka_servers: list[str], customer: Customer) -> None:
    """Who may write to voicewarp's topic says there that a line has failed, with every header that linewatch sends."""
    fault = LineFaulted(customer.number, uuid.uuid4().hex, "critical", "", NINE)
    said = recorded(fault, f"line-{customer.number}", 1)
    key, value, headers = to_kafka(said, Codec([LineFaulted]), "linewatch")

    with closing(kafka.make_producer(kafka_servers, "mallory")) as producer:
        producer.send("voicewarp-events", key=key, value=value, headers=headers)
        producer.flush()

    eventually(lambda: "bulkforward" in buried(kafka_servers, "voicewarp-events", said.id), within=60)
    assert not customer.faulted()
    assert customer.rests()
    assert customer.count("BulkForwardStarted") == 0
    customer.whole_road()


def buried(servers: list[str], topic: str, event_id: str) -> set[str]:
    """Which services have put this event aside because it is not its owner's."""
    consumer = kafka.make_consumer(servers, "attacks", None, 1000)
    with closing(consumer):
        letters = kafka.dead_letter_topic(topic)
        partitions = [TopicPartition(letters, number) for number in consumer.partitions_for_topic(letters) or ()]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        found = []
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            found += [record for batch in kafka.poll(consumer, 500).values() for record in batch]
    told = [dict(record.headers) for record in found]
    return {
        one["dl_service"].decode()
        for one in told
        if one["ce_id"].decode() == event_id and b"not-its-owner" in one["dl_cause"]
    }
