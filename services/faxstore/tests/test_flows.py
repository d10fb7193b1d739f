"""What a customer finds, by filters as MongoDB understands them: the stand-in and the real rows say the same."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from chassis.auth import Principal
from chassis.handling import Handler
from chassis.memory_store import MemoryStore
from chassis.messages import Recorded
from chassis.testing import NOON, OPERATOR, recorded
from chassis.views import Views
from services.faxstore.bootstrap import CODEC
from services.faxstore.flows import Shelf
from services.faxstore.model import fax, setting
from services.faxstore.tasks import due
from services.faxstore.tests.examples import AT, CONTENT, CONTRACT, DELETED, NOTE, NUMBER, RECEIVED
from services.faxstore.tests.stand_ins import MemoryContents, MemoryFaxes
from services.faxstore.views import FAXES

HOUR = timedelta(hours=1)
CUSTOMER = Principal("customer", CONTRACT, frozenset(), CONTRACT, frozenset({NUMBER}))


@pytest.fixture(params=["memory", pytest.param("real", marks=pytest.mark.integration)])
def rows(request: pytest.FixtureRequest) -> Views:
    if request.param == "memory":
        return cast(Views, MemoryFaxes())
    views = Views(request.getfixturevalue("database"), [FAXES])
    views.prepare()
    return views


@pytest.fixture
def shelf(rows: Views) -> Shelf:
    store = MemoryStore(CODEC)
    numbers: Handler[Any] = Handler(store, setting.DECIDER, setting.CATEGORY)
    numbers.handle(NUMBER, NOTE, OPERATOR)
    return Shelf(numbers, Handler(store, fax.DECIDER, fax.CATEGORY), rows, MemoryContents())


def stored(fax_id: str, at: datetime, received_at: datetime = AT, *more: object) -> Sequence[Recorded]:
    events = (replace(RECEIVED, fax_id=fax_id, received_at=received_at), fax.ContentKept(CONTENT, at), *more)
    return [recorded(event, f"fax-{fax_id}", revision) for revision, event in enumerate(events, 1)]


def begins_anew(shelf: Shelf, at: datetime) -> None:
    """The contract is removed, and another comes under its number."""
    shelf.settings.handle(NUMBER, replace(NOTE, contracted=False, sequence="0000000002.0000", removed=True), OPERATOR)
    shelf.settings.handle(NUMBER, replace(NOTE, sequence="0000000003.0000", at=at), OPERATOR)


def listed(shelf: Shelf, before: tuple[datetime, str] | None = None) -> list[str]:
    return [row["_id"] for row in shelf.page(NUMBER, CUSTOMER, 10, before)]


def test_a_list_begins_where_its_holder_did(shelf: Shelf) -> None:
    for fax_id, at in (("a", NOON - HOUR), ("b", NOON), ("c", NOON + HOUR)):
        shelf.views.project(stored(fax_id, at))
    assert listed(shelf) == ["c", "b", "a"]
    assert shelf.glances([NUMBER]) == {NUMBER: {"started": False, "unread": 3}}

    begins_anew(shelf, NOON)

    assert listed(shelf) == ["c", "b"]
    assert listed(shelf, (AT, "c")) == ["b"]
    assert shelf.glances([NUMBER]) == {NUMBER: {"started": False, "unread": 2}}


def test_a_list_goes_on_after_the_last_of_a_page(shelf: Shelf) -> None:
    for fax_id, received_at in (("a", AT), ("b", AT), ("c", AT + HOUR)):
        shelf.views.project(stored(fax_id, NOON, received_at))
    shelf.views.project(stored("gone", NOON, AT, DELETED))

    assert listed(shelf) == ["c", "b", "a"]
    assert listed(shelf, (AT, "b")) == ["a"]
    assert listed(shelf, (AT, "a")) == []


def test_what_is_left_for_later_is_not_due(rows: Views) -> None:
    for fax_id in ("a", "b", "c"):
        rows.project(stored(fax_id, NOON))
    rows.project(stored("gone", NOON, AT, DELETED))

    assert {row["_id"] for row in due(rows, "copies")} == {"a", "b", "c"}
    assert {row["_id"] for row in due(rows, "copies", {"b", "gone"})} == {"a", "c"}
    assert [row["_id"] for row in due(rows, "removal")] == ["gone"]
