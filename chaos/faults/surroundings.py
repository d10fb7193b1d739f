"""The disk is full, the clock jumps, the network is bad, what lies on disk is spoiled."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pymongo
from pymongo.errors import PyMongoError

from chaos import disk, gates, topics
from chaos.faults.broker import in_order
from chaos.ground import API, Ground, Skipped, promised, taken
from chaos.harm import LONG, changed, told_to_end
from chaos.load import DESTINATIONS, Load
from chassis import kafka
from chassis.errors import TsunaguError
from chassis.handling import SNAPSHOT_EVERY
from chassis.testing import eventually
from devstack import debian, services
from devstack.stack import Stack
from devstack.trouble import Trouble

FULL_SECONDS, WRITE_SECONDS = 10.0, 5.0
BALLAST, MEGABYTE = "chaos-ballast", 1 << 20
LOST = 5
# Megabytes. MongoDB makes journals of a hundred each before it needs them.
ROOM = 400
# So that there is a snapshot and something after it.
EDITS = 2 * SNAPSHOT_EVERY + 1
LIBRARY = "libfaketime.so.1"
# Debian's libfaketime 0.9.10 takes a sleep until a moment of the monotonic clock for one of the clock that it moves
# (its issue 426), and since 3.11 Python's are such ones.
SLEEP = "import select, time\ntime.sleep = lambda seconds: select.select([], [], [], seconds) and None\n"


def disk_full(ground: Ground, load: Load) -> list[str]:
    """First MongoDB's, then Kafka's, each for a while."""
    places, notes = ground.stack.places, []
    kafka.make_topics(ground.kafka_servers, [BALLAST])
    with (
        disk.under(ground.stack, "mongod", places.mongo_data, ROOM) as of_mongo,
        disk.under(ground.stack, "kafka", places.kafka_data, ROOM) as of_kafka,
    ):
        ground.stack.wait_ready()
        with load.running(FULL_SECONDS * 6):
            for engine, full, write in (("mongod", of_mongo, _into_mongo), ("kafka", of_kafka, _into_kafka)):
                before = load.told["report", 503] + load.broken_off["report"]
                _filled(engine, full, lambda write=write: write(ground))  # type: ignore[misc]
                ground.stack.wait_ready()
                refused = load.told["report", 503] + load.broken_off["report"] - before
                notes.append(f"{engine} met it; {refused} reports were told to come again")
                Event().wait(FULL_SECONDS / 2)
        ground.mongo.drop_database(BALLAST)
    ground.stack.wait_ready()
    return notes


def _filled(engine: str, full: disk.SmallDisk, write: Callable[[], None]) -> None:
    """For a while, in which the engine is given what it has no room for; Broken when it takes all of it."""
    full.fill()
    met = False
    for _ in range(int(FULL_SECONDS)):
        try:
            write()
        except (PyMongoError, TsunaguError):
            met = True
        Event().wait(1)
        full.top_up()
    full.free()
    promised(met, f"{engine} never met the full disk")


def _into_mongo(ground: Ground) -> None:
    """More at each time than its journal has room for in the end."""
    with pymongo.timeout(WRITE_SECONDS):
        ground.database(BALLAST)["ballast"].insert_many([{"bytes": os.urandom(MEGABYTE)} for _ in range(40)])


def _into_kafka(ground: Ground) -> None:
    topics.send(ground.kafka_servers, [(kafka.topic_of(BALLAST), None, os.urandom(MEGABYTE // 2), [])])


def clock_jumps(ground: Ground, load: Load) -> list[str]:
    """An hour ahead, then an hour behind, for all processes of ours at once, in the middle of the storm.

    A token that was signed before a jump is none after it until the gateway asks for another, so for moments 401 is
    answered.
    """
    load.come_again.add(401)
    with _clock(ground.stack, ground.processes()) as clock, load.running(30):
        Event().wait(6)
        clock.write_text("+3600")
        Event().wait(8)
        clock.write_text("-3600")
        Event().wait(8)
        clock.write_text("+0")
    told = {f"{who} {status}": count for (who, status), count in load.told.items() if status in load.come_again}
    return [f"told to come again: {told}", *in_order(ground)]


@contextmanager
def _clock(stack: Stack, names: list[str]) -> Iterator[Path]:
    """A file that says how far the clock of these processes is off."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            unpacked = debian.unpacked("libfaketime", Path(folder), "libfaketime")
        except Trouble as missing:
            raise Skipped(str(missing)) from missing
        library = next(unpacked.rglob(LIBRARY), None)
        if library is None:
            raise Skipped(f"the package libfaketime has no {LIBRARY}")
        clock = Path(folder) / "clock"
        clock.write_text("+0")
        (Path(folder) / "sitecustomize.py").write_text(SLEEP)
        environment = {
            "PYTHONPATH": folder,
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1",
            "NO_FAKE_STAT": "1",
        }
        with changed(stack, *names, **environment):
            yield clock


def bad_network(ground: Ground, load: Load) -> list[str]:
    """Half a second for each way, then resets, then nothing at all, between all processes."""
    load.repeats = True  # A mail server's answer may be among what is reset.
    with gates.between_all(ground) as weather:
        with load.running(50):
            Event().wait(3)
            weather.delay = 0.5
            Event().wait(15)
            weather.delay, weather.resets = 0.0, 0.05
            Event().wait(10)
            weather.resets = 0.0
            weather.still.set()
            Event().wait(12)
            weather.still.clear()
        ground.stack.wait_ready()
        eventually(lambda: not load.wrong, within=LONG)
        return [
            f"{weather.pieces} pieces, {weather.broken} reset; {load.told['report', 503]} reports told to come again"
        ]


def spoiled_on_disk(ground: Ground, load: Load) -> list[str]:
    """A snapshot says something else than its events, and a row of a view is lost."""
    line = load.lines[0]
    load.lines = load.lines[1:]
    path = f"/contracts/{line}/bulk-forward"
    for turn in range(EDITS):
        taken(ground.put(path, {"entries": {line: DESTINATIONS[turn % 2]}}), 200)
    snapshots = ground.database("bulkforward")["snapshots"]
    spoiled = snapshots.update_one({"_id": f"plan-{line}"}, {"$set": {f"state.entries.{line}": "0398765432"}})
    promised(spoiled.modified_count == 1, f"there was no snapshot after {EDITS} edits")
    told_to_end(ground.stack, services.web("bulkforward"))  # It remembers what it has read itself.
    read = ground.operator.get(API + path).body["entries"]
    promised(DESTINATIONS[(EDITS - 1) % 2] in str(read), f"a spoiled snapshot was believed: {read}")
    load.one_after_another()
    rows, some = ground.database("linewatch")["faults"], {"_id": {"$in": load.lines[:LOST]}}
    eventually(lambda: rows.count_documents(some) == LOST, within=LONG, every=0.3)
    rows.delete_many(some)
    ground.command("linewatch", "rebuild", "faults")
    there = rows.count_documents(some)
    promised(there == LOST, f"{LOST} rows were lost, and {there} are there after the rebuild")
    return [f"a snapshot of {EDITS} edits was passed over; {LOST} lost rows are back"]
