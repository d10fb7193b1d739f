"""PagerDuty's Events API v2: one event a body, whose `dedup_key` is the alarm.

Its state machine is ours: a trigger for an open key changes nothing, a resolve without one neither, a trigger after a
resolve is a new fault. https://developer.pagerduty.com/docs/events-api-v2-overview has the fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chassis.errors import BadMessage, FieldError
from services.linewatch.formats.own import (
    LONGEST_SOURCE,
    Names,
    digest_of,
    first,
    is_true,
    mapping,
    named,
    severity,
    short,
    text,
)

ACTIONS = ("trigger", "acknowledge", "resolve")


@dataclass(frozen=True)
class Event:
    """`item` is None for an acknowledgement: somebody looks at it, and nothing has changed. `where` names the line as
    the item does; it is empty in most resolves."""

    dedup_key: str
    item: dict[str, Any] | None = None
    where: Mapping[str, str] = field(default_factory=dict)


def event(body: Any, names: Names, source: str, message_id: str) -> Event:
    """BadMessage `not-pagerduty`, with what is wrong, when the body is no event. PagerDuty's messages have no id of
    their own; without a time in it, `message_id` names this one."""
    if not isinstance(body, Mapping):
        raise BadMessage("not-pagerduty")
    payload = mapping(body.get("payload"))
    if problems := _problems(body, payload):
        raise BadMessage("not-pagerduty", errors=problems)
    assert payload is not None
    routing_key, action = text(body["routing_key"]), body["event_action"]
    dedup_key = text(body.get("dedup_key")) or digest_of(body)
    if action == "acknowledge":
        return Event(dedup_key)
    at = payload.get("timestamp") or None
    details = mapping(payload.get("custom_details")) or {}
    where = named(names, details)
    item = {
        "id": short(f"{dedup_key}:{action}:{at or message_id}"),
        "source": short(f"{source}:{digest_of(routing_key)}", LONGEST_SOURCE),
        **where,
        "status": "faulted" if action == "trigger" else "recovered",
        "severity": severity(payload.get("severity")),
        "occurred_at": at,
        "cause": first(payload.get("summary")),
        "planned": is_true(details.get("planned")),
        "test": is_true(details.get("test")),
        "alarm": short(dedup_key),
    }
    return Event(dedup_key, item, where)


def _problems(body: Mapping[str, Any], payload: Mapping[str, Any] | None) -> list[FieldError]:
    action = body.get("event_action")
    checks = (
        ("routing_key", isinstance(body.get("routing_key"), str) and body["routing_key"] != ""),
        ("event_action", isinstance(action, str) and action in ACTIONS),
        ("dedup_key", body.get("dedup_key") is None or isinstance(body["dedup_key"], str)),
        ("payload", payload is not None and ("payload" in body or action != "trigger")),
    )
    return [FieldError(name, "wrong-type" if name in body else "missing-field") for name, good in checks if not good]
