"""How fast the switch is told where a call goes, beside bare inserts of the same size into the same database.

Open loop: calls are offered at a fixed rate whether or not the ones before are answered, and a time counts from when
the call was due. Ours and the bare inserts take turns in short rounds, so that both meet the same machine.
"""

import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import urllib3

from bench.ground import Ground
from chassis.auth import Principal, TokenIssuer
from chassis.messages import now
from chassis.mongo import connect
from devstack import results, seed
from devstack.results import Result
from devstack.services import web

TITLE = "Answers to the telephone switch at a fixed rate of calls, beside bare inserts of documents of the same size."
OURS, BARE, GOAL = "voicewarp", "bare insert_one", 3.0
RATES = (50, 100, 200)
ROUNDS, SECONDS = 5, 4.0
THREADS = 32
DATABASE = "bench-calls"
MOBILE = "09012345678"
SETTING = {
    "started": True,
    "mode": "no-answer",
    "destinations": [{"number": MOBILE}],
    "active": 1,
    "select": {"mode": "off", "callers": []},
}


@dataclass(frozen=True)
class Figure:
    """One round of one way at one rate, in milliseconds and calls a second."""

    rate: float
    p50: float
    p99: float


def run(ground: Ground) -> Result:
    """A call that is answered with anything but a decision makes the figures void."""
    pool = urllib3.PoolManager(maxsize=THREADS, timeout=30.0)
    _set_up(pool, ground.gateway_url, ground.keys[seed.OPERATOR], seed.CONTRACT)
    directly = _asker(pool, f"{ground.addresses.url(web('voicewarp'))}/calls", _token(ground), seed.CONTRACT)
    gateway = f"{ground.gateway_url}/api/v1/calls"
    ways = {
        OURS: directly,
        "through the gateway": _asker(pool, gateway, ground.keys[seed.CALLS], seed.CONTRACT),
        BARE: _inserter(ground.mongo_url, directly),
    }
    figures: dict[str, results.Figure] = {}
    for rate in RATES:
        title = f"{rate} calls/s"
        rounds = [{name: _round(act, rate) for name, act in ways.items()} for _ in ground.in_rounds(title, ROUNDS)]
        figures |= _figures(title, rounds)
    return Result("calls", TITLE, "", figures)


def _token(ground: Ground) -> str:
    """What the gateway would show voicewarp for the switch."""
    switch = Principal("machine", "bench", frozenset({seed.CALLS}))
    issuer = TokenIssuer.from_file(ground.places.signing_key)
    return issuer.issue(switch, lifetime=timedelta(minutes=30), at=now())


def _figures(title: str, rounds: Sequence[Mapping[str, Figure]]) -> dict[str, results.Figure]:
    p50 = {name: [one[name].p50 for one in rounds] for name in rounds[0]}
    p99 = {name: [one[name].p99 for one in rounds] for name in rounds[0]}
    return {
        f"{title}, p50": results.figure("ms", p50, beside=BARE),
        f"{title}, p99": results.figure("ms", p99, beside=BARE, goal=results.at_most(GOAL)),
    }


def _set_up(pool: urllib3.PoolManager, gateway_url: str, key: str, number: str) -> None:
    path = f"{gateway_url}/api/v1/numbers/{number}/voicewarp"
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "If-Match": "*"}
    answer = pool.request("PUT", path, body=json.dumps(SETTING).encode(), headers=headers)
    if answer.status != 200:
        raise RuntimeError(f"VoiceWarp of the number could not be set: {answer.status}")


def _asker(pool: urllib3.PoolManager, url: str, bearer: str, number: str) -> Callable[[], Any]:
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}

    def ask() -> str:
        call_id = uuid.uuid4().hex
        at = datetime.now(UTC).isoformat()
        body = {"call_id": call_id, "called": number, "caller": "0312345678", "at": at}
        answer = pool.request("POST", url, body=json.dumps(body).encode(), headers=headers)
        if answer.status != 200 or json.loads(answer.data)["on_no_answer"]["to"] != MOBILE:
            raise RuntimeError(f"a call was not answered: {answer.status}")
        return call_id

    return ask


def _inserter(mongo_url: str, ask: Callable[[], Any]) -> Callable[[], Any]:
    """Inserts of documents of the size of a call's commit, with the same durability and the same indexes' number."""
    document = connect(mongo_url, "voicewarp")["commits"].find_one({"_id": f"call-{ask()}@1"}) or {}
    padding = "x" * max(0, len(bson.encode(document)) - 60)
    rows = connect(mongo_url, DATABASE)["rows"]

    def insert() -> None:
        rows.insert_one({"_id": uuid.uuid4().hex, "padding": padding})

    return insert


def _round(act: Callable[[], Any], rate: int) -> Figure:
    """`SECONDS` of `act` at `rate`."""
    count = int(rate * SECONDS)
    began = time.monotonic() + 0.05
    waits = threading.Event()

    def one(place: int) -> float:
        due = began + place / rate
        waits.wait(max(0.0, due - time.monotonic()))
        act()
        return (time.monotonic() - due) * 1000

    with ThreadPoolExecutor(THREADS) as pool:
        taken = sorted(pool.map(one, range(count)))
    return Figure(count / (time.monotonic() - began), taken[count // 2], taken[int(count * 0.99)])
