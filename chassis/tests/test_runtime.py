import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from chassis.errors import Unavailable
from chassis.runtime import WORKER_NICENESS, again
from chassis.testing import counted, eventually
from conftest import Addresses

ROOT = Path(__file__).parents[2]


class Stop(threading.Event):
    """Notes how long somebody wanted to pause, and does not let them."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout or 0.0)
        return self.is_set()


def failing(times: int, stop: Stop, problem: Exception) -> Callable[[Callable[[], bool]], None]:
    """A task that breaks so many times and then tells the worker to stop."""
    left = [problem] * times

    def task(going: Callable[[], bool]) -> None:
        if left:
            raise left.pop()
        stop.set()

    return task


@pytest.mark.parametrize("problem", [Unavailable("store-unavailable"), ZeroDivisionError()])
def test_a_task_that_breaks_is_run_again_after_a_pause_that_grows_to_a_limit(problem: Exception) -> None:
    stop = Stop()

    again("task", failing(8, stop, problem), stop)

    pauses = stop.pauses[:8]
    assert pauses == sorted(pauses)
    assert 0 < pauses[0] < pauses[-1] == pauses[-2]


def test_a_task_that_returns_is_run_again() -> None:
    stop = Stop()
    runs: list[int] = []

    def task(going: Callable[[], bool]) -> None:
        runs.append(1)
        if len(runs) == 3:
            stop.set()

    again("task", task, stop)

    assert len(runs) == 3


def test_a_task_that_runs_tells_when_it_came_round_and_one_that_has_ended_does_not() -> None:
    stop, seen = Stop(), []

    def task(going: Callable[[], bool]) -> None:
        going()
        seen.append(counted("task_last_turn_timestamp_seconds", task="rounds"))
        stop.set()

    again("rounds", task, stop)

    assert seen[0]
    assert not counted("task_last_turn_timestamp_seconds", task="rounds")


def test_what_is_wanted_once_ends_with_its_first_success() -> None:
    stop = Stop()
    runs: list[int] = []

    def prepare(going: Callable[[], bool]) -> None:
        runs.append(1)
        if len(runs) < 3:
            raise Unavailable("store-unavailable")

    again("prepare", prepare, stop, once=True)

    assert len(runs) == 3


def test_who_is_told_to_stop_does_not_begin() -> None:
    stop = Stop()
    stop.set()

    again("task", failing(1, stop, ZeroDivisionError()), stop)

    assert stop.pauses == []


def test_a_pause_ends_at_once_when_told_to_stop() -> None:
    stop = threading.Event()
    broke = threading.Event()

    def task(going: Callable[[], bool]) -> None:
        broke.set()
        raise Unavailable("store-unavailable")

    worker = threading.Thread(target=again, args=("task", task, stop), daemon=True)
    worker.start()
    assert broke.wait(20)
    stop.set()
    worker.join(20)

    assert not worker.is_alive()


# As processes


@contextmanager
def worker(engines: Addresses, database: Database[dict[str, Any]], bind: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "chassis.tests.worker_example", engines.mongo_url, database.name, bind]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def answer(bind: str, path: str) -> tuple[int, bytes]:
    """Status and body; 0 while nobody listens."""
    try:
        with urllib.request.urlopen(f"http://{bind}{path}", timeout=5) as said:
            return said.status, said.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()
    except OSError:
        return 0, b""


def free_binds(number: int) -> list[str]:
    with ExitStack() as held:
        servers = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [f"127.0.0.1:{server.getsockname()[1]}" for server in servers]


@pytest.fixture
def bind() -> str:
    return free_binds(1)[0]


@pytest.mark.integration
class TestWorker:
    def test_it_gives_way_to_whom_somebody_waits_for(
        self, engines: Addresses, database: Database[dict[str, Any]], bind: str
    ) -> None:
        with worker(engines, database, bind) as process:
            eventually(lambda: database["seen"].find_one({"_id": f"turns of {bind}"}))

            ours, its = os.getpriority(os.PRIO_PROCESS, 0), os.getpriority(os.PRIO_PROCESS, process.pid)
            assert its == min(ours + WORKER_NICENESS, 19)

    @pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_lets_every_task_finish_its_turn(
        self, engines: Addresses, database: Database[dict[str, Any]], bind: str, signum: int
    ) -> None:
        with worker(engines, database, bind) as process:
            eventually(lambda: database["seen"].find_one({"_id": f"turns of {bind}"}))
            process.send_signal(signum)

            assert process.wait(20) == 0

        assert database["seen"].find_one({"_id": f"end of {bind}"})

    def test_a_worker_shows_how_it_is(self, engines: Addresses, database: Database[dict[str, Any]], bind: str) -> None:
        with worker(engines, database, bind):
            eventually(lambda: answer(bind, "/health/ready")[0] == 200)

            assert answer(bind, "/health/live")[0] == 200
            assert b"task_interruptions" in answer(bind, "/metrics")[1]
            assert answer(bind, "/elsewhere")[0] == 404

    def test_of_two_workers_one_leads_and_the_other_takes_over(
        self, engines: Addresses, database: Database[dict[str, Any]]
    ) -> None:
        def leaders() -> list[tuple[str, int]]:
            return [(led["leader"], led["fence"]) for led in database["seen"].find({"fence": {"$exists": True}})]

        with ExitStack() as both:
            running = {bind: both.enter_context(worker(engines, database, bind)) for bind in free_binds(2)}
            [(first, _)] = eventually(leaders)
            [second] = set(running) - {first}
            eventually(lambda: database["seen"].find_one({"_id": f"turns of {second}"}))
            assert leaders() == [(first, 1)]

            running[first].terminate()

            assert eventually(lambda: leaders()[1:]) == [(second, 2)]
            assert running[first].wait(20) == 0
