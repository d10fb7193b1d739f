"""A view made anew from all events of its service, beside a bare scan of the same commits into bare rows.

It is notify's list of mails after a storm and its recovery: the largest view there is. The command is timed as an
operator runs it, with the start of its process.
"""

import re
import time
import uuid
from collections.abc import Mapping
from typing import Any

from pymongo.collection import Collection
from pymongo.database import Database

from bench.ground import Ground
from bench.storm import Storm
from chassis.mongo import Document
from devstack.results import Result, Void, figure

TITLE = "Notify's list of mails made anew after a storm, beside a bare scan of the same commits into bare rows."
SERVICE, VIEW, DATABASE = "notify", "mails", "bench-rebuild"
ROUNDS, BATCH = 3, 1000
OURS, BARE = "rebuild", "bare scan and inserts"


def run(ground: Ground) -> Result:
    """A row that is missing, new or of another mail afterwards makes the figures void."""
    storm, db = Storm.on(ground), ground.database(SERVICE)
    storm.prepare()
    storm.faults()
    storm.recoveries()
    rates: dict[str, list[float]] = {OURS: [], BARE: []}
    for _ in ground.in_rounds("Rebuilds and scans", ROUNDS):
        before, began = _rows(db[VIEW]), time.monotonic()
        said = ground.command(SERVICE, "rebuild", VIEW)
        seconds, events = time.monotonic() - began, _events(said)
        if _rows(db[VIEW]) != before:
            raise Void("the view is another one after it was made anew")
        rates[OURS].append(events / seconds)
        rates[BARE].append(_bare(ground, db))
    rebuilt = figure("events/s", rates, beside=BARE, note=f"{len(before):,} rows")
    return Result("rebuild", TITLE, "", {"mails": rebuilt}, notes=[f"After a storm of {storm.lines:,} lines: {said}"])


def _rows(rows: Collection[Document]) -> Mapping[str, Any]:
    """What each mail says; its state goes on changing while mails go out."""
    return {row["_id"]: row["queued"] for row in rows.find({}, {"queued": 1})}


def _events(said: str) -> int:
    found = re.search(r"from (\d+) events", said)
    if not found:
        raise RuntimeError(f"the command said something else: {said}")
    return int(found[1])


def _bare(ground: Ground, db: Database[Document]) -> float:
    """Events a second: every commit read in order, every event noted in the row of its mail, every row written."""
    rows: dict[str, Document] = {}
    count, began = 0, time.monotonic()
    for commit in db["commits"].find().sort([("stream", 1), ("revision", 1)]):
        for event in commit["events"]:
            count += 1
            if mail := event["data"].get("mail_id"):
                rows.setdefault(mail, {"_id": mail})[event["type"]] = event["data"]
    target = ground.database(DATABASE)
    fresh, all_rows = target[uuid.uuid4().hex], list(rows.values())
    for start in range(0, len(all_rows), BATCH):
        fresh.insert_many(all_rows[start : start + BATCH], ordered=False)
    seconds = time.monotonic() - began
    target.client.drop_database(DATABASE)
    return count / seconds
