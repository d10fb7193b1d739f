"""What goes on while a fault is done: monitoring reports lines, a customer edits, the telephone switch asks.

Each of them goes on as such a one does: what was answered with 503, or broke off, is sent again, the same. What was
answered is kept, so that in the end it can be held against what there is.
"""

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from chaos.ground import API, Broken, Ground, fresh_numbers, in_parts, promised, taken
from chaos.harm import LONG
from chassis.testing import eventually
from devstack.client import Answer
from devstack.trouble import Trouble

LINES = 120
REPORTERS, AT_ONCE = 3, 4
EDITED = 3  # So many lines have a customer who edits them.
PAUSE = 0.2
DESTINATIONS = ("0312345678", "09012345678")
# What may be answered beside "come again". An editor may lose a race against the storm.
GOOD = {"report": {202}, "edit": {200, 409}, "ask": {200}}


@dataclass
class Load:
    """Lines with everything set up, one number and one mail address each; nobody else has any of them.

    `down` are the lines that monitoring called faulted last, `up` those that it has called well again. What a fault
    makes different is said here: `unstarted` lines whose fault starts nothing, `kept` lines whose forwarding runs on
    after the recovery, `unmailed` lines of whose mails nothing is known; `repeats`, that a mail may come twice;
    `come_again`, the statuses that mean it.
    """

    ground: Ground
    lines: list[str]
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    down: set[str] = field(default_factory=set)
    up: set[str] = field(default_factory=set)
    unstarted: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    unmailed: set[str] = field(default_factory=set)
    repeats: bool = False
    come_again: set[int] = field(default_factory=lambda: {503})
    wanted: dict[str, str] = field(default_factory=dict)
    told: Counter[tuple[str, int]] = field(default_factory=Counter)
    broken_off: Counter[str] = field(default_factory=Counter)
    slowest: dict[str, float] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0
    _ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self, seconds: float) -> Iterator[None]:
        """The reports are spread over about so many seconds; leaving waits until all of them were taken."""
        self._ended.clear()
        began = time.monotonic()
        with ThreadPoolExecutor(REPORTERS + 2) as threads:
            others = [threads.submit(self._edit), threads.submit(self._ask)]
            reports = [threads.submit(self._report, self.lines[n::REPORTERS], seconds) for n in range(REPORTERS)]
            try:
                yield
                _wait_for(reports)
                self.seconds = time.monotonic() - began
            finally:
                self._ended.set()
            _wait_for(others)
        if self.wrong:
            raise Broken(f"{len(self.wrong)} answers that nobody may get, such as {self.wrong[0]}")

    def one_after_another(self) -> None:
        """As `running`, with nothing going on beside it and as fast as it goes."""
        with self.running(0):
            pass

    def address(self, line: str) -> str:
        return f"{line}-{self.run}@example.jp"

    def item(self, line: str, status: str, **others: Any) -> dict[str, Any]:
        """The same for the same line and status."""
        return {"id": f"{self.run}-{line}-{status}", "source": "chaos", "line": line, "status": status} | others

    def report(self, lines: Sequence[str], status: str) -> Answer:
        """The lines in one list, until it is taken."""
        items = [self.item(line, status) for line in lines]
        answer = self.insist("report", lambda: self.ground.monitor.post(f"{API}/line-events", items))
        odd = Counter(result["status"] for result in answer.body["results"])
        if set(odd) - {"accepted", "duplicate"}:
            self.wrong.append(f"report of {status}: {dict(odd)}")
        (self.up if status == "recovered" else self.down).update(lines)
        (self.down if status == "recovered" else self.up).difference_update(lines)
        return answer

    def insist(self, who: str, send: Callable[[], Answer]) -> Answer:
        """The first answer that is not "come again"; counts all of them."""

        def done() -> Answer | None:
            answer = self.once(who, send)
            return answer if answer and answer.status not in self.come_again else None

        answer = eventually(done, within=LONG, every=PAUSE)
        assert answer
        return answer

    def once(self, who: str, send: Callable[[], Answer]) -> Answer | None:
        """The answer, None when the connection broke off or there was none to be had."""
        began = time.monotonic()
        try:
            answer = send()
        except Trouble:
            self.broken_off[who] += 1
            return None
        finally:
            self.slowest[who] = max(self.slowest.get(who, 0.0), time.monotonic() - began)
        self.told[who, answer.status] += 1
        if answer.status not in GOOD[who] | self.come_again:
            self.wrong.append(f"{who}: {answer.status} {answer.code}")
        return answer

    def _report(self, lines: Sequence[str], seconds: float) -> None:
        steps = list(_steps(lines))
        for status, some in steps:
            self.report(some, status)
            threading.Event().wait(seconds / len(steps))

    def _edit(self) -> None:
        """A customer changes where his calls go, again and again; what was answered with 200 last is what he has."""
        turn = 0
        while not self._ended.is_set():
            line, turn = self.lines[turn // 2 % EDITED], turn + 1
            wanted = {line: DESTINATIONS[turn % 2]}
            answer = self.once("edit", partial(self.ground.put, f"/contracts/{line}/bulk-forward", {"entries": wanted}))
            if answer and answer.status == 200:
                self.wanted[line] = wanted[line]
            elif answer is None or answer.status in self.come_again:
                self.wanted.pop(line, None)  # It may have been done, or not.
            self._ended.wait(PAUSE)

    def _ask(self) -> None:
        turn = 0
        while not self._ended.is_set():
            line, turn = self.lines[turn % len(self.lines)], turn + 1
            self.once("ask", partial(self.call, line))
            self._ended.wait(PAUSE / 2)

    def call(self, line: str) -> Answer:
        """A call to the line as the switch asks about it."""
        asked = {
            "call_id": uuid.uuid4().hex,
            "called": line,
            "caller": "0311112222",
            "at": datetime.now(UTC).isoformat(),
        }
        return self.ground.switch.post(f"{API}/calls", asked)


def _wait_for(futures: Sequence[Future[None]]) -> None:
    for future in futures:
        future.result()


def _steps(lines: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """Each line falls ill; every second one gets well again a little later."""
    parts = in_parts(lines, AT_ONCE)
    for number, part in enumerate(parts):
        yield "faulted", part
        if number >= 2:
            yield "recovered", parts[number - 2][::2]
    for part in parts[-2:]:
        yield "recovered", part[::2]


def made(ground: Ground, count: int = LINES) -> Load:
    """Fresh lines, imported, heard of by every service, with a destination and a notice each."""
    load = Load(ground, fresh_numbers(count))
    rows = "\n".join(json.dumps(_contract(line)) for line in load.lines)
    kind = {"Content-Type": "application/x-ndjson"}
    answer = taken(ground.operator.send("POST", f"{API}/contracts", rows.encode(), kind), 200)
    promised(answer.body["imported"] == count, f"the contracts were not imported: {answer.body}")
    eventually(lambda: _known(ground, load.lines), within=LONG, every=0.1)
    with ThreadPoolExecutor(REPORTERS) as threads:
        list(threads.map(lambda line: _set_up(ground, line, load.address(line)), load.lines))
    return load


def _contract(line: str) -> dict[str, Any]:
    return {
        "contract_number": line,
        "circuit": f"CHAOS-{line}",
        "contractor": f"混沌{line}",
        "site": "本店",
        "options": ["bulk-forward", "fault-notice"],
        "numbers": {line: ["voicewarp"]},
    }


def _known(ground: Ground, lines: Sequence[str]) -> bool:
    for service, category in (("bulkforward", "plan"), ("notify", "notice")):
        first = [f"{category}-{line}@1" for line in lines]
        if ground.database(service)["commits"].count_documents({"_id": {"$in": first}}) < len(lines):
            return False
    rows = ground.database("linewatch")["contracts"].count_documents({"_id": {"$in": list(lines)}})
    return rows == len(lines)


def _set_up(ground: Ground, line: str, address: str) -> None:
    plan = {"entries": {line: DESTINATIONS[0]}, "auto_start": True, "auto_stop": True}
    taken(ground.put(f"/contracts/{line}/bulk-forward", plan), 200)
    taken(ground.put(f"/contracts/{line}/fault-notice", {"started": True, "addresses": [address]}), 200)
