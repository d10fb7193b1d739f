import os
from pathlib import Path

import pytest

from devstack import debian
from devstack.trouble import Trouble


def test_what_is_there_is_not_installed() -> None:
    assert debian.ensure(lambda: "/bin/found", "It", "its-package") == "/bin/found"


def test_what_cannot_be_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(Trouble, match=r"It is missing; install it \(Debian: its-package\)"):
        debian.ensure(lambda: None, "It", "its-package")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs")
def test_what_is_missing_is_installed_and_what_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package manager is a stand-in that installs one package and knows no other."""
    apt = tmp_path / "apt-get"
    apt.write_text(f'#!/bin/sh\ncase "$*" in *good*) : >{tmp_path}/good;; *bad*) echo "no bad" >&2; exit 100;; esac\n')
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    good = tmp_path / "good"

    assert debian.ensure(lambda: str(good) if good.exists() else None, "It", "good") == str(good)
    with pytest.raises(Trouble, match="It could not be installed: no bad"):
        debian.ensure(lambda: None, "It", "bad")


def test_what_cannot_be_fetched_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(Trouble, match=r"It is missing, and cannot be fetched \(Debian: its-package\)"):
        debian.unpacked("It", tmp_path, "its-package")
