"""How long the top page of a contract with 200 numbers takes, beside a bare Flask page in the same run.

Open loop: pages are asked for at a fixed rate whether or not the ones before have come, and a time counts from when a
page was due. Ours and the bare ones take turns in short rounds, so that all meet the same machine.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import urllib3

from bench import bare_page, customer
from bench.asking import asker
from bench.customer import API
from bench.ground import Ground
from bench.pace import offered, percentile
from chassis.testing import eventually
from devstack import seed
from devstack.client import Client, expect
from devstack.results import Figure, Result, at_most, figure

TITLE = "The top page of a contract with 200 numbers at a fixed rate of pages, beside Flask pages with as much in them."
CONTRACT, COUNT = "0680000000", 200
NUMBERS = tuple(f"06{80_000_000 + place}" for place in range(COUNT))
RATES, ROUNDS, SECONDS = (2, 10), 6, 5.0
THREADS, GATEWAY_THREADS = 16, 64
GOAL = 3.0
OURS, SMALL = "top page", "small page /lite"
BARE, ONE_READ, NOTHING = "bare Flask page", "bare, of one read", "Flask that says ok"


def run(ground: Ground) -> Result:
    """A page that does not come or is another one makes the figures void."""
    token = _token(ground)
    pool = urllib3.PoolManager(maxsize=THREADS, timeout=30.0)
    cookie = {"Cookie": f"tsunagu-session={token}", "Accept-Encoding": "gzip"}
    bare_page.fill(ground.mongo_url, COUNT)
    figures: dict[str, Figure] = {}
    with bare_page.serving(ground.mongo_url, GATEWAY_THREADS) as bare_url:
        ways = {
            OURS: asker(pool, f"{ground.gateway_url}/", cookie, "06-8000-0019"),
            SMALL: asker(pool, f"{ground.gateway_url}/lite", cookie, "06-8000-0049"),
            BARE: asker(pool, f"{bare_url}/", {}, "06-0019-0000"),
            ONE_READ: asker(pool, f"{bare_url}/one-read", {}, "06-0019-0000"),
            NOTHING: asker(pool, f"{bare_url}/nothing", {}, "ok"),
        }
        for rate in RATES:
            title = f"{rate} pages/s"
            rounds = [
                {name: offered(ask, rate, SECONDS, THREADS) for name, ask in ways.items()}
                for _ in ground.in_rounds(title, ROUNDS)
            ]
            figures |= _figures(title, rounds)
    bare_page.empty(ground.mongo_url)
    return Result("pages", TITLE, "", figures)


def _figures(title: str, rounds: Sequence[Mapping[str, Sequence[float]]]) -> dict[str, Figure]:
    p50 = {name: [percentile(one[name], 50) for one in rounds] for name in rounds[0]}
    p95 = {name: [percentile(one[name], 95) for one in rounds] for name in rounds[0]}
    return {
        f"{title}, p50": figure("ms", p50, beside=BARE),
        f"{title}, p95": figure("ms", p95, beside=BARE, goal=at_most(GOAL)),
    }


def _token(ground: Ground) -> str:
    """Of a login of the contract, which is made and set first."""
    customer.register(ground, CONTRACT, NUMBERS, ("voicewarp", "incoming-mail"))
    with ThreadPoolExecutor(THREADS) as together:
        list(together.map(partial(_set, ground.client(seed.OPERATOR)), NUMBERS))
    return customer.log_in(ground, CONTRACT)


def _set(operator: Client, number: str) -> None:
    voicewarp, mail = f"{API}/numbers/{number}/voicewarp", f"{API}/numbers/{number}/incoming-mail"
    eventually(lambda: all(operator.get(path).status == 200 for path in (voicewarp, mail)), within=60)
    destinations = {"destinations": [{"number": "09012345678", "label": "携帯"}], "active": 1, "started": True}
    expect(operator.put(voicewarp, {**operator.get(voicewarp).body, **destinations}), number)
    addresses = {"addresses": ["bench@example.jp"], "started": True}
    expect(operator.put(mail, {**operator.get(mail).body, **addresses}), number)
