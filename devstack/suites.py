"""`./tsunagu test`: the kinds of tests by what they cost to run, one summary, nothing left running."""

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]
from rich.console import Console

from devstack.places import REPOSITORY

NO_TESTS = 5
PR_SET_CHILD_SUBREAPER = 36
ORPHAN_SECONDS = 10.0


@dataclass(frozen=True)
class Suite:
    """pytest's arguments for one kind of tests."""

    name: str
    arguments: Sequence[str]


@dataclass(frozen=True)
class Result:
    suite: str
    code: int
    closing: str


SUITES = {
    "unit": Suite("unit", ("-m", "not integration and not e2e and not browser", "-n", "2")),
    # One after another: the engines of a test run share two cores with what is tested.
    "integration": Suite("integration", ("-m", "integration and not e2e and not browser")),
    "e2e": Suite("e2e", ("-m", "e2e")),
    # A part of e2e by itself; it leaves a result.
    "attacks": Suite("attacks", ("tests/e2e/attacks",)),
    # Each worker has a Chromium of its own; they share the stack.
    "browser": Suite("browser", ("tests/browser", "-n", "2", "--dist", "worksteal")),
}
ALL = ("unit", "integration", "e2e", "browser")


def run(name: str, arguments: Sequence[str]) -> int:
    """One suite or `all`, with further arguments for pytest. The exit code: 0 when nothing failed."""
    console = Console()
    _adopt_orphans()
    chosen = [SUITES[one] for one in (ALL if name == "all" else (name,))]
    results = [_run(suite, arguments, console) for suite in chosen]
    left = _end_orphans()
    console.print()
    for result in results:
        word = "ok    " if result.code == 0 else "FAILED"
        console.print(f"{word} {result.suite:12} {result.closing}", markup=False, highlight=False, soft_wrap=True)
    if left:
        console.print(f"FAILED these were left running and had to be ended: {', '.join(left)}", markup=False)
    return 1 if left or any(result.code for result in results) else 0


def _run(suite: Suite, arguments: Sequence[str], console: Console) -> Result:
    console.print(f"\n== {suite.name} tests", highlight=False)
    color = "yes" if console.is_terminal else "no"
    command = [sys.executable, "-m", "pytest", f"--color={color}", *suite.arguments, *arguments]
    began, closing = time.monotonic(), ""
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as pytest:
        for line in pytest.stdout or ():
            sys.stdout.write(line)
            sys.stdout.flush()
            closing = line.strip() or closing
    if pytest.returncode == NO_TESTS:
        return Result(suite.name, 0, "no tests")
    return Result(suite.name, pytest.returncode, f"{closing}  ({time.monotonic() - began:.0f} s)")


def _adopt_orphans() -> None:
    """Whatever a test leaves behind becomes a child of this process, so that it can be found and ended."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_orphans() -> list[str]:
    """Gunicorn's workers need a second to notice that their master was killed; what stays longer is named."""
    deadline = time.monotonic() + ORPHAN_SECONDS
    while (left := _children()) and time.monotonic() < deadline:
        time.sleep(0.1)
    names = [" ".join(process.cmdline()[:4]) or process.name() for process in left]
    for process in left:
        process.kill()
    return names


def _children() -> list[psutil.Process]:
    while True:  # Reaps what has ended.
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                break
        except ChildProcessError:
            break
    return [process for process in psutil.Process().children(recursive=True) if process.is_running()]
