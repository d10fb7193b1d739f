"""What the gateway adds to an answer: the same setting through it and from the service itself, beside bare Flask.

Open loop at a fixed rate, all ways in turns. The bare Flask page reads as much from MongoDB and is served by gunicorn
as the services are; the last one does nothing at all.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import urllib3

from bench import bare_page
from bench.asking import asker
from bench.ground import Ground
from bench.pace import offered, percentile
from chassis.auth import Principal, TokenIssuer
from chassis.messages import now
from devstack import seed
from devstack.results import Figure, Result, figure
from devstack.services import FEW_WEB_THREADS, web

TITLE = "A setting read through the gateway and from the service itself, beside a bare Flask page of one read."
RATE, ROUNDS, SECONDS, THREADS = 50, 5, 4.0, 16
OURS, DIRECTLY = "through the gateway", "from bulkforward itself"
BARE, NOTHING = "bare Flask page", "Flask that says ok"


def run(ground: Ground) -> Result:
    """An answer that is not the setting makes the figures void."""
    path, pool = f"/contracts/{seed.CONTRACT}/bulk-forward", urllib3.PoolManager(maxsize=THREADS, timeout=30.0)
    bare_page.fill(ground.mongo_url, bare_page.SHOWN)
    with bare_page.serving(ground.mongo_url, FEW_WEB_THREADS) as bare:
        key = {"Authorization": f"Bearer {ground.keys[seed.OPERATOR]}"}
        ways = {
            OURS: asker(pool, f"{ground.gateway_url}/api/v1{path}", key, seed.CONTRACT),
            DIRECTLY: asker(pool, f"{ground.addresses.url(web('bulkforward'))}{path}", token(ground), seed.CONTRACT),
            BARE: asker(pool, f"{bare}/one-read", {}, "06-0019-0000"),
            NOTHING: asker(pool, f"{bare}/nothing", {}, "ok"),
        }
        rounds = [
            {name: offered(ask, RATE, SECONDS, THREADS) for name, ask in ways.items()}
            for _ in ground.in_rounds(f"{RATE} requests/s", ROUNDS)
        ]
    bare_page.empty(ground.mongo_url)
    return Result("gateway", TITLE, "", figures(rounds, BARE))


def figures(rounds: Sequence[Mapping[str, Sequence[float]]], beside: str) -> dict[str, Figure]:
    """p50 and p95 of each way."""
    return {
        f"p{percent}": figure(
            "ms", {name: [percentile(one[name], percent) for one in rounds] for name in rounds[0]}, beside=beside
        )
        for percent in (50, 95)
    }


def token(ground: Ground) -> Mapping[str, str]:
    """What the gateway would show a service for an operator, as a header."""
    operator = Principal("operator", "bench", frozenset({seed.OPERATOR}))
    issuer = TokenIssuer.from_file(ground.places.signing_key)
    return {"Authorization": f"Bearer {issuer.issue(operator, lifetime=timedelta(hours=1), at=now())}"}
