"""`./tsunagu demo`: the main road in the terminal, every step with its time since its cause."""

import contextlib
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

from rich.console import Console

from devstack import seed
from devstack.client import Client, expect
from devstack.places import Places
from devstack.ports import is_free
from devstack.running import DEFAULT_ROOT, Running, find, need
from devstack.trouble import Trouble
from devstack.up import interrupted_by_signals, standing

STEP_SECONDS = 30.0
SOURCE = "demo"
BODY_LINES = 9
Found = TypeVar("Found")


def demonstrate(port: int, storm: int | None) -> None:
    """On the running stack of this folder, or on one started for it, whose gateway gets `port` if that is free."""
    console, there = Console(), find()
    if there:
        _demonstrate(there, seed.read_keys(Places(DEFAULT_ROOT)), storm, console)
        return
    chosen = port if is_free(port) else 0
    with contextlib.suppress(KeyboardInterrupt), interrupted_by_signals(), standing(chosen, console) as (_, keys):
        _demonstrate(need(), keys, storm, console)


def _demonstrate(running: Running, keys: dict[str, str], storm: int | None, console: Console) -> None:
    if not {seed.LINE_EVENTS, seed.OPERATOR} <= keys.keys():
        raise Trouble("The running stack has no demo keys yet; wait until ./tsunagu up says that it runs.")
    if storm:
        from devstack import benching  # Its libraries are not needed for the road itself.

        benching.storm(running, keys, storm, console)
        return
    if not running.mail_url:
        raise Trouble("The demo reads the mails in its own mail sink; start the stack without SMTP_URL.")
    monitor = Client(running.gateway_url, keys[seed.LINE_EVENTS])
    operator = Client(running.gateway_url, keys[seed.OPERATOR])
    Demo(monitor, operator, Client(running.mail_url), console).run()


@dataclass(frozen=True)
class Demo:
    """Who talks to what. The contract is left as it was found: not faulted, not forwarded."""

    monitor: Client
    operator: Client
    mails: Client
    console: Console

    def run(self) -> None:
        """Raises Trouble when a step does not come within 30 s."""
        addresses = self._prepared()
        alarm = str(uuid.uuid4())
        self._say("1. The monitoring system posts a fault of 06-0000-1111.")
        faulted_at, began = datetime.now(UTC), self._post(alarm, "faulted")
        self._wait("bulk forwarding runs", began, lambda: self._forwarding()["running"])
        for number, destination in self._forwarding()["entries"].items():
            self._say(f"      {number} -> {destination}")
        faults = self._mails("the fault mails arrived", began, addresses, faulted_at)
        self._say("2. The monitoring system posts the recovery.")
        recovered_at, began = datetime.now(UTC), self._post(alarm, "recovered")
        self._wait("bulk forwarding stopped", began, lambda: not self._forwarding()["running"])
        replies = self._mails("the recovery mails arrived", began, addresses, recovered_at)
        self._say(_threading(faults, replies))

    def _prepared(self) -> Sequence[str]:
        seed.ensure_demo_contract(self.operator)
        line = expect(self.operator.get(f"/api/v1/lines/{seed.CONTRACT}"), "The state of the line", _found_or_not).body
        if line.get("faulted") or self._forwarding()["running"]:
            raise Trouble("06-0000-1111 is faulted or forwarded already; recover it and stop its forwarding first.")
        notice = expect(self.operator.get(f"/api/v1/contracts/{seed.CONTRACT}/fault-notice"), "The fault notice").body
        return list(notice["addresses"])

    def _forwarding(self) -> dict[str, Any]:
        answer = self.operator.get(f"/api/v1/contracts/{seed.CONTRACT}/bulk-forward")
        return dict(expect(answer, "Bulk forwarding").body)

    def _post(self, alarm: str, status: str) -> float:
        """When it was posted, on the monotonic clock."""
        event = {
            "id": str(uuid.uuid4()),
            "source": SOURCE,
            "line": seed.CONTRACT,
            "status": status,
            "severity": "critical",
            "occurred_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "cause": "光回線の断 (demo)",
            "alarm": alarm,
        }
        began = time.monotonic()
        answer = expect(self.monitor.post("/api/v1/line-events", event), "The line event")
        if answer.body.get("accepted") != 1:
            raise Trouble(f"The line event was not accepted: {answer.body}.")
        self._done("stored and acknowledged", began)
        return began

    def _mails(self, what: str, began: float, addresses: Sequence[str], since: datetime) -> list[dict[str, Any]]:
        def arrived() -> list[dict[str, Any]]:
            found = [mail for address in addresses for mail in self._mails_to(address, since)]
            return found if len(found) >= len(addresses) else []

        mails = self._wait(what, began, arrived)
        for mail in mails:
            self._say(f"      To {mail['to']}: {mail['subject']}")
        for line in _first_lines(str(mails[0]["body"])) if mails else ():
            self._say(f"        | {line}")
        return mails

    def _mails_to(self, address: str, since: datetime) -> list[dict[str, Any]]:
        path = f"/api/messages?to={quote(address)}&since={quote(since.isoformat())}"
        return list(expect(self.mails.get(path), "The mail sink").body)

    def _wait(self, what: str, began: float, look: Callable[[], Found]) -> Found:
        while not (found := look()):
            if time.monotonic() - began > STEP_SECONDS:
                raise Trouble(f"Waited {STEP_SECONDS:g} s in vain until {what}; see the logs in .tsunagu/log.")
            time.sleep(0.01)
        self._done(what, began)
        return found

    def _done(self, what: str, began: float) -> None:
        self._say(f"   {(time.monotonic() - began) * 1000:7.0f} ms  {what}")

    def _say(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)


def _found_or_not(status: int) -> bool:
    return status in (200, 404)


def _first_lines(body: str) -> list[str]:
    return [line for line in body.splitlines() if line.strip()][:BODY_LINES]


def _threading(faults: Sequence[dict[str, Any]], replies: Sequence[dict[str, Any]]) -> str:
    sent = {mail["headers"].get("Message-ID") for mail in faults}
    answered = sum(1 for mail in replies if mail["headers"].get("In-Reply-To") in sent)
    return f"Each recovery mail answers a fault mail: {answered} of {len(replies)}."
