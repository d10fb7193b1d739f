"""What takes more than one number: whether calls would come back to where they began, and where a call goes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog

from chassis.errors import Rejected, TsunaguError
from chassis.handling import Handler, Outcome
from chassis.messages import Recorded, sequence_of
from chassis.views import Row, Views
from chassis.web import origin
from contracts.switched import SwitchedOn, told
from services.voicewarp.model.routing import Decision, route
from services.voicewarp.model.setting import MOST_DESTINATIONS, EditSetting, Setting, Start
from services.voicewarp.views import ROUTES, SettingNow, bulk_at, bulk_now, is_remembered, setting_of

MOST_STEPS = 20
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Ways:
    """The ways of calls, as the rows of all numbers have them. They lag by moments behind what others have set."""

    settings: Handler[Setting]
    views: Views

    def row(self, number: str) -> Row | None:
        return self.views.one(ROUTES.name, number)

    def rows(self, numbers: Collection[str]) -> Mapping[str, Row]:
        """Those of many numbers in one read; a number that nobody has ever had has none."""
        return {row["_id"]: row for row in self.views.find(ROUTES.name, _any_of(numbers), limit=0)}

    def glances(self, numbers: Collection[str]) -> Mapping[str, Mapping[str, Any]]:
        """As `glance`, of those numbers that have VoiceWarp."""
        found = {number: glance(row) for number, row in self.rows(numbers).items()}
        return {number: seen for number, seen in found.items() if seen is not None}

    def contract_number(self, row: Row | None) -> str:
        """Whose number it is."""
        return setting_of(row).contract_number

    def decide(self, row: Row | None, caller: str | None) -> Decision:
        """Where a call goes now."""
        return route(setting_of(row), bulk_now(row), caller)

    def decide_at(self, number: str, caller: str | None, at: datetime) -> Decision:
        """Where a call went at an instant that is past; Rejected when it is too long ago to know."""
        row = self.row(number)
        if not is_remembered(row, at):
            raise Rejected("too-long-ago", field="at")
        return route(self.settings.read_as_of(number, at), bulk_at(row, at), caller)

    def complete(self, number: str, command: Any) -> Any:
        """The command with what its rule has to know of loops."""
        match command:
            case EditSetting(destinations=destinations):
                # Of more than may be there nothing is kept anyway.
                wanted = [one.number for one in destinations[:MOST_DESTINATIONS]]
                return replace(command, loops=self._loops(number, wanted))
            case Start():
                walked = [one.number for one in self.settings.read(number).state.destinations]
                return Start(frozenset(walked), self._loops(number, walked))
        return command

    def _loops(self, number: str, destinations: Sequence[str]) -> frozenset[str]:
        others = [destination for destination in destinations if destination and destination != number]
        edges = self._edges_from(others) if others else {}
        return frozenset(one for one in others if number in reached(one, edges))

    def _edges_from(self, numbers: Collection[str]) -> Mapping[str, Sequence[str]]:
        """Where calls to these numbers may go, and on from there, as far as `MOST_STEPS`; a read for each step."""
        edges: dict[str, Sequence[str]] = {}
        ahead = set(numbers)
        for _ in range(MOST_STEPS):
            edges |= dict.fromkeys(ahead, ())
            edges |= {row["_id"]: row["edges"] for row in self.views.find(ROUTES.name, _any_of(ahead), limit=0)}
            ahead = {to for number in ahead for to in edges[number]} - edges.keys()
            if not ahead:
                break
        return edges

    def put(self, number: str, outcome: Outcome[Setting]) -> None:
        """The setting after a command into its row, for the very next call. Left to the projector when that fails:
        the command is done."""
        if not outcome.events or outcome.at is None:
            return
        place = sequence_of(outcome.revision, len(outcome.events) - 1)
        stream, who = self.settings.stream(number), origin()
        told = SettingNow(outcome.state)
        # With the time of the commit, so that a row made anew is the same.
        event = Recorded(told, SettingNow.__name__, stream, place, "", outcome.at, who.actor, who.correlation_id, "")
        try:
            self.views.project([event])
        except TsunaguError as problem:
            log.warning("route_left_to_projector", code=problem.code)


def glance(row: Row | None) -> Mapping[str, Any] | None:
    """VoiceWarp of a number: is it started, since when, and what kind of person did it. None where it has none."""
    setting = setting_of(row)
    if row is None or not setting.contracted:
        return None
    on = row.get("on")  # Rows from before this was kept do not know it.
    return {"started": setting.started, "mode": setting.mode, **told(SwitchedOn(**on) if on else None)}


def reached(number: str, edges: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Every number that a call to `number` may come to."""
    found: set[str] = set()
    ahead = [number]
    while ahead:
        onward = [to for to in edges.get(ahead.pop(), ()) if to not in found]
        found.update(onward)
        ahead += onward
    return frozenset(found)


def _any_of(numbers: Collection[str]) -> dict[str, Any]:
    return {"_id": {"$in": sorted(numbers)}}
