"""Messages come again, in the wrong order, broken, too large, from another time."""

import json
import random
import signal
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from typing import Any

from chaos import topics
from chaos.ground import API, Ground, in_parts, promised, taken
from chaos.harm import LONG, away
from chaos.load import DESTINATIONS, Load
from chassis.testing import eventually

READERS = ("bulkforward", "notify")
# What Kafka takes, and five million bytes that it does not.
LARGE, TOO_LARGE = 900_000, 5_000_000
EARLY = 20
# A recovery within a second of its fault is kept back for as long (RECOVERY_HOLD of linewatch).
RECOVERY_HOLD_SECONDS = 1.5
CHANGES, AT_ONCE = 1000, 50
STORM_LIST = 100
JSON = "application/json"


def three_times(ground: Ground, load: Load) -> list[str]:
    """Everything that is said is said twice more, while it goes on and after it."""
    sent: set[str] = set()
    with load.running(15):
        for _ in range(4):
            Event().wait(3)
            _again(ground, sent)
    eventually(lambda: _again(ground, sent) == 0, within=LONG, every=1.0)
    return [f"{len(sent)} events came three times"]


def _again(ground: Ground, sent: set[str]) -> int:
    new = [
        record
        for topic in (topics.LINES, topics.FORWARDING)
        for record in topics.read(ground.kafka_servers, topic)
        if topics.header(record, "ce_id") not in sent
    ]
    sent.update(topics.header(record, "ce_id") for record in new)
    topics.send(ground.kafka_servers, [(one.topic, one.key, one.value, one.headers) for one in new for _ in range(2)])
    return len(new)


def poison(ground: Ground, load: Load) -> list[str]:
    before = _letters(ground)
    bad: Sequence[tuple[bytes | None, Sequence[tuple[str, bytes]]]] = [
        (b"{", [("ce_type", b"LineFaulted")]),
        (b"{}", [("ce_type", b"Unheard")]),
        (None, []),
        (b'{"long": "' + b"x" * LARGE + b'"}', [("ce_type", b"LineFaulted")]),
        (b"\xff\xfe", [("ce_type", b"LineFaulted"), ("ce_actor", b"\xff")]),
    ]
    with load.running(8):
        for key in load.lines[:8]:  # Into every partition.
            topics.send(
                ground.kafka_servers, [(topics.LINES, f"line-{key}".encode(), value, head) for value, head in bad]
            )
            Event().wait(0.5)
    wanted = 8 * len(bad) * len(READERS)
    eventually(lambda: len(_letters(ground)) >= len(before) + wanted, within=LONG, every=0.5)
    letters = topics.new(_letters(ground), before)
    promised(len(letters) == wanted, f"{len(letters)} dead letters of {wanted}")
    nameless = [one for one in letters if not topics.header(one, "dl_cause") or not topics.header(one, "dl_place")]
    promised(not nameless, f"{len(nameless)} dead letters without cause or place")
    there = sum(topics.header(one, "dl_service") == "bulkforward" for one in _letters(ground))
    said = ground.stack.command("bulkforward", "replay").stdout.strip().splitlines()[-1]
    again = int(said.split()[0])
    promised(wanted // len(READERS) <= again <= there, f"of {there} letters replay said {said!r}")
    return [f"{wanted} dead letters with their causes; replay: {said}", _refused_by_kafka(ground)]


def _letters(ground: Ground) -> list[Any]:
    return topics.read(ground.kafka_servers, f"{topics.LINES}.dead-letter")


def _refused_by_kafka(ground: Ground) -> str:
    """Five megabytes get into no topic."""
    try:
        topics.send(ground.kafka_servers, [(topics.LINES, b"line-0", b"x" * TOO_LARGE, [])])
    except Exception as refused:  # noqa: BLE001  (by whatever the library says it)
        return f"5 MB: {type(refused.__cause__ or refused).__name__}"
    return "5 MB were taken"


def shuffled(ground: Ground, load: Load) -> list[str]:
    """Some recoveries come before their faults, in other partitions; of the rest everything comes again, scattered."""
    early, lines = load.lines[:EARLY], load.lines
    with away(ground.stack, "linewatch-worker", signal.SIGTERM):  # Its relay says nothing meanwhile.
        load.report(early, "faulted")
        Event().wait(RECOVERY_HOLD_SECONDS)
        load.report(early, "recovered")
        topics.scatter(ground.kafka_servers, _said(ground, early, "LineRecovered"))
        eventually(lambda: _noted(ground, early, "RecoveryNoted") == len(early), within=LONG, every=0.2)
        topics.scatter(ground.kafka_servers, _said(ground, early, "LineFaulted"))
    load.unstarted.update(early)
    load.unmailed.update(early)
    load.lines = lines[EARLY:]
    with load.running(10):
        pass
    load.lines = lines
    eventually(lambda: _noted(ground, lines[EARLY:], "FaultNoted") == len(lines) - EARLY, within=LONG, every=0.2)
    everything = _said(ground, lines)
    random.shuffle(everything)
    topics.scatter(ground.kafka_servers, everything)
    started = _noted(ground, early, "BulkForwardStarted")
    promised(not started, f"{started} lines were started by a fault that was over")
    return [f"{len(early)} recoveries before their faults; {len(everything)} events again in any order"]


def _said(ground: Ground, lines: Sequence[str], *types: str) -> list[Any]:
    """What linewatch has to say of the lines, in order of each; only of these types where some are named."""
    commits = ground.database("linewatch")["commits"].find({"stream": {"$in": [f"line-{line}" for line in lines]}})
    ordered = commits.sort([("revision", 1)])
    return topics.written(ordered, "linewatch", types or ("LineFaulted", "LineRecovered"))


def _noted(ground: Ground, lines: Sequence[str], event: str) -> int:
    wanted = {"stream": {"$in": [f"plan-{line}" for line in lines]}, "events.type": event}
    return len(ground.database("bulkforward")["commits"].distinct("stream", wanted))


def flapping(ground: Ground, load: Load) -> list[str]:
    """A thousand changes of one line while the others fall ill."""
    line, *others = load.lines
    load.lines = others
    with load.running(10):
        for first in range(0, CHANGES, AT_ONCE):
            items = [
                load.item(line, ("faulted", "recovered")[place % 2], id=f"{load.run}-{place}", alarm="los")
                for place in range(first, first + AT_ONCE)
            ]
            load.insist("report", partial(ground.monitor.post, f"{API}/line-events", items))
    eventually(lambda: not ground.operator.get(f"{API}/lines/{line}").body["faulted"], within=LONG, every=0.3)
    load.lines = [line, *others]
    load.up.add(line)
    eventually(lambda: len(ground.mails(load.address(line))) >= 2, within=LONG, every=0.3)
    mails = len(ground.mails(load.address(line)))
    promised(mails == 2, f"{mails} mails of {CHANGES} changes")
    return [f"{mails} mails of {CHANGES} changes"]


def same_id(ground: Ground, load: Load) -> list[str]:
    """Another body under a known id is a duplicate to monitoring and changes nothing; to an editor it is 409."""
    load.one_after_another()
    others = [
        load.item(line, "faulted") | {"status": "recovered", "cause": "another"} for line in sorted(load.down)[:AT_ONCE]
    ]
    told = [one["status"] for one in taken(ground.monitor.post(f"{API}/line-events", others), 202).body["results"]]
    promised(set(told) == {"duplicate"}, f"reports with a known id and another body: {Counter(told)}")
    path, key = f"{API}/contracts/{load.lines[0]}/bulk-forward", {"Idempotency-Key": load.run, "If-Match": "*"}
    answers = [
        ground.operator.send(
            "PUT", path, json.dumps({"entries": {load.lines[0]: to}}).encode(), {**key, "Content-Type": JSON}
        ).status
        for to in (DESTINATIONS[1], DESTINATIONS[1], DESTINATIONS[0])
    ]
    promised(answers[:2] == [200, 200], f"the same edit twice under one key: {answers}")
    promised(answers[2] in (409, 422), f"another edit under the same key: {answers[2]}")
    load.wanted[load.lines[0]] = DESTINATIONS[1]
    return [f"reports: duplicate; edits under one key: {answers}"]


def old_and_new_schemas(ground: Ground, load: Load) -> list[str]:
    """In the topic an event with a field of tomorrow; in the store one without the fields of today."""
    letters = len(_letters(ground))
    load.one_after_another()
    eventually(lambda: _noted(ground, load.lines, "FaultNoted") == len(load.lines), within=LONG, every=0.2)
    tomorrow = [
        (topic, key, json.dumps({**json.loads(value), "of_tomorrow": [1, {"two": 3}]}).encode(), headers)
        for topic, key, value, headers in _said(ground, load.lines)
    ]
    topics.send(ground.kafka_servers, tomorrow)
    commits = ground.database("bulkforward")["commits"]
    streams = {"$in": [f"plan-{line}" for line in load.lines]}
    events = {"events.$[one].data.removed": "", "events.$[one].data.running": "", "events.$[one].data.by_file": ""}
    only = [{"one.type": "BulkForwardEntriesChanged"}]
    changed = commits.update_many({"stream": streams}, {"$unset": events}, array_filters=only).modified_count
    promised(changed, "no old event was made")
    unread = [line for line in load.lines if ground.operator.get(f"{API}/contracts/{line}/bulk-forward").status != 200]
    promised(not unread, f"{len(unread)} plans with old events cannot be read")
    Event().wait(3)
    strange = len(_letters(ground)) - letters
    promised(not strange, f"{strange} events of tomorrow became dead letters")
    return [f"{len(tomorrow)} events of tomorrow, {changed} of yesterday"]


def double_storm(ground: Ground, load: Load) -> list[str]:
    """Monitoring says everything twice, side by side, then that half of it is well again."""
    parts = in_parts(load.lines, STORM_LIST)
    counts = Counter[str]()

    def say(part: Sequence[str]) -> None:
        items = [load.item(line, "faulted") for line in part]
        answer = load.insist("report", partial(ground.monitor.post, f"{API}/line-events", items))
        counts.update(result["status"] for result in answer.body["results"])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(say, [part for part in parts for _ in range(2)]))
    load.down.update(load.lines)
    promised(
        counts == {"accepted": len(load.lines), "duplicate": len(load.lines)},
        f"twice {len(load.lines)}: {dict(counts)}",
    )
    Event().wait(RECOVERY_HOLD_SECONDS)
    for part in in_parts(load.lines[::2], STORM_LIST):
        load.report(part, "recovered")
    eventually(lambda: _noted(ground, load.lines, "RecoveryNoted") == len(load.lines[::2]), within=LONG, every=0.3)
    exact = {
        event: _count(ground, load.lines, event)
        for event in ("FaultNoted", "BulkForwardStarted", "RecoveryNoted", "BulkForwardStopped")
    }
    half = len(load.lines[::2])
    promised(list(exact.values()) == [len(load.lines)] * 2 + [half] * 2, f"counts: {exact}")
    return [f"{dict(counts)}; {exact}"]


def _count(ground: Ground, lines: Sequence[str], event: str) -> int:
    """How often it was recorded, once or not."""
    rows = ground.database("bulkforward")["commits"].aggregate(
        [
            {"$match": {"stream": {"$in": [f"plan-{line}" for line in lines]}, "events.type": event}},
            {"$unwind": "$events"},
            {"$match": {"events.type": event}},
            {"$count": "count"},
        ]
    )
    return sum(row["count"] for row in rows)
