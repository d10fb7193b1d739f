"""How long it takes to have the state of a stream: as the services have it, from a snapshot, and from every event.

The streams are filled through the store's own `append_many`, a hundred events a commit. Beside it the same documents
are read by the bare driver: for the snapshot one document by its name, for every event the commits in order.
"""

import time
import uuid
from collections.abc import Callable

from pymongo.database import Database

from bench.counting import ACTOR, CATEGORY, CODEC, DECIDER, Count, Counter, commit
from bench.ground import Ground
from chassis.handling import Handler
from chassis.messages import Origin, now
from chassis.mongo import Document
from chassis.mongo_store import MongoStore
from devstack.results import Figure, Result, Void, at_most, figure

TITLE = "The state of a stream of 1,000 and of 1,000,000 events, beside the same documents read by the bare driver."
DATABASE = "bench-load"
SIZES, EVENTS_A_COMMIT = (1000, 1_000_000), 100
ROUNDS, READS, GOAL = 5, 100, 5.0
OURS, BARE = "Tsunagu", "bare find"


def run(ground: Ground) -> Result:
    """A state that is not what was recorded makes the figures void."""
    db = ground.database(DATABASE)
    store = MongoStore(db, CODEC)
    store.prepare()
    handler = Handler(store, DECIDER, CATEGORY)
    figures: dict[str, Figure] = {}
    for size in SIZES:
        figures |= _measure(ground, db, store, handler, size)
    db.client.drop_database(DATABASE)
    return Result("load", TITLE, "", figures, notes=[f"{EVENTS_A_COMMIT} events a commit."])


def _measure(
    ground: Ground, db: Database[Document], store: MongoStore, handler: Handler[Counter], size: int
) -> dict[str, Figure]:
    id = uuid.uuid4().hex
    stream, fill = handler.stream(id), _fill(ground, store, id, size)
    handler.handle(id, Count(), Origin(ACTOR, "bench"))  # Keeps a snapshot.
    snapshot: dict[str, list[float]] = {OURS: [], BARE: []}
    whole: dict[str, list[float]] = {OURS: [], BARE: []}
    for _ in ground.in_rounds(f"{size:,} events", ROUNDS):
        snapshot[OURS].append(_each(lambda: _is(handler.read(id).state, fill + 1)))
        snapshot[BARE].append(_each(lambda: _is_there(db["snapshots"].find_one({"_id": stream}))))
        whole[OURS].append(_once(lambda: _is(_folded(store, stream), fill + 1)))
        whole[BARE].append(_once(lambda: _are(list(db["commits"].find({"stream": stream}).sort("revision")), fill)))
    return {
        f"{size:,} events, as services read": figure("ms", snapshot, beside=BARE, goal=at_most(GOAL)),
        f"{size:,} events, every one": figure("ms", whole, beside=BARE),
    }


def _fill(ground: Ground, store: MongoStore, id: str, size: int) -> int:
    """How many events there are now."""
    at = now()
    for place in ground.each(f"Filling {size:,} events", range(size // EVENTS_A_COMMIT)):
        store.append_many([commit(id, place + 1, place * EVENTS_A_COMMIT + 1, EVENTS_A_COMMIT, at)])
    return size


def _folded(store: MongoStore, stream: str) -> Counter:
    """Without a snapshot: the shape is one that nobody has."""
    return DECIDER.fold(recorded.event for recorded in store.load(stream).events)


def _each(read: Callable[[], None]) -> float:
    """Milliseconds of one of many."""
    began = time.monotonic()
    for _ in range(READS):
        read()
    return (time.monotonic() - began) * 1000 / READS


def _once(read: Callable[[], None]) -> float:
    began = time.monotonic()
    read()
    return (time.monotonic() - began) * 1000


def _is(counter: Counter, number: int) -> None:
    if counter.number != number:
        raise Void(f"the stream counts {counter.number} and not {number}")


def _is_there(document: Document | None) -> None:
    if document is None:
        raise Void("there is no snapshot")


def _are(documents: list[Document], events: int) -> None:
    if sum(len(document["events"]) for document in documents) != events + 1:
        raise Void("there are not as many events as were recorded")
