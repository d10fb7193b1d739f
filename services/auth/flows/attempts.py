"""How many wrong passwords are taken: for a number, from a source, and over all (spec section 2).

An attempt takes its places before its password is looked at, and gives them back unless it has failed. So only failures
count, and of any number of attempts at the same time no more are looked at than may fail.
"""

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chassis import telemetry
from chassis.errors import TooMany
from chassis.limits import Full, Limit, Limits, Place


@dataclass(frozen=True)
class Bounds:
    """The limits. `share` is what one source may have of a number's, so that none alone keeps its customer out.

    `few` is for each source while `overall` is full: one password tried on a thousand numbers from a thousand addresses
    becomes slow, and customers still get in.
    """

    number: Limit = Limit(100, timedelta(minutes=15))
    source: Limit = Limit(100, timedelta(minutes=5))
    overall: Limit = Limit(1000, timedelta(minutes=5))
    few: Limit = Limit(5, timedelta(minutes=5))
    share: Limit = Limit(60, timedelta(minutes=15))


@dataclass
class Attempt:
    """One attempt, which has its places."""

    places: list[Place] = field(default_factory=list)
    has_failed: bool = False

    def failed(self) -> None:
        self.has_failed = True


@dataclass(frozen=True)
class Attempts:
    """Counts attempts at passwords."""

    limits: Limits
    bounds: Bounds = Bounds()

    @contextmanager
    def one(self, number: str, source: str, at: datetime, password: str = "") -> Iterator[Attempt]:
        """One attempt at a number; `password` names which of its passwords, as each has places of its own. TooMany
        `too-many-attempts` when it is one too many; it is not to be made then."""
        attempt = Attempt()
        try:
            self._take(attempt, f"{number}:{password}", neighbourhood(source), at)
            yield attempt
        finally:
            if not attempt.has_failed:
                for place in attempt.places:
                    self.limits.give_back(place)

    def _take(self, attempt: Attempt, number: str, source: str, at: datetime) -> None:
        self._need(attempt, f"share:{number}:{source}", self.bounds.share, at)
        self._need(attempt, f"number:{number}", self.bounds.number, at)
        self._need(attempt, f"source:{source}", self.bounds.source, at)
        place = self.limits.take("overall", self.bounds.overall, at)
        if isinstance(place, Place):
            attempt.places.append(place)
        else:
            self._need(attempt, f"few:{source}", self.bounds.few, at)

    def _need(self, attempt: Attempt, name: str, limit: Limit, at: datetime) -> None:
        match self.limits.take(name, limit, at):
            case Place() as place:
                attempt.places.append(place)
            case Full(retry_after):
                telemetry.LOGIN_FAILURES.labels("too-many-attempts").inc()
                raise TooMany("too-many-attempts", retry_after=retry_after)


def neighbourhood(source: str) -> str:
    """The address, or the network of an IPv6 address that one customer has to themselves (/64)."""
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return source
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((int(address), 64), strict=False))
