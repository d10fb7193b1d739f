"""Customers who log in and save a setting while a storm goes through the system, beside the same in a system at rest.

Both at a fixed rate; a time counts from when the act was due.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from bench import customer
from bench.customer import API
from bench.ground import Ground
from bench.pace import offered_while, percentile
from bench.storm import Storm
from chassis.testing import eventually
from devstack.client import Client
from devstack.results import Figure, Result, Void, at_most, figure

TITLE = "Logging in and saving a setting during a storm of line faults, beside the same in an idle system."
CONTRACT = "0680001000"
LOGIN, SAVE = "login and logout", "reading and saving VoiceWarp"
RATES: Mapping[str, float] = {LOGIN: 2.0, SAVE: 5.0}
ROUNDS, IDLE_SECONDS, THREADS, GOAL = 3, 20.0, 8, 2.0
STORM, IDLE = "during the storm", "idle"
Times = Mapping[str, Sequence[float]]


def run(ground: Ground) -> Result:
    """A login or a change that is refused makes the figures void, and so does a lost or doubled effect of the storm."""
    storm = Storm.on(ground)
    storm.prepare()
    acts = _acts(ground)
    idle, busy = list[Times](), list[Times]()
    for _ in ground.in_rounds("Idle and storm", ROUNDS):
        idle.append(_offered(acts, {name: partial(_less_than, rate * IDLE_SECONDS) for name, rate in RATES.items()}))
        busy.append(_during(storm, acts))
        storm.recoveries()
    figures = {f"{name}, p{percent}": _figure(name, percent, idle, busy) for name in RATES for percent in (50, 99)}
    return Result("login", TITLE, "", figures, notes=[f"Storms of {storm.lines:,} lines."])


def _figure(name: str, percent: int, idle: Sequence[Times], busy: Sequence[Times]) -> Figure:
    times = {side: [percentile(one[name], percent) for one in rounds] for side, rounds in ((STORM, busy), (IDLE, idle))}
    return figure("ms", times, beside=IDLE, goal=at_most(GOAL) if percent == 99 else None)


def _acts(ground: Ground) -> Mapping[str, Callable[[], None]]:
    customer.register(ground, CONTRACT, [CONTRACT], ["voicewarp"])
    browser = Client(ground.gateway_url, customer.log_in(ground, CONTRACT))
    path, labels = f"{API}/numbers/{CONTRACT}/voicewarp", itertools.count(1)
    setting = eventually(lambda: browser.get(path).body if browser.get(path).status == 200 else None, within=60) or {}

    def log_in() -> None:
        token = customer.try_login(Client(ground.gateway_url), CONTRACT, customer.LASTING)
        if not token or Client(ground.gateway_url, token).delete(f"{API}/sessions/current").status != 204:
            raise Void("a login was refused")

    def save() -> None:
        destinations = {"destinations": [{"number": "09012345678", "label": f"{next(labels)}"}], "active": 1}
        answer = browser.put(path, {**setting, **destinations})
        if answer.status not in (200, 409, 412):  # Somebody else, of the same browser, was a moment faster.
            raise Void(f"a change was refused: {answer.status} {answer.code}")

    return {LOGIN: log_in, SAVE: save}


def _less_than(most: float, asked: int) -> bool:
    return asked < most


def _during(storm: Storm, acts: Mapping[str, Callable[[], None]]) -> Times:
    with ThreadPoolExecutor(1) as aside:
        running = aside.submit(storm.faults)
        times = _offered(acts, dict.fromkeys(acts, lambda _: not running.done()))
        running.result()
    return times


def _offered(acts: Mapping[str, Callable[[], None]], going: Mapping[str, Callable[[int], bool]]) -> Times:
    """Both at the same time, each at its rate."""
    with ThreadPoolExecutor(len(acts)) as together:
        asked = {
            name: together.submit(offered_while, going[name], act, RATES[name], THREADS) for name, act in acts.items()
        }
        return {name: one.result() for name, one in asked.items()}
