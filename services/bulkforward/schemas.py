"""The JSON of bulk forwarding: a body becomes a command, a plan becomes what GET answers (spec section 12)."""

from functools import partial
from typing import Any, get_args

from marshmallow import fields, post_load, validate

from chassis.answers import Answer
from chassis.fields import ByTypedNumber, TypedNumber
from chassis.web import Body, Boolean, Query
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
from services.bulkforward.flows import Change, Proposal
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


class CsvQuery(Query):
    """Whether a file is only tried."""

    dry_run = fields.Boolean(load_default=False)


class AddedSchema(Answer):
    """An entry that would be new, by the line of the file that brings it."""

    line = fields.Integer()
    number = fields.String()
    destination = fields.String()


class ChangedSchema(AddedSchema):
    """An entry that would go elsewhere than `before`."""

    before = fields.String()


class DeletedSchema(Answer):
    """An entry that would be gone."""

    line = fields.Integer()
    number = fields.String()
    before = fields.String()


class RowErrorSchema(Answer):
    """What is wrong with a line and what to do about it."""

    sometimes = ("suggestion",)

    line = fields.Integer()
    code = fields.String(metadata={"description": "Stable, in kebab-case."})
    message = fields.String()
    suggestion = fields.String(metadata={"description": "The number that was probably meant. Nobody mends it."})


class DryRunSchema(Answer):
    """What a file would do. `id` applies it, as long as there are no errors and nobody changes the entries."""

    id = fields.String()
    added = fields.List(fields.Nested(AddedSchema))
    changed = fields.List(fields.Nested(ChangedSchema))
    deleted = fields.List(fields.Nested(DeletedSchema))
    unchanged = fields.Integer(metadata={"description": "Entries that stay as they are, listed or not."})
    errors = fields.List(fields.Nested(RowErrorSchema))


def shown_dry_run(id: str, proposal: Proposal) -> dict[str, Any]:
    """What is answered of a file that was only tried."""
    return {
        "id": id,
        "added": [_shown_change(change) for change in proposal.added],
        "changed": [_shown_change(change) for change in proposal.changed],
        "deleted": [_shown_change(change) for change in proposal.deleted],
        "unchanged": proposal.unchanged,
        "errors": [error.shown() for error in proposal.errors],
    }


def _shown_change(change: Change) -> dict[str, Any]:
    told = {"destination": change.destination, "before": change.before}
    return {"line": change.line, "number": change.number} | {name: to for name, to in told.items() if to is not None}


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
        case BulkForwardEntriesChanged(entries=entries, by_file=True):
            return (
                f"CSVファイルで一括転送の転送先を変更しました（{len(entries)}件）",
                f"A CSV file changed the entries ({len(entries)})",
            )
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
