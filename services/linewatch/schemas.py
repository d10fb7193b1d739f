"""The JSON of line events and of lines (spec sections 7, 9 and 12)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from marshmallow import ValidationError, fields, post_load, pre_load, validate, validates_schema

from chassis.answers import Answer, WordsSchema
from chassis.errors import NotFound
from chassis.messages import Recorded
from chassis.web import Body, Boolean, Query
from contracts import phone
from contracts.linewatch import (
    SEVERITIES,
    LineFaulted,
    LineFaultWorsened,
    LineFlapping,
    LineRecovered,
    LineTested,
    Severity,
)
from services.linewatch.adapters import MOST_REFUSALS, RESULTS, Known, Refusal
from services.linewatch.model.area import Area
from services.linewatch.model.line import AlarmCleared, AlarmIgnored, AlarmRaised, Line, LineSettled, alarm_of
from services.linewatch.views import CIRCUIT, circuit_name

MOST_ITEMS = 1000


@dataclass(frozen=True)
class Report:
    """One item as we understand it. `line` is how the sender names the line, as the view of contracts spells it, or ""
    where it is about all lines of an area."""

    message_id: str
    source: str
    line: str
    area: str
    faulted: bool
    severity: Severity
    occurred_at: datetime | None
    cause: str
    planned: bool
    alarm: str
    test: bool


class Instant(fields.AwareDateTime):
    """ISO 8601 with an offset; to UTC and cut to milliseconds, which is what is kept."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        try:
            said = super()._deserialize(value, attr, data, **kwargs).astimezone(UTC)
        except OverflowError as far:
            raise self.make_error("invalid", input=value, obj_type="datetime") from far
        return said.replace(microsecond=said.microsecond // 1000 * 1000)


def _text(most: int, **kwargs: Any) -> fields.String:
    return fields.String(validate=validate.Length(1, most), **kwargs)


class LineEventBody(Body):
    """Our own JSON of a line event. What may be missing may also be null, as many senders write it."""

    id = _text(256, required=True)
    source = _text(128, required=True)
    line = _text(40, allow_none=True)
    circuit = _text(128, allow_none=True)
    area = _text(128, allow_none=True)
    status = fields.String(required=True, validate=validate.OneOf(("faulted", "recovered")))
    severity = fields.String(load_default="major", allow_none=True, validate=validate.OneOf(SEVERITIES))
    occurred_at = Instant(allow_none=True, load_default=None)
    cause = fields.String(load_default="", allow_none=True, validate=validate.Length(max=1000))
    planned = Boolean(load_default=False, allow_none=True)
    alarm = _text(256, load_default="", allow_none=True)
    test = Boolean(load_default=False, allow_none=True)

    @pre_load
    def null_is_missing(self, data: Any, **_: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        nullable = {name for name, field in self.fields.items() if field.allow_none}
        return {name: value for name, value in data.items() if value is not None or name not in nullable}

    @validates_schema
    def one_name(self, data: Mapping[str, Any], **_: Any) -> None:
        if len(data.keys() & {"line", "circuit", "area"}) != 1:
            raise ValidationError("line-or-circuit", "line")

    @post_load
    def report(self, data: dict[str, Any], **_: Any) -> Report:
        return Report(
            data["id"],
            data["source"],
            _line_of(data),
            data.get("area", ""),
            data["status"] == "faulted",
            data["severity"],
            data["occurred_at"],
            data["cause"],
            data["planned"],
            data["alarm"],
            data["test"],
        )


class _Plain(msgspec.Struct, forbid_unknown_fields=True):
    """What nearly every item of a storm is: the schema above takes all of this and gives the same report."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    line: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    status: Literal["faulted", "recovered"]
    severity: Severity = "major"
    occurred_at: str | None = None
    cause: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    planned: bool = False
    alarm: Annotated[str, msgspec.Meta(min_length=1, max_length=256)] = ""
    test: bool = False


_OCCURRED_AT = Instant(allow_none=True)


def plain_report(item: object) -> Report | None:
    """The report of an item that is plain, in a tenth of the schema's time; None: ask the schema, which also says what
    is wrong."""
    try:
        plain = msgspec.convert(item, _Plain)
        at = _OCCURRED_AT.deserialize(plain.occurred_at)
    except (msgspec.ValidationError, ValidationError):
        return None
    return Report(
        plain.id,
        plain.source,
        phone.normalise(plain.line),
        "",
        plain.status == "faulted",
        plain.severity,
        at,
        plain.cause,
        plain.planned,
        plain.alarm,
        plain.test,
    )


def _line_of(data: Mapping[str, Any]) -> str:
    if "line" in data:
        return phone.normalise(data["line"])
    return circuit_name(data["circuit"]) if "circuit" in data else ""


class SourceQuery(Query):
    """How the sender is called, where there are several of one kind."""

    source = fields.String(load_default="", validate=validate.Regexp(r"[A-Za-z0-9._:-]{1,64}\Z"))


class AreaBody(Body):
    """The lines of an area: by any number of their contracts, and by circuit."""

    lines = fields.List(_text(40), load_default=())
    circuits = fields.List(_text(128), load_default=())


class AreaSchema(Answer):
    """An area and its lines."""

    area = fields.String()
    lines = fields.List(fields.String())
    circuits = fields.List(fields.String())


class AreasQuery(Query):
    """`limit` areas after that of the name `after`, which is the `next` of the page before."""

    limit = fields.Integer(load_default=100, validate=validate.Range(1, 1000))
    after = fields.String(load_default="", validate=validate.Length(max=128))


class AreaOfManySchema(Answer):
    """An area, and of how many lines it is."""

    area = fields.String()
    lines = fields.Integer()


class AreasSchema(Answer):
    """A page of the areas by name; `next` is the `after` of the page after it, null at the end."""

    items = fields.List(fields.Nested(AreaOfManySchema))
    next = fields.String(allow_none=True)


def areas_shown(rows: Sequence[Mapping[str, Any]], limit: int) -> dict[str, Any]:
    """Of rows by name, of which one more than `limit` may be there."""
    items = [{"area": row["_id"], "lines": row["lines"]} for row in rows[:limit]]
    return {"items": items, "next": items[-1]["area"] if len(rows) > limit else None}


class FaultsQuery(Query):
    """`limit` lines after that of the contract `after`, which is the `next` of the page before. Only lines at fault
    can be listed."""

    faulted = fields.Boolean(load_default=True, validate=validate.Equal(True))
    limit = fields.Integer(load_default=100, validate=validate.Range(1, 1000))
    after = fields.String(load_default="", validate=validate.Length(max=40))

    @post_load
    def digits_only(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return data | {"after": phone.normalise(data["after"])}


class FaultSchema(Answer):
    """A line at fault. While it is `flapping`, it may be well for moments."""

    contract_number = fields.String()
    since = fields.AwareDateTime()
    severity = fields.String(validate=validate.OneOf(SEVERITIES))
    cause = fields.String()
    flapping = fields.Boolean()


class FaultsSchema(Answer):
    """A page of the lines at fault by contract number; `next` is the `after` of the page after it, null at the end."""

    items = fields.List(fields.Nested(FaultSchema))
    next = fields.String(allow_none=True)


def faults_shown(rows: Sequence[Mapping[str, Any]], limit: int) -> dict[str, Any]:
    """Of rows by contract number, of which one more than `limit` may be there."""
    told = ("severity", "cause", "flapping")
    items = [
        {"contract_number": row["_id"], "since": row["since"].isoformat(), **{name: row[name] for name in told}}
        for row in rows[:limit]
    ]
    return {"items": items, "next": items[-1]["contract_number"] if len(rows) > limit else None}


def names_of(body: Mapping[str, Any]) -> tuple[str, ...]:
    """As the view of contracts spells them."""
    return (*map(phone.normalise, body["lines"]), *map(circuit_name, body["circuits"]))


def area_shown(name: str, area: Area) -> dict[str, Any]:
    """What GET answers of an area; NotFound when there is none."""
    if not area.exists:
        raise NotFound("not-found")
    circuits = [one.removeprefix(CIRCUIT) for one in area.names if one.startswith(CIRCUIT)]
    return {"area": name, "lines": [one for one in area.names if not one.startswith(CIRCUIT)], "circuits": circuits}


class SourceSchema(Answer):
    """A monitoring system that reports, in one format; `refused` is the code of its last rejected item."""

    kind = fields.String()
    source = fields.String()
    first_seen = fields.AwareDateTime()
    last_seen = fields.AwareDateTime()
    accepted = fields.Integer()
    duplicates = fields.Integer()
    ignored = fields.Integer()
    rejected = fields.Integer()
    refused = fields.String(allow_none=True)
    refused_at = fields.AwareDateTime(allow_none=True)


class SourcesSchema(Answer):
    """All that have reported lately."""

    items = fields.List(fields.Nested(SourceSchema))


def source_shown(known: Known) -> dict[str, Any]:
    return {
        "kind": known.kind,
        "source": known.source,
        "first_seen": known.first_seen.isoformat(),
        "last_seen": known.last_seen.isoformat(),
        **{name: known.counts.get(name, 0) for name in RESULTS},
        "refused": known.refused or None,
        "refused_at": known.refused_at.isoformat() if known.refused_at else None,
    }


class RefusalsQuery(Query):
    limit = fields.Integer(load_default=100, validate=validate.Range(1, MOST_REFUSALS))


class RefusalSchema(Answer):
    """An alert that was refused; `item` is the JSON text as it came, `times` how often it has come."""

    id = fields.String()
    kind = fields.String()
    source = fields.String()
    code = fields.String()
    item = fields.String()
    times = fields.Integer()
    first_at = fields.AwareDateTime()
    last_at = fields.AwareDateTime()


class RefusalsSchema(Answer):
    """Those that came last, the last first."""

    items = fields.List(fields.Nested(RefusalSchema))


class AgainBody(Body):
    """Which refused alerts to take again; without `ids` all, up to 500."""

    ids = fields.List(_text(64), load_default=(), validate=validate.Length(1, MOST_REFUSALS))


def refusal_shown(refusal: Refusal) -> dict[str, Any]:
    moments = {"first_at": refusal.first_at.isoformat(), "last_at": refusal.last_at.isoformat()}
    return {**{name: getattr(refusal, name) for name in ("id", "kind", "source", "code", "item", "times")}, **moments}


# The routes read these bodies themselves, because one bad item must not refuse its neighbours; so these are lenient.
def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": True}


_ANY, _TEXT = {"type": "object"}, {"type": "string"}
_ALERT = _object(
    status={"type": "string", "enum": ["firing", "resolved"]},
    labels=_ANY,
    annotations=_ANY,
    startsAt=_TEXT,
    endsAt=_TEXT,
    fingerprint=_TEXT,
)
_CLOUDEVENT = _object(specversion=_TEXT, id=_TEXT, source=_TEXT, type=_TEXT, time=_TEXT, subject=_TEXT, data=_ANY)
ALERTS = {
    "required": True,
    "content": {"application/json": {"schema": _object(alerts={"type": "array", "items": _ALERT})}},
}
EVENT_OF_PAGERDUTY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": _object(
                routing_key=_TEXT,
                event_action={"type": "string", "enum": ["trigger", "acknowledge", "resolve"]},
                dedup_key=_TEXT,
                payload=_object(summary=_TEXT, source=_TEXT, severity=_TEXT, timestamp=_TEXT, custom_details=_ANY),
            )
        }
    },
}
EVENT_OF_ZABBIX = {
    "required": True,
    "content": {
        "application/json": {
            "schema": _object(
                event_id=_TEXT,
                event_value={"type": "string", "enum": ["0", "1"]},
                event_nseverity=_TEXT,
                event_update_status=_TEXT,
                event_tags=_TEXT,
                event_name=_TEXT,
                host=_TEXT,
                source=_TEXT,
            )
        }
    },
}


class EnqueuedSchema(Answer):
    """What PagerDuty answers; here `rejected` beside `success`, with the code in the message."""

    status = fields.String(validate=validate.OneOf(("success", "rejected")))
    message = fields.String()
    dedup_key = fields.String()


# `POST /line-events` reads its body itself, because one bad item must not refuse its neighbours.
ONE_OR_MANY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "oneOf": [LineEventBody, {"type": "array", "items": LineEventBody, "maxItems": MOST_ITEMS}],
            }
        },
        "application/cloudevents+json": {"schema": _CLOUDEVENT},
        "application/cloudevents-batch+json": {
            "schema": {"type": "array", "items": _CLOUDEVENT, "maxItems": MOST_ITEMS}
        },
    },
}


class ItemErrorSchema(Answer):
    """A field of an item, and what is wrong with it."""

    field = fields.String()
    code = fields.String()


class ResultSchema(Answer):
    """What became of one item; `index` is its place in the list, `lines` of how many lines an area has."""

    sometimes = ("code", "errors", "lines")

    index = fields.Integer()
    id = fields.String(allow_none=True)
    status = fields.String(validate=validate.OneOf(("accepted", "duplicate", "ignored", "rejected")))
    code = fields.String()
    errors = fields.List(fields.Nested(ItemErrorSchema))
    lines = fields.Integer()


class TakenSchema(Answer):
    """What became of a body of line events."""

    accepted = fields.Integer()
    duplicates = fields.Integer()
    ignored = fields.Integer()
    rejected = fields.Integer()
    results = fields.List(fields.Nested(ResultSchema))


class AlarmSchema(Answer):
    """An alarm that is not cleared; `id` is that of the message that raised it."""

    source = fields.String()
    id = fields.String()
    alarm = fields.String()
    severity = fields.String(validate=validate.OneOf(SEVERITIES))
    cause = fields.String()
    planned = fields.Boolean()
    since = fields.AwareDateTime()


class MomentSchema(Answer):
    """Something that happened to the line."""

    at = fields.AwareDateTime()
    event = fields.String()
    sentence = fields.Nested(WordsSchema)


class LineSchema(Answer):
    """The state of a line; `timeline` newest first."""

    contract_number = fields.String()
    faulted = fields.Boolean()
    flapping = fields.Boolean()
    since = fields.AwareDateTime(allow_none=True)
    fault_id = fields.String(allow_none=True)
    alarms = fields.List(fields.Nested(AlarmSchema))
    timeline = fields.List(fields.Nested(MomentSchema))


def shown(contract_number: str, line: Line, timeline: Sequence[Recorded]) -> dict[str, Any]:
    """What GET answers of a line; `timeline` newest first."""
    return {
        "contract_number": contract_number,
        "faulted": line.fault is not None,
        "flapping": line.flapping,
        "since": line.fault.since.isoformat() if line.fault else None,
        "fault_id": line.fault.fault_id if line.fault else None,
        "alarms": [
            {
                "source": alarm.source,
                "id": alarm.message_id,
                "alarm": alarm_of(key),
                "severity": alarm.severity,
                "cause": alarm.cause,
                "planned": alarm.planned,
                "since": alarm.since.isoformat(),
            }
            for key, alarm in line.alarms.items()
        ],
        "timeline": [_moment(recorded) for recorded in timeline],
    }


def _moment(recorded: Recorded) -> dict[str, Any]:
    words = sentence(recorded.event) or ("", "")
    return {"at": recorded.at.isoformat(), "event": recorded.type, "sentence": {"ja": words[0], "en": words[1]}}


_IGNORED = {
    "already-raised": ("すでに受けている警報です", "the alarm is open already"),
    "recovery-before-fault": ("故障より先に回復が届きました", "the recovery came before its fault"),
    "older-than-recovery": ("回復より古い故障です", "the fault is older than its recovery"),
    "older-than-fault": ("故障より古い回復です", "the recovery is older than the fault"),
}


def sentence(event: Any) -> tuple[str, str] | None:
    """What the history says of an event, in Japanese and English."""
    match event:
        case LineFaulted():
            return "回線の故障を検知しました", "A line fault was detected"
        case LineFaultWorsened():
            return "回線の故障が重くなりました", "The line fault got worse"
        case LineRecovered():
            return "回線が回復しました", "The line has recovered"
        case LineFlapping(changes=changes):
            return (
                f"回線が短い時間に{changes}回変化しました。落ち着くまで故障として扱います",
                f"The line changed {changes} times in a short while; it counts as faulted until it is still",
            )
        case LineTested(source=source):
            return (
                f"{source}が知らせの試験をしました。回線の状態は変わりません",
                f"{source} tried whether its news arrives; nothing about the line has changed",
            )
        case LineSettled():
            return "回線の状態が落ち着きました", "The line is still again"
        case AlarmRaised(source=source, severity=severity, planned=planned):
            kind = ("工事の", "planned ") if planned else ("", "")
            return f"{source}から{kind[0]}警報（{severity}）", f"{source} raised a {kind[1]}{severity} alarm"
        case AlarmCleared(source=source):
            return f"{source}の警報が解除されました", f"{source} cleared an alarm"
        case AlarmIgnored(source=source, reason=reason):
            ja, en = _IGNORED[reason]
            return f"{source}からの知らせは変更になりませんでした（{ja}）", f"News from {source} changed nothing: {en}"
    return None
