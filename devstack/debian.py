"""Programs and libraries of the system that tests use, installed by its package manager where that is possible."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from devstack.trouble import Trouble

INSTALL_SECONDS = 600.0


def ensure(find: Callable[[], str | None], name: str, *packages: str) -> str:
    """What `find` finds. What is missing is installed when this user may; Trouble says why it is not to be had.

    Of several processes that miss it at once the first installs it, the others wait for that.
    """
    if found := find():
        return found
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Trouble(f"{name} is missing; install it (Debian: {' '.join(packages)}).")
    with _alone():
        if found := find():
            return found
        _apt(name, "update", "-q")
        _apt(name, "install", "-y", "-q", "--no-install-recommends", *packages)
    if found := find():
        return found
    raise Trouble(f"{name} was installed and is not found.")


def unpacked(name: str, folder: Path, *packages: str) -> Path:
    """`folder` with the files of these packages, which are not installed: nothing is set up or started.

    Trouble says why they are not to be had.
    """
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Trouble(f"{name} is missing, and cannot be fetched (Debian: {' '.join(packages)}).")
    try:
        _apt(name, "download", "-q", *packages, folder=folder)
    except Trouble:
        _apt(name, "update", "-q")
        _apt(name, "download", "-q", *packages, folder=folder)
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
    return folder


@contextmanager
def _alone() -> Iterator[None]:
    """Of all processes that install something here."""
    with (Path(tempfile.gettempdir()) / f"tsunagu-apt-{os.geteuid()}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _apt(name: str, *arguments: str, folder: Path | None = None) -> None:
    # In runlevel 1 no package starts its services.
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    try:
        done = subprocess.run(
            ["apt-get", "-o", f"DPkg::Lock::Timeout={INSTALL_SECONDS:.0f}", *arguments],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Trouble(f"{name} could not be installed in time.") from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["(nothing said)"]
        raise Trouble(f"{name} could not be installed: {lines[-1]}")
