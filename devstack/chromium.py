"""The browser of the browser tests: the system's Chromium, installed by its package manager where that is possible."""

import shutil
import subprocess

from devstack import debian

NAMES = ("chromium", "chromium-browser", "google-chrome")
# With a font that has Japanese: without one every letter is the same box, and nothing wraps as it will.
PACKAGES = ("chromium", "fontconfig", "fonts-ipafont-gothic")


def find() -> str | None:
    """Its path; None when it, or a font with Japanese, is missing."""
    path = next((path for name in NAMES if (path := shutil.which(name))), None)
    return path if path and _writes_japanese() else None


def ensure() -> str:
    """Its path. Installs it when it is missing and this user may; Trouble says why it is not to be had."""
    return debian.ensure(find, "Chromium with a font that has Japanese", *PACKAGES)


def _writes_japanese() -> bool:
    lister = shutil.which("fc-list")
    if not lister:
        return False
    return bool(subprocess.run([lister, ":lang=ja"], capture_output=True, check=True).stdout)
