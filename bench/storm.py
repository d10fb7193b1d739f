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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import urllib3
from pymongo import MongoClient
from pymongo.collection import Collection
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench import bare_chain, processor

LIST = 1000
THREADS = 8
DEADLINE = 900.0
ADDRESS = "storm@example.jp"
DESTINATION = "0312345678"
ENGINES = ("mongod", "kafka")
LEAST_TOLD = 0.01


def run(
    gateway_url: str,
    keys: Mapping[str, str],
    mongo_url: str,
    kafka_servers: str,
    lines: int,
    processes: Mapping[str, int],
) -> float:
    """Prints the figures; the ratio of the system to the bare chain. RuntimeError when an effect is lost or doubled.

    `processes` are those of the stack, by name.
    """
    console, servers = Console(), kafka_servers.split(",")
    storm = Storm(Site(gateway_url, keys), MongoClient(mongo_url, tz_aware=True), lines, console)
    engines = {name: processes[name] for name in ENGINES if name in processes}
    storm.prepare()
    console.print(f"Bare chain of {lines} lines, before ...")
    before = bare_chain.measure(mongo_url, servers, lines, engines)
    console.print(f"  {before.rate:,.0f} lines/s")
    ours = storm.faults(processes)
    console.print(f"Bare chain of {lines} lines, after ...")
    after = bare_chain.measure(mongo_url, servers, lines, engines)
    console.print(f"  {after.rate:,.0f} lines/s")
    storm.recoveries()
    _tell(console, "Tsunagu", ours.spent, lines)
    _tell(console, "bare chain, after", after.spent, lines)
    ratio = ours.rate / ((before.rate + after.rate) / 2)
    bare = f"bare chain {before.rate:,.0f} and {after.rate:,.0f}"
    console.print(f"[bold]Tsunagu {ours.rate:,.0f} lines/s; {bare}; ratio {ratio:.2f}")
    return ratio


def _tell(console: Console, whose: str, spent: processor.Spent, lines: int) -> None:
    """The processor time of a line in milliseconds, most first; what is less than 0.01 is added up."""
    table = Table(f"Processor, {whose}", "ms a line")
    each = {name: seconds * 1000 / lines for name, seconds in spent.items()}
    for name, milliseconds in sorted(each.items(), key=lambda one: -one[1]):
        if milliseconds >= LEAST_TOLD:
            table.add_row(name, f"{milliseconds:.3f}")
    table.add_row("others", f"{sum(one for one in each.values() if one < LEAST_TOLD):.3f}")
    table.add_row("all", f"{sum(each.values()):.3f}")
    console.print(table)


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
    console: Console

    def contracts(self) -> Iterator[str]:
        return (f"03{90_000_000 + number}" for number in range(self.lines))

    def prepare(self) -> None:
        """Contracts, destinations and notices; what an earlier storm has set up is kept."""
        self._import()
        known = {row["_id"] for row in self.mongo["bulkforward"]["commits"].aggregate(_STREAMS_WITH_ENTRIES)}
        fresh = [contract for contract in self.contracts() if f"plan-{contract}" not in known]
        self._each("Destinations and notices", fresh, self._set_up)
        self._clear()

    def _clear(self) -> None:
        """Takes back what a storm that broke off has left behind."""
        mark, plans = datetime.now(UTC), self.mongo["bulkforward"]["commits"]
        left = self._post("recovered")
        self._wait("stops", lambda: _count(plans, mark, "BulkForwardStopped") >= left, 0.5)

    def _import(self) -> None:
        rows = "\n".join(json.dumps(_contract(contract)) for contract in self.contracts())
        self.console.print(f"Importing {self.lines} contracts ...")
        report = self.site.send("POST", "/contracts", rows.encode(), **{"Content-Type": "application/x-ndjson"})
        self.console.print(
            f"  {report['imported']} new, {report['unchanged']} as before, {report['rejected']} rejected"
        )
        self._wait("plans", lambda: self._known("bulkforward", "plan"), 0.5)
        self._wait("notices", lambda: self._known("notify", "notice"), 0.5)

    def _known(self, database: str, category: str) -> bool:
        """Whether the service has heard of every contract of the storm."""
        first = [f"{category}-{contract}@1" for contract in self.contracts()]
        return self.mongo[database]["commits"].count_documents({"_id": {"$in": first}}) == self.lines

    def _set_up(self, contract: str) -> None:
        entries = json.dumps({"entries": {contract: DESTINATION}, "auto_start": True, "auto_stop": True})
        self.site.send("PUT", f"/contracts/{contract}/bulk-forward", entries.encode(), **{"If-Match": "*"})
        notice = json.dumps({"started": True, "addresses": [ADDRESS]})
        self.site.send("PUT", f"/contracts/{contract}/fault-notice", notice.encode(), **{"If-Match": "*"})

    def _each(self, title: str, contracts: Sequence[str], act: Callable[[str], None]) -> None:
        with Progress(console=self.console) as progress, ThreadPoolExecutor(THREADS) as pool:
            task = progress.add_task(title, total=len(contracts))
            for _ in pool.map(act, contracts):
                progress.advance(task)

    def faults(self, processes: Mapping[str, int]) -> bare_chain.Figure:
        """From the first POST to the last durable effect."""
        forwarded, told = self.mongo["bulkforward"]["commits"], self.mongo["notify"]["commits"]
        self.console.print(f"Posting {self.lines} faults in lists of {LIST} ...")
        with processor.measured({**processes, "posting": os.getpid()}) as spent:
            commits, mark, began = told.estimated_document_count(), datetime.now(UTC), time.monotonic()
            if (accepted := self._post("faulted")) != self.lines:
                raise RuntimeError(f"{accepted} of {self.lines} faults were accepted")
            posted = time.monotonic() - began
            # A look at the commits costs mongod what the storm needs, so the exact count comes when it may be true.
            self._wait("mails", lambda: told.estimated_document_count() - commits >= self.lines, 0.02)
            self._wait("mails", lambda: _count(told, mark, "MailQueued") >= self.lines, 0.1)
            figure = bare_chain.Figure(self.lines / (time.monotonic() - began), spent())
        self._check(mark, "BulkForwardStarted", forwarded)
        self._check(mark, "MailQueued", told)
        forwarding = _last(forwarded, mark, "BulkForwardStarted")
        self.console.print(f"  taken after {posted:.1f} s, forwarded after {forwarding:.1f} s,")
        self.console.print(f"  mails queued after {self.lines / figure.rate:.1f} s; none missing, none doubled")
        return figure

    def _post(self, status: str) -> int:
        """How many of the reports changed a line."""
        accepted = 0
        moment = datetime.now(UTC).isoformat()
        for chunk in _chunks(self.contracts(), LIST):
            items = [_report(contract, status, f"storm-{moment}", moment) for contract in chunk]
            answer = self.site.send("POST", "/line-events", json.dumps(items).encode(), key="line-events")
            accepted += answer["accepted"]
        return accepted

    def _check(self, mark: datetime, event: str, commits: Any) -> None:
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
            raise RuntimeError(f"{event}: {len(wrong)} lines have it not exactly once; the figure is void")

    def recoveries(self) -> None:
        """Takes the storm back; its mails go out in their own time."""
        mark = datetime.now(UTC)
        self.console.print(f"Posting {self.lines} recoveries ...")
        self._post("recovered")
        plans = self.mongo["bulkforward"]["commits"]
        self._wait("stops", lambda: _count(plans, mark, "BulkForwardStopped") >= self.lines, 0.5)
        self._check(mark, "BulkForwardStopped", plans)
        self.console.print("  all stopped")

    def _wait(self, what: str, done: Callable[[], bool], every: float = 0.05) -> None:
        deadline, pause = time.monotonic() + DEADLINE, threading.Event()
        while not done():
            if time.monotonic() > deadline:
                raise RuntimeError(f"waited in vain for: {what}")
            pause.wait(every)


def _count(commits: Collection[dict[str, Any]], mark: datetime, event: str) -> int:
    """Commits since `mark` with such an event."""
    return commits.count_documents({"at": {"$gte": mark}, "events.type": event})


def _last(commits: Collection[dict[str, Any]], mark: datetime, event: str) -> float:
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
