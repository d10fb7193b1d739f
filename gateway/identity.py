"""From what a caller shows (an API key, later a session) to the short-lived token that services trust.

The exchange is remembered for a few seconds, so that a storm of posts does not become a storm of exchanges. What is
revoked therefore works for that long at most. Only the SHA-256 of what was shown is kept.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock

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
    """What auth gives for a bearer: a token for services, good for `expires_in` seconds."""

    token: str
    expires_in: float


@dataclass(frozen=True)
class _Known:
    token: str
    fresh_until: float
    good_until: float


class Identity:
    """Exchanges bearers, each only once at a time however many threads ask. `clock` counts seconds and never jumps."""

    def __init__(
        self, exchange: Exchange, clock: Callable[[], float] = time.monotonic, most: int = MOST_REMEMBERED
    ) -> None:
        self._exchange, self._clock, self._most = exchange, clock, most
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._flights: dict[bytes, Future[str]] = {}
        self._lock = Lock()

    def token(self, authorization: str | None) -> str:
        """The token for an Authorization header.

        Raises Unauthenticated `token-missing` or `token-invalid`. While auth does not answer, a token that is still
        good goes on being used; without one raises Unavailable.
        """
        bearer = _bearer(authorization)
        key = hashlib.sha256(bearer.encode()).digest()
        with self._lock:
            now, known = self._clock(), self._known.get(key)
            if known and now < known.fresh_until:
                self._known.move_to_end(key)
                return known.token
            flight = self._flights.get(key)
            if flight is None:
                mine = self._flights[key] = Future[str]()
        return flight.result() if flight else self._lead(key, bearer, known, mine)

    def _lead(self, key: bytes, bearer: str, known: _Known | None, flight: Future[str]) -> str:
        """Does the exchange that other threads wait for; they share its end, whatever it is."""
        try:
            token = self._renewed(key, bearer, known)
            flight.set_result(token)
            return token
        except TsunaguError as error:
            flight.set_exception(error)
            raise
        finally:
            flight.cancel()  # Does nothing to one that has ended; after a bug nobody must wait for ever.
            with self._lock:
                del self._flights[key]

    def _renewed(self, key: bytes, bearer: str, known: _Known | None) -> str:
        try:
            grant = self._exchange(bearer)
        except Unavailable:
            if known and self._clock() < known.good_until:
                return known.token
            raise
        except Unauthenticated:
            with self._lock:
                self._known.pop(key, None)
            raise
        self._remember(key, grant)
        return grant.token

    def _remember(self, key: bytes, grant: Grant) -> None:
        now = self._clock()
        fresh = min(grant.expires_in / 2, REMEMBERED_SECONDS)
        with self._lock:
            self._known[key] = _Known(grant.token, now + fresh, now + grant.expires_in - SPARE_SECONDS)
            self._known.move_to_end(key)
            while len(self._known) > self._most:
                self._known.popitem(last=False)


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
