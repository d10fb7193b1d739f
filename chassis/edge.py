"""What every HTTP process of ours does in the same way: errors, correlation id, metrics, log line, health.

The services build on it in `chassis.web`, the gateway uses it directly.
"""

import re
import time
import uuid
from collections.abc import Callable, Mapping

import flask
import structlog
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import ClientDisconnected

from chassis import problems, telemetry
from chassis.access import public
from chassis.errors import TooLarge

# The same as in pyproject.toml; a test compares them.
VERSION = "0.1.0"
Checks = Mapping[str, Callable[[], None]]

_CORRELATION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
_COUNTED = "tsunagu.counted"
# Asked every few seconds by machines; a line for each would bury the rest.
_QUIET_ROUTES = frozenset({"/health/live", "/health/ready", "/metrics"})


def bare_app(
    name: str, *, ready: Checks, max_body: int, words: problems.Words | None = None, public_port: bool = False
) -> flask.Flask:
    """A Flask app without routes of its own but /health/live, /health/ready and /metrics.

    What anyone can reach, a `public_port`, does not show metrics.

    Each check of `ready` raises when what it names cannot be used; the error becomes the answer (Unavailable: 503).
    A view may raise the limit of `max_body` bytes for itself (`chassis.bodies.accepts_up_to`).
    """
    app = flask.Flask(name, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = max_body
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.before_request(_begin)
    app.teardown_request(_end)
    app.before_request(_limit_body)
    app.after_request(_finish)
    app.after_request(_read_rest)
    app.after_request(_name_no_type_of_nothing)
    problems.install(app, words or {})
    _add_health(app, ready)
    if not public_port:
        _add_metrics(app)
    telemetry.BUILD.labels(name, VERSION).set(1)
    return app


def correlation_id() -> str:
    """The id that joins all that one request causes: the caller's X-Correlation-ID, or one made for it."""
    known: str = flask.g.correlation_id
    return known


def _begin() -> None:
    flask.request.environ[_COUNTED] = True
    telemetry.IN_PROGRESS.inc()
    flask.g.started = time.perf_counter()
    said = flask.request.headers.get("X-Correlation-ID", "")
    flask.g.correlation_id = said if _CORRELATION_ID.fullmatch(said) else uuid.uuid4().hex
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(correlation_id=flask.g.correlation_id)


def _end(_error: BaseException | None) -> None:
    if flask.request.environ.pop(_COUNTED, False):
        telemetry.IN_PROGRESS.dec()


def _limit_body() -> None:
    request = flask.request
    view = flask.current_app.view_functions.get(request.endpoint or "")
    own_limit = getattr(view, "max_body", None)
    if own_limit is not None:
        request.max_content_length = own_limit
    if request.content_length is not None and request.content_length > (request.max_content_length or 0):
        raise TooLarge("body-too-large")


def _read_rest(response: flask.Response) -> flask.Response:
    """gunicorn closes a connection with an unread body, and the other side may just be sending the next request."""
    request = flask.request
    if 0 < (request.content_length or 0) <= flask.current_app.config["MAX_CONTENT_LENGTH"]:
        try:
            while request.stream.read(65536):
                pass
        except (OSError, ClientDisconnected):
            pass  # Nobody is there to send anything.
    return response


def _name_no_type_of_nothing(response: flask.Response) -> flask.Response:
    """An answer that will never have a body has no type either; to HEAD it has that of what GET would answer."""
    if flask.request.method != "HEAD" and not response.is_streamed and not response.get_data():
        response.headers.pop("Content-Type", None)
    return response


def _finish(response: flask.Response) -> flask.Response:
    request = flask.request
    seconds = time.perf_counter() - flask.g.started
    route = str(request.url_rule) if request.url_rule else "unmatched"
    method = request.method if request.method in _METHODS else "other"
    telemetry.REQUEST_SECONDS.labels(method, route, str(response.status_code)).observe(seconds)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("X-Correlation-ID", correlation_id())
    if route not in _QUIET_ROUTES:
        structlog.get_logger().info(
            "request", method=method, route=route, status=response.status_code, ms=round(seconds * 1000, 1)
        )
    return response


def _add_health(app: flask.Flask, ready: Checks) -> None:
    @app.get("/health/live")
    @public
    def live() -> ResponseReturnValue:
        return _fresh({"status": "ok"})

    @app.get("/health/ready")
    @public
    def is_ready() -> ResponseReturnValue:
        for check in ready.values():
            check()
        return _fresh({"status": "ok"})


def _add_metrics(app: flask.Flask) -> None:
    @app.get("/metrics")
    @public
    def metrics() -> ResponseReturnValue:
        body, content_type = telemetry.exposition()
        return flask.Response(body, content_type=content_type, headers={"Cache-Control": "no-store"})


def _fresh(body: dict[str, str]) -> ResponseReturnValue:
    return body, {"Cache-Control": "no-store"}
