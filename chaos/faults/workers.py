"""Workers die at the worst line, are there twice, hang and come back, have a bug."""

import time
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from threading import Event

from chaos import topics
from chaos.faults.broker import in_order
from chaos.ground import Ground, promised
from chaos.harm import LONG, another_worker, crashing, died, standing_still
from chaos.load import Load
from chassis.lease import LEASE_SECONDS
from chassis.testing import eventually

# A member of a consumer group that says nothing for so long is out of it (chassis/kafka.py).
SESSION_SECONDS = 10.0
STANDSTILL_SECONDS = 10.0


def dies_before_its_offset(ground: Ground, load: Load) -> list[str]:
    return _dies(ground, load, "bulkforward", "before-offset-commit")


def dies_before_anything_else(ground: Ground, load: Load) -> list[str]:
    """The effect and the mark of its message are one document: where there is one, there is the other."""
    _dies(ground, load, "bulkforward", "after-append")
    commits = ground.database("bulkforward")["commits"]
    streams = {"$in": [f"plan-{line}" for line in load.lines]}
    unmarked = commits.count_documents(
        {"stream": streams, "events.type": {"$in": ["FaultNoted", "RecoveryNoted"]}, "command_ids": {"$exists": False}}
    )
    promised(not unmarked, f"{unmarked} effects without the mark of their message")
    unique = [
        name for name, index in commits.index_information().items() if "command_ids" in name and index.get("unique")
    ]
    promised(unique, "marks are not unique")
    return []


def relay_dies_before_its_place(ground: Ground, load: Load) -> list[str]:
    _dies(ground, load, "linewatch", "before-relay-place")
    ids = Counter(topics.header(record, "ce_id") for record in topics.read(ground.kafka_servers, topics.LINES))
    twice = sum(count > 1 for count in ids.values())
    promised(twice, "nothing came twice, so nothing was tried")
    return [f"{twice} events came twice", *in_order(ground)]


def _dies(ground: Ground, load: Load, service: str, place: str) -> list[str]:
    with load.running(10), crashing(ground.stack, service, place) as worker:
        eventually(lambda: died(worker), within=LONG)
    return []


def two_relays(ground: Ground, load: Load) -> list[str]:
    """The one that leads is stopped until another leads, and goes on then as if nothing had been."""
    with load.running(LEASE_SECONDS * 2.5), another_worker(ground.stack, "linewatch"):
        Event().wait(3)
        before = _fence(ground, "linewatch")
        with standing_still(ground.stack, "linewatch-worker"):
            eventually(lambda: _fence(ground, "linewatch") > before, within=LONG)
            Event().wait(2)
    return in_order(ground)


def _fence(ground: Ground, service: str) -> int:
    found = ground.database(service)["leases"].find_one({"_id": "worker"})
    return int(found["fence"]) if found else 0


def has_a_bug(ground: Ground, load: Load) -> list[str]:
    line = load.lines[-1]  # It stays faulted.
    letters = topics.read(ground.kafka_servers, f"{topics.LINES}.dead-letter")
    with crashing(ground.stack, "bulkforward", "bug-on-a-line", CHAOS_LINE=line):
        load.one_after_another()
        eventually(lambda: _done(ground, load) >= len(load.lines) - 1, within=LONG)
        dead_letters = f"{topics.LINES}.dead-letter"
        now = eventually(
            lambda: topics.new(topics.read(ground.kafka_servers, dead_letters), letters), within=LONG, every=0.5
        )
        stray = [one for one in now if topics.header(one, "ce_subject") != f"line-{line}"]
        promised(not stray, f"{len(now)} dead letters, {len(stray)} of other lines")
    said = ground.command("bulkforward", "replay").strip().splitlines()[-1]
    return [f"the others were done, {len(now)} dead letter; then: {said}"]


def _done(ground: Ground, load: Load) -> int:
    streams = [f"plan-{line}" for line in load.lines]
    wanted = {"stream": {"$in": streams}, "events.type": "BulkForwardStarted"}
    return len(ground.database("bulkforward")["commits"].distinct("stream", wanted))


def rebalances_again_and_again(ground: Ground, load: Load) -> list[str]:
    began, started, joined = datetime.now(UTC), time.monotonic(), 0
    with load.running(40):
        while time.monotonic() - started < 35:
            with another_worker(ground.stack, "bulkforward"):
                eventually(lambda: topics.members(ground.kafka_servers, "bulkforward") > 1, within=LONG, every=0.5)
                Event().wait(1)
            Event().wait(1)
            joined += 1
    streams = [f"plan-{line}" for line in load.lines]
    eventually(lambda: _done(ground, load) == len(load.lines), within=LONG)
    commits = ground.database("bulkforward")["commits"].find({"stream": {"$in": streams}, "at": {"$gt": began}})
    times = sorted(commit["at"] for commit in commits if any(one["type"] == "FaultNoted" for one in commit["events"]))
    longest = max((after - before).total_seconds() for before, after in pairwise(times))
    promised(longest < STANDSTILL_SECONDS, f"nothing went on for {longest:.1f} s")
    return [f"one joined and died {joined} times; longest standstill {longest:.1f} s"]


def comes_back_as_a_zombie(ground: Ground, load: Load) -> list[str]:
    """Longer than its session; another takes over what it had in hand, then it goes on."""
    began = time.monotonic()
    with load.running(30), another_worker(ground.stack, "bulkforward"):
        eventually(lambda: topics.members(ground.kafka_servers, "bulkforward") > 1, within=LONG, every=0.5)
        with standing_still(ground.stack, "bulkforward-worker"):
            Event().wait(SESSION_SECONDS * 1.5)
        eventually(lambda: _done(ground, load) > len(load.lines) // 2, within=LONG)
    return [f"stood still for {SESSION_SECONDS * 1.5:.0f} s of {time.monotonic() - began:.0f} s"]
