"""The gateway's routes: what it passes on, and what it joins out of several services' answers."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import flask
import msgspec
from flask import Blueprint, Flask, Response
from flask.typing import ResponseReturnValue
from marshmallow import fields, validate
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from chassis.access import public
from chassis.bodies import Query, accepts_up_to, load
from chassis.errors import Unavailable
from gateway import history, openapi, proxy, routes
from gateway.identity import Identity
from gateway.upstream import Call, Upstream

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
# The headers of the present request that a service gets.
Headers = Callable[[], dict[str, str]]


class HistoryQuery(Query):
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))
    before = fields.String(load_default="", validate=validate.Length(max=1000))


def add_routes(app: Flask, services: Mapping[str, Upstream], identity: Identity, headers: Headers) -> None:
    """All of /api/v1 and the pages."""
    for service, rules in routes.ROUTES.items():
        for rule in rules:
            _add_passage(app, services[service], rule, identity, headers)
    _add_history(app, services, identity, headers)
    _add_documentation(app, openapi.Documents(services))
    app.register_blueprint(_pages())


def _add_passage(app: Flask, service: Upstream, rule: str, identity: Identity, headers: Headers) -> None:
    upload = routes.UPLOADS.get(rule)

    @accepts_up_to(upload.max_body if upload else routes.MAX_BODY)
    def forward(**_path: str) -> Response:
        path, sent = proxy.path_of(flask.request), headers()
        if rule not in routes.PUBLIC:
            sent["Authorization"] = _proof(identity)
        return proxy.forward(service, path, sent, upload.seconds if upload else None)

    app.add_url_rule(
        routes.PREFIX + rule,
        f"{service.name} {rule}".replace(".", "_"),
        forward,
        methods=METHODS,
        provide_automatic_options=False,
    )


def _proof(identity: Identity) -> str:
    return f"Bearer {identity.token(flask.request.headers.get('Authorization'))}"


class _RefusedElsewhere(Exception):
    """A service's own answer that is no page of history; the caller gets it as it is."""

    def __init__(self, answer: Response) -> None:
        super().__init__(answer.status)
        self.answer = answer


def _add_history(app: Flask, services: Mapping[str, Upstream], identity: Identity, headers: Headers) -> None:
    @app.get(f"{routes.PREFIX}/contracts/<contract_number>/history")
    def show_history(contract_number: str) -> ResponseReturnValue:
        sent = {**headers(), "Authorization": _proof(identity)}
        sent.pop("If-None-Match", None)
        query = load(HistoryQuery(), flask.request.args.to_dict(), "invalid-query")
        path = proxy.path_of(flask.request)

        def fetch(owner: str, before: str) -> history.Page:
            wanted = {"limit": query["limit"], **({"before": before} if before else {})}
            return _page(services[owner], Call("GET", f"{path}?{urlencode(wanted)}", sent))

        try:
            page = history.merged(routes.HISTORY_OWNERS, fetch, query["limit"], query["before"])
        except _RefusedElsewhere as refused:
            return refused.answer
        return _json(page)


def _page(service: Upstream, call: Call) -> history.Page:
    answer = service.send(call)
    if answer.status != 200:
        raise _RefusedElsewhere(proxy.relayed(answer))
    try:
        return msgspec.json.decode(answer.read(), type=dict[str, Any])
    except msgspec.DecodeError as cause:
        raise Unavailable("service-unavailable") from cause
    finally:
        answer.close()


def _add_documentation(app: Flask, documents: openapi.Documents) -> None:
    adapter = app.url_map.bind("gateway")

    def document() -> openapi.Document:
        return openapi.merged(documents.all(), lambda path, service: _leads(adapter, path, service))

    @app.get(f"{routes.PREFIX}/openapi.json")
    @public
    def show_document() -> Response:
        return _json(document())

    @app.get(f"{routes.PREFIX}/docs")
    @public
    def show_page() -> str:
        return flask.render_template("docs.html", document=document(), schema_of=_schema_of)


def _leads(adapter: MapAdapter, path: str, service: str) -> bool:
    try:
        endpoint, _ = adapter.match(routes.PREFIX + path, method="GET")
    except HTTPException:
        return False
    # Every owner documents its part of the history; the joined one looks the same and is shown once.
    return str(endpoint).partition(" ")[0] in (service, "show_history")


def _schema_of(document: openapi.Document, content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of the first media type of `content`, looked up when it is a reference; {} when there is none."""
    media: Mapping[str, Any] = next(iter(content.values()), {})
    schema: Mapping[str, Any] = media.get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    found: Mapping[str, Any] = document["components"]["schemas"][name] if name else schema
    return found


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), mimetype="application/json")


def _pages() -> Blueprint:
    pages = Blueprint("pages", __name__, static_folder="static", static_url_path="/static")

    @pages.get("/")
    @public
    def top() -> str:
        return flask.render_template("top.html")

    return pages
