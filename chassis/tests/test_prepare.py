"""`python -m chassis SERVICE prepare`, as an operator's job runs it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from chassis.auth import make_signing_key, write_jwks
from chassis.mongo import connect
from conftest import Addresses

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.integration


@pytest.fixture
def environment(engines: Addresses, tmp_path: Path) -> Iterator[dict[str, str]]:
    make_signing_key(tmp_path / "key.pem")
    write_jwks(tmp_path / "jwks.json", tmp_path / "key.pem")
    yield {
        "MONGO_URL": engines.mongo_url,
        "KAFKA_SERVERS": ",".join(engines.kafka_servers),
        "TOKEN_KEYS": str(tmp_path / "jwks.json"),
    }
    db = connect(engines.mongo_url, "voicewarp")
    db.client.drop_database(db.name)
    db.client.close()


def prepared(environment: dict[str, str]) -> int:
    return subprocess.run(
        [sys.executable, "-m", "chassis", "voicewarp", "prepare"], cwd=ROOT, env=environment, timeout=120, check=False
    ).returncode


def test_indexes_and_topics_are_there_afterwards_and_stay(engines: Addresses, environment: dict[str, str]) -> None:
    assert [prepared(environment), prepared(environment)] == [0, 0]

    with closing(KafkaAdminClient(bootstrap_servers=list(engines.kafka_servers))) as admin:
        topics = set(admin.list_topics())
    # Its own, and of those that it hears.
    assert {"voicewarp-events", "voicewarp-events.dead-letter", "auth-events", "bulkforward-events"} <= topics
    indexes = connect(engines.mongo_url, "voicewarp")["commits"].index_information()
    assert len(indexes) > 1
