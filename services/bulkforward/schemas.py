"""The JSON of bulk forwarding: a body becomes a command, a plan becomes what GET answers (spec section 12)."""

from functools import partial
from typing import Any, get_args

from marshmallow import fields, post_load, validate

from chassis.answers import Answer
from chassis.fields import ByTypedNumber, TypedNumber
from chassis.web import Body, Boolean
from contracts import phone
from contracts.bulkforward import (
    BulkForwardAutomationChanged,
    BulkForwardAutoStartSkipped,
    BulkForwardAutoStopSkipped,
    BulkForwardEntriesChanged,
    BulkForwardStarted,
    BulkForwardStopped,
    StartCause,
)
from services.bulkforward.model import EditPlan, Plan

Number = partial(TypedNumber, phone.normalise)


class PlanBody(Body):
    """What PUT takes. The read-only fields may be sent back and are ignored."""

    entries = ByTypedNumber(phone.normalise, values=Number(), required=True)
    auto_start = Boolean()
    auto_stop = Boolean()
    running = fields.Raw(allow_none=True)
    cause = fields.Raw(allow_none=True)
    since = fields.Raw(allow_none=True)

    @post_load
    def command(self, data: dict[str, Any], **_: Any) -> EditPlan:
        return EditPlan(data["entries"], data.get("auto_start"), data.get("auto_stop"))


class EntryBody(Body):
    """What PUT of one entry takes."""

    destination = Number(required=True)


class PlanSchema(Answer):
    """What is answered of a plan, and what PUT takes back."""

    running = fields.Boolean()
    cause = fields.String(allow_none=True, validate=validate.OneOf(get_args(StartCause)))
    since = fields.AwareDateTime(allow_none=True)
    entries = fields.Dict(fields.String(), fields.String())
    auto_start = fields.Boolean()
    auto_stop = fields.Boolean()


def shown(plan: Plan) -> dict[str, Any]:
    """What GET answers. `since` is when forwarding started, with its offset, or null."""
    on = plan.running
    return {
        "running": on is not None,
        "cause": on.cause if on else None,
        "since": on.since.isoformat() if on else None,
        "entries": dict(plan.entries),
        "auto_start": plan.auto_start,
        "auto_stop": plan.auto_stop,
    }


_STARTED = {
    "manual": ("一括転送を開始しました", "Bulk forwarding was started"),
    "fault": ("回線の故障により、一括転送を自動で開始しました", "A line fault started bulk forwarding"),
}
_STOPPED = {
    "manual": ("一括転送を停止しました", "Bulk forwarding was stopped"),
    "recovery": ("回線の回復により、一括転送を自動で停止しました", "The line's recovery stopped bulk forwarding"),
    "contract-ended": ("契約の変更により、一括転送を停止しました", "A change of the contract stopped bulk forwarding"),
    "no-entries": ("転送先がなくなったため、一括転送を停止しました", "Bulk forwarding stopped: no entries are left"),
}
_NOT_STARTED = {
    "already-running": ("すでに転送中です", "it was already running"),
    "no-entries": ("転送先が登録されていません", "there are no entries"),
    "switched-off": ("自動開始が停止に設定されています", "automatic start is off"),
    "not-contracted": ("一括転送機能の契約がありません", "the option is not contracted"),
    "minor-fault": ("軽い故障です", "the fault is slight"),
}
_NOT_STOPPED = {
    "started-by-hand": ("お客さまが開始した転送です", "it was started by hand"),
    "not-running": ("転送していません", "it was not running"),
    "switched-off": ("自動停止が停止に設定されています", "automatic stop is off"),
}


def sentence(event: Any) -> tuple[str, str] | None:
    """What the history says of an event, in Japanese and English; None for what is the service's own."""
    match event:
        case BulkForwardEntriesChanged(entries=entries):
            return f"一括転送の転送先を変更しました（{len(entries)}件）", f"The entries were changed ({len(entries)})"
        case BulkForwardAutomationChanged(auto_start=start, auto_stop=stop):
            return _automation(start, stop)
        case BulkForwardStarted(cause=cause):
            return _STARTED[cause]
        case BulkForwardStopped(cause=cause):
            return _STOPPED[cause]
        case BulkForwardAutoStartSkipped(reason=reason):
            ja, en = _NOT_STARTED[reason]
            return f"故障がありましたが、一括転送は開始しませんでした（{ja}）", f"A fault started nothing: {en}"
        case BulkForwardAutoStopSkipped(reason=reason):
            ja, en = _NOT_STOPPED[reason]
            return f"回復しましたが、一括転送は停止しませんでした（{ja}）", f"The recovery stopped nothing: {en}"
    return None


def _automation(start: bool, stop: bool) -> tuple[str, str]:
    ja = {True: "する", False: "しない"}
    en = {True: "on", False: "off"}
    return (
        f"故障時の自動開始を「{ja[start]}」、回復時の自動停止を「{ja[stop]}」にしました",
        f"Automatic start is {en[start]}, automatic stop is {en[stop]}",
    )
