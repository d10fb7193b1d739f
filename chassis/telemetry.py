"""What a process tells its operators: one line of JSON per event, and the metrics that all processes share.

Phone numbers and mail addresses are personal: a last step masks them in every value, tracebacks included, so that no
single log call has to remember it.
"""

import logging
import re
import sys
import threading
import time
from collections import Counter as Tally
from collections.abc import Iterable, Mapping, MutableMapping
from datetime import datetime
from typing import Any, TextIO
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import msgspec
import structlog
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
    multiprocess,
)
from werkzeug.serving import WSGIRequestHandler, make_server

REQUEST_SECONDS = Histogram(
    "http_request_duration_seconds",
    "Time until the answer's headers, by route template.",
    ("method", "route", "status"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 0.5, 1, 2.5, 5, 10),  # 0.3: the SLO.
)
IN_PROGRESS = Gauge("http_requests_in_progress", "Requests that are being answered.", multiprocess_mode="livesum")
WEB_THREADS = Gauge("http_threads", "Requests that can be answered at the same time.", multiprocess_mode="livesum")
BUILD = Gauge("build_info", "1, with the service and its version.", ("service", "version"), multiprocess_mode="livemax")
CALL_DECISIONS = Counter("call_decisions", "Answers to the telephone switch, by reason.", ("reason",))
LOGIN_FAILURES = Counter("login_failures", "Tries of a password that opened nothing, by why.", ("reason",))
MAIL_SENT = Counter(
    "mail_sent", "Tries to send a mail, by what it tells of and by what came of it.", ("kind", "result")
)
COMMANDS_REJECTED = Counter("command_rejected", "Commands that a rule refused, by code.", ("code",))
EVENTS_APPENDED = Counter("events_appended", "Events that became durable here, by type.", ("type",))
CONFLICTS = Counter("concurrency_conflicts", "Commits that somebody else was faster than; they are decided again.")
FAULT_TO_FORWARD = Histogram(
    "fault_to_forward_seconds",
    "From the commit of a line's fault until bulk forwarding that it started is durable.",
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300),
)
FAULT_TO_MAIL = Histogram(
    "fault_to_mail_seconds",
    "From a line's fault, as monitoring told its time unless late, until a mail server has the mail of it.",
    buckets=(0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900),
)

INGEST_ITEMS = Counter(
    "ingest_items", "Reports of monitoring systems, by format and by what became of them.", ("source_kind", "result")
)
INGEST_TRUNCATED = Counter("ingest_truncated_alerts", "Alerts that senders left out of their bodies.", ("source_kind",))
# By the API key and not by what senders call themselves, because operators make the keys and nobody else.
INGEST_LAST = Gauge(
    "ingest_last_seen_timestamp_seconds",
    "When a format was last heard with an API key; silence is for operators to notice.",
    ("source_kind", "key"),
    multiprocess_mode="max",
)

MONGO_IN_USE = Gauge("mongo_pool_in_use", "Connections that are being used.", multiprocess_mode="livesum")
MONGO_OPEN = Gauge("mongo_pool_open", "Connections that are open.", multiprocess_mode="livesum")
MONGO_WAIT = Histogram(
    "mongo_pool_wait_seconds", "Time until a connection was to be had.", buckets=(0.001, 0.01, 0.1, 0.5, 1, 5)
)
MONGO_WAIT_FAILURES = Counter("mongo_pool_wait_failures", "Connections that were not to be had.")

_EventDict = MutableMapping[str, Any]

# Digits with an ASCII letter at their side are part of an id or a hash, not a phone number.
_NUMBER = re.compile(
    r"(?<![0-9A-Za-z])(?:\+81[-\s]?|[0０])(?:\d{9,10}|\d{1,4}[-‐－\s]\d{1,4}[-‐－\s]\d{3,4}|\d{8})(?![0-9A-Za-z])"
)
# `plan-...@3` names a commit; only digits follow there.
_ADDRESS = re.compile(r"[^\s@<>\"'(),:;\[\]]+@(?!\d+(?:[^\w.-]|$))[^\s@<>\"'(),:;\[\]]+")
_SECRET = re.compile(r"(?i)\bbearer\s+[\w.~+/=-]+")


def configure_logging(service: str, level: str, stream: TextIO | None = None) -> None:
    """One JSON object a line on `stream`, by default stdout, from structlog and from libraries' standard loggers alike.

    Keys: ts (UTC), level, service, event, correlation_id where there is one, then the event's own fields.
    """
    chain: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        _named(service),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _mask,
        _order,
    ]
    threshold = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[*chain, _render],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: _Lines(stream or sys.stdout),
        cache_logger_on_first_use=True,
    )
    _configure_libraries(chain, threshold, stream or sys.stdout)


def _configure_libraries(chain: list[structlog.typing.Processor], threshold: int, stream: TextIO) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *chain, _render],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    # What libraries say below a warning is about their own working, and Kafka's and MongoDB's say it often.
    root.setLevel(max(threshold, logging.WARNING))
    # While Kafka is away these say so many times a second; our own lines say it once a try.
    for name in ("kafka.net", "kafka.cluster", "kafka.producer.sender", "kafka.coordinator"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    for name in ("gunicorn.error", "gunicorn.access"):
        ours = logging.getLogger(name)
        ours.handlers, ours.propagate = [], True
    logging.getLogger("gunicorn.error").setLevel(threshold)


class _Lines:
    """Writes lines and never raises: a full disk under a log file must not turn answers into errors."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            pass

    debug = info = warning = error = critical = exception = fatal = log = msg


def _named(service: str) -> structlog.typing.Processor:
    def add_service(_logger: Any, _method: str, event: _EventDict) -> _EventDict:
        event["service"] = service
        return event

    return add_service


def _mask(_logger: Any, _method: str, event: _EventDict) -> _EventDict:
    return {key: value if key in ("ts", "level", "service") else masked(value) for key, value in event.items()}


def _order(_logger: Any, _method: str, event: _EventDict) -> _EventDict:
    first = ("ts", "level", "service", "event", "correlation_id")
    return {key: event[key] for key in first if key in event} | {k: v for k, v in event.items() if k not in first}


def _render(_logger: Any, _method: str, event: _EventDict) -> str:
    return msgspec.json.encode(event).decode()


def masked(value: Any) -> Any:
    """The value with phone numbers (last two digits stay), mail addresses and bearer tokens made unreadable.

    Containers are walked; anything that is not plain data is shown by its masked repr. Plain numbers stay as they are.
    """
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return _masked_text(value)
        case Mapping():
            return {_masked_text(str(key)): masked(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [masked(item) for item in value]
        case _:
            return _masked_text(repr(value))


def _masked_text(text: str) -> str:
    # A lone surrogate cannot be written as UTF-8; it must not stop the line.
    safe = text.encode("utf-8", "backslashreplace").decode()
    return _NUMBER.sub(lambda found: "*" * 8 + found[0][-2:], _ADDRESS.sub("***@***", _SECRET.sub("Bearer ***", safe)))


def appended(types: Iterable[str]) -> None:
    """Events of these types became durable, each named as often as it did."""
    for name, count in Tally(types).items():
        EVENTS_APPENDED.labels(name).inc(count)


def forwarded(faulted_at: datetime) -> None:
    """Bulk forwarding that the fault started is durable."""
    FAULT_TO_FORWARD.observe(max(0.0, time.time() - faulted_at.timestamp()))


def mailed(kind: str, result: str, faulted_at: datetime | None = None) -> None:
    """A try to send a mail came to an end; `faulted_at` of the fault that it told of, where it went out."""
    MAIL_SENT.labels(kind, result).inc()
    if faulted_at:
        FAULT_TO_MAIL.observe(max(0.0, time.time() - faulted_at.timestamp()))


def ingested(kind: str, key: str, results: Mapping[str, int]) -> None:
    """A body of reports was taken, with so many results of each kind."""
    for result, count in results.items():
        INGEST_ITEMS.labels(kind, result).inc(count)
    INGEST_LAST.labels(kind, key).set(time.time())


class _Quiet(WSGIRequestHandler):
    """Asked every few seconds by machines; a line for each would bury the rest. Errors are told."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None: ...


def serve(bind: str, app: WSGIApplication) -> None:
    """Answers with `app` at host:port, beside the process' own work and until its end."""
    host, _, port = bind.rpartition(":")
    server = make_server(host, int(port), app, threaded=True, request_handler=_Quiet)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()


def web_app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """/metrics of a web process, and nothing else: for a port that only those who run it can reach."""
    if environ.get("PATH_INFO") != "/metrics":
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"not found"]
    body, content_type = exposition()
    start_response("200 OK", [("Content-Type", content_type)])
    return [body]


def exposition() -> tuple[bytes, str]:
    """The metrics of this process kind in Prometheus' text format, and their content type.

    Under gunicorn they are gathered from the files of all its processes; elsewhere from this process.
    """
    return generate_latest(_registry()), CONTENT_TYPE_LATEST


def _registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    try:
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    except ValueError:  # No PROMETHEUS_MULTIPROC_DIR: this process counts alone.
        return REGISTRY
    ProcessCollector(registry=registry)
    return registry
