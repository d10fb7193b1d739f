"""What our media type for Zabbix posts (`integrations/zabbix/media_tsunagu.yaml`).

Zabbix fills in macros: all values are texts, a macro that it does not know stays as it is. A problem and its recovery
carry the same event id.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from chassis.errors import BadMessage
from contracts.linewatch import Severity
from services.linewatch.formats.own import (
    LONGEST_SOURCE,
    Item,
    Names,
    first,
    is_true,
    named,
    sequence,
    short,
    text,
    wrong,
)

_MACRO = re.compile(r"\{[A-Z0-9_.$#]+\}")
# Not classified, information, warning, average, high, disaster.
_SEVERITIES: Sequence[Severity] = ("warning", "warning", "minor", "minor", "major", "critical")


def items(body: Any, names: Names, source: str) -> list[Item]:
    """The one item; BadMessage when the body is not our media type's."""
    if not isinstance(body, Mapping) or "event_id" not in body:
        raise BadMessage("not-zabbix")
    said = {name: _said(value) for name, value in body.items()}
    if said.get("event_value") not in ("0", "1"):
        return [wrong("event_value", "not-one-of")]
    tags = _tags(said.get("event_tags", ""))
    if tags is None:
        return [wrong("event_tags")]
    event_id, is_problem = said["event_id"], said["event_value"] == "1"
    # An update (a comment, another severity) is a message of its own.
    update = (said.get("event_update_status", "0"), said.get("event_update_time", ""), said.get("event_nseverity", ""))
    at = _time(said.get("event_time" if is_problem else "recovery_time", ""))
    return [
        {
            "id": short(":".join((event_id, said["event_value"], *update))),
            "source": short(said.get("source") or source, LONGEST_SOURCE),
            **named(names, tags),
            "status": "faulted" if is_problem else "recovered",
            "severity": _severity(said.get("event_nseverity", "")),
            "occurred_at": at,
            "cause": first(said.get("event_name"), said.get("host")),
            "planned": is_true(tags.get("planned")),
            "test": is_true(tags.get("test")),
            "alarm": short(event_id),
        }
    ]


def _said(value: Any) -> str:
    """Without macros that Zabbix has left as they were."""
    said = text(value).strip()
    return "" if _MACRO.fullmatch(said) else said


def _tags(said: str) -> dict[str, str] | None:
    """Zabbix's {EVENT.TAGSJSON}: a list of tag and value; the first of a name counts. None when it is none."""
    try:
        tags = sequence(json.loads(said or "[]"))
    except (ValueError, RecursionError):
        return None
    if tags is None or not all(isinstance(tag, Mapping) for tag in tags):
        return None
    return {text(tag.get("tag")): text(tag.get("value")) for tag in reversed(tags)}


def _severity(said: str) -> Severity:
    return _SEVERITIES[int(said)] if said in ("0", "1", "2", "3", "4", "5") else "major"


def _time(said: str) -> str | None:
    """Seconds since 1970 as Zabbix counts them; None leaves it to our own clock."""
    if not (said.isascii() and said.isdigit() and len(said) < 12):
        return None
    return datetime.fromtimestamp(int(said), UTC).isoformat()
