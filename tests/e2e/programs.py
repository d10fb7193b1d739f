"""Monitoring programs as Debian packages them, run for a story."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from devstack import debian
from devstack.trouble import Trouble


def program(name: str, package: str) -> str:
    """Where the program is, installed where that is possible; else the story is skipped, and says what to install."""
    try:
        return debian.ensure(lambda: shutil.which(name), name, package)
    except Trouble as reason:
        pytest.skip(str(reason))


@contextmanager
def running(command: Sequence[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(20)


def with_ours(snippet: str, places: dict[str, str]) -> str:
    """A snippet that we ship, with a story's own values in place of its examples."""
    for example, ours in places.items():
        assert example in snippet
        snippet = snippet.replace(example, ours)
    return snippet
