"""Requests that are none, or two in one, or never end: at the gateway's port itself."""

import gzip
import json

import pytest

from devstack.client import Client
from tests.e2e.attacks.wire import connect, held, sent
from tests.e2e.customer import API, Customer

HOST = b"Host: tsunagu.example\r\n"
# What a server behind would answer if it took the rest of a body for a request.
SMUGGLED = b"GET /api/v1/.well-known/jwks.json HTTP/1.1\r\n" + HOST + b"\r\n"
LOGIN = b"POST /api/v1/sessions HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


TWO_IN_ONE = {
    "two lengths that agree on nothing": (
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"x") + b"0\r\n\r\n" + SMUGGLED
    ),
    "chunked and a length of none": b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two lengths": b"Content-Length: 2\r\nContent-Length: 0\r\n\r\n{}" + SMUGGLED,
    "two lengths in one": b"Content-Length: 2, 0\r\n\r\n{}" + SMUGGLED,
    "a length with a sign": b"Content-Length: +2\r\n\r\n{}" + SMUGGLED,
    "a length below zero": b"Content-Length: -1\r\n\r\n" + SMUGGLED,
    "a length in hexadecimal": b"Content-Length: 0x2\r\n\r\n{}" + SMUGGLED,
    "a length of another script": "Content-Length: ２\r\n\r\n{}".encode() + SMUGGLED,
    "an encoding that is none": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "an encoding in a list": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "an encoding said twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "an encoding after a vertical tab": b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a space before the colon": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a line that is folded": b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a header without a name": b": x\r\nContent-Length: 0\r\n\r\n" + SMUGGLED,
    "a lone line feed": b"X: y\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n" + SMUGGLED,
    "NUL in a header": b"X: a\0b\r\nContent-Length: 0\r\n\r\n" + SMUGGLED,
    "a chunk of an odd size": b"Transfer-Encoding: chunked\r\n\r\n-1\r\n" + SMUGGLED,
    "a chunk of a size with an underscore": b"Transfer-Encoding: chunked\r\n\r\n1_0\r\n" + b"x" * 16 + SMUGGLED,
    "a chunk that is longer than said": b"Transfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n" + SMUGGLED,
    "a chunk that ends in a line feed alone": b"Transfer-Encoding: chunked\r\n\r\n1\nx\n0\n\n" + SMUGGLED,
}


@pytest.mark.attack(46)
@pytest.mark.parametrize("rest", TWO_IN_ONE.values(), ids=TWO_IN_ONE)
def test_no_second_request_is_found_in_the_first(stack_url: str, rest: bytes) -> None:
    answers = sent(stack_url, LOGIN + rest)

    assert {answer.status for answer in answers} <= {400, 413, 501}
    assert len(answers) <= 1, "what came after the first was read as a request"


@pytest.mark.attack(46)
def test_an_upgrade_to_another_protocol_is_not_heard(stack_url: str) -> None:
    asked = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"

    (answer,) = sent(stack_url, b"GET /api/v1/me HTTP/1.1\r\n" + HOST + asked + b"\r\n")

    assert answer.status == 401


@pytest.mark.attack(46)
@pytest.mark.parametrize("name", [b"X-Forwarded-For", b"X_Forwarded_For", b"Authorization", b"X-Correlation-ID"])
def test_a_trailer_becomes_no_header(stack_url: str, name: bytes) -> None:
    body = b"Transfer-Encoding: chunked\r\nTrailer: %b\r\n\r\n%b0\r\n%b: 203.0.113.7\r\n\r\n" % (
        name,
        chunk(b"{"),
        name,
    )

    (answer, *_) = sent(stack_url, LOGIN + body)

    assert answer.status == 400
    assert answer.headers.get("x-correlation-id") != "203.0.113.7"


# --- sizes

TOO_MUCH = {
    "an address": (414, b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    "a query": (414, b"GET /?q=" + b"a" * 5_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    "a header": (431, b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 40_000 + b"\r\n\r\n"),
    "a header without an end": (431, b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 200_000),
    "many headers": (431, b"GET / HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 1_000 + b"\r\n"),
    "a cookie": (431, b"GET / HTTP/1.1\r\n" + HOST + b"Cookie: tsunagu-session=" + b"a" * 40_000 + b"\r\n\r\n"),
    "a body": (413, LOGIN + b"Content-Length: 100000000\r\n\r\n"),
    "a body of ten to the twentieth": (413, LOGIN + b"Content-Length: 100000000000000000000\r\n\r\n"),
}


@pytest.mark.attack(45)
@pytest.mark.parametrize(("status", "data"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_too_much_is_refused_before_it_is_read(stack_url: str, status: int, data: bytes) -> None:
    (answer, *_) = sent(stack_url, data)

    assert answer.status == status
    assert json.loads(answer.body)["status"] == status


@pytest.mark.attack(45)
def test_a_body_without_a_length_ends_at_the_limit(stack_url: str) -> None:
    with connect(stack_url) as connection:
        connection.sendall(LOGIN + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(40):
            try:
                connection.sendall(chunk(b" " * 65_536))
            except OSError:
                break  # It has hung up, as it should.
        received = connection.recv(65_536)

    assert received.startswith(b"HTTP/1.1 413")


@pytest.mark.attack(45)
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_what_is_compressed_is_not_unpacked(monitor: Client, stack_url: str, encoding: str) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    head = f"Content-Encoding: {encoding}\r\nContent-Length: {len(bomb)}\r\nAuthorization: Bearer {monitor.bearer}\r\n"
    first = b"POST /api/v1/line-events HTTP/1.1\r\nContent-Type: application/json\r\n" + HOST

    (answer,) = sent(stack_url, first + head.encode() + b"\r\n" + bomb)

    assert (answer.status, json.loads(answer.body)["code"]) == (415, "unsupported-content-encoding")


# --- patience

NEVER_ENDING = {
    "heads": b"GET / HTTP/1.1\r\nX-Slow: ",
    "small bodies": LOGIN + b"Content-Length: 100\r\n\r\n{",
    "bodies in chunks": LOGIN + b"Transfer-Encoding: chunked\r\n\r\n",
    "bodies that wait to be told to go on": LOGIN + b"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n",
    "large bodies": LOGIN + b"Content-Length: 1000000\r\n\r\n{",
    "nothing": b"",
}


@pytest.mark.attack(45)
@pytest.mark.parametrize("start", NEVER_ENDING.values(), ids=NEVER_ENDING)
def test_whoever_never_ends_a_request_keeps_nobody_out(stack_url: str, customer: Customer, start: bytes) -> None:
    browser = customer.visitor()

    with held(stack_url, [start] * 200) as connections:
        for number in range(10):
            for connection in connections:
                connection.sendall(b"1" if start else b"")
            assert browser.get(f"{API}/.well-known/jwks.json").status == 200, number


@pytest.mark.attack(45)
@pytest.mark.parametrize("start", [NEVER_ENDING["heads"], NEVER_ENDING["small bodies"]], ids=["heads", "small bodies"])
def test_whoever_is_too_slow_is_let_go(stack_url: str, start: bytes) -> None:
    with connect(stack_url) as connection:
        connection.sendall(start)

        received = connection.recv(1000)

    assert received == b"" or received.startswith(b"HTTP/1.1 408")


# --- what is no request of ours


@pytest.mark.attack(33)
@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "PROPFIND", "DEBUG", "get", "PRI", "G\u00c4T"])
def test_an_odd_method_is_refused(stack_url: str, method: str) -> None:
    (answer, *_) = sent(stack_url, f"{method} /api/v1/me HTTP/1.1\r\nX-Echo: 4711\r\n".encode() + HOST + b"\r\n")

    assert answer.status in (400, 401, 405, 501)
    assert b"4711" not in answer.body


@pytest.mark.attack(33)
@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/tokens",
        "/tokens",
        "/openapi.json",
        "/metrics",
        "/api/v1/metrics",
        "/api/v1/health/ready",
        "/.git/config",
        "/.env",
        "/console",
        "/?__debugger__=yes&cmd=resource&f=debugger.js",
        "/static/../gateway/settings.py",
        "/static/x/..%2f..%2fsettings.py",
        "/api/v1/../../tokens",
        "/api/v1/%2e%2e/tokens",
        "/api/v1/sessions/../tokens",
        "/api/v1//me",
        "//evil.example/%2e%2e",
        "/%00",
        "/%ff%fe",
    ],
)
def test_nothing_of_the_inside_is_to_be_had(stack_url: str, path: str) -> None:
    (answer, *_) = sent(stack_url, f"GET {path} HTTP/1.1\r\n".encode() + HOST + b"\r\n")

    assert answer.status in (302, 303, 400, 401, 404, 405), answer
    assert not answer.headers.get("location", "").startswith(("//", "http"))
    told = answer.body.decode("utf-8", "replace")
    assert not [
        word for word in ("Traceback", "gunicorn", "Werkzeug", "Flask", "site-packages", "mongodb") if word in told
    ]


@pytest.mark.attack(33)
def test_no_answer_tells_a_version(stack_url: str) -> None:
    (answer,) = sent(stack_url, b"GET /login HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n")

    assert answer.status == 200
    assert answer.headers.get("server", "") in ("", "gunicorn")
    assert "x-powered-by" not in answer.headers
