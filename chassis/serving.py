"""gunicorn's worker with threads, whose threads are given to requests that have arrived.

gunicorn gives a thread to a connection with its first byte, and waits in it for the rest. As many connections as there
are threads, each of which sends a byte now and then, keep everybody else out for as long as they like ("slowloris").
Here the loop that waits for connections gathers a request: its head, and its body where that is small. Who has not sent
that in time is let go. A larger body is read in a thread as it comes, but in three quarters of the threads at most, and
not if it comes too slowly; the others are there for everybody.

What is no request is answered as everything else is: with a problem, and with headers against misuse.
"""

import contextlib
import os
import re
import selectors
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any, Literal

import msgspec
from gunicorn.http.errors import (
    ExpectationFailed,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
    UnsupportedTransferCoding,
)
from gunicorn.http.unreader import SocketUnreader

from chassis.staying import StayingWorker

# In which a request has to arrive, but for a body that is not small.
ARRIVAL_SECONDS = 10.0
SMALL_BODY = 64 * 1024
LARGEST_HEAD = 64 * 1024
# A larger body may take so long, and so much longer as it has brought bytes.
GRACE_SECONDS, BYTES_PER_SECOND = 10.0, 4096.0
# A caller who takes nothing of an answer for so long is let go.
UNREAD_SECONDS = 30

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*(?:\r\n|\Z)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect:", re.IGNORECASE)

Progress = Literal["head", "body", "whole", "large"]


def progress_of(data: bytes) -> Progress:
    """How much of a request is there: a part of its head or of a small body, all of it, or the start of a large one."""
    head, end, body = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    if not end:
        return "head"
    if _CHUNKED.search(head):
        if b"\r\n0\r\n" in b"\r\n" + body:
            return "whole"
        return "large" if len(body) > SMALL_BODY else "body"
    said = _LENGTH.search(head)
    length = int(said[1]) if said else 0
    if len(body) >= length:
        return "whole"
    return "large" if length > SMALL_BODY else "body"


class Arrival(SocketUnreader):  # type: ignore[misc]
    """What has arrived on a connection and was not read yet. `clock` counts seconds and never jumps."""

    def __init__(self, connection: socket.socket, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(connection)
        self._clock = clock
        self.given_up = False
        self.begin()

    def begin(self) -> None:
        """From now on something has to come."""
        self.began, self.received, self.encouraged = self._clock(), 0, False

    @property
    def late(self) -> bool:
        return self._clock() > self.began + ARRIVAL_SECONDS

    def gather(self) -> bool:
        """Takes what is there without waiting. False when nothing more will come."""
        if self.given_up:
            return False
        if not self.buf.getvalue():
            self.begin()
        self.sock.setblocking(False)
        try:
            data = self.sock.recv(SMALL_BODY)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        self.buf.seek(0, os.SEEK_END)
        self.buf.write(data)
        return bool(data)

    def encourage(self) -> None:
        """Some callers send a body when they are told to go on (Expect: 100-continue)."""
        if not self.encouraged:
            self.encouraged = True
            _say(self.sock, b"HTTP/1.1 100 Continue\r\n\r\n")

    def chunk(self, size_hint: int | None = None) -> bytes:
        """The next piece of a body, in a thread. Nothing, as if the caller had gone, when it comes too slowly; whatever
        comes later is no next request, so nothing is read of this connection any more."""
        left = self.began + GRACE_SECONDS + self.received / BYTES_PER_SECOND - self._clock()
        waits = self.sock.gettimeout()
        try:
            if self.given_up or left <= 0:
                raise TimeoutError
            self.sock.settimeout(left if waits is None else min(left, waits))
            data: bytes = super().chunk(size_hint)
        except TimeoutError:
            self.given_up = True
            return b""
        finally:
            self.sock.settimeout(waits)
        self.received += len(data)
        return data


class Worker(StayingWorker):
    """`worker_class` of every web process.

    Threads call `handle_error` and `_follows` alone, each for the connection that it has, so nothing needs a lock.
    """

    def init_process(self) -> None:
        self._large: set[Any] = set()
        self._waiting: deque[Any] = deque()
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:
        """Something may have arrived on a connection. One that breaks is let go; the loop serves all others."""
        try:
            self._go_on_with(conn)
        except OSError:
            self._let_go(conn)

    def _go_on_with(self, conn: Any) -> None:
        arrival = _arrival(conn)
        open_still = arrival.gather()
        data = arrival.buf.getvalue()
        match progress_of(data):
            case "whole":
                self._give_thread(conn)
            case "large":
                self._give_thread_in_turn(conn)
            case _ if not open_still:
                self._let_go(conn)
            case "head" if len(data) > LARGEST_HEAD:
                self._refuse(conn, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            case _ if arrival.late:
                self._refuse(conn, HTTPStatus.REQUEST_TIMEOUT)
            case progress:
                if progress == "body" and _EXPECTS.search(data):
                    arrival.encourage()
                self._wait_for_more(conn, arrival)

    def _follows(self, conn: Any) -> bool:
        """A thread stays for a next request that is there as a whole; of one that is not, the loop gathers the rest."""
        if not super()._follows(conn):
            return False
        arrival = _arrival(conn)
        return arrival.gather() and progress_of(arrival.buf.getvalue()) == "whole"

    def finish_request(self, conn: Any, fs: Any) -> None:
        """A thread is done with a request."""
        if conn in self._large:
            self._large.remove(conn)
            if self._waiting:
                self._give_thread_in_turn(self._waiting.popleft())
        if conn.parser:
            conn.parser.unreader.begin()
        super().finish_request(conn, fs)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answers what is no request. Our own failures are gunicorn's to log and to answer."""
        ours = isinstance(exc, InvalidResponseHeader | InvalidResponseHeaderName)
        if not isinstance(exc, ParseException) or ours:
            super().handle_error(req, client, addr, exc)
            return
        self.log.info("no request: %s", type(exc).__name__)
        client.settimeout(GRACE_SECONDS)
        _say(client, refusal(_status_of(exc)))

    def _give_thread(self, conn: Any) -> None:
        conn.parser.unreader.begin()
        super().enqueue_req(conn)

    def _give_thread_in_turn(self, conn: Any) -> None:
        if len(self._large) >= max(1, self.cfg.threads * 3 // 4):
            self._waiting.append(conn)
            return
        self._large.add(conn)
        self._give_thread(conn)

    def _wait_for_more(self, conn: Any, arrival: Arrival) -> None:
        """As gunicorn waits for the first byte of a connection that has not sent any."""
        conn.timeout = arrival.began + ARRIVAL_SECONDS
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def _refuse(self, conn: Any, status: HTTPStatus) -> None:
        _say(conn.sock, refusal(status))
        self._let_go(conn)

    def _let_go(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()


def _arrival(conn: Any) -> Arrival:
    if not conn.initialized:
        conn.init()
        conn.parser.unreader = Arrival(conn.sock)
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", UNREAD_SECONDS, 0))
    arrival: Arrival = conn.parser.unreader
    return arrival


def _say(connection: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):  # Perhaps nobody is there any more to be told.
        connection.sendall(data)


_STATUSES: dict[type[ParseException], HTTPStatus] = {
    LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
}


def _status_of(exc: ParseException) -> HTTPStatus:
    return _STATUSES.get(type(exc), HTTPStatus.BAD_REQUEST)


def refusal(status: HTTPStatus) -> bytes:
    """An answer to what never became a request: nothing of it is repeated."""
    code = re.sub(r"[^a-z]+", "-", status.phrase.lower())
    title = status.phrase
    problem = {"type": "about:blank", "title": title, "status": status.value, "code": code, "detail": title}
    body = msgspec.json.encode(problem)
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: application/problem+json",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
        "\r\n",
    ]
    return "\r\n".join(lines).encode() + body
