"""Many worlds on all processors, `python -m sim [--first N] [--seeds N] [--until-broken]`, or one, `--seed N`."""

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

from chassis.garbage import collect_seldom
from sim.play import Result, play

AT_ONCE = 50


@dataclass(frozen=True)
class Outcome:
    """How many seeds were played, which of them broke an invariant, and in how long."""

    seeds: int
    broken: tuple[Result, ...]
    seconds: float


def run(seeds: range, *, done: Callable[[int, int], None] = lambda played, broken: None, whole: bool = True) -> Outcome:
    """Plays the seeds; `done` is told how many were played and how many are broken. Not `whole`: until one is."""
    began, played, broken = time.monotonic(), 0, list[Result]()
    for some, results in _played(seeds):
        played += some
        broken += results
        done(played, len(broken))
        if broken and not whole:
            break
    return Outcome(played, tuple(sorted(broken, key=lambda result: result.seed)), time.monotonic() - began)


def _played(seeds: range) -> Iterator[tuple[int, Sequence[Result]]]:
    parts = [seeds[first : first + AT_ONCE] for first in range(0, len(seeds), AT_ONCE)]
    processors = len(os.sched_getaffinity(0))
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processors, fork, collect_seldom) as pool:
        try:
            for part in as_completed([pool.submit(_play_all, part) for part in parts]):
                yield part.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _play_all(seeds: range) -> tuple[int, Sequence[Result]]:
    return len(seeds), [result for result in map(play, seeds) if result.broken]


def main(arguments: Sequence[str]) -> int:
    """1 when an invariant was broken. Prints the history of a single seed."""
    parser = argparse.ArgumentParser(prog="python -m sim", description=__doc__)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1_000)
    parser.add_argument("--until-broken", action="store_true")
    chosen = parser.parse_args(arguments)
    if chosen.seed is not None:
        return show(chosen.seed)
    outcome = run(range(chosen.first, chosen.first + chosen.seeds), whole=not chosen.until_broken)
    for result in outcome.broken:
        sys.stdout.write(f"{result.seed} {result.broken[0]}\n")
    return 1 if outcome.broken else 0


def show(seed: int) -> int:
    """The history of a seed, and what it broke; 1 when it broke anything."""
    result = play(seed, traced=True)
    sys.stdout.write("".join(f"{line}\n" for line in result.trace))
    return 1 if result.broken else 0
