"""Shapes in which private events are stored, which their services have to read for ever.

`python -m tests.house.private_events` writes the shape of each event that is new or has grown, into
`tests/house/private_events/<service>.<Event>.json`. It refuses to narrow one.
"""

import importlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contracts.tests.compatibility import breaks
from contracts.tests.golden import schema_of
from tests.house.imports import models
from tests.house.repository import Repository

FOLDER = Path(__file__).parent / "private_events"


def private_events(repository: Repository, service: str) -> list[type]:
    """All PRIVATE_EVENTS of a service's models."""
    found: list[type] = []
    for source in models(repository):
        if source.path.startswith(f"services/{service}/"):
            found += getattr(importlib.import_module(source.module), "PRIVATE_EVENTS", ())
    return found


def shapes(repository: Repository) -> dict[str, dict[str, Any]]:
    """File name -> JSON schema, as the events are now."""
    return {
        f"{service}.{event.__name__}.json": schema_of(event)
        for service in repository.services
        for event in private_events(repository, service)
    }


def kept(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """File name -> JSON schema, as the events were stored."""
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def broken(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What stored events can no longer be read."""
    gone = [f"{name}: the event is gone" for name in before if name not in now]
    changed = [line for name in before if name in now for line in breaks(before[name], now[name], name)]
    return gone + changed


def write(repository: Repository, folder: Path = FOLDER) -> list[str]:
    """Writes what is new or has grown; what would be unreadable then, and writes nothing in that case."""
    now = shapes(repository)
    if found := broken(kept(folder), now):
        return found
    folder.mkdir(exist_ok=True)
    for name, shape in now.items():
        (folder / name).write_text(json.dumps(shape, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return []


if __name__ == "__main__":
    sys.exit("\n".join(write(Repository())) or 0)
