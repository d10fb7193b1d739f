"""The whole system as one object: engines, mail sink, services, gateway. `./tsunagu up` gives it a terminal."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, Self, TypeVar

import urllib3

from chassis.auth import make_signing_key, write_jwks
from chassis.passwords import make_pepper
from devstack import engines, ports, running, services
from devstack.places import REPOSITORY, Places
from devstack.services import GATEWAY, MAIL, Addresses
from devstack.supervisor import Process, Supervisor
from devstack.trouble import Trouble

READY_SECONDS = 90.0
PORT_SECONDS = 3.0  # A gateway whose supervisor was killed keeps its port for a moment.
TOO_MANY_DEATHS = 4
COMMAND_SECONDS = 60.0


def _silent(line: str) -> None:
    return


class Stack:
    """One stack with all of its data under `root`; `gateway_port` 0 takes any free one. Use from any thread.

    Several at once in different folders are fine, in one process or in many; two in one folder are not (Trouble).
    Ports stay the same over restarts of processes. Children belong to a thread of the stack's own, so the thread
    that called `start` may end; they die when this process dies, however it dies.
    `extra` adds variables to the environment of single processes, by process name.
    `MONGO_URL`, `KAFKA_SERVERS` and `SMTP_URL` of the environment are used where given; then that engine is not ours.
    """

    def __init__(
        self,
        root: Path,
        gateway_port: int = 0,
        say: Callable[[str], None] = _silent,
        extra: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.places = Places(root.resolve())
        self._port = gateway_port
        self._say = say
        self._extra = dict(extra or {})
        self._lock: IO[str] | None = None
        self._supervisor: Supervisor | None = None
        self._plan: engines.EnginePlan | None = None
        self._addresses: Addresses | None = None

    @property
    def supervisor(self) -> Supervisor:
        return _started(self._supervisor)

    @property
    def addresses(self) -> Addresses:
        return _started(self._addresses)

    @property
    def gateway_url(self) -> str:
        return self.addresses.url(GATEWAY)

    @property
    def mail_url(self) -> str | None:
        """Of the mail sink; None when `SMTP_URL` was given."""
        return self.addresses.url(MAIL) if MAIL in self.supervisor.names() else None

    @property
    def mongo_url(self) -> str:
        return self.addresses.mongo_url

    @property
    def kafka_servers(self) -> str:
        return self.addresses.kafka_servers

    def start(self) -> Self:
        """Returns when every process is ready. Raises Trouble, with nothing left running."""
        self.places.make()
        self._lock = running.lock(self.places)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Services end first, then the engines. Safe to call twice, or on a stack that never started."""
        if self._supervisor:
            inner = [name for name in self._supervisor.names() if name not in (engines.MONGOD, engines.KAFKA, MAIL)]
            self._supervisor.stop(*inner)
            self._supervisor.close()
        self.places.run.unlink(missing_ok=True)
        if self._lock:
            self._lock.close()
            self._lock = None

    def pid(self, name: str) -> int | None:
        return self.supervisor.pid(name)

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """Sends the signal to the process (gunicorn's workers go with a killed master) and returns its pid."""
        return self.supervisor.kill(name, number)

    def hold(self, name: str) -> None:
        """Not started again from now on, until `release`."""
        self.supervisor.hold(name)

    def release(self, name: str) -> None:
        self.supervisor.release(name)

    def wipe_kafka(self) -> None:
        """Kafka dies by SIGKILL, loses all of its data and comes back with another cluster id."""
        engines.wipe_kafka(self.supervisor, self.places)

    def command(self, service: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`python -m chassis <service> <arguments>` with this stack's environment; output is captured."""
        return run_command(self.places, self.addresses, service, arguments)

    def wait_ready(self, *names: str, seconds: float = READY_SECONDS) -> None:
        """Until these (all, when none is named) answer /health/ready with 200. Raises Trouble with the log's end."""
        waiting = [name for name in names or self.supervisor.names() if name in self._health()]
        deadline = time.monotonic() + seconds
        with urllib3.PoolManager(timeout=2.0, retries=False) as pool:
            while waiting := [name for name in waiting if not _is_ready(pool, self._health()[name])]:
                self._give_up_on(waiting, time.monotonic() > deadline)
                time.sleep(0.05)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self) -> None:
        if self._port:
            _need_port(self._port)
        engines.prepare(self._say)
        self._choose_addresses()
        make_signing_key(self.places.signing_key)
        write_jwks(self.places.public_keys, self.places.signing_key)
        make_pepper(self.places.password_pepper)
        self._supervisor = Supervisor(self.places.logs, self._say_death, self._write_run)
        self._launch(*self._engine_processes(), *services.web_processes(self.places, self.addresses))
        plan = _started(self._plan)
        with ThreadPoolExecutor(2) as together:
            for done in (together.submit(plan.wait_for_mongo), together.submit(self._start_workers, plan)):
                done.result()
        self.wait_ready()

    def _choose_addresses(self) -> None:
        allotted = ports.allot(services.port_names(), self.places.ports)
        if self._port:
            allotted[GATEWAY] = self._port
        self._plan = engines.EnginePlan(self.places, allotted)
        smtp_url = os.environ.get("SMTP_URL") or f"smtp://127.0.0.1:{allotted['mail-smtp']}"
        self._addresses = Addresses(self._plan.mongo_url, self._plan.kafka_servers, smtp_url, allotted)

    def _engine_processes(self) -> list[Process]:
        sink = [] if os.environ.get("SMTP_URL") else [services.mail_process(self.places, self.addresses)]
        return [*_started(self._plan).processes(), *sink]

    def _start_workers(self, plan: engines.EnginePlan) -> None:
        plan.wait_for_kafka()
        self._launch(*services.worker_processes(self.places, self.addresses))

    def _launch(self, *processes: Process) -> None:
        self.supervisor.start(
            *(
                replace(process, environment={**process.environment, **self._extra.get(process.name, {})})
                for process in processes
            )
        )

    def _health(self) -> dict[str, str]:
        engine_ports = set(engines.PORT_NAMES) | {"mail-smtp"}
        names = [name for name in self.addresses.ports if name not in engine_ports and name in self.supervisor.names()]
        return {name: f"{self.addresses.url(name)}/health/ready" for name in names}

    def _give_up_on(self, waiting: Sequence[str], late: bool) -> None:
        hopeless = [name for name in waiting if self.supervisor.deaths(name) >= TOO_MANY_DEATHS]
        for name in hopeless or (waiting[:1] if late else ()):
            log = self.supervisor.log(name)
            raise Trouble(f"{name} does not become ready; {log} ends with: {_last_line(log)}")

    def _say_death(self, line: str) -> None:
        self._say(line)
        if shutil.disk_usage(self.places.root).free < 50_000_000:
            self._say(f"The disk of {self.places.root} is full; free some space, everything then goes on by itself.")

    def _write_run(self) -> None:
        pids = {name: self.supervisor.pid(name) or 0 for name in self.supervisor.names()} if self._supervisor else {}
        data = {"mongod": self.places.mongo_data, "kafka": self.places.kafka_data, "mail": self.places.mails}
        folders = {name: str(folder) for name, folder in data.items() if name in pids}
        mail_url = self.addresses.url(MAIL) if MAIL in pids else None
        state = running.Running(os.getpid(), self.gateway_url, mail_url, self.addresses, folders, pids)
        try:
            running.write(self.places, state)
        except OSError as error:
            self._say(f"{self.places.run} cannot be written: {error.strerror}.")


def run_command(
    places: Places, addresses: Addresses, service: str, arguments: Sequence[str], seconds: float = COMMAND_SECONDS
) -> subprocess.CompletedProcess[str]:
    """`python -m chassis <service> <arguments>` against the stack that lives there; output is captured."""
    return subprocess.run(
        [sys.executable, "-m", "chassis", service, *arguments],
        env=services.environment(service, places, addresses),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


T = TypeVar("T")


def _started(value: T | None) -> T:
    if value is None:
        raise RuntimeError("The stack was not started.")
    return value


def _need_port(port: int) -> None:
    deadline = time.monotonic() + PORT_SECONDS
    while not ports.is_free(port):
        if time.monotonic() > deadline:
            raise Trouble(
                f"Port {port} of 127.0.0.1 is in use by another program; "
                f"end that, or choose another port: --port {port + 1}."
            )
        time.sleep(0.1)


def _is_ready(pool: urllib3.PoolManager, url: str) -> bool:
    try:
        return pool.request("GET", url).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1][:400] if lines else "(nothing)"
