"""Where a call goes, asked for in every way that there is, beside a bare Flask page that reads one document.

`bench calls` has the telephone switch, whose answer is recorded too; this is the question alone.
"""

import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any

import urllib3

from bench import bare_page, customer
from bench.asking import asker
from bench.customer import API
from bench.gateway import figures, token
from bench.ground import Ground
from bench.pace import offered
from chassis.testing import eventually
from devstack import seed
from devstack.client import Client, expect
from devstack.results import Result, Void
from devstack.services import FEW_WEB_THREADS, web

TITLE = "Routing decisions, each compared with what it has to be, beside a bare Flask page of one read."
CONTRACT = "0680002000"
FIRST, CHOSEN, RESTING, BULK = NUMBERS = (CONTRACT, "0680002001", "0680002002", "0680002003")
MOBILE, OFFICE, FRIEND = "09012345678", "0312345678", "0311112222"
RATE, ROUNDS, SECONDS, THREADS = 50, 5, 4.0, 16
OURS, DIRECTLY, BARE = "through the gateway", "from voicewarp itself", "bare Flask page"
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    FIRST: {"started": True, "mode": "unconditional"},
    CHOSEN: {
        "started": True,
        "mode": "unconditional",
        "select": {"mode": "forward-registered", "callers": [{"number": FRIEND}]},
    },
    RESTING: {"started": False},
    BULK: {"started": True, "mode": "no-answer"},
}
# Number, caller, and the decision: why, and where to.
QUESTIONS = (
    (FIRST, FRIEND, "voicewarp-unconditional", MOBILE),
    (CHOSEN, FRIEND, "voicewarp-unconditional", MOBILE),
    (CHOSEN, OFFICE, "caller-not-registered", None),
    (RESTING, FRIEND, "not-forwarded", None),
    (BULK, FRIEND, "bulk-forward", OFFICE),
)


def run(ground: Ground) -> Result:
    """A wrong decision makes the figures void."""
    _set_up(ground, ground.client(seed.OPERATOR))
    pool = urllib3.PoolManager(maxsize=THREADS, timeout=30.0)
    key = {"Authorization": f"Bearer {ground.keys[seed.OPERATOR]}"}
    bare_page.fill(ground.mongo_url, bare_page.SHOWN)
    with bare_page.serving(ground.mongo_url, FEW_WEB_THREADS) as bare:
        ways = {
            OURS: _in_turns(pool, f"{ground.gateway_url}{API}", key),
            DIRECTLY: _in_turns(pool, ground.addresses.url(web("voicewarp")), token(ground)),
            BARE: asker(pool, f"{bare}/one-read", {}, "06-0019-0000"),
        }
        rounds = [
            {name: offered(ask, RATE, SECONDS, THREADS) for name, ask in ways.items()}
            for _ in ground.in_rounds(f"{RATE} questions/s", ROUNDS)
        ]
    bare_page.empty(ground.mongo_url)
    return Result("routing", TITLE, "", figures(rounds, BARE))


def _set_up(ground: Ground, operator: Client) -> None:
    customer.register(ground, CONTRACT, NUMBERS, ["voicewarp"])
    for number, setting in SETTINGS.items():
        path = f"{API}/numbers/{number}/voicewarp"
        before = eventually(lambda path=path: _known(operator, path), within=60)  # type: ignore[misc]
        destinations = {"destinations": [{"number": MOBILE, "label": "携帯"}], "active": 1}
        expect(operator.put(path, {**(before or {}), **destinations, **setting}), number)
    forwarding = f"{API}/contracts/{CONTRACT}/bulk-forward"
    eventually(lambda: _known(operator, forwarding), within=60)
    if not operator.get(forwarding).body["running"]:
        expect(operator.put(forwarding, {"entries": {BULK: OFFICE}}), "The entries")
        expect(operator.post(f"{forwarding}/start"), "Bulk forwarding")
    eventually(lambda: operator.get(f"{API}/numbers/{BULK}/routing").body["reason"] == "bulk-forward", within=60)


def _known(operator: Client, path: str) -> Mapping[str, Any] | None:
    answer = operator.get(path)
    return answer.body if answer.status == 200 else None


def _in_turns(pool: urllib3.PoolManager, url: str, headers: Mapping[str, str]) -> Callable[[], None]:
    """Asks one question after the other, from any thread."""
    questions = itertools.cycle(QUESTIONS)

    def ask() -> None:
        number, caller, reason, to = next(questions)
        answer = pool.request("GET", f"{url}/numbers/{number}/routing?caller={caller}", headers=headers)
        decision = json.loads(answer.data) if answer.status == 200 else {}
        if (decision.get("reason"), decision.get("now", {}).get("to")) != (reason, to):
            raise Void(f"a call of {caller} to {number} went elsewhere: {answer.status} {decision}")

    return ask
