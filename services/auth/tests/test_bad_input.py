"""What nobody can mean, at the two doors for passwords, and what is kept and logged of passwords: nothing."""

import hashlib
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from chassis.messages import Codec
from chassis.telemetry import configure_logging
from services.auth.bootstrap import CODEC
from services.auth.tests.door import NEXT_PASSWORD, PASSWORD, TEMPORARY_PASSWORD, Door
from services.auth.tests.examples import NUMBER, OTHER

LOGIN = {"number": NUMBER, "password": PASSWORD}
CHANGE = {"current": PASSWORD, "new": NEXT_PASSWORD, "new_again": NEXT_PASSWORD}
DEEP = "[" * 10_000 + "]" * 10_000
DEEP_OBJECT = '{"a":' * 10_000 + "1" + "}" * 10_000
NO_TEXT: list[Any] = [{"$gt": ""}, {"$ne": None}, [PASSWORD], [], {}, None, True, 12345678, 1.5]
FIELDS = [("/sessions", name) for name in LOGIN] + [("/password", name) for name in CHANGE]


def send(door: Door, path: str, data: str | bytes, content_type: str | None = "application/json") -> Any:
    headers = door.customer() if path == "/password" else {}
    method = "PUT" if path == "/password" else "POST"
    return door.app.test_client().open(path, method=method, data=data, headers=headers, content_type=content_type)


def with_field(path: str, field: str, value: Any) -> str:
    return json.dumps((CHANGE if path == "/password" else LOGIN) | {field: value})


def refused(answer: Any) -> tuple[int, str]:
    """Its status and code; it has to be a problem."""
    assert answer.mimetype == "application/problem+json"
    return answer.status_code, answer.json["code"]


@pytest.mark.parametrize("value", NO_TEXT, ids=str)
@pytest.mark.parametrize(("path", "field"), FIELDS)
def test_what_is_no_text_is_refused_by_its_field(door: Door, path: str, field: str, value: Any) -> None:
    answer = send(door, path, with_field(path, field, value))

    assert refused(answer) == (422, "invalid-body")
    assert [error["field"] for error in answer.json["errors"]] == [field]


@pytest.mark.parametrize("value", ["a\0b", "\ud83d", "x\udfff"], ids=ascii)
@pytest.mark.parametrize(("path", "field"), FIELDS)
def test_a_text_that_cannot_be_kept_is_unreadable(door: Door, path: str, field: str, value: str) -> None:
    assert refused(send(door, path, with_field(path, field, value))) == (400, "unreadable-json")


@pytest.mark.parametrize("length", [129, 10_000, 500_000])
@pytest.mark.parametrize(("path", "field"), FIELDS)
def test_what_is_too_long_is_refused_by_its_field(door: Door, path: str, field: str, length: int) -> None:
    answer = send(door, path, with_field(path, field, "1" * length))

    assert refused(answer) == (422, "invalid-body")
    assert field in {error["field"] for error in answer.json["errors"]}


@pytest.mark.parametrize("body", ["", " ", "{", "nul", "NaN", "\x00", DEEP, DEEP_OBJECT, b"\xff\xfe{}"])
@pytest.mark.parametrize("path", ["/sessions", "/password"])
def test_what_is_no_json_is_unreadable(door: Door, path: str, body: str | bytes) -> None:
    assert refused(send(door, path, body)) == (400, "unreadable-json")


@pytest.mark.parametrize(("path", "field"), FIELDS)
def test_depth_in_a_field_is_unreadable(door: Door, path: str, field: str) -> None:
    body = with_field(path, field, "deep").replace('"deep"', DEEP)

    assert refused(send(door, path, body)) == (400, "unreadable-json")


@pytest.mark.parametrize(("path", "field"), FIELDS)
def test_a_field_said_twice_is_unreadable(door: Door, path: str, field: str) -> None:
    body = with_field(path, field, "x")[:-1] + f', "{field}": "y"}}'

    assert refused(send(door, path, body)) == (400, "unreadable-json")


@pytest.mark.parametrize("body", ["{}", "[]", "null", "1", '"0600001111"', '[{"number": "0600001111"}]'])
@pytest.mark.parametrize("path", ["/sessions", "/password"])
def test_another_shape_is_refused(door: Door, path: str, body: str) -> None:
    assert refused(send(door, path, body)) == (422, "invalid-body")


@pytest.mark.parametrize("path", ["/sessions", "/password"])
def test_a_field_too_many_is_refused(door: Door, path: str) -> None:
    answer = send(door, path, with_field(path, "unit", "line"))

    assert refused(answer) == (422, "invalid-body")
    assert [(error["field"], error["code"]) for error in answer.json["errors"]] == [("unit", "unknown-field")]


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/json", "x"]
)
@pytest.mark.parametrize("path", ["/sessions", "/password"])
def test_only_json_is_read(door: Door, path: str, content_type: str | None) -> None:
    body = json.dumps(CHANGE if path == "/password" else LOGIN)

    assert refused(send(door, path, body, content_type)) == (415, "unsupported-media-type")


def test_what_was_refused_for_its_form_is_no_guess(door: Door) -> None:
    door.issue()

    for value in NO_TEXT:
        send(door, "/sessions", with_field("/sessions", "password", value))

    assert door.log_in(NUMBER, TEMPORARY_PASSWORD).status_code == 201


# Nothing is kept by which a password could be guessed.


def everything_kept(door: Door) -> str:
    codec = Codec(CODEC._types.values())
    commits = [(one.stream, one.actor, codec.encode(one.event)) for one in door.store.scan()]
    return f"{commits} {vars(door.store)} {vars(door.sessions)} {vars(door.limits)}"


def test_an_idempotency_key_leaves_no_trace_of_a_password(door: Door) -> None:
    customer = door.customer() | {"Idempotency-Key": "again"}
    requests = [("POST", "/sessions", LOGIN), ("PUT", "/password", CHANGE)]
    bodies = [json.dumps(body).encode() for _, _, body in requests]

    answers = [
        door.app.test_client().open(path, method=method, data=body, headers=customer, content_type="application/json")
        for (method, path, _), body in zip(requests, bodies, strict=True)
    ]

    kept = everything_kept(door)
    digests = [
        hashlib.sha256(prefix + body).hexdigest()
        for (method, path, _), body in zip(requests, bodies, strict=True)
        for prefix in (b"", f"{method} {path} ".encode())
    ]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert all(not commit.fingerprint and not commit.command_ids for commit in door.store._log)  # type: ignore[attr-defined]
    assert not [digest for digest in digests if digest in kept]
    assert not [secret for secret in (PASSWORD, NEXT_PASSWORD, TEMPORARY_PASSWORD) if secret in kept]


def test_a_login_with_an_idempotency_key_is_a_login_each_time(door: Door) -> None:
    """Its token cannot be shown again, so there is nothing to repeat."""
    door.customer()
    headers = {"Idempotency-Key": "again"}

    answers = [door.app.test_client().post("/sessions", json=LOGIN, headers=headers) for _ in range(2)]
    tokens = {(answer.json or {})["token"] for answer in answers}

    assert ([answer.status_code for answer in answers], len(tokens)) == ([201, 201], 2)


# Nor is anything logged of it.


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged, down to the least."""
    stream, root = io.StringIO(), logging.getLogger()
    handlers, level = root.handlers, root.level
    configure_logging("auth", "debug", stream)
    structlog.configure(cache_logger_on_first_use=False)
    yield stream
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers = handlers
    root.setLevel(level)


def test_logins_of_every_kind_log_neither_numbers_nor_secrets(door: Door, lines: io.StringIO) -> None:
    secrets = [NUMBER, OTHER, "06-0000-1111", PASSWORD, TEMPORARY_PASSWORD, NEXT_PASSWORD, "wrong-one", "argon2"]
    customer = door.customer()
    opened = door.log_in().json
    door.exchange(opened["token"])
    for number, password in ((NUMBER, "wrong-one"), (OTHER, PASSWORD), ("06-0000-1111", PASSWORD)):
        door.log_in(number, password)
    door.change(customer, "wrong-one", NEXT_PASSWORD)
    door.change(customer, PASSWORD, "123")
    for body in (f'{{"number": "{NUMBER}", "password": "{PASSWORD}"', with_field("/sessions", "password", [PASSWORD])):
        send(door, "/sessions", body)
    door.get(f"/numbers/{NUMBER}/history", customer)
    for place in range(120):
        door.log_in(f"03{place:08d}", PASSWORD)

    logged = lines.getvalue()

    assert logged.count('"route":"/sessions"') > 120
    assert not [secret for secret in (*secrets, "0300000", opened["token"], opened["id"]) if secret in logged]
