"""A Kubernetes cluster as kubectl knows it: what is applied there, what runs, and ways to talk to it."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from devstack.client import Answer, Client
from devstack.trouble import Trouble

NAMESPACE = "tsunagu"
COMMAND_SECONDS = 900.0
FORWARD_SECONDS = 30.0
Found = TypeVar("Found")


def kubectl(*arguments: str, given: str | None = None, tolerant: bool = False) -> str:
    """What kubectl prints. Raises Trouble with its own words, unless `tolerant`, which gives what there is."""
    if not shutil.which("kubectl"):
        raise Trouble("kubectl is not installed.")
    command = ["kubectl", "--namespace", NAMESPACE, *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
    if done.returncode and not tolerant:
        said = done.stderr.strip() or done.stdout.strip()
        raise Trouble(f"kubectl {' '.join(arguments)}: {said[-2000:]}")
    return done.stdout + (done.stderr if tolerant else "")


def listed(kind: str, selector: str = "") -> list[dict[str, Any]]:
    """Objects of a kind, as Kubernetes has them now."""
    chosen = ["--selector", selector] if selector else []
    return list(json.loads(kubectl("get", kind, "--output", "json", *chosen))["items"])


def names(kind: str, selector: str = "") -> list[str]:
    return [str(one["metadata"]["name"]) for one in listed(kind, selector)]


def run_in(workload: str, *command: str) -> str:
    """What a command prints in a pod of the workload, with that pod's environment."""
    return kubectl("exec", workload, "--", *command)


def wait_for(what: str, look: Callable[[], Found], seconds: float) -> Found:
    """The first true answer of `look`. Raises Trouble that says what was waited for."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise Trouble(f"Waited {seconds:g} s in vain until {what}.")
        time.sleep(0.5)
    return found


@dataclass
class Forward:
    """A way from this machine to a Service, made anew when the pod behind it goes away. For one thread."""

    service: str
    port: int
    bearer: str = ""
    _process: "subprocess.Popen[str] | None" = field(default=None, repr=False)
    _client: Client | None = field(default=None, repr=False)

    def client(self) -> Client:
        """To the present pod."""
        if not self._client or not self._process or self._process.poll() is not None:
            self._open()
        assert self._client
        return self._client

    def insist(self, ask: Callable[[Client], Answer], seconds: float = 300.0) -> Answer:
        """The first answer that is no sign of something being away. For what may be asked twice."""

        def answer() -> Answer | None:
            try:
                found = ask(self.client())
            except Trouble:
                self.close()
                return None
            return None if found.status in (429, 502, 503, 504) else found

        return wait_for(f"{self.service} answers", answer, seconds) or Answer(0, None)

    def close(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)
        self._process = self._client = None

    def _open(self) -> None:
        self.close()
        deadline = time.monotonic() + FORWARD_SECONDS
        while not (port := self._started()):
            if time.monotonic() > deadline:
                raise Trouble(f"No way to the Service {self.service}.")
            time.sleep(0.5)
        self._client = Client(f"http://127.0.0.1:{port}", self.bearer)

    def _started(self) -> str:
        """The local port; empty when there is no pod to lead to."""
        command = ["kubectl", "--namespace", NAMESPACE, "port-forward", f"service/{self.service}", f":{self.port}"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        said = self._process.stdout.readline() if self._process.stdout else ""
        found = re.search(r"127\.0\.0\.1:(\d+)", said)
        return found[1] if found else ""


@contextmanager
def forwarded(service: str, port: int, bearer: str = "") -> Iterator[Forward]:
    """A way to a Service, closed at the end."""
    way = Forward(service, port, bearer)
    try:
        yield way
    finally:
        way.close()


def rolled_out(workloads: Sequence[str], seconds: int) -> None:
    """Returns when every named workload (`deployment/auth-web`) runs as it was last asked to."""
    for workload in workloads:
        kubectl("rollout", "status", workload, f"--timeout={seconds}s")
