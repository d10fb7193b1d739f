"""Where the calls of each number may go: by VoiceWarp while it is started, and by the plans of all contracts. Made from
voicewarp's events and from our own; lags by moments.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from chassis.handling import Handler
from chassis.messages import Recorded
from chassis.views import Row, View, Views
from contracts.bulkforward import BulkForwardEntriesChanged
from contracts.voicewarp import VoiceWarpChanged, VoiceWarpStarted, VoiceWarpStopped
from services.bulkforward.model import EditPlan, Plan, SetEntry

MOST_STEPS = 20


def keys_forward(recorded: Recorded) -> list[str]:
    match recorded.event:
        case BulkForwardEntriesChanged(entries=entries, removed=removed):
            return [*entries, *removed]
    return [recorded.event.number]


def share_of(number: str, recorded: Recorded) -> Recorded:
    """A plan as it is about one number."""
    event = recorded.event
    match event:
        case BulkForwardEntriesChanged(entries=entries):
            own = {number: entries[number]} if number in entries else {}
            return msgspec.structs.replace(recorded, event=replace(event, entries=own))
    return recorded


def fold_forward(row: Row | None, recorded: Recorded) -> Row:
    """`to` is VoiceWarp's active destination, if there is one; `plans` has the one of bulk forwarding, by contract."""
    before = {"to": None, "started": False, "plans": {}, **(row or {})}
    match recorded.event:
        case BulkForwardEntriesChanged(contract_number=contract_number, entries=entries):
            plans = {contract: to for contract, to in before["plans"].items() if contract != contract_number}
            if to := next(iter(entries.values()), None):
                plans[contract_number] = to
            return {**before, "plans": plans}
        case VoiceWarpChanged(destinations=destinations, active=active):
            return {**before, "to": destinations[active - 1].number if active else None}
        case VoiceWarpStarted(destination=destination):
            return {**before, "to": destination, "started": True}
        case VoiceWarpStopped():
            return {**before, "started": False}
    return before


FORWARDS = View(
    "forwards",
    frozenset({"VoiceWarpChanged", "VoiceWarpStarted", "VoiceWarpStopped", "BulkForwardEntriesChanged"}),
    keys_forward,
    fold_forward,
    share=share_of,
)


def complete(plans: Handler[Plan], views: Views, contract_number: str, command: Any) -> Any:
    """The command with what its rule has to know of VoiceWarp and of other contracts to see a loop."""
    match command:
        case EditPlan(entries=entries):
            return replace(command, forwards=_forwards_from(views, contract_number, entries.values()))
        case SetEntry(destination=destination):
            others = plans.read(contract_number).state.entries.values()
            return replace(command, forwards=_forwards_from(views, contract_number, [destination, *others]))
    return command


def _forwards_from(views: Views, contract_number: str, numbers: Collection[str]) -> Mapping[str, Sequence[str]]:
    """Where calls to these numbers may go, and on from there, as far as `MOST_STEPS`; a read for each step. What the
    contract's own plan says is left to the rule, which knows it without lagging."""
    forwards: dict[str, Sequence[str]] = {}
    seen: set[str] = set()
    ahead = set(numbers)
    for _ in range(MOST_STEPS):
        if not ahead:
            break
        seen |= ahead
        rows = views.find(FORWARDS.name, {"_id": {"$in": sorted(ahead)}}, limit=0)
        found = {row["_id"]: sorted(_edges(row, contract_number)) for row in rows}
        forwards |= found
        ahead = {to for ways in found.values() for to in ways} - seen
    return forwards


def _edges(row: Row, own: str) -> set[str]:
    """A plan's destination counts whether or not it runs, as a fault may start it at any time."""
    by_plans = {to for contract, to in row.get("plans", {}).items() if contract != own}
    return by_plans | {row["to"]} if row["started"] and row["to"] else by_plans
