"""One suite for the real memory of sources and for its stand-in."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pymongo.database import Database

from chassis.messages import now
from chassis.mongo_store import connect
from chassis.testing import eventually
from services.linewatch.adapters import Heard, MemorySources, MongoSources, Sources

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
