"""The engines as their makers' images have them, in containers of this run alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testcontainers.core.container import DockerContainer

from conftest import Addresses
from devstack import kafka_engine, mongo_engine, ports

MONGO, KAFKA = "mongo:6.0", "apache/kafka:4.1.1"
# It writes into its configuration and into copies of it, which an image may hold as files that nobody may write.
KAFKA_COMMAND = ["bash", "-c", "chmod -R u+w /etc/kafka/docker /opt/kafka/config && exec /etc/kafka/docker/run"]
READY_SECONDS = 120.0


@contextmanager
def engines_in_containers(folder: Path) -> Iterator[Addresses]:
    """Both, ready. Each listens on the same port inside and outside, because each tells its clients where it is."""
    mongo_port, kafka_port = ports.allot(["mongo", "kafka"], folder / "container-ports.json").values()
    with mongo(mongo_port), kafka(kafka_port):
        mongo_engine.wait_for_primary(mongo_port, READY_SECONDS)
        servers = f"127.0.0.1:{kafka_port}"
        kafka_engine.wait_until_it_answers(servers, READY_SECONDS)
        yield Addresses(mongo_engine.url(mongo_port), (servers,))


def mongo(port: int) -> DockerContainer:
    """A replica set of one, which nobody has initiated yet."""
    command = f"mongod --replSet {mongo_engine.REPLICA_SET} --bind_ip_all --port {port} --wiredTigerCacheSizeGB 0.5"
    return _bound(DockerContainer(MONGO).with_command(command), port)


def kafka(port: int) -> DockerContainer:
    """A broker that is its own controller."""
    settings = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": f"PLAINTEXT://:{port},CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_HEAP_OPTS": "-Xms256m -Xmx512m",
    }
    return _bound(DockerContainer(KAFKA).with_envs(**settings).with_command(KAFKA_COMMAND), port)


def _bound(container: DockerContainer, port: int) -> DockerContainer:
    """Reachable from this machine alone; the library's own way of binding a port knows no address."""
    container.ports[str(port)] = ("127.0.0.1", port)  # type: ignore[assignment]
    return container
