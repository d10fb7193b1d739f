"""Where VoiceWarp sends the calls of each number while it is started. Made from voicewarp's events; lags by moments."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from chassis.handling import Handler
from chassis.messages import Recorded
from chassis.views import Row, View, Views
from contracts.voicewarp import VoiceWarpChanged, VoiceWarpStarted, VoiceWarpStopped
from services.bulkforward.model import EditPlan, Plan, SetEntry

MOST_STEPS = 20


def keys_forward(recorded: Recorded) -> list[str]:
    return [recorded.event.number]


def fold_forward(row: Row | None, recorded: Recorded) -> Row:
    """`to` is the active destination, if there is one."""
    before = dict(row or {"to": None, "started": False})
    match recorded.event:
        case VoiceWarpChanged(destinations=destinations, active=active):
            return {**before, "to": destinations[active - 1].number if active else None}
        case VoiceWarpStarted(destination=destination):
            return {**before, "to": destination, "started": True}
        case VoiceWarpStopped():
            return {**before, "started": False}
    return before


FORWARDS = View(
    "forwards", frozenset({"VoiceWarpChanged", "VoiceWarpStarted", "VoiceWarpStopped"}), keys_forward, fold_forward
)


def complete(plans: Handler[Plan], views: Views, contract_number: str, command: Any) -> Any:
    """The command with what its rule has to know of VoiceWarp to see a loop."""
    match command:
        case EditPlan(entries=entries):
            return replace(command, forwards=_forwards_from(views, entries.values()))
        case SetEntry(destination=destination):
            others = plans.read(contract_number).state.entries.values()
            return replace(command, forwards=_forwards_from(views, [destination, *others]))
    return command


def _forwards_from(views: Views, numbers: Collection[str]) -> Mapping[str, str]:
    """Where VoiceWarp sends these numbers, and those on from there, as far as `MOST_STEPS`; a read for each step."""
    forwards: dict[str, str] = {}
    seen: set[str] = set()
    ahead = set(numbers)
    for _ in range(MOST_STEPS):
        if not ahead:
            break
        seen |= ahead
        rows = views.find(FORWARDS.name, {"_id": {"$in": sorted(ahead)}, "started": True}, limit=0)
        found = {row["_id"]: row["to"] for row in rows if row["to"]}
        forwards |= found
        ahead = set(found.values()) - seen
    return forwards
