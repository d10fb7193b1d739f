"""When a request has arrived, and what becomes of one that never does."""

import socket
from collections.abc import Iterator
from http import HTTPStatus

import msgspec
import pytest

from chassis.serving import BYTES_PER_SECOND, GRACE_SECONDS, SMALL_BODY, Arrival, Progress, progress_of, refusal

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "progress"),
    [
        (b"", "head"),
        (b"\r\n\r\n", "head"),
        (GET[:-1], "head"),
        (GET, "whole"),
        (b"\r\n" + GET, "whole"),
        (GET + GET, "whole"),
        (POST % 3 + b"ab", "body"),
        (POST % 3 + b"abc", "whole"),
        (POST.lower() % 3 + b"ab", "body"),
        (POST % SMALL_BODY, "body"),
        (POST % (SMALL_BODY + 1), "large"),
        (POST % (SMALL_BODY + 1) + b"x" * (SMALL_BODY + 1), "whole"),
        (CHUNKED + b"1\r\na\r\n", "body"),
        (CHUNKED + b"1\r\na\r\n0\r\n\r\n", "whole"),
        (CHUNKED + b"0\r\n\r\n", "whole"),
        (CHUNKED + b"x" * (SMALL_BODY + 1), "large"),
        (b"POST / HTTP/1.1\r\nX: content-length: 5\r\n\r\n", "whole"),
        (b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", "whole"),
    ],
)
def test_how_much_of_a_request_is_there(data: bytes, progress: Progress) -> None:
    assert progress_of(data) == progress


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture(name="ends")
def both_ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


Ends = tuple[socket.socket, socket.socket]


def test_what_is_there_is_gathered_without_waiting(ends: Ends) -> None:
    ours, theirs = ends
    arrival = Arrival(ours)

    assert arrival.gather(), "nothing has come yet, and something may"
    theirs.sendall(b"GET /")
    assert arrival.gather()
    theirs.close()
    assert not arrival.gather()

    assert arrival.read() == b"GET /"


def test_a_request_is_late_from_its_first_byte_on(ends: Ends) -> None:
    ours, theirs = ends
    clock = Clock()
    arrival = Arrival(ours, clock)

    clock.seconds = 1000.0
    theirs.sendall(b"G")
    arrival.gather()
    assert not arrival.late

    clock.seconds += 11
    theirs.sendall(b"E")
    arrival.gather()
    assert arrival.late


def test_a_body_has_longer_the_more_it_brings(ends: Ends) -> None:
    ours, theirs = ends
    clock = Clock()
    arrival = Arrival(ours, clock)
    theirs.sendall(b"x" * int(4 * BYTES_PER_SECOND))
    assert len(arrival.chunk(int(4 * BYTES_PER_SECOND))) == 4 * BYTES_PER_SECOND

    clock.seconds = GRACE_SECONDS + 3
    theirs.sendall(b"y")

    assert arrival.chunk() == b"y"


def test_a_body_that_is_too_slow_ends_and_nothing_after_it_is_read(ends: Ends) -> None:
    ours, theirs = ends
    clock = Clock()
    arrival = Arrival(ours, clock)

    clock.seconds = GRACE_SECONDS + 1
    theirs.sendall(b"rest of the body GET /admin")

    assert arrival.chunk() == b""
    assert arrival.chunk() == b""
    assert not arrival.gather()
    assert arrival.buf.getvalue() == b""


def test_a_refusal_repeats_nothing_and_is_hardened() -> None:
    head, _, body = refusal(HTTPStatus.REQUEST_TIMEOUT).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"Connection: close" in head
    assert b"frame-ancestors 'none'" in head
    assert f"Content-Length: {len(body)}".encode() in head
    assert msgspec.json.decode(body) == {
        "type": "about:blank",
        "title": "Request Timeout",
        "status": 408,
        "code": "request-timeout",
        "detail": "Request Timeout",
    }
