"""The browser of the browser tests: the system's Chromium, installed by its package manager where that is possible."""

import os
import shutil
import subprocess

from devstack.trouble import Trouble

NAMES = ("chromium", "chromium-browser", "google-chrome")
# With a font that has Japanese, or screenshots show boxes.
PACKAGES = ("chromium", "fonts-ipafont-gothic")
INSTALL_SECONDS = 600.0


def find() -> str | None:
    """Its path, None when there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def ensure() -> str:
    """Its path. Installs it when it is missing and this user may; Trouble says why it is not to be had."""
    if found := find():
        return found
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Trouble(f"Chromium is missing; install it (Debian: {' '.join(PACKAGES)}).")
    _apt("update", "-q")
    _apt("install", "-y", "-q", "--no-install-recommends", *PACKAGES)
    if found := find():
        return found
    raise Trouble("Chromium was installed and is not on the PATH.")


def _apt(*arguments: str) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            ["apt-get", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Trouble("Chromium could not be installed in time.") from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["(nothing said)"]
        raise Trouble(f"Chromium could not be installed: {lines[-1]}")
