"""Golden samples: events as they were once written, which every later version has to read.

`python -m contracts.tests.golden` writes a sample for each event that has none. `python -m contracts.tests.golden
EVENT...` writes a further one (`EVENT.2.json`) for events that got a new field or value. It never touches a sample
that exists, because that is what lies in Kafka and in the event stores; so a sample may also be written by hand.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

import contracts
from contracts.tests.examples import EXAMPLES

FOLDER = Path(__file__).parent / "golden"


@dataclass(frozen=True)
class Sample:
    """The JSON data of one event, and the JSON schema of its type when it was written."""

    event: str
    data: Mapping[str, Any]
    schema: Mapping[str, Any]


def samples(folder: Path = FOLDER) -> dict[str, Sample]:
    """All samples by file name, those of one event from the oldest to the newest."""
    paths = sorted(folder.glob("*.json"), key=_age)
    return {path.name: Sample(path.name.split(".")[0], **_read(path)) for path in paths}


def _age(path: Path) -> tuple[str, int]:
    event, number, *_ = [*path.name.removesuffix(".json").split("."), "1"]
    return event, int(number)


def _read(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    return {"data": content["data"], "schema": content["schema"]}


def schema_of(event: type) -> dict[str, Any]:
    """The JSON schema of an event's fields, with nothing referred to elsewhere."""
    (schema,), parts = msgspec.json.schema_components([event])
    whole: dict[str, Any] = _inlined(schema, parts)
    return whole


def _inlined(schema: Any, parts: Mapping[str, Any]) -> Any:
    if isinstance(schema, list | tuple):
        return [_inlined(item, parts) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(parts[schema["$ref"].rpartition("/")[2]], parts)
    return {key: _inlined(value, parts) for key, value in schema.items() if key not in ("title", "description")}


def write(events: Sequence[str], folder: Path = FOLDER) -> list[str]:
    """Writes what is missing, and one more for each of `events`; the names of the new files."""
    types = {event.__name__: event for event in contracts.events_of(*contracts.EVENTS)}
    folder.mkdir(exist_ok=True)
    there = [sample.event for sample in samples(folder).values()]
    wanted = {name: there.count(name) + 1 for name in types if name in events or name not in there}
    return [_write(folder, types[name], number) for name, number in wanted.items()]


def _write(folder: Path, event: type, number: int) -> str:
    name = f"{event.__name__}.json" if number == 1 else f"{event.__name__}.{number}.json"
    content = {"data": msgspec.to_builtins(EXAMPLES[event.__name__]), "schema": schema_of(event)}
    (folder / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return name


if __name__ == "__main__":
    sys.stdout.write("".join(f"{name}\n" for name in write(sys.argv[1:])))
