"""Open loop: asking at a fixed rate whether or not the answers before have come."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from statistics import quantiles
from typing import Any


def offered(act: Callable[[], Any], rate: float, seconds: float, threads: int) -> Sequence[float]:
    """Milliseconds of each act, counted from when it was due."""
    return offered_while(lambda asked: asked < rate * seconds, act, rate, threads)


def offered_while(going: Callable[[int], bool], act: Callable[[], Any], rate: float, threads: int) -> Sequence[float]:
    """As `offered`, as long as `going` says so; it is told how often was asked. At least twice."""
    began, waits = time.monotonic() + 0.05, threading.Event()
    asked: list[Future[float]] = []

    def one(due: float) -> float:
        act()
        return (time.monotonic() - due) * 1000

    with ThreadPoolExecutor(threads) as pool:
        while len(asked) < 2 or going(len(asked)):
            due = began + len(asked) / rate
            waits.wait(max(0.0, due - time.monotonic()))
            asked.append(pool.submit(one, due))
    return [answer.result() for answer in asked]


def percentile(values: Sequence[float], percent: int) -> float:
    """Of two values or more."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]
