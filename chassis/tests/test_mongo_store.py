"""The store's suite on the real MongoDB, and what only a database that can go away has to promise."""

from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import monitoring
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from chassis.errors import BadMessage, Damaged, Unavailable
from chassis.messages import Codec
from chassis.mongo import DUPLICATE_KEY, connect
from chassis.mongo_store import MongoStore
from chassis.store import Appended, EventStore, Raced, Snapshot, TokenLost
from chassis.testing import Gate, counted, eventually
from chassis.tests.examples import CODEC, Closed, Noted, Opened, commit
from chassis.tests.store_suite import StoreSuite, events_of, next_batch
from conftest import Addresses

pytestmark = pytest.mark.integration
Documents = Database[dict[str, Any]]


@pytest.fixture
def store(database: Documents) -> MongoStore:
    made = MongoStore(database, CODEC)
    made.prepare()
    return made


class TestMongoStore(StoreSuite):
    @pytest.fixture
    def store(self, store: MongoStore) -> EventStore:
        return store


def test_what_became_durable_is_counted_by_type_and_lost_races_are_too(store: MongoStore) -> None:
    opened, raced = counted("events_appended_total", type="Opened"), counted("concurrency_conflicts_total")

    store.append_many([commit("door-1", 1, Opened("ann")), commit("door-2", 1, Opened("ann"), Noted("cold"))])
    store.append_many([commit("door-1", 1, Opened("bob")), commit("door-3", 1, Opened("bob"))])

    assert counted("events_appended_total", type="Opened") == opened + 3
    assert counted("concurrency_conflicts_total") == raced + 1


class Commands(monitoring.CommandListener):
    """The names of the commands that were sent to the server."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.sent.append(event.command_name)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


def test_an_insert_that_meets_its_own_first_try_was_appended(store: MongoStore, database: Documents) -> None:
    ours, theirs = commit("door-1", 1, Opened("ann"), commands=("c-1",)), commit("door-2", 1, Opened("bob"))
    documents = [store._document(one, "first try") for one in (ours, theirs)]
    database["commits"].insert_one(documents[0])
    store.append(theirs)

    with pytest.raises(BulkWriteError) as met:
        database["commits"].insert_many(documents, ordered=False)

    assert {error["code"] for error in met.value.details["writeErrors"]} == {DUPLICATE_KEY}
    assert store._sort_out(documents, met.value) == [Appended(1), Raced()]


def test_preparing_twice_is_harmless(store: MongoStore) -> None:
    store.append(commit("door-1", 1, Opened("ann")))

    store.prepare()

    assert store.load("door-1").revision == 1


def test_a_damaged_snapshot_is_passed_over(store: MongoStore, database: Documents) -> None:
    store.append(commit("door-1", 1, Opened("ann")))
    store.save_snapshots("shape", {"door-1": Snapshot(1, {"open": True, "book": ["opened by ann"]})})

    database["snapshots"].update_one({"_id": "door-1"}, {"$set": {"state.open": False}})

    assert events_of(store.load("door-1", "shape")) == [Opened("ann")]


def test_a_batch_is_loaded_and_appended_in_as_many_commands_as_one_commit(
    engines: Addresses, database: Documents
) -> None:
    commands = Commands()
    client = database.client.__class__(engines.mongo_url, event_listeners=[commands])
    store = MongoStore(client[database.name], CODEC)

    def sent_for(streams: list[str]) -> list[str]:
        commands.sent.clear()
        store.load_many(streams, "shape")
        store.append_many([commit(stream, 1, Opened("ann"), commands=(stream,)) for stream in streams])
        store.save_snapshots("shape", {stream: Snapshot(1, {}) for stream in streams})
        return list(commands.sent)

    one, many = sent_for(["door-0"]), sent_for([f"door-{number}" for number in range(1, 1001)])
    client.close()

    assert many == one == ["find", "find", "insert", "find", "insert", "commitTransaction"]


@pytest.mark.parametrize("event", [Noted("a\0b"), Noted("😀")])
def test_what_json_can_say_mongodb_keeps(store: MongoStore, event: Noted) -> None:
    store.append(commit("door-1", 1, event))

    assert events_of(store.load("door-1")) == [event]


def test_a_number_that_mongodb_cannot_keep_is_refused_and_nothing_is_written(database: Documents) -> None:
    from dataclasses import make_dataclass

    counted = make_dataclass("Counted", [("number", int)], frozen=True)
    store = MongoStore(database, Codec([counted]))

    with pytest.raises(BadMessage) as refused:
        store.append_many([commit("door-1", 1, counted(1)), commit("door-2", 1, counted(2**70))])

    assert refused.value.code == "unwritable-event"
    assert store.load("door-1").revision == 0


def test_a_token_that_means_nothing_is_lost(store: MongoStore) -> None:
    with pytest.raises(TokenLost):
        next(store.follow({"_data": "nonsense"}))


def test_a_token_of_another_history_is_lost(store: MongoStore, database: Documents) -> None:
    token = store.start()
    store.append(commit("door-1", 1, Opened("ann")))
    passed = next_batch(store.follow(token)).token
    database["commits"].drop()
    store.append(commit("door-1", 1, Opened("bob")))

    with pytest.raises(TokenLost):
        list(store.follow(passed))


def test_following_ends_when_the_collection_is_gone(store: MongoStore, database: Documents) -> None:
    store.append(commit("door-1", 1, Opened("ann")))
    following = store.follow(store.start())

    database["commits"].drop()

    with pytest.raises(TokenLost):
        list(following)


def test_a_new_reader_sees_all_that_was_appended_before_the_token(store: MongoStore) -> None:
    streams = [f"door-{number}" for number in range(200)]
    store.append_many([commit(stream, 1, Opened("ann")) for stream in streams])

    token = store.start()

    assert len(list(store.scan())) == 200
    assert next(store.follow(token)).events == ()


def test_an_event_that_this_version_cannot_read_says_so(store: MongoStore, database: Documents) -> None:
    store.append(commit("door-1", 1, Opened("ann")))

    with pytest.raises(Damaged) as refused:
        MongoStore(database, Codec([Closed])).load("door-1")

    assert refused.value.code == "unknown-event-type"


@pytest.fixture
def gate(engines: Addresses) -> Iterator[Gate]:
    address = engines.mongo_url.removeprefix("mongodb://").partition("/")[0].split(",")[0].rpartition("@")[2]
    host, _, port = address.partition(":")
    with Gate(host, int(port or 27017)) as gate:
        yield gate


def reached_again(store: MongoStore) -> bool:
    try:
        return store.load("door-1").revision == 1
    except Unavailable:
        return False


def test_the_store_is_unavailable_while_the_database_is_away_and_recovers(
    store: MongoStore, database: Documents, gate: Gate
) -> None:
    away = connect(f"mongodb://127.0.0.1:{gate.port}/?directConnection=true", database.name, timeout_seconds=0.5)
    reached = MongoStore(away, CODEC)
    store.append(commit("door-1", 1, Opened("ann")))
    eventually(lambda: reached_again(reached))
    gate.close()

    for use in (
        lambda: reached.load("door-1"),
        lambda: reached.append(commit("door-1", 2, Closed("ann"))),
        reached.start,
        lambda: next(reached.follow({"_data": "82"})),
        lambda: list(reached.scan()),
    ):
        with pytest.raises(Unavailable):
            use()

    gate.open()
    assert eventually(lambda: reached_again(reached))
    away.client.close()


def test_following_breaks_when_the_database_goes_away_and_resumes_from_its_token(
    store: MongoStore, database: Documents, gate: Gate
) -> None:
    away = connect(f"mongodb://127.0.0.1:{gate.port}/?directConnection=true", database.name, timeout_seconds=2)
    reached = MongoStore(away, CODEC)
    following = reached.follow(store.start())
    store.append(commit("door-1", 1, Opened("ann")))
    token = next_batch(following).token
    gate.close()
    with pytest.raises(Unavailable):
        next(following)
    store.append(commit("door-1", 2, Closed("ann")))

    gate.open()

    assert [recorded.event for recorded in next_batch(reached.follow(token)).events] == [Closed("ann")]
    away.client.close()
