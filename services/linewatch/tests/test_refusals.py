"""What is refused of Alertmanager and Grafana, who do not look at results, is there for operators."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from contracts.linewatch import LineFaulted
from services.linewatch.tests.conftest import hear
from services.linewatch.tests.examples import CONTRACT_CHANGED, CONTRACT_REMOVED, NUMBER
from services.linewatch.tests.test_formats import recorded

Headers = dict[str, str]
GOOD: dict[str, Any] = recorded("alertmanager-firing")["alerts"][0] | {"startsAt": "2026-01-15T03:00:00Z"}
LOST = GOOD | {"fingerprint": "lost", "labels": {"line": "0700000000", "a.b": "$c"}}
WITHOUT = GOOD | {"fingerprint": "without", "labels": {"severity": "critical"}}
REFUSED, RETRY = "/line-events/refused", "/line-events/refused/retry"


@pytest.fixture
def post(client: Any, as_monitor: Headers) -> Callable[..., Any]:
    def send(*alerts: Any, kind: str = "alertmanager") -> Any:
        body = json.dumps({"alerts": alerts})
        return client.post(f"/line-events/{kind}", data=body, content_type="application/json", headers=as_monitor)

    return send


@pytest.fixture
def listed(client: Any, as_operator: Headers) -> Callable[[], list[dict[str, Any]]]:
    return lambda: list(client.get(REFUSED, headers=as_operator).json["items"])


def faults(store: Any) -> int:
    return sum(isinstance(one.event, LineFaulted) for one in store.scan())


@pytest.mark.parametrize("kind", ["alertmanager", "grafana"])
def test_a_body_with_bad_alerts_is_taken_and_they_are_kept(
    store: Any, post: Callable[..., Any], listed: Callable[[], list[dict[str, Any]]], kind: str
) -> None:
    answer = post(LOST, GOOD, "nonsense", WITHOUT, kind=kind)

    assert (answer.status_code, answer.json["accepted"], answer.json["rejected"]) == (202, 1, 3)
    assert faults(store) == 1
    kept = {one["code"]: json.loads(one["item"]) for one in listed() if one["kind"] == kind}
    assert kept["unknown-line"] == LOST
    assert sorted(one["code"] for one in listed()) == ["invalid-item", "invalid-item", "unknown-line"]


def test_the_same_bad_alert_is_kept_once(post: Callable[..., Any], listed: Callable[[], list[dict[str, Any]]]) -> None:
    for _ in range(3):
        post(LOST)

    assert [one["times"] for one in listed()] == [3]


def test_what_no_engine_can_keep_is_kept(post: Callable[..., Any], listed: Callable[[], list[dict[str, Any]]]) -> None:
    post(GOOD | {"annotations": {"summary": "\ud800\0"}})

    assert json.loads(listed()[0]["item"])["annotations"]["summary"] == "\ud800\0"


def test_once_the_line_is_known_the_alert_is_taken_again(
    client: Any, contracts: Any, store: Any, post: Callable[..., Any], listed: Any, as_operator: Headers
) -> None:
    hear(contracts, CONTRACT_REMOVED, NUMBER, 2)
    post(GOOD)
    assert (faults(store), len(listed())) == (0, 1)

    early = client.post(RETRY, json={}, headers=as_operator).json
    hear(contracts, CONTRACT_CHANGED, NUMBER, 3)
    (refusal,) = listed()
    answer = client.post(RETRY, json={"ids": [refusal["id"]]}, headers=as_operator)

    assert early["results"] == [{"index": 0, "id": refusal["id"], "status": "rejected", "code": "unknown-line"}]
    assert answer.json["results"] == [{"index": 0, "id": refusal["id"], "status": "accepted"}]
    assert (faults(store), listed()) == (1, [])
    assert client.post(RETRY, json={}, headers=as_operator).json["results"] == []


def test_what_is_refused_for_ever_stays(client: Any, post: Any, listed: Any, as_operator: Headers) -> None:
    post(WITHOUT, [1])

    answer = client.post(RETRY, json={}, headers=as_operator).json

    assert (answer["rejected"], len(listed())) == (2, 2)


def test_while_it_cannot_be_kept_the_body_is_to_be_sent_again(client: Any, refusals: Any, post: Any) -> None:
    refusals.away = True

    assert post(GOOD, LOST).status_code == 503
    refusals.away = False
    assert post(GOOD, LOST).json["duplicates"] == 1


def test_refusals_are_for_operators(client: Any, as_monitor: Headers) -> None:
    assert client.get(REFUSED, headers=as_monitor).status_code == 403
    assert client.post(RETRY, json={}, headers=as_monitor).status_code == 403
