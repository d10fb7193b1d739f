"""One service as the gateway reaches it: kept connections, time limits, and one kind of failure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import structlog
import urllib3
from urllib3.exceptions import HTTPError, ProtocolError

from chassis.errors import Unavailable

# One for each thread of the gateway (WEB_THREADS, 64 in the embedded stack) and some more, so that a connection is
# hardly ever thrown away.
KEPT_CONNECTIONS = 80
CONNECT_SECONDS = 2.0

Answer = urllib3.BaseHTTPResponse


@dataclass(frozen=True)
class Call:
    """A request to a service. `target` is the quoted path with its query, `body` bytes or pieces to pass through.

    Pieces without a Content-Length among the headers are sent in chunks.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterator[bytes] | None = None
    seconds: float | None = None


class Upstream:
    """Safe to share between threads."""

    def __init__(self, name: str, url: str, seconds: float) -> None:
        self.name = name
        self._seconds = seconds
        self._pool = urllib3.connection_from_url(url, maxsize=KEPT_CONNECTIONS)

    def send(self, call: Call) -> Answer:
        """The answer with its body still unread; close it when done.

        Raises Unavailable `service-unavailable` when the service cannot be reached, is cut off or is silent for too
        long. A GET that was cut off is tried once more, because the service may just have been started anew; anything
        else may have been carried out and is the caller's to repeat.
        """
        try:
            return self._send(call)
        except ProtocolError as cause:
            if call.method not in ("GET", "HEAD"):
                raise self._unavailable(cause) from cause
        except HTTPError as cause:
            raise self._unavailable(cause) from cause
        try:
            return self._send(call)
        except HTTPError as cause:
            raise self._unavailable(cause) from cause

    def _send(self, call: Call) -> Answer:
        return self._pool.urlopen(
            call.method,
            call.target,
            body=call.body,
            headers=call.headers,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=call.seconds or self._seconds),
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )

    def _unavailable(self, cause: HTTPError) -> Unavailable:
        structlog.get_logger().warning("service-unavailable", upstream=self.name, cause=repr(cause))
        return Unavailable("service-unavailable")
