"""One OpenAPI document out of those of the services, showing only what the gateway lets through.

A service that is down is shown as it was last seen; only one that was never seen is left out, and named.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from threading import Lock
from typing import Any

import msgspec
import structlog

from chassis.edge import VERSION
from chassis.errors import Unavailable
from gateway.routes import PREFIX
from gateway.upstream import Call, Upstream

FRESH_SECONDS = 10.0

Document = dict[str, Any]
# Whether the gateway passes this path (without /api/v1) on to this service.
Leads = Callable[[str, str], bool]
# An operation of such a path as it is documented outside.
Describe = Callable[[str, Document], Document]
METHODS = frozenset({"get", "put", "post", "delete", "patch", "head", "options"})


def _as_it_is(_path: str, operation: Document) -> Document:
    return operation


class Documents:
    """The services' own documents as they were last seen, asked for again after some seconds."""

    def __init__(self, services: Mapping[str, Upstream], clock: Callable[[], float] = time.monotonic) -> None:
        self._services, self._clock = services, clock
        self._seen: dict[str, Document] = {}
        self._asked_at: dict[str, float] = {}
        self._lock = Lock()

    def all(self) -> dict[str, Document | None]:
        """The document of each service in the order of the services; None where there never was one."""
        with self._lock:
            for name, service in self._services.items():
                if self._clock() - self._asked_at.get(name, -math.inf) >= FRESH_SECONDS:
                    self._look(name, service)
            return {name: self._seen.get(name) for name in self._services}

    def _look(self, name: str, service: Upstream) -> None:
        try:
            self._seen[name] = _ask(service)
            self._asked_at[name] = self._clock()
        except (Unavailable, msgspec.DecodeError) as cause:
            structlog.get_logger().warning("documentation-unavailable", upstream=name, cause=str(cause))
            # One that is known can wait like a fresh one; one that is not is asked for at the next request.
            if name in self._seen:
                self._asked_at[name] = self._clock()


def _ask(service: Upstream) -> Document:
    answer = service.send(Call("GET", "/openapi.json", {"Accept": "application/json"}, seconds=3))
    try:
        if answer.status != 200:
            raise Unavailable("service-unavailable")
        return msgspec.json.decode(answer.read(), type=Document)
    finally:
        answer.close()


def merged(documents: Mapping[str, Document | None], leads: Leads, describe: Describe = _as_it_is) -> Document:
    """The gateway's document. Components of one name with different contents get the service's name in front."""
    whole: Document = {
        "openapi": "3.0.3",
        "info": {"title": "Tsunagu", "version": VERSION},
        "security": [{"bearer": []}],
        "tags": [],
        "paths": {},
        "components": {},
    }
    for service, document in documents.items():
        if document:
            _add(whole, service, document, leads, describe)
    if missing := [service for service, document in documents.items() if not document]:
        whole["info"]["description"] = f"Not reachable and therefore left out: {', '.join(missing)}."
    return whole


def _add(whole: Document, service: str, document: Document, leads: Leads, describe: Describe) -> None:
    names = _new_names(whole["components"], document.get("components", {}), service)
    renamed = _renamed(document, names)
    for path, operations in renamed.get("paths", {}).items():
        if leads(path, service):
            described = {key: describe(path, one) if key in METHODS else one for key, one in operations.items()}
            whole["paths"].setdefault(PREFIX + path, described)
    for kind, components in renamed.get("components", {}).items():
        for name, component in components.items():
            whole["components"].setdefault(kind, {})[names.get(_reference(kind, name), name)] = component
    known = {tag["name"] for tag in whole["tags"]}
    whole["tags"] += [tag for tag in renamed.get("tags", []) if tag["name"] not in known]


def _reference(kind: str, name: str) -> str:
    return f"#/components/{kind}/{name}"


def _new_names(there: Document, coming: Document, service: str) -> dict[str, str]:
    """New names by reference for what clashes, and for whatever of the same name refers to something that does."""
    same = [
        (_reference(kind, name), name, component, there[kind][name])
        for kind, components in coming.items()
        for name, component in components.items()
        if name in there.get(kind, {})
    ]
    clashing = {reference for reference, _, component, other in same if component != other}
    while more := {
        reference
        for reference, _, component, _ in same
        if reference not in clashing and not clashing.isdisjoint(_references(component))
    }:
        clashing |= more
    return {reference: f"{service}-{name}" for reference, name, _, _ in same if reference in clashing}


def _references(value: Any) -> Iterator[str]:
    match value:
        case {"$ref": str(reference)}:
            yield reference
        case dict():
            for inner in value.values():
                yield from _references(inner)
        case list():
            for inner in value:
                yield from _references(inner)


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    match value:
        case {"$ref": str(reference)} if reference in names:
            return {"$ref": f"{reference.rpartition('/')[0]}/{names[reference]}"}
        case dict():
            return {key: _renamed(inner, names) for key, inner in value.items()}
        case list():
            return [_renamed(inner, names) for inner in value]
    return value
