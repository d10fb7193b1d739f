"""CloudEvents 1.0 over HTTP: structured, batched and binary, with our own JSON of a line event as data.

`id` and `source` are the event's, `occurred_at` is its time unless the data says another. Where the data has no status,
the last word of the type says it; a type that ends in `test` says that the event is one. The specification is
`cloudevents/bindings/http-protocol-binding.md` of cloudevents/spec.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from chassis.errors import BadMessage
from chassis.strict_json import parse_json
from services.linewatch.formats.own import Item, Names, named, severity, unkeepable, wrong

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
_FAULTED = frozenset({"faulted", "fault", "raised", "down", "problem", "firing", "triggered"})
_RECOVERED = frozenset({"recovered", "recovery", "cleared", "up", "ok", "resolved"})
# What is our own JSON's in the data; the rest is the sender's business.
_OWN = ("status", "severity", "occurred_at", "cause", "planned", "alarm", "test")
_TEST = "test"
_PREFIX = "ce-"


def batch(body: Any, names: Names) -> list[Item]:
    """An item for each event, in order; BadMessage when the body is no list."""
    if not isinstance(body, list):
        raise BadMessage("not-cloudevents")
    return [structured(one, names) for one in body]


def is_binary(headers: Mapping[str, str]) -> bool:
    """Whether the headers of a request of type application/json make it an event."""
    return any(name.lower() == "ce-specversion" for name in headers)


def binary(headers: Mapping[str, str], data: Any, names: Names) -> Item:
    attributes = {
        name.lower()[len(_PREFIX) :]: value for name, value in headers.items() if name.lower().startswith(_PREFIX)
    }
    # Header values are percent-encoded where they are not printable ASCII.
    return structured({name: unquote(value).strip('"') for name, value in attributes.items()} | {"data": data}, names)


def structured(event: Any, names: Names) -> Item:
    """The event's item."""
    if not isinstance(event, Mapping):
        return wrong("")
    if problem := unkeepable(event):
        return problem
    for name in ("specversion", "id", "source", "type"):
        if not isinstance(event.get(name), str) or not event[name]:
            return wrong(name, "wrong-type" if name in event else "missing-field")
    if event["specversion"] != "1.0":
        return wrong("specversion", "not-one-of")
    data = _data(event)
    if data is None:
        return wrong("data")
    own = {name: data[name] for name in _OWN if data.get(name) is not None}
    line = named(names, data) or ({"line": event["subject"]} if isinstance(event.get("subject"), str) else {})
    return {
        "severity": severity(event["severitytext"]) if "severitytext" in event else None,
        "occurred_at": event.get("time"),
        **_told_by(event["type"]),
        **own,
        **line,
        "id": event["id"],
        "source": event["source"],
    }


def _data(event: Mapping[str, Any]) -> Mapping[str, Any] | None:
    data = event.get("data")
    if isinstance(event.get("data_base64"), str):
        try:
            data = parse_json(base64.b64decode(event["data_base64"], validate=True))
        except (BadMessage, binascii.Error):
            return None
    return data if isinstance(data, Mapping) else {} if data is None else None


def _told_by(kind: str) -> dict[str, Any]:
    """Status and whether it is a test. One that says nothing else is the test of a fault."""
    words = kind.lower().replace("/", ".").split(".")
    test = words[-1] == _TEST
    word = words[-2] if test and len(words) > 1 else words[-1]
    status = "faulted" if word in _FAULTED else "recovered" if word in _RECOVERED else "faulted" if test else None
    return {"status": status, **({"test": True} if test else {})}
