"""The interface as its own document has it: every operation, who may call it, and what it takes.

Whoever tries something with all operations makes the list here, so that a new one is tried as soon as it is documented.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devstack.client import Client
from tests.e2e.customer import API

METHODS = ("get", "put", "post", "delete", "patch")
# Put in for every variable of a path that names neither a contract nor a number.
SOME_ID = "3a5d1c36-4a1e-4f6b-9a1f-6f5b8f0c2d11"
JSON = "application/json"
Object = Mapping[str, Any]
# Where a value is in a body: names of fields, and 0 for the first of a list.
Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Operation:
    """One method of one path, as the documentation has it."""

    method: str
    path: str
    described: Object
    document: Object

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def policy(self) -> str:
        return str(self.described.get("x-access", "none"))

    def on(self, contract_number: str, number: str, **others: str) -> str:
        known = {"contract_number": contract_number, "number": number, **others}
        return re.sub(r"\{(\w+)\}", lambda variable: known.get(variable[1], SOME_ID), self.path)

    @property
    def body(self) -> Object | None:
        """The schema of what it takes as JSON, where it is an object with named fields."""
        schema = self.looked_up(self.described.get("requestBody", {})).get("content", {}).get(JSON, {}).get("schema")
        for one in self._choices(schema or {}):
            if one.get("properties"):
                return one
        return None

    @property
    def queries(self) -> Sequence[str]:
        """Names of the parameters in its address."""
        parameters = [self.looked_up(one) for one in self.described.get("parameters", ())]
        return [str(one["name"]) for one in parameters if one["in"] == "query"]

    def places(self) -> Iterator[tuple[Place, Object]]:
        """Every value of its body that is no object and no list, with its schema."""
        yield from self._places((), self.body or {})

    def whole(self) -> dict[str, Any]:
        """A body with every field, each of the right type."""
        found = self._sample(self.body or {})
        assert isinstance(found, dict)
        return found

    def _places(self, place: Place, schema: Object) -> Iterator[tuple[Place, Object]]:
        schema = self._choices(schema)[0]
        if properties := schema.get("properties"):
            for name, inner in properties.items():
                if not self.looked_up(inner).get("readOnly"):
                    yield from self._places((*place, name), inner)
        elif "items" in schema:
            yield from self._places((*place, 0), schema["items"])
        elif isinstance(schema.get("additionalProperties"), Mapping) and schema["additionalProperties"]:
            yield from self._places((*place, "0600001111"), schema["additionalProperties"])
        elif schema.get("type") != "object":
            yield place, schema

    def _sample(self, schema: Object) -> Any:
        schema = self._choices(schema)[0]
        if "enum" in schema:
            return next(one for one in schema["enum"] if one is not None)
        if properties := schema.get("properties"):
            taken = {name: inner for name, inner in properties.items() if not self.looked_up(inner).get("readOnly")}
            return {name: self._sample(inner) for name, inner in taken.items()}
        match schema.get("type"):
            case "array":
                return [self._sample(schema["items"])]
            case "boolean":
                return False
            case "integer" | "number":
                return schema.get("minimum", 1)
            case "object":
                values = schema.get("additionalProperties")
                return {"0600001111": self._sample(values)} if isinstance(values, Mapping) and values else {}
            case _:
                return "2026-11-23T09:00:00+09:00" if schema.get("format") == "date-time" else "0312345678"

    def _choices(self, schema: Object) -> list[Object]:
        """The schema, or those of which it is one."""
        schema = self.looked_up(schema)
        inside = [one for kind in ("oneOf", "anyOf", "allOf") for one in schema.get(kind, ())]
        return [choice for one in inside for choice in self._choices(one)] or [schema]

    def looked_up(self, value: Object) -> Object:
        """What a reference refers to."""
        if reference := value.get("$ref"):
            found: Any = self.document
            for part in str(reference).removeprefix("#/").split("/"):
                found = found[part]
            return self.looked_up(found)
        return value


def operations(site: str) -> list[Operation]:
    """All that the site documents."""
    document = Client(site).get(f"{API}/openapi.json").body
    found = [
        Operation(method.upper(), path, described, document)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
        if method in METHODS
    ]
    assert len(found) > 30, "the documentation of a service is missing"
    return found


def put(body: Any, place: Place, value: object) -> Any:
    """The body with another value at a place."""
    if not place:
        return value
    first, *rest = place
    changed = dict(body) if isinstance(body, dict) else list(body)
    changed[first] = put(changed[first], tuple(rest), value)  # type: ignore[index]
    return changed


def dotted(place: Place) -> str:
    """As a problem names a place."""
    return ".".join(map(str, place))
