from collections.abc import Callable
from typing import Any

import flask
import pytest
from marshmallow import fields

from chassis.answers import Answer
from chassis.auth import Tokens
from chassis.documented import Described, DocumentedClient
from chassis.errors import Rejected
from chassis.web import Blueprint, create_app, public, reply

Says = Callable[[], flask.Response]
GOOD = {"name": "a", "since": "2026-01-15T12:00:00+09:00", "next": None}


class Thing(Answer):
    sometimes = ("note",)

    name = fields.String()
    since = fields.AwareDateTime()
    next = fields.String(allow_none=True)
    note = fields.String()


def client(says: Says) -> DocumentedClient:
    """Of an application with one route, which answers what it likes."""
    routes = Blueprint("things", __name__)

    @routes.get("/thing")
    @public
    @routes.response(200, Thing)
    @routes.alt_response(200, schema=Thing, content_type="application/x-ndjson", success=True)
    @routes.response(204)
    def thing() -> flask.Response:
        """A thing."""
        return says()

    app = create_app("things", [routes], tokens=Tokens({}), ready={}, max_body=1000)
    made = DocumentedClient(app, app.response_class)
    made.described = Described.of(app)
    return made


def refuse() -> flask.Response:
    raise Rejected("no-thing", errors=[], why={"the": "cause"})


def text(body: str, media_type: str) -> flask.Response:
    return flask.Response(body, mimetype=media_type)


@pytest.mark.parametrize(
    "says",
    [
        lambda: reply(GOOD),
        lambda: reply(GOOD | {"note": "b"}),
        lambda: flask.Response(status=204),
        lambda: text('{"name":"a","since":"2026-01-15T12:00:00Z","next":"b"}\n' * 2, "application/x-ndjson"),
        refuse,
    ],
)
def test_what_is_documented_passes(says: Says) -> None:
    client(says).get("/thing")


@pytest.mark.parametrize(
    "says",
    [
        lambda: reply(GOOD | {"colour": "red"}),
        lambda: reply({"name": "a", "next": None}),
        lambda: reply(GOOD | {"name": None}),
        lambda: reply(GOOD | {"name": 1}),
        lambda: reply(GOOD | {"since": "2026-01-15T12:00:00"}),
        lambda: reply(GOOD, 201),
        lambda: text("a", "text/plain"),
        lambda: text('{"name":"a","since":"2026-01-15T12:00:00Z","next":"b"}\n{}', "application/x-ndjson"),
        lambda: flask.Response('{"code":"no-thing"}', 422, mimetype="application/problem+json"),
        lambda: flask.Response("<p>no", 404, mimetype="text/html"),
    ],
)
def test_what_is_not_documented_does_not(says: Says) -> None:
    with pytest.raises(AssertionError, match="is not as the OpenAPI document says"):
        client(says).get("/thing")


@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("DELETE", "/thing"), ("OPTIONS", "/thing")])
def test_an_error_before_any_route_is_a_problem_like_others(method: str, path: str) -> None:
    client(lambda: reply(GOOD)).open(path, method=method)


def test_an_unchanged_thing_is_not_sent_again() -> None:
    ours = client(lambda: reply(GOOD))
    tag: Any = ours.get("/thing").headers["ETag"]

    assert ours.get("/thing", headers={"If-None-Match": tag}).status_code == 304
