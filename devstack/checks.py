"""`./tsunagu check`: all that must be right before a commit, side by side, in under a minute.

It plays the tests of the rules, of the house, and of what is changed since the last commit. All others, and those that
take a second or more of a processor, marked `slow`, are left to `./tsunagu test unit`.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from devstack.advisories import SKIPPED
from devstack.places import REPOSITORY

FOLDERS = ("contracts", "chassis", "services", "gateway", "devstack", "bench", "sim", "chaos", "tests")
QUICK = "not slow and not integration and not e2e and not browser"
# Where tests are that are played whatever has changed.
ALWAYS = ("contracts", "tests/house", "services/*/tests/test_model*.py")
BIN = REPOSITORY / ".venv" / "bin"


@dataclass(frozen=True)
class Check:
    """One command; `accepted` are the exit codes that mean all is right. One that ends with SKIPPED says why."""

    name: str
    command: Sequence[str]
    accepted: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Outcome:
    check: Check
    code: int
    output: str
    seconds: float

    @property
    def skipped(self) -> bool:
        return self.code == SKIPPED

    @property
    def passed(self) -> bool:
        return self.skipped or self.code in self.check.accepted


def checks() -> list[Check]:
    """The slowest first, so that two cores end at about the same time."""
    python = sys.executable
    tests = [python, "-m", "pytest", "-m", QUICK, "-n", "2", "-p", "no:cacheprovider", *to_test(_changed())]
    found = [
        Check("types", [python, "-m", "mypy", *FOLDERS]),
        Check("tests", tests),
        Check("advisories", [python, "-m", "devstack.advisories"]),
        Check("sbom", [python, "-m", "devstack.materials"]),
        Check("lint", [python, "-m", "ruff", "check", "."]),
        Check("format", [python, "-m", "ruff", "format", "--check", "."]),
    ]
    if (REPOSITORY / ".importlinter").exists():
        found.append(Check("imports", [str(BIN / "python"), str(BIN / "lint-imports")]))
    return found


def to_test(changed: Iterable[str]) -> list[str]:
    """The files and folders whose tests are played before `changed` is committed, none within another."""
    always = {str(path.relative_to(REPOSITORY)) for place in ALWAYS for path in REPOSITORY.glob(place)}
    touched = {package for path in changed if (package := _package(Path(path)))}
    return sorted(touched | {one for one in always if not touched & {str(parent) for parent in Path(one).parents}})


def _package(path: Path) -> str:
    """What a file belongs to: a service, or a folder beside them. Those of other tests have no quick ones."""
    depth = 2 if path.parts[0] in ("services", "tests") else 1
    package = Path(*path.parts[:depth])
    return str(package) if path.parts[0] in FOLDERS and (REPOSITORY / package).is_dir() else ""


def _changed() -> list[str]:
    """Since the last commit, new files too; none where this is no checkout."""
    asked = ["git", "status", "--porcelain", "--no-renames", "--untracked-files=all", "-z"]
    told = subprocess.run(asked, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return [line[3:] for line in told.stdout.split("\0") if line]


def run() -> int:
    """Prints one line per check and the whole output of what failed. The number of failed checks."""
    console, began = Console(), time.monotonic()
    failed = 0
    with ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as together:
        for outcome in as_completed([together.submit(_run, check) for check in checks()]):
            result = outcome.result()
            failed += not result.passed
            _show(console, result)
    console.print(f"{'all right' if not failed else f'{failed} failed'}, {time.monotonic() - began:.1f} s")
    return failed


def _run(check: Check) -> Outcome:
    began = time.monotonic()
    # Compiled tests are kept whatever the shell says: to compile them anew takes as long as to run a third of them.
    kept = os.environ | {"PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(
        check.command,
        cwd=REPOSITORY,
        env=kept,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Outcome(check, done.returncode, done.stdout, time.monotonic() - began)


def _show(console: Console, outcome: Outcome) -> None:
    word = "[yellow]skip[/]  " if outcome.skipped else "[green]ok[/]    " if outcome.passed else "[red]FAILED[/]"
    console.print(f"{word} {outcome.check.name:10} {outcome.seconds:5.1f} s", highlight=False)
    if outcome.skipped or not outcome.passed:
        console.print(outcome.output, markup=False, highlight=False, soft_wrap=True)
