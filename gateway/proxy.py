"""Passing a request on to a service and its answer back.

Only headers that are listed here pass, in both directions: what a caller forges and what is between two hops only is
dropped without being known. Bodies are read before the service is asked, so that a slow caller holds no thread of a
service; only uploads are passed through in pieces.
"""

import ipaddress
from collections.abc import Iterator, Mapping
from urllib.parse import quote

import structlog
from flask import Request, Response
from urllib3.exceptions import HTTPError
from werkzeug.exceptions import ClientDisconnected

from chassis.edge import correlation_id
from chassis.errors import NotFound, Unavailable
from gateway.routes import MAX_BODY, PREFIX, Upload
from gateway.settings import Network
from gateway.upstream import Answer, Call, Upstream

PIECE = 64 * 1024

_ASKED = (
    "Accept",
    "Accept-Language",
    "Content-Encoding",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "WebHook-Request-Origin",
    "WebHook-Request-Rate",
    "X-Grafana-Alert-Signature",
    "X-Grafana-Alerting-Signature",
    "X-Grafana-Alerting-Timestamp",
    "traceparent",
    "tracestate",
)
_ANSWERED = (
    "Allow",
    "Cache-Control",
    "Content-Disposition",
    "Content-Language",
    "Content-Length",
    "Content-Type",
    "ETag",
    "Retry-After",
    "Vary",
    "WWW-Authenticate",
    "WebHook-Allowed-Origin",
    "WebHook-Allowed-Rate",
)


def call_of(request: Request, path: str, headers: Mapping[str, str], upload: Upload | None = None) -> Call:
    """The present request for a service, to `path` there with its own query and body. A small body is read here."""
    length = {} if request.content_length is None else {"Content-Length": str(request.content_length)}
    body = _body(request, upload is not None)
    return Call(
        request.method, _with_query(request, path), {**headers, **length}, body, upload.seconds if upload else None
    )


def forward(upstream: Upstream, call: Call) -> Response:
    """The service's answer, for our caller."""
    answer = upstream.send(call)
    try:
        return relayed(answer)
    except HTTPError as cause:
        answer.close()
        structlog.get_logger().warning("service-cut-off", upstream=upstream.name, cause=repr(cause))
        raise Unavailable("service-unavailable") from cause


def headers_of(request: Request, trusted: tuple[Network, ...]) -> dict[str, str]:
    """The headers that a service gets: the listed ones of the caller's, and those that only the gateway may say."""
    passed = {name: request.headers[name] for name in _ASKED if name in request.headers}
    events = {name: value for name, value in request.headers.items() if name.lower().startswith("ce-")}
    ours = {"X-Correlation-ID": correlation_id(), "X-Forwarded-For": client_address(request, trusted)}
    return {**passed, **events, **ours}


def client_address(request: Request, trusted: tuple[Network, ...]) -> str:
    """The address nearest to us that is no trusted proxy. What it claims about others before it is not believed."""
    hops = [*request.headers.get("X-Forwarded-For", "").split(","), request.remote_addr or ""]
    address = hops[-1]
    for hop in reversed(hops):
        try:
            known = ipaddress.ip_address(hop.strip())
        except ValueError:
            break
        address = str(known)
        if not any(known in network for network in trusted):
            break
    return address


def own_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Of the headers that a service gets, those that the gateway says of itself."""
    return {name: headers[name] for name in ("X-Correlation-ID", "X-Forwarded-For")}


def path_of(request: Request) -> str:
    """The path as the service knows it, quoted anew; NotFound for one that climbs."""
    path = request.path.removeprefix(PREFIX)
    if not {".", ".."}.isdisjoint(path.split("/")):
        raise NotFound("not-found")
    return quote(path, safe="/:@!$&'()*+,;=~")


def _with_query(request: Request, path: str) -> str:
    query = request.query_string.decode("latin-1")
    return path + (f"?{quote(query, safe=_QUERY)}" if query else "")


# What a query may hold as it is; "%" because it is quoted already.
_QUERY = "%/:?@!$&'()*+,;=~[]"


def _body(request: Request, in_pieces: bool) -> bytes | Iterator[bytes] | None:
    """Whole, or where `in_pieces` a large one and one of unknown length as it arrives."""
    if request.content_length is None and "Transfer-Encoding" not in request.headers:
        return None
    pieces = _arriving(request)
    if in_pieces and (request.content_length is None or request.content_length > MAX_BODY):
        return pieces
    return b"".join(pieces)


def _arriving(request: Request) -> Iterator[bytes]:
    """The body as it arrives; ClientDisconnected when it ends before the length that was said.

    Passed on as it is, a service would wait for the rest, and take for it what comes next on the same connection.
    """
    received = 0
    # `get_data` would cut a body of unknown length at the limit instead of refusing it.
    while piece := request.stream.read(PIECE):
        received += len(piece)
        yield piece
    if request.content_length is not None and received < request.content_length:
        raise ClientDisconnected


def relayed(answer: Answer) -> Response:
    """A service's answer for our caller. An error that is not worded by a service of ours becomes Unavailable."""
    if answer.status >= 500 and not answer.headers.get("Content-Type", "").startswith("application/problem+json"):
        answer.close()
        raise Unavailable("service-unavailable")
    headers = {name: answer.headers[name] for name in _ANSWERED if name in answer.headers}
    if location := answer.headers.get("Location"):
        headers["Location"] = f"{PREFIX}{location}" if location.startswith("/") else location
    length = int(answer.headers.get("Content-Length") or -1)
    if 0 <= length <= PIECE:
        return _with(Response(answer.read(), answer.status), headers)
    response = _with(Response(_pieces(answer), answer.status), headers)
    response.call_on_close(answer.close)
    return response


def _with(response: Response, headers: Mapping[str, str]) -> Response:
    response.headers.remove("Content-Type")
    response.headers.update(headers)
    return response


def _pieces(answer: Answer) -> Iterator[bytes]:
    try:
        yield from answer.stream(PIECE)
    except HTTPError as cause:
        # The status is sent already. Raising ends the connection early, by which the caller sees that it is cut off.
        structlog.get_logger().warning("answer-cut-off", cause=repr(cause))
        raise
