"""`./tsunagu images`: how large each image is, and how long each of its processes takes to be ready."""

import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from devstack import compose, services
from devstack.compose import Compose
from devstack.trouble import Trouble

TOO_LONG_SECONDS = 60.0
READY = {"web": "8000", "worker": "9000", "aside": "9000"}


def show() -> None:
    """Builds the images, brings a project up and prints a row for each image. Raises Trouble."""
    if missing := compose.what_is_missing():
        raise Trouble(f"Images cannot be looked at here: {missing}.")
    console = Console()
    with (
        tempfile.TemporaryDirectory() as folder,
        console.status("Building the images, starting all of them ..."),
        Compose("tsunagu-images", Path(folder), {}) as project,
    ):
        table = Table("image", "MB", "MB of its own", *(f"{kind}, s" for kind in READY))
        for name in (*services.SERVICES, services.GATEWAY, services.MAIL):
            table.add_row(*_row(project, name))
    console.print(table)


def _row(project: Compose, name: str) -> list[str]:
    size, base = (compose.image_bytes(image) for image in (f"tsunagu/{name}:dev", compose.BASE_IMAGE))
    started = [_started(project, name, kind) for kind in READY]
    return [name, f"{size / 1e6:.0f}", f"{(size - base) / 1e6:.0f}", *started]


def _started(project: Compose, name: str, kind: str) -> str:
    """Seconds from the container's start until its process is ready; the others run meanwhile."""
    part = name if name in (services.GATEWAY, services.MAIL) and kind == "web" else f"{name}-{kind}"
    if part not in compose.parts():
        return ""
    project.stop(part)
    began = time.monotonic()
    project.start(part)
    while not project.is_ready(part, READY[kind]):
        if time.monotonic() - began > TOO_LONG_SECONDS:
            raise Trouble(f"{part} is not ready after {TOO_LONG_SECONDS:.0f} s.")
    return f"{time.monotonic() - began:.1f}"
