"""Results of benches, of the simulator, of attacks and of chaos: one shape, one place, one page.

A command calls `write` with what it found; that becomes `.tsunagu/results/<name>.json`. `keep` takes results from there
into `docs/results/`, which is in the repository, and `devstack.resultpage` makes `docs/results.md` of what is there.
Nobody writes a number by hand.
"""

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Literal

import msgspec
import psutil  # type: ignore[import-untyped]

from devstack.places import REPOSITORY
from devstack.trouble import Trouble

LAST = REPOSITORY / ".tsunagu" / "results"
KEPT = REPOSITORY / "docs" / "results"
PROCESSORS = Path("/proc/cpuinfo")
Status = Literal["holds", "measured", "falls short", "failed", "void"]


class Void(Exception):
    """An effect was lost, doubled or wrong, so that the figures of the run say nothing. Its text says which."""


@dataclass(frozen=True)
class Spread:
    """The same thing measured in several rounds."""

    median: float
    least: float
    most: float
    rounds: int


@dataclass(frozen=True)
class Goal:
    """What a figure should be."""

    word: Literal["at least", "at most"]
    limit: float

    def holds(self, value: float) -> bool:
        return value >= self.limit if self.word == "at least" else value <= self.limit


@dataclass(frozen=True)
class Figure:
    """One thing that was measured: `measured` has ours first, then what was measured beside it in the same run.

    `ratio` is ours to `beside`, round by round. `holds` is None where there is nothing to hold.
    """

    unit: str
    measured: Mapping[str, Spread]
    beside: str = ""
    ratio: Spread | None = None
    goal: Goal | None = None
    holds: bool | None = None
    note: str = ""


@dataclass(frozen=True)
class Result:
    """What a command found. `ok` is whether all that it checked was right; `title` is a sentence, `notes` are too."""

    name: str
    title: str
    command: str
    figures: Mapping[str, Figure]
    ok: bool = True
    notes: Sequence[str] = ()

    @property
    def status(self) -> Status:
        if not self.ok:
            return "failed" if self.figures else "void"
        held = {figure.holds for figure in self.figures.values()}
        return "falls short" if False in held else "holds" if True in held else "measured"


@dataclass(frozen=True)
class Machine:
    """What may be told of it: nothing that says whose it is."""

    processor: str
    cores: int
    memory_gb: float
    system: str
    python: str


@dataclass(frozen=True)
class Circumstances:
    """When, of what and on what something was found. `dirty`: the files were not those of the commit."""

    date: datetime
    commit: str
    dirty: bool
    machine: Machine


@dataclass(frozen=True)
class Record:
    """A result as it was written."""

    result: Result
    at: Circumstances
    written: Mapping[str, Any] = field(repr=False)


def spread(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values), len(values))


def at_least(limit: float) -> Goal:
    return Goal("at least", limit)


def at_most(limit: float) -> Goal:
    return Goal("at most", limit)


def figure(
    unit: str, rounds: Mapping[str, Sequence[float]], *, beside: str = "", goal: Goal | None = None, note: str = ""
) -> Figure:
    """Of the rounds of ours, which comes first, and of what was measured beside it. The goal is one of the ratio's
    median, or of ours where nothing is `beside` it."""
    ours = next(iter(rounds.values()))
    ratio = spread([a / b for a, b in zip(ours, rounds[beside], strict=True)]) if beside else None
    measured = {name: spread(values) for name, values in rounds.items()}
    holds = goal.holds((ratio or spread(ours)).median) if goal else None
    return Figure(unit, measured, beside, ratio, goal, holds, note)


def count(unit: str, name: str, value: float, *, goal: Goal | None = None, note: str = "") -> Figure:
    """A single number."""
    return figure(unit, {name: [value]}, goal=goal, note=note)


def outcome(holds: bool, note: str, seconds: Mapping[str, float] | None = None) -> Figure:
    """Something that had to be so and was or was not, with what was seen and what took how long."""
    return Figure("s", {name: spread([value]) for name, value in (seconds or {}).items()}, holds=holds, note=note)


def void(name: str, title: str, command: str, why: str) -> Result:
    """Without a figure."""
    return Result(name, title, command, {}, ok=False, notes=(why,))


def write(result: Result, folder: Path = LAST, at: Circumstances | None = None) -> Path:
    """Replaces the last result of this name."""
    folder.mkdir(parents=True, exist_ok=True)
    path, beside = folder / f"{result.name}.json", folder / f".{result.name}.new"
    flat = msgspec.to_builtins(result) | msgspec.to_builtins(at or circumstances())
    beside.write_bytes(msgspec.json.format(msgspec.json.encode(flat), indent=1) + b"\n")
    return beside.replace(path)


def read(folder: Path) -> list[Record]:
    """All that are there, by name. Raises Trouble for a file that is no result."""
    return [_read(path) for path in sorted(folder.glob("*.json"))]


def _read(path: Path) -> Record:
    try:
        written = msgspec.json.decode(path.read_bytes())
        return Record(msgspec.convert(written, Result), msgspec.convert(written, Circumstances), written)
    except msgspec.MsgspecError as error:
        raise Trouble(f"{path.name} is not a result: {error}.") from error


def names(last: Path = LAST) -> list[str]:
    """Of all last results."""
    return sorted(path.stem for path in last.glob("*.json"))


def keep(names: Sequence[str], last: Path = LAST, kept: Path = KEPT) -> None:
    """Takes the last results of these names into the repository. Raises Trouble where there is none."""
    for name in names:
        if not (last / f"{name}.json").exists():
            raise Trouble(f"There is no result of {name} yet; its command writes one.")
        record = _read(last / f"{name}.json")
        write(record.result, kept, record.at)


def circumstances() -> Circumstances:
    """Here and now."""
    machine = Machine(
        _processor(),
        len(os.sched_getaffinity(0)),
        round(psutil.virtual_memory().total / 2**30, 1),
        platform.system(),
        platform.python_version(),
    )
    changed = _git("status", "--porcelain", "--", ".", ":!docs/results", ":!docs/results.md")
    return Circumstances(
        datetime.now(UTC).replace(microsecond=0), _git("rev-parse", "--short", "HEAD"), bool(changed), machine
    )


def _processor() -> str:
    """The model's name."""
    try:
        lines = PROCESSORS.read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _git(*arguments: str) -> str:
    """What git says; nothing where the folder is no clone."""
    try:
        done = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()
