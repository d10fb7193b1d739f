"""Bodies as the real programs make them (`recorded/README.md` names where each is from), mapped to our own JSON."""

import hashlib
import hmac
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chassis.errors import BadMessage, Rejected, Unauthenticated
from chassis.testing import NOON
from services.linewatch.formats import alertmanager, cloudevents, grafana, pagerduty, zabbix
from services.linewatch.formats.own import Names, digest_of, named, severity, short

NAMES = Names()
RECORDED = Path(__file__).parent / "recorded"


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))


# Alertmanager and Grafana.


def test_a_firing_alert_is_a_fault() -> None:
    assert alertmanager.items(recorded("alertmanager-firing"), NAMES, "alertmanager") == [
        {
            "id": "2e15d53828da3428:2026-11-23T22:52:19.032438989Z:firing",
            "source": "alertmanager",
            "line": "06-0000-1111",
            "status": "faulted",
            "severity": "critical",
            "occurred_at": "2026-11-23T22:52:19.032438989Z",
            "cause": "光回線の断",
            "planned": False,
            "test": False,
            "alarm": "2e15d53828da3428",
        }
    ]


def test_a_resolved_alert_is_the_recovery_of_the_same_alarm() -> None:
    (item,) = alertmanager.items(recorded("alertmanager-resolved"), NAMES, "alertmanager")

    assert isinstance(item, dict)
    assert (item["status"], item["alarm"]) == ("recovered", "2e15d53828da3428")
    assert item["occurred_at"] == "2026-11-23T22:52:19.043928427Z"


def test_grafanas_alerts_are_read_as_alertmanagers() -> None:
    (item,) = alertmanager.items(recorded("grafana-firing"), Names(circuit="lbl1"), "grafana")

    assert isinstance(item, dict)
    assert (item["circuit"], item["cause"], item["occurred_at"]) == ("val1", "alert1", None)


def test_an_alert_without_a_fingerprint_is_known_by_its_labels() -> None:
    labels = {"alertname": "a", "line": "1"}

    first, second = alertmanager.items(
        {"alerts": [{"status": "firing", "labels": labels}, {"status": "resolved", "labels": labels}]}, NAMES, "am"
    )

    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert first["alarm"] == second["alarm"] == digest_of(labels)


@pytest.mark.parametrize("body", [[], "x", None, 7, {}, {"alerts": {}}, {"alerts": None}])
def test_a_body_without_alerts_is_none_of_alertmanagers(body: Any) -> None:
    with pytest.raises(BadMessage, match="not-alerts"):
        alertmanager.items(body, NAMES, "am")


@pytest.mark.parametrize(
    ("alert", "field"),
    [
        (None, ""),
        ([], ""),
        ({"labels": []}, "labels"),
        ({"labels": {}, "annotations": "x"}, "annotations"),
        ({"labels": {}}, "status"),
        ({"labels": {}, "status": "odd"}, "status"),
        ({"labels": {}, "status": ["firing"]}, "status"),
    ],
)
def test_a_bad_alert_names_its_field(alert: Any, field: str) -> None:
    (item,) = alertmanager.items({"alerts": [alert]}, NAMES, "am")

    assert isinstance(item, Rejected)
    assert [error.field for error in item.details["errors"]] == [field]


def test_alerts_that_were_left_out_are_counted() -> None:
    assert [alertmanager.truncated({"truncatedAlerts": said}) for said in (3, 0, None, "3", -1)] == [3, 0, 0, 0, 0]


# Grafana's signature.


def signed(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def test_a_signed_body_is_taken() -> None:
    grafana.check_signature("s3", b"{}", signed("s3", "{}"), None, NOON)
    grafana.check_signature("s3", b"{}", signed("s3", "{}").upper(), None, NOON)


def test_a_body_that_was_signed_with_its_time_is_taken_for_five_minutes() -> None:
    stamp = str(int(NOON.timestamp()))
    signature = signed("s3", f"{stamp}:{{}}")

    grafana.check_signature("s3", b"{}", signature, stamp, NOON + timedelta(minutes=5))
    with pytest.raises(Unauthenticated, match="signature-too-old"):
        grafana.check_signature("s3", b"{}", signature, stamp, NOON + timedelta(minutes=5, seconds=1))


@pytest.mark.parametrize("signature", [None, "", "0" * 64, "ｚ", signed("other", "{}"), signed("s3", "{ }")])
def test_another_signature_is_refused(signature: str | None) -> None:
    with pytest.raises(Unauthenticated, match="signature-wrong"):
        grafana.check_signature("s3", b"{}", signature, None, NOON)


@pytest.mark.parametrize("stamp", ["", "-1", "1e9", "x", "９", "9" * 30, "123456789012"])
def test_a_time_that_is_none_is_refused(stamp: str) -> None:
    with pytest.raises(Unauthenticated):
        grafana.check_signature("s3", b"{}", signed("s3", f"{stamp}:{{}}"), stamp, NOON)


# PagerDuty.


def test_a_trigger_is_a_fault_and_its_resolve_the_recovery() -> None:
    trigger = pagerduty.event(recorded("pagerduty-alertmanager-trigger"), NAMES, "pagerduty", "m1")
    resolve = pagerduty.event(recorded("pagerduty-alertmanager-resolve"), NAMES, "pagerduty", "m2")

    assert trigger.item
    assert resolve.item
    assert (trigger.item["status"], resolve.item["status"]) == ("faulted", "recovered")
    assert trigger.item["alarm"] == resolve.item["alarm"] == trigger.dedup_key
    assert trigger.where == {"line": "06-0000-1111"}
    assert trigger.item["id"] != resolve.item["id"]


def test_an_event_of_the_documentation_is_read() -> None:
    event = pagerduty.event(recorded("pagerduty-docs-trigger"), NAMES, "pagerduty", "m1")

    assert event.item
    assert (event.item["severity"], event.item["occurred_at"]) == ("warning", "2015-07-17T08:42:58.315+0000")
    assert event.where == {}


def test_a_resolve_has_a_key_and_nothing_else() -> None:
    event = pagerduty.event(recorded("pagerduty-docs-resolve"), NAMES, "pagerduty", "m1")

    assert event.item
    assert (event.dedup_key, event.item["status"], event.where) == ("dedupkeyhere", "recovered", {})


def test_an_acknowledgement_changes_nothing() -> None:
    assert pagerduty.event(recorded("pagerduty-docs-acknowledge"), NAMES, "pagerduty", "m1").item is None


def test_senders_are_told_apart_without_their_routing_keys() -> None:
    one, other = (
        pagerduty.event(recorded("pagerduty-docs-resolve") | {"routing_key": key}, NAMES, "pagerduty", "m1").item
        for key in ("k1", "k2")
    )

    assert one
    assert other
    assert one["source"] != other["source"]
    assert "k1" not in one["source"]


def test_a_trigger_without_a_key_gets_one() -> None:
    body = recorded("pagerduty-alertmanager-trigger") | {"dedup_key": None}

    assert len(pagerduty.event(body, NAMES, "pagerduty", "m1").dedup_key) == 16


GOOD = {"routing_key": "k", "event_action": "trigger", "payload": {}}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["routing_key", "event_action"]),
        (GOOD | {"routing_key": 7}, ["routing_key"]),
        (GOOD | {"event_action": ["trigger"]}, ["event_action"]),
        (GOOD | {"event_action": "odd"}, ["event_action"]),
        (GOOD | {"dedup_key": {}}, ["dedup_key"]),
        (GOOD | {"payload": "x"}, ["payload"]),
    ],
)
def test_what_is_no_event_says_why(body: Any, fields: list[str]) -> None:
    with pytest.raises(BadMessage, match="not-pagerduty") as refused:
        pagerduty.event(body, NAMES, "pagerduty", "m1")

    assert [error.field for error in refused.value.details["errors"]] == fields


# Zabbix.


def test_a_problem_and_its_recovery_have_one_event_id() -> None:
    (problem,) = zabbix.items(recorded("zabbix-problem"), NAMES, "zabbix")
    (recovery,) = zabbix.items(recorded("zabbix-recovery"), NAMES, "zabbix")

    assert isinstance(problem, dict)
    assert isinstance(recovery, dict)
    assert problem["alarm"] == recovery["alarm"] == "4711"
    assert (problem["line"], problem["status"], problem["severity"]) == ("06-0000-1111", "faulted", "major")
    assert (problem["occurred_at"], recovery["occurred_at"]) == (
        "2026-01-15T03:00:00+00:00",
        "2026-01-15T03:10:00+00:00",
    )
    assert recovery["status"] == "recovered"


def test_an_update_is_a_message_of_its_own() -> None:
    (problem,) = zabbix.items(recorded("zabbix-problem"), NAMES, "zabbix")
    (update,) = zabbix.items(
        recorded("zabbix-problem") | {"event_update_status": "1", "event_nseverity": "5"}, NAMES, "zabbix"
    )

    assert isinstance(problem, dict)
    assert isinstance(update, dict)
    assert update["id"] != problem["id"]
    assert update["severity"] == "critical"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"event_value": "2"}, "event_value"),
        ({"event_value": None}, "event_value"),
        ({"event_tags": "{"}, "event_tags"),
        ({"event_tags": '{"a": 1}'}, "event_tags"),
        ({"event_tags": "[1]"}, "event_tags"),
        ({"event_tags": "[" * 100_000}, "event_tags"),
    ],
)
def test_what_zabbix_does_not_send_names_its_field(change: Any, field: str) -> None:
    (item,) = zabbix.items(recorded("zabbix-problem") | change, NAMES, "zabbix")

    assert isinstance(item, Rejected)
    assert [error.field for error in item.details["errors"]] == [field]


@pytest.mark.parametrize("body", [None, [], {}, {"event_value": "1"}])
def test_a_body_without_an_event_is_none_of_zabbixs(body: Any) -> None:
    with pytest.raises(BadMessage, match="not-zabbix"):
        zabbix.items(body, NAMES, "zabbix")


@pytest.mark.parametrize("said", ["", "soon", "1e9", "-1", "9" * 40, "{EVENT.TIMESTAMP}"])
def test_a_time_that_zabbix_did_not_fill_in_is_left_to_our_clock(said: str) -> None:
    (item,) = zabbix.items(recorded("zabbix-problem") | {"event_time": said}, NAMES, "zabbix")

    assert isinstance(item, dict)
    assert item["occurred_at"] is None


# CloudEvents.

EVENT = recorded("cloudevents-structured")
OWN = {
    "id": "A234-1234-1234",
    "source": "/noc/west",
    "circuit": "C-1111",
    "status": "faulted",
    "severity": "critical",
    "occurred_at": "2018-04-05T17:31:00Z",
    "cause": "LOS",
}


def test_a_structured_event_is_a_report() -> None:
    assert cloudevents.structured(EVENT, NAMES) == OWN


def test_a_binary_event_is_the_same_report() -> None:
    headers = {f"Ce-{name.title()}": EVENT[name] for name in ("specversion", "type", "source", "id", "time")}

    assert cloudevents.is_binary(headers)
    assert cloudevents.binary(headers | {"Ce-Id": "A234%2D1234-1234"}, EVENT["data"], NAMES) == OWN


def test_events_of_a_batch_are_judged_one_by_one() -> None:
    good, bad = cloudevents.batch([EVENT, 7], NAMES)

    assert good == OWN
    assert isinstance(bad, Rejected)


def test_data_in_base64_is_read() -> None:
    event = {name: value for name, value in EVENT.items() if name != "data"}
    coded = "eyJjaXJjdWl0IjogIkMtMTExMSIsICJzZXZlcml0eSI6ICJjcml0aWNhbCIsICJjYXVzZSI6ICJMT1MifQ=="

    assert cloudevents.structured(event | {"data_base64": coded}, NAMES) == OWN


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("jp.example.line.recovered", "recovered"),
        ("jp.example/line/UP", "recovered"),
        ("link.down", "faulted"),
        ("test", "faulted"),
        ("recovered.test", "recovered"),
        ("created", None),
    ],
)
def test_the_type_says_the_status_where_the_data_does_not(kind: str, status: str | None) -> None:
    item = cloudevents.structured(EVENT | {"type": kind}, NAMES)

    assert isinstance(item, dict)
    assert item["status"] == status


def test_the_subject_is_the_line_where_the_data_names_none() -> None:
    item = cloudevents.structured(EVENT | {"data": None, "subject": "0600001111", "severitytext": "error"}, NAMES)

    assert isinstance(item, dict)
    assert (item["line"], item["severity"]) == ("0600001111", "major")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"id": ""}, "id"),
        ({"id": 7}, "id"),
        ({"source": None}, "source"),
        ({"type": []}, "type"),
        ({"data": "text"}, "data"),
        ({"data_base64": "###"}, "data"),
        ({"data_base64": "W10="}, "data"),
    ],
)
def test_an_event_that_is_none_names_its_attribute(change: Any, field: str) -> None:
    item = cloudevents.structured(EVENT | change, NAMES)

    assert isinstance(item, Rejected)
    assert [error.field for error in item.details["errors"]] == [field]


def test_a_batch_is_a_list() -> None:
    with pytest.raises(BadMessage, match="not-cloudevents"):
        cloudevents.batch({}, NAMES)


# What all of them share.


@pytest.mark.parametrize(
    ("said", "ours"),
    [
        ("disaster", "critical"),
        ("CRITICAL", "critical"),
        ("DOWN", "critical"),
        ("error", "major"),
        ("high", "major"),
        ("warning", "minor"),
        ("average", "minor"),
        ("info", "warning"),
        ("", "major"),
        (None, "major"),
        (["x"], "major"),
    ],
)
def test_many_words_are_few_severities(said: object, ours: str) -> None:
    assert severity(said) == ours


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ({"line": "1", "circuit": "2", "area": "3"}, {"line": "1"}),
        ({"circuit": "2", "area": "3"}, {"circuit": "2"}),
        ({"line": " ", "area": "3"}, {"area": "3"}),
        ({"line": 600001111}, {"line": "600001111"}),
        ({"line": ["1"]}, {}),
        ({}, {}),
    ],
)
def test_the_first_name_that_says_something_counts(labels: Any, found: dict[str, str]) -> None:
    assert named(NAMES, labels) == found


def test_a_name_of_any_length_is_kept_apart_from_others() -> None:
    one, other = short("x" * 1000 + "1"), short("x" * 1000 + "2")

    assert len(one) == len(other) == 256
    assert one != other
    assert short("x" * 256) == "x" * 256
