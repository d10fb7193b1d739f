"""The gateway as it runs: under gunicorn, in a process of its own."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3

from gateway.tests.upstreams import nobody

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SECONDS = 30


@dataclass
class Gateway:
    process: subprocess.Popen[str]
    port: int
    metrics: str
    temporary: Path

    def get(self, path: str) -> urllib3.BaseHTTPResponse:
        return urllib3.request("GET", f"http://127.0.0.1:{self.port}{path}", retries=False)

    def raw(self, request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS) as connection:
            connection.sendall(request)
            return connection.makefile("rb").read()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline


def lives(gateway: Gateway) -> bool:
    assert gateway.process.poll() is None
    try:
        return gateway.get("/health/live").status == 200
    except urllib3.exceptions.HTTPError:
        return False


@pytest.fixture(name="gateway", scope="module")
def a_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    url, port, temporary = nobody(), int(nobody().rpartition(":")[2]), tmp_path_factory.mktemp("gateway")
    metrics = nobody()
    environment = dict.fromkeys(
        ("AUTH_URL", "IVR_URL", "LINEWATCH_URL", "BULKFORWARD_URL", "VOICEWARP_URL", "NOTIFY_URL", "FAXSTORE_URL"), url
    )
    environment |= {"METRICS_BIND": metrics.removeprefix("http://")}
    environment |= {"BIND": f"127.0.0.1:{port}", "TMPDIR": str(temporary), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-m", "gunicorn", "-c", "chassis/gunicorn_conf.py", "gateway.bootstrap:create_app()"]
    with (temporary / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, text=True)
    gateway = Gateway(process, port, metrics, temporary)
    try:
        until(lambda: lives(gateway))
        yield gateway
    finally:
        process.terminate()
        process.wait(SECONDS)


def test_metrics_are_gathered_over_processes_on_a_port_of_their_own(gateway: Gateway) -> None:
    gateway.get("/api/v1/lines/0600001111")

    shown = urllib3.request("GET", f"{gateway.metrics}/metrics").data.decode()

    assert 'route="/api/v1/lines/<contract_number>",status="401"' in shown
    assert 'build_info{service="gateway"' in shown
    assert gateway.get("/metrics").status == 404
    assert urllib3.request("GET", f"{gateway.metrics}/health/live").status == 404


BOTH_LENGTHS = (
    b"POST /api/v1/line-events HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
)


def test_a_body_with_two_lengths_is_refused(gateway: Gateway) -> None:
    answer = gateway.raw(BOTH_LENGTHS)

    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    "rest", [b"1\r\nxx\r\n0\r\n\r\n", b"0\r\nAuthorization: x\r\n\r\n", b"-1\r\n0\r\n\r\n", b"1\nx\r\n0\r\n\r\n"]
)
def test_a_body_that_breaks_off_the_rules_is_the_callers_fault(gateway: Gateway, rest: bytes) -> None:
    head = b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"

    answer = gateway.raw(head + rest)

    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1


def test_callers_who_never_end_a_request_hold_up_nobody(gateway: Gateway) -> None:
    """Twice as many as there are threads: in their heads, in small bodies, and in large ones."""
    starts = (
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n",
    )
    held = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(16 * len(starts))]
    try:
        for number, connection in enumerate(held):
            connection.sendall(starts[number % len(starts)])
        for _ in range(20):
            for connection in held:
                connection.sendall(b"x")
            assert lives(gateway)
    finally:
        for connection in held:
            connection.close()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 80_000, 431),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: <script>\r\nBad Header\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_is_answered_as_all_else_is(gateway: Gateway, request_: bytes, status: int) -> None:
    head, _, body = gateway.raw(request_).partition(b"\r\n\r\n")

    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Content-Type: application/problem+json" in head
    assert json.loads(body)["status"] == status
    assert b"script" not in body


def test_it_stops_when_told_and_leaves_only_json_lines(gateway: Gateway) -> None:
    gateway.get("/nowhere/0600001111")
    gateway.process.terminate()

    assert gateway.process.wait(SECONDS) == 0
    lines = [json.loads(line) for line in (gateway.temporary / "log").read_text().splitlines()]
    assert {line["service"] for line in lines} == {"gateway", "gunicorn"}
    assert "unmatched" in {line.get("route") for line in lines}
    assert "0600001111" not in str(lines)
    assert [path.name for path in gateway.temporary.iterdir()] == ["log"]
