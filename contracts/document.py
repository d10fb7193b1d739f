"""Writes `docs/events.md` and `docs/asyncapi.yaml` from the contracts: `python -m contracts.document`.

Who hears an event is read from the text of the services' `reactions.py` and `views.py`, where every event that a
service takes stands by its name. So this module imports no service, and the answer is as true as the code.
"""

import ast
import dataclasses
import inspect
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import yaml

import contracts
from contracts.meanings import meaning

ROOT = Path(__file__).resolve().parent.parent
PARTITIONS = 4
REFERENCE = "#/components/schemas/{name}"
NOTE = "Generated from contracts/ by `./tsunagu docs`; do not edit by hand."
HEARING_MODULES = ("reactions.py", "views.py")

# CloudEvents 1.0, Kafka protocol binding, binary mode, as `chassis.messages.to_kafka` writes it.
HEADERS: Mapping[str, str] = {
    "ce_specversion": "Always `1.0`.",
    "ce_id": "Unique, and the same on every redelivery: `<stream>@<revision>.<place in the commit>`.",
    "ce_type": "Name of the event.",
    "ce_source": "`/<owner>`.",
    "ce_time": "When it was recorded, ISO 8601 with an offset.",
    "ce_subject": "The stream.",
    "ce_partitionkey": "The stream, which is the record's key too.",
    "ce_sequence": "Orders the events of one stream; compares as text.",
    "ce_correlationid": "Joins all that one request or report has caused.",
    "ce_causationid": "Id of the event or message that caused this one, or empty.",
    "ce_actor": "Who did it: `<kind>:<id>`, kind is `customer`, `operator`, `automatic` or `telephone`.",
    "content-type": "Always `application/json`.",
}


def topic_of(owner: str) -> str:
    return f"{owner}-events"


def heard_by(services: Path) -> Mapping[str, tuple[str, ...]]:
    """Event name -> the services that take it from another's topic, in alphabetical order."""
    owners = {event.__name__: owner for owner, events in contracts.EVENTS.items() for event in events}
    heard: dict[str, list[str]] = {name: [] for name in owners}
    for folder in sorted(path for path in services.iterdir() if path.is_dir()):
        for name in sorted(event_names(folder)):
            if owners.get(name, folder.name) != folder.name:
                heard[name].append(folder.name)
    return {name: tuple(by) for name, by in heard.items()}


def event_names(service: Path) -> frozenset[str]:
    """Every text in a service's reactions and views that is spelled as an event's name."""
    files = [service / name for name in HEARING_MODULES if (service / name).exists()]
    texts = (
        node.value
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return frozenset(text for text in texts if re.fullmatch(r"([A-Z][a-z0-9]+){2,}", text))


def events_page(heard: Mapping[str, tuple[str, ...]]) -> str:
    """The text of `docs/events.md`."""
    parts = ["# Events", "", NOTE, "", _introduction()]
    for owner in contracts.EVENTS:
        parts += ["", f"## {owner}", "", _about(owner), ""]
        parts += _overview(owner, heard)
        for event in contracts.EVENTS[owner]:
            parts += ["", *_event(event)]
        for value in _values_of(owner):
            parts += ["", *_event(value)]
    parts += ["", "## Headers of every record", "", "| header | |", "|---|---|"]
    parts += [f"| `{name}` | {text} |" for name, text in HEADERS.items()]
    return "\n".join(parts) + "\n"


def _introduction() -> str:
    return (
        "A service says its public events on its own topic, `<owner>-events`. A record's key is the event's stream, so "
        "the\nevents of one stream come in order; between streams nothing is promised. Every event may come more than "
        "once: `ce_id`\nis then the same. Readers ignore fields that they do not know. The same as AsyncAPI: "
        "[asyncapi.yaml](asyncapi.yaml)."
    )


def _about(owner: str) -> str:
    return f"Topic `{topic_of(owner)}`, key: the stream.\n\n{inspect.getdoc(_module(owner))}"


def _overview(owner: str, heard: Mapping[str, tuple[str, ...]]) -> list[str]:
    rows = [(event.__name__, ", ".join(heard[event.__name__]) or "nobody yet") for event in contracts.EVENTS[owner]]
    return ["| event | heard by |", "|---|---|", *(f"| `{name}` | {by} |" for name, by in rows)]


def _event(event: type) -> list[str]:
    title, rows = (
        [f"### {event.__name__}", "", inspect.getdoc(event) or "", ""],
        ["| field | type | |", "|---|---|---|"],
    )
    for name, kind, default in fields_of(event):
        optional = " May be missing." if default else ""
        rows.append(f"| `{name}` | {words_for(kind)} | {meaning(event.__name__, name) or ''}{optional} |")
    return title + rows


def fields_of(event: type) -> Iterator[tuple[str, Any, bool]]:
    """Name, type and whether it has a default, of every field."""
    hints = get_type_hints(event)
    for field in dataclasses.fields(event):
        has_default = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        yield field.name, hints[field.name], has_default


def words_for(kind: Any) -> str:
    """A type for people: `text`, `whole number`, `one of a, b`, `map of text to text`."""
    plain = {str: "text", int: "whole number", bool: "true or false", datetime: "time (ISO 8601)", NoneType: "null"}
    if kind in plain:
        return plain[kind]
    parts = get_args(kind)
    origin = get_origin(kind)
    if origin is Literal:
        return "one of " + ", ".join(f"`{part}`" for part in parts)
    if origin in (Union, UnionType):
        return " or ".join(words_for(part) for part in parts)
    if origin is tuple:
        return f"list of {words_for(parts[0])}"
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return f"[{kind.__name__}](#{kind.__name__.lower()})"
    return f"map of {words_for(parts[0])} to {words_for(parts[1])}"


def _values_of(owner: str) -> list[type]:
    """The value types that an owner's events are made of."""
    named = vars(_module(owner)).values()
    found = [kind for kind in named if isinstance(kind, type) and dataclasses.is_dataclass(kind)]
    return [kind for kind in found if kind not in contracts.EVENTS[owner]]


def _module(owner: str) -> Any:
    return inspect.getmodule(contracts.EVENTS[owner][0])


def asyncapi(heard: Mapping[str, tuple[str, ...]], version: str) -> dict[str, Any]:
    """The AsyncAPI 3.0 document: a channel for each topic, one sender each, a receiver for each pair that talks."""
    _, schemas = msgspec.json.schema_components(contracts.events_of(*contracts.EVENTS), ref_template=REFERENCE)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Tsunagu events", "version": version, "description": NOTE},
        "defaultContentType": "application/json",
        "channels": {topic_of(owner): _channel(owner) for owner in contracts.EVENTS},
        "operations": _operations(heard),
        "components": {
            "messages": {event.__name__: _message(event) for event in contracts.events_of(*contracts.EVENTS)},
            "schemas": {"Headers": _headers(), **_described(schemas)},
        },
    }


def _channel(owner: str) -> dict[str, Any]:
    names = [event.__name__ for event in contracts.EVENTS[owner]]
    topic = {"retention.ms": -1}
    binding = {"topic": topic_of(owner), "partitions": PARTITIONS, "topicConfiguration": topic}
    return {
        "address": topic_of(owner),
        "description": _prose(_module(owner)),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"kafka": {**binding, "bindingVersion": "0.5.0"}},
    }


def _operations(heard: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    operations: dict[str, Any] = {}
    for owner, events in contracts.EVENTS.items():
        names = [event.__name__ for event in events]
        operations[f"{owner}-says"] = {"action": "send", "title": f"{owner} says", **_of(owner, names)}
        for hearer in sorted({by for name in names for by in heard[name]}):
            taken = [name for name in names if hearer in heard[name]]
            group = {"groupId": {"type": "string", "const": hearer}, "bindingVersion": "0.5.0"}
            operations[f"{hearer}-hears-{owner}"] = {
                "action": "receive",
                "title": f"{hearer} hears {owner}",
                **_of(owner, taken),
                "bindings": {"kafka": group},
            }
    return operations


def _of(owner: str, names: list[str]) -> dict[str, Any]:
    channel = f"#/channels/{topic_of(owner)}"
    return {"channel": {"$ref": channel}, "messages": [{"$ref": f"{channel}/messages/{name}"} for name in names]}


def _prose(documented: Any) -> str:
    """Its docstring as one line."""
    return " ".join((inspect.getdoc(documented) or "").split())


def _message(event: type) -> dict[str, Any]:
    key = {"type": "string", "description": "The stream."}
    return {
        "name": event.__name__,
        "title": event.__name__,
        "summary": _prose(event),
        "contentType": "application/json",
        "headers": {"$ref": REFERENCE.format(name="Headers")},
        "payload": {"$ref": REFERENCE.format(name=event.__name__)},
        "bindings": {"kafka": {"key": key, "bindingVersion": "0.5.0"}},
    }


def _headers() -> dict[str, Any]:
    texts = {name: {"type": "string", "description": text} for name, text in HEADERS.items()}
    return {"type": "object", "required": list(HEADERS), "properties": texts}


def _described(schemas: Mapping[str, Any]) -> dict[str, Any]:
    """The schemas of events and values, completed by their fields' meanings and by the format of times."""
    kinds = {
        kind.__name__: kind for owner in contracts.EVENTS for kind in (*contracts.EVENTS[owner], *_values_of(owner))
    }
    return {name: {**schema, "properties": _completed(kinds[name], schema)} for name, schema in sorted(schemas.items())}


def _completed(kind: type, schema: Mapping[str, Any]) -> dict[str, Any]:
    completed = {}
    for name, hint, _ in fields_of(kind):
        times = {"format": "date-time"} if datetime in (hint, *get_args(hint)) else {}
        completed[name] = {**schema["properties"][name], **times, "description": meaning(kind.__name__, name)}
    return completed


def documents(root: Path = ROOT) -> dict[Path, str]:
    """Path -> text of all that is generated, for the contracts and services of the repository at `root`."""
    heard = heard_by(root / "services")
    version = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    text = yaml.safe_dump(asyncapi(heard, version), sort_keys=False, allow_unicode=True, width=120)
    return {root / "docs/events.md": events_page(heard), root / "docs/asyncapi.yaml": f"# {NOTE}\n{text}"}


if __name__ == "__main__":
    for path, content in documents().items():
        path.write_text(content, encoding="utf-8")
