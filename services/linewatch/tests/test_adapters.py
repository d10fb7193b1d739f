"""One suite for the real memories of sources and refusals and for their stand-ins."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pymongo.database import Database

from chassis.messages import now
from chassis.mongo import connect
from chassis.testing import eventually
from services.linewatch.adapters import (
    Heard,
    MemoryRefusals,
    MemorySources,
    MongoRefusals,
    MongoSources,
    Refusal,
    Refusals,
    Sources,
)

# Sources that were not heard for long are forgotten, so these are of today.
LATER = now()
SOON = LATER - timedelta(minutes=1)


def at_once(write: Callable[[], None]) -> None:
    write()


@pytest.fixture(params=["memory", pytest.param("mongo", marks=pytest.mark.integration)])
def sources(request: pytest.FixtureRequest) -> Sources:
    if request.param == "memory":
        return MemorySources()
    database: Database[dict[str, Any]] = request.getfixturevalue("database")
    made = MongoSources(database, at_once)
    made.prepare()
    return made


def test_what_a_source_brings_is_counted(sources: Sources) -> None:
    sources.heard("json", {"noc": Heard({"accepted": 2, "rejected": 1}, SOON, "unknown-line")})
    sources.heard("json", {"noc": Heard({"accepted": 1}, LATER)})

    # Read as far as it is durable, which may be a moment behind.
    (known,) = eventually(lambda: [one for one in sources.all() if one.last_seen == LATER])
    assert (known.first_seen, known.last_seen) == (SOON, LATER)
    assert dict(known.counts) == {"accepted": 3, "duplicates": 0, "ignored": 0, "rejected": 1}
    assert (known.refused, known.refused_at) == ("unknown-line", SOON)


def test_the_last_to_be_heard_comes_first_and_formats_are_apart(sources: Sources) -> None:
    sources.heard("json", {"noc": Heard({"accepted": 1}, SOON)})
    sources.heard("zabbix", {"noc": Heard({"accepted": 1}, LATER)})

    listed = eventually(lambda: sources.all() if len(sources.all()) == 2 else [])
    assert [(known.kind, known.source) for known in listed] == [("zabbix", "noc"), ("json", "noc")]


def test_a_storm_is_written_once() -> None:
    waiting: list[Callable[[], None]] = []
    sources = MongoSources(connect("mongodb://127.0.0.1:1/", "nowhere", 0.05), waiting.append)

    for _ in range(100):
        sources.heard("json", {"noc": Heard({"accepted": 1}, SOON)})

    assert len(waiting) == 1
    waiting[0]()  # Away: given up without a word to whoever reports.
    sources.heard("json", {"noc": Heard({"accepted": 1}, SOON)})
    assert len(waiting) == 2


@pytest.fixture(params=["memory", pytest.param("mongo", marks=pytest.mark.integration)])
def refusals(request: pytest.FixtureRequest) -> Refusals:
    if request.param == "memory":
        return MemoryRefusals()
    made = MongoRefusals(request.getfixturevalue("database"))
    made.prepare()
    return made


REFUSAL = Refusal("r1", "alertmanager", "east", "unknown-line", '{"labels": {"a.b": "$c"}}', 1, SOON, SOON)
OTHER = replace(REFUSAL, id="r2", first_at=LATER, last_at=LATER)


def test_a_refusal_that_comes_again_is_counted(refusals: Refusals) -> None:
    refusals.keep([REFUSAL])
    refusals.keep([replace(REFUSAL, code="unknown-area", first_at=LATER, last_at=LATER)])

    assert list(refusals.newest(10)) == [replace(REFUSAL, code="unknown-area", times=2, last_at=LATER)]


def test_refusals_are_listed_and_forgotten(refusals: Refusals) -> None:
    refusals.keep([OTHER, REFUSAL])
    refusals.keep([])

    assert [one.id for one in refusals.newest(10)] == ["r2", "r1"]
    assert [one.id for one in refusals.newest(1)] == ["r2"]
    assert [one.id for one in refusals.oldest([])] == ["r1", "r2"]
    assert [one.id for one in refusals.oldest(["r2", "none"])] == ["r2"]
    refusals.forget(["r2"])
    assert [one.id for one in refusals.oldest([])] == ["r1"]
