"""The browser of the browser tests: the system's Chromium, installed by its package manager where that is possible."""

import shutil

from devstack import debian

NAMES = ("chromium", "chromium-browser", "google-chrome")
# With a font that has Japanese, or screenshots show boxes.
PACKAGES = ("chromium", "fonts-ipafont-gothic")


def find() -> str | None:
    """Its path, None when there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def ensure() -> str:
    """Its path. Installs it when it is missing and this user may; Trouble says why it is not to be had."""
    return debian.ensure(find, "Chromium", *PACKAGES)
