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
TURNED_AT = Gauge("consumer_last_turn_timestamp_seconds", "When the consumer last came round.")
OLDEST = Gauge("consumer_oldest_unprocessed_seconds", "Age of the oldest event of the last batch when it was done.")


def consumer_turned() -> None:
    TURNED_AT.set(time.time())


def consumed(records: int, oldest_timestamp_ms: int) -> None:
    CONSUMED.inc(records)
    BATCHES.observe(records)
    OLDEST.set(max(0.0, time.time() - oldest_timestamp_ms / 1000))


def worker_app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """/metrics, /health/live and /health/ready of a worker. Live is false only when its consumer is stuck."""
    match environ.get("PATH_INFO"):
        case "/metrics":
            return make_wsgi_app()(environ, start_response)  # type: ignore[no-any-return]
        case "/health/live" | "/health/ready":
            turned_at = REGISTRY.get_sample_value("consumer_last_turn_timestamp_seconds") or 0.0
            stuck = turned_at > 0 and time.time() - turned_at > STUCK_SECONDS
            start_response("503 Service Unavailable" if stuck else "200 OK", [("Content-Type", "application/json")])
            return [b'{"status":"stuck"}' if stuck else b'{"status":"up"}']
        case _:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"not found"]
