"""The stack in containers: docker-compose.yml as a project of its own, with ports and volumes that nobody else uses."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from devstack import ports, services
from devstack.places import REPOSITORY
from devstack.trouble import Trouble

BASE_IMAGE = "python:3.11-slim-bookworm"
PORTS = {"gateway": "TSUNAGU_PORT", "mail": "TSUNAGU_MAIL_PORT", "kafka": "TSUNAGU_KAFKA_PORT"}
# Images of seven services on a machine that has none of their libraries yet.
BUILD_SECONDS = 3600.0
UP_SECONDS = 600.0
COMMAND_SECONDS = 120.0


def what_is_missing() -> str:
    """Why nothing can run in containers here; empty when it can."""
    if not shutil.which("docker"):
        return "docker is not installed"
    if _docker("info", "--format", "{{.ServerVersion}}").returncode:
        return "no Docker engine answers"
    return "" if _docker("compose", "version").returncode == 0 else "docker compose is not installed"


def image_bytes(image: str) -> int:
    """The size of an image with all of its layers. Raises Trouble when there is none."""
    return int(_expected(_docker("image", "inspect", image, "--format", "{{.Size}}"), image).stdout)


def parts() -> tuple[str, ...]:
    """The containers that keep running, engines first."""
    ours = [name for one in services.SERVICES for name in (services.web(one), *_tasks(one))]
    return ("mongo", "kafka", *ours, services.GATEWAY, services.MAIL)


def _tasks(service: str) -> list[str]:
    return [services.worker(service, task) for task in services.tasks(service)]


class Compose:
    """One project of docker-compose.yml. `with Compose(...) as project:` builds the images, waits until all is healthy,
    and removes all of it in the end, volumes too; images stay.

    `variables` are those that docker-compose.yml takes from the environment. Raises Trouble with docker's own words.
    """

    def __init__(self, project: str, folder: Path, variables: Mapping[str, str]) -> None:
        self._project = project
        self._ports = ports.allot(PORTS, folder / "compose-ports.json")
        self._variables = {**variables, **{name: str(self._ports[part]) for part, name in PORTS.items()}}

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self._ports['gateway']}"

    @property
    def mail_url(self) -> str:
        return f"http://127.0.0.1:{self._ports['mail']}"

    @property
    def kafka_servers(self) -> str:
        return f"127.0.0.1:{self._ports['kafka']}"

    def up(self) -> None:
        self._need("build", seconds=BUILD_SECONDS)
        self._need("create")
        # What comes from this machine through a published port comes from the network's gateway: it is to be believed
        # about where its callers are.
        self._variables["TRUSTED_PROXIES"] = self._network_gateway()
        self.wait()

    def wait(self) -> None:
        """Until every container is healthy."""
        self._need("up", "--detach", "--wait", seconds=UP_SECONDS)

    def down(self) -> None:
        self._need("down", "--volumes", "--timeout", "20")

    def restart(self, part: str) -> None:
        """SIGTERM to what runs in the container, and the same container again. Returns when that was started."""
        self._need("restart", part)

    def command(self, service: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`python -m chassis <service> <arguments>` in the container of the service's web process."""
        inside = ("exec", "-T", services.web(service), "python", "-m", "chassis", service, *arguments)
        return self._run(*inside, seconds=COMMAND_SECONDS)

    def create_key(self, name: str, scope: str) -> str:
        made = self.command("auth", "api-key", "create", name, "--scope", scope)
        return _expected(made, "The API key").stdout.strip()

    def stop(self, part: str) -> None:
        self._need("stop", part)

    def start(self, part: str) -> None:
        """As docker does it, without a look at what the part depends on. Returns before it is ready."""
        _expected(_docker("start", f"{self._project}-{part}-1"), part)

    def is_ready(self, part: str, port: str) -> bool:
        """What its health check would say now."""
        return _docker("exec", f"{self._project}-{part}-1", "/app/ready", port).returncode == 0

    def __enter__(self) -> Self:
        try:
            self.up()
        except BaseException:
            self._run("down", "--volumes")
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def _network_gateway(self) -> str:
        network, said = f"{self._project}_web", "{{(index .IPAM.Config 0).Gateway}}"
        return _expected(_docker("network", "inspect", network, "--format", said), network).stdout.strip()

    def _need(self, *arguments: str, seconds: float = COMMAND_SECONDS) -> None:
        _expected(self._run(*arguments, seconds=seconds), f"docker compose {arguments[0]}")

    def _run(self, *arguments: str, seconds: float = COMMAND_SECONDS) -> "subprocess.CompletedProcess[str]":
        command = ("compose", "--project-name", self._project, "--progress", "plain", *arguments)
        return _docker(*command, variables=self._variables, seconds=seconds)


def _docker(
    *arguments: str, variables: Mapping[str, str] | None = None, seconds: float = 60.0
) -> "subprocess.CompletedProcess[str]":
    command: Sequence[str] = ("docker", *arguments)
    environment = os.environ | dict(variables or {})
    return subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=seconds, check=False
    )


def _expected(done: "subprocess.CompletedProcess[str]", what: str) -> "subprocess.CompletedProcess[str]":
    if done.returncode:
        raise Trouble(f"{what} failed: {(done.stderr.strip() or done.stdout.strip())[-2000:]}")
    return done
