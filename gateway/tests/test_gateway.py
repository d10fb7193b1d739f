"""The gateway in front of real sockets."""

import io
import json as jsonlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier, Event, Semaphore
from typing import Any

import jwt
import pytest
from flask.testing import FlaskClient
from werkzeug import Request, Response
from werkzeug.test import TestResponse

from chassis.settings import SettingsError
from chassis.telemetry import exposition
from gateway.bootstrap import build
from gateway.joins import STATE_SECONDS
from gateway.looks import LOOKS_AT_A_TIME
from gateway.routes import MOST_HASHING
from gateway.settings import Settings
from gateway.tests.upstreams import Service, View, cutting, json, nobody, problem, serving

KEY = {"Authorization": "Bearer key-1"}
PLAN = "/api/v1/contracts/0600001111/bulk-forward"


def exchange(request: Request) -> Response:
    if request.get_json() == {"bearer": "key-1"}:
        return json({"token": "signed", "expires_in": 60})
    return problem(401, "token-invalid")


class World:
    """The gateway's client and the services behind it."""

    def __init__(self, stack: ExitStack, **changes: Any) -> None:
        self.services = {
            name: stack.enter_context(serving(Service()))
            for name in ("auth", "ivr", "linewatch", "bulkforward", "voicewarp", "notify", "faxstore")
        }
        self.services["auth"].views["/tokens"] = exchange
        self.services["auth"].views["/health/live"] = lambda _: json({"status": "ok"})
        urls = {f"{name}_url": service.url for name, service in self.services.items()}
        settings: dict[str, Any] = {**urls, "service_seconds": 5, **changes}
        self.client: FlaskClient = build(Settings(**settings)).test_client()

    def __getitem__(self, name: str) -> Service:
        return self.services[name]


@pytest.fixture(name="stack")
def a_stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(name="world")
def a_world(stack: ExitStack) -> World:
    return World(stack)


def code(response: TestResponse) -> tuple[int, str]:
    assert response.mimetype == "application/problem+json"
    return response.status_code, jsonlib.loads(response.data)["code"]


# --- passing on


def test_a_request_reaches_its_service_without_the_prefix(world: World) -> None:
    world["bulkforward"].views["/contracts/0600001111/bulk-forward"] = lambda _: json({"running": False}, ETag='"1"')

    response = world.client.get(f"{PLAN}?a=1&b=%E7%B9%8B", headers=KEY)

    (asked,) = world["bulkforward"].asked
    assert (asked.method, asked.path, asked.query) == ("GET", "/contracts/0600001111/bulk-forward", "a=1&b=%E7%B9%8B")
    assert asked.headers["Authorization"] == "Bearer signed"
    assert jsonlib.loads(response.data) == {"running": False}
    assert response.headers["ETag"] == '"1"'


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/contracts", "auth"),
        ("/contracts/0600001111", "auth"),
        ("/api-keys/k1", "auth"),
        ("/password", "auth"),
        ("/ivr/calls", "ivr"),
        ("/ivr/calls/c1/keys", "ivr"),
        ("/line-events", "linewatch"),
        ("/lines/0600001111", "linewatch"),
        ("/contracts/0600001111/bulk-forward/entries/0600002222", "bulkforward"),
        ("/contracts/0600001111/fault-notice/start", "notify"),
        ("/mails/m1/retry", "notify"),
        ("/numbers/0600002222/fax-mail/start", "faxstore"),
        ("/numbers/0600002222/faxes", "faxstore"),
        ("/numbers/0600002222/faxes/f-1/pages/1.png", "faxstore"),
        ("/faxes", "faxstore"),
    ],
)
def test_every_path_has_its_service(world: World, path: str, service: str) -> None:
    world.client.post(f"/api/v1{path}", headers=KEY)

    assert world[service].asked[-1].path == path


def test_body_and_listed_headers_pass(world: World) -> None:
    headers = {
        "If-Match": '"1"',
        "Idempotency-Key": "k",
        "Accept-Language": "en",
        "traceparent": "00-1-2-01",
        "ce-id": "e1",
        "Content-Type": "application/json; charset=utf-8",
    }

    world.client.put(PLAN, data=b'{"a": 1}', headers=KEY | headers)

    (asked,) = world["bulkforward"].asked
    assert asked.body == b'{"a": 1}'
    assert {name: asked.headers[name.title()] for name in headers} == headers


def test_forged_and_unlisted_headers_do_not_pass(world: World) -> None:
    forged = {
        "X-Forwarded-For": "198.51.100.1",
        "X-Forwarded-Host": "evil",
        "Forwarded": "for=198.51.100.1",
        "X-Principal": "operator",
        "Cookie": "a=b",
        "Connection": "X-Correlation-ID",
    }

    world.client.get(PLAN, headers=KEY | forged)

    (asked,) = world["bulkforward"].asked
    assert asked.headers["X-Forwarded-For"] == "127.0.0.1"
    assert not {"X-Forwarded-Host", "Forwarded", "X-Principal", "Cookie"} & set(asked.headers)


def test_a_trusted_proxy_is_believed_about_its_own_caller_only(stack: ExitStack) -> None:
    world = World(stack, trusted_proxies=("127.0.0.1", "10.0.0.9"))

    world.client.get(PLAN, headers=KEY | {"X-Forwarded-For": "198.51.100.1, 203.0.113.7, 10.0.0.9"})

    assert world["bulkforward"].asked[0].headers["X-Forwarded-For"] == "203.0.113.7"


def test_proxies_may_be_a_network(stack: ExitStack) -> None:
    world = World(stack, trusted_proxies=("127.0.0.1", "10.0.0.0/8"))

    world.client.get(PLAN, headers=KEY | {"X-Forwarded-For": "203.0.113.7, 10.3.1.9"})

    assert world["bulkforward"].asked[0].headers["X-Forwarded-For"] == "203.0.113.7"


def test_a_proxy_that_is_no_address_stops_the_start(stack: ExitStack) -> None:
    with pytest.raises(SettingsError, match="TRUSTED_PROXIES"):
        World(stack, trusted_proxies=("10.0.0.1/8",))


def test_the_correlation_id_goes_all_the_way(world: World) -> None:
    response = world.client.get(PLAN, headers=KEY | {"X-Correlation-ID": "c-1"})

    assert world["bulkforward"].asked[0].headers["X-Correlation-Id"] == "c-1"
    assert world["auth"].asked[0].headers["X-Correlation-Id"] == "c-1"
    assert response.headers["X-Correlation-ID"] == "c-1"


def test_a_location_leads_through_the_gateway(world: World) -> None:
    world["auth"].views["/api-keys"] = lambda _: json({}, 201, Location="/api-keys/k1", X_Internal="secret")

    response = world.client.post("/api/v1/api-keys", json={}, headers=KEY)

    assert response.headers["Location"] == "/api/v1/api-keys/k1"
    assert "X-Internal" not in response.headers


def test_a_not_modified_answer_has_no_body(world: World) -> None:
    world["bulkforward"].views["/contracts/0600001111/bulk-forward"] = lambda _: Response(status=304)

    response = world.client.get(PLAN, headers=KEY | {"If-None-Match": '"1"'})

    assert (response.status_code, response.data) == (304, b"")


def test_a_problem_of_a_service_is_passed_on(world: World) -> None:
    world["bulkforward"].views["/contracts/0600001111/bulk-forward"] = lambda _: problem(500, "internal-error")

    assert code(world.client.get(PLAN, headers=KEY)) == (500, "internal-error")


def test_an_error_page_of_a_server_is_not_passed_on(world: World) -> None:
    world["bulkforward"].views["/contracts/0600001111/bulk-forward"] = lambda _: Response("<h1>oops", 502)

    assert code(world.client.get(PLAN, headers=KEY)) == (503, "service-unavailable")


# --- large bodies


def test_a_large_import_passes(world: World) -> None:
    world["auth"].views["/contracts"] = lambda request: json({"bytes": request.content_length})
    size = 20 * 1024 * 1024

    response = world.client.post(
        "/api/v1/contracts", input_stream=io.BytesIO(b"x" * size), content_length=size, headers=KEY
    )

    assert jsonlib.loads(response.data) == {"bytes": size}
    assert len(world["auth"].asked[-1].body) == size


@pytest.mark.parametrize(("path", "size"), [("/line-events", 1024 * 1024 + 1), ("/contracts", 64 * 1024 * 1024 + 1)])
def test_too_large_a_body_is_not_passed_on(world: World, path: str, size: int) -> None:
    response = world.client.post(f"/api/v1{path}", environ_overrides={"CONTENT_LENGTH": str(size)}, headers=KEY)

    assert code(response) == (413, "body-too-large")
    assert not world["linewatch"].asked


@pytest.mark.parametrize(("path", "size"), [("/line-events", 100), ("/contracts", 2 * 1024 * 1024)])
def test_a_body_that_breaks_off_is_refused_and_the_connection_to_the_service_not_used_again(
    world: World, path: str, size: int
) -> None:
    service = "linewatch" if path == "/line-events" else "auth"
    world[service].views[path] = lambda request: json({"bytes": len(request.get_data())})

    # As gunicorn hands it over: it ends where the caller has gone.
    broken = world.client.post(
        f"/api/v1{path}",
        input_stream=io.BytesIO(b"x" * (size - 1)),
        headers=KEY,
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": str(size)},
    )
    whole = world.client.post(f"/api/v1{path}", data=b"y" * 10, headers=KEY)

    assert code(broken) == (400, "bad-request")
    assert whole.json == {"bytes": 10}


def test_a_body_without_a_length_is_cut_at_the_limit(world: World) -> None:
    response = world.client.post(
        "/api/v1/line-events",
        input_stream=io.BytesIO(b"x" * (1024 * 1024 + 1)),
        headers=KEY | {"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )

    assert code(response) == (413, "body-too-large")


def test_two_lengths_are_refused(world: World) -> None:
    response = world.client.post(
        "/api/v1/line-events", data=b"{}", headers=KEY | {"Transfer-Encoding": "chunked", "Content-Length": "2"}
    )

    assert code(response) == (400, "bad-request")
    assert not world["linewatch"].asked


def test_a_streamed_answer_arrives_while_it_is_made(world: World) -> None:
    go_on = Event()

    def progress() -> Iterator[bytes]:
        yield b'{"imported": 1000}\n'
        assert go_on.wait(10)
        yield b'{"done": true}\n'

    world["auth"].views["/contracts"] = lambda _: Response(progress(), mimetype="application/x-ndjson")

    response = world.client.post("/api/v1/contracts", data=b"x", headers=KEY)
    lines = response.iter_encoded()
    first = next(lines)
    go_on.set()

    assert first == b'{"imported": 1000}\n'
    assert b"".join(lines) == b'{"done": true}\n'


# --- who calls


def test_without_a_bearer_no_service_is_asked(world: World) -> None:
    response = world.client.get(PLAN)

    assert code(response) == (401, "token-missing")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert not world["bulkforward"].asked


def test_an_unknown_bearer_is_refused(world: World) -> None:
    response = world.client.get(PLAN, headers={"Authorization": "Bearer nobody"})

    assert code(response) == (401, "token-invalid")
    assert not world["bulkforward"].asked


@pytest.mark.parametrize(
    "path", ["/api/v1/tokens", "/api/v1//contracts", "/api/v1/contracts/", f"{PLAN}/../../../tokens"]
)
def test_an_unknown_path_is_404_whoever_asks(world: World, path: str) -> None:
    assert code(world.client.get(path)) == (404, "not-found")
    assert not world["auth"].asked


def test_public_keys_need_no_token(world: World) -> None:
    world["auth"].views["/.well-known/jwks.json"] = lambda _: json({"keys": []})

    assert world.client.get("/api/v1/.well-known/jwks.json").status_code == 200


def test_whoever_wants_to_send_events_may_ask_without_a_token(world: World) -> None:
    world["linewatch"].views["/line-events"] = lambda _: Response(headers={"WebHook-Allowed-Origin": "noc.example"})

    response = world.client.options("/api/v1/line-events", headers={"WebHook-Request-Origin": "noc.example"})

    assert response.headers["WebHook-Allowed-Origin"] == "noc.example"
    assert world["linewatch"].asked[0].headers["Webhook-Request-Origin"] == "noc.example"
    assert code(world.client.post("/api/v1/line-events", json={})) == (401, "token-missing")


def test_a_key_is_exchanged_once_for_many_requests(world: World) -> None:
    for _ in range(5):
        world.client.get(PLAN, headers=KEY)

    assert [asked.path for asked in world["auth"].asked] == ["/tokens"]


def test_a_known_caller_goes_on_while_auth_is_down(stack: ExitStack) -> None:
    with serving(Service(views={"/tokens": exchange})) as auth:
        world = World(stack, auth_url=auth.url)
        world.client.get(PLAN, headers=KEY)

    assert code(world.client.get(PLAN, headers=KEY)) == (404, "not-found")
    assert code(world.client.get(PLAN, headers={"Authorization": "Bearer new"})) == (503, "service-unavailable")


# --- services that are gone


def test_a_service_that_is_down_is_503(stack: ExitStack) -> None:
    world = World(stack, bulkforward_url=nobody())

    response = world.client.put(PLAN, json={}, headers=KEY)

    assert code(response) == (503, "service-unavailable")
    assert response.headers["Retry-After"]


ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


def test_a_get_that_was_cut_off_is_tried_once_more(stack: ExitStack) -> None:
    url, requests = stack.enter_context(cutting(1, ANSWER))
    world = World(stack, bulkforward_url=url)

    assert world.client.get(PLAN, headers=KEY).status_code == 200
    assert len(requests) == 2


def test_a_get_is_not_tried_for_ever(stack: ExitStack) -> None:
    url, requests = stack.enter_context(cutting(2, ANSWER))
    world = World(stack, bulkforward_url=url)

    assert code(world.client.get(PLAN, headers=KEY)) == (503, "service-unavailable")
    assert len(requests) == 2


def test_a_change_that_was_cut_off_is_not_repeated(stack: ExitStack) -> None:
    url, requests = stack.enter_context(cutting(1, ANSWER))
    world = World(stack, bulkforward_url=url)

    assert code(world.client.post(f"{PLAN}/start", headers=KEY)) == (503, "service-unavailable")
    assert len(requests) == 1


def test_an_answer_that_breaks_off_is_503(stack: ExitStack) -> None:
    url, _ = stack.enter_context(cutting(0, ANSWER[:-1]))
    world = World(stack, bulkforward_url=url)

    assert code(world.client.get(PLAN, headers=KEY)) == (503, "service-unavailable")


def test_a_service_that_is_silent_is_503(stack: ExitStack) -> None:
    release = Event()
    stack.callback(release.set)
    world = World(stack, service_seconds=0.2)
    world["bulkforward"].views["/contracts/0600001111/bulk-forward"] = lambda _: (release.wait(10), json({}))[1]

    response = world.client.get(PLAN, headers=KEY)

    assert code(response) == (503, "service-unavailable")


# --- history


def items(stream: str, *minutes: int) -> list[dict[str, Any]]:
    """Items newest first, at these minutes; the revisions count down to 1."""
    return [
        {"id": f"{stream}-0600001111@{len(minutes) - place}.0", "at": f"2026-11-23T09:{minute:02}:00+00:00"}
        for place, minute in enumerate(minutes)
    ]


def pages(all_items: list[dict[str, Any]], hidden: int = 0) -> Any:
    """A service's history; the first `hidden` pages are empty and have a next."""

    def view(request: Request) -> Response:
        limit, before = int(request.args["limit"]), request.args.get("before", "")
        if before.startswith("hidden") or (not before and hidden):
            left = int(before[6:] or 0) - 1 if before else hidden - 1
            return json({"items": [], "next": f"hidden{left}" if left else "9999999999.0000"})
        older = [item for item in all_items if not before or int(item["id"].split("@")[1][:-2]) < int(before[:10])]
        shown = older[:limit]
        following = f"{int(shown[-1]['id'].split('@')[1][:-2]):010d}.0000" if len(older) > limit else None
        return json({"items": shown, "next": following})

    return view


def told(world: World, **histories: Any) -> None:
    for name in world.services:
        world[name].views["/contracts/0600001111/history"] = histories.get(name, pages([]))


def history(world: World, query: str = "") -> dict[str, Any]:
    response = world.client.get(f"/api/v1/contracts/0600001111/history{query}", headers=KEY)
    assert response.status_code == 200
    return dict(jsonlib.loads(response.data))


def minutes(page: dict[str, Any]) -> list[int]:
    return [int(item["at"][14:16]) for item in page["items"]]


def test_histories_are_one_newest_first(world: World) -> None:
    told(world, auth=pages(items("contract", 50, 10)), bulkforward=pages(items("plan", 40, 20)))

    page = history(world)

    assert minutes(page) == [50, 40, 20, 10]
    assert page["next"] is None


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_together_are_the_whole_history(world: World, limit: int) -> None:
    told(
        world,
        auth=pages(items("contract", 50, 10)),
        bulkforward=pages(items("plan", 45, 40, 35, 30, 5), hidden=2),
        notify=pages(items("notice", 41, 8)),
    )

    seen, cursor = [], ""
    while cursor is not None:
        page = history(world, f"?limit={limit}" + (f"&before={cursor}" if cursor else ""))
        assert len(page["items"]) <= limit
        seen += minutes(page)
        cursor = page["next"]

    assert seen == [50, 45, 41, 40, 35, 30, 10, 8, 5]


def test_a_page_is_steady_while_new_items_come(world: World) -> None:
    told(world, auth=pages(items("contract", 50, 10)), bulkforward=pages(items("plan", 40, 20)))
    first = history(world, "?limit=2")
    told(world, auth=pages(items("contract", 59, 50, 10)), bulkforward=pages(items("plan", 58, 40, 20)))

    assert minutes(history(world, f"?limit=2&before={first['next']}")) == [20, 10]


def test_a_history_with_a_hole_is_not_shown(stack: ExitStack) -> None:
    world = World(stack, notify_url=nobody())
    told(world)

    response = world.client.get("/api/v1/contracts/0600001111/history", headers=KEY)

    assert code(response) == (503, "service-unavailable")


def test_a_refusal_of_one_service_is_the_answer(world: World) -> None:
    told(world, linewatch=lambda _: problem(404, "not-found"))

    response = world.client.get("/api/v1/contracts/0600001111/history", headers=KEY)

    assert code(response) == (404, "not-found")


@pytest.mark.parametrize("typed", ["06-0000-1111", "06 0000 1111", "０６００００１１１１", "+81600001111"])
def test_the_services_read_a_number_as_it_was_typed(world: World, typed: str) -> None:
    for name in ("auth", "linewatch", "bulkforward", "notify"):
        world[name].views[f"/contracts/{typed}/history"] = pages(items("contract", 50))

    response = world.client.get(f"/api/v1/contracts/{typed}/history", headers=KEY)

    assert len(jsonlib.loads(response.data)["items"]) == 4


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "before=%21", "before=e30x", "page=2", "before=eyJhIjoiIn0"]
)
def test_a_wrong_history_query_is_422(world: World, query: str) -> None:
    told(world)

    response = world.client.get(f"/api/v1/contracts/0600001111/history?{query}", headers=KEY)

    assert code(response) == (422, "invalid-query")


def test_a_number_has_a_history_of_its_own(world: World) -> None:
    world["auth"].views["/numbers/0600002222/history"] = pages(items("credential", 50, 10))
    world["voicewarp"].views["/numbers/0600002222/history"] = pages(items("voicewarp", 40))
    world["notify"].views["/numbers/0600002222/history"] = pages(items("incoming", 30))
    world["faxstore"].views["/numbers/0600002222/history"] = pages(items("faxmail", 20))

    response = world.client.get("/api/v1/numbers/0600002222/history", headers=KEY)

    assert minutes(jsonlib.loads(response.data)) == [50, 40, 30, 20, 10]


# --- logging in and out


def logged_in(*alive: str) -> View:
    """An exchange at auth for these sessions of one person."""

    def view(request: Request) -> Response:
        if request.get_json()["bearer"] not in alive:
            return problem(401, "token-invalid")
        return json({"token": jwt.encode({"sub": "0600001111"}, "x" * 32), "expires_in": 60})

    return view


def test_a_login_needs_no_token_and_its_answer_is_auths_own(world: World) -> None:
    world["auth"].views["/sessions"] = lambda _: json({"token": "tss_1"}, 201, Location="/sessions/s1")

    response = world.client.post("/api/v1/sessions", json={"number": "0600001111", "password": "x"}, headers=KEY)

    (asked,) = world["auth"].asked
    assert (asked.method, asked.path, jsonlib.loads(asked.body)["password"]) == ("POST", "/sessions", "x")
    assert "Authorization" not in asked.headers
    assert (response.status_code, response.headers["Location"]) == (201, "/api/v1/sessions/s1")


@pytest.mark.parametrize(("status", "of"), [(401, "login-failed"), (429, "too-many-attempts"), (503, "busy")])
def test_a_refused_login_is_refused_by_auth(world: World, status: int, of: str) -> None:
    refusal = problem(status, of)
    refusal.headers["Retry-After"] = "7"
    world["auth"].views["/sessions"] = lambda _: refusal

    response = world.client.post("/api/v1/sessions", json={})

    assert code(response) == (status, of)
    assert response.headers["Retry-After"] == "7"
    assert [asked.path for asked in world["auth"].asked] == ["/sessions"]


@pytest.mark.parametrize(("method", "path"), [("GET", "/sessions"), ("DELETE", "/sessions/s1"), ("PUT", "/password")])
def test_everything_else_about_sessions_needs_one(world: World, method: str, path: str) -> None:
    assert code(world.client.open(f"/api/v1{path}", method=method)) == (401, "token-missing")
    assert not world["auth"].asked


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", "/sessions/current"), ("DELETE", "/sessions/s2"), ("PUT", "/password")]
)
def test_whose_sessions_end_here_is_refused_at_once(world: World, method: str, path: str) -> None:
    world["auth"].views["/tokens"] = logged_in("tss_1", "tss_2")
    for session in ("tss_1", "tss_2"):
        world.client.get(PLAN, headers={"Authorization": f"Bearer {session}"})

    world["auth"].views["/tokens"] = logged_in()
    world.client.open(f"/api/v1{path}", method=method, headers={"Authorization": "Bearer tss_1"})

    for session in ("tss_1", "tss_2"):
        response = world.client.get(PLAN, headers={"Authorization": f"Bearer {session}"})
        assert code(response) == (401, "token-invalid")


def test_a_list_of_sessions_forgets_nobody(world: World) -> None:
    for _ in range(3):
        world.client.get("/api/v1/sessions", headers=KEY)

    assert [asked.path for asked in world["auth"].asked] == ["/tokens", *["/sessions"] * 3]


def test_so_many_logins_at_once_and_no_more(world: World) -> None:
    arrived, release = Semaphore(0), Event()

    def slow(_: Request) -> Response:
        arrived.release()
        assert release.wait(30)
        return json({}, 201)

    world["auth"].views["/sessions"] = slow

    def log_in(_: int) -> TestResponse:
        return world.client.application.test_client().post("/api/v1/sessions", json={})

    with ThreadPoolExecutor(MOST_HASHING) as threads:
        logins = threads.map(log_in, range(MOST_HASHING))
        assert all(arrived.acquire(timeout=10) for _ in range(MOST_HASHING))
        one_more, change = log_in(0), world.client.put("/api/v1/password", json={}, headers=KEY)
        other = world.client.get(PLAN, headers=KEY)
        release.set()
        assert {login.status_code for login in logins} == {201}

    assert code(one_more) == code(change) == (503, "busy")
    assert one_more.headers["Retry-After"]
    assert code(other) == (404, "not-found"), "the others go on"
    assert log_in(0).status_code == 201


# --- me

ME: dict[str, Any] = {
    "number": "0600001111",
    "unit": "line",
    "contract_number": "0600001111",
    "numbers": [
        {"number": "0600001111", "options": ["incoming-mail", "voicewarp"]},
        {"number": "0600002222", "options": ["fax-mail", "incoming-mail"]},
    ],
    "options": ["bulk-forward", "fault-notice"],
}
RUNNING = {"running": True, "cause": "manual", "since": "2026-11-23T09:00:00+09:00", "entries": {"0600001111": "..."}}


@pytest.fixture(name="told_me")
def a_world_that_knows_me(world: World) -> World:
    world["auth"].views["/me"] = lambda _: json(ME)
    world["bulkforward"].views["/contracts/0600001111/bulk-forward"] = lambda _: json(RUNNING)
    world["notify"].views["/contracts/0600001111/fault-notice"] = lambda _: json({"started": False, "addresses": []})
    world["notify"].views["/numbers/0600001111/incoming-mail"] = lambda _: json({"started": True, "addresses": []})
    world["notify"].views["/numbers/0600002222/incoming-mail"] = lambda _: json({"started": False, "addresses": []})
    world["faxstore"].views["/numbers/0600002222/fax-mail"] = lambda _: json({"started": True, "addresses": []})
    world["voicewarp"].views["/numbers/0600001111/voicewarp"] = lambda _: json({"started": False, "active": None})
    return world


def options_of_me(world: World) -> dict[str, Any]:
    response = world.client.get("/api/v1/me", headers=KEY | {"If-None-Match": "*"})
    assert response.status_code == 200
    return dict(jsonlib.loads(response.data)["options"])


def test_me_joins_what_is_contracted_with_its_state(told_me: World) -> None:
    me = jsonlib.loads(told_me.client.get("/api/v1/me", headers=KEY).data)

    assert me == ME | {
        "numbers": [
            {"number": "0600001111", "options": {"incoming-mail": {"started": True}, "voicewarp": {"started": False}}},
            {"number": "0600002222", "options": {"fax-mail": {"started": True}, "incoming-mail": {"started": False}}},
        ],
        "options": {
            "bulk-forward": {"running": True, "cause": "manual", "since": "2026-11-23T09:00:00+09:00"},
            "fault-notice": {"started": False},
        },
    }


def test_each_service_learns_for_whom_me_is_asked(told_me: World) -> None:
    options_of_me(told_me)

    for service, asked in [("auth", -1), ("bulkforward", 0), ("voicewarp", 0), ("notify", 0)]:
        assert told_me[service].asked[asked].headers["Authorization"] == "Bearer signed"


def down(request: Request) -> Response:
    return Response("<h1>oops", 502)


@pytest.mark.parametrize("answer", [down, lambda _: problem(404, "not-found"), lambda _: Response("<", 200)])
def test_a_service_that_cannot_tell_leaves_a_hole_in_me(told_me: World, answer: Any) -> None:
    told_me["notify"].views["/contracts/0600001111/fault-notice"] = answer

    options = options_of_me(told_me)

    assert options["fault-notice"] is None
    assert options["bulk-forward"]["running"]


def test_me_does_not_wait_for_a_service_that_is_not_there(stack: ExitStack) -> None:
    world = World(stack, bulkforward_url=nobody())
    world["auth"].views["/me"] = lambda _: json(ME | {"options": ["bulk-forward"]})

    assert options_of_me(world) == {"bulk-forward": None}


def test_an_answer_that_is_cut_off_leaves_a_hole_in_me(stack: ExitStack) -> None:
    url, _ = stack.enter_context(cutting(0, b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"running":'))
    world = World(stack, bulkforward_url=url)
    world["auth"].views["/me"] = lambda _: json(ME | {"options": ["bulk-forward"]})

    assert options_of_me(world) == {"bulk-forward": None}


def with_numbers(world: World, count: int, options: list[str]) -> list[str]:
    """Of this many numbers with these options me tells."""
    numbers = [f"06{number:08d}" for number in range(count)]
    me = ME | {"numbers": [{"number": number, "options": options} for number in numbers]}
    world["auth"].views["/me"] = lambda _: json(me)
    return numbers


def states_of_numbers(world: World) -> list[dict[str, Any]]:
    me = jsonlib.loads(world.client.get("/api/v1/me", headers=KEY).data)
    return [one["options"] for one in me["numbers"]]


def test_many_numbers_are_looked_at_together(told_me: World) -> None:
    all_there = Barrier(LOOKS_AT_A_TIME, timeout=10)

    def answer(_: Request) -> Response:
        all_there.wait()
        return json({"started": True})

    numbers = with_numbers(told_me, LOOKS_AT_A_TIME, ["voicewarp"])
    told_me["voicewarp"].views |= {f"/numbers/{number}/voicewarp": answer for number in numbers}

    assert states_of_numbers(told_me) == [{"voicewarp": {"started": True}}] * LOOKS_AT_A_TIME


def test_a_silent_service_is_waited_for_once_and_holds_up_no_other(stack: ExitStack, told_me: World) -> None:
    over = Event()
    stack.callback(over.set)

    def silent(_: Request) -> Response:
        over.wait(30)
        return json({})

    numbers = with_numbers(told_me, 3 * LOOKS_AT_A_TIME, ["incoming-mail", "voicewarp"])
    told_me["voicewarp"].views |= {f"/numbers/{number}/voicewarp": silent for number in numbers}
    told_me["notify"].views |= {f"/numbers/{one}/incoming-mail": lambda _: json({"started": True}) for one in numbers}
    began = time.monotonic()

    states = states_of_numbers(told_me)

    assert states == [{"incoming-mail": {"started": True}, "voicewarp": None}] * len(numbers)
    assert time.monotonic() - began < 2 * STATE_SECONDS
    assert len(told_me["voicewarp"].asked) <= LOOKS_AT_A_TIME


@pytest.mark.parametrize(("status", "of"), [(403, "password-change-required"), (401, "token-invalid")])
def test_who_may_not_see_me_gets_the_services_own_refusal(world: World, status: int, of: str) -> None:
    world["auth"].views["/me"] = lambda _: problem(status, of)

    assert code(world.client.get("/api/v1/me", headers=KEY)) == (status, of)
    assert code(world.client.get("/api/v1/me")) == (401, "token-missing")


# --- pages, health, hardening


def test_ready_means_that_auth_answers(stack: ExitStack) -> None:
    assert World(stack).client.get("/health/ready").status_code == 200
    assert World(stack, auth_url=nobody()).client.get("/health/ready").status_code == 503
    assert World(stack, auth_url=nobody()).client.get("/health/live").status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/docs", "/api/v1/nowhere", PLAN, "/health/live", "/static/1/site.css", "/nowhere"]
)
def test_every_answer_is_hardened(world: World, path: str) -> None:
    headers = world.client.get(path).headers

    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Strict-Transport-Security"]


def test_the_first_page_is_for_who_is_logged_in(world: World) -> None:
    answer = world.client.get("/")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")


def test_requests_are_measured_by_route_template(world: World) -> None:
    world.client.get(PLAN, headers=KEY)

    shown = exposition()[0].decode()

    assert 'route="/api/v1/contracts/<contract_number>/bulk-forward",status="404"' in shown


def test_a_key_in_the_body_of_pagerdutys_kind_is_exchanged(world: World) -> None:
    world["linewatch"].views["/line-events/pagerduty"] = lambda _: json({}, 202)
    body = {"routing_key": KEY["Authorization"].removeprefix("Bearer "), "event_action": "trigger"}

    answer = world.client.post("/api/v1/line-events/pagerduty", json=body)

    assert answer.status_code == 202
    (asked,) = world["linewatch"].asked
    assert asked.headers["Authorization"] not in (KEY["Authorization"], "")
    assert b"routing_key" in asked.body
    assert code(world.client.post("/api/v1/line-events/alertmanager", json=body)) == (401, "token-missing")
