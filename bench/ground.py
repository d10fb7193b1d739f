"""What a bench stands on: a running stack, its keys, and how much is to be measured."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeVar

import psutil  # type: ignore[import-untyped]
from pymongo.database import Database
from rich.console import Console
from rich.progress import track

from chassis.mongo import Document, connect
from devstack.benching import SHORT_MEMORY
from devstack.client import Client
from devstack.engines import KAFKA, MONGOD
from devstack.places import Places
from devstack.running import Running
from devstack.services import Addresses, web
from devstack.stack import run_command
from devstack.trouble import Trouble

# A stack at rest: its processes together use less than this share of one processor, so many seconds long.
AT_REST, REST_SECONDS, LONGEST_REST = 0.35, 3, 900.0
COMMAND_SECONDS = 900.0
LINEWATCH = web("linewatch")
Item = TypeVar("Item")


@dataclass(frozen=True)
class Ground:
    """A stack, whoever started it. `keys` are API keys by scope; 0 lines or rounds are as many as the bench has."""

    stack: Running
    places: Places
    keys: Mapping[str, str]
    console: Console
    lines: int = 0
    rounds: int = 0

    @property
    def gateway_url(self) -> str:
        return self.stack.gateway_url

    @property
    def addresses(self) -> Addresses:
        return self.stack.addresses

    @property
    def mongo_url(self) -> str:
        return self.stack.addresses.mongo_url

    @property
    def kafka_servers(self) -> list[str]:
        return self.stack.addresses.kafka_servers.split(",")

    @property
    def engines(self) -> Mapping[str, int]:
        """The processes of the engines that are the stack's own."""
        return {name: pid for name, pid in self.stack.pids.items() if name in (MONGOD, KAFKA)}

    def need_lines_that_return(self) -> None:
        """Trouble where lines that fail again in the next round would flap, and nothing be said of them."""
        if self.rounds != 1 and not set_of(self.stack.pids, LINEWATCH) >= SHORT_MEMORY.items():
            raise Trouble(
                "On this stack lines that fail again within minutes flap; stop it, so that the bench starts one of its "
                "own, or start it with FLAPPING_WITHIN=1, or measure one round with --rounds 1."
            )

    def client(self, scope: str) -> Client:
        """Of the gateway, with the key of this scope."""
        return Client(self.gateway_url, self.keys[scope])

    def database(self, name: str, timeout_seconds: float = 60.0) -> Database[Document]:
        """With the durability that services have, and more patience."""
        return connect(self.mongo_url, name, timeout_seconds)

    def command(self, service: str, *arguments: str) -> str:
        """What a service's own command says. RuntimeError when it fails."""
        done = run_command(self.places, self.addresses, service, arguments, COMMAND_SECONDS)
        if done.returncode != 0:
            raise RuntimeError(f"{service} {' '.join(arguments)} failed: {(done.stderr or done.stdout)[-300:]}")
        return done.stdout.strip()

    def say(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def each(self, title: str, items: Sequence[Item]) -> Iterator[Item]:
        """The items, with a bar that shows how far they are. It is drawn seldom: that takes of what is measured."""
        if items:
            yield from track(items, title, console=self.console, refresh_per_second=2)

    def in_rounds(self, title: str, usual: int) -> Iterator[int]:
        """So many rounds, each begun with the stack at rest: what one has set off is no load of the next."""
        for number in self.each(title, range(self.rounds or usual)):
            self.settle()
            yield number

    def settle(self) -> None:
        """Waits until the stack has nothing to do any more; after a quarter of an hour says that it has and goes on."""
        deadline, waits, quiet = time.monotonic() + LONGEST_REST, threading.Event(), 0
        while quiet < REST_SECONDS and time.monotonic() < deadline:
            before = self._used()
            waits.wait(1.0)
            quiet = quiet + 1 if self._used() - before < AT_REST else 0
        if quiet < REST_SECONDS:
            self.say(f"The stack is not at rest after {LONGEST_REST:.0f} s; what follows is measured beside its work.")

    def _used(self) -> float:
        """Seconds of processor time of the stack's processes so far."""
        return sum(map(_seconds, filter(None, self.stack.pids.values())))


def set_of(pids: Mapping[str, int], name: str) -> AbstractSet[tuple[str, str]]:
    """The environment of a process of the stack; nothing where it is not there or not ours."""
    try:
        return psutil.Process(pids[name]).environ().items()  # type: ignore[no-any-return]
    except (KeyError, psutil.Error):
        return set()


def _seconds(pid: int) -> float:
    try:
        process = psutil.Process(pid)
        times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    except psutil.NoSuchProcess:
        return 0.0  # It was replaced meanwhile.
    return float(sum(time.user + time.system for time in times))
