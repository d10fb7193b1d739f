"""The checker finds what it is there for: each of these is a system that broke a promise."""

from typing import Any

import pytest

from chaos import invariants, topics
from chaos.ground import Ground
from chaos.invariants import Event, Line
from chaos.load import Load
from chassis.testing import Record

LINE, FAULT = "0412345678", "0412345678-1"


def event(type: str, **data: Any) -> Event:
    return {"type": type, "data": {"fault_id": FAULT, **data}}


SAID: list[Event] = [event("LineFaulted")]
STARTED, MAIL = event("BulkForwardStarted"), event("MailQueued")


@pytest.fixture
def load() -> Load:
    """One line, accepted as faulted."""
    return Load(Ground(None, {}), [LINE], down={LINE})  # type: ignore[arg-type]


def test_all_is_well(load: Load) -> None:
    known = Line(SAID, [STARTED], [MAIL])

    assert list(invariants.missing(load, LINE, known)) == []
    assert list(invariants.started_again(load, {LINE: known})) == []
    assert invariants.not_at_rest(load, {LINE: known}) == []


@pytest.mark.parametrize(
    ("known", "wrong"),
    [
        (Line([], [], []), "was never said"),
        (Line(SAID, [], [MAIL]), "was not answered by bulk forwarding"),
        (Line(SAID, [STARTED], []), "was not told by mail"),
    ],
)
def test_a_lost_fault_is_found(load: Load, known: Line, wrong: str) -> None:
    assert invariants.missing(load, LINE, known) == [wrong]


def test_a_lost_recovery_is_found(load: Load) -> None:
    load.up.add(LINE)

    found = invariants.missing(load, LINE, Line([*SAID, event("LineRecovered")], [STARTED], [MAIL, MAIL]))

    assert found == ["has a recovery that was not answered"]


def test_a_second_start_is_found(load: Load) -> None:
    known = Line(SAID, [STARTED, STARTED], [MAIL])

    assert list(invariants.started_again(load, {LINE: known})) == [f"{LINE} was started 2 times for one fault"]


def test_a_forwarding_that_runs_on_is_found(load: Load) -> None:
    load.down, load.up = set(), {LINE}
    known = Line([*SAID, event("LineRecovered")], [STARTED], [MAIL, MAIL])

    assert invariants.not_at_rest(load, {LINE: known}) == [f"{LINE} is forwarded"]


def record(sequence: str, id: str) -> Record:
    headers = {"ce_subject": "line-1", "ce_sequence": sequence, "ce_id": id}
    return Record(b"{}", [(name, text.encode()) for name, text in headers.items()])


def test_an_event_that_comes_again_is_in_order() -> None:
    assert topics.out_of_order([record("1", "a"), record("2", "b"), record("1", "a")]) == []


def test_an_event_that_was_overtaken_is_found() -> None:
    assert topics.out_of_order([record("2", "b"), record("1", "a")]) == ["line-1"]
