"""Most items are read without the schema, which must make no difference."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Rejected
from chassis.web import load
from services.linewatch.schemas import LineEventBody, plain_report

PLAIN = {
    "id": "m-1",
    "source": "nms",
    "line": "06-0000-1111",
    "status": "faulted",
    "severity": "critical",
    "occurred_at": "2026-01-15T12:00:00.123456+09:00",
    "cause": "光回線の断",
    "planned": False,
    "alarm": "a-1",
    "test": False,
}
ODD: list[Any] = [None, "", " ", "x" * 41, "x" * 129, "x" * 257, "x" * 1001, 7, 7.0, True, False, [], {}, "true", "１"]
TIMES = [
    "2026-01-15",
    "2026-01-15T12:00:00",
    "2026-01-15T12:00:00Z",
    "20260115T120000+0900",
    "0001-01-01T00:00:00+09:00",
]
VALUES = st.sampled_from([*PLAIN.values(), *ODD, *TIMES, "recovered", "warning", "MAJOR"])
ITEMS = st.builds(
    lambda changed, without: {name: value for name, value in {**PLAIN, **changed}.items() if name not in without},
    st.dictionaries(st.sampled_from([*PLAIN, "circuit", "area", "colour"]), VALUES, max_size=3),
    st.sets(st.sampled_from([*PLAIN]), max_size=4),
)


def by_schema(item: object) -> object:
    try:
        return load(LineEventBody(), item)
    except Rejected:
        return None


@given(ITEMS)
def test_what_is_read_without_the_schema_is_what_the_schema_would_read(item: dict[str, Any]) -> None:
    plain = plain_report(item)

    assert plain is None or plain == by_schema(item)


@pytest.mark.parametrize("left_out", [(), ("severity", "occurred_at", "cause", "planned", "alarm", "test")])
def test_a_plain_item_needs_no_schema(left_out: tuple[str, ...]) -> None:
    assert plain_report({name: value for name, value in PLAIN.items() if name not in left_out}) is not None
