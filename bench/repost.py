"""A monitoring system that sends its whole storm again: nothing may come of it, and it should be told so quickly.

Beside it the same documents inserted again by the bare driver in lists of the same length, each refused as there
already; and the first time, when the reports were news.
"""

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

from bench.ground import Ground
from bench.storm import LIST, Storm
from chassis.mongo import Document
from devstack.results import Result, Void, figure

TITLE = "The same storm posted again, which changes nothing; beside a bare insert of what is there already."
DATABASE = "bench-repost"
ROUNDS = 3
AGAIN, FIRST, BARE = "posted again", "posted first", "bare insert again"


def run(ground: Ground) -> Result:
    """A report that is taken twice, or has any effect twice, makes the figures void."""
    storm, db = Storm.on(ground), ground.database(DATABASE)
    storm.prepare()
    rates: dict[str, list[float]] = {AGAIN: [], FIRST: [], BARE: []}
    for _ in ground.in_rounds("The storm and the storm again", ROUNDS):
        mark, moment = datetime.now(UTC), datetime.now(UTC).isoformat()
        rates[FIRST].append(_rate(storm.lines, lambda: _accepted(storm, moment, storm.lines)))  # noqa: B023
        storm.wait_for(storm.plans, mark, "BulkForwardStarted")
        storm.wait_for(storm.notices, mark, "MailQueued")
        ground.settle()
        rates[AGAIN].append(_rate(storm.lines, lambda: _accepted(storm, moment, 0)))  # noqa: B023
        rates[BARE].append(_bare(db[uuid.uuid4().hex], storm.lines))
        ground.settle()
        storm.check(mark, "BulkForwardStarted", storm.plans)
        storm.check(mark, "MailQueued", storm.notices)
        storm.recoveries()
    db.client.drop_database(DATABASE)
    return Result("repost", TITLE, "", {f"{storm.lines:,} reports": figure("lines/s", rates, beside=BARE)})


def _accepted(storm: Storm, moment: str, wanted: int) -> None:
    if (accepted := storm.post("faulted", moment)) != wanted:
        raise Void(f"{accepted} of {storm.lines} reports were taken as news, and not {wanted}")


def _bare(rows: Collection[Document], lines: int) -> float:
    """Lines a second the second time."""
    _insert(rows, lines)
    return _rate(lines, lambda: _insert(rows, lines))


def _insert(rows: Collection[Document], lines: int) -> None:
    for start in range(0, lines, LIST):
        some = [{"_id": f"line-{number:010}", "note": "x" * 300} for number in range(start, min(start + LIST, lines))]
        try:
            rows.insert_many(some, ordered=False)
        except BulkWriteError:
            continue  # They are there.


def _rate(lines: int, act: Callable[[], None]) -> float:
    began = time.monotonic()
    act()
    return lines / (time.monotonic() - began)
