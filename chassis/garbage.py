"""When Python looks for garbage, in processes that make their objects in batches and drop them whole."""

import gc
from collections.abc import Callable

EVERY_SECONDS = 30.0


def collect_seldom() -> None:
    """Python's collector looks for cycles after a million new objects instead of 700, and never again among those that
    are there now. A large batch has some hundred thousand objects and no cycle, so nothing is looked for while it is
    carried out: that halved what it cost. Call it when all is loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(1_000_000, 10, 10)


def collect_now_and_then(stopped: Callable[[float], bool]) -> None:
    """Looks for cycles each 30 s until `stopped`, an event's `wait`, says so.

    The clients of Kafka and MongoDB leave some behind with each question, 150 objects a second even in an idle process,
    which until the millionth would be 100 MB.
    """
    while not stopped(EVERY_SECONDS):
        gc.collect()
