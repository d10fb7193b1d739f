"""What callers show, exchanged for the signed tokens by which services know them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from chassis.auth import TokenIssuer, jwks, read_jwks
from chassis.errors import Unauthenticated
from chassis.messages import now
from services.auth.flows import sessions
from services.auth.flows.keys import Keys
from services.auth.flows.sessions import Customers, Login

# Within so long, and within a quarter of its lifetime, a caller is given the same token again: services remember which
# ones they have verified.
SAME_FOR = timedelta(seconds=15)


@dataclass(frozen=True)
class Granted:
    """A signed token, how many seconds it is still good for, and the login that it stands for; None for an API key."""

    token: str
    seconds: int
    login: Login | None


@dataclass(frozen=True)
class Exchange:
    """Takes API keys and session tokens alike.

    A key's token is good for `machine_lifetime`, so that monitoring and the telephone go on while auth is away; that a
    key was revoked shows at the next exchange, which the gateway asks for every few seconds.
    """

    keys: Keys
    customers: Customers
    issuer: TokenIssuer
    lifetime: timedelta
    machine_lifetime: timedelta
    public_keys: Path
    clock: Callable[[], datetime] = now

    def token_for(self, bearer: str) -> Granted:
        """What is given for it. Raises Unauthenticated when what was shown is not good (any more)."""
        at, is_session = self.clock(), bearer.startswith(sessions.PREFIX)
        login = self.customers.opened_by(bearer, at) if is_session else None
        key = None if is_session else self.keys.caller(bearer, at)
        who = login.who if login else key
        if who is None:
            raise Unauthenticated("token-invalid")
        lifetime = self.lifetime if login else self.machine_lifetime
        since = _begun(at, min(SAME_FOR, lifetime / 4))
        token = self.issuer.issue(who, lifetime=lifetime, at=since)
        return Granted(token, int((since + lifetime - at).total_seconds()), login)

    def jwks(self) -> dict[str, Any]:
        """The public keys, as every service of ours reads them."""
        return jwks(*read_jwks(self.public_keys).values())


def _begun(at: datetime, step: timedelta) -> datetime:
    """When the step of time began in which this instant is."""
    return at - (at - datetime.min.replace(tzinfo=at.tzinfo)) % step
