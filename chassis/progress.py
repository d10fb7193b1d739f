"""What a worker tells of its progress: metrics, and the small web application that shows them.

Each is told once a batch: a storm brings a thousand events a second.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from wsgiref.types import StartResponse, WSGIEnvironment

from kafka import TopicPartition
from prometheus_client import REGISTRY, Counter, Gauge, Histogram, make_wsgi_app

from chassis.messages import Recorded

# A worker whose consumer has not come round for this long is stuck and is better started anew.
STUCK_SECONDS = 300.0
DELAYS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300)


class Backlog:
    """What one task has in its hands: how much it is, and how old the oldest of it is now; 0 while that is nothing.

    What a failing task has taken stays in its hands, and so grows older. `delay` is told how old the oldest of each
    batch was when it was done.
    """

    def __init__(self, count: Gauge, age: Gauge, delay: Histogram | None = None) -> None:
        self._count, self._delay, self._oldest = count, delay, 0.0
        age.set_function(self._age)

    def take(self, count: int, oldest: float) -> None:
        """`oldest` in seconds since 1970; whatever was in its hands before is replaced."""
        self._oldest = oldest if count else 0.0
        self._count.set(count)

    def take_events(self, events: Sequence[Recorded]) -> None:
        self.take(len(events), events[0].at.timestamp() if events else 0.0)

    def done(self) -> None:
        if self._oldest and self._delay:
            self._delay.observe(self._age())
        self.take(0, 0.0)

    def _age(self) -> float:
        return max(0.0, time.time() - self._oldest) if self._oldest else 0.0


CONSUMED = Counter("consumer_records", "Kafka records carried out.")
BATCHES = Histogram("consumer_batch_records", "Kafka records of one batch.", buckets=(1, 10, 50, 100, 250, 500, 2000))
IN_HAND = Backlog(
    Gauge("consumer_unprocessed_records", "Kafka records of the batch that is being carried out."),
    Gauge("consumer_oldest_unprocessed_seconds", "Age of the oldest record of the batch that is being carried out."),
    Histogram("consumer_delay_seconds", "From writing to Kafka to the effect, oldest of each batch.", buckets=DELAYS),
)
OUTBOX = Backlog(
    Gauge("outbox_pending", "Own events that are being published."),
    Gauge("outbox_oldest_age_seconds", "Age of the oldest own event that is being published."),
    Histogram("outbox_delay_seconds", "From commit to Kafka's acknowledgement, oldest of each batch.", buckets=DELAYS),
)
PROJECTION = Backlog(
    Gauge("projection_lag_events", "Own events that are being folded into the lists."),
    Gauge("projection_lag_seconds", "Age of the oldest own event that is being folded into the lists."),
    Histogram(
        "projection_delay_seconds", "From commit to the lists that show it, oldest of each batch.", buckets=DELAYS
    ),
)
MAILS = Backlog(
    Gauge("mails_due", "Mails whose time has come, as far as the sender looks ahead."),
    Gauge("mail_oldest_due_seconds", "How long the mail that is due for longest has been."),
)
PUBLISHED = Counter("relay_events_published", "Events that Kafka has acknowledged.")
PUBLISH_FAILURES = Counter("outbox_publish_failures", "Batches of own events that Kafka did not acknowledge.")
DEAD_LETTERS = Counter("dead_letters", "Messages that could never be carried out.", ("topic",))
LETTERS_WAITING = Gauge("dead_letters_waiting", "Dead letters that this service has not taken again.", ("topic",))
LAG = Gauge("kafka_consumer_lag", "Records that the group has not committed yet.", ("group", "topic", "partition"))
INTERRUPTED = Counter("task_interruptions", "Runs of a task that ended early and were begun again.", ("task",))
INTERRUPTED_AT = Gauge("task_last_interruption_timestamp_seconds", "When a run of a task last ended early.", ("task",))
PREPARED = Gauge("worker_prepared", "1 once the service's indexes are there, before which no task begins.")
TASK_TURNED = Gauge("task_last_turn_timestamp_seconds", "When a task that runs here last came round.", ("task",))
TURNED_AT = Gauge("consumer_last_turn_timestamp_seconds", "When the consumer last came round.")
DATABASE = Gauge("mongo_database_bytes", "The service's own database on disk.", ("part",))
DISK = Gauge("mongo_disk_used_ratio", "How full the disk of the database's files is.")


def consumer_turned() -> None:
    TURNED_AT.set(time.time())


def interrupted(task: str) -> None:
    INTERRUPTED.labels(task).inc()
    INTERRUPTED_AT.labels(task).set(time.time())


def consumed(records: int) -> None:
    """The batch in hand is done."""
    CONSUMED.inc(records)
    BATCHES.observe(records)
    IN_HAND.done()


def not_leading() -> None:
    """The led tasks run elsewhere from now on, so nothing of theirs is in this process' hands."""
    for backlog in (OUTBOX, PROJECTION, MAILS):
        backlog.take(0, 0.0)


def behind(group: str, committed: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]) -> None:
    """How far a group is behind the ends of its topics' partitions; it begins at 0."""
    for place, end in ends.items():
        LAG.labels(group, place.topic, place.partition).set(max(0, end - committed.get(place, 0)))


def stored(data: float, indexes: float, disk_used: float) -> None:
    """What the service's database takes in bytes, and how full its disk is, from 0 to 1."""
    DATABASE.labels("data").set(data)
    DATABASE.labels("indexes").set(indexes)
    DISK.set(disk_used)


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
