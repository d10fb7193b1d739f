"""What is sent in place of what is expected: at every field of every body that the interface takes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import pytest
import urllib3

from tests.e2e.attacks.conftest import Bearers
from tests.e2e.customer import Customer
from tests.e2e.interface import Operation, dotted, put

DEEP = "[" * 10_000 + "]" * 10_000
# A value of another type than the field has.
OPERATORS: Sequence[Any] = (
    {"$gt": ""},
    {"$where": "sleep(1000)"},
    {"$ne": None},
    {"__proto__": {"operator": True}},
    ["0600001111", {"$regex": ".*"}],
)
# JSON that two readers understand differently, and texts that an engine chokes on; where the value goes is `%s`.
UNREADABLE: Mapping[str, str | bytes] = {
    "depth": f'{{"x": %s, "y": {DEEP}}}',
    "a key twice": '{"x": %s, "x": 1}',
    "NaN": '{"x": %s, "y": NaN}',
    "Infinity": '{"x": %s, "y": -Infinity}',
    "1e400": '{"x": %s, "y": 1e400}',
    "an integer of 5,000 digits": f'{{"x": %s, "y": {"9" * 5000}}}',
    "half of a character": '{"x": %s, "y": "\\ud800"}',
    "NUL": '{"x": %s, "y": "\\u0000"}',
    "no end": '{"x": %s',
    "two values": "%s {}",
    "no UTF-8": b'{"x": %s, "y": "\xff"}',
}
# What programs of others send may hold more than we know of, so their formats pass over fields.
OF_OTHERS = ("/line-events/alertmanager", "/line-events/grafana", "/line-events/pagerduty", "/line-events/zabbix")


def sent(operation: Operation, victim: Customer, bearers: Bearers, body: bytes, query: str = "") -> Any:
    """The answer to it from whoever may do it, on the victim's own things."""
    bearer = bearers.of(operation)
    headers = {"Content-Type": "application/json", "If-Match": "*", "X-Forwarded-For": "2001:db8:a77a::1"}
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    url = victim.site + operation.on(victim.number, victim.second_number) + query
    return urllib3.request(operation.method, url, body=body or None, headers=headers, retries=False, timeout=30)


def bodies(operations: Sequence[Operation]) -> list[Operation]:
    found = [operation for operation in operations if operation.body]
    assert len(found) > 15
    return found


def refused(answer: Any) -> bool:
    """Whether nothing of it was taken: as a whole, or in a list of results."""
    if answer.status == 202:
        told = answer.json()
        return {result["status"] for result in told.get("results", [told])} <= {"rejected", "ignored"}
    return bool(400 <= answer.status < 500 and answer.json()["status"] == answer.status)


@pytest.mark.attack(42)
def test_an_operator_of_the_database_is_refused_at_every_field(
    operations: list[Operation], victim: Customer, bearers: Bearers
) -> None:
    found = [
        f"{operation} {dotted(place)} = {value}: {answer.status} {answer.data[:200]!r}"
        for operation in bodies(operations)
        if not operation.path.endswith(OF_OTHERS)
        for place, schema in operation.places()
        if "type" in schema  # What is only sent back with a state has none, and nobody looks at it.
        for value in OPERATORS
        for answer in [sent(operation, victim, bearers, json.dumps(put(operation.whole(), place, value)).encode())]
        if not (refused(answer) and names(answer.json(), dotted(place)))
    ]

    assert not found, "\n".join(found)


def names(told: dict[str, Any], field: str) -> bool:
    """Whether a refusal names this field, or one inside of it."""
    errors = told.get("errors", [error for result in told.get("results", ()) for error in result.get("errors", ())])
    return any(error["field"] == field or error["field"].startswith(f"{field}.") for error in errors)


@pytest.mark.attack(42)
def test_what_other_programs_send_is_data_and_never_an_operator(
    operations: list[Operation], victim: Customer, bearers: Bearers
) -> None:
    found = [
        f"{operation} {dotted(place)} = {value}: {answer.status} {answer.data[:200]!r}"
        for operation in bodies(operations)
        if operation.path.endswith(OF_OTHERS)
        for place, _ in operation.places()
        for value in OPERATORS
        for answer in [sent(operation, victim, bearers, json.dumps(put(operation.whole(), place, value)).encode())]
        if not refused(answer)
    ]

    assert not found, "\n".join(found)


@pytest.mark.attack(44)
def test_json_that_can_be_understood_in_two_ways_is_refused_as_a_whole(
    operations: list[Operation], victim: Customer, bearers: Bearers
) -> None:
    found = [
        f"{operation} {name}: {answer.status} {answer.data[:200]!r}"
        for operation in bodies(operations)
        for name, text in UNREADABLE.items()
        for answer in [sent(operation, victim, bearers, filled(text, json.dumps(operation.whole()).encode()))]
        if not told_unreadable(operation, answer)
    ]

    assert not found, "\n".join(found)


def filled(text: str | bytes, body: bytes) -> bytes:
    return (text.encode() if isinstance(text, str) else text).replace(b"%s", body)


def told_unreadable(operation: Operation, answer: Any) -> bool:
    """400, but for a list whose items are judged one by one."""
    if operation.path.endswith(("/line-events", "/line-events/alertmanager", "/line-events/grafana")):
        return refused(answer)
    return bool((answer.status, answer.json().get("code")) == (400, "unreadable-json"))


@pytest.mark.attack(36)
@pytest.mark.parametrize(
    "field", ["role", "scopes", "tenant", "owner", "version", "revision", "kind", "_id", "contract", "__proto__"]
)
def test_no_body_assigns_what_it_does_not_have(
    operations: list[Operation], victim: Customer, bearers: Bearers, field: str
) -> None:
    found = [
        f"{operation}: {answer.status} {answer.data[:200]!r}"
        for operation in bodies(operations)
        if not operation.path.endswith(OF_OTHERS) and field not in (operation.body or {})["properties"]
        for answer in [sent(operation, victim, bearers, json.dumps(operation.whole() | {field: "operator"}).encode())]
        if not (refused(answer) and named(answer.json(), field) == "unknown-field")
    ]

    assert not found, "\n".join(found)


def named(told: dict[str, Any], field: str) -> str:
    errors = told.get("errors", [error for result in told.get("results", ()) for error in result.get("errors", ())])
    return "".join(error["code"] for error in errors if error["field"] == field)


# --- addresses

CATASTROPHES = ("(a+)+$", ".*", "(.*a){25}", "[", "\\", "$where", "%00", "'; DROP TABLE--", "ａ" * 50, "a" * 3_000)


@pytest.mark.attack(43)
def test_a_pattern_in_a_query_is_a_text_like_any_other(
    operations: list[Operation], victim: Customer, bearers: Bearers
) -> None:
    """Nothing is found by it; `after` is a place in a list, and what comes after that text may be there."""
    found = [
        f"{operation} {parameter}={value[:20]}: {answer.status} {answer.data[:200]!r}"
        for operation, parameter, value in queries(operations)
        for answer in [sent(operation, victim, bearers, b"", f"?{parameter}={quote(value)}")]
        if answer.status != 422 and not (empty(answer) or (parameter == "after" and answer.status == 200))
    ]

    assert not found, "\n".join(found)


def queries(operations: Sequence[Operation]) -> Iterator[tuple[Operation, str, str]]:
    for operation in operations:
        if operation.method == "GET":
            yield from ((operation, parameter, value) for parameter in operation.queries for value in CATASTROPHES)


def empty(answer: Any) -> bool:
    """Found nothing: the text was looked for as it stands."""
    return bool(answer.status in (200, 400, 404) and not answer.json().get("items"))
