"""Processor time by process: where a line's time goes. What else the machine does moves it less than a rate."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import psutil  # type: ignore[import-untyped]

Spent = Mapping[str, float]


@contextmanager
def measured(pids: Mapping[str, int]) -> Iterator[Callable[[], Spent]]:
    """Gives a function that tells the seconds of processor time that each process, with its children, has used within
    the block; this process without its children. One that is not there at both ends is left out."""
    before = _used(pids)
    yield lambda: {name: used - before[name] for name, used in _used(pids).items() if name in before}


def _used(pids: Mapping[str, int]) -> dict[str, float]:
    used: dict[str, float] = {}
    for name, pid in pids.items():
        try:
            process = psutil.Process(pid)
            children = process.children(recursive=True) if pid != os.getpid() else []
            used[name] = sum(_seconds(one) for one in (process, *children))
        except psutil.NoSuchProcess:
            continue
    return used


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
