"""What a running stack tells others through `run.json`, and whether it really runs."""

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from devstack.places import REPOSITORY, Places, write_private
from devstack.services import Addresses
from devstack.trouble import Trouble

DEFAULT_ROOT = REPOSITORY / ".tsunagu"


@dataclass(frozen=True)
class Running:
    """A stack that runs now. `pids` by process name (0 while one is down), `data` the folders of engines and mail."""

    pid: int
    gateway_url: str
    mail_url: str | None
    addresses: Addresses
    data: Mapping[str, str]
    pids: Mapping[str, int]


def write(places: Places, running: Running) -> None:
    flat = asdict(running)
    write_private(places.run, json.dumps(flat.pop("addresses") | flat, indent=1, ensure_ascii=False) + "\n")


def find(root: Path = DEFAULT_ROOT) -> Running | None:
    """The stack of this folder, None when none runs (a `run.json` left by a killed one does not count)."""
    places = Places(root)
    if not is_locked(places):
        return None
    try:
        content: dict[str, Any] = json.loads(places.run.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    addresses = Addresses(*(content.pop(name) for name in ("mongo_url", "kafka_servers", "smtp_url", "ports")))
    return Running(addresses=addresses, **content)


def need(root: Path = DEFAULT_ROOT) -> Running:
    """As `find`, Trouble instead of None."""
    running = find(root)
    if running is None:
        raise Trouble("No stack runs in this folder; start one with ./tsunagu up (in another terminal) and try again.")
    return running


def lock(places: Places) -> IO[str]:
    """Held as long as the file stays open, by whatever way the holder ends. Trouble when another holds it."""
    file = places.lock.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise Trouble(f"A stack runs already in this folder (process {holder}); use it, or stop it first.") from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def is_locked(places: Places) -> bool:
    try:
        lock(places).close()
    except Trouble:
        return True
    except OSError:
        return False
    return False
