"""Runs faults one after another and says what came of each: `./tsunagu chaos`."""

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from chaos import invariants
from chaos.catalogue import FAULTS, Fault
from chaos.ground import Broken, Ground, Skipped, opened
from chaos.load import made
from devstack import results
from devstack.results import Figure, Result
from devstack.trouble import Trouble

State = Literal["ok", "failed", "skipped"]
TITLE = "Faults done to a stack of its own under load; all of I1 to I6 are looked at after each."
STYLES = {"ok": "green", "failed": "red", "skipped": "yellow"}
NOT_LOOKED_AT = "not looked at"


@dataclass(frozen=True)
class Outcome:
    """What came of a fault. `invariants` says of each what is wrong, "" where it holds."""

    fault: Fault
    state: State
    why: str
    invariants: dict[str, str]
    notes: list[str]
    seconds: float


def suffer(
    fault: Fault, ground: Ground, say: Callable[[str], None] = lambda text: None, lines: int | None = None
) -> Outcome:
    """The fault, with a load of its own, and all that is promised after it. `lines`: so many instead of the fault's."""
    began, notes, held, state, why = time.monotonic(), list[str](), dict[str, str](), "ok", ""
    try:
        say("setting up lines")
        load = made(ground, lines or fault.lines)
        say("doing harm")
        notes = fault.do(ground, load)
        held = invariants.check(load, say)
        why = "; ".join(f"{name}: {wrong}" for name, wrong in held.items() if wrong)
        state = "failed" if why else "ok"
    except Skipped as reason:
        state, why = "skipped", str(reason)
    except (Broken, AssertionError, Trouble) as broken:
        state, why = "failed", str(broken) or repr(broken)
    except Exception as broken:  # noqa: BLE001  (the faults after it are run all the same)
        state, why = "failed", repr(broken)
    return Outcome(fault, state, why, held, notes, time.monotonic() - began)  # type: ignore[arg-type]


def run(faults: Sequence[Fault], root: Path, console: Console) -> bool:
    """Prints the progress and a table, writes the result. Whether no promise was broken.

    A fault that was not borne leaves a stack that nobody can say much of, so the next begins with a fresh one; its
    logs stay.
    """
    outcomes = list[Outcome]()
    root.mkdir(parents=True, exist_ok=True)
    waiting = list(faults)
    while waiting:
        folder = Path(tempfile.mkdtemp(dir=root))
        with ExitStack() as standing:
            with console.status("Starting a stack ..."):
                ground = standing.enter_context(opened(folder, lambda line: None))
            while waiting:
                outcomes.append(_shown(waiting.pop(0), ground, console))
                _write(outcomes[-1:])
                if outcomes[-1].state == "failed":
                    break
        _clear_away(folder, outcomes[-1], console)
    console.print(_table(outcomes))
    return all(outcome.state != "failed" for outcome in outcomes)


def _shown(fault: Fault, ground: Ground, console: Console) -> Outcome:
    title = f"{fault.number:2} {fault.title}"
    with console.status(title) as status:
        outcome = suffer(fault, ground, lambda text: status.update(f"{title}: {text}"))
    console.print(
        f"{title}: [{STYLES[outcome.state]}]{outcome.state}[/], {outcome.seconds:.0f} s",
        highlight=False,
        soft_wrap=True,
    )
    for line in [outcome.why, *outcome.notes]:
        if line:
            console.print(f"     {line}", markup=False, highlight=False, soft_wrap=True)
    return outcome


def _clear_away(folder: Path, last: Outcome, console: Console) -> None:
    """All but the logs of what failed."""
    if last.state != "failed":
        shutil.rmtree(folder)
        return
    for part in folder.iterdir():
        if part.is_dir() and part.name != "log":
            shutil.rmtree(part, ignore_errors=True)
    console.print(f"     logs: {folder / 'log'}", markup=False, highlight=False, soft_wrap=True)


def _table(outcomes: Sequence[Outcome]) -> Table:
    table = Table("", "fault", "promise", "I1-I6", "", "s", title="Faults", title_justify="left")
    for outcome in outcomes:
        broken = [name for name, wrong in outcome.invariants.items() if wrong]
        held = ", ".join(broken) or ("hold" if outcome.invariants else NOT_LOOKED_AT)
        said = f"[{STYLES[outcome.state]}]{outcome.state}[/]"
        reason = f": {outcome.why}" if outcome.state == "skipped" else ""
        row = (str(outcome.fault.number), outcome.fault.title, outcome.fault.promise, held, said + reason)
        table.add_row(*row, f"{outcome.seconds:.0f}")
    return table


def _write(outcomes: Sequence[Outcome]) -> None:
    """Beside the results of the other faults, so that all of them may come from several runs; each says from which."""
    at = results.circumstances()
    run = f"{at.date:%Y-%m-%d %H:%M} UTC, commit {at.commit}{'+' if at.dirty else ''}"
    figures = {**_figures(), **{_name(outcome.fault): _figure(outcome, run) for outcome in outcomes}}
    figures = {name: figures[name] for name in map(_name, FAULTS) if name in figures}
    ok = all(figure.holds is not False for figure in figures.values())
    results.write(Result("chaos", TITLE, "./tsunagu chaos --all", figures, ok, _notes(figures)))


def _notes(figures: Mapping[str, Figure]) -> list[str]:
    not_run = [str(fault.number) for fault in FAULTS if _name(fault) not in figures]
    skipped = [name for name, figure in figures.items() if figure.holds is None]
    notes = [f"Not run yet: {', '.join(not_run)}."] if not_run else []
    return [*notes, f"Skipped: {', '.join(skipped)}."] if skipped else notes


def _name(fault: Fault) -> str:
    return f"{fault.number} {fault.title}"


def _figure(outcome: Outcome, run: str) -> Figure:
    said = [outcome.fault.promise, outcome.why, *outcome.notes, run]
    seen = results.outcome(outcome.state == "ok", "; ".join(part for part in said if part), {"whole": outcome.seconds})
    return replace(seen, holds=None) if outcome.state == "skipped" else seen


def _figures() -> Mapping[str, Figure]:
    """Those of the last result."""
    try:
        known = [record.result for record in results.read(results.LAST) if record.result.name == "chaos"]
    except Trouble:
        return {}
    return known[0].figures if known else {}


def chosen(numbers: Sequence[int]) -> list[Fault]:
    """In the order of their numbers; Trouble when there is none of that number."""
    known = {fault.number: fault for fault in FAULTS}
    strange = sorted(set(numbers) - set(known))
    if strange:
        raise Trouble(f"There is no fault {strange[0]}; there are {', '.join(map(str, known))}.")
    return [known[number] for number in sorted(set(numbers))]
