"""How gunicorn serves every web process of ours: `gunicorn -c chassis/gunicorn_conf.py "<module>:create_app()"`.

One process with threads: requests wait for engines, not for the processor, and more processes are made by running
more containers. Nothing is loaded before the fork, because clients of MongoDB do not survive one.
"""

import json
import logging
import shutil
import sys
import tempfile
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# gunicorn reads this file before it puts the working directory on the path.
sys.path.insert(0, str(Path(__file__).parents[1]))

from gunicorn.glogging import Logger

from chassis.garbage import collect_now_and_then, collect_seldom
from chassis.settings import read, variable


@dataclass(frozen=True)
class WebSettings:
    """What a web process takes from its environment beside its service's settings."""

    bind: str = variable("host:port to listen on.")
    web_threads: int = variable("Requests answered at the same time.", default=8)
    metrics_bind: str = variable(
        "host:port on which /metrics is shown too. The gateway, whose own port is public, shows it nowhere else.",
        default="",
    )
    log_level: str = variable("debug, info, warning or error.", default="info")
    prometheus_multiproc_dir: str = variable(
        "Folder for this process kind's metrics, wiped at the start. Empty: one of its own, removed at the end.",
        default="",
    )


class JsonLines(logging.Formatter):
    """gunicorn's own lines in the shape of ours. The master has no service's logging, and needs no more than this."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "service": "gunicorn",
            "event": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class NoAccessLog(Logger):  # type: ignore[misc]
    """Our applications tell of each request themselves; gunicorn would gather all that its own line might say first."""

    def access(self, *_: Any) -> None: ...


def _metrics_folder(given: str) -> Path:
    if not given:
        return Path(tempfile.mkdtemp(prefix="tsunagu-metrics-"))
    folder = Path(given)
    folder.mkdir(parents=True, exist_ok=True)
    # Files of processes that are gone would be counted for ever, and slow every scrape.
    for leftover in folder.glob("*.db"):
        leftover.unlink(missing_ok=True)
    return folder


settings = read(WebSettings)
metrics_folder = _metrics_folder(settings.prometheus_multiproc_dir)

bind = [settings.bind]
workers = 1
worker_class = "chassis.serving.Worker"
threads = settings.web_threads
preload_app = False
# Longer than the gateway's pools keep a connection, so that a reused one is hardly ever closed at this end.
keepalive = 75
# A token names every number of its caller, and a contract may have a thousand.
limit_request_field_size = 32 * 1024
timeout = 30
graceful_timeout = 25
control_socket_disable = True
raw_env = [f"PROMETHEUS_MULTIPROC_DIR={metrics_folder}"]
if Path("/dev/shm").is_dir():
    # A worker's heartbeat on a busy disk may come late, and the master would kill it.
    worker_tmp_dir = "/dev/shm"

loglevel = settings.log_level
logger_class = NoAccessLog
logconfig_dict: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": JsonLines}},
    "handlers": {"lines": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "json"}},
    "root": {"level": "WARNING", "handlers": ["lines"]},
    "loggers": {
        "gunicorn.error": {"level": settings.log_level.upper(), "handlers": ["lines"], "propagate": False},
        "gunicorn.access": {"level": "ERROR", "handlers": ["lines"], "propagate": False},
    },
}


def post_worker_init(worker: Any) -> None:
    """The application is loaded: a list of a thousand reports makes its objects in one go, as a worker's batch does."""
    collect_seldom()
    threading.Thread(target=collect_now_and_then, args=(threading.Event().wait,), name="garbage", daemon=True).start()
    # Not sooner: the metrics' library looks at its first import where the processes' files are.
    from chassis import telemetry

    telemetry.WEB_THREADS.set(settings.web_threads)
    if settings.metrics_bind:
        telemetry.serve(settings.metrics_bind, telemetry.web_app)


def child_exit(server: Any, worker: Any) -> None:
    """Drops the live gauges of a worker that ended."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    """Leaves nothing behind."""
    if not settings.prometheus_multiproc_dir:
        shutil.rmtree(metrics_folder, ignore_errors=True)
