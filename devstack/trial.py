"""Contracts whose lines fail and recover while a cluster is in trouble, and the count of what came of it."""

import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from devstack.client import Answer
from devstack.cluster import Forward, wait_for
from devstack.trouble import Trouble

EFFECT_SECONDS = 300.0
DESTINATION = "0312345678"
LINE_EVENTS = "/api/v1/line-events"


@dataclass(frozen=True)
class Said:
    """Prints lines, each with the seconds since the beginning."""

    console: Console
    began: float

    def __call__(self, line: str) -> None:
        self.console.print(f"{time.monotonic() - self.began:6.1f} s  {line}", markup=False, highlight=False)


@dataclass(frozen=True)
class Trial:
    """Contracts of its own, from 06 and `first` on, whose lines fail and recover while the cluster is in trouble."""

    operator: Forward
    monitor: Forward
    mails: Forward
    lines: int
    first: int
    say: Said

    @property
    def contracts(self) -> list[str]:
        return [f"06{self.first + number}" for number in range(self.lines)]

    def prepare(self) -> None:
        """A plan and a notice for each, as an operator would set them up."""
        for contract in self.contracts:
            self._put(f"/api/v1/contracts/{contract}", _contract(contract))
        for contract in self.contracts:
            plan = {"entries": {contract: DESTINATION}, "auto_start": True, "auto_stop": True}
            self._put(f"/api/v1/contracts/{contract}/bulk-forward", plan)
            notice = {"started": True, "addresses": [_address(contract)]}
            self._put(f"/api/v1/contracts/{contract}/fault-notice", notice)
        self.say(f"{self.lines} contracts with plans and notices")

    def report_during(self, status: str, trouble: Callable[[], None]) -> None:
        """Reports every line while `trouble` goes on, and waits for what has to come of it."""
        since = datetime.now(UTC)
        with self._reporting(status):
            trouble()
        self.say(f"{self.lines} times {status!r} acknowledged")
        self._wait_for_forwarding(status == "faulted")
        self._wait_for_mails(since)

    @contextmanager
    def _reporting(self, status: str) -> Iterator[None]:
        """Beside what the caller does; every report is acknowledged at the end."""
        done = threading.Event()
        with ThreadPoolExecutor(1) as beside:
            reports = beside.submit(self._report_all, status, done)
            try:
                yield
            finally:
                done.set()
            reports.result()

    def _report_all(self, status: str, done: threading.Event) -> None:
        """Slowly, so that the trouble meets some of each kind; at once when the trouble is over."""
        for contract in self.contracts:
            self._post(_report(contract, status))
            done.wait(1.0)

    def _post(self, report: dict[str, str]) -> None:
        answer = self.monitor.insist(lambda client: client.post(LINE_EVENTS, report))
        if answer.status != 202:
            raise Trouble(f"A report was refused: {answer.status} {answer.code}.")

    def _wait_for_forwarding(self, running: bool) -> None:
        def left() -> list[str]:
            return [contract for contract in self.contracts if self._plan(contract)["running"] is not running]

        wait_for(f"forwarding is {running} everywhere", lambda: not left(), EFFECT_SECONDS)
        self.say(f"forwarding is {'on' if running else 'off'} for all {self.lines}")

    def _wait_for_mails(self, since: datetime) -> None:
        """One letter for each address; the same one twice is what a killed sender may do, and is counted."""
        wanted = {_address(contract) for contract in self.contracts}

        def letters() -> dict[str, list[str]]:
            found = defaultdict(list)
            path = f"/api/messages?limit=10000&since={since.isoformat().replace('+', '%2B')}"
            for mail in self.mails.insist(lambda client: client.get(path)).body:
                found[mail["to"]].append(mail["headers"]["Message-ID"])
            return {to: ids for to, ids in found.items() if to in wanted}

        wait_for("every address has its mail", lambda: letters().keys() == wanted, EFFECT_SECONDS)
        found = letters()
        twice = [to for to, ids in found.items() if len(set(ids)) > 1]
        if twice:
            raise Trouble(f"{len(twice)} addresses have more than one mail of the same news.")
        repeated = sum(len(ids) - len(set(ids)) for ids in found.values())
        self.say(f"{len(found)} mails, one for each address; {repeated} sent again under the same Message-ID")

    def _plan(self, contract: str) -> dict[str, Any]:
        path = f"/api/v1/contracts/{contract}/bulk-forward"
        return dict(self.operator.insist(lambda client: client.get(path)).body)

    def _put(self, path: str, body: object) -> None:
        """Again while a service has not yet heard of the contract."""

        def put() -> Answer | None:
            answer = self.operator.insist(lambda client: client.put(path, body))
            return answer if answer.status < 300 else None

        wait_for(f"PUT {path} is taken", put, 60)


def _contract(contract: str) -> dict[str, Any]:
    return {
        "contract_number": contract,
        "circuit": f"TRY-{contract}",
        "contractor": "試験",
        "site": contract[-4:],
        "options": ["bulk-forward", "fault-notice"],
        "numbers": {contract: ["voicewarp"]},
    }


def _address(contract: str) -> str:
    return f"try-{contract}@example.jp"


def _report(contract: str, status: str) -> dict[str, str]:
    """With an id of its own, so that sending it again changes nothing."""
    return {"id": str(uuid.uuid4()), "source": "try", "line": contract, "status": status, "severity": "critical"}
