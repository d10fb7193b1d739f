"""A small disk under one engine, that can be filled and freed."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chaos.ground import Skipped
from chaos.harm import away
from devstack.stack import Stack

PIECE = 1 << 16


@dataclass(frozen=True)
class SmallDisk:
    """Where the engine's data lies now."""

    folder: Path

    @property
    def _filler(self) -> Path:
        return self.folder / "filler"

    def fill(self) -> None:
        """To the last byte."""
        with self._filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(PIECE))
            except OSError:
                return

    def top_up(self) -> None:
        """Takes what has become free since, too."""
        with self._filler.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(512))
            except OSError:
                return

    def free(self) -> None:
        self._filler.unlink(missing_ok=True)


@contextmanager
def under(stack: Stack, engine: str, folder: Path, room: int) -> Iterator[SmallDisk]:
    """The data of the engine is on a disk with `room` more megabytes than it takes now; afterwards it is back where it
    was. Skipped where this user may not mount one."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        raise Skipped("only root may mount a small disk")
    aside = folder.with_name(f"{folder.name}-aside")
    with away(stack, engine):
        folder.rename(aside)
        folder.mkdir()
        taken = int(_run("du", "--summarize", "--block-size=1M", str(aside)).split()[0])
        try:
            _run("mount", "-t", "tmpfs", "-o", f"size={taken + room}m", "tmpfs", str(folder))
        except Skipped:
            folder.rmdir()
            aside.rename(folder)
            raise
        _run("cp", "--archive", "--sparse=always", f"{aside}/.", str(folder))
        shutil.rmtree(aside)
    disk = SmallDisk(folder)
    try:
        yield disk
    finally:
        disk.free()
        with away(stack, engine):
            _run("cp", "--archive", "--sparse=always", f"{folder}/.", str(aside))
            _run("umount", str(folder))
            folder.rmdir()
            aside.rename(folder)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Skipped(f"{command[0]}: {done.stderr.strip()}")
    return done.stdout
