"""From reports, in whatever format they came, to commands for lines.

However many items a body has, and however many lines an area: one look-up of the areas, one of the lines, one load and
one insert. An item's answer is its own; what is wrong with one is nothing to its neighbours.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog

from chassis import telemetry
from chassis.errors import BadMessage, Conflict, Rejected, Unavailable
from chassis.handling import AlreadyDone, Done, Failed, Handler, Order, Result
from chassis.messages import Actor, Origin, now
from chassis.strict_json import check_values
from chassis.views import Views
from chassis.web import load
from services.linewatch.adapters import Heard, Sources
from services.linewatch.formats.own import LONGEST_SOURCE, Item, digest_of
from services.linewatch.formats.pagerduty import Event
from services.linewatch.model.area import Area
from services.linewatch.model.incident import Incident, Place
from services.linewatch.model.line import AlarmIgnored, Clear, LeaveArea, Line, Raise, Rules, TryOut, joined
from services.linewatch.schemas import LineEventBody, Report, plain_report
from services.linewatch.views import CONTRACTS

# What one body may be about, areas counted line by line.
MOST_LINES = 50_000
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Answer:
    """What became of an item: its status, why, and of how many lines where it was about an area."""

    status: str
    code: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    lines: int | None = None


@dataclass
class Gate:
    """Lets so many lines be worked on at a time; a body that is larger than that gets in alone."""

    most: int
    _inside: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def hold(self, lines: int) -> Iterator[None]:
        with self._lock:
            if self._inside and self._inside + lines > self.most:
                raise Unavailable("busy")
            self._inside += lines
        try:
            yield
        finally:
            with self._lock:
                self._inside -= lines


@dataclass(frozen=True)
class Reporting:
    """Takes reports. `clock_lead`: how far ahead of ours a sender's clock may be."""

    lines: Handler[Line]
    areas: Handler[Area]
    views: Views
    sources: Sources
    rules: Rules
    clock_lead: timedelta
    gate: Gate
    clock: Callable[[], datetime] = now
    # Made once: to make it costs as much as to load some items by it.
    schema: LineEventBody = field(default_factory=LineEventBody)

    def take(self, kind: str, items: Sequence[Any], origin: Origin, source: str = "") -> list[Answer]:
        """An answer for each item, in order, when all that is accepted is durable. `source` is who sends what does not
        name its sender. Unavailable when it is to be sent again as a whole."""
        answers = self.answers(items, origin)
        self._tell(kind, [_source(item, source) for item in items], answers, origin.actor)
        return answers

    def answers(self, items: Sequence[Any], origin: Origin) -> list[Answer]:
        """As `take`, and nobody was heard by it."""
        reports = [_read(self.schema, item) for item in items]
        known = [report for report in reports if isinstance(report, Report)]
        areas = self._areas({report.area for report in known if report.area})
        contracts = self._contracts({report.line for report in known if report.line}, areas)
        received, room = self.clock(), MOST_LINES
        plans: list[list[Order] | Rejected] = []
        for report in reports:
            plan = report if isinstance(report, Rejected) else self._plan(report, areas, contracts, received, origin)
            if isinstance(plan, list) and len(plan) > room:
                plan = Rejected("too-many-lines")
            room -= len(plan) if isinstance(plan, list) else 0
            plans.append(plan)
        results = iter(self._carry_out([order for plan in plans if isinstance(plan, list) for order in plan], origin))
        return [
            _told([next(results) for _ in plan], isinstance(report, Report) and report.area != "")
            if isinstance(plan, list)
            else Answer("rejected", plan.code, plan.details)
            for report, plan in zip(reports, plans, strict=True)
        ]

    def _areas(self, names: set[str]) -> Mapping[str, Area]:
        return self.areas.read_many(sorted(names)) if names else {}

    def _contracts(self, lines: set[str], areas: Mapping[str, Area]) -> Mapping[str, str]:
        """Whose line each name is, as far as auth's news have reached us."""
        return contracts_of(self.views, lines.union(*(area.names for area in areas.values())))

    def _plan(
        self,
        report: Report,
        areas: Mapping[str, Area],
        contracts: Mapping[str, str],
        received: datetime,
        origin: Origin,
    ) -> list[Order] | Rejected:
        if report.occurred_at and report.occurred_at > received + self.clock_lead:
            return Rejected("occurred-at-in-future")
        if report.area and not areas[report.area].exists:
            return Rejected("unknown-area")
        names = areas[report.area].names if report.area else (report.line,)
        numbers = list(dict.fromkeys(contracts[name] for name in names if name in contracts))
        if not numbers:
            return Rejected("unknown-line")
        if report.test:  # One mail to the operators says enough of an area, too.
            numbers = numbers[:1]
        return [self._order(report, number, received, origin) for number in numbers]

    def _order(self, report: Report, number: str, received: datetime, origin: Origin) -> Order:
        name = (number, report.source, report.alarm, report.message_id)
        at, timed = report.occurred_at or received, report.occurred_at is not None
        command: Raise | Clear | TryOut
        if report.test:
            tried_at = min(at, received)
            command = TryOut(number, report.source, report.faulted, report.severity, report.cause, tried_at)
        elif report.faulted:
            planned, rules = report.planned, self.rules
            command = Raise(
                *name, report.severity, report.cause, planned, at, received, rules, report.area, timed=timed
            )
        else:
            command = Clear(*name, at, received, self.rules, timed)
        message = f"report:{joined(report.source, report.message_id)}"
        return Order(
            number, command, f"area-{message}:{number}" if report.area else message, origin.correlation_id, message
        )

    def _carry_out(self, orders: Sequence[Order], origin: Origin) -> list[Result]:
        """Monitoring systems drop what was answered with 409 and send again what was answered with 503."""
        try:
            with self.gate.hold(len(orders)):
                return self.lines.handle_many(orders, origin.actor)
        except Conflict as lost:
            raise Unavailable(lost.code) from lost

    def _tell(self, kind: str, sources: Sequence[str], answers: Sequence[Answer], actor: Actor) -> None:
        telemetry.ingested(kind, actor.id, Counter(answer.status for answer in answers))
        by_source: dict[str, list[Answer]] = {}
        for source, answer in zip(sources, answers, strict=True):
            by_source.setdefault(source, []).append(answer)
        at = self.clock()
        self.sources.heard(kind, {source: _heard(theirs, at) for source, theirs in by_source.items()})

    def leave(self, area: str, before: Sequence[str], after: Sequence[str], origin: Origin) -> None:
        """Lines that are in the area no more are rid of what was raised for it."""
        contracts = contracts_of(self.views, {*before, *after})
        stay = {contracts[name] for name in after if name in contracts}
        at = self.clock()
        orders = [
            Order(
                number,
                LeaveArea(number, area, at, self.rules),
                f"leave:{area}:{origin.correlation_id}:{number}",
                origin.correlation_id,
                mark=False,
            )
            for number in dict.fromkeys(contracts[name] for name in before if name in contracts)
            if number not in stay
        ]
        self._carry_out(orders, origin)


@dataclass(frozen=True)
class Incidents:
    """Places what PagerDuty's senders resolve without saying where it was."""

    incidents: Handler[Incident]

    def items(self, event: Event, origin: Origin) -> list[Item]:
        """The event's item, or none: of an acknowledgement, and of a resolve of what nobody has triggered."""
        if event.item is None:
            return []
        id = digest_of([event.item["source"], event.dedup_key])
        if event.where:
            if event.item["status"] == "faulted":
                self.incidents.handle(id, Place(event.where), origin)
            return [event.item]
        if event.item["status"] == "faulted":
            return [event.item]
        where = self.incidents.read(id).state.where
        return [{**event.item, **where}] if where else []


def contracts_of(views: Views, names: set[str]) -> dict[str, str]:
    rows = views.find(CONTRACTS.name, {"names": {"$in": list(names)}}, limit=0)
    return {name: row["_id"] for row in rows for name in row["names"]}


def _read(schema: LineEventBody, item: Item) -> Report | Rejected:
    """The item, or what is wrong with it alone."""
    if isinstance(item, Rejected):
        return item
    try:
        check_values(item)
        report: Report = plain_report(item) or load(schema, item)
    except (BadMessage, Rejected) as problem:
        return Rejected("invalid-item", **problem.details)
    return report


def _told(results: Sequence[Result], of_area: bool) -> Answer:
    """Of many lines, the answer of the one that has changed most."""
    answers = [_answer(result) for result in results]
    ranks = ("accepted", "ignored", "duplicate", "rejected")
    best = min(answers, key=lambda answer: ranks.index(answer.status))
    return Answer(best.status, best.code, best.details, len(answers) if of_area else None)


def _answer(result: Result) -> Answer:
    match result:
        case Done(events=(AlarmIgnored(reason=reason), *_)):
            return Answer("ignored", reason)
        case Done():
            return Answer("accepted")
        case AlreadyDone():
            return Answer("duplicate")
        case Failed(error=error):
            log.error("report_broke", exc_info=error)
            return Answer("rejected", "internal-error")
        case _:
            return Answer("rejected", result.code)


def _heard(answers: Sequence[Answer], at: datetime) -> Heard:
    counts = Counter(answer.status for answer in answers)
    refused = next((answer.code for answer in reversed(answers) if answer.status == "rejected"), "")
    return Heard({COUNTS[status]: count for status, count in counts.items()}, at, refused)


COUNTS = {"accepted": "accepted", "duplicate": "duplicates", "ignored": "ignored", "rejected": "rejected"}


def _source(item: Item, otherwise: str) -> str:
    """Who says it; what no source can be called is `otherwise`."""
    said = item.get("source") if isinstance(item, Mapping) else None
    fits = isinstance(said, str) and 0 < len(said) <= LONGEST_SOURCE and not _cannot_be_sent(said)
    return str(said) if fits else otherwise


def _cannot_be_sent(text: str) -> bool:
    return "\0" in text or (not text.isascii() and any("\ud800" <= one <= "\udfff" for one in text))
