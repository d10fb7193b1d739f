"""How fast mails of faults go out, each to an address of its own, beside a bare loop of smtplib to the same sink.

Both by the times at which the sink has taken the first mail and the last; so what comes before the first, the fault and
the two seconds in which a mail waits for others, does not count. The loop sends the same bytes over one connection.
"""

import json
import smtplib
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3

from bench import settings
from bench.customer import API
from bench.ground import Ground
from chassis.testing import eventually
from devstack import seed
from devstack.client import Client, expect
from devstack.results import Result, Void, figure

TITLE = (
    "Mails of faults to as many addresses, beside a bare loop of smtplib that sends the same bytes to the same sink."
)
FIRST, MAILS, ROUNDS = 60_000_000, 300, 3
LONGEST = 120.0
OURS, BARE = "Tsunagu", "bare smtplib loop"
SENDER = "bench@example.jp"


def run(ground: Ground) -> Result:
    """An address with no mail, or with two, makes the figures void."""
    if not ground.stack.mail_url:
        raise RuntimeError("The bench counts mails in the stack's own sink; SMTP_URL names another server.")
    ground.need_lines_that_return()
    sink, contracts = Sink(ground.stack.mail_url, ground.addresses.smtp_url), _set_up(ground)
    monitor = ground.client(seed.LINE_EVENTS)
    rates: dict[str, list[float]] = {OURS: [], BARE: []}
    for _ in ground.in_rounds(f"Rounds of {MAILS} mails", ROUNDS):
        addresses = [f"{contract}@example.jp" for contract in contracts]
        since = datetime.now(UTC)
        _report(monitor, contracts, "faulted")
        rates[OURS].append(sink.rate(since, addresses))
        letters = sink.letters(since, addresses)
        ground.settle()
        since = datetime.now(UTC)
        sink.send_all(letters)
        rates[BARE].append(sink.rate(since, addresses))
        since = datetime.now(UTC)
        _report(monitor, contracts, "recovered")
        sink.rate(since, addresses)
    return Result("mails", TITLE, "", {f"{MAILS} mails": figure("mails/s", rates, beside=BARE)})


def _set_up(ground: Ground) -> Sequence[str]:
    contracts = [f"06{FIRST + place}" for place in range(MAILS)]
    rows = "\n".join(json.dumps(_contract(contract)) for contract in contracts)
    headers = {"Authorization": f"Bearer {ground.keys[seed.OPERATOR]}", "Content-Type": "application/x-ndjson"}
    answer = urllib3.request("POST", f"{ground.gateway_url}{API}/contracts", body=rows.encode(), headers=headers)
    if answer.status != 200 or json.loads(answer.data)["rejected"]:
        raise RuntimeError(f"the contracts were not taken: {answer.status}")
    operator = ground.client(seed.OPERATOR)
    ground.settle()
    last = f"{API}/contracts/{contracts[-1]}/fault-notice"
    notice = eventually(lambda: _found(operator, last), within=60) or {}
    if not notice["started"]:
        settings.tell(ground, {contract: f"{contract}@example.jp" for contract in contracts})
    return contracts


def _found(operator: Client, path: str) -> Mapping[str, Any] | None:
    answer = operator.get(path)
    return answer.body if answer.status == 200 else None


def _contract(contract: str) -> Mapping[str, Any]:
    """Each of a contractor of its own: word of one contractor's lines would go in one letter."""
    return {
        "contract_number": contract,
        "circuit": f"MAILS-{contract}",
        "contractor": f"株式会社{contract}",
        "site": "本店",
        "options": ["fault-notice"],
        "numbers": {contract: []},
    }


def _report(monitor: Client, contracts: Sequence[str], status: str) -> None:
    at = datetime.now(UTC).isoformat()
    items = [
        {"id": uuid.uuid4().hex, "source": "bench", "line": contract, "status": status, "occurred_at": at}
        for contract in contracts
    ]
    body = [{**item, "severity": "critical", "cause": "光回線の断"} for item in items]
    if expect(monitor.post(f"{API}/line-events", body), "The reports").body["accepted"] != len(contracts):
        raise Void("not every report was taken as news")


@dataclass(frozen=True)
class Sink:
    """The stack's mail sink, by its page and by SMTP."""

    url: str
    smtp_url: str

    def rate(self, since: datetime, addresses: Sequence[str]) -> float:
        """Mails a second between the first and the last of these addresses, once all have theirs."""
        deadline = time.monotonic() + LONGEST
        while len(mails := self._since(since)) < len(addresses) and time.monotonic() < deadline:
            time.sleep(1.0)
        got = Counter(mail["to"] for mail in mails)
        if any(got[address] != 1 for address in addresses):
            raise Void(f"of {len(addresses)} addresses {sum(got[one] == 1 for one in addresses)} have just one mail")
        times = sorted(datetime.fromisoformat(mail["received_at"]) for mail in mails if mail["to"] in set(addresses))
        return (len(times) - 1) / (times[-1] - times[0]).total_seconds()

    def letters(self, since: datetime, addresses: Sequence[str]) -> Mapping[str, bytes]:
        """The bytes of each address's mail."""
        ids = {mail["to"]: mail["id"] for mail in self._since(since)}
        pool = urllib3.PoolManager()
        return {one: pool.request("GET", f"{self.url}/messages/{ids[one]}/raw").data for one in addresses}

    def send_all(self, letters: Mapping[str, bytes]) -> None:
        """One after the other over one connection."""
        server = urlsplit(self.smtp_url)
        with smtplib.SMTP(server.hostname or "", server.port or 25) as connection:
            for address, letter in letters.items():
                connection.sendmail(SENDER, [address], letter)

    def _since(self, since: datetime) -> list[dict[str, Any]]:
        query = f"since={quote(since.isoformat())}&limit=10000"
        return list(expect(Client(self.url).get(f"/api/messages?{query}"), "The mail sink").body)
