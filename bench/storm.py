"""A storm of line faults through the whole system, beside the bare chain measured in the same run.

Timed from the first POST until every line is forwarded and every mail queued, both durable; then every effect is
counted, and one that is missing or there twice makes the figure void.
"""

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from statistics import median
from typing import Any, Self

import urllib3
from pymongo import MongoClient
from pymongo.collection import Collection
from rich.console import Console

from bench import bare_chain, processor, settings
from bench.ground import Ground
from devstack.results import Figure, Result, Void, at_least, figure

TITLE = (
    "A storm of line faults, from the first POST until every line is forwarded and every mail queued, both durable; "
    "beside the bare chain insert, change stream, Kafka, insert, twice over."
)
ROUNDS, GOAL = 3, 1.0
LIST = 1000
THREADS = 8
DEADLINE = 900.0
Commits = Collection[dict[str, Any]]
ADDRESS = "storm@example.jp"
IMPORTED_AT_ONCE = 5000
OURS, BARE = "Tsunagu", "bare chain"
# What a process has used of a line in milliseconds is told from here on.
LEAST_TOLD = 0.01


def run(ground: Ground) -> Result:
    """A storm and the bare chain in turns, a recovery after each storm."""
    storm = Storm.on(ground)
    storm.prepare()
    ours, bare = list[bare_chain.Figure](), list[bare_chain.Figure]()
    for _ in ground.in_rounds("Storm and bare chain", ROUNDS):
        bare.append(bare_chain.measure(ground.mongo_url, ground.kafka_servers, storm.lines, ground.engines))
        ours.append(storm.faults())
        storm.recoveries()
    rates = {OURS: [one.rate for one in ours], BARE: [one.rate for one in bare]}
    figures = {
        f"{storm.lines:,} faults": figure("lines/s", rates, beside=BARE, goal=at_least(GOAL)),
        "processor time of a line": _processor(storm.lines, ours, bare),
    }
    notes = [_told(OURS, storm.lines, ours), _told(BARE, storm.lines, bare)]
    return Result("storm", TITLE, "", figures, notes=notes)


def _processor(lines: int, ours: Sequence[bare_chain.Figure], bare: Sequence[bare_chain.Figure]) -> Figure:
    """Of all processes together."""
    used = {
        side: [sum(one.spent.values()) * 1000 / lines for one in rounds]
        for side, rounds in ((OURS, ours), (BARE, bare))
    }
    return figure("ms", used, beside=BARE)


def _told(whose: str, lines: int, rounds: Sequence[bare_chain.Figure]) -> str:
    """The processor time of a line by process, most first; what is less than 0.01 ms is left out."""
    each = {name: median(one.spent.get(name, 0.0) for one in rounds) * 1000 / lines for name in rounds[0].spent}
    most = sorted(((used, name) for name, used in each.items() if used >= LEAST_TOLD), reverse=True)
    return f"Processor time of a line, {whose}, in ms: {', '.join(f'{name} {used:.2f}' for used, name in most)}."


class Site:
    """The gateway, as operator and as monitoring system."""

    def __init__(self, url: str, keys: Mapping[str, str]) -> None:
        self._url, self._keys = f"{url}/api/v1", keys
        self._pool = urllib3.PoolManager(maxsize=THREADS, timeout=120.0)

    def send(self, method: str, path: str, body: bytes, *, key: str = "operator", **headers: str) -> Any:
        """The answer's JSON; RuntimeError unless it is a 2xx. A 503 is tried again, as a monitoring system would."""
        told = {"Authorization": f"Bearer {self._keys[key]}", "Content-Type": "application/json", **headers}
        for _ in range(20):
            answer = self._pool.request(method, self._url + path, body=body, headers=told)
            if answer.status != 503:
                break
            time.sleep(float(answer.headers.get("Retry-After", "1")))
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path.split('/')[1]}: {answer.status} {answer.data[:300]!r}")
        return json.loads(answer.data) if answer.data else None


@dataclass(frozen=True)
class Storm:
    """Contracts of the storm, their faults, and the count of what came of them."""

    site: Site
    mongo: MongoClient[dict[str, Any]]
    lines: int
    ground: Ground

    @property
    def console(self) -> Console:
        return self.ground.console

    @classmethod
    def on(cls, ground: Ground) -> Self:
        ground.need_lines_that_return()
        mongo: MongoClient[dict[str, Any]] = MongoClient(ground.mongo_url, tz_aware=True)
        return cls(Site(ground.gateway_url, ground.keys), mongo, ground.lines, ground)

    @property
    def plans(self) -> Commits:
        return self.mongo["bulkforward"]["commits"]

    @property
    def notices(self) -> Commits:
        return self.mongo["notify"]["commits"]

    def contracts(self) -> Iterator[str]:
        return (f"03{90_000_000 + number}" for number in range(self.lines))

    def prepare(self) -> None:
        """Contracts, destinations and notices; what an earlier storm has set up is kept."""
        self._import()
        known = {row["_id"] for row in self.mongo["bulkforward"]["commits"].aggregate(_STREAMS_WITH_ENTRIES)}
        fresh = [contract for contract in self.contracts() if f"plan-{contract}" not in known]
        settings.forward(self.ground, fresh)
        settings.tell(self.ground, dict.fromkeys(fresh, ADDRESS))
        if len(fresh) < self.lines:
            self._clear()

    def _clear(self) -> None:
        """Takes back what a storm that broke off has left behind."""
        mark, plans = datetime.now(UTC), self.mongo["bulkforward"]["commits"]
        left = self.post("recovered")
        self.wait("stops", lambda: _count(plans, mark, "BulkForwardStopped") >= left, 0.5)

    def _import(self) -> None:
        for chunk in self.ground.each("Contracts", list(_chunks(self.contracts(), IMPORTED_AT_ONCE))):
            rows = "\n".join(json.dumps(_contract(contract)) for contract in chunk)
            report = self.site.send("POST", "/contracts", rows.encode(), **{"Content-Type": "application/x-ndjson"})
            if report["rejected"]:
                raise RuntimeError(f"{report['rejected']} contracts were refused")
        self.wait("plans", lambda: self._known("bulkforward", "plan"), 0.5)
        self.wait("notices", lambda: self._known("notify", "notice"), 0.5)

    def _known(self, database: str, category: str) -> bool:
        """Whether the service has heard of every contract of the storm."""
        first = [f"{category}-{contract}@1" for contract in self.contracts()]
        return self.mongo[database]["commits"].count_documents({"_id": {"$in": first}}) == self.lines

    def faults(self) -> bare_chain.Figure:
        """From the first POST to the last durable effect."""
        forwarded, told = self.mongo["bulkforward"]["commits"], self.mongo["notify"]["commits"]
        self.console.print(f"Posting {self.lines} faults in lists of {LIST} ...")
        with processor.measured({**self.ground.stack.pids, "posting": os.getpid()}) as spent:
            commits, mark, began = told.estimated_document_count(), datetime.now(UTC), time.monotonic()
            if (accepted := self.post("faulted")) != self.lines:
                raise Void(f"{accepted} of {self.lines} faults were accepted")
            posted = time.monotonic() - began
            # A look at the commits costs mongod what the storm needs, so the exact count comes when it may be true.
            self.wait("mails", lambda: told.estimated_document_count() - commits >= self.lines, 0.02)
            self.wait("mails", lambda: _count(told, mark, "MailQueued") >= self.lines, 0.1)
            figure = bare_chain.Figure(self.lines / (time.monotonic() - began), spent())
        self.check(mark, "BulkForwardStarted", forwarded)
        self.check(mark, "MailQueued", told)
        forwarding = _last(forwarded, mark, "BulkForwardStarted")
        self.console.print(f"  taken after {posted:.1f} s, forwarded after {forwarding:.1f} s,")
        self.console.print(f"  mails queued after {self.lines / figure.rate:.1f} s; none missing, none doubled")
        return figure

    def post(self, status: str, moment: str = "") -> int:
        """How many of the reports changed a line. With the same `moment` they are the same reports."""
        accepted, moment = 0, moment or datetime.now(UTC).isoformat()
        for chunk in _chunks(self.contracts(), LIST):
            items = [_report(contract, status, f"storm-{moment}", moment) for contract in chunk]
            answer = self.site.send("POST", "/line-events", json.dumps(items).encode(), key="line-events")
            accepted += answer["accepted"]
        return accepted

    def post_one(self, contract: str, status: str) -> None:
        """One report by itself."""
        moment = datetime.now(UTC).isoformat()
        report = _report(contract, status, f"single-{moment}", moment)
        answer = self.site.send("POST", "/line-events", json.dumps(report).encode(), key="line-events")
        if answer["accepted"] != 1:
            raise Void("a report was not taken as news")

    def check(self, mark: datetime, event: str, commits: Commits) -> None:
        """Exactly one such event for every line of the storm."""
        found = commits.aggregate(
            [
                {"$match": {"at": {"$gte": mark}, "events.type": event}},
                {"$unwind": "$events"},
                {"$match": {"events.type": event}},
                {"$group": {"_id": "$events.data.contract_number", "count": {"$sum": 1}}},
            ]
        )
        counts = Counter({row["_id"]: row["count"] for row in found})
        wrong = [contract for contract in self.contracts() if counts[contract] != 1]
        if wrong:
            raise Void(f"{event}: {len(wrong)} lines have it not exactly once")

    def recoveries(self) -> None:
        """Takes the storm back; its mails go out in their own time."""
        mark = datetime.now(UTC)
        self.console.print(f"Posting {self.lines} recoveries ...")
        self.post("recovered")
        plans = self.mongo["bulkforward"]["commits"]
        self.wait("stops", lambda: _count(plans, mark, "BulkForwardStopped") >= self.lines, 0.5)
        self.check(mark, "BulkForwardStopped", plans)
        self.console.print("  all stopped")

    def wait_for(self, commits: Commits, mark: datetime, event: str) -> None:
        """Until as many commits as there are lines have such an event; then whether it is each line's, once."""
        self.wait(event, lambda: _count(commits, mark, event) >= self.lines, 0.1)
        self.check(mark, event, commits)

    def wait(self, what: str, done: Callable[[], bool], every: float = 0.05) -> None:
        deadline, pause = time.monotonic() + DEADLINE, threading.Event()
        while not done():
            if time.monotonic() > deadline:
                raise RuntimeError(f"waited in vain for: {what}")
            pause.wait(every)


def _count(commits: Commits, mark: datetime, event: str) -> int:
    """Commits since `mark` with such an event."""
    return commits.count_documents({"at": {"$gte": mark}, "events.type": event})


def _last(commits: Commits, mark: datetime, event: str) -> float:
    """Seconds from `mark` to the last commit with such an event, by the time that the commit itself bears."""
    newest = commits.find({"at": {"$gte": mark}, "events.type": event}).sort("at", -1).limit(1)[0]
    return float((newest["at"] - mark).total_seconds())


_STREAMS_WITH_ENTRIES: list[Mapping[str, Any]] = [
    {"$match": {"events.type": "BulkForwardEntriesChanged"}},
    {"$group": {"_id": "$stream"}},
]


def _contract(contract: str) -> dict[str, Any]:
    return {
        "contract_number": contract,
        "circuit": f"STORM-{contract}",
        "contractor": "嵐の見本",
        "site": contract[-4:],
        "options": ["bulk-forward", "fault-notice"],
        "numbers": {contract: ["voicewarp"]},
    }


def _report(contract: str, status: str, storm: str, moment: str) -> dict[str, Any]:
    return {
        "id": f"{storm}-{contract}",
        "source": "bench",
        "line": contract,
        "status": status,
        "severity": "critical",
        "occurred_at": moment,
        "cause": "storm",
    }


def _chunks(contracts: Iterable[str], size: int) -> Iterator[list[str]]:
    remaining = iter(contracts)
    while chunk := list(islice(remaining, size)):
        yield chunk
