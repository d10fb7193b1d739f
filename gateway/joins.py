"""The answers that several services give together: histories, and `me`."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import flask
import msgspec
from flask import Flask, Response
from marshmallow import fields, validate
from urllib3.exceptions import HTTPError

from chassis.bodies import Query, load
from chassis.errors import Unavailable
from gateway import history, me, proxy, routes
from gateway.looks import Looks
from gateway.upstream import Call, Upstream

# Whoever looks at `me` does not wait longer for services that are silent.
STATE_SECONDS = 2.0
# First word of the endpoint of each joined answer, where a passage has its service.
JOINED = "joined"

# The headers of the present request that a service gets, with the proof of who calls.
ProvenHeaders = Callable[[], Mapping[str, str]]
Object = dict[str, Any]


class HistoryQuery(Query):
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))
    before = fields.String(load_default="", validate=validate.Length(max=1000))


def add_routes(app: Flask, services: Mapping[str, Upstream], proven: ProvenHeaders) -> None:
    for rule, owners in routes.HISTORIES.items():
        _add_history(app, rule, {owner: services[owner] for owner in owners}, proven)
    _add_me(app, services, proven)
    app.register_error_handler(_Refused, lambda refused: refused.answer)


class _Refused(Exception):
    """A service's own answer that is nothing to join; the caller gets it as it is."""

    def __init__(self, answer: Response) -> None:
        super().__init__(answer.status)
        self.answer = answer


def _add_history(app: Flask, rule: str, owners: Mapping[str, Upstream], proven: ProvenHeaders) -> None:
    def show_history(**_path: str) -> Response:
        path, sent = proxy.path_of(flask.request), _unconditional(proven())
        query = load(HistoryQuery(), flask.request.args.to_dict(), "invalid-query")

        def fetch(owner: str, before: str) -> history.Page:
            wanted = {"limit": query["limit"], **({"before": before} if before else {})}
            return _read(owners[owner], Call("GET", f"{path}?{urlencode(wanted)}", sent))

        return as_json(history.merged(list(owners), fetch, query["limit"], query["before"]))

    app.add_url_rule(routes.PREFIX + rule, f"{JOINED} {rule}", show_history, methods=["GET"])


def _add_me(app: Flask, services: Mapping[str, Upstream], proven: ProvenHeaders) -> None:
    looks = Looks({state.service for state in routes.STATES.values()})

    def show_me() -> Response:
        sent = _unconditional(proven())

        def look(place: me.Place) -> Object | None:
            return _read_if_there(services[place.service], Call("GET", place.path, sent, seconds=STATE_SECONDS))

        told = _read(services["auth"], Call("GET", "/me", sent))
        return as_json(me.joined(told, looks.at(me.places(told), look, STATE_SECONDS)))

    app.add_url_rule(f"{routes.PREFIX}/me", f"{JOINED} /me", show_me, methods=["GET"])


def _unconditional(headers: Mapping[str, str]) -> dict[str, str]:
    """What the caller knows is the joined answer, not any of its parts."""
    return {name: value for name, value in headers.items() if name != "If-None-Match"}


def _read(service: Upstream, call: Call) -> Object:
    answer = service.send(call)
    if answer.status != 200:
        raise _Refused(proxy.relayed(answer))
    try:
        return msgspec.json.decode(answer.read(), type=Object)
    except (HTTPError, msgspec.DecodeError) as cause:
        raise Unavailable("service-unavailable") from cause
    finally:
        answer.close()


def _read_if_there(service: Upstream, call: Call) -> Object | None:
    try:
        return _read(service, call)
    except Unavailable:
        return None
    except _Refused as refused:
        refused.answer.close()
        return None


def as_json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), mimetype="application/json")


def described(path: str, operation: Object) -> Object:
    """The documentation of an operation whose answer is joined here, made from that of one service with a part in it.

    Any other operation is left as it is.
    """
    if path == "/me":
        content = {"application/json": {"schema": me.SCHEMA}}
        answer = {"description": "What the login opens, with the state of each option.", "content": content}
        responses = operation.get("responses", {}) | {"200": answer}
        return operation | {"summary": "What the login opens, with the state of each option.", "responses": responses}
    if path.replace("{", "<").replace("}", ">") in routes.HISTORIES:
        others = [one for one in operation.get("parameters", ()) if one.get("name") != "before"]
        return operation | {"parameters": [*others, _BEFORE]}
    return operation


_BEFORE = {
    "in": "query",
    "name": "before",
    "description": "The `next` of the page before.",
    "schema": {"type": "string", "maxLength": 1000, "default": ""},
}
