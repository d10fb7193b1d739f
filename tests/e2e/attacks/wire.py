"""Bytes over a connection, where a client of HTTP would be too polite."""

import contextlib
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

SECONDS = 30.0


@dataclass(frozen=True)
class Answer:
    """One answer as it came. Names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def connect(site: str) -> socket.socket:
    parts = urlsplit(site)
    return socket.create_connection((parts.hostname or "", parts.port or 80), timeout=SECONDS)


def sent(site: str, data: bytes) -> list[Answer]:
    """All answers to these bytes until the other side hangs up."""
    with connect(site) as connection:
        connection.sendall(data)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        return list(_answers(_rest(connection)))


def answered(connection: socket.socket, data: bytes) -> Answer:
    """The first answer to these bytes; the connection stays."""
    connection.sendall(data)
    received = b""
    while not (found := list(_answers(received))):
        piece = connection.recv(65536)
        assert piece, f"hung up after {received!r}"
        received += piece
    return found[0]


@contextmanager
def held(site: str, starts: Sequence[bytes]) -> Iterator[list[socket.socket]]:
    """Connections on which a beginning was sent, and that stay."""
    with ExitStack() as all_of_them:
        connections = [all_of_them.enter_context(connect(site)) for _ in starts]
        for connection, start in zip(connections, starts, strict=True):
            connection.sendall(start)
        yield connections


def _rest(connection: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            received += piece
    return received


def _answers(data: bytes) -> Iterator[Answer]:
    """Those that are whole; the first of several pipelined ones says where the next begins."""
    while data:
        head, end, rest = data.partition(b"\r\n\r\n")
        if not end:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status = int(first.split()[1])
        if status == 100:
            data = rest
            continue
        if headers.get("transfer-encoding") == "chunked":
            body, data = rest, b""
        else:
            length = int(headers.get("content-length", 0))
            if len(rest) < length:
                return
            body, data = rest[:length], rest[length:]
        yield Answer(status, headers, body)
