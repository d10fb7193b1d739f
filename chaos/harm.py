"""What can be done to the processes of a stack, and how whoever talks to it meanwhile goes on."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from chassis.testing import eventually
from devstack import services
from devstack.client import Answer
from devstack.places import REPOSITORY
from devstack.stack import Stack
from devstack.supervisor import Process
from devstack.trouble import Trouble

# Engines take a while to come back on a busy machine.
LONG = 120.0
ENDS_WITHIN = 60.0


def restarted(stack: Stack, name: str, number: int = signal.SIGKILL) -> None:
    """Sends the process the signal and waits until another one runs in its place."""
    before = stack.kill(name, number)
    eventually(lambda: stack.pid(name) not in (None, before), within=LONG)


def told_to_end(stack: Stack, name: str) -> None:
    """SIGTERM, and until another process runs and is ready in its place."""
    restarted(stack, name, signal.SIGTERM)
    stack.wait_ready(name)


@contextmanager
def away(stack: Stack, name: str, number: int = signal.SIGKILL) -> Iterator[None]:
    """Ends the process by the signal, and nothing runs in its place until the context ends."""
    stack.hold(name)
    try:
        stack.kill(name, number)
        eventually(lambda: stack.pid(name) is None, within=LONG)
        yield
    finally:
        stack.release(name)
    eventually(lambda: stack.pid(name) is not None, within=LONG)


@contextmanager
def standing_still(stack: Stack, name: str) -> Iterator[None]:
    """The process and its children get no processor until the context ends; their connections stay open."""
    group = stack.pid(name)
    if group is None:
        raise Trouble(f"{name} is not running.")
    os.killpg(group, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(group, signal.SIGCONT)


@contextmanager
def changed(stack: Stack, *names: str, **environment: str) -> Iterator[None]:
    """These processes run with more in their environment until the context ends. Both changes are starts anew; they
    are ready when this goes on."""
    before = [stack.supervisor.process(name) for name in names]
    _replace(stack, [replace(one, environment={**one.environment, **environment}) for one in before])
    try:
        yield
    finally:
        _replace(stack, before)


def _replace(stack: Stack, processes: list[Process]) -> None:
    names = [process.name for process in processes]
    stack.supervisor.stop(*names)
    stack.supervisor.start(*processes)
    stack.wait_ready(*names)


@contextmanager
def another_worker(stack: Stack, service: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A second worker of the service beside that of the stack; at the end it leaves in good order."""
    with _run(stack, service, "another", ["-m", "chassis", service, "worker"]) as worker:
        yield worker
        worker.terminate()
        worker.wait(ENDS_WITHIN)


@contextmanager
def crashing(stack: Stack, service: str, place: str, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """In place of the service's worker one that does `place` of `chaos.crashing`, until the context ends."""
    with (
        away(stack, services.worker(service), signal.SIGTERM),
        _run(stack, service, place, ["-m", "chaos.crashing", service, place], environment) as worker,
    ):
        yield worker


@contextmanager
def _run(
    stack: Stack, service: str, kind: str, arguments: list[str], more: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    environment = services.environment(service, stack.places, stack.addresses) | dict(more or {})
    with (stack.places.logs / f"{services.worker(service)}-{kind}.log").open("ab") as log:
        worker = subprocess.Popen([sys.executable, *arguments], cwd=REPOSITORY, env=environment, stdout=log, stderr=log)
        try:
            yield worker
        finally:
            worker.kill()
            worker.wait()


def died(worker: "subprocess.Popen[bytes]") -> bool:
    """Whether it has killed itself."""
    return worker.poll() == -signal.SIGKILL


def insist(send: Callable[[], Answer]) -> Answer:
    """As a monitoring system does: the same message again until it is taken; anything but 202 and 503 is a failure."""

    def taken() -> Answer | None:
        try:
            answer = send()
        except Trouble:  # The connection broke: whether it was taken is unknown.
            return None
        assert answer.status in (202, 503), answer
        return answer if answer.status == 202 else None

    answer = eventually(taken, within=LONG, every=0.2)
    assert answer
    return answer
