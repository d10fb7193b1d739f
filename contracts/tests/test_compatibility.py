"""The comparison of schemas finds every way to break a reader, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field, make_dataclass
from datetime import datetime
from typing import Any, Literal

import pytest

from contracts.tests.compatibility import breaks
from contracts.tests.golden import schema_of


@dataclass
class Place:
    """A value inside an event."""

    name: str


FIELDS: Mapping[str, Any] = {
    "number": str,
    "cause": Literal["manual", "fault"],
    "entries": Mapping[str, str],
    "addresses": tuple[str, ...],
    "place": Place,
    "until": datetime | None,
}


def test_more_values_and_new_fields_with_a_default_break_nobody() -> None:
    wider = _event({"cause": Literal["manual", "fault", "storm"], "until": datetime | int | None}, added=str)

    assert list(breaks(_event({}), wider)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cause": Literal["manual"]}, "E.cause: the value 'fault' is refused now"),
        ({"entries": Mapping[str, int]}, "E.entries[]: was string, is integer"),
        ({"addresses": tuple[int, ...]}, "E.addresses[]: was string, is integer"),
        ({"place": str}, "E.place.name: the field is gone"),
        ({"until": datetime}, "E.until: alternative 1 {'type': 'null'} is refused now"),
        ({"number": int}, "E.number: was string, is integer"),
        ({"added": str}, "E.added: a new field needs a default"),
    ],
)
def test_what_an_old_event_may_hold_has_to_be_taken(change: Mapping[str, Any], said: str) -> None:
    assert list(breaks(_event({}), _event(change), "E")) == [said]


def test_a_field_is_never_taken_away() -> None:
    assert list(breaks(_event({}, note=str), _event({}), "E")) == ["E.note: the field is gone"]


def test_a_default_is_never_taken_away() -> None:
    assert list(breaks(_event({}, note=str), _event({"note": str}), "E")) == ["E.note: has lost its default"]


def _event(changes: Mapping[str, Any], **optional: Any) -> dict[str, Any]:
    """The schema of an event with `FIELDS`, some of them changed, and `optional` ones with a default."""
    needed = [(name, kind) for name, kind in {**FIELDS, **changes}.items()]
    defaulted = [(name, kind, field(default=None)) for name, kind in optional.items()]
    return schema_of(make_dataclass("E", [*needed, *defaulted]))
