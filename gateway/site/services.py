"""The services as a page asks them: by the paths of /api/v1, for the customer who looks at the page.

The same table, the same exchange of the session's token and the same limits as for callers of /api/v1.
"""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from flask import Response
from urllib3.exceptions import HTTPError
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from chassis.errors import Forbidden, NotFound, Rejected, TsunaguError, Unauthenticated, Unavailable
from gateway import history, routes
from gateway.identity import Grant, Identity
from gateway.looks import Looks
from gateway.me import Place
from gateway.proxy import relayed
from gateway.slots import Slots
from gateway.upstream import Answer, Call, Upstream

# Whoever looks at a page does not wait as long as a machine does.
PAGE_SECONDS = 10.0
# Nor for what is only looked at beside the rest of a page.
LOOK_SECONDS = 2.0
# What a page has something to say about itself; all else becomes an error page.
FOR_THE_PAGE = frozenset({200, 201, 202, 204, 400, 409, 412, 413, 415, 422, 428, 429, 503})

Headers = Callable[[], Mapping[str, str]]
Object = dict[str, Any]


class SessionEnded(Exception):
    """Whoever asks is not logged in, or not any more."""


class PasswordDue(Exception):
    """Whoever asks may do nothing before the password is changed."""


@dataclass(frozen=True)
class Reply:
    """A service's answer. `body` is {} where it is no JSON; `data` is then what it says."""

    status: int
    body: Object = field(default_factory=dict)
    etag: str = ""
    data: bytes = b""
    type: str = ""

    @property
    def done(self) -> bool:
        return self.status < 300

    @property
    def code(self) -> str:
        """Of a problem; "" when it was done."""
        return str(self.body.get("code", ""))


class Services:
    """Safe to share between threads; `bearer` and `headers` are those of the present request."""

    def __init__(
        self,
        adapter: MapAdapter,
        upstreams: Mapping[str, Upstream],
        identity: Identity,
        hashing: Slots,
        bearer: Callable[[], str],
        headers: Headers,
    ) -> None:
        self._adapter, self._upstreams, self._identity, self._hashing = adapter, upstreams, identity, hashing
        self._bearer, self._headers = bearer, headers
        self._looks = Looks(upstreams)

    def get(self, path: str, **query: str) -> Reply:
        """What is there. Raises NotFound, Forbidden, Unavailable, SessionEnded or PasswordDue."""
        reply = self.send("GET", f"{path}?{urlencode(query)}" if query else path)
        if reply.status != 200:
            raise _error(reply)
        return reply

    def login(self) -> Object:
        """What the login opens, as `/me` has it but with the names of options alone; with `session_expires_at` and
        `must_change_password`. While the password has to be changed there are no numbers and no options in it.

        As fresh as the session's token: some seconds old at most. Raises SessionEnded, Unavailable, and Forbidden for
        an API key.
        """
        told = _login_of(self._granted())
        if told is None:
            raise Forbidden("forbidden")
        return told

    def lately(self) -> Object | None:
        """What the login opened some seconds ago, as `login` says it; None where nobody has asked lately.

        It may be over since: for questions whose answers wait for `login`, as those of `look` with `ahead`.
        """
        known = self._granted_lately()
        return _login_of(known) if known else None

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        etag: str = "",
        once: str = "",
        type: str = "",
        seconds: float = PAGE_SECONDS,
    ) -> Reply:
        """The answer to a change, whatever the rules said to it; raises as `get` does what no page can mend.

        `body` is an object, or bytes of this `type`. A service that is away is a Reply with status 503, so that what
        was typed is not lost; so is one that is silent for `seconds`, which may still be at it.
        """
        data, kind = (body, type) if isinstance(body, bytes) else (_json(body), "application/json")
        said = {"Content-Type": kind} if data is not None else {}
        if_match = {"If-Match": etag} if etag else {}
        key = {"Idempotency-Key": once} if once else {}
        headers = {**self._headers(), **said, **if_match, **key}
        try:
            reply = self._ask(method, path, headers, data, seconds)
        except Unavailable as problem:
            reply = Reply(503, {"code": problem.code})
        if reply.status not in FOR_THE_PAGE and reply.code != "login-failed":
            raise _error(reply)
        return reply

    def history(self, path: str, before: str = "", limit: int = 50) -> Object:
        """A page of a joined history as /api/v1 gives it, `before` being the `next` of an earlier one.

        Raises as `get` does, also while one of the services is away; a `before` that is none of ours is NotFound.
        """
        rule, _ = self._place("GET", path)

        def fetch(owner: str, place: str) -> Object:
            query = urlencode({"limit": limit, **({"before": place} if place else {})})
            call = Call("GET", f"{_quoted(path)}?{query}", {**self._headers(), **self._proof()}, seconds=PAGE_SECONDS)
            reply = self._send(owner, call)
            if reply.status != 200:
                raise _error(reply)
            return reply.body

        try:
            return dict(history.merged(routes.HISTORIES[rule], fetch, limit, before))
        except Rejected as cause:
            raise NotFound("not-found") from cause

    def file(self, path: str) -> Response:
        """A file for the browser, in pieces and under its own name, as the service hands it out. Raises as `get` does.

        A file that is still being made is Unavailable.
        """
        headers = {**self._headers(), "Accept": "*/*", **self._proof()}
        service = self._upstreams[self._place("GET", path)[1]]
        answer = service.send(Call("GET", _quoted(path), headers, seconds=PAGE_SECONDS))
        if answer.status == 200:
            return _handed_on(answer)
        try:
            raise _error(_reply(answer.status, answer.headers, answer.read()))
        except HTTPError as cause:
            raise Unavailable("service-unavailable") from cause
        finally:
            answer.close()

    def look(self, paths: Mapping[str, str], *, ahead: bool = False) -> dict[str, Object | None]:
        """What is at each path, by the same names, all asked for at once; None where nobody can tell in time.

        For what a page can do without. Raises SessionEnded. With `ahead`, where `lately` says something, auth is asked
        whether that still holds while services are asked already, and not before.
        """
        lately = self._granted_lately() if ahead else None
        check = self._granted if lately else _nothing
        headers = {**self._headers(), "Authorization": f"Bearer {(lately or self._granted()).token}"}
        places = {name: self._place_of(path) for name, path in paths.items()}

        def look(place: Place) -> Object | None:
            try:
                reply = self._send(place.service, Call("GET", _quoted(place.path), headers, seconds=LOOK_SECONDS))
            except Unavailable:
                return None
            return reply.body if reply.status == 200 else None

        found = self._looks.at({place for place in places.values() if place}, look, LOOK_SECONDS, check)
        return {name: found[place] if place else None for name, place in places.items()}

    def _place_of(self, path: str) -> Place | None:
        """None for what no service answers."""
        try:
            return Place(self._place("GET", path)[1], path)
        except HTTPException:
            return None

    def _ask(self, method: str, path: str, headers: Mapping[str, str], data: bytes | None, seconds: float) -> Reply:
        rule, service = self._place(method, path)
        operation = f"{method} {rule}"
        with self._hashing.hold() if operation in routes.HASHING else nullcontext():
            proof = {} if operation in routes.TOKENLESS else self._proof()
            try:
                return self._send(service, Call(method, _quoted(path), {**headers, **proof}, data, seconds))
            finally:  # Also when nobody answered: it may have been done.
                if operation in routes.ENDING:
                    self._identity.forget(f"Bearer {self._bearer()}")

    def _send(self, service: str, call: Call) -> Reply:
        answer = self._upstreams[service].send(call)
        try:
            return _reply(answer.status, answer.headers, answer.read())
        except HTTPError as cause:
            raise Unavailable("service-unavailable") from cause
        finally:
            answer.close()

    def _place(self, method: str, path: str) -> tuple[str, str]:
        """The rule and the service of a path; the table of /api/v1 leads there."""
        endpoint, _ = self._adapter.match(routes.PREFIX + path.partition("?")[0], method=method)
        service, _, rule = str(endpoint).partition(" ")
        return rule, service

    def _proof(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self._granted().token}"}

    def _granted_lately(self) -> Grant | None:
        bearer = self._bearer()
        return self._identity.lately(f"Bearer {bearer}") if bearer else None

    def _granted(self) -> Grant:
        if not (bearer := self._bearer()):
            raise SessionEnded
        try:
            return self._identity.grant(f"Bearer {bearer}")
        except Unauthenticated as cause:
            raise SessionEnded from cause


def _nothing() -> None: ...


def _login_of(grant: Grant) -> Object | None:
    """None of an API key."""
    told: Object | None = msgspec.json.decode(grant.login, type=Object | None)
    return told


def _handed_on(answer: Answer) -> Response:
    """For the browser; a small one, which is read here, may break off."""
    try:
        return relayed(answer)
    except HTTPError as cause:
        answer.close()
        raise Unavailable("service-unavailable") from cause


def _quoted(path: str) -> str:
    return quote(path, safe="/:?&=%+,")


def _json(body: object) -> bytes | None:
    return None if body is None else msgspec.json.encode(body)


def _reply(status: int, headers: Mapping[str, str], data: bytes) -> Reply:
    kind = headers.get("Content-Type", "").partition(";")[0]
    body = _read(data) if kind.endswith("json") and data else {}
    return Reply(status, body, headers.get("ETag", ""), data, kind)


def _read(data: bytes) -> Object:
    try:
        return msgspec.json.decode(data, type=Object)
    except msgspec.DecodeError as cause:
        raise Unavailable("service-unavailable") from cause


def _error(reply: Reply) -> Exception:
    """What a page cannot mend by itself."""
    match reply.status:
        case 401:
            return SessionEnded()
        case 403 if reply.code == "password-change-required":
            return PasswordDue()
        case 403:
            return Forbidden("forbidden")
        case 404 | 422:
            return NotFound("not-found")
        case 503 | 429:
            return Unavailable("service-unavailable")
    return TsunaguError("internal-error")
