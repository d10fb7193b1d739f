"""Each format through its route: what its program gets back, and what becomes of lines."""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest

from contracts.linewatch import LineFaulted, LineRecovered
from services.linewatch.adapters import MemorySources
from services.linewatch.tests.conftest import ELSEWHERE
from services.linewatch.tests.examples import NUMBER, REPORT
from services.linewatch.tests.test_formats import recorded

Headers = dict[str, str]
Client = Any
ALERTMANAGER, GRAFANA = "/line-events/alertmanager", "/line-events/grafana"
PAGERDUTY, ZABBIX = "/line-events/pagerduty", "/line-events/zabbix"
STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
CLOUDEVENT = recorded("cloudevents-structured") | {"time": None}


def said(store: Any, kind: type) -> list[Any]:
    return [one.event for one in store.scan() if isinstance(one.event, kind)]


def statuses(answer: Any) -> list[str]:
    assert answer.status_code == 202
    return [result["status"] for result in answer.json["results"]]


@pytest.fixture
def post(client: Client, as_monitor: Headers) -> Callable[..., Any]:
    def send(path: str, body: Any, kind: str = "application/json", **headers: str) -> Any:
        return client.post(path, data=json.dumps(body), content_type=kind, headers=as_monitor | headers)

    return send


# The line faults and recovers, whoever says so.


@pytest.mark.parametrize(
    ("path", "raise_", "clear"),
    [
        (ALERTMANAGER, "alertmanager-firing", "alertmanager-resolved"),
        (GRAFANA, "alertmanager-firing", "alertmanager-resolved"),
        (PAGERDUTY, "pagerduty-alertmanager-trigger", "pagerduty-alertmanager-resolve"),
        (ZABBIX, "zabbix-problem", "zabbix-recovery"),
    ],
)
def test_a_recorded_problem_is_one_fault_and_its_end_the_recovery(
    store: Any, post: Callable[..., Any], path: str, raise_: str, clear: str
) -> None:
    for body in (recorded(raise_), recorded(raise_), recorded(clear), recorded(clear)):
        assert post(path, lately(body)).status_code == 202

    assert [fault.contract_number for fault in said(store, LineFaulted)] == [NUMBER]
    assert len(said(store, LineRecovered)) == 1


def lately(body: dict[str, Any]) -> dict[str, Any]:
    """Whenever this test runs, the alerts are of the past."""
    for alert in body.get("alerts", ()):
        for name in ("startsAt", "endsAt"):
            alert[name] = alert[name].replace("2026-11-23T22", "2026-01-15T03")
    return body


def test_an_alert_that_is_repeated_is_a_duplicate(post: Callable[..., Any]) -> None:
    body = lately(recorded("alertmanager-firing"))

    assert statuses(post(ALERTMANAGER, body)) == ["accepted"]
    assert statuses(post(ALERTMANAGER, body)) == ["duplicate"]


def test_a_resolve_that_names_no_line_ends_what_its_trigger_began(store: Any, post: Callable[..., Any]) -> None:
    trigger = recorded("pagerduty-alertmanager-trigger")
    resolve = recorded("pagerduty-docs-resolve") | {name: trigger[name] for name in ("routing_key", "dedup_key")}

    first, second = post(PAGERDUTY, trigger), post(PAGERDUTY, resolve)

    assert first.json == {"status": "success", "message": "Event processed", "dedup_key": trigger["dedup_key"]}
    assert second.json == first.json
    assert len(said(store, LineRecovered)) == 1


def test_a_trigger_after_a_resolve_is_a_new_fault(store: Any, post: Callable[..., Any]) -> None:
    trigger = recorded("pagerduty-alertmanager-trigger")
    for body in (trigger, recorded("pagerduty-alertmanager-resolve"), trigger):
        post(PAGERDUTY, body)

    assert len(said(store, LineFaulted)) == 2


def test_a_resolve_of_what_nobody_has_triggered_is_dropped(store: Any, post: Callable[..., Any]) -> None:
    answer = post(PAGERDUTY, recorded("pagerduty-docs-resolve"))

    assert (answer.status_code, answer.json["status"]) == (202, "success")
    assert not list(store.scan())


def test_an_event_that_names_no_line_is_refused_in_pagerdutys_words(post: Callable[..., Any]) -> None:
    answer = post(PAGERDUTY, recorded("pagerduty-docs-trigger"))

    assert answer.status_code == 202
    assert answer.json == {
        "status": "rejected",
        "message": "Event not processed: invalid-item",
        "dedup_key": "samplekeyhere",
    }


def test_what_is_no_event_of_pagerduty_is_a_bad_request(post: Callable[..., Any]) -> None:
    answer = post(PAGERDUTY, {"routing_key": "k"})

    assert (answer.status_code, answer.json["code"]) == (400, "not-pagerduty")
    assert [error["field"] for error in answer.json["errors"]] == ["event_action"]


def test_a_sender_may_be_named_where_there_are_several(post: Callable[..., Any], sources: MemorySources) -> None:
    assert statuses(post(f"{ZABBIX}?source=zabbix-east", recorded("zabbix-problem") | {"source": None})) == ["accepted"]

    assert [(known.kind, known.source) for known in sources.all()] == [("zabbix", "zabbix-east")]
    assert post(f"{ZABBIX}?source=a%20b", recorded("zabbix-problem")).status_code == 422


# CloudEvents.


def test_a_structured_event_is_taken(store: Any, post: Callable[..., Any]) -> None:
    assert statuses(post("/line-events", CLOUDEVENT, STRUCTURED)) == ["accepted"]
    assert said(store, LineFaulted)[0].severity == "critical"


def test_the_same_event_in_another_mode_is_a_duplicate(post: Callable[..., Any]) -> None:
    attributes = {f"ce-{name}": CLOUDEVENT[name] for name in ("specversion", "type", "source", "id")}

    assert statuses(post("/line-events", CLOUDEVENT, STRUCTURED)) == ["accepted"]
    assert statuses(post("/line-events", [CLOUDEVENT], BATCH)) == ["duplicate"]
    assert statuses(post("/line-events", CLOUDEVENT["data"], **attributes)) == ["duplicate"]


@pytest.mark.parametrize("kind", ["application/cloudevents+xml", "application/cloudevents+avro", "text/plain"])
def test_a_format_of_events_that_we_do_not_read_is_415(post: Callable[..., Any], kind: str) -> None:
    assert post("/line-events", CLOUDEVENT, kind).status_code == 415


def test_a_batch_of_events_has_a_limit(post: Callable[..., Any]) -> None:
    assert post("/line-events", [{}] * 1001, BATCH).status_code == 413


def test_whoever_asks_may_send_events(client: Client) -> None:
    answer = client.options("/line-events", headers={"WebHook-Request-Origin": "noc.example"})

    assert answer.status_code == 200
    assert answer.headers["WebHook-Allowed-Origin"] == "noc.example"
    assert answer.headers["WebHook-Allowed-Rate"] == "*"
    assert answer.headers["Allow"] == "POST, OPTIONS"


def test_options_without_an_origin_are_no_handshake(client: Client) -> None:
    assert "WebHook-Allowed-Origin" not in client.options("/line-events").headers


# Grafana's signature.


def test_with_a_secret_only_signed_bodies_are_taken(
    client_with: Callable[..., Any], as_monitor: Headers, store: Any
) -> None:
    client, body = client_with(grafana_secret="s3"), json.dumps(lately(recorded("alertmanager-firing")))
    signature = hmac.new(b"s3", body.encode(), hashlib.sha256).hexdigest()

    def send(**headers: str) -> Any:
        return client.post(GRAFANA, data=body, content_type="application/json", headers=as_monitor | headers)

    unsigned = send()
    assert (unsigned.status_code, unsigned.json["code"]) == (401, "signature-wrong")
    assert not list(store.scan())
    assert send(**{"X-Grafana-Alerting-Signature": signature}).status_code == 202
    assert send(**{"X-Grafana-Alert-Signature": signature}).status_code == 202
    late = hmac.new(b"s3", b"1:" + body.encode(), hashlib.sha256).hexdigest()
    old = send(**{"X-Grafana-Alerting-Signature": late, "X-Grafana-Alerting-Timestamp": "1"})
    assert (old.status_code, old.json["code"]) == (401, "signature-too-old")


# Bad input.

ALERT = {"status": "firing", "labels": {"line": NUMBER}, "fingerprint": "f"}
DEEP: Any = {}
for _ in range(80):
    DEEP = {"x": DEEP}


@pytest.mark.parametrize(
    "bad",
    [
        None,
        7,
        [],
        {},
        {"labels": 7, "status": "firing"},
        ALERT | {"status": "odd"},
        ALERT | {"labels": {}},
        ALERT | {"labels": {"line": "0" * 5000}},
        ALERT | {"labels": {"line": ["a"]}},
        ALERT | {"labels": {"line": "\ud800"}},
        ALERT | {"annotations": {"summary": "\0"}},
        ALERT | {"labels": {"line": NUMBER, "deep": DEEP}},
        ALERT | {"startsAt": "yesterday"},
        ALERT | {"startsAt": 7},
        ALERT | {"startsAt": {}},
        ALERT | {"labels": {"line": NUMBER, "huge": 10**30}},
    ],
    ids=lambda bad: str(bad)[:30].encode("ascii", "replace").decode(),
)
@pytest.mark.parametrize("path", [ALERTMANAGER, GRAFANA])
def test_a_bad_alert_fails_none_of_its_neighbours(post: Callable[..., Any], path: str, bad: Any) -> None:
    good = {"status": "firing", "labels": {"circuit": "C-7"}, "fingerprint": "g"}

    answer = post(path, {"alerts": [bad, good]})

    assert statuses(answer) == ["rejected", "accepted"]
    assert answer.json["rejected"] == 1


@pytest.mark.parametrize(
    "bad",
    [
        None,
        7,
        [],
        {},
        DEEP,
        CLOUDEVENT | {"id": "\0"},
        CLOUDEVENT | {"data": {"circuit": "\ud800"}},
        CLOUDEVENT | {"id": "x" * 300},
        CLOUDEVENT | {"time": "soon"},
        CLOUDEVENT | {"data": {"circuit": {}}},
        CLOUDEVENT | {"data": {"circuit": "C-7", "status": 7}},
        CLOUDEVENT | {"type": "created"},
    ],
    ids=lambda bad: str(bad)[:30].encode("ascii", "replace").decode(),
)
def test_a_bad_event_fails_none_of_its_neighbours(post: Callable[..., Any], bad: Any) -> None:
    good = CLOUDEVENT | {"id": "good", "data": {"circuit": "C-7"}}

    assert statuses(post("/line-events", [bad, good], BATCH)) == ["rejected", "accepted"]


@pytest.mark.parametrize("path", ["/line-events", ALERTMANAGER, GRAFANA, PAGERDUTY, ZABBIX])
@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff", b'{"alerts": [], "alerts": []}', b"[" * 100_000, b'{"a": NaN}', b"1" * 5000, b'"\\ud800"'],
)
def test_what_cannot_be_read_is_a_bad_request(client: Client, as_monitor: Headers, path: str, data: bytes) -> None:
    answer = client.post(path, data=data, content_type="application/json", headers=as_monitor)

    assert answer.status_code == 400


@pytest.mark.parametrize("path", [ALERTMANAGER, GRAFANA, PAGERDUTY, ZABBIX])
def test_any_plain_json_gets_an_answer(post: Callable[..., Any], path: str) -> None:
    bodies: list[Any] = [[], 7, None, "x", {}, DEEP, {"alerts": 7}, {"event_id": {}, "event_value": []}]
    tags: list[Any] = [[], 7, "[[]]", '[{"tag": []}]']
    zabbix = [recorded("zabbix-problem") | {"event_tags": said} for said in tags]

    assert {post(path, body).status_code for body in [*bodies, *zabbix]} <= {400, 202}


@pytest.mark.parametrize("path", [ALERTMANAGER, GRAFANA, PAGERDUTY, ZABBIX])
def test_a_body_that_is_too_large_is_413(client: Client, as_monitor: Headers, path: str) -> None:
    body = b" " * (1024 * 1024 + 1)

    assert client.post(path, data=body, content_type="application/json", headers=as_monitor).status_code == 413


@pytest.mark.parametrize("path", [ALERTMANAGER, GRAFANA, PAGERDUTY, ZABBIX])
def test_only_keys_for_line_events_may_use_a_format(client: Client, as_switch: Headers, path: str) -> None:
    assert client.post(path, json={}, headers=as_switch).status_code == 403
    assert client.post(path, json={}).status_code == 401


def test_alerts_that_their_sender_left_out_are_told(post: Callable[..., Any], capsys: Any) -> None:
    assert post(ALERTMANAGER, {"alerts": [], "truncatedAlerts": 3}).status_code == 202

    assert "alerts_left_out" in capsys.readouterr().out


# Away and busy.


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        (ALERTMANAGER, {"alerts": [ALERT]}, "application/json"),
        (GRAFANA, {"alerts": [ALERT]}, "application/json"),
        (PAGERDUTY, recorded("pagerduty-alertmanager-trigger"), "application/json"),
        (ZABBIX, recorded("zabbix-problem"), "application/json"),
        ("/line-events", CLOUDEVENT, STRUCTURED),
    ],
)
def test_while_the_store_is_away_nothing_is_taken_by_any_format(
    store: Any, post: Callable[..., Any], path: str, body: Any, kind: str
) -> None:
    store.away = True

    answer = post(path, body, kind)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


@pytest.mark.parametrize(
    ("path", "body", "kind", "status"),
    [
        ("/line-events", REPORT, "application/json", 503),
        (ALERTMANAGER, {"alerts": [ALERT]}, "application/json", 503),
        (GRAFANA, {"alerts": [ALERT]}, "application/json", 503),
        (ZABBIX, recorded("zabbix-problem"), "application/json", 503),
        (PAGERDUTY, recorded("pagerduty-alertmanager-trigger"), "application/json", 429),
        ("/line-events", CLOUDEVENT, STRUCTURED, 429),
    ],
)
def test_too_busy_is_said_as_each_sender_understands_it(
    client_with: Callable[..., Any], as_monitor: Headers, store: Any, path: str, body: Any, kind: str, status: int
) -> None:
    """One body is being written while another comes, and there is room for one line only."""
    client = client_with(most_at_once=1)
    append, inside = store.append_many, list[Any]()

    def slow(commits: Any) -> Any:
        if not inside and any(commit.stream == f"line-{ELSEWHERE}" for commit in commits):
            inside.append(None)
            inside.append(client.post(path, data=json.dumps(body), content_type=kind, headers=as_monitor))
        return append(commits)

    store.append_many = slow
    outer = REPORT | {"id": "outer", "line": ELSEWHERE}

    assert client.post("/line-events", json=outer, headers=as_monitor).status_code == 202
    assert inside[1].status_code == status
    assert inside[1].json["code"] == "busy"
    assert int(inside[1].headers["Retry-After"]) > 0


# Who reports.


def test_operators_see_who_reports(client: Client, post: Callable[..., Any], as_operator: Headers) -> None:
    post(ALERTMANAGER, {"alerts": [ALERT, ALERT | {"labels": {"line": "0900000000"}, "fingerprint": "u"}]})
    post("/line-events", [REPORT, REPORT | {"source": 7}, REPORT | {"source": "\ud800"}])

    items = client.get("/sources", headers=as_operator).json["items"]

    assert {(one["kind"], one["source"]): (one["accepted"], one["rejected"], one["refused"]) for one in items} == {
        ("alertmanager", "alertmanager"): (1, 1, "unknown-line"),
        ("json", "noc-west"): (1, 0, None),
        ("json", ""): (0, 2, "invalid-item"),
    }


def test_who_reports_is_for_operators(client: Client, as_monitor: Headers) -> None:
    assert client.get("/sources", headers=as_monitor).status_code == 403


def test_metrics_tell_formats_and_keys_and_no_senders_own_words(client: Client, post: Callable[..., Any]) -> None:
    post("/line-events", REPORT | {"source": "any-word-at-all"})

    shown = client.get("/metrics").text

    assert 'ingest_items_total{result="accepted",source_kind="json"}' in shown
    assert 'ingest_last_seen_timestamp_seconds{key="noc-west",source_kind="json"}' in shown
    assert "any-word-at-all" not in shown


def test_grafana_may_put(client: Client, as_monitor: Headers) -> None:
    answer = client.put(GRAFANA, json=lately(recorded("alertmanager-firing")), headers=as_monitor)

    assert statuses(answer) == ["accepted"]
