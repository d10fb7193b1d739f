"""How long the top page of a contract with 200 numbers takes, beside a bare Flask page in the same run.

Open loop: pages are asked for at a fixed rate whether or not the ones before have come, and a time counts from when a
page was due. Ours and the bare ones take turns in short rounds, so that all meet the same machine.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from statistics import quantiles

import urllib3
from rich.console import Console

from bench import bare_page
from chassis.testing import eventually
from devstack import ports
from devstack.client import Client, expect
from devstack.places import REPOSITORY

CONTRACT, COUNT = "0680000000", 200
NUMBERS = tuple(f"06{80_000_000 + place}" for place in range(COUNT))
TEMPORARY, LASTING = "20261123", "tsunagu2026"
API = "/api/v1"
RATES, ROUNDS, SECONDS = (2, 10), 6, 5.0
THREADS, GATEWAY_THREADS = 16, 64
GOAL = 3.0
OURS, SMALL = "top page", "small page /lite"
BARE, ONE_READ, NOTHING = "bare Flask page", "bare, of one read", "Flask that says ok"


def run(gateway_url: str, operator_key: str, telephone_key: str, mongo_url: str) -> None:
    """Prints the figures. RuntimeError when a page does not come or is another one."""
    console = Console()
    token = _token(gateway_url, Client(gateway_url, operator_key), Client(gateway_url, telephone_key))
    pool = urllib3.PoolManager(maxsize=THREADS, timeout=30.0)
    cookie = {"Cookie": f"tsunagu-session={token}", "Accept-Encoding": "gzip"}
    bare_page.fill(mongo_url, COUNT)
    with _serving(mongo_url) as bare_url:
        ways = {
            OURS: _asker(pool, f"{gateway_url}/", cookie, "06-8000-0019"),
            SMALL: _asker(pool, f"{gateway_url}/lite", cookie, "06-8000-0199"),
            BARE: _asker(pool, f"{bare_url}/", {}, "06-0019-0000"),
            ONE_READ: _asker(pool, f"{bare_url}/one-read", {}, "06-0019-0000"),
            NOTHING: _asker(pool, f"{bare_url}/nothing", {}, "ok"),
        }
        for rate in RATES:
            _print(console, rate, _rounds(ways, rate))
    bare_page.empty(mongo_url)


def _token(gateway_url: str, operator: Client, telephone: Client) -> str:
    """Of a login of the contract, which is made and set first."""
    numbers = {number: ["voicewarp", "incoming-mail"] for number in NUMBERS}
    contract = {"contract_number": CONTRACT, "circuit": "C-bench-pages", "contractor": "株式会社つなぐ", "site": "本店"}
    options = ["bulk-forward", "fault-notice"]
    expect(operator.put(f"{API}/contracts/{CONTRACT}", {**contract, "options": options, "numbers": numbers}), CONTRACT)
    with ThreadPoolExecutor(THREADS) as together:
        list(together.map(partial(_set, operator), NUMBERS))
    visitor = Client(gateway_url)
    if token := _logged_in(visitor, LASTING):
        return token
    _call(telephone)
    token = eventually(lambda: _logged_in(visitor, TEMPORARY)) or ""
    body = {"current": TEMPORARY, "new": LASTING, "new_again": LASTING}
    return str(expect(Client(gateway_url, token).put(f"{API}/password", body), "The password").body["token"])


def _set(operator: Client, number: str) -> None:
    voicewarp, mail = f"{API}/numbers/{number}/voicewarp", f"{API}/numbers/{number}/incoming-mail"
    eventually(lambda: all(operator.get(path).status == 200 for path in (voicewarp, mail)), within=60)
    destinations = {"destinations": [{"number": "09012345678", "label": "携帯"}], "active": 1, "started": True}
    expect(operator.put(voicewarp, {**operator.get(voicewarp).body, **destinations}), number)
    addresses = {"addresses": ["bench@example.jp"], "started": True}
    expect(operator.put(mail, {**operator.get(mail).body, **addresses}), number)


def _logged_in(visitor: Client, password: str) -> str:
    """The session's token; "" where the password is another one."""
    answer = visitor.post(f"{API}/sessions", {"number": CONTRACT, "password": password})
    return str(answer.body["token"]) if answer.status == 201 else ""


def _call(telephone: Client) -> None:
    """Sets the temporary password."""
    calls = f"{API}/ivr/calls"
    begun = eventually(lambda: _begun(telephone.post(calls, {"caller": CONTRACT}).body))
    for keys in ("1", TEMPORARY, TEMPORARY):
        expect(telephone.post(f"{calls}/{begun}/keys", {"keys": keys}), "A key")


def _begun(body: Mapping[str, str]) -> str | None:
    return body.get("call_id")


@contextmanager
def _serving(mongo_url: str) -> Iterator[str]:
    """The bare page in a process of its own, served as the gateway is."""
    with tempfile.TemporaryDirectory() as metrics:
        bind = f"127.0.0.1:{ports.free_port()}"
        settings = {"BIND": bind, "WEB_THREADS": str(GATEWAY_THREADS), "PROMETHEUS_MULTIPROC_DIR": metrics}
        command = (sys.executable, "-m", "gunicorn", "-c", "chassis/gunicorn_conf.py", "bench.bare_page:create_app()")
        environment = os.environ | settings | {"MONGO_URL": mongo_url}
        with subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL) as server:
            try:
                yield f"http://{bind}"
            finally:
                server.terminate()


def _asker(pool: urllib3.PoolManager, url: str, headers: Mapping[str, str], said: str) -> Callable[[], None]:
    """Asks for a page, which has to say something; the first try may wait for the server."""

    def ask() -> None:
        answer = pool.request("GET", url, headers=headers, redirect=False)
        if answer.status != 200 or said not in answer.data.decode():
            raise RuntimeError(f"{url} was not the page: {answer.status}")

    eventually(lambda: _comes(ask))
    return ask


def _comes(ask: Callable[[], None]) -> bool:
    try:
        ask()
    except urllib3.exceptions.HTTPError:
        return False
    return True


def _rounds(ways: Mapping[str, Callable[[], None]], rate: int) -> Mapping[str, Sequence[Sequence[float]]]:
    rounds = [{name: _round(ask, rate) for name, ask in ways.items()} for _ in range(ROUNDS)]
    return {name: [one[name] for one in rounds] for name in ways}


def _round(ask: Callable[[], None], rate: int) -> Sequence[float]:
    """Milliseconds of each page in `SECONDS` at `rate`."""
    began = time.monotonic() + 0.05
    waits = threading.Event()

    def one(place: int) -> float:
        due = began + place / rate
        waits.wait(max(0.0, due - time.monotonic()))
        ask()
        return (time.monotonic() - due) * 1000

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, range(int(rate * SECONDS))))


def _print(console: Console, rate: int, taken: Mapping[str, Sequence[Sequence[float]]]) -> None:
    say = partial(console.print, highlight=False, soft_wrap=True)
    say(f"{rate} pages/s offered, {ROUNDS} rounds of {SECONDS:.0f} s in turns; all rounds, (best-worst round)")
    bare = _percentile([one for rounds in taken[BARE] for one in rounds], 95)
    for name, rounds in taken.items():
        whole = [one for each in rounds for one in each]
        worst = [_percentile(each, 95) for each in rounds]
        p50, p95 = _percentile(whole, 50), _percentile(whole, 95)
        spread = f"({min(worst):.1f}-{max(worst):.1f})"
        say(f"  {name:20} p50 {p50:6.1f} ms   p95 {p95:6.1f} ms {spread:14} p95 / bare p95 {p95 / bare:.1f}")
    ours = _percentile([one for rounds in taken[OURS] for one in rounds], 95) / bare
    say(f"  the goal is {GOAL:.0f} times the bare page; the top page takes {ours:.1f}")


def _percentile(values: Sequence[float], percent: int) -> float:
    return quantiles(values, n=100, method="inclusive")[percent - 1]
