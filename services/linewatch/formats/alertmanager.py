"""Alertmanager's webhook, version 4; Grafana's alerts have the same shape.

A body is about a group of alerts and is sent again every `repeat_interval`: fingerprint, start and status name a
message.
Prometheus: `notify/webhook/webhook.go` and `template/template.go` of prometheus/alertmanager.
"""

from collections.abc import Mapping
from typing import Any

from chassis.errors import BadMessage
from services.linewatch.formats.own import (
    Item,
    Names,
    digest_of,
    first,
    is_true,
    mapping,
    named,
    sequence,
    severity,
    short,
    text,
    unkeepable,
    wrong,
)

# Go's time of nothing.
_NEVER = "0001-01-01T00:00:00Z"


def items(body: Any, names: Names, source: str) -> list[Item]:
    """An item for each alert, in order; BadMessage when the body is none of Alertmanager's."""
    alerts = sequence(body.get("alerts")) if isinstance(body, Mapping) else None
    if alerts is None:
        raise BadMessage("not-alerts")
    return [_item(alert, names, source) for alert in alerts]


def truncated(body: Mapping[str, Any]) -> int:
    """How many alerts the sender has left out of the body."""
    said = body.get("truncatedAlerts")
    return said if isinstance(said, int) and said > 0 else 0


def _item(alert: Any, names: Names, source: str) -> Item:
    if not isinstance(alert, Mapping):
        return wrong("")
    if problem := unkeepable(alert):
        return problem
    labels, annotations = mapping(alert.get("labels")), mapping(alert.get("annotations"))
    if labels is None or annotations is None:
        return wrong("labels" if labels is None else "annotations")
    status = alert.get("status")
    if status not in ("firing", "resolved"):
        return wrong("status", "missing-field" if status is None else "not-one-of")
    fingerprint = text(alert.get("fingerprint")) or digest_of(labels)
    started, ended = _time(alert.get("startsAt")), _time(alert.get("endsAt"))
    return {
        "id": short(f"{fingerprint}:{text(started)}:{status}"),
        "source": source,
        **named(names, labels, annotations),
        "status": "faulted" if status == "firing" else "recovered",
        "severity": severity(labels.get("severity")),
        "occurred_at": started if status == "firing" else ended,
        "cause": first(
            annotations.get("summary"),
            annotations.get("description"),
            annotations.get("message"),
            labels.get("alertname"),
        ),
        "planned": is_true(labels.get("planned"), annotations.get("planned")),
        "test": is_true(labels.get("test"), annotations.get("test")),
        "alarm": short(fingerprint),
    }


def _time(said: Any) -> Any:
    return None if said == _NEVER else said
