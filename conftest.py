"""What integration tests share: one set of real engines a run, and names in them that no other test uses."""

import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from chassis.mongo import connect


@dataclass(frozen=True)
class Addresses:
    """Where the engines are."""

    mongo_url: str
    kafka_servers: tuple[str, ...]


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Addresses]:
    """The engines that MONGO_URL and KAFKA_SERVERS name, or embedded ones; the same for all workers of a run."""
    given = Addresses(os.environ.get("MONGO_URL", ""), tuple(os.environ.get("KAFKA_SERVERS", "").split(",")))
    if given.mongo_url and given.kafka_servers[0]:
        yield given
        return
    folder = tmp_path_factory.getbasetemp()
    yield from _embedded(folder.parent if hasattr(request.config, "workerinput") else folder)


def _embedded(folder: Path) -> Iterator[Addresses]:
    """The first to come starts them; it stops them when all others have let go of their lock, also by dying."""
    from devstack.engines import Engines

    known = folder / "engines.json"
    with (folder / "engines.users").open("w") as users, (folder / "engines.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        ours = None if known.exists() else Engines(folder / "engines").start()
        if ours:
            known.write_text(json.dumps(asdict(Addresses(ours.mongo_url, tuple(ours.kafka_servers.split(","))))))
        fcntl.flock(lock, fcntl.LOCK_UN)
        said = json.loads(known.read_text())
        try:
            yield Addresses(said["mongo_url"], tuple(said["kafka_servers"]))
        finally:
            if ours:
                fcntl.flock(users, fcntl.LOCK_EX)
                ours.stop()


@pytest.fixture
def database(engines: Addresses) -> Iterator[Database[dict[str, Any]]]:
    """An empty database with the options that services use."""
    db = connect(engines.mongo_url, f"test-{uuid.uuid4().hex[:12]}")
    yield db
    db.client.drop_database(db.name)
    db.client.close()


@pytest.fixture
def owner() -> str:
    """The name of a service that no other test uses, and so of its topics and its consumer group."""
    return f"test-{uuid.uuid4().hex[:12]}"
