"""The gateway's routes: what it passes on, what it joins (`joins.py`), its documentation and the site."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import flask
from flask import Flask, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from chassis.access import public
from chassis.bodies import accepts_up_to
from gateway import joins, openapi, proxy, routes
from gateway.credentials import bearer_of
from gateway.identity import Identity
from gateway.site.browser import language
from gateway.site.demo import Demo
from gateway.site.install import install as install_site
from gateway.site.services import Services
from gateway.slots import Slots
from gateway.upstream import Upstream

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
NO_DEMO = Demo()
# The headers of the present request that a service gets.
Headers = Callable[[], dict[str, str]]


def add_routes(
    app: Flask,
    services: Mapping[str, Upstream],
    identity: Identity,
    headers: Headers,
    *,
    https: bool = False,
    demo: Demo = NO_DEMO,
) -> None:
    """All of /api/v1 and the site."""
    hashing = Slots(routes.MOST_HASHING, routes.BUSY_SECONDS)
    for service, rules in routes.ROUTES.items():
        for rule in rules:
            _add_passage(app, services[service], rule, identity, headers, hashing)
    joins.add_routes(app, services, lambda: headers() | _proof(identity))
    _add_documentation(app, openapi.Documents(services))
    _add_site(app, services, identity, headers, hashing, https, demo)


def _add_passage(
    app: Flask, service: Upstream, rule: str, identity: Identity, headers: Headers, hashing: Slots
) -> None:
    upload = routes.UPLOADS.get(rule)

    @accepts_up_to(upload.max_body if upload else routes.MAX_BODY)
    def forward(**_path: str) -> Response:
        operation = f"{_METHOD_OF.get(flask.request.method, flask.request.method)} {rule}"
        path, read = proxy.path_of(flask.request), None
        if operation in routes.KEY_IN_BODY:
            read = proxy.call_of(flask.request, path, headers(), upload)
        proof = {} if operation in routes.TOKENLESS else _proof(identity, operation, read.body if read else None)
        call = read or proxy.call_of(flask.request, path, headers(), upload)
        call = replace(call, headers={**call.headers, **proof})
        try:
            with hashing.hold() if operation in routes.HASHING else nullcontext():
                return proxy.forward(service, call)
        finally:  # Also when nobody answered: it may have been done.
            if operation in routes.ENDING:
                identity.forget(flask.request.headers.get("Authorization"))

    app.add_url_rule(
        routes.PREFIX + rule,
        f"{service.name} {rule}".replace(".", "_"),
        forward,
        methods=METHODS,
        provide_automatic_options=False,
    )


# Whoever may GET may look at the headers alone.
_METHOD_OF = {"HEAD": "GET"}


def _proof(identity: Identity, operation: str = "", body: object = None) -> dict[str, str]:
    shown = bearer_of(operation, flask.request.headers.get("Authorization"), body)
    return {"Authorization": f"Bearer {identity.token(shown)}"}


def _add_documentation(app: Flask, documents: openapi.Documents) -> None:
    adapter = app.url_map.bind("gateway")

    def document() -> openapi.Document:
        return openapi.merged(documents.all(), lambda path, service: _leads(adapter, path, service), joins.described)

    @app.get(f"{routes.PREFIX}/openapi.json")
    @public
    def show_document() -> Response:
        return joins.as_json(document())

    @app.get(f"{routes.PREFIX}/docs")
    @public
    def show_page() -> str:
        return flask.render_template("docs.html", document=document(), schema_of=_schema_of)


def _leads(adapter: MapAdapter, path: str, service: str) -> bool:
    try:
        endpoint, _ = adapter.match(routes.PREFIX + path, method="GET")
    except HTTPException:
        return False
    # Whoever has a part in a joined answer documents it; the joined one looks much the same and is shown once.
    return str(endpoint).partition(" ")[0] in (service, joins.JOINED)


def _schema_of(document: openapi.Document, content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of the first media type of `content`, looked up when it is a reference; {} when there is none."""
    media: Mapping[str, Any] = next(iter(content.values()), {})
    schema: Mapping[str, Any] = media.get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    found: Mapping[str, Any] = document["components"]["schemas"][name] if name else schema
    return found


def _add_site(
    app: Flask,
    services: Mapping[str, Upstream],
    identity: Identity,
    headers: Headers,
    hashing: Slots,
    https: bool,
    demo: Demo,
) -> None:
    """The pages ask the services as callers of /api/v1 do, in the language of the page."""

    def sent() -> dict[str, str]:
        return proxy.own_headers(headers()) | {"Accept": "application/json", "Accept-Language": language()}

    adapter = app.url_map.bind("gateway")
    install_site(app, lambda bearer: Services(adapter, services, identity, hashing, bearer, sent), https, demo)
