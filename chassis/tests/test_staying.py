"""The worker class as it runs: a small application under gunicorn, in a process of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SECONDS = 30.0
THREADS = 2
# Answers with the name of the thread that answers; of /together with the most requests that were there at once.
APP = """
import threading
lock, third, present, most = threading.Lock(), threading.Event(), 0, 0

def together():
    global present, most
    with lock:
        present, most = present + 1, max(most, present + 1)
        if present > 2:
            third.set()
    third.wait(0.3)
    with lock:
        present -= 1
    return str(most)

def app(environ, start_response):
    text = together() if environ["PATH_INFO"] == "/together" else threading.current_thread().name
    start_response("200 OK", [("Content-Length", str(len(text)))])
    return [text.encode()]
"""
# More than ever stay, and more than the threads that are not for staying.
MANY = 40


@pytest.fixture(name="port", scope="module")
def a_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("staying")
    (folder / "answering.py").write_text(APP)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    environment = os.environ | {"BIND": f"127.0.0.1:{port}", "WEB_THREADS": str(THREADS), "PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", "gunicorn", "-c", "chassis/gunicorn_conf.py", "answering:app"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        until(lambda: listens(port))
        yield port
    finally:
        process.terminate()
        assert process.wait(SECONDS) == 0


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline


def listens(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def connected(port: int) -> HTTPConnection:
    return HTTPConnection("127.0.0.1", port, timeout=SECONDS)


def asked(connection: HTTPConnection, path: str = "/") -> str:
    connection.request("GET", path)
    return connection.getresponse().read().decode()


def test_a_thread_goes_on_with_its_connection(port: int) -> None:
    with closing(connected(port)) as one, closing(connected(port)) as other:

        def each_has_its_own() -> bool:
            """gthread alone would have any of its threads answer the next request."""
            turns = [([asked(one) for _ in range(3)], asked(other)) for _ in range(5)]
            mine, theirs = {name for names, _ in turns for name in names}, {name for _, name in turns}
            return len(mine) == len(theirs) == 1 and mine != theirs

        # Whoever is slow in asking finds another thread.
        until(each_has_its_own)


def test_connections_that_say_nothing_keep_no_other_waiting(port: int) -> None:
    silent = [connected(port) for _ in range(MANY)]
    for connection in silent:
        assert asked(connection)

    with closing(connected(port)) as another:
        assert asked(another)
    # They are all still good.
    for connection in silent:
        assert asked(connection)
        connection.close()


def test_no_more_are_answered_at_the_same_time_than_there_are_threads(port: int) -> None:
    connections = [connected(port) for _ in range(4 * THREADS)]

    with ThreadPoolExecutor(len(connections)) as callers:
        most = [int(one) for one in callers.map(lambda connection: asked(connection, "/together"), connections)]

    assert max(most) == THREADS
    for connection in connections:
        connection.close()


def test_requests_that_were_sent_together_are_answered_one_by_one(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

        assert connection.makefile("rb").read().count(b"200 OK") == 4


def test_a_connection_that_its_caller_ends_is_closed(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = connection.makefile("rb")
        assert b"200 OK" in answer.readline()

        connection.shutdown(socket.SHUT_WR)

        # Not before the connection has an end.
        assert b"Content-Length" in answer.read()
