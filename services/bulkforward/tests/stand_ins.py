"""Views without a database, for the one view of bulkforward and the one question that is asked of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chassis.messages import Recorded
from chassis.views import Row, fold_once
from services.bulkforward.views import FORWARDS


@dataclass
class MemoryForwards:
    """See `chassis.views.Views`."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)

    def project(self, events: Sequence[Recorded]) -> None:
        for recorded in events:
            for key in FORWARDS.keys(recorded) if recorded.type in FORWARDS.events else ():
                share = FORWARDS.share(key, recorded)
                self.rows[key] = fold_once(FORWARDS, self.rows.get(key), share) or self.rows[key]

    def find(self, view: str, wanted: Mapping[str, Any], *, limit: int) -> list[Row]:
        return [{"_id": key, **self.rows[key]} for key in wanted["_id"]["$in"] if key in self.rows]
