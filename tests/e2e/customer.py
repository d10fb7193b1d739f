"""One contract as its people see it: an operator, a monitoring system, mailboxes, a telephone, and browsers."""

import itertools
import random
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from chassis.testing import eventually
from contracts.ivr import Unit
from devstack.client import Answer, Client

TEMPORARY, LASTING = "20261123", "tsunagu2026"
NINE = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
# Where the stories are played again they meet the contracts of last time.
_numbers = itertools.count(random.randrange(30_000_000, 90_000_000, 1_000))
API = "/api/v1"


@dataclass(frozen=True)
class Customer:
    """A contract with two numbers, both forwarded, and two mail addresses; nobody else has any of them."""

    operator: Client
    monitor: Client
    mail: Client
    telephone: Client
    site: str
    number: str = field(default_factory=lambda: f"06{next(_numbers)}")
    second: str = ""
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:6])

    @property
    def second_number(self) -> str:
        return self.second or f"050{self.number[2:]}"

    @property
    def addresses(self) -> list[str]:
        return [f"{name}-{self.number}-{self.run}@example.jp" for name in ("shop", "home")]

    @property
    def entries(self) -> dict[str, str]:
        return {self.number: "0312345678", self.second_number: "09012345678"}

    @property
    def forwarding(self) -> str:
        return f"{API}/contracts/{self.number}/bulk-forward"

    def sign(self) -> Self:
        """Imports the contract and sets forwarding and notices."""
        self.register({self.number: [], self.second_number: []}, ["bulk-forward", "fault-notice"])
        self.heard()
        assert self.operator.put(self.forwarding, {"entries": self.entries}).status == 200
        notice = {"started": True, "addresses": self.addresses}
        assert self.operator.put(f"{API}/contracts/{self.number}/fault-notice", notice).status == 200
        return self

    def register(self, numbers: dict[str, list[str]], options: list[str]) -> None:
        """Imports the contract with these options by number and of its own."""
        contract = {
            "contract_number": self.number,
            "circuit": f"C-{self.number}",
            "contractor": "株式会社つなぐ",
            "site": "本店",
            "options": options,
            "numbers": numbers,
        }
        assert self.operator.put(f"{API}/contracts/{self.number}", contract).status in (200, 201)

    def heard(self) -> None:
        """Waits until every service knows the contract."""
        paths = (self.forwarding, f"{API}/contracts/{self.number}/fault-notice", f"{API}/lines/{self.number}")
        eventually(lambda: all(self.operator.get(path).status == 200 for path in paths), within=60)

    def report(self, status: str, minute: int = 0, **others: Any) -> dict[str, Any]:
        """A line event of our own format, new unless `id` says otherwise."""
        at = (NINE + timedelta(minutes=minute)).isoformat()
        item = {"id": uuid.uuid4().hex, "source": "noc", "line": self.number, "status": status, "occurred_at": at}
        return item | others

    def post(self, *items: dict[str, Any]) -> Answer:
        return self.monitor.post(f"{API}/line-events", list(items))

    def says(self, *items: dict[str, Any]) -> list[str]:
        """What became of each item."""
        answer = self.post(*items)
        assert answer.status == 202, answer
        return [result["status"] for result in answer.body["results"]]

    def plan(self) -> dict[str, Any]:
        answer = self.operator.get(self.forwarding)
        assert answer.status == 200, answer
        return dict(answer.body)

    def runs(self, cause: str = "fault") -> bool:
        return (self.plan()["running"], self.plan()["cause"]) == (True, cause)

    def rests(self) -> bool:
        return not self.plan()["running"]

    def faulted(self) -> bool:
        return bool(self.operator.get(f"{API}/lines/{self.number}").body["faulted"])

    def mails(self, address: str) -> list[dict[str, Any]]:
        """What has arrived at an address, oldest first."""
        found: list[dict[str, Any]] = self.mail.get(f"/api/messages?to={address}&limit=1000").body
        return found[::-1]

    def subjects(self, address: str) -> list[str]:
        return [mail["subject"] for mail in self.mails(address)]

    def told(self, count: int) -> bool:
        """Whether each address has at least so many mails."""
        return all(len(self.mails(address)) >= count for address in self.addresses)

    def history(self) -> Counter[str]:
        """How often each event has happened, by all services."""
        items: list[dict[str, Any]] = []
        path = f"{API}/contracts/{self.number}/history?limit=200"
        answer = self.operator.get(path)
        while answer.status == 200:
            items += answer.body["items"]
            if answer.body["next"] is None:
                return Counter(item["event"] for item in items)
            answer = self.operator.get(f"{path}&before={answer.body['next']}")
        raise AssertionError(answer)

    def whole_road(self, within: float = 60.0) -> None:
        """One fault and its recovery, and that everything that they cause has happened once."""
        assert self.says(self.report("faulted", 0)) == ["accepted"]
        self.once_faulted(within)
        assert self.says(self.report("recovered", 5)) == ["accepted"]
        self.once_recovered(within)

    def once_faulted(self, within: float = 60.0) -> None:
        eventually(self.runs, within=within)
        eventually(lambda: self.told(1), within=within)

    def once_recovered(self, within: float = 60.0) -> None:
        """The last mails of the road are there, and nothing is there twice."""
        eventually(self.rests, within=within)
        eventually(lambda: self.told(2), within=within)
        assert all(self.count(event) == 1 for event in ("LineFaulted", "LineRecovered")), self.history()
        assert all(self.count(event) == 1 for event in ("BulkForwardStarted", "BulkForwardStopped")), self.history()
        assert self.count("MailQueued") == 4, self.history()
        assert [len(self.mails(address)) for address in self.addresses] == [2, 2]

    def count(self, event: str) -> int:
        return self.history()[event]

    def visitor(self, token: str = "") -> Client:
        """A browser, at an address from which no other customer comes."""
        number = int(self.number)
        source = f"2001:db8:{number >> 16 & 0xFFFF:x}:{number & 0xFFFF:x}::1"
        return Client(self.site, token, headers={"X-Forwarded-For": source})

    def log_in(self, number: str, password: str) -> Answer:
        return self.visitor().post(f"{API}/sessions", {"number": number, "password": password})

    def call(self, *keys: str, caller: str = "") -> dict[str, Any]:
        """A call for a temporary password from a number of the contract: the last answer to it."""
        begun = answer = eventually(lambda: self._connected(caller or self.number)) or {}
        for pressed in keys:
            turn = self.telephone.post(f"{API}/ivr/calls/{begun['call_id']}/keys", {"keys": pressed})
            assert turn.status == 200, turn
            answer = turn.body
        return answer

    def _connected(self, caller: str) -> dict[str, Any] | None:
        """The beginning of a call; None while the telephone does not know the contract yet."""
        answer = self.telephone.post(f"{API}/ivr/calls", {"caller": caller})
        assert answer.status == 201 or answer.code == "caller-not-contracted", answer
        return answer.body if answer.status == 201 else None

    def set_temporary_password(self, unit: Unit, number: str = "", password: str = TEMPORARY) -> None:
        """By telephone from the contract number, until the site knows it too."""
        number = number or self.number
        keys = {"line": ["1"], "number": ["2", f"{number}#"], "admin-user": ["3", f"{number}#"]}[unit]
        before = self.times(number, "TemporaryPasswordSet")

        assert self.call(*keys, password, password)["finished"]

        eventually(lambda: self.times(number, "TemporaryPasswordSet") > before)

    def times(self, number: str, event: str) -> int:
        """How often it stands in the newest history of a number."""
        answer = self.operator.get(f"{API}/numbers/{number}/history?limit=200")
        assert answer.status == 200, answer
        return sum(item["event"] == event for item in answer.body["items"])

    def restricted(self, unit: Unit, number: str = "") -> Client:
        """A browser logged in with a new temporary password."""
        self.set_temporary_password(unit, number)
        answer = self.log_in(number or self.number, TEMPORARY)
        assert (answer.status, answer.body.get("must_change_password")) == (201, True), answer
        return self.visitor(answer.body["token"])

    def at_home(self, unit: Unit, number: str = "") -> Client:
        """A browser logged in, after the password was set by telephone and changed."""
        answer = change(self.restricted(unit, number), TEMPORARY, LASTING)
        assert (answer.status, answer.body["must_change_password"]) == (200, False), answer
        return self.visitor(answer.body["token"])


def change(browser: Client, current: str, new: str) -> Answer:
    """The change of a password, entered twice alike."""
    return browser.put(f"{API}/password", {"current": current, "new": new, "new_again": new})
