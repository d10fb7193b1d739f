"""Small real services for the gateway's tests: they listen on a port of this machine and tell what they were asked."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread

import msgspec
from werkzeug import Request, Response
from werkzeug.serving import make_server

View = Callable[[Request], Response]


@dataclass(frozen=True)
class Asked:
    """What a service was asked, read to its end."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Service:
    """A service that answers by path, or 404 with a problem; `asked` is every request in order."""

    url: str = ""
    views: dict[str, View] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, request: Request) -> Response:
        body = request.get_data()
        query = request.query_string.decode()
        self.asked.append(Asked(request.method, request.path, query, dict(request.headers), body))
        view = self.views.get(request.path)
        return view(request) if view else problem(404, "not-found")


def json(value: object, status: int = 200, **headers: str) -> Response:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(msgspec.json.encode(value), status, named, mimetype="application/json")


def problem(status: int, code: str) -> Response:
    return Response(msgspec.json.encode({"status": status, "code": code}), status, mimetype="application/problem+json")


@contextmanager
def serving(service: Service) -> Iterator[Service]:
    server = make_server("127.0.0.1", 0, Request.application(service), threaded=True)
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def nobody() -> str:
    """The URL of a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def cutting(times: int, answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that cuts its first connections after the request, then gives raw answers. Its URL and the requests."""
    requests: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                requests.append(connection.recv(65536))
                if len(requests) > times:
                    connection.sendall(answer)

    thread = Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", requests
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
