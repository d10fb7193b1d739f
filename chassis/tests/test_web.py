import io
import json
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import flask
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask.testing import FlaskClient
from marshmallow import ValidationError, fields, validate
from pymongo.errors import ServerSelectionTimeoutError
from werkzeug.test import TestResponse

from chassis.auth import Principal, TokenIssuer, Tokens, key_id
from chassis.edge import VERSION
from chassis.errors import Conflict, Rejected, Unavailable
from chassis.headers import IDEMPOTENCY_KEY, IF_MATCH_NEEDED, takes
from chassis.testing import counted
from chassis.web import (
    Blueprint,
    Body,
    Boolean,
    Query,
    accepts_up_to,
    consumes,
    create_app,
    etag,
    idempotency_key,
    if_match,
    load,
    origin,
    owns_contract,
    owns_contract_or,
    owns_number,
    public,
    reply,
    require,
)

KEY = Ed25519PrivateKey.generate()
STATE = {"running": False, "entries": {"0600001111": "0312345678"}}

CUSTOMER = Principal("customer", "0600001111", frozenset(), "0600001111", frozenset({"0600001111", "0600002222"}), True)
ONE_NUMBER = Principal("customer", "0600002222", frozenset(), "0600001111", frozenset({"0600002222"}))
STRANGER = Principal("customer", "0720001111", frozenset(), "0720001111", frozenset({"0720001111"}), True)
OPERATOR = Principal("operator", "desk", frozenset({"operator"}))
MONITOR = Principal("machine", "noc-west", frozenset({"line-events"}))
TELEPHONE = Principal("machine", "switch", frozenset({"ivr"}))


def not_a_loop(number: str) -> None:
    if number == "loop":
        raise ValidationError("destination-not-allowed")


class Destination(Body):
    number = fields.String(required=True, validate=not_a_loop)
    value = fields.Integer()


class PlanBody(Body):
    name = fields.String(required=True, validate=validate.Length(1, 5))
    mode = fields.String(validate=validate.OneOf(["a", "b"]))
    ring = fields.Integer(validate=validate.Range(5, 60))
    started = Boolean()
    since = fields.AwareDateTime()
    entries = fields.Dict(fields.String(), fields.String(validate=validate.Length(max=3)))
    targets = fields.Dict(fields.String(), fields.Nested(Destination))
    destinations = fields.List(fields.Nested(Destination))
    tags = fields.List(fields.String())


class PageQuery(Query):
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))


def blueprint() -> Blueprint:
    routes = Blueprint("plans", __name__, description="Plans.")

    @routes.delete("/plans/<name>")
    @require("operator")
    def drop(name: str) -> flask.Response:
        return flask.Response(status=204)

    @routes.get("/contracts/<contract_number>/plan")
    @owns_contract
    @routes.response(200, PlanBody)
    def read(contract_number: str) -> flask.Response:
        """The plan of a contract."""
        return reply(STATE)

    @routes.put("/contracts/<contract_number>/plan")
    @routes.arguments(PlanBody)
    @owns_contract
    @takes(IF_MATCH_NEEDED)
    def change(body: dict[str, Any], contract_number: str) -> flask.Response:
        if_match()(STATE)
        return reply({"name": body["name"]})

    @routes.post("/contracts/<contract_number>/plan/start")
    @owns_contract
    @routes.takes_nothing
    @takes(IDEMPOTENCY_KEY)
    def start(contract_number: str) -> flask.Response:
        return reply({"key": idempotency_key()})

    @routes.get("/lines/<contract_number>")
    @owns_contract_or("line-events")
    def line(contract_number: str) -> flask.Response:
        return reply({"line": contract_number})

    @routes.get("/numbers/<number>")
    @owns_number
    def of_number(number: str) -> flask.Response:
        return reply({"number": number})

    @routes.post("/plans")
    @public
    @routes.arguments(PlanBody)
    def create(body: dict[str, Any]) -> flask.Response:
        return reply({"taken": sorted(body)}, 201, Location="/plans/1")

    @routes.get("/plans")
    @public
    @routes.arguments(PageQuery, location="query")
    def listed(query: dict[str, Any]) -> flask.Response:
        return reply({"limit": query["limit"]})

    @routes.post("/line-events")
    @require("line-events")
    def note() -> flask.Response:
        items = flask.request.get_json()
        return reply({"accepted": len(items)}, 202)

    @routes.post("/import")
    @require("operator")
    @consumes("application/x-ndjson", "text/csv")
    @accepts_up_to(4096)
    def bring() -> flask.Response:
        return reply({"bytes": sum(len(line) for line in flask.request.stream)})

    @routes.get("/who")
    @require("operator", "line-events", "ivr")
    def who() -> flask.Response:
        return reply({"origin": origin()})

    add_failures(routes)
    return routes


def add_failures(routes: Blueprint) -> None:
    failures = {
        "rejected": Rejected("destination-not-allowed", field="entries.0600001111", limit=3),
        "conflict": Conflict("lost-race"),
        "unavailable": Unavailable("store-unavailable", "AutoReconnect", retry_after=7, error="pool paused"),
        "mongo": ServerSelectionTimeoutError("mongodb://user:hunter2@host"),
        "bug": RuntimeError("secret detail"),
    }

    @routes.get("/fail/<how>")
    @public
    def fail(how: str) -> flask.Response:
        raise failures[how]

    @routes.get("/nested")
    @public
    def nested() -> flask.Response:
        load(PlanBody(), {"name": "a", "tags": ["ok", 5]})
        return reply({})


def not_there() -> None:
    raise Unavailable("not-ready")


WORDS = {"destination-not-allowed": ("この番号には転送できません。", "Calls cannot be forwarded there.")}


@pytest.fixture(name="client")
def a_client() -> Iterator[FlaskClient]:
    tokens = Tokens({key_id(KEY.public_key()): KEY.public_key()})
    app = create_app("example", [blueprint()], tokens=tokens, ready={}, max_body=1000, words=WORDS, plain_number=digits)
    with app.test_client() as client:
        yield client


def as_(caller: Principal) -> dict[str, str]:
    token = TokenIssuer(KEY).issue(caller, lifetime=timedelta(minutes=1), at=datetime.now(UTC))
    return {"Authorization": f"Bearer {token}"}


def digits(number: str) -> str:
    return number.replace("-", "").replace("０", "0")


def problem(response: TestResponse) -> tuple[int, str]:
    assert response.mimetype == "application/problem+json"
    document = json.loads(response.data)
    assert document["status"] == response.status_code
    return response.status_code, document["code"]


# --- who may call


@pytest.mark.parametrize(
    ("caller", "path", "status"),
    [
        (CUSTOMER, "/contracts/0600001111/plan", 200),
        (OPERATOR, "/contracts/0600001111/plan", 200),
        (ONE_NUMBER, "/contracts/0600001111/plan", 404),
        (STRANGER, "/contracts/0600001111/plan", 404),
        (MONITOR, "/contracts/0600001111/plan", 404),
        (CUSTOMER, "/lines/0600001111", 200),
        (MONITOR, "/lines/0600001111", 200),
        (STRANGER, "/lines/0600001111", 404),
        (TELEPHONE, "/lines/0600001111", 404),
        (ONE_NUMBER, "/numbers/0600002222", 200),
        (ONE_NUMBER, "/numbers/0600001111", 404),
        (OPERATOR, "/numbers/0600001111", 200),
        (MONITOR, "/who", 200),
        (CUSTOMER, "/who", 403),
    ],
)
def test_a_route_admits_only_whom_it_names(client: FlaskClient, caller: Principal, path: str, status: int) -> None:
    assert client.get(path, headers=as_(caller)).status_code == status


def test_a_foreign_contract_looks_like_none(client: FlaskClient) -> None:
    foreign = client.get("/contracts/0600001111/plan", headers=as_(STRANGER))
    unknown = client.get("/contracts/0399999999/plan", headers=as_(STRANGER))

    assert foreign.data == unknown.data


@pytest.mark.parametrize(
    ("path", "shown"),
    [("/lines/06-0000-1111", {"line": "0600001111"}), ("/numbers/０600002222", {"number": "0600002222"})],
)
def test_a_number_of_the_path_is_plain_before_anyone_asks_whose_it_is(
    client: FlaskClient, path: str, shown: dict[str, str]
) -> None:
    assert json.loads(client.get(path, headers=as_(CUSTOMER)).data) == shown


def test_without_a_token_one_is_asked_for(client: FlaskClient) -> None:
    response = client.get("/who")

    assert problem(response) == (401, "token-missing")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_caller_is_checked_before_the_body_is_read(client: FlaskClient) -> None:
    response = client.put("/contracts/0600001111/plan", data=b"{", content_type="text/plain", headers=as_(STRANGER))

    assert problem(response) == (404, "not-found")


def test_a_route_that_names_nobody_stops_the_start() -> None:
    routes = Blueprint("open", __name__)
    routes.add_url_rule("/open", "open", lambda: "")

    with pytest.raises(ValueError, match="/open"):
        create_app("example", [routes], tokens=Tokens({}), ready={}, max_body=1)


def test_health_metrics_and_documentation_are_public(client: FlaskClient) -> None:
    paths = ["/health/live", "/health/ready", "/metrics", "/openapi.json"]

    assert [client.get(path).status_code for path in paths] == [200] * 4


@pytest.mark.parametrize(
    ("caller", "kind", "name"),
    [(OPERATOR, "operator", "desk"), (MONITOR, "automatic", "noc-west"), (TELEPHONE, "telephone", "switch")],
)
def test_the_origin_says_who_and_from_where(client: FlaskClient, caller: Principal, kind: str, name: str) -> None:
    headers = as_(caller) | {"X-Forwarded-For": "203.0.113.9", "X-Correlation-ID": "c-1"}

    said = json.loads(client.get("/who", headers=headers).data)["origin"]

    assert said["actor"] == {"kind": kind, "id": name, "source": "203.0.113.9"}
    assert said["correlation_id"] == "c-1"


# --- errors


def test_an_unknown_path_is_a_problem(client: FlaskClient) -> None:
    assert problem(client.get("/nowhere")) == (404, "not-found")


def test_a_wrong_method_is_a_problem(client: FlaskClient) -> None:
    response = client.delete("/plans")

    assert problem(response) == (405, "method-not-allowed")
    assert "POST" in response.headers["Allow"]


def test_a_rejection_names_the_field(client: FlaskClient) -> None:
    document = json.loads(client.get("/fail/rejected").data)

    message = "この番号には転送できません。"
    assert document == {
        "type": "about:blank",
        "title": "Unprocessable Entity",
        "status": 422,
        "code": "destination-not-allowed",
        "detail": message,
        "errors": [{"field": "entries.0600001111", "code": "destination-not-allowed", "message": message}],
        "details": {"limit": 3},
    }


def test_the_caller_chooses_the_language(client: FlaskClient) -> None:
    document = json.loads(client.get("/fail/rejected", headers={"Accept-Language": "en-US,en;q=0.9"}).data)

    assert document["detail"] == "Calls cannot be forwarded there."


def test_a_conflict_is_409(client: FlaskClient) -> None:
    assert problem(client.get("/fail/conflict")) == (409, "lost-race")


def test_unavailability_says_when_to_try_again(client: FlaskClient) -> None:
    response = client.get("/fail/unavailable")

    assert problem(response) == (503, "store-unavailable")
    assert response.headers["Retry-After"] == "7"


def test_what_has_failed_inside_is_no_callers_business(client: FlaskClient) -> None:
    response = client.get("/fail/unavailable", headers={"Accept-Language": "en"})

    assert response.json == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "code": "store-unavailable",
        "detail": "Not available at the moment. Please try again.",
    }


def test_a_lost_database_is_unavailability(client: FlaskClient) -> None:
    response = client.get("/fail/mongo")

    assert problem(response) == (503, "store-unavailable")
    assert response.headers["Retry-After"]
    assert "hunter2" not in response.text


def test_a_bug_tells_nothing_to_the_caller(client: FlaskClient) -> None:
    response = client.get("/fail/bug")

    assert problem(response) == (500, "internal-error")
    assert "secret detail" not in response.text


def test_not_ready_is_503() -> None:
    app = create_app("example", [], tokens=Tokens({}), ready={"store": not_there}, max_body=1)

    response = app.test_client().get("/health/ready")

    assert problem(response) == (503, "not-ready")
    assert response.headers["Retry-After"]


# --- bodies


UNREADABLE = {
    "syntax": b"{",
    "empty": b"",
    "two values": b"{}{}",
    "not utf-8": b'{"name": "\xff"}',
    "utf-16": '{"name": "a"}'.encode("utf-16"),
    "nan": b'{"name": NaN}',
    "infinity": b'{"name": -Infinity}',
    "huge number": b'{"name": 1e400}',
    "huge integer": b'{"name": 9223372036854775808}',
    "thousands of digits": b'{"name": ' + b"9" * 900 + b"}",
    "same key twice": b'{"name": "a", "name": "b"}',
    "escaped nul": b'{"name": "a\\u0000"}',
    "nul in a key": b'{"a\\u0000": "a"}',
    "raw nul": b'{"name": "a\0"}',
    "lone surrogate": b'{"name": "\\ud800"}',
    "surrogate in a key": b'{"\\udfff": 1}',
    "deep list": b"[" * 65 + b"]" * 65,
    "deep object": b'{"a":' * 65 + b"1" + b"}" * 65,
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_unreadable_json_is_400(client: FlaskClient, kind: str) -> None:
    response = client.post("/plans", data=UNREADABLE[kind], content_type="application/json")

    assert problem(response) == (400, "unreadable-json")


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_route_that_reads_by_itself_is_as_strict(client: FlaskClient, kind: str) -> None:
    response = client.post("/line-events", data=UNREADABLE[kind], content_type="application/json", headers=as_(MONITOR))

    assert problem(response) == (400, "unreadable-json")


def test_nesting_of_ten_thousand_is_400() -> None:
    app = create_app("example", [blueprint()], tokens=Tokens({}), ready={}, max_body=100_000)

    response = app.test_client().post("/plans", data=b"[" * 10_000, content_type="application/json")

    assert problem(response) == (400, "unreadable-json")


def test_readable_json_of_any_kind_is_read(client: FlaskClient) -> None:
    body = '\ufeff{"name": "\\ud83d\\ude00é", "ring": 5}'.encode()

    assert client.post("/plans", data=body, content_type="application/json").status_code == 201


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"])
def test_another_type_than_json_is_415(client: FlaskClient, media_type: str) -> None:
    response = client.post("/plans", data=b'{"name": "a"}', headers={"Content-Type": media_type})

    assert problem(response) == (415, "unsupported-media-type")


def test_a_compressed_body_is_415(client: FlaskClient) -> None:
    response = client.post("/plans", data=b"x", content_type="application/json", headers={"Content-Encoding": "gzip"})

    assert problem(response) == (415, "unsupported-content-encoding")


@pytest.mark.parametrize("body", [b"", b"{}", b" { } "])
def test_where_nothing_has_to_be_said_nothing_or_an_empty_object_is_fine(client: FlaskClient, body: bytes) -> None:
    assert start(client, body).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "unreadable-json"),
        (b" ", 400, "unreadable-json"),
        (b"[]", 422, "invalid-body"),
        (b"null", 422, "invalid-body"),
        (b'{"delay": 5}', 422, "invalid-body"),
    ],
)
def test_where_nothing_has_to_be_said_anything_else_is_refused(
    client: FlaskClient, body: bytes, status: int, code: str
) -> None:
    assert problem(start(client, body)) == (status, code)


def test_where_nothing_has_to_be_said_another_type_is_415(client: FlaskClient) -> None:
    assert start(client, b"delay=5", "application/x-www-form-urlencoded").status_code == 415


def start(client: FlaskClient, body: bytes, media_type: str = "application/json") -> TestResponse:
    headers = as_(CUSTOMER) | {"Content-Type": media_type}
    return client.post("/contracts/0600001111/plan/start", data=body, headers=headers)


def test_too_large_a_body_is_413(client: FlaskClient) -> None:
    assert problem(client.post("/plans", data=b"x" * 1001, content_type="application/json")) == (413, "body-too-large")


def test_a_route_may_take_its_own_type_and_size(client: FlaskClient) -> None:
    headers = as_(OPERATOR)
    taken = client.post("/import", data=b"x" * 4096, content_type="text/csv", headers=headers)
    larger = client.post("/import", data=b"x" * 4097, content_type="text/csv", headers=headers)
    json_body = client.post("/import", data=b"{}", content_type="application/json", headers=headers)

    assert json.loads(taken.data) == {"bytes": 4096}
    assert problem(larger) == (413, "body-too-large")
    assert problem(json_body) == (415, "unsupported-media-type")


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"name": None}, "name", "wrong-type"),
        ({"name": 5}, "name", "wrong-type"),
        ({"name": {"$gt": ""}}, "name", "wrong-type"),
        ({"name": ["a"]}, "name", "wrong-type"),
        ({"name": ""}, "name", "wrong-length"),
        ({"name": "abcdef"}, "name", "wrong-length"),
        ({"mode": "c"}, "mode", "not-one-of"),
        ({"ring": "5"}, "ring", "wrong-type"),
        ({"ring": True}, "ring", "wrong-type"),
        ({"ring": 5.5}, "ring", "wrong-type"),
        ({"ring": 61}, "ring", "out-of-range"),
        ({"started": "true"}, "started", "wrong-type"),
        ({"started": 1}, "started", "wrong-type"),
        ({"since": "yesterday"}, "since", "wrong-format"),
        ({"since": "2026-11-23T09:00:00"}, "since", "wrong-format"),
        ({"entries": {"0600001111": "0312345678"}}, "entries.0600001111", "too-long"),
        ({"entries": {"0600001111": 5}}, "entries.0600001111", "wrong-type"),
        ({"entries": []}, "entries", "wrong-type"),
        ({"targets": {"a": {"number": "loop"}}}, "targets.a.number", "destination-not-allowed"),
        ({"targets": {"a": {"number": "1", "value": "x"}}}, "targets.a.value", "wrong-type"),
        ({"destinations": [{"number": "1"}, {"number": "loop"}]}, "destinations.1.number", "destination-not-allowed"),
        ({"destinations": [{"number": "1", "role": "x"}]}, "destinations.0.role", "unknown-field"),
        ({"destinations": ["1"]}, "destinations.0", "wrong-type"),
        ({"tags": ["a", 1]}, "tags.1", "wrong-type"),
        ({"version": 3}, "version", "unknown-field"),
        ({"__proto__": {}}, "__proto__", "unknown-field"),
    ],
)
def test_a_wrong_field_is_named_with_a_code(
    client: FlaskClient, changes: dict[str, Any], field: str, code: str
) -> None:
    response = client.post("/plans", json={"name": "a"} | changes)

    assert problem(response) == (422, "invalid-body")
    (error,) = json.loads(response.data)["errors"]
    assert (error["field"], error["code"]) == (field, code)
    assert error["message"]


def test_a_missing_field_is_named(client: FlaskClient) -> None:
    response = client.post("/plans", json={})

    assert [(error["field"], error["code"]) for error in json.loads(response.data)["errors"]] == [
        ("name", "missing-field")
    ]


@pytest.mark.parametrize("body", [[], "text", 5, None])
def test_a_body_that_is_no_object_is_422(client: FlaskClient, body: object) -> None:
    response = client.post("/plans", data=json.dumps(body), content_type="application/json")

    assert problem(response) == (422, "invalid-body")


def test_a_body_of_many_wrong_fields_gets_a_bounded_answer() -> None:
    app = create_app("example", [blueprint()], tokens=Tokens({}), ready={}, max_body=100_000)

    response = app.test_client().post("/plans", json={f"f{index}": 1 for index in range(5000)})

    assert len(json.loads(response.data)["errors"]) == 100


def test_a_schema_used_by_hand_gives_the_same_errors(client: FlaskClient) -> None:
    document = json.loads(client.get("/nested").data)

    assert [(error["field"], error["code"]) for error in document["errors"]] == [("tags.1", "wrong-type")]


def test_query_parameters_are_read_from_text(client: FlaskClient) -> None:
    assert json.loads(client.get("/plans?limit=7").data) == {"limit": 7}


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limits=1"])
def test_a_wrong_query_is_422(client: FlaskClient, query: str) -> None:
    assert problem(client.get(f"/plans?{query}")) == (422, "invalid-query")


def test_a_refused_body_is_read_to_its_end(client: FlaskClient) -> None:
    body = io.BytesIO(b"x" * 900)

    client.post("/line-events", input_stream=body, content_length=900, headers=as_(CUSTOMER))

    assert body.read() == b""


# --- states and their tags


def plan(client: FlaskClient, **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get("/contracts/0600001111/plan", headers=as_(CUSTOMER) | named)


def change(client: FlaskClient, **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.put("/contracts/0600001111/plan", json={"name": "b"}, headers=as_(CUSTOMER) | named)


def test_a_state_has_a_strong_tag(client: FlaskClient) -> None:
    response = plan(client)

    assert response.headers["ETag"] == etag(STATE)
    assert response.headers["ETag"].startswith('"')


def test_the_tag_follows_what_is_shown_and_nothing_else() -> None:
    assert etag({"a": 1, "b": {"x": 1, "y": 2}}) == etag({"b": {"y": 2, "x": 1}, "a": 1})
    assert etag({"a": 1}) != etag({"a": "1"})


def test_a_known_state_is_not_sent_again(client: FlaskClient) -> None:
    response = plan(client, If_None_Match=f'W/"x", {etag(STATE)}')

    assert (response.status_code, response.data) == (304, b"")
    assert response.headers["ETag"] == etag(STATE)


def test_a_write_without_a_tag_is_428(client: FlaskClient) -> None:
    assert problem(change(client)) == (428, "if-match-required")


def test_a_write_with_an_old_tag_is_412_and_shows_the_state_with_its_tag(client: FlaskClient) -> None:
    response = change(client, If_Match='"old"')

    assert problem(response) == (412, "stale-etag")
    assert json.loads(response.data)["current"] == STATE
    assert change(client, If_Match=response.headers["ETag"]).status_code == 200


@pytest.mark.parametrize("tags", ["*", etag(STATE), f'"other", {etag(STATE)}'])
def test_a_write_with_the_present_tag_passes(client: FlaskClient, tags: str) -> None:
    assert change(client, If_Match=tags).status_code == 200


def test_a_weak_tag_does_not_guard_a_write(client: FlaskClient) -> None:
    assert change(client, If_Match="W/" + etag(STATE)).status_code == 412


def test_an_accepted_message_has_no_tag(client: FlaskClient) -> None:
    response = client.post("/line-events", json=[], headers=as_(MONITOR))

    assert response.status_code == 202
    assert "ETag" not in response.headers


@pytest.mark.parametrize("key", ["", "x" * 129, "caf\u00e9"])
def test_an_idempotency_key_has_a_shape(client: FlaskClient, key: str) -> None:
    response = client.post("/contracts/0600001111/plan/start", headers=as_(CUSTOMER) | {"Idempotency-Key": key})

    assert problem(response) == (400, "invalid-idempotency-key")


def test_an_idempotency_key_is_handed_over(client: FlaskClient) -> None:
    response = client.post("/contracts/0600001111/plan/start", headers=as_(CUSTOMER) | {"Idempotency-Key": "k 1"})

    assert json.loads(response.data) == {"key": "k 1"}


# --- every answer


@pytest.mark.parametrize("path", ["/plans", "/nowhere", "/fail/bug", "/health/live"])
def test_every_answer_is_kept_out_of_caches_and_unsniffed(client: FlaskClient, path: str) -> None:
    response = client.get(path)

    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["X-Correlation-ID"]


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/plans/a"), ("OPTIONS", "/plans")])
def test_an_answer_without_a_body_names_no_type(client: FlaskClient, method: str, path: str) -> None:
    response = client.open(path, method=method, headers=as_(OPERATOR))

    assert (response.status_code < 300, response.data) == (True, b"")
    assert "Content-Type" not in response.headers


def test_options_say_what_is_allowed(client: FlaskClient) -> None:
    assert {"GET", "POST"} <= set(client.options("/plans", headers=as_(OPERATOR)).allow)


def test_head_names_the_type_that_get_has(client: FlaskClient) -> None:
    assert client.head("/plans", headers=as_(OPERATOR)).mimetype == client.get("/plans").mimetype


@pytest.mark.parametrize("said", ["", "a b", "x" * 65, "0600001111\u2028", "<script>"])
def test_an_odd_correlation_id_is_replaced(client: FlaskClient, said: str) -> None:
    given = client.get("/plans", headers={"X-Correlation-ID": said}).headers["X-Correlation-ID"]

    assert given != said
    assert len(given) == 32


def test_requests_are_counted_by_route_template(client: FlaskClient) -> None:
    plan(client)
    client.get("/nowhere/0600001111")

    shown = client.get("/metrics").text

    assert 'route="/contracts/<contract_number>/plan",status="200"' in shown
    assert 'route="unmatched",status="404"' in shown
    assert "0600001111" not in shown


def test_a_request_is_in_progress_until_it_is_answered(client: FlaskClient) -> None:
    before = counted("http_requests_in_progress")

    for path in ("/plans", "/nowhere", "/fail/rejected"):
        client.get(path)

    assert counted("http_requests_in_progress") == before


def test_rejections_are_counted_by_code(client: FlaskClient) -> None:
    client.get("/fail/rejected")

    assert 'command_rejected_total{code="destination-not-allowed"}' in client.get("/metrics").text


def test_the_documentation_says_who_may_call(client: FlaskClient) -> None:
    document = json.loads(client.get("/openapi.json").data)

    read = document["paths"]["/contracts/{contract_number}/plan"]["get"]
    assert read["x-access"] == "owns-contract"
    assert read["summary"] == "The plan of a contract."
    assert document["paths"]["/plans"]["post"]["security"] == []
    assert document["security"] == [{"bearer": []}]
    assert "PlanBody" in json.dumps(document["paths"]["/plans"]["post"]["requestBody"])
    unprocessable = document["components"]["responses"]["UNPROCESSABLE_ENTITY"]
    assert unprocessable["content"]["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_the_documentation_says_which_headers_a_route_takes(client: FlaskClient) -> None:
    paths = json.loads(client.get("/openapi.json").data)["paths"]
    edit, start = paths["/contracts/{contract_number}/plan"]["put"], paths["/contracts/{contract_number}/plan/start"]

    told = [{name: one[name] for name in ("name", "in", "required")} for one in edit["parameters"]]
    assert told == [{"name": "If-Match", "in": "header", "required": True}]
    assert [(one["name"], one["required"]) for one in start["post"]["parameters"]] == [("Idempotency-Key", False)]
    assert "parameters" not in paths["/plans"]["post"]


def test_a_header_that_a_route_has_not_said_it_takes_is_not_read(client: FlaskClient) -> None:
    with client.application.test_request_context("/plans"):
        for read in (if_match, idempotency_key):
            with pytest.raises(LookupError, match="does not say so"):
                read()


def test_the_version_is_the_projects() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())

    assert project["project"]["version"] == VERSION
