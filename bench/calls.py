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
from datetime import UTC, datetime
from functools import partial
from statistics import median
from typing import Any

import bson
import urllib3
from rich.console import Console

from chassis.mongo import connect

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


def run(gateway_url: str, voicewarp_url: str, keys: Mapping[str, str], token: str, mongo_url: str, number: str) -> None:
    """Prints the figures. `keys` are API keys by scope, `token` is what the gateway would show voicewarp for `calls`.

    RuntimeError when a call is answered with anything but a decision.
    """
    console = Console()
    pool = urllib3.PoolManager(maxsize=THREADS, timeout=30.0)
    _set_up(pool, gateway_url, keys["operator"], number)
    directly = _asker(pool, f"{voicewarp_url}/calls", token, number)
    ways = {
        "voicewarp": directly,
        "through the gateway": _asker(pool, f"{gateway_url}/api/v1/calls", keys["calls"], number),
        "bare insert_one": _inserter(mongo_url, directly),
    }
    for rate in RATES:
        rounds = [{name: _round(act, rate) for name, act in ways.items()} for _ in range(ROUNDS)]
        _print(console, rate, rounds)


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


def _print(console: Console, rate: int, rounds: Sequence[Mapping[str, Figure]]) -> None:
    say = partial(console.print, highlight=False, soft_wrap=True)
    say(f"{rate} calls/s offered, {len(rounds)} rounds of {SECONDS:.0f} s; median of the rounds, (least-most)")
    bare = [one["bare insert_one"] for one in rounds]
    for name in rounds[0]:
        ours = [one[name] for one in rounds]
        ratio = median(a.p99 / b.p99 for a, b in zip(ours, bare, strict=True))
        say(
            f"  {name:20} {median(one.rate for one in ours):6.0f}/s   p50 {_spread([one.p50 for one in ours])}   "
            f"p99 {_spread([one.p99 for one in ours])}   p99 / bare p99 {ratio:.1f}"
        )


def _spread(values: Sequence[float]) -> str:
    return f"{median(values):6.1f} ms ({min(values):.1f}-{max(values):.1f})"
