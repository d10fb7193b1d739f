"""The web side of a service: one app factory, and what its routes use.

A service's `api.py` needs only this module: a Blueprint, the access decorators, and answers with ETags.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import flask
import msgspec
from flask.json.provider import JSONProvider
from flask.typing import ResponseReturnValue
from pymongo.errors import PyMongoError

from chassis import access, bodies, edge, problems
from chassis.access import (
    customer,
    customer_even_restricted,
    origin,
    owns_contract,
    owns_contract_or,
    owns_number,
    principal,
    public,
    require,
    source_address,
)
from chassis.auth import Tokens
from chassis.bodies import Blueprint, Body, Boolean, Query, accepts_up_to, consumes, load
from chassis.document import document_of
from chassis.edge import Checks, correlation_id
from chassis.errors import BadMessage, FieldError, Missing, Stale
from chassis.handling import Once
from chassis.headers import need_said
from chassis.problems import Words
from chassis.strict_json import read_json

__all__ = [
    "Blueprint",
    "Body",
    "Boolean",
    "FieldError",
    "Query",
    "accepts_up_to",
    "consumes",
    "correlation_id",
    "create_app",
    "customer",
    "customer_even_restricted",
    "etag",
    "idempotency_key",
    "if_match",
    "load",
    "once",
    "origin",
    "owns_contract",
    "owns_contract_or",
    "owns_number",
    "principal",
    "public",
    "read_json",
    "reply",
    "require",
    "source_address",
]


def create_app(
    name: str,
    blueprints: Sequence[Blueprint],
    *,
    tokens: Tokens,
    ready: Checks,
    max_body: int,
    words: Words | None = None,
    plain_number: Callable[[str], str] = str,
) -> flask.Flask:
    """The Flask app of a service with the routes of `blueprints` and what all services have.

    `ready` names what the service cannot work without: each check raises when it is not there. `max_body` is in bytes.
    `words` are the sentences (Japanese, English) for the service's own codes. `plain_number` makes a number as people
    type it plain digits; a path's <contract_number> and <number> go through it before anyone asks whose they are.
    Raises ValueError when a route does not say who may call it.
    """
    app = edge.bare_app(name, ready=ready, max_body=max_body, words=words)
    app.request_class = bodies.Request
    app.json = _Json(app)
    app.url_value_preprocessor(_spelling(plain_number))
    app.after_request(_keep_private)
    problems.install_net(app, PyMongoError, "store-unavailable")
    app.register_error_handler(Stale, _answer_stale)
    _add_routes(app, blueprints)
    access.install(app, tokens)
    app.before_request(bodies.check_media_type)
    return app


def _spelling(plain_number: Callable[[str], str]) -> Callable[[str | None, dict[str, Any] | None], None]:
    def spell_plainly(_endpoint: str | None, path: dict[str, Any] | None) -> None:
        if path:
            path.update({name: plain_number(path[name]) for name in ("contract_number", "number") if name in path})

    return spell_plainly


def _keep_private(response: flask.Response) -> flask.Response:
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _answer_stale(error: Stale) -> flask.Response:
    """With the tag of the state that it shows, so that the caller can decide and write anew without another GET."""
    response = problems.answer_to(error)
    if error.current is not None:
        response.headers["ETag"] = etag(error.current)
    return response


def _add_routes(app: flask.Flask, blueprints: Sequence[Blueprint]) -> None:
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    document = document_of(app, blueprints)

    @app.get("/openapi.json")
    @public
    def openapi() -> ResponseReturnValue:
        return flask.Response(document(), mimetype="application/json")


class _Json(JSONProvider):
    """JSON of plain data, dataclasses and aware times (ISO 8601); reads with the strict reader."""

    def dumps(self, obj: Any, **_kwargs: Any) -> str:
        return _json(obj).decode()

    def loads(self, s: str | bytes, **_kwargs: Any) -> Any:
        return read_json(s.encode() if isinstance(s, str) else s)


def _json(value: Any) -> bytes:
    return msgspec.json.encode(value, enc_hook=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def etag(representation: Mapping[str, Any]) -> str:
    """The strong ETag of what GET answers, quoted as in the header.

    The same for equal contents whatever the order of keys, and another as soon as anything that is shown differs.
    """
    canonical = msgspec.json.encode(representation, enc_hook=_plain, order="sorted")
    return f'"{hashlib.sha256(canonical).hexdigest()[:32]}"'


def if_match(required: bool = True) -> Callable[[Mapping[str, Any]], None]:
    """A guard made from the request's If-Match: call it with the present representation before changing anything.

    For a route that `takes` the header (`chassis.headers`). Without it raises Missing `if-match-required` at once, or
    guards nothing when it is not `required`.
    The guard raises Stale `stale-etag` with the representation when no listed tag is its own; `*` fits all.
    """
    need_said("If-Match")
    if "If-Match" not in flask.request.headers:
        if required:
            raise Missing("if-match-required")
        return lambda current: None
    wanted = flask.request.if_match

    def guard(current: Mapping[str, Any]) -> None:
        if not wanted.contains(etag(current).strip('"')):
            raise Stale("stale-etag", current=current)

    return guard


def idempotency_key() -> str | None:
    """The header Idempotency-Key, None without one; BadMessage unless 1 to 128 printable ASCII characters."""
    need_said("Idempotency-Key")
    key = flask.request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= 128 and key.isascii() and key.isprintable()):
        raise BadMessage("invalid-idempotency-key")
    return key


def once() -> Once | None:
    """The request's Idempotency-Key as a name for its command, None without one.

    The name is the caller's own, so nobody meets another's key; the fingerprint covers method, path and body.
    """
    key = idempotency_key()
    if key is None:
        return None
    request, caller = flask.request, access.principal()
    body = hashlib.sha256(f"{request.method} {request.path} ".encode() + request.get_data(cache=True)).hexdigest()
    return Once(f"key:{caller.kind}:{caller.id}:{key}", body)


def reply(representation: Mapping[str, Any], status: int = 200, **headers: str) -> flask.Response:
    """The JSON answer, with an ETag when it shows a state (200 and 201); 304 to a GET that has it already.

    `headers` are named with underscores: `Retry_After="2"`.
    """
    response = flask.Response(_json(representation), status, mimetype="application/json")
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    if status in (200, 201):
        response.headers["ETag"] = etag(representation)
        _drop_known(response)
    return response


def _drop_known(response: flask.Response) -> None:
    tag, _ = response.get_etag()
    known = flask.request.if_none_match
    if flask.request.method in ("GET", "HEAD") and tag and known and known.contains_weak(tag):
        response.status_code = 304
        response.set_data(b"")
        del response.headers["Content-Type"]
