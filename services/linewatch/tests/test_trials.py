"""What says that it is a test goes all the way, and nothing about a line changes."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from contracts.linewatch import LineTested
from services.linewatch.tests.examples import NUMBER, OTHER, REPORT

Headers = dict[str, str]
STRUCTURED = "application/cloudevents+json"
OWN = REPORT | {"test": True}
ALERT = {"status": "firing", "labels": {"line": OTHER, "test": "true"}, "startsAt": "2026-01-15T03:00:00Z"}
TRIGGER = {
    "routing_key": "r",
    "event_action": "trigger",
    "payload": {"summary": "s", "severity": "critical", "custom_details": {"line": NUMBER, "test": "yes"}},
}
TAGS = json.dumps([{"tag": "line", "value": NUMBER}, {"tag": "test", "value": "1"}])
PROBLEM = {"event_id": "7", "event_value": "1", "event_tags": TAGS}
CLOUDEVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "/noc",
    "type": "jp.example.line.test",
    "data": {"circuit": "C-1111"},
}
BODIES = [
    ("/line-events", OWN, "application/json"),
    ("/line-events", CLOUDEVENT, STRUCTURED),
    ("/line-events", CLOUDEVENT | {"type": "faulted.test"}, STRUCTURED),
    (
        "/line-events",
        CLOUDEVENT | {"type": "raised", "data": {"line": NUMBER, "test": True}},
        STRUCTURED,
    ),
    ("/line-events/alertmanager", {"alerts": [ALERT]}, "application/json"),
    ("/line-events/grafana", {"alerts": [ALERT]}, "application/json"),
    ("/line-events/pagerduty", TRIGGER, "application/json"),
    ("/line-events/zabbix", PROBLEM, "application/json"),
]


@pytest.fixture
def post(client: Any, as_monitor: Headers) -> Callable[..., Any]:
    def send(path: str, body: Any, kind: str = "application/json") -> Any:
        return client.post(path, data=json.dumps(body), content_type=kind, headers=as_monitor)

    return send


def told(store: Any) -> list[Any]:
    return [one.event for one in store.scan() if one.stream.startswith("line-")]


@pytest.mark.parametrize(("path", "body", "kind"), BODIES)
def test_a_test_in_every_format_is_told_and_no_more(
    store: Any, client: Any, post: Callable[..., Any], as_operator: Headers, path: str, body: Any, kind: str
) -> None:
    assert post(path, body, kind).status_code == 202

    (test,) = told(store)
    assert isinstance(test, LineTested)
    assert (test.contract_number, test.faulted) == (NUMBER, True)
    shown = client.get(f"/lines/{NUMBER}", headers=as_operator).json
    assert (shown["faulted"], shown["alarms"]) == (False, [])
    assert shown["timeline"][0]["event"] == "LineTested"


def test_the_same_test_again_is_a_duplicate(store: Any, post: Callable[..., Any]) -> None:
    statuses = [post("/line-events", OWN).json["results"][0]["status"] for _ in range(2)]

    assert (statuses, len(told(store))) == (["accepted", "duplicate"], 1)


def test_a_test_of_a_recovery_clears_nothing(store: Any, client: Any, post: Any, as_operator: Headers) -> None:
    post("/line-events", REPORT)
    post("/line-events", OWN | {"id": "e2", "status": "recovered"})

    assert told(store)[-1].faulted is False
    assert client.get(f"/lines/{NUMBER}", headers=as_operator).json["faulted"]


def test_a_test_of_an_area_is_told_once(store: Any, client: Any, post: Any, as_operator: Headers) -> None:
    client.put("/areas/kansai", json={"lines": [NUMBER], "circuits": ["C-7"]}, headers=as_operator)

    item = {name: value for name, value in OWN.items() if name != "line"} | {"area": "kansai"}

    assert post("/line-events", item).json["results"][0]["lines"] == 1
    assert len(told(store)) == 1


def test_a_test_of_a_line_that_nobody_has_is_refused(post: Callable[..., Any]) -> None:
    assert post("/line-events", OWN | {"line": "0700000000"}).json["results"][0]["code"] == "unknown-line"
