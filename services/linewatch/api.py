"""The HTTP routes of linewatch: reports come in, lines can be looked at, areas are mapped to lines.

Every format is a route that maps its body to items of our own JSON (`formats/`); what becomes of them is the same for
all (`flows.py`). The answer comes after the events are durable, and is worded as the sender's program expects it.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import structlog
from flask import Response, request

from chassis import history, telemetry
from chassis.access import public
from chassis.errors import BadMessage, NotFound, TooLarge, TooMany, Unavailable
from chassis.handling import Handler
from chassis.headers import IDEMPOTENCY_KEY, IF_MATCH, takes
from chassis.messages import now
from chassis.setting import TAGGED
from chassis.strict_json import parse_json, read_json
from chassis.views import Views
from chassis.web import (
    Blueprint,
    consumes,
    idempotency_key,
    if_match,
    origin,
    owns_contract,
    owns_contract_or,
    reply,
    require,
)
from services.linewatch.adapters import Sources
from services.linewatch.flows.refusals import Alerts
from services.linewatch.flows.reporting import COUNTS, Answer, Incidents, Reporting
from services.linewatch.formats import alertmanager, cloudevents, grafana, pagerduty, zabbix
from services.linewatch.formats.own import Item, Names
from services.linewatch.model.area import Area, PutArea, RemoveArea
from services.linewatch.model.line import Line
from services.linewatch.schemas import (
    ALERTS,
    EVENT_OF_PAGERDUTY,
    EVENT_OF_ZABBIX,
    MOST_ITEMS,
    ONE_OR_MANY,
    AgainBody,
    AreaBody,
    AreaSchema,
    AreasQuery,
    AreasSchema,
    EnqueuedSchema,
    FaultsQuery,
    FaultsSchema,
    LineSchema,
    RefusalsQuery,
    RefusalsSchema,
    SourceQuery,
    SourcesSchema,
    TakenSchema,
    area_shown,
    areas_shown,
    faults_shown,
    names_of,
    refusal_shown,
    sentence,
    shown,
    source_shown,
)
from services.linewatch.views import AREAS, CONTRACTS, FAULTS

WORDS = {
    "invalid-item": ("この項目は読めません。", "This item cannot be read."),
    "line-or-circuit": (
        "line、circuit、area のどれか一つが必要です。",
        "One of line, circuit and area is needed, and only one.",
    ),
    "not-alerts": ("alerts の一覧がありません。", "There is no list of alerts."),
    "not-cloudevents": ("CloudEvents の一覧ではありません。", "This is no list of CloudEvents."),
    "not-line-events": ("JSON のオブジェクトか配列を送ってください。", "Send one JSON object or a list of them."),
    "not-pagerduty": ("PagerDuty Events v2 の形ではありません。", "This is no event of PagerDuty's Events API v2."),
    "not-zabbix": (
        "Zabbix 用メディアタイプの形ではありません。",
        "This is not what our media type for Zabbix sends.",
    ),
    "occurred-at-in-future": ("発生日時が未来です。", "This lies in the future."),
    "signature-too-old": ("署名の時刻が古すぎます。", "The signature is too old."),
    "signature-wrong": ("署名が合いません。", "The signature does not fit."),
    "too-many-items": ("一度に送れるのは1,000件までです。", "A list may have up to 1,000 items."),
    "too-many-lines": ("回線の数が多すぎます。", "These are too many lines."),
    "unknown-area": ("このエリアは登録されていません。", "There is no such area."),
    "unknown-line": ("この回線の契約はありません。", "No contract has this line."),
}
View = TypeVar("View", bound=Callable[..., Any])
TIMELINE = 50
BUSY_SECONDS = 5
log = structlog.get_logger(__name__)


def events_blueprint(
    reporting: Reporting, incidents: Incidents, alerts: Alerts, names: Names, grafana_secret: str
) -> Blueprint:
    """Where reports come in."""
    routes = Blueprint("line_events", __name__)

    def take(kind: str, items: Sequence[Item], source: str = "") -> list[Answer]:
        return reporting.take(kind, items, origin(), source)

    @routes.post("/line-events")
    @_leaves_options_alone
    @require("line-events")
    @consumes("application/json", cloudevents.STRUCTURED, cloudevents.BATCH)
    @routes.doc(requestBody=ONE_OR_MANY)
    @routes.response(202, TakenSchema)
    def take_reports() -> Response:
        """Line events: our own JSON or CloudEvents 1.0, one or a list of up to 1,000. A result per item, in order."""
        body = parse_json(request.get_data())
        if request.mimetype == "application/json" and not cloudevents.is_binary(dict(request.headers)):
            items = _items(body)
            return _taken(items, take("json", items))
        items = _events(body, names)
        with _told_to_wait():
            return _taken(items, take("cloudevents", items))

    @routes.route("/line-events", methods=["OPTIONS"])
    @public
    @routes.response(200)
    def shake_hands() -> Response:
        """May events be sent here? The handshake of CloudEvents' web hooks; it proves nothing about who asks."""
        answer = Response(status=200, headers={"Allow": "POST, OPTIONS"})
        if asked := request.headers.get("WebHook-Request-Origin"):
            answer.headers["WebHook-Allowed-Origin"] = asked
            answer.headers["WebHook-Allowed-Rate"] = "*"
        return answer

    @routes.post("/line-events/alertmanager")
    @require("line-events")
    @routes.doc(requestBody=ALERTS)
    @routes.arguments(SourceQuery, location="query")
    @routes.response(202, TakenSchema)
    def take_alertmanager(query: dict[str, Any]) -> Response:
        """Alertmanager's webhook, version 4. A result per alert, in order; bad ones do not fail the others."""
        return take_alerts("alertmanager", query["source"])

    @routes.route("/line-events/grafana", methods=["POST", "PUT"])
    @require("line-events")
    @routes.doc(requestBody=ALERTS)
    @routes.arguments(SourceQuery, location="query")
    @routes.response(202, TakenSchema)
    def take_grafana(query: dict[str, Any]) -> Response:
        """Grafana's webhook, with its signature where we have its secret. A result per alert, in order."""
        if grafana_secret:
            _check_signature(grafana_secret)
        return take_alerts("grafana", query["source"])

    def take_alerts(kind: str, source: str) -> Response:
        body = parse_json(request.get_data())
        items, answers = alerts.take(kind, body, source or kind, origin())
        if left_out := alertmanager.truncated(body):
            telemetry.INGEST_TRUNCATED.labels(kind).inc(left_out)
            log.warning("alerts_left_out", kind=kind, alerts=left_out)
        return _taken(items, answers)

    @routes.post("/line-events/pagerduty")
    @require("line-events")
    @routes.doc(requestBody=EVENT_OF_PAGERDUTY)
    @routes.arguments(SourceQuery, location="query")
    @routes.response(202, EnqueuedSchema)
    @takes(IDEMPOTENCY_KEY)
    def take_pagerduty(query: dict[str, Any]) -> Response:
        """An event of PagerDuty's Events API v2, answered as PagerDuty does."""
        source = query["source"] or "pagerduty"
        event = pagerduty.event(read_json(request.get_data()), names, source, idempotency_key() or uuid.uuid4().hex)
        with _told_to_wait():
            return _enqueued(event.dedup_key, take("pagerduty", incidents.items(event, origin()), source))

    @routes.post("/line-events/zabbix")
    @require("line-events")
    @routes.doc(requestBody=EVENT_OF_ZABBIX)
    @routes.arguments(SourceQuery, location="query")
    @routes.response(202, TakenSchema)
    def take_zabbix(query: dict[str, Any]) -> Response:
        """What our media type for Zabbix sends: one problem, update or recovery."""
        source = query["source"] or "zabbix"
        items = zabbix.items(read_json(request.get_data()), names, source)
        return _taken(items, take("zabbix", items, source))

    return routes


def lines_blueprint(lines: Handler[Line], rows: Views, reporting: Reporting) -> Blueprint:
    """Where lines are looked at."""
    routes = Blueprint("lines", __name__)

    @routes.get("/lines")
    @require("operator")
    @routes.arguments(FaultsQuery, location="query")
    @routes.response(200, FaultsSchema)
    def show_faults(query: dict[str, Any]) -> Response:
        """The lines that are at fault now, by contract number, a page at a time. A view: may lag behind by moments."""
        wanted = {"faulted": True, "_id": {"$gt": query["after"]}}
        found = rows.find(FAULTS.name, wanted, sort=[("_id", 1)], limit=query["limit"] + 1)
        return reply(faults_shown(found, query["limit"]))

    @routes.get("/lines/<contract_number>")
    @owns_contract_or("line-events")
    @routes.response(200, LineSchema)
    def show_line(contract_number: str) -> Response:
        """Faulted or not, open alarms, and the last events of the line. Read from its stream, never behind."""
        line = lines.read(contract_number)
        if line.revision == 0 and not _is_contracted(reporting, contract_number):
            raise NotFound("not-found")
        told = lines.history(contract_number, 0, TIMELINE) if line.revision else []
        return reply(shown(contract_number, line.state, told))

    @routes.get("/contracts/<contract_number>/history")
    @owns_contract
    @routes.arguments(history.HistoryQuery, location="query")
    @routes.response(200, history.HistorySchema)
    def show_history(query: dict[str, Any], contract_number: str) -> Response:
        """Faults, recoveries and alarms of the line, newest first."""
        return reply(history.page(lines, contract_number, sentence, **query))

    return routes


def refusals_blueprint(alerts: Alerts) -> Blueprint:
    """What was refused of Alertmanager and Grafana."""
    routes = Blueprint("refusals", __name__)

    @routes.get("/line-events/refused")
    @require("operator")
    @routes.arguments(RefusalsQuery, location="query")
    @routes.response(200, RefusalsSchema)
    def show_refusals(query: dict[str, Any]) -> Response:
        """Alerts that were refused and are kept for 30 days; those that came last first."""
        return reply({"items": [refusal_shown(one) for one in alerts.refusals.newest(query["limit"])]})

    @routes.post("/line-events/refused/retry")
    @require("operator")
    @routes.arguments(AgainBody)
    @routes.response(202, TakenSchema)
    def take_again(body: dict[str, Any]) -> Response:
        """Takes refused alerts once more, the oldest first; what is refused again stays. Again changes nothing."""
        refusals, answers = alerts.again(body["ids"], origin())
        return _taken([{"id": one.id} for one in refusals], answers)

    return routes


def operators_blueprint(areas: Handler[Area], rows: Views, reporting: Reporting, sources: Sources) -> Blueprint:
    """What operators set and look at."""
    routes = Blueprint("areas", __name__)

    @routes.get("/areas")
    @require("operator")
    @routes.arguments(AreasQuery, location="query")
    @routes.response(200, AreasSchema)
    def show_areas(query: dict[str, Any]) -> Response:
        """The areas by name, a page at a time. From a view: may lag behind by moments."""
        wanted = {"exists": True, "_id": {"$gt": query["after"]}}
        found = rows.find(AREAS.name, wanted, sort=[("_id", 1)], limit=query["limit"] + 1)
        return reply(areas_shown(found, query["limit"]))

    @routes.get("/areas/<area>")
    @require("operator")
    @routes.response(200, AreaSchema, headers=TAGGED)
    def show_area(area: str) -> Response:
        """The lines of an area, by number or circuit."""
        return reply(area_shown(area, areas.read(area).state))

    @routes.put("/areas/<area>")
    @require("operator")
    @routes.arguments(AreaBody)
    @routes.response(200, AreaSchema, headers=TAGGED)
    @takes(IF_MATCH)
    def put_area(body: dict[str, Any], area: str) -> Response:
        """Gives the area these lines and no others; If-Match is optional. Lines that leave are rid of its alarms."""
        return carry_out(area, PutArea(area, names_of(body)), names_of(body))

    @routes.delete("/areas/<area>")
    @require("operator")
    @routes.response(204)
    @takes(IF_MATCH)
    def delete_area(area: str) -> Response:
        """Forgets the area; its lines are rid of its alarms."""
        carry_out(area, RemoveArea(area, now()), ())
        return Response(status=204)

    def carry_out(area: str, command: PutArea | RemoveArea, left: Sequence[str]) -> Response:
        """Lines leave before the area says so: whoever gets no answer and tries again makes up for what was missed."""
        check, before = if_match(required=False), areas.read(area).state
        if before.exists:
            check(area_shown(area, before))
            reporting.leave(area, before.names, left, origin())
        after = areas.handle(area, command, origin(), guard=lambda now: check(_area_or_nothing(area, now)))
        return reply(_area_or_nothing(area, after.state))

    @routes.get("/sources")
    @require("operator")
    @routes.response(200, SourcesSchema)
    def show_sources() -> Response:
        """Who reports, when last, and with what result; the last to be heard first. Behind by a second or two."""
        return reply({"items": [source_shown(known) for known in sources.all()]})

    return routes


def _leaves_options_alone(view: View) -> View:
    """Flask would answer OPTIONS itself, with this view's policy, before the handshake could."""
    view.provide_automatic_options = False  # type: ignore[attr-defined]
    return view


def _items(body: Any) -> list[Any]:
    items = body if isinstance(body, list) else [body]
    if not isinstance(body, dict | list):
        raise BadMessage("not-line-events")
    return _not_too_many(items)


def _events(body: Any, names: Names) -> list[Item]:
    if request.mimetype == cloudevents.BATCH:
        return _not_too_many(cloudevents.batch(body, names))
    if request.mimetype == cloudevents.STRUCTURED:
        return [cloudevents.structured(body, names)]
    return [cloudevents.binary(dict(request.headers), body, names)]


def _not_too_many(items: list[Any]) -> list[Any]:
    if len(items) > MOST_ITEMS:
        raise TooLarge("too-many-items", most=MOST_ITEMS)
    return items


def _check_signature(secret: str) -> None:
    signature = next((request.headers[name] for name in grafana.SIGNATURES if name in request.headers), None)
    grafana.check_signature(secret, request.get_data(), signature, request.headers.get(grafana.TIMESTAMP), now())


def _is_contracted(reporting: Reporting, contract_number: str) -> bool:
    row = reporting.views.one(CONTRACTS.name, contract_number)
    return bool(row and row["names"])


def _area_or_nothing(area: str, state: Area) -> Mapping[str, Any]:
    return area_shown(area, state) if state.exists else {}


@contextmanager
def _told_to_wait() -> Iterator[None]:
    """For senders that send again what was answered with 429 (CloudEvents' web hooks, PagerDuty): too busy is that."""
    try:
        yield
    except Unavailable as problem:
        if problem.code != "busy":
            raise
        raise TooMany("busy", retry_after=BUSY_SECONDS) from problem


def _taken(items: Sequence[Any], answers: Sequence[Answer]) -> Response:
    results = [{"index": index, "id": _id(items[index]), **_result(answer)} for index, answer in enumerate(answers)]
    counts = Counter(answer.status for answer in answers)
    return reply({**{name: counts[status] for status, name in COUNTS.items()}, "results": results}, 202)


def _id(item: Any) -> str | None:
    """The item's id to find it by, where it is one that can be sent back."""
    said = item.get("id") if isinstance(item, dict) else None
    halves = isinstance(said, str) and not said.isascii() and any("\ud800" <= one <= "\udfff" for one in said)
    return said if isinstance(said, str) and not halves else None


def _result(answer: Answer) -> dict[str, Any]:
    """With the fields to blame, as a problem document of status 422 would name them."""
    errors = [{"field": error.field, "code": error.code} for error in answer.details.get("errors", ())]
    return {
        "status": answer.status,
        **({"code": answer.code} if answer.code else {}),
        **({"errors": errors} if errors else {}),
        **({"lines": answer.lines} if answer.lines is not None else {}),
    }


def _enqueued(dedup_key: str, answers: Sequence[Answer]) -> Response:
    """PagerDuty's words; what was refused says so, and why, because nobody there reads more than these three."""
    refused = [answer for answer in answers if answer.status == "rejected"]
    said = ("rejected", f"Event not processed: {refused[0].code}") if refused else ("success", "Event processed")
    return reply({"status": said[0], "message": said[1], "dedup_key": dedup_key}, 202)
