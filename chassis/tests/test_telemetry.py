import io
import json
import logging
import socket
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from chassis import telemetry
from chassis.telemetry import configure_logging, exposition, masked
from chassis.testing import counted

Lines = Callable[[], list[dict[str, Any]]]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(name="lines")
def captured() -> Iterator[Lines]:
    stream = io.StringIO()
    handlers, level = logging.getLogger().handlers, logging.getLogger().level
    configure_logging("linewatch", "INFO", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.getLogger().handlers = handlers
    logging.getLogger().setLevel(level)


def test_a_line_is_one_json_object(lines: Lines) -> None:
    structlog.get_logger().info("line-faulted", count=2, note="two\nlines \x1b[31m")

    (line,) = lines()
    assert (line["level"], line["service"], line["event"], line["count"]) == ("info", "linewatch", "line-faulted", 2)
    assert line["note"] == "two\nlines \x1b[31m"


def test_the_correlation_id_is_on_every_line(lines: Lines) -> None:
    structlog.contextvars.bind_contextvars(correlation_id="c-1")

    structlog.get_logger().info("anything")

    assert lines()[0]["correlation_id"] == "c-1"


def test_below_the_level_nothing_is_written(lines: Lines) -> None:
    structlog.get_logger().debug("detail")

    assert lines() == []


def test_a_traceback_is_masked_too(lines: Lines) -> None:
    try:
        raise ValueError("no plan for 06-0000-1111 of a.b@example.jp")
    except ValueError:
        structlog.get_logger().exception("failed")

    assert "ValueError: no plan for ********11 of ***@***" in lines()[0]["exception"]


def test_libraries_speak_json_too(lines: Lines) -> None:
    logging.getLogger("kafka.client").warning("lost %s", "0600001111")

    (line,) = lines()
    assert (line["event"], line["logger"], line["level"]) == ("lost ********11", "kafka.client", "warning")


def test_a_lone_surrogate_does_not_stop_the_log(lines: Lines) -> None:
    structlog.get_logger().info("odd", text="\ud800")

    assert lines()[0]["event"] == "odd"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("0600001111", "********11"),
        ("06-0000-1111", "********11"),
        ("plan-0600001111@3", "plan-********11@3"),
        ("09012345678", "********78"),
        ("０６００００１１１１", "********１１"),
        ("+81-6-0000-1111", "********11"),
        ("+81600001111", "********11"),
        ("tell a.b+c@example.co.jp now", "tell ***@*** now"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
        ("2026-11-23T09:00:00.012345Z", "2026-11-23T09:00:00.012345Z"),
        ("0193b0a0600001111", "0193b0a0600001111"),
        ("line 120, port 27017", "line 120, port 27017"),
    ],
)
def test_personal_data_is_masked_and_the_rest_left(said: str, shown: str) -> None:
    assert masked(said) == shown


def test_masking_reaches_into_containers_and_keys() -> None:
    assert masked({"0600001111": [("a@b.jp", 1.5, None)]}) == {"********11": [["***@***", 1.5, None]]}


def test_metrics_are_in_prometheus_text() -> None:
    body, content_type = exposition()

    assert content_type.startswith("text/plain")
    assert b"# TYPE http_request_duration_seconds histogram" in body


def test_events_are_counted_by_type_once_a_batch() -> None:
    telemetry.appended(["DoorOpened", "DoorShut", "DoorOpened"])

    tally = [counted("events_appended_total", type=name) for name in ("DoorOpened", "DoorShut")]
    assert tally == [2, 1]


def test_only_a_mail_that_went_out_tells_how_long_the_fault_was_unknown() -> None:
    before = counted("fault_to_mail_seconds_count")

    telemetry.mailed("fault", "postponed")
    telemetry.mailed("fault", "sent", datetime.now(UTC))

    assert counted("fault_to_mail_seconds_count") == before + 1


def test_to_be_asked_for_metrics_is_no_line(lines: Lines) -> None:
    port = free_port()
    telemetry.serve(f"127.0.0.1:{port}", telemetry.web_app)

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        assert answer.status == 200

    assert lines() == []
