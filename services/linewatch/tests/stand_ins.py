"""Views without a database, each for one view of linewatch and the one question that is asked of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chassis.errors import Unavailable
from chassis.messages import Recorded
from chassis.views import Row, fold_once
from services.linewatch.views import AREAS, CONTRACTS, FAULTS


@dataclass
class MemoryContracts:
    """See `chassis.views.Views`. `away`: as if the database were."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    questions: int = 0
    away: bool = False

    def project(self, events: Sequence[Recorded]) -> None:
        for recorded in events:
            for key in CONTRACTS.keys(recorded):
                self.rows[key] = fold_once(CONTRACTS, self.rows.get(key), recorded) or self.rows[key]

    def one(self, view: str, key: str) -> Row | None:
        self._asked()
        return self.rows.get(key)

    def find(self, view: str, wanted: Mapping[str, Any], *, limit: int) -> list[Row]:
        self._asked()
        names = set(wanted["names"]["$in"])
        return [{"_id": key, **row} for key, row in self.rows.items() if names.intersection(row["names"])]

    def _asked(self) -> None:
        if self.away:
            raise Unavailable("store-unavailable")
        self.questions += 1


@dataclass
class MemoryOwn:
    """Made anew from the store for each question."""

    store: Any

    def find(self, view: str, wanted: Mapping[str, Any], *, sort: Sequence[tuple[str, int]], limit: int) -> list[Row]:
        rows: dict[str, dict[str, Any]] = {}
        asked = next(one for one in (AREAS, FAULTS) if one.name == view)
        for recorded in self.store.scan():
            for key in asked.keys(recorded) if recorded.type in asked.events else ():
                rows[key] = fold_once(asked, rows.get(key), recorded) or rows[key]
        after, kind = wanted["_id"]["$gt"], "exists" if asked is AREAS else "faulted"
        found: list[Row] = [{"_id": key, **row} for key, row in sorted(rows.items()) if row[kind] and key > after]
        return found[:limit]
