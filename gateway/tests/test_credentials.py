"""API keys of monitoring programs that know no bearer."""

import base64
from typing import Any

import pytest

from gateway.credentials import bearer_of

PAGERDUTY, GRAFANA = "POST /line-events/pagerduty", "PUT /line-events/<format>"


def basic(text: str, scheme: str = "Basic") -> str:
    return f"{scheme} {base64.b64encode(text.encode()).decode()}"


@pytest.mark.parametrize("operation", ["POST /line-events", "POST /line-events/<format>", GRAFANA, PAGERDUTY])
@pytest.mark.parametrize("header", [basic("alertmanager:key-1"), basic(":key-1", "basic"), "Bearer key-1"])
def test_a_password_is_a_bearer_where_reports_are_taken(operation: str, header: str) -> None:
    assert bearer_of(operation, header, None) == "Bearer key-1"


def test_a_password_may_have_a_colon() -> None:
    assert bearer_of(GRAFANA, basic("a:b:c"), None) == "Bearer b:c"


@pytest.mark.parametrize(
    "operation", ["GET /line-events/<format>", "POST /sessions", "", "POST /line-events/refused/retry"]
)
def test_a_password_is_nothing_anywhere_else(operation: str) -> None:
    assert bearer_of(operation, basic("a:key-1"), b"") == basic("a:key-1")


@pytest.mark.parametrize("header", ["Basic", "Basic !", basic("without"), "Basic \u30ad", "Digest x", ""])
def test_what_is_no_password_stays_as_it_is(header: str) -> None:
    assert bearer_of(GRAFANA, header, None) == header


def test_pagerdutys_senders_have_the_key_in_the_body() -> None:
    body = b'{"event_action": "trigger", "routing_key": "key-1", "payload": {}}'

    assert bearer_of(PAGERDUTY, None, body) == "Bearer key-1"
    assert bearer_of(PAGERDUTY, "Bearer other", body) == "Bearer other"
    assert bearer_of("POST /line-events", None, body) is None


@pytest.mark.parametrize(
    "body",
    [None, b"", b"{", b"[]", b'{"routing_key": 7}', b'{"routing_key": ""}', b"\xff", b"[" * 100_000, iter([b"{}"])],
)
def test_a_body_without_a_key_shows_none(body: Any) -> None:
    assert bearer_of(PAGERDUTY, None, body) is None
