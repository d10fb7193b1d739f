"""Alerts of programs that do not look at results: what is refused of a body is kept, for operators to see and to have
taken again.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.errors import BadMessage
from chassis.messages import Origin, now
from chassis.strict_json import parse_json
from services.linewatch.adapters import Refusal, Refusals
from services.linewatch.flows.reporting import Answer, Reporting
from services.linewatch.formats import alertmanager
from services.linewatch.formats.own import Item, Names, digest_of


@dataclass(frozen=True)
class Alerts:
    """Alertmanager's and Grafana's."""

    reporting: Reporting
    refusals: Refusals
    names: Names

    def take(self, kind: str, body: Any, source: str, origin: Origin) -> tuple[list[Item], list[Answer]]:
        """The alerts' items and an answer for each, when all that is accepted, and all that is refused, is durable."""
        items = alertmanager.items(body, self.names, source)
        answers = self.reporting.take(kind, items, origin, source)
        at, alerts = now(), zip(body["alerts"], answers, strict=True)
        self.refusals.keep([_refusal(kind, source, alert, answer, at) for alert, answer in alerts if _is_bad(answer)])
        return items, answers

    def again(self, ids: Sequence[str], origin: Origin) -> tuple[Sequence[Refusal], list[Answer]]:
        """Takes what was refused once more, the oldest first: these, or all without any. Some may be refused again."""
        refusals = self.refusals.oldest(ids)
        items = [item for one in refusals for item in self._items(one)]
        answers = self.reporting.answers(items, origin)
        self.refusals.forget([one.id for one, answer in zip(refusals, answers, strict=True) if not _is_bad(answer)])
        return refusals, answers

    def _items(self, refusal: Refusal) -> list[Item]:
        try:
            alert = parse_json(refusal.item.encode())
        except BadMessage:
            alert = None
        return alertmanager.items({"alerts": [alert]}, self.names, refusal.source)


def _is_bad(answer: Answer) -> bool:
    return answer.status == "rejected"


def _refusal(kind: str, source: str, alert: Any, answer: Answer, at: datetime) -> Refusal:
    """The same alert, sent again and again, is one refusal."""
    try:
        text = json.dumps(alert, sort_keys=True)  # In ASCII, so that what no engine can keep is kept.
    except RecursionError:
        text = ""
    return Refusal(digest_of([kind, source, text]), kind, source, answer.code, text, 1, at, at)
