"""One row a number, with all that the way of a call depends on: VoiceWarp from our own commits, bulk forwarding as
bulkforward says it.

What a row has of each stream does not depend on the others, so they may come in any order. The last periods of bulk
forwarding are kept, so that a look back finds the way that calls went then.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from chassis.decider import replace
from chassis.messages import Recorded
from chassis.views import Row, View
from contracts.bulkforward import BulkForwardEntriesChanged, BulkForwardStarted, BulkForwardStopped
from services.voicewarp.model.setting import Event, Setting, evolve

PERIODS = 20


@dataclass(frozen=True)
class SettingNow:
    """A setting as a commit has left it. Never stored: the web process puts it in at once, the projector later does
    the same from the events."""

    setting: Setting


def keys_route(recorded: Recorded) -> Sequence[str]:
    event = recorded.event
    match event:
        case BulkForwardStarted() | BulkForwardStopped():
            return list(event.entries)
        case BulkForwardEntriesChanged():
            return [*event.entries, *event.removed]
        case SettingNow(setting):
            return [setting.number]
    return [event.number]


def share_of(number: str, recorded: Recorded) -> Recorded:
    """Bulk forwarding as it is about one number."""
    event = recorded.event
    match event:
        case BulkForwardStarted() | BulkForwardStopped() | BulkForwardEntriesChanged():
            if len(event.entries) == 1 and number in event.entries:
                return recorded
            entries = {number: event.entries[number]} if number in event.entries else {}
            return msgspec.structs.replace(recorded, event=replace(event, entries=entries))
    return recorded


def fold_route(row: Row | None, recorded: Recorded) -> Row:
    """`setting` is VoiceWarp, `entries` where bulk forwarding sends the number when it runs, by contract; `periods` are
    those in which it did, and `forgotten` the end of the last one that is not kept; `edges` is where calls may go; `on`
    is since when VoiceWarp is started and who did it."""
    before = dict(row or _NOTHING)
    event = recorded.event
    match event:
        case BulkForwardStarted():
            after = _running(_entered(before, event), event, recorded.at)
        case BulkForwardEntriesChanged():
            changed = _entered(before, event)
            after = _running(changed, event, recorded.at) if event.running else changed
        case BulkForwardStopped():
            after = {**before, "periods": _closed(before["periods"], event.contract_number, recorded.at)}
        case SettingNow(setting):
            after = {**before, "setting": msgspec.to_builtins(setting)}
        case _:
            after = {**before, "setting": _evolved(before["setting"], event)}
    return {**after, "edges": sorted(_edges(after)), "on": _on(before, after, recorded)}


def _on(before: Mapping[str, Any], after: Mapping[str, Any], recorded: Recorded) -> Any:
    """Since when VoiceWarp is started, and what kind of person did it; None while it is stopped."""
    if not _is_started(after["setting"]):
        return None
    is_new = not _is_started(before["setting"])
    return {"at": recorded.at, "by": recorded.actor.kind} if is_new else before.get("on")


_NOTHING: Mapping[str, Any] = {"setting": None, "entries": {}, "periods": [], "forgotten": None}
_Told = BulkForwardStarted | BulkForwardEntriesChanged


def _evolved(kept: Mapping[str, Any] | None, event: Event) -> Any:
    return msgspec.to_builtins(evolve(_setting(kept), event))


def _setting(kept: Mapping[str, Any] | None) -> Setting:
    return msgspec.convert(kept, Setting) if kept else Setting()


def _is_started(kept: Mapping[str, Any] | None) -> bool:
    """As the setting says it, which need not be made for that."""
    return kept is not None and bool(kept.get("started"))


def _entered(row: dict[str, Any], event: _Told) -> dict[str, Any]:
    """The row with the contract's destination for its number, or with none."""
    others = {contract: to for contract, to in row["entries"].items() if contract != event.contract_number}
    to = _only(event)
    return {**row, "entries": {**others, event.contract_number: to} if to else others}


def _running(row: dict[str, Any], event: _Told, at: datetime) -> dict[str, Any]:
    """From `at` on calls go where the event says; nothing new begins where they went there already."""
    to = _only(event)
    periods: list[dict[str, Any]] = row["periods"]
    if any(period["contract"] == event.contract_number and _is_open(period, to) for period in periods):
        return row
    ended = _closed(periods, event.contract_number, at)
    began = [{"contract": event.contract_number, "to": to, "from": at, "until": None}] if to else []
    ordered = sorted([*ended, *began], key=lambda period: (period["from"], period["contract"]))
    forgotten = [period["until"] for period in ordered[:-PERIODS] if period["until"]]
    return {**row, "periods": ordered[-PERIODS:], "forgotten": max(forgotten, default=row["forgotten"])}


def _only(event: _Told) -> str | None:
    """The one destination of an event that is one number's share."""
    return next(iter(event.entries.values()), None)


def _is_open(period: Mapping[str, Any], to: str | None) -> bool:
    return period["until"] is None and period["to"] == to


def _closed(periods: Iterable[Mapping[str, Any]], contract_number: str, at: datetime) -> list[dict[str, Any]]:
    return [
        {**period, "until": at} if period["until"] is None and period["contract"] == contract_number else dict(period)
        for period in periods
    ]


def _edges(row: Mapping[str, Any]) -> set[str]:
    """Where calls to the number may go: by VoiceWarp while it is started, by bulk forwarding always, as a fault may
    start that at any time."""
    destination = _setting(row["setting"]).destination if _is_started(row["setting"]) else None
    return {*row["entries"].values(), *([destination] if destination else ())}


ROUTES = View(
    "routes",
    frozenset(
        {
            "ContractNoted",
            "VoiceWarpChanged",
            "VoiceWarpStarted",
            "VoiceWarpStopped",
            SettingNow.__name__,
            "BulkForwardStarted",
            "BulkForwardStopped",
            "BulkForwardEntriesChanged",
        }
    ),
    keys_route,
    fold_route,
    share=share_of,
)


def setting_of(row: Row | None) -> Setting:
    """The number's setting; the initial one where the number is unknown."""
    return _setting(row["setting"]) if row else Setting()


def bulk_now(row: Row | None) -> str | None:
    """Where running bulk forwarding sends the number; None when it does not run."""
    return next((period["to"] for period in reversed(row["periods"]) if period["until"] is None), None) if row else None


def bulk_at(row: Row | None, at: datetime) -> str | None:
    """As `bulk_now`, at an instant that `is_remembered`."""
    periods = reversed(row["periods"]) if row else ()
    return next((period["to"] for period in periods if period["from"] <= at and not _ended_by(period, at)), None)


def _ended_by(period: Mapping[str, Any], at: datetime) -> bool:
    return period["until"] is not None and bool(period["until"] <= at)


def is_remembered(row: Row | None, at: datetime) -> bool:
    """Whether bulk forwarding at that instant is still known."""
    return row is None or row["forgotten"] is None or bool(row["forgotten"] <= at)
