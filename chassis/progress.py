"""What a worker tells of its progress: metrics, and the small web application that shows them."""

import time
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, make_wsgi_app

# A worker whose consumer has not come round for this long is stuck and is better started anew.
STUCK_SECONDS = 300.0

CONSUMED = Counter("consumer_records", "Kafka records carried out.")
BATCHES = Histogram("consumer_batch_records", "Kafka records of one batch.", buckets=(1, 10, 50, 100, 250, 500))
PUBLISHED = Counter("relay_events_published", "Events that Kafka has acknowledged.")
DEAD_LETTERS = Counter("dead_letters", "Messages that could never be carried out.", ["topic"])
INTERRUPTED = Counter("task_interruptions", "Runs of a task that ended early and were begun again.", ["task"])
INTERRUPTED_AT = Gauge("task_last_interruption_timestamp_seconds", "When a run of a task last ended early.", ["task"])
PREPARED = Gauge("worker_prepared", "1 once the service's indexes are there, before which no task begins.")
TURNED_AT = Gauge("consumer_last_turn_timestamp_seconds", "When the consumer last came round.")
OLDEST = Gauge("consumer_oldest_unprocessed_seconds", "Age of the oldest event of the last batch when it was done.")


def consumer_turned() -> None:
    TURNED_AT.set(time.time())


def interrupted(task: str) -> None:
    INTERRUPTED.labels(task).inc()
    INTERRUPTED_AT.labels(task).set(time.time())


def consumed(records: int, oldest_timestamp_ms: int) -> None:
    CONSUMED.inc(records)
    BATCHES.observe(records)
    OLDEST.set(max(0.0, time.time() - oldest_timestamp_ms / 1000))


def worker_app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """/metrics, /health/live and /health/ready of a worker.

    Live is false only when its consumer is stuck: one that tries in vain to reach an engine is not, as a new start
    would not bring that back. Ready is besides false until the indexes are there.
    """
    match environ.get("PATH_INFO"):
        case "/metrics":
            return make_wsgi_app()(environ, start_response)  # type: ignore[no-any-return]
        case "/health/live":
            return _state(start_response, "stuck" if _is_stuck() else "up")
        case "/health/ready":
            return _state(
                start_response, "stuck" if _is_stuck() else "up" if _sample("worker_prepared") else "preparing"
            )
        case _:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"not found"]


def _is_stuck() -> bool:
    turned_at = _sample("consumer_last_turn_timestamp_seconds")
    tried_at = max(turned_at, _sample("task_last_interruption_timestamp_seconds", task="consumer"))
    return turned_at > 0 and time.time() - tried_at > STUCK_SECONDS


def _sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def _state(start_response: StartResponse, state: str) -> Iterable[bytes]:
    start_response("200 OK" if state == "up" else "503 Service Unavailable", [("Content-Type", "application/json")])
    return [f'{{"status":"{state}"}}'.encode()]
