"""Starts processes, starts again what dies, and takes all of them with it when it ends, whatever ends it.

One thread of its own forks every child: the kernel's parent-death signal belongs to the thread that forked, so
children live exactly as long as this thread, and it lives until `close` or until the whole program is gone.
"""

import contextlib
import ctypes
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from devstack.trouble import Trouble

PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # Seconds before the first, second, ... start again.
STEADY_SECONDS = 20.0  # A process that lived this long has its pauses forgiven.
TICK_SECONDS = 0.05
STOP_SECONDS = 10.0
PR_SET_PDEATHSIG = 1

LIBC = ctypes.CDLL(None, use_errno=True)
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Process:
    """How to start one process. `after_start` runs in a short-lived thread after each start, also after a restart."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path = Path("/")
    after_start: Callable[[], None] | None = None


@dataclass
class _Child:
    process: Process
    popen: subprocess.Popen[bytes] | None = None
    wanted: bool = True
    held: bool = False
    started: float = 0.0
    start_at: float = 0.0
    deaths: int = 0


class Supervisor:
    """Use from any thread. `say` gets one line for every process that died by itself; `changed` is called after
    every start of a process (its pid is new). The log of a process is `<logs>/<name>.log`, that of the last time
    `<name>.log.1`; restarts go on in the same file."""

    def __init__(
        self,
        logs: Path,
        say: Callable[[str], None] = lambda line: None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._logs = logs
        self._say = say
        self._changed = changed
        self._children: dict[str, _Child] = {}
        self._requests: queue.Queue[Callable[[], None]] = queue.Queue()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._thread.start()

    def start(self, *processes: Process) -> None:
        """Starts them at once, side by side. Raises Trouble when a command cannot be run at all."""
        self._do(lambda: self._each(self._begin, processes))

    def stop(self, *names: str, seconds: float = STOP_SECONDS) -> None:
        """SIGTERM to all of these together, SIGKILL to what is left after `seconds`. They are not started again.

        After `close` nothing is left to stop.
        """
        if self._closing:
            return
        known = [self._children[name] for name in names if name in self._children]
        self._do(lambda: self._each(self._dismiss, known))
        deadline = time.monotonic() + seconds
        while self._alive(names) and time.monotonic() < deadline:
            time.sleep(TICK_SECONDS / 2)
        self._do(lambda: self._each(self._bury, known))

    def names(self) -> tuple[str, ...]:
        return tuple(self._children)

    def pid(self, name: str) -> int | None:
        """Process id, None while it is down. For gunicorn that of the master."""
        child = self._children[name]
        return child.popen.pid if child.popen else None

    def process(self, name: str) -> Process:
        """How it was started, and will be again."""
        return self._children[name].process

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """Sends the signal and returns the pid that got it. Raises LookupError when the process is down."""
        pid = self.pid(name)
        if pid is None:
            raise LookupError(f"{name} is not running")
        os.kill(pid, number)
        return pid

    def hold(self, name: str) -> None:
        """From now on the process is not started again when it dies, until `release`."""
        self._children[name].held = True

    def release(self, name: str) -> None:
        child = self._children[name]
        child.start_at = 0.0
        child.held = False

    def deaths(self, name: str) -> int:
        """How often it died by itself lately; 0 again after it lived for a while."""
        return self._children[name].deaths

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def close(self, seconds: float = STOP_SECONDS) -> None:
        """Stops what still runs. Safe to call twice."""
        if self._closing:
            return
        self.stop(*self.names(), seconds=seconds)
        self._closing = True
        self._thread.join()

    def _each(self, work: Callable[[Item], object], items: Sequence[Item]) -> None:
        for item in items:
            work(item)

    def _do(self, work: Callable[[], Result]) -> Result:
        answer: Future[Result] = Future()

        def run() -> None:
            try:
                answer.set_result(work())
            except BaseException as error:  # noqa: BLE001  (handed over to the thread that asked)
                answer.set_exception(error)

        self._requests.put(run)
        return answer.result()

    def _run(self) -> None:
        while not self._closing:
            try:
                self._requests.get(timeout=TICK_SECONDS)()
            except queue.Empty:
                self._look_after_safely()

    def _begin(self, process: Process) -> None:
        log = self.log(process.name)
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        child = self._children[process.name] = _Child(process)
        self._spawn(child)

    def _spawn(self, child: _Child) -> None:
        process, parent = child.process, os.getpid()

        def die_with_parent() -> None:
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # It died between fork and prctl.
                os._exit(1)

        try:
            with self.log(process.name).open("ab") as log:
                child.popen = subprocess.Popen(
                    process.command,
                    env=dict(process.environment),
                    cwd=process.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    # A session of its own would hide its niceness from the scheduler, which shares between sessions.
                    process_group=0,
                    preexec_fn=die_with_parent,  # noqa: PLW1509
                )
        except OSError as error:
            raise Trouble(f"{process.name} cannot be started: {error}.") from error
        child.started = time.monotonic()
        self._changed()
        if process.after_start:
            threading.Thread(target=process.after_start, name=f"after-{process.name}", daemon=True).start()

    def _look_after_safely(self) -> None:
        try:
            self._look_after()
        except Exception as error:  # noqa: BLE001  (this thread must go on, or every child dies with it)
            self._say(f"The supervisor could not look after its processes: {error!r}")

    def _look_after(self) -> None:
        for child in self._children.values():
            if child.popen is None:
                if child.wanted and not child.held and time.monotonic() >= child.start_at:
                    self._try_again(child)
            elif _has_ended(child.popen.pid):
                self._note_death(child)

    def _try_again(self, child: _Child) -> None:
        try:
            self._spawn(child)
        except Trouble as trouble:
            self._put_off(child)
            self._say(str(trouble))

    def _note_death(self, child: _Child) -> None:
        code = self._bury(child)
        if not child.wanted:
            return
        if time.monotonic() - child.started > STEADY_SECONDS:
            child.deaths = 0
        pause = self._put_off(child)
        then = "held" if child.held else f"starting it again in {pause:g} s"
        self._say(f"{child.process.name} ended ({_ending(code)}); {then}; log: {self.log(child.process.name)}")

    def _put_off(self, child: _Child) -> float:
        pause = PAUSES[min(child.deaths, len(PAUSES) - 1)]
        child.deaths += 1
        child.start_at = time.monotonic() + pause
        return pause

    def _bury(self, child: _Child) -> int:
        """Ends what is left of the process group (gunicorn's workers outlive a killed master for a second)."""
        if child.popen is None:
            return 0
        _kill_group(child.popen.pid)
        code = child.popen.wait()
        child.popen = None
        return code

    def _dismiss(self, child: _Child) -> None:
        child.wanted = False
        if child.popen:
            child.popen.terminate()

    def _alive(self, names: Sequence[str]) -> bool:
        return any(name in self._children and self._children[name].popen is not None for name in names)


def _has_ended(pid: int) -> bool:
    """Leaves the dead process unreaped, so that its number still names its group and nothing else."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # Nothing was left of it.
        os.killpg(leader, signal.SIGKILL)


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"{signal.Signals(-code).name}"
