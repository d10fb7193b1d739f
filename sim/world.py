"""Time, chance and processes of one simulated world: one thread, in which always just one task runs.

The services' code is not written for this: it blocks where it waits. So each of its threads is a greenlet here, and
whatever waits or reaches an engine comes to `World.point` or `World.until`, where another may go on. Which one, and
how long anything takes, is drawn from one `random.Random(seed)`, so a seed is one history.
"""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from greenlet import getcurrent, greenlet

from chassis.testing import NOON

# How often the one that is about to change something lets others go first, and how often the engine is slow then; and
# so for who only reads.
YIELDS, SLOW = 0.25, 0.12
READ_YIELDS, READ_SLOW = 0.06, 0.02
SLOW_MS = 400


class Died(BaseException):
    """The process was killed: raised in each of its tasks, wherever that is. It reaches no engine any more."""


@dataclass
class Signal:
    """Something that tasks wait for."""

    waiting: list[tuple["Task", int]] = field(default_factory=list)


@dataclass(eq=False)
class Process:
    """What dies and is paused as a whole. `skew`: its machine's clock is that far ahead."""

    name: str
    skew: timedelta = timedelta(0)
    dead: bool = False
    paused: bool = False
    tasks: list["Task"] = field(default_factory=list)
    frozen: list["Task"] = field(default_factory=list)


@dataclass(eq=False)
class Task:
    """One thread of a process."""

    process: Process
    name: str
    run: greenlet
    turn: int = 0
    waits: bool = False
    ended: bool = False
    end: Signal = field(default_factory=Signal)
    world: Any = None

    def join(self, timeout: float | None = None) -> None:
        """See `chassis.runtime.Thread`."""
        self.world.until(None if self.ended else self.end, 0.0 if self.ended else timeout)

    def is_alive(self) -> bool:
        return not self.ended


class World:
    """`now` is in milliseconds since the beginning; it is what every engine's clock shows."""

    def __init__(self, seed: int, *, traced: bool = False) -> None:
        self.chance = random.Random(seed)
        self.now = 0
        self.calm = False
        self.broken: list[str] = []
        self.trace: list[str] | None = [] if traced else None
        self._ready: list[Task] = []
        self._timers: list[tuple[int, int, Any, int]] = []
        self._count = 0
        self._main = getcurrent()
        self._current: Task | None = None

    # Of the outside: whoever plays the world.

    def note(self, who: str, what: str) -> None:
        """A line of the history."""
        if self.trace is not None:
            self.trace.append(f"{self.now / 1000:10.3f}  {who:<22} {what}")

    def wrong(self, what: str) -> None:
        """An invariant does not hold."""
        self.note("INVARIANT", what)
        self.broken.append(what)

    def later(self, milliseconds: int, act: Callable[[], None]) -> None:
        """`act` happens then, outside of any process."""
        self._count += 1
        heapq.heappush(self._timers, (self.now + milliseconds, self._count, act, 0))

    def spawn(self, process: Process, name: str, target: Callable[..., None], *args: object) -> Task:
        def live() -> None:
            try:
                target(*args)
            except Died:
                pass
            except Exception as broken:  # noqa: BLE001  Whatever it is, no task may end so.
                self.wrong(f"a task ended by {broken!r}: {name} of {process.name}")
            task.ended = True
            self.fire(task.end)

        task = Task(process, name, greenlet(live, self._main))
        task.world = self
        process.tasks.append(task)
        self._ready.append(task)
        return task

    def step(self) -> bool:
        """One task as far as it goes, or to the next moment at which anything happens; False when nothing ever will."""
        if self._ready:
            place = self.chance.randrange(len(self._ready)) if len(self._ready) > 1 else 0
            self._resume(self._ready.pop(place))
            return True
        if not self._timers:
            return False
        at, _, what, turn = heapq.heappop(self._timers)
        self.now = max(self.now, at)
        if isinstance(what, Task):
            self._wake(what, turn)
        else:
            what()
        return True

    @property
    def at_rest(self) -> bool:
        """Whether all wait for something."""
        return not self._ready

    def _resume(self, task: Task) -> None:
        if task.ended:
            return
        if task.process.paused:
            task.process.frozen.append(task)
            return
        self._current = task
        task.run.switch()
        self._current = None

    def kill(self, process: Process) -> None:
        """As by SIGKILL."""
        process.dead = True
        for task in process.tasks:
            if not task.ended:
                task.ended = True
                if task.run:
                    self._current = task
                    task.run.throw(Died())
                    self._current = None
        process.tasks.clear()

    def pause(self, process: Process) -> None:
        """As by SIGSTOP."""
        process.paused = True

    def resume(self, process: Process) -> None:
        process.paused = False
        self._ready += process.frozen
        process.frozen = []

    def fire(self, signal: Signal) -> None:
        waiting, signal.waiting = signal.waiting, []
        for task, turn in waiting:
            self._wake(task, turn)

    def _wake(self, task: Task, turn: int) -> None:
        if task.waits and task.turn == turn and not task.ended:
            task.waits = False
            self._ready.append(task)

    # Of the inside: what tasks come to.

    def point(self, process: Process, what: str = "", *, reads: bool = False) -> None:
        """The process is about to reach an engine: it may be killed here, or stopped, or wait, and others go on."""
        if process.dead:
            raise Died
        if what and self.trace is not None:
            self.note(process.name, what)
        if self._current is None:
            return
        yields, slow = (READ_YIELDS, READ_SLOW) if reads else (YIELDS, SLOW)
        drawn = self.chance.random()
        if drawn < yields:
            self._ready.append(self._current)
            self._leave()
        elif drawn < yields + slow:
            self.until(None, self.chance.randrange(1, SLOW_MS) / 1000)

    def until(self, signal: Signal | None, seconds: float | None) -> None:
        """Waits for the signal, at most so long."""
        task = self._current
        if task is None:
            raise RuntimeError("only tasks wait")
        if task.process.dead:
            raise Died
        task.turn += 1
        task.waits = True
        if signal is not None:
            signal.waiting.append((task, task.turn))
        if seconds is not None:
            self._count += 1
            heapq.heappush(self._timers, (self.now + round(seconds * 1000), self._count, task, task.turn))
        self._leave()

    def _leave(self) -> None:
        task = self._current
        self._main.switch()
        if task is None or task.process.dead:
            raise Died

    @property
    def task(self) -> str:
        """The name of the one that runs."""
        return self._current.name if self._current else ""

    def monotonic(self) -> float:
        # Not from nought on: what is told apart from "never" by its age would be taken for it.
        return 1_000.0 + self.now / 1000

    def wall(self, process: Process) -> datetime:
        """What the process' machine takes for the time."""
        return self.true_time() + process.skew

    def true_time(self) -> datetime:
        return NOON + timedelta(milliseconds=self.now)


class Event:
    """See `chassis.runtime.Event`."""

    def __init__(self, world: World) -> None:
        self._world, self._set, self._signal = world, False, Signal()

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True
        self._world.fire(self._signal)

    def wait(self, timeout: float | None = None) -> bool:
        if not self._set:
            self._world.until(self._signal, timeout)
        return self._set


@dataclass(frozen=True)
class Threads:
    """See `chassis.runtime.Threads`."""

    world: World
    process: Process

    def event(self) -> Event:
        return Event(self.world)

    def start(self, name: str, target: Callable[..., None], *args: object) -> Task:
        return self.world.spawn(self.process, name, target, *args)

    def monotonic(self) -> float:
        return self.world.monotonic()
