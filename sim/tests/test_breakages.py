"""The simulator finds what it is there to find: each mistake of `breakages.py` breaks one of the first seeds."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sim.tests.breakages import BREAKAGES, Breakage

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("contracts", "chassis", "services", "sim")
SEEDS = 3_000

pytestmark = pytest.mark.slow


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sources that a world is made of, to be broken."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("tests"))
    return tmp_path


def simulate(root: Path, *arguments: str, hashing: int = 0) -> subprocess.CompletedProcess[str]:
    """In a process of its own, with another order of Python's sets each time `hashing` is another."""
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONHASHSEED": str(hashing)}
    command = [sys.executable, "-m", "sim", *arguments]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def complaints(history: str) -> list[str]:
    return [line.split("INVARIANT", 1)[1].strip() for line in history.splitlines() if "INVARIANT" in line]


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda breakage: breakage.name)
def test_a_mistake_breaks_a_seed_that_replays_to_the_same_history(breakage: Breakage, copy: Path) -> None:
    for change in breakage.changes:
        change.make(copy)

    found = simulate(copy, "--seeds", str(SEEDS), "--until-broken")

    assert (found.returncode, found.stderr) == (1, "")
    seed, _, complaint = found.stdout.splitlines()[0].partition(" ")
    replays = [simulate(copy, "--seed", seed, hashing=hashing) for hashing in (1, 2)]
    assert replays[0].stdout == replays[1].stdout
    assert complaint in replays[0].stdout
    assert any(said.startswith(breakage.found) for said in complaints(replays[0].stdout))


def test_a_healthy_seed_is_the_same_history_too(copy: Path) -> None:
    replays = [simulate(copy, "--seed", "4", hashing=hashing) for hashing in (1, 2)]

    assert replays[0].returncode == 0
    assert replays[0].stdout == replays[1].stdout
