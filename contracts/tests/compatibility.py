"""Whether data that was written for an older JSON schema can still be read by a newer one.

Only what our events use is known: objects, lists, maps, enums, alternatives and plain types. Anything else that
differs counts as a break.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]


def breaks(old: Schema, new: Schema, at: str = "") -> Iterator[str]:
    """What the newer schema refuses or has lost; nothing when every old datum is read without loss."""
    if "properties" in old:
        yield from _object_breaks(old, new, at)
    elif "enum" in old:
        gone = [value for value in old["enum"] if value not in new.get("enum", ()) and new.get("type") != "string"]
        yield from (f"{at}: the value {value!r} is refused now" for value in gone)
    elif "anyOf" in old:
        for number, part in enumerate(old["anyOf"]):
            if all(list(breaks(part, other)) for other in _alternatives(new)):
                yield f"{at}: alternative {number} {dict(part)} is refused now"
    elif inner := next(
        (name for name in ("items", "additionalProperties") if isinstance(old.get(name), Mapping)), None
    ):
        yield from breaks(old[inner], new.get(inner, {}), f"{at}[]")
    elif all(part.get("type") != old.get("type") for part in _alternatives(new)):
        yield f"{at}: was {old.get('type')}, is {new.get('type') or dict(new)}"


def _object_breaks(old: Schema, new: Schema, at: str) -> Iterator[str]:
    fields: Schema = new.get("properties", {})
    for name, kind in old["properties"].items():
        if name not in fields:
            yield f"{at}.{name}: the field is gone"
        else:
            yield from breaks(kind, fields[name], f"{at}.{name}")
    for name in new.get("required", ()):
        if name not in old["properties"]:
            yield f"{at}.{name}: a new field needs a default"
        elif name not in old.get("required", ()):
            yield f"{at}.{name}: has lost its default"


def _alternatives(schema: Schema) -> list[Schema]:
    parts: list[Schema] = schema.get("anyOf", [schema])
    return parts
