"""Views without a database, for the one view of voicewarp and the two questions that are asked of it."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chassis.errors import Unavailable
from chassis.messages import Recorded
from chassis.views import Row, fold_once
from services.voicewarp.views import ROUTES


@dataclass
class MemoryRoutes:
    """See `chassis.views.Views`. `away`: as if the database were; `questions` counts what it was asked."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    questions: int = 0
    away: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def project(self, events: Sequence[Recorded]) -> None:
        self._asked()
        with self._lock:
            for recorded in events:
                for key in ROUTES.keys(recorded) if recorded.type in ROUTES.events else ():
                    folded = fold_once(ROUTES, self.rows.get(key), ROUTES.share(key, recorded))
                    self.rows[key] = folded or self.rows[key]

    def one(self, view: str, key: str) -> Row | None:
        self._asked()
        return self.rows.get(key)

    def find(self, view: str, wanted: Mapping[str, Any], *, limit: int) -> list[Row]:
        self._asked()
        return [{"_id": key, **self.rows[key]} for key in wanted["_id"]["$in"] if key in self.rows]

    def _asked(self) -> None:
        if self.away:
            raise Unavailable("store-unavailable")
        self.questions += 1
