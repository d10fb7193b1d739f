"""The HTTP routes of linewatch: reports come in, lines can be looked at.

A list of reports is one look-up of the lines, one load and one insert, however many there are. The answer comes after
the events are durable.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from flask import Response, request

from chassis import history
from chassis.errors import BadMessage, Conflict, NotFound, Rejected, TooLarge, Unavailable
from chassis.handling import AlreadyDone, Done, Failed, Handler, Order, Result
from chassis.messages import now
from chassis.strict_json import check_values, parse_json
from chassis.views import Views
from chassis.web import Blueprint, correlation_id, load, origin, owns_contract, owns_contract_or, reply, require
from services.linewatch.model.line import AlarmIgnored, Clear, Line, Raise, Rules, joined
from services.linewatch.schemas import (
    MOST_ITEMS,
    ONE_OR_MANY,
    LineEventBody,
    LineSchema,
    Report,
    TakenSchema,
    sentence,
    shown,
)
from services.linewatch.views import CONTRACTS

WORDS = {
    "invalid-item": ("この項目は読めません。", "This item cannot be read."),
    "line-or-circuit": (
        "line か circuit のどちらか一つが必要です。",
        "Either line or circuit is needed, and not both.",
    ),
    "not-line-events": ("JSON のオブジェクトか配列を送ってください。", "Send one JSON object or a list of them."),
    "occurred-at-in-future": ("発生日時が未来です。", "This lies in the future."),
    "too-many-items": ("一度に送れるのは1,000件までです。", "A list may have up to 1,000 items."),
    "unknown-line": ("この回線の契約はありません。", "No contract has this line."),
}
TIMELINE = 50
log = structlog.get_logger(__name__)


def blueprint(lines: Handler[Line], views: Views, rules: Rules, clock_lead: timedelta) -> Blueprint:
    routes = Blueprint("lines", __name__)

    @routes.post("/line-events")
    @require("line-events")
    @routes.doc(requestBody=ONE_OR_MANY)
    @routes.response(202, TakenSchema)
    def take_reports() -> Response:
        """Our own JSON of a line event, one or a list of up to 1,000. A result per item, in order."""
        items = _items(parse_json(request.get_data()))
        schema = LineEventBody()
        reports = [_read(schema, item) for item in items]
        answers = _answers(lines, views, reports, rules, now() + clock_lead)
        return reply(_summary(items, answers), 202)

    @routes.get("/lines/<contract_number>")
    @owns_contract_or("line-events")
    @routes.response(200, LineSchema)
    def show_line(contract_number: str) -> Response:
        """Faulted or not, open alarms, and the last events of the line. Read from its stream, never behind."""
        line = lines.read(contract_number)
        if line.revision == 0 and not _is_contracted(views, contract_number):
            raise NotFound("not-found")
        return reply(shown(contract_number, line.state, lines.history(contract_number, 0, TIMELINE)))

    @routes.get("/contracts/<contract_number>/history")
    @owns_contract
    @routes.arguments(history.HistoryQuery, location="query")
    @routes.response(200, history.HistorySchema)
    def show_history(query: dict[str, Any], contract_number: str) -> Response:
        """Faults, recoveries and alarms of the line, newest first."""
        return reply(history.page(lines, contract_number, sentence, **query))

    return routes


def _items(body: Any) -> list[Any]:
    items = body if isinstance(body, list) else [body]
    if not isinstance(body, dict | list):
        raise BadMessage("not-line-events")
    if len(items) > MOST_ITEMS:
        raise TooLarge("too-many-items", most=MOST_ITEMS)
    return items


def _read(schema: LineEventBody, item: Any) -> Report | Rejected:
    """The item, or what is wrong with it alone."""
    try:
        check_values(item)
        report: Report = load(schema, item)
    except (BadMessage, Rejected) as problem:
        return Rejected("invalid-item", **problem.details)
    return report


def _answers(
    lines: Handler[Line], views: Views, reports: Sequence[Report | Rejected], rules: Rules, latest: datetime
) -> list[Result | Rejected]:
    """An answer for each report, in order; those that name a line are carried out as one batch."""
    contracts = _contracts(views, [report.line for report in reports if isinstance(report, Report)])
    orders: dict[int, Order] = {}
    answers: dict[int, Result | Rejected] = {}
    for index, report in enumerate(reports):
        judged = report if isinstance(report, Rejected) else _judge(report, contracts, rules, latest)
        if isinstance(judged, Order):
            orders[index] = judged
        else:
            answers[index] = judged
    answers.update(zip(orders, _carry_out(lines, list(orders.values())), strict=True))
    return [answers[index] for index in range(len(reports))]


def _carry_out(lines: Handler[Line], orders: Sequence[Order]) -> list[Result]:
    """Monitoring systems drop what was answered with 409 and send again what was answered with 503."""
    try:
        return lines.handle_many(orders, origin().actor)
    except Conflict as lost:
        raise Unavailable(lost.code) from lost


def _judge(report: Report, contracts: Mapping[str, str], rules: Rules, latest: datetime) -> Order | Rejected:
    contract_number = contracts.get(report.line)
    if contract_number is None:
        return Rejected("unknown-line")
    received = now()
    if report.occurred_at and report.occurred_at > latest:
        return Rejected("occurred-at-in-future")
    # A clock that is ahead of ours must not make the messages that come after look old.
    return _order(report, contract_number, min(report.occurred_at or received, received), received, rules)


def _order(report: Report, contract_number: str, at: datetime, received: datetime, rules: Rules) -> Order:
    name = (contract_number, report.source, report.alarm, report.message_id)
    command = (
        Raise(
            *name,
            severity=report.severity,
            cause=report.cause,
            planned=report.planned,
            at=at,
            received=received,
            rules=rules,
        )
        if report.faulted
        else Clear(*name, at=at, received=received, rules=rules)
    )
    message = f"report:{joined(report.source, report.message_id)}"
    return Order(contract_number, command, message, correlation_id(), message)


def _contracts(views: Views, names: Sequence[str]) -> dict[str, str]:
    """Whose line each name is, as far as auth's news have reached us."""
    rows = views.find(CONTRACTS.name, {"names": {"$in": list(set(names))}}, limit=0)
    return {name: row["_id"] for row in rows for name in row["names"]}


def _is_contracted(views: Views, contract_number: str) -> bool:
    row = views.one(CONTRACTS.name, contract_number)
    return bool(row and row["names"])


def _summary(items: Sequence[Any], answers: Sequence[Result | Rejected]) -> dict[str, Any]:
    results = [{"index": index, "id": _id(items[index]), **_result(answer)} for index, answer in enumerate(answers)]
    counts = Counter(result["status"] for result in results)
    plural = {"accepted": "accepted", "duplicate": "duplicates", "ignored": "ignored", "rejected": "rejected"}
    return {**{name: counts[status] for status, name in plural.items()}, "results": results}


def _id(item: Any) -> str | None:
    """The item's id to find it by, where it is one that can be sent back."""
    said = item.get("id") if isinstance(item, dict) else None
    return said if isinstance(said, str) and not any("\ud800" <= one <= "\udfff" for one in said) else None


def _result(answer: Result | Rejected) -> dict[str, Any]:
    match answer:
        case Done(events=(AlarmIgnored(reason=reason), *_)):
            return {"status": "ignored", "code": reason}
        case Done():
            return {"status": "accepted"}
        case AlreadyDone():
            return {"status": "duplicate"}
        case Rejected(code=code, details=details):
            return {"status": "rejected", "code": code, **_errors(details)}
        case Failed(error=error):
            log.error("report_broke", exc_info=error)
            return {"status": "rejected", "code": "internal-error"}
        case _:
            return {"status": "rejected", "code": answer.code}


def _errors(details: Mapping[str, Any]) -> dict[str, Any]:
    """The fields to blame, as a problem document of status 422 would name them."""
    errors = details.get("errors", ())
    return {"errors": [{"field": error.field, "code": error.code} for error in errors]} if errors else {}
