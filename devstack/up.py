"""`./tsunagu up`: a stack with a terminal."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from rich.console import Console

from devstack import seed
from devstack.client import Client
from devstack.running import DEFAULT_ROOT, find
from devstack.stack import Stack
from devstack.trouble import Trouble


def need_none_running(root: Path = DEFAULT_ROOT) -> None:
    """Trouble when a stack of this folder runs already."""
    there = find(root)
    if there:
        raise Trouble(
            f"Tsunagu runs already in this folder (process {there.pid}): open {there.gateway_url}, or stop it first."
        )


def up(port: int) -> None:
    """Runs until Ctrl-C, SIGTERM or SIGHUP. Raises Trouble."""
    need_none_running()
    ended = threading.Event()
    with contextlib.suppress(KeyboardInterrupt), interrupted_by_signals(), standing(port, Console()):
        ended.wait()


@contextlib.contextmanager
def standing(port: int, console: Console) -> Iterator[tuple[Stack, dict[str, str]]]:
    """A started and seeded stack with its API keys. Ctrl-C ends it, also while it starts, and goes on to the caller."""
    began = time.monotonic()
    stack = Stack(DEFAULT_ROOT, port, say=speaker(console))
    try:
        with console.status("Starting MongoDB, Kafka and all services ..."):
            stack.start()
            console.print(f"All services are ready after {time.monotonic() - began:.1f} s.", highlight=False)
            keys = seed.ensure_keys(stack.places, stack.addresses, stack.gateway_url, stack.mail_url)
            seed.ensure_demo_contract(Client(stack.gateway_url, keys[seed.OPERATOR]))
        console.print(_welcome(stack), highlight=False, soft_wrap=True)
        yield stack, keys
    except KeyboardInterrupt:
        console.print("Stopping ...")
        raise
    finally:
        stack.stop()


def speaker(console: Console) -> Callable[[str], None]:
    """One line at a time, also from other threads, also beside a spinner."""
    return lambda line: console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextlib.contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP raise KeyboardInterrupt as Ctrl-C does; while it is handled, further ones are ignored."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    yield


def _welcome(stack: Stack) -> str:
    mail = f"\n  {stack.mail_url}  mails that were sent" if stack.mail_url else ""
    return (
        f"\nTsunagu runs:\n  {stack.gateway_url}  the site and /api/v1 (contract 06-0000-1111 of the guide){mail}\n"
        f"  {stack.gateway_url}/demo/phone  a telephone that sets the temporary password to log in with\n"
        f"  API keys: {stack.places.demo}\n  Logs:     {stack.places.logs}\n"
        "Try ./tsunagu demo in another terminal. Ctrl-C stops everything; the data stays.\n"
    )
