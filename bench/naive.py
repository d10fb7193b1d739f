"""A storm through Tsunagu beside the naive pipeline, which takes, stores, sends and commits each fault by itself.

Ours twice: posted in lists, as monitoring systems do in a storm, and posted one by one as to the naive one.
"""

import multiprocessing
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import urllib3
from pymongo.database import Database

from bench.ground import Ground
from bench.naive_pipeline import DATABASE, station
from bench.serving import serving
from bench.storm import THREADS, Storm
from chassis import kafka
from chassis.mongo import Document
from chassis.testing import eventually
from devstack.results import Result, Void, figure
from devstack.services import FEW_WEB_THREADS

TITLE = "A storm of faults beside the naive pipeline: one POST, one insert, one send, one commit for each fault."
ROUNDS, LONGEST = 3, 300.0
LISTS, SINGLY, NAIVE = "Tsunagu, in lists", "Tsunagu, one by one", "naive pipeline"
MODULE = "bench.naive_pipeline"


def run(ground: Ground) -> Result:
    """A lost or doubled effect of either makes the figures void."""
    storm = Storm.on(ground)
    storm.prepare()
    rates: dict[str, list[float]] = {LISTS: [], SINGLY: [], NAIVE: []}
    for _ in ground.in_rounds("Three storms", ROUNDS):
        rates[LISTS].append(_timed(storm, lambda: storm.post("faulted")))
        storm.recoveries()
        ground.settle()
        rates[SINGLY].append(
            _timed(storm, lambda: _each(storm.contracts(), lambda one: storm.post_one(one, "faulted")))
        )
        storm.recoveries()
        ground.settle()
        rates[NAIVE].append(_naive(ground))
    return Result("naive", TITLE, "", {f"{storm.lines:,} faults": figure("lines/s", rates, beside=NAIVE)})


def _timed(storm: Storm, post: Callable[[], object]) -> float:
    """Lines a second from the first POST until all is durable."""
    mark, began = datetime.now(UTC), time.monotonic()
    post()
    storm.wait_for(storm.plans, mark, "BulkForwardStarted")
    storm.wait_for(storm.notices, mark, "MailQueued")
    return storm.lines / (time.monotonic() - began)


def _each(contracts: Iterator[str], act: Callable[[str], None]) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(act, contracts))


def _naive(ground: Ground) -> float:
    lines = ground.lines
    with _pipeline(ground) as (url, db), urllib3.PoolManager(maxsize=THREADS, timeout=30.0) as pool:
        eventually(lambda: _answers(pool, f"{url}/ready"))
        began = time.monotonic()
        _each((f"03{90_000_000 + number}" for number in range(lines)), lambda line: _post(pool, url, line))
        while db["mails"].estimated_document_count() < lines:
            if time.monotonic() - began > LONGEST:
                raise RuntimeError("the naive pipeline did not end in time")
            time.sleep(0.02)
        seconds = time.monotonic() - began
        for collection in ("faults", "forwards", "mails"):
            if not eventually(lambda collection=collection: db[collection].count_documents({}) == lines):  # type: ignore[misc]
                raise Void(f"the naive pipeline has not just {lines} {collection}")
    return lines / seconds


def _answers(pool: urllib3.PoolManager, url: str) -> bool:
    try:
        return pool.request("GET", url, retries=False).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def _post(pool: urllib3.PoolManager, url: str, line: str) -> None:
    fault = {"id": uuid.uuid4().hex, "line": line, "severity": "critical", "at": datetime.now(UTC).isoformat()}
    answer = pool.request("POST", f"{url}/faults", json=fault)
    if answer.status != 202:
        raise Void(f"the naive pipeline refused a fault: {answer.status}")


@contextmanager
def _pipeline(ground: Ground) -> Iterator[tuple[str, Database[Document]]]:
    """Its address and its database; all of it is gone afterwards."""
    run = uuid.uuid4().hex[:8]
    faults, forwards = owners = (f"bench-{run}-1", f"bench-{run}-2")
    kafka.make_topics(ground.kafka_servers, owners)
    db = ground.database(DATABASE)
    settings = {"MONGO_URL": ground.mongo_url, "KAFKA_SERVERS": ",".join(ground.kafka_servers), "OWNER": faults}
    try:
        with _stations(ground, faults, forwards), serving(MODULE, FEW_WEB_THREADS, settings) as url:
            yield url, db
    finally:
        db.client.drop_database(DATABASE)
        topics = [kafka.topic_of(owner) for owner in owners]
        with closing(kafka.make_admin(ground.kafka_servers, "naive")) as admin:
            admin.delete_topics([name for topic in topics for name in (topic, kafka.dead_letter_topic(topic))])


@contextmanager
def _stations(ground: Ground, faults: str, forwards: str) -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    ready: Any = context.Semaphore(0)
    both = ((faults, "forwards", forwards), (forwards, "mails", ""))
    processes = [
        context.Process(target=station, args=(ground.mongo_url, ground.kafka_servers, *one, ready), daemon=True)
        for one in both
    ]
    for process in processes:
        process.start()
    try:
        for _ in processes:
            if not ready.acquire(timeout=60):
                raise RuntimeError("a station of the naive pipeline did not start")
        yield
    finally:
        for process in processes:
            process.terminate()
            process.join(10)
