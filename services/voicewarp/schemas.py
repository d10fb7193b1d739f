"""The JSON of voicewarp: bodies become commands, settings and decisions what is answered (spec section 12)."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, get_args

import msgspec
from marshmallow import ValidationError, fields, post_load, validate

from chassis.answers import Answer, WordsSchema
from chassis.fields import TypedNumber, one_line
from chassis.web import Body, Boolean, Query
from contracts import phone
from contracts.phone import shown as grouped
from contracts.voicewarp import (
    Action,
    Caller,
    CallOutcome,
    Destination,
    Mode,
    Reason,
    SelectMode,
    Step,
    VoiceWarpChanged,
    VoiceWarpStarted,
    VoiceWarpStopped,
)
from services.voicewarp.model.routing import Decision, Question, sentence
from services.voicewarp.model.setting import DEFAULT_RING_SECONDS, MOST_DESTINATIONS, AddCaller, EditSetting, Setting

Number = partial(TypedNumber, phone.normalise)
MOST_LETTERS = 40
# What a switch calls a call; SIP's own Call-IDs fit. No path can name `.` and `..`, so nobody could tell their outcome.
CALL_ID = (
    validate.Regexp(r"^[A-Za-z0-9._:@+~-]{1,128}\Z"),
    validate.NoneOf((".", ".."), error="wrong-format"),
)
# A number as switches write it; its parameters, as a context, come after a semicolon (RFC 3966).
TEL_URI = re.compile(r"\s*tel:([^;]*)", re.IGNORECASE)
# How switches say that a caller's number is kept back, where they do not say null.
WITHHELD = frozenset({"", "anonymous"})


def _label() -> fields.String:
    return fields.String(load_default="", validate=[validate.Length(max=MOST_LETTERS), one_line])


class DestinationBody(Body):
    number = Number(required=True)
    label = _label()

    @post_load
    def destination(self, data: dict[str, str], **_: Any) -> Destination:
        return Destination(**data)


class CallerBody(Body):
    number = Number(required=True)
    label = _label()

    @post_load
    def caller(self, data: dict[str, str], **_: Any) -> Caller:
        return Caller(**data)


class OneCallerBody(CallerBody):
    """What POST of one more caller takes."""

    @post_load
    def command(self, caller: Caller, **_: Any) -> AddCaller:
        return AddCaller(caller)


class SelectBody(Body):
    mode = fields.String(required=True, validate=validate.OneOf(get_args(SelectMode)))
    callers = fields.List(fields.Nested(CallerBody), required=True)


class VoiceWarpBody(Body):
    """What PUT takes: all of the setting. `started` acts like start or stop; without it that stays as it is."""

    started = Boolean()
    mode = fields.String(required=True, validate=validate.OneOf(get_args(Mode)))
    ring_seconds = fields.Integer(load_default=DEFAULT_RING_SECONDS)
    destinations = fields.List(fields.Nested(DestinationBody), required=True)
    active = fields.Integer(required=True, allow_none=True)
    select = fields.Nested(SelectBody, required=True)

    @post_load
    def command(self, data: dict[str, Any], **_: Any) -> EditSetting:
        return EditSetting(
            data["mode"],
            data["ring_seconds"],
            tuple(data["destinations"]),
            data["active"],
            data["select"]["mode"],
            tuple(data["select"]["callers"]),
            data.get("started"),
        )


class ListedSchema(Answer):
    """A number with the customer's own word for it."""

    number = fields.String()
    label = fields.String()


class SelectSchema(Answer):
    """Whose calls are forwarded."""

    mode = fields.String(validate=validate.OneOf(get_args(SelectMode)))
    callers = fields.List(fields.Nested(ListedSchema))


class VoiceWarpSchema(Answer):
    """What is answered of a setting, and what PUT takes back."""

    started = fields.Boolean()
    mode = fields.String(validate=validate.OneOf(get_args(Mode)))
    ring_seconds = fields.Integer()
    destinations = fields.List(fields.Nested(ListedSchema))
    active = fields.Integer(allow_none=True, validate=validate.Range(1, MOST_DESTINATIONS))
    select = fields.Nested(SelectSchema)


def shown(setting: Setting) -> dict[str, Any]:
    """What GET answers."""
    return {
        "started": setting.started,
        "mode": setting.mode,
        "ring_seconds": setting.ring_seconds,
        "destinations": msgspec.to_builtins(setting.destinations),
        "active": setting.active,
        "select": {"mode": setting.select, "callers": msgspec.to_builtins(setting.callers)},
    }


class StepSchema(Answer):
    """What the switch does. `after_seconds` is there where the telephone rings first."""

    sometimes = ("after_seconds",)

    action = fields.String(validate=validate.OneOf(get_args(Action)))
    to = fields.String(allow_none=True)
    after_seconds = fields.Integer()


class DecisionSchema(Answer):
    """Where a call goes, and why."""

    now = fields.Nested(StepSchema)
    on_busy = fields.Nested(StepSchema, allow_none=True)
    on_no_answer = fields.Nested(StepSchema, allow_none=True)
    reason = fields.String(validate=validate.OneOf(get_args(Reason)))
    sentence = fields.Nested(WordsSchema)


def shown_decision(decision: Decision, question: Question) -> dict[str, Any]:
    """What is answered of a decision, in words too."""
    ja, en = sentence(decision, question)
    return {
        "now": _step(decision.now),
        "on_busy": _step(decision.on_busy),
        "on_no_answer": _step(decision.on_no_answer),
        "reason": decision.reason,
        "sentence": {"ja": ja, "en": en},
    }


def _step(step: Step | None) -> dict[str, Any] | None:
    if step is None:
        return None
    after = {} if step.after_seconds is None else {"after_seconds": step.after_seconds}
    return {"action": step.action, "to": step.to, **after}


def _is_caller(number: str) -> None:
    if refusal := phone.caller_refusal(number):
        raise ValidationError(refusal)


def _dialled(said: str) -> str:
    uri = TEL_URI.match(said)
    return phone.normalise(uri[1] if uri else said)


class CallerNumber(TypedNumber):
    """Anyone who can call; what cannot is refused by the field. None for a caller whose number is kept back."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(_dialled, **kwargs)

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        withheld = isinstance(value, str) and value.strip().casefold() in WITHHELD
        return super().deserialize(None if withheld else value, attr, data, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        number = super()._deserialize(value, attr, data, **kwargs)
        _is_caller(number)
        return number


class CallBody(Body):
    """What the switch asks. Numbers are as people type them, or `tel:` URIs."""

    call_id = fields.String(
        required=True, validate=CALL_ID, metadata={"description": "The switch's own name of the call; not `.` or `..`."}
    )
    called = TypedNumber(_dialled, required=True)
    caller = CallerNumber(
        required=True,
        allow_none=True,
        metadata={"description": "Null, empty or `anonymous` (in any case) where the number is withheld."},
    )
    at = fields.AwareDateTime(required=True)

    @post_load
    def asked(self, data: dict[str, Any], **_: Any) -> "Asked":
        return Asked(**data)


@dataclass(frozen=True)
class Asked:
    """A call that the switch asks about."""

    call_id: str
    called: str
    caller: str | None
    at: datetime


class OutcomeBody(Body):
    """What became of a call, and when, if the switch says so."""

    outcome = fields.String(required=True, validate=validate.OneOf(get_args(CallOutcome)))
    at = fields.AwareDateTime()


class OutcomeSchema(Answer):
    """What became of a call."""

    call_id = fields.String()
    outcome = fields.String(validate=validate.OneOf(get_args(CallOutcome)))
    forwarded_to = fields.String(allow_none=True)
    ended_at = fields.AwareDateTime()


class RoutingQuery(Query):
    """`caller` missing or empty: a withheld number. `at` missing: now."""

    caller = fields.String(load_default="", validate=validate.Length(max=40))
    at = fields.AwareDateTime(load_default=None)

    @post_load
    def plain(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        caller = phone.normalise(data["caller"]) or None
        if caller and (refusal := phone.caller_refusal(caller)):
            raise ValidationError(refusal, "caller")
        return {**data, "caller": caller}


_MODES: dict[Mode, tuple[str, str]] = {
    "unconditional": ("無条件", "always"),
    "no-answer": ("応答がないとき", "when nobody answers"),
    "busy": ("話し中のとき", "when busy"),
    "no-answer-or-busy": ("応答がないときと話し中のとき", "when nobody answers or busy"),
}


def told(event: Any) -> tuple[str, str] | None:
    """What the history says of an event, in Japanese and English; None for what is the service's own."""
    match event:
        case VoiceWarpChanged():
            return _changed(event)
        case VoiceWarpStarted(destination=destination):
            to = grouped(destination)
            return f"ボイスワープを開始しました（転送先 {to}）", f"VoiceWarp was started, to {to}"
        case VoiceWarpStopped(cause="manual"):
            return "ボイスワープを停止しました", "VoiceWarp was stopped"
        case VoiceWarpStopped():
            return "契約の変更により、ボイスワープを停止しました", "A change of the contract stopped VoiceWarp"
    return None


def _changed(event: VoiceWarpChanged) -> tuple[str, str]:
    ja, en = _MODES[event.mode]
    to = grouped(event.destinations[event.active - 1].number) if event.active else None
    return (
        f"ボイスワープの設定を変更しました（{ja}、転送先 {to or 'なし'}）",
        f"VoiceWarp was changed: {en}, to {to or 'nowhere'}",
    )
