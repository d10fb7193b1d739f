"""A service as a process: its worker with tasks that are run again when they fail, and its commands.

`python -m chassis <service> worker | aside | prepare | rebuild <view> | replay | <the service's own>`
"""

import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from flask import Flask

from chassis import progress, telemetry
from chassis.edge import VERSION
from chassis.errors import TsunaguError
from chassis.garbage import collect_now_and_then, collect_seldom
from chassis.lease import LEASE_SECONDS, Lease
from chassis.settings import variable
from chassis.tasks import LedTask, Task

RENEW_SECONDS = 3.0
STOP_SECONDS = 20.0
WORKER_NICENESS, ASIDE_NICENESS = 15, 19
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
log = structlog.get_logger(__name__)

Command = Callable[[Sequence[str]], int]


class Event(Protocol):
    """As `threading.Event`."""

    def is_set(self) -> bool: ...
    def set(self) -> None: ...
    def wait(self, timeout: float | None = None) -> bool: ...


class Thread(Protocol):
    """As `threading.Thread`."""

    @property
    def name(self) -> str: ...
    def join(self, timeout: float | None = None) -> None: ...
    def is_alive(self) -> bool: ...


class Threads(Protocol):
    """What runs beside what in a process, and its sense of time. The simulator has its own."""

    def event(self) -> Event: ...
    def start(self, name: str, target: Callable[..., None], *args: object) -> Thread: ...
    def monotonic(self) -> float: ...


class RealThreads:
    """Those of Python."""

    def event(self) -> Event:
        return threading.Event()

    def start(self, name: str, target: Callable[..., None], *args: object) -> Thread:
        thread = threading.Thread(target=target, args=args, name=name, daemon=True)
        thread.start()
        return thread

    def monotonic(self) -> float:
        return time.monotonic()


THREADS = RealThreads()


@dataclass(frozen=True)
class WorkerSettings:
    """What every worker takes from its environment beside its service's settings."""

    metrics_bind: str = variable("host:port on which /metrics and /health are shown; empty: nowhere.", default="")


@dataclass(frozen=True)
class Service:
    """All of one service, connected: `app` makes its web application, `tasks` run in every worker.

    Of each task of `led` one runs at a time, whatever the number of workers; so too of `aside`, whose tasks share a
    process that gives way to all others. `lease` makes the lease of that name for a holder.
    `prepare` makes indexes and is called until it succeeds. Nothing is contacted before one of them runs.
    """

    name: str
    app: Callable[[], Flask]
    lease: Callable[[str, str], Lease]
    prepare: Callable[[], None] = lambda: None
    tasks: Mapping[str, Task] = field(default_factory=dict)
    led: Mapping[str, LedTask] = field(default_factory=dict)
    aside: Mapping[str, LedTask] = field(default_factory=dict)
    commands: Mapping[str, Command] = field(default_factory=dict)


def run_worker(service: Service, settings: WorkerSettings) -> int:
    """All but the tasks aside, until SIGTERM or SIGINT; then every task finishes its turn. The exit status.

    The process gives way to those whom somebody waits for (adr/0023).
    """
    os.nice(WORKER_NICENESS)
    return _run(service, settings, "worker", service.tasks, service.led)


def run_aside(service: Service, settings: WorkerSettings) -> int:
    """The tasks aside, as `run_worker`. This process gives way to every other of the machine."""
    os.nice(ASIDE_NICENESS)
    return _run(service, settings, "aside", {}, service.aside)


def run_prepare(service: Service, topics: Callable[[], None]) -> int:
    """The service's indexes and `topics`, tried again until both are there; SIGTERM or SIGINT ends the trying. The exit
    status: 0 when they are there."""
    stop, done = _stopped_by_signal(), threading.Event()

    def everything(_going: Callable[[], bool]) -> None:
        service.prepare()
        topics()
        done.set()

    again("prepare", everything, stop, once=True)
    return 0 if done.is_set() else 1


def _run(
    service: Service, settings: WorkerSettings, name: str, tasks: Mapping[str, Task], led: Mapping[str, LedTask]
) -> int:
    collect_seldom()
    stop = _stopped_by_signal()
    if settings.metrics_bind:
        telemetry.serve(settings.metrics_bind, progress.worker_app)
    telemetry.BUILD.labels(service.name, VERSION).set(1)
    again("prepare", lambda going: service.prepare(), stop, once=True)
    progress.PREPARED.set(1)
    threads = start(service.lease(name, _holder()), tasks, led, stop)
    collect_now_and_then(stop.wait)
    return _wait_for(threads)


def start(
    lease: Lease, tasks: Mapping[str, Task], led: Mapping[str, LedTask], stop: Event, threads: Threads = THREADS
) -> Sequence[Thread]:
    """Begins the tasks of a process, and under the lease those of which one runs at a time; all end after `stop`."""
    started = [threads.start(name, again, name, task, stop, threads.monotonic) for name, task in tasks.items()]
    if led:
        started.append(threads.start("leader", _lead, lease, led, stop, threads))
    return started


def _stopped_by_signal() -> threading.Event:
    """Set by SIGTERM or SIGINT. A thread of its own waits for them: a handler would interrupt the main thread anywhere,
    also where it holds the event's lock, and then wait for that lock for ever."""
    stop, signals = threading.Event(), {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)

    def wait() -> None:
        signal.sigwait(signals)
        stop.set()

    THREADS.start("signals", wait)
    return stop


def _wait_for(threads: Sequence[Thread]) -> int:
    deadline = time.monotonic() + STOP_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = [thread.name for thread in threads if thread.is_alive()]
    log.info("worker_stopped", late=late)
    return 1 if late else 0


def again(
    name: str, task: Task, stop: Event, monotonic: Callable[[], float] = time.monotonic, *, once: bool = False
) -> None:
    """Runs a task until told to stop, again with a growing pause after a failure; `once`: until its first success."""

    def turning() -> bool:
        turned.set_to_current_time()
        return not stop.is_set()

    turned = progress.TASK_TURNED.labels(name)
    pause = FIRST_PAUSE
    while turning():
        began = monotonic()
        try:
            task(turning)
            if once:
                break
        except TsunaguError as problem:
            log.warning("task_interrupted", task=name, code=problem.code, cause=problem.message)
        except Exception as problem:
            log.warning("task_failed", task=name, cause=repr(problem), exc_info=True)
        progress.interrupted(name)
        pause = FIRST_PAUSE if monotonic() - began > LONGEST_PAUSE else min(pause * 2, LONGEST_PAUSE)
        stop.wait(pause)
    progress.TASK_TURNED.remove(name)


@dataclass
class Term:
    """The time for which a lease is held for certain: until it is over, or was not prolonged for its whole length."""

    lease: Lease
    fence: int
    over: Event
    monotonic: Callable[[], float]
    held_at: float

    def lasts(self) -> bool:
        """False also in a process that was stopped for a while and does not know it yet."""
        return not self.over.is_set() and self.monotonic() - self.held_at < LEASE_SECONDS

    def hold(self, stop: Event) -> None:
        """Prolongs the lease until told to stop or until it may be another's."""
        while self.lasts() and not stop.wait(RENEW_SECONDS):
            asked_at, fence = self.monotonic(), _take(self.lease)
            if fence is not None and fence != self.fence:
                break
            self.held_at = asked_at if fence == self.fence else self.held_at
        self.over.set()


def _lead(lease: Lease, led: Mapping[str, LedTask], stop: Event, threads: Threads) -> None:
    """Runs the led tasks while this worker has the lease."""
    while not stop.is_set():
        fence = _take(lease)
        if fence is None:
            stop.wait(1.0)
            continue
        log.info("leading", lease=lease.name, fence=fence)
        term = Term(lease, fence, threads.event(), threads.monotonic, threads.monotonic())
        running = [
            threads.start(name, again, name, _within(task, term), term.over, threads.monotonic)
            for name, task in led.items()
        ]
        term.hold(stop)
        for thread in running:
            thread.join(STOP_SECONDS)
        progress.not_leading()
    _give_back(lease)


def _take(lease: Lease) -> int | None:
    try:
        return lease.take()
    except TsunaguError as problem:
        log.warning("lease_not_reached", code=problem.code)
        return None


def _give_back(lease: Lease) -> None:
    try:
        lease.release()
    except TsunaguError as problem:
        log.info("lease_not_released", code=problem.code)


def _within(task: LedTask, term: Term) -> Task:
    return lambda going: task(term.fence, lambda: going() and term.lasts())


def _holder() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
