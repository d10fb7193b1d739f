"""How fast the switch is told where a call goes, beside bare inserts of the same size into the same database.

Open loop: calls are offered at a fixed rate whether or not the ones before are answered, and a time counts from when
the call was due. Ours and the bare inserts take turns in short rounds, so that both meet the same machine. One thread
offers all of them, since whoever asks shares the processors with whoever answers.
"""

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import bson
import urllib3
from pymongo import AsyncMongoClient
from pymongo.write_concern import WriteConcern

from bench.ground import Ground
from bench.processor import measured
from chassis.auth import Principal, TokenIssuer
from chassis.messages import now
from chassis.mongo import Document
from devstack import results, seed
from devstack.results import Result
from devstack.services import web

TITLE = "Answers to the telephone switch at a fixed rate of calls, beside bare inserts of documents of the same size."
OURS, GATEWAY, BARE, GOAL = "voicewarp", "through the gateway", "bare insert_one", 3.0
RATES = (50, 100, 200)
ROUNDS, SECONDS = 5, 4.0
# As many at a time for each way; and the time until what a round has set off, as events and mails, is over.
CONNECTIONS, AFTER_SECONDS = 32, 0.5
DATABASE = "bench-calls"
MOBILE = "09012345678"
SETTING = {
    "started": True,
    "mode": "no-answer",
    "destinations": [{"number": MOBILE}],
    "active": 1,
    "select": {"mode": "off", "callers": []},
}
Act = Callable[[], Awaitable[Any]]
Way = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Figure:
    """One round of one way at one rate, in milliseconds. `spent` is the processor's time of a call, by process."""

    p50: float
    p99: float
    spent: Mapping[str, float]


def run(ground: Ground) -> Result:
    """A call that is answered with anything but a decision makes the figures void."""
    _set_up(ground.gateway_url, ground.keys[seed.OPERATOR], seed.CONTRACT)
    figures: dict[str, results.Figure] = {}
    notes: list[str] = []
    with asyncio.Runner() as runner:
        client: AsyncMongoClient[Document] = AsyncMongoClient(ground.mongo_url, maxPoolSize=CONNECTIONS)
        ways = runner.run(_ways(ground, client))
        for rate in RATES:
            title = f"{rate} calls/s"
            rounds = [
                {name: runner.run(_round(act, rate, ground.stack.pids)) for name, act in ways.items()}
                for _ in ground.in_rounds(title, ROUNDS)
            ]
            figures |= _figures(title, rounds)
            notes.append(f"{title} {GATEWAY}, ms of the processors: {_spent(rounds)}.")
        runner.run(client.close())
    return Result("calls", TITLE, "", figures, notes=notes)


async def _ways(ground: Ground, client: AsyncMongoClient[Document]) -> dict[str, Act]:
    directly = _asker(Kept(ground.addresses.url(web("voicewarp"))), "/calls", _token(ground))
    return {
        OURS: directly,
        GATEWAY: _asker(Kept(ground.gateway_url), "/api/v1/calls", ground.keys[seed.CALLS]),
        BARE: await _inserter(client, directly),
    }


def _token(ground: Ground) -> str:
    """What the gateway would show voicewarp for the switch."""
    switch = Principal("machine", "bench", frozenset({seed.CALLS}))
    issuer = TokenIssuer.from_file(ground.places.signing_key)
    return issuer.issue(switch, lifetime=timedelta(hours=2), at=now())


def _figures(title: str, rounds: Sequence[Mapping[str, Figure]]) -> dict[str, results.Figure]:
    p50 = {name: [one[name].p50 for one in rounds] for name in rounds[0]}
    p99 = {name: [one[name].p99 for one in rounds] for name in rounds[0]}
    spent = {name: [sum(one[name].spent.values()) for one in rounds] for name in rounds[0]}
    return {
        f"{title}, p50": results.figure("ms", p50, beside=BARE),
        f"{title}, p99": results.figure("ms", p99, beside=BARE, goal=results.at_most(GOAL)),
        f"{title}, p99 {GATEWAY}": results.figure("ms", {name: p99[name] for name in (GATEWAY, BARE)}, beside=BARE),
        f"{title}, of the processors": results.figure("ms", spent, beside=BARE),
    }


def _spent(rounds: Sequence[Mapping[str, Figure]]) -> str:
    """By process, the most first; what is too little to be seen is left out."""
    shares = [one[GATEWAY].spent for one in rounds]
    each = {name: median(share.get(name, 0.0) for share in shares) for name in shares[0]}
    most = sorted(((cost, name) for name, cost in each.items() if cost >= 0.05), reverse=True)
    return ", ".join(f"{name} {cost:.2f}" for cost, name in most)


def _set_up(gateway_url: str, key: str, number: str) -> None:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "If-Match": "*"}
    path = f"{gateway_url}/api/v1/numbers/{number}/voicewarp"
    answer = urllib3.request("PUT", path, body=json.dumps(SETTING).encode(), headers=headers, timeout=30.0)
    if answer.status != 200:
        raise RuntimeError(f"VoiceWarp of the number could not be set: {answer.status}")


@dataclass
class Kept:
    """Kept connections to one server, with as little of a client as can be."""

    url: str
    _idle: list[Way] = field(default_factory=list)

    async def post(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        """The status and the body of the answer, which has a Content-Length."""
        reader, writer = await self._way()
        writer.write(b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body))
        said = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(said.partition(b"content-length:")[2].partition(b"\r")[0])
        data = await reader.readexactly(length)
        self._idle.append((reader, writer))
        return int(said.split(maxsplit=2)[1]), data

    async def _way(self) -> Way:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():  # Between two rounds the server may have closed it.
                return reader, writer
        place = urlsplit(self.url)
        return await asyncio.open_connection(place.hostname, place.port)


def _asker(server: Kept, path: str, bearer: str) -> Callable[[], Awaitable[str]]:
    lines = (f"POST {path} HTTP/1.1", f"Host: {urlsplit(server.url).netloc}", f"Authorization: Bearer {bearer}")
    head = "".join(f"{line}\r\n" for line in (*lines, "Content-Type: application/json")).encode()

    async def ask() -> str:
        call_id = uuid.uuid4().hex
        at = datetime.now(UTC).isoformat()
        body = {"call_id": call_id, "called": seed.CONTRACT, "caller": "0312345678", "at": at}
        status, data = await server.post(head, json.dumps(body).encode())
        if status != 200 or json.loads(data)["on_no_answer"]["to"] != MOBILE:
            raise RuntimeError(f"a call was not answered: {status}")
        return call_id

    return ask


async def _inserter(client: AsyncMongoClient[Document], ask: Callable[[], Awaitable[str]]) -> Act:
    """Inserts of documents of the size of a call's commit, with the same durability."""
    document = await client["voicewarp"]["commits"].find_one({"_id": f"call-{await ask()}@1"}) or {}
    padding = "x" * max(0, len(bson.encode(document)) - 60)
    rows = client.get_database(DATABASE, write_concern=WriteConcern(w="majority", j=True))["rows"]

    async def insert() -> None:
        await rows.insert_one({"_id": uuid.uuid4().hex, "padding": padding})

    return insert


async def _round(act: Act, rate: int, pids: Mapping[str, int]) -> Figure:
    """`SECONDS` of `act` at `rate`."""
    count, free = int(rate * SECONDS), asyncio.Semaphore(CONNECTIONS)
    began = time.monotonic() + 0.05

    async def one(place: int) -> float:
        due = began + place / rate
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        async with free:
            await act()
        return (time.monotonic() - due) * 1000

    with measured(pids) as seconds:
        own = time.process_time()
        taken = sorted(await asyncio.gather(*(one(place) for place in range(count))))
        await asyncio.sleep(AFTER_SECONDS)
        # Our children may be the whole stack, which is told by its parts.
        used = {**seconds(), "whoever asks": time.process_time() - own}
    spent = {name: taken_by / count * 1000 for name, taken_by in used.items()}
    return Figure(taken[count // 2], taken[int(count * 0.99)], spent)
