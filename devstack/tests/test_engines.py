"""The embedded engines: they start, survive kill -9 with their data, and a wiped Kafka is another cluster."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from chassis.testing import eventually
from devstack import kafka_engine
from devstack.engines import Engines

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Spaces and other letters in a path are what a user's folder may have.
    return tmp_path_factory.mktemp("engines") / "my スタック"


@pytest.fixture(scope="module")
def own(root: Path) -> Iterator[Engines]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MONGO_URL", raising=False)
        patch.delenv("KAFKA_SERVERS", raising=False)
        with Engines(root) as engines:
            yield engines


def count(engines: Engines) -> int:
    client: MongoClient[dict[str, Any]] = MongoClient(engines.mongo_url, serverSelectionTimeoutMS=20_000)
    with client:
        return client.proof.kept.count_documents({})


def test_mongod_comes_back_with_its_data_after_kill_9(own: Engines) -> None:
    client: MongoClient[dict[str, Any]] = MongoClient(own.mongo_url)
    with client:
        client.proof.get_collection("kept").insert_one({})
    before = count(own)

    first = own.supervisor.kill("mongod")
    eventually(lambda: own.supervisor.pid("mongod") not in (None, first))

    assert count(own) == before


def test_kafka_comes_back_as_the_same_cluster_after_kill_9(own: Engines) -> None:
    cluster = kafka_engine.cluster_id(own.places.root)

    first = own.supervisor.kill("kafka")
    eventually(lambda: own.supervisor.pid("kafka") not in (None, first))
    own.plan.wait_for_kafka()

    assert cluster
    assert kafka_engine.cluster_id(own.places.root) == cluster


def test_a_wiped_kafka_is_another_cluster(own: Engines) -> None:
    cluster = kafka_engine.cluster_id(own.places.root)

    own.wipe_kafka()
    own.plan.wait_for_kafka()

    assert kafka_engine.cluster_id(own.places.root) not in (None, cluster)


def test_a_taken_port_moves_the_replica_set_with_its_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MONGO_URL", raising=False)
    monkeypatch.setenv("KAFKA_SERVERS", "127.0.0.1:9")
    monkeypatch.setattr("devstack.kafka_engine.answers", lambda server: True)
    with Engines(tmp_path) as engines:
        url = engines.mongo_url
        client: MongoClient[dict[str, Any]] = MongoClient(url)
        with client:
            client.proof.kept.insert_one({})

    port = int(url.split(":")[2].split("/")[0])
    with socket.socket() as taken:
        # Not listening: mongod first asks its old address whether it is itself, and would wait 30 s for an answer.
        taken.bind(("127.0.0.1", port))
        with Engines(tmp_path) as engines:
            assert engines.mongo_url != url
            assert count(engines) == 1


def test_two_sets_of_engines_run_side_by_side(own: Engines, tmp_path: Path) -> None:
    with Engines(tmp_path) as others:
        assert others.mongo_url != own.mongo_url
        assert others.kafka_servers != own.kafka_servers


def test_given_engines_are_not_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: Engines) -> None:
    monkeypatch.setenv("MONGO_URL", own.mongo_url)
    monkeypatch.setenv("KAFKA_SERVERS", own.kafka_servers)

    with Engines(tmp_path) as given:
        assert given.supervisor.names() == ()
        assert given.mongo_url == own.mongo_url
