"""From what a caller shows (an API key or a session) to the short-lived token that services trust, and for people to
what their login opens.

The exchange is remembered for a few seconds, so that a storm of posts does not become a storm of exchanges. What is
revoked elsewhere therefore works for that long at most. Only the SHA-256 of what was shown is kept.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from threading import Lock

import jwt
import msgspec

from chassis.errors import TsunaguError, Unauthenticated, Unavailable
from gateway.upstream import Call, Upstream

REMEMBERED_SECONDS = 3.0
# A token must still be good when the service looks at it.
SPARE_SECONDS = 5.0
MOST_REMEMBERED = 10_000
LONGEST_BEARER = 4096

Exchange = Callable[[str], "Grant"]


class Grant(msgspec.Struct, frozen=True):
    """What auth gives for a bearer: a token for services, good for `expires_in` seconds, and the login of a session."""

    token: str
    expires_in: float
    # As it came: most callers never look at it, and of a thousand numbers it is seven times larger when it is read.
    login: msgspec.Raw = msgspec.Raw(b"null")


@dataclass(frozen=True)
class _Known:
    grant: Grant
    subject: str
    fresh_until: float
    good_until: float


class Identity:
    """Exchanges bearers, each only once at a time however many threads ask. `clock` counts seconds and never jumps."""

    def __init__(
        self, exchange: Exchange, clock: Callable[[], float] = time.monotonic, most: int = MOST_REMEMBERED
    ) -> None:
        self._exchange, self._clock, self._most = exchange, clock, most
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._flights: dict[bytes, Future[Grant]] = {}
        self._forgettings = 0
        self._lock = Lock()

    def token(self, authorization: str | None) -> str:
        """The token for an Authorization header. Raises as `grant` does."""
        return self.grant(authorization).token

    def grant(self, authorization: str | None) -> Grant:
        """What auth gives for an Authorization header.

        Raises Unauthenticated `token-missing` or `token-invalid`. While auth does not answer, a token that is still
        good goes on being used; without one raises Unavailable.
        """
        bearer = _bearer(authorization)
        key = _key(bearer)
        with self._lock:
            now, known = self._clock(), self._known.get(key)
            if known and now < known.fresh_until:
                self._known.move_to_end(key)
                return known.grant
            flight = self._flights.get(key)
            if flight is None:
                mine = self._flights[key] = Future[Grant]()
        return flight.result() if flight else self._lead(key, bearer, known, mine)

    def lately(self, authorization: str | None) -> Grant | None:
        """What auth gave some seconds ago and may have taken back since; None where that would not be taken any more.

        To ask with it, not to show what is answered before `grant` has said that it still holds.
        """
        key = _key(_bearer(authorization))
        with self._lock:
            known = self._known.get(key)
            return known.grant if known and self._clock() < known.good_until else None

    def forget(self, authorization: str | None) -> None:
        """Forgets this caller and whoever else is the same person: their next requests are asked about at auth."""
        key = _key(_bearer(authorization))
        with self._lock:
            self._forgettings += 1
            # Nobody who comes from now on shares the end of an exchange that began before.
            self._flights.clear()
            if known := self._known.pop(key, None):
                same = [other for other, one in self._known.items() if one.subject == known.subject]
                for other in same:
                    del self._known[other]

    def _lead(self, key: bytes, bearer: str, known: _Known | None, flight: Future[Grant]) -> Grant:
        """Does the exchange that other threads wait for; they share its end, whatever it is."""
        try:
            grant = self._renewed(key, bearer, known)
            flight.set_result(grant)
            return grant
        except TsunaguError as error:
            flight.set_exception(error)
            raise
        finally:
            flight.cancel()  # Does nothing to one that has ended; after a bug nobody must wait for ever.
            with self._lock:
                if self._flights.get(key) is flight:
                    del self._flights[key]

    def _renewed(self, key: bytes, bearer: str, known: _Known | None) -> Grant:
        forgettings = self._forgettings
        try:
            grant = self._exchange(bearer)
        except Unavailable:
            if known is None or self._clock() >= known.good_until:
                raise
            # Good for a while: a page that needs it several times waits once for an auth that is silent.
            self._remember(key, known, forgettings)
            return known.grant
        except Unauthenticated:
            with self._lock:
                self._known.pop(key, None)
            raise
        good_until = self._clock() + grant.expires_in - SPARE_SECONDS
        self._remember(key, _Known(grant, _subject(grant.token), 0.0, good_until), forgettings)
        return grant

    def _remember(self, key: bytes, known: _Known, forgettings: int) -> None:
        now = self._clock()
        fresh = min(known.grant.expires_in / 2, REMEMBERED_SECONDS)
        with self._lock:
            # It may be this one who was to be forgotten while auth was asked.
            if forgettings != self._forgettings or known.good_until <= now:
                return
            self._known[key] = replace(known, fresh_until=now + fresh)
            self._known.move_to_end(key)
            while len(self._known) > self._most or next(iter(self._known.values())).good_until <= now:
                self._known.popitem(last=False)


def _key(bearer: str) -> bytes:
    return hashlib.sha256(bearer.encode()).digest()


def _subject(token: str) -> str:
    """Whom a token of auth's own names, or the token itself when it does not tell. Nothing is trusted for it."""
    try:
        return str(jwt.decode(token, options={"verify_signature": False})["sub"])
    except (jwt.PyJWTError, KeyError):
        return token


def _bearer(authorization: str | None) -> str:
    scheme, _, bearer = (authorization or "").partition(" ")
    bearer = bearer.strip()
    if scheme.lower() != "bearer" or not bearer:
        raise Unauthenticated("token-missing")
    if len(bearer) > LONGEST_BEARER or not bearer.isascii() or not bearer.isprintable():
        raise Unauthenticated("token-invalid")
    return bearer


def exchange_at(auth: Upstream, headers: Callable[[], Mapping[str, str]]) -> Exchange:
    """The exchange that asks auth; `headers` are those of the present request that auth should see."""

    def ask(bearer: str) -> Grant:
        body = msgspec.json.encode({"bearer": bearer})
        sent = {**headers(), "Content-Type": "application/json", "Accept": "application/json"}
        answer = auth.send(Call("POST", "/tokens", sent, body, seconds=5))
        try:
            return _granted(answer.status, answer.read())
        finally:
            answer.close()

    return ask


def _granted(status: int, body: bytes) -> Grant:
    if status == 401:
        raise Unauthenticated("token-invalid")
    try:
        if status == 200:
            return msgspec.json.decode(body, type=Grant)
    except msgspec.DecodeError:
        pass  # As useless as an error answer.
    raise Unavailable("service-unavailable")
