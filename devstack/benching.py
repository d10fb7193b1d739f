"""`./tsunagu bench`: benches on the running stack of this folder, or on a fresh one of their own."""

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]
from rich.console import Console
from rich.table import Table

from devstack import results, seed
from devstack.benches import BENCHES
from devstack.client import Client
from devstack.places import REPOSITORY, Places
from devstack.resultpage import goal_of, number, ratio_of
from devstack.results import Result, Void
from devstack.running import DEFAULT_ROOT, Running, find, need
from devstack.services import web, worker
from devstack.stack import Stack
from devstack.trouble import Trouble
from devstack.up import interrupted_by_signals, speaker

if TYPE_CHECKING:
    from bench.ground import Ground

ROOT = DEFAULT_ROOT / "bench"
# What other programs may use of this machine without a word about it, in percent of all processors.
BUSY = 10.0
# The same lines fail round by round. With the usual five minutes they would flap, and nothing would be said of them.
SHORT_MEMORY = {"FLAPPING_WITHIN": "1"}


def run(names: Sequence[str], lines: int = 0, rounds: int = 0) -> int:
    """All benches when none is named; how many are void. Each result is written when it is there."""
    console, void = Console(), 0
    others = psutil.cpu_percent(2.0)
    with interrupted_by_signals(), _ground(console) as ground:
        for name in names or BENCHES:
            bench = BENCHES[name]
            scaled = replace(ground, lines=lines or bench.lines, rounds=rounds)
            result = _beside(others, measure(name, bench.module, scaled))
            results.write(result)
            show(result, console)
            _tell_where(result, console)
            void += not result.ok
    return void


def measure(name: str, module: str, ground: "Ground") -> Result:
    """One bench. A wrong effect makes its result void; so does whatever else breaks it, and the next ones go on."""
    bench = import_module(module)  # Its libraries are not needed by anything else.
    ground.console.rule(name)
    began = time.monotonic()
    try:
        result: Result = bench.run(ground)
    except Exception as broken:  # noqa: BLE001  The outermost loop: the other benches go on.
        if not isinstance(broken, Void | Trouble):
            ground.console.print_exception()
        return results.void(name, bench.TITLE, _command(name, ground), str(broken) or repr(broken))
    ground.say(f"Measured in {time.monotonic() - began:.0f} s.")
    return replace(result, name=name, title=bench.TITLE, command=_command(name, ground))


def _command(name: str, ground: "Ground") -> str:
    own = BENCHES[name].lines if name in BENCHES else 0
    options = {"--lines": ground.lines if ground.lines != own else 0, "--rounds": ground.rounds}
    return " ".join(("./tsunagu bench", name, *(f"{option} {value}" for option, value in options.items() if value)))


def _beside(others: float, result: Result) -> Result:
    if others < BUSY:
        return result
    note = f"Before it began, other programs used {others:.0f} % of the machine's processors."
    return replace(result, notes=(*result.notes, note))


def storm(stack: Running, keys: Mapping[str, str], lines: int, console: Console) -> None:
    """One round of the storm for `./tsunagu demo`, shown and not kept. Raises Trouble when it is void."""
    ground = replace(_on(stack, Places(DEFAULT_ROOT), keys, console), lines=lines, rounds=1)
    result = measure("storm", BENCHES["storm"].module, ground)
    show(result, console)
    if not result.ok:
        raise Trouble(" ".join(result.notes))


def _on(stack: Running, places: Places, keys: Mapping[str, str], console: Console) -> "Ground":
    from bench.ground import Ground

    return Ground(stack, places, keys, console)


@contextmanager
def _ground(console: Console) -> Iterator["Ground"]:
    """The running stack of this folder; else a fresh one, whose data is gone afterwards and whose logs stay."""
    there = find()
    if there:
        places = Places(DEFAULT_ROOT)
        keys = seed.read_keys(places)
        if not set(seed.SCOPES) <= keys.keys():
            raise Trouble("The running stack has no API keys yet; wait until ./tsunagu up says that it runs.")
        seed.ensure_demo_contract(Client(there.gateway_url, keys[seed.OPERATOR]))
        yield _on(there, places, keys, console)
        return
    shutil.rmtree(ROOT, ignore_errors=True)
    stack = Stack(ROOT, say=speaker(console), extra={web("linewatch"): SHORT_MEMORY, worker("linewatch"): SHORT_MEMORY})
    try:
        with console.status("Starting a fresh stack ..."):
            stack.start()
            keys = seed.ensure_keys(stack.places, stack.addresses, stack.gateway_url, stack.mail_url)
            seed.ensure_demo_contract(Client(stack.gateway_url, keys[seed.OPERATOR]))
        yield _on(need(ROOT), stack.places, keys, console)
    finally:
        stack.stop()
        for data in (stack.places.mongo_data, stack.places.kafka_data, stack.places.mails, stack.places.spool):
            shutil.rmtree(data, ignore_errors=True)


def show(result: Result, console: Console) -> None:
    """The figures as a table, and the notes."""
    table = Table(title=f"{result.name}: {result.status}", title_justify="left")
    for column in ("", "", "median", "least - most", "ratio", "goal"):
        table.add_column(column)
    for name, figure in result.figures.items():
        for place, (what, spread) in enumerate(figure.measured.items()):
            between = f"{number(spread.least)} - {number(spread.most)}"
            row = (what, f"{number(spread.median)} {figure.unit}", between)
            ratio = ratio_of(figure).partition(" of ")[0]
            table.add_row(*((name, *row, ratio, goal_of(figure)) if place == 0 else ("", *row)))
    console.print(table)
    for note in result.notes:
        console.print(note, markup=False, highlight=False, soft_wrap=True)


def _tell_where(result: Result, console: Console) -> None:
    path = (results.LAST / f"{result.name}.json").relative_to(REPOSITORY)
    console.print(f"{path}; `./tsunagu results {result.name}` puts it into docs/results.md.", highlight=False)
