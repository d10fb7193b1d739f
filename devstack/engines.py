"""MongoDB and Kafka for whoever needs them: embedded ones, or those that `MONGO_URL` and `KAFKA_SERVERS` name."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from devstack import kafka_engine, kafka_jars, mongo_engine, ports
from devstack.places import Places
from devstack.supervisor import Process, Supervisor

MONGOD, KAFKA = "mongod", "kafka"
READY_SECONDS = 60.0


class EnginePlan:
    """Where the engines of a stack are and which of them are its own. Makes folders and files, starts nothing.

    `mongo_url` and `kafka_servers` are fixed from here on, over all restarts.
    """

    def __init__(self, places: Places, allotted: dict[str, int]) -> None:
        self._places = places
        self._mongo_port, self._kafka_port = allotted[MONGOD], allotted[KAFKA]
        self._controller_port = allotted["kafka-controller"]
        given = os.environ
        self.mongo_is_ours = not given.get("MONGO_URL")
        self.kafka_is_ours = not given.get("KAFKA_SERVERS")
        self.mongo_url = given.get("MONGO_URL") or mongo_engine.url(self._mongo_port)
        self.kafka_servers = given.get("KAFKA_SERVERS") or f"127.0.0.1:{self._kafka_port}"

    def processes(self) -> list[Process]:
        ours: list[Process] = []
        if self.mongo_is_ours:
            ours.append(mongo_engine.process(self._places.root, self._places.mongo_data, self._mongo_port))
        if self.kafka_is_ours:
            ours.append(kafka_engine.process(self._places.root, self._kafka_port, self._controller_port))
        return ours

    def wait_for_mongo(self) -> None:
        if self.mongo_is_ours:
            mongo_engine.wait_for_primary(self._mongo_port, READY_SECONDS)

    def wait_for_kafka(self) -> None:
        kafka_engine.wait_until_it_answers(self.kafka_servers.split(",")[0], READY_SECONDS)


PORT_NAMES = (MONGOD, KAFKA, "kafka-controller")


def prepare(say: Callable[[str], None] = lambda line: None) -> None:
    """Fetches and installs what the embedded engines need; nothing for an engine that is given. Raises Trouble."""
    if not os.environ.get("MONGO_URL"):
        mongo_engine.need_libraries(say)
    if not os.environ.get("KAFKA_SERVERS"):
        kafka_jars.prepare(say)


class Engines:
    """`with Engines(root) as engines:` runs both engines; on leaving they end, their data stays under `root`.

    Several at once in different folders are fine. `kill`, `hold`, `release` and `pid` are the supervisor's.
    """

    def __init__(self, root: Path, say: Callable[[str], None] = lambda line: None) -> None:
        self.places = Places(root.resolve())
        self._say = say
        self._supervisor: Supervisor | None = None
        self._plan: EnginePlan | None = None

    @property
    def mongo_url(self) -> str:
        return self.plan.mongo_url

    @property
    def kafka_servers(self) -> str:
        return self.plan.kafka_servers

    @property
    def plan(self) -> EnginePlan:
        if self._plan is None:
            raise RuntimeError("start() was not called")
        return self._plan

    @property
    def supervisor(self) -> Supervisor:
        if self._supervisor is None:
            raise RuntimeError("start() was not called")
        return self._supervisor

    def start(self) -> Self:
        """Returns when both take requests. Raises Trouble."""
        self.places.make()
        prepare(self._say)
        self._plan = EnginePlan(self.places, ports.allot(PORT_NAMES, self.places.ports))
        self._supervisor = Supervisor(self.places.logs, self._say)
        try:
            self._supervisor.start(*self._plan.processes())
            self._plan.wait_for_mongo()
            self._plan.wait_for_kafka()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        if self._supervisor:
            self._supervisor.close()

    def wipe_kafka(self) -> None:
        """Kafka dies by SIGKILL, loses all of its data and comes back formatted anew with another cluster id."""
        wipe_kafka(self.supervisor, self.places)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def wipe_kafka(supervisor: Supervisor, places: Places) -> None:

    supervisor.hold(KAFKA)
    supervisor.kill(KAFKA)
    while supervisor.pid(KAFKA) is not None:
        time.sleep(0.02)
    shutil.rmtree(places.kafka_data)
    supervisor.release(KAFKA)
