"""A view of notify's without a database, for the questions that notify asks of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chassis.errors import Unavailable
from chassis.messages import Recorded
from chassis.views import Row, View, fold_once
from services.notify.views import MAILS


@dataclass
class MemoryMails:
    """See `chassis.views.Views`. What is projected is seen at once; `away`: as if the database were."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    away: bool = False
    of: View = MAILS

    def project(self, events: Sequence[Recorded]) -> None:
        for recorded in events:
            for key in self.of.keys(recorded) if recorded.type in self.of.events else ():
                self.rows[key] = fold_once(self.of, self.rows.get(key), recorded) or self.rows[key]

    def one(self, view: str, key: str) -> Row | None:
        self._asked()
        return {"_id": key, **self.rows[key]} if key in self.rows else None

    def find(
        self, view: str, wanted: Mapping[str, Any], *, sort: Sequence[tuple[str, int]], limit: int = 100
    ) -> list[Row]:
        self._asked()
        rows: list[Row] = [{"_id": key, **row} for key, row in self.rows.items()]
        found = [row for row in rows if _fits(row, wanted)]
        ((name, direction),) = sort
        return sorted(found, key=lambda row: row[name], reverse=direction < 0)[:limit]

    def _asked(self) -> None:
        if self.away:
            raise Unavailable("store-unavailable")


def _fits(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(_is(row[name], want) for name, want in wanted.items())


def _is(value: Any, want: Any) -> bool:
    match want:
        case {"$ne": other}:
            return bool(value != other)
        case {"$in": values}:
            return value in values
        case {"$lte": most}:
            return value is not None and bool(value <= most)
        case {"$gt": least}:
            return value is not None and bool(value > least)
        case _:
            return bool(value == want)
