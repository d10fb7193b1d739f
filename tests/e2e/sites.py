"""Where the stories are played: on the embedded stack, or wherever `TSUNAGU_E2E` says.

| `TSUNAGU_E2E` | |
|---|---|
| `embedded` or nothing | our processes and the embedded engines, made for this run |
| `containers` | our processes on engines in containers: the images mongo:6.0 and apache/kafka:4.1.1 |
| `compose` | docker-compose.yml as a project of its own, with volumes and ports of its own |
| a URL | the gateway of what runs there already; `TSUNAGU_E2E_KEY` is an API key of the scope `operator`,
  `TSUNAGU_E2E_MAIL` the URL of its mail sink, `KAFKA_SERVERS` its Kafka, as seen from here |

What runs at a URL has to believe us about where visitors come from (`TRUSTED_PROXIES`), or they share one's limits.
"""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from devstack import compose, engines, seed
from devstack.client import Client, expect
from devstack.compose import Compose
from devstack.services import GATEWAY
from devstack.stack import Stack
from tests.e2e.containers import engines_in_containers

EMBEDDED, CONTAINERS, COMPOSE = "embedded", "containers", "compose"
# A line that flaps is called still after so many seconds, so that its story is short.
STILL = "10"
NAME = "stories"

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class Site:
    """A running Tsunagu. `keys` are API keys by scope; `command` runs a command of a service; `stack` is there where
    its processes are ours to end, `project` where they are containers."""

    gateway_url: str
    mail_url: str
    keys: Mapping[str, str]
    kafka_servers: str = ""
    command: Command | None = None
    stack: Stack | None = None
    project: Compose | None = None


def asked() -> str:
    return os.environ.get("TSUNAGU_E2E", "") or EMBEDDED


def described() -> str:
    """Where the stories of this run are played, for people."""
    words = {
        EMBEDDED: "the embedded stack",
        CONTAINERS: "our processes, with mongo:6.0 and apache/kafka:4.1.1 in containers",
        COMPOSE: "docker-compose.yml",
    }
    return words.get(asked(), asked())


def opened(folder: Path) -> AbstractContextManager[Site]:
    """The site that was asked for, for as long as the context lasts. Skips where the machine has no Docker engine."""
    match asked():
        case "embedded":
            return embedded(folder)
        case "containers":
            return on_containers(folder)
        case "compose":
            return in_compose(folder)
        case url if "://" in url:
            return given(url)
        case other:
            raise pytest.UsageError(f"TSUNAGU_E2E is {other!r}; say {EMBEDDED}, {CONTAINERS}, {COMPOSE} or a URL.")


@contextmanager
def embedded(folder: Path) -> Iterator[Site]:
    # The gateway believes the stories about where a visitor comes from, so that they do not share one's limits.
    extra = {GATEWAY: {"TRUSTED_PROXIES": "127.0.0.1"}, "linewatch-web": {"FLAPPING_STABLE": STILL}}
    with Stack(folder, extra=extra) as stack:
        assert stack.mail_url, "the stories read the mails of the mail sink: unset SMTP_URL"
        keys = seed.ensure_keys(stack.places, stack.addresses, stack.gateway_url, stack.mail_url)
        yield Site(stack.gateway_url, stack.mail_url, keys, stack.kafka_servers, stack.command, stack)


@contextmanager
def on_containers(folder: Path) -> Iterator[Site]:
    _need_docker()
    with engines_in_containers(folder) as where, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MONGO_URL", where.mongo_url)
        patch.setenv("KAFKA_SERVERS", ",".join(where.kafka_servers))
        with embedded(folder) as site:
            yield site


@contextmanager
def in_compose(folder: Path) -> Iterator[Site]:
    _need_docker()
    with Compose("tsunagu-stories", folder, {"FLAPPING_STABLE": STILL}) as project:
        keys = {scope: project.create_key(NAME, scope) for scope in seed.SCOPES}
        yield Site(project.gateway_url, project.mail_url, keys, project.kafka_servers, project.command, project=project)


@contextmanager
def given(url: str) -> Iterator[Site]:
    operator, mail = os.environ.get("TSUNAGU_E2E_KEY", ""), os.environ.get("TSUNAGU_E2E_MAIL", "")
    if not operator or not mail:
        raise pytest.UsageError("With a URL, TSUNAGU_E2E_KEY (an operator's API key) and TSUNAGU_E2E_MAIL are needed.")
    client = Client(url, operator)
    made = {scope: _made(client, scope) for scope in seed.SCOPES if scope != seed.OPERATOR}
    yield Site(url, mail, {**made, seed.OPERATOR: operator}, os.environ.get("KAFKA_SERVERS", ""))


def _made(operator: Client, scope: str) -> str:
    answer = expect(operator.post("/api/v1/api-keys", {"name": NAME, "scopes": [scope]}), "An API key")
    return str(answer.body["key"])


def _need_docker() -> None:
    if missing := compose.what_is_missing():
        pytest.skip(f"{described()}: {missing}")


def ends_engines(stack: Stack) -> bool:
    """Whether the engines are the stack's own."""
    return {engines.MONGOD, engines.KAFKA} <= set(stack.supervisor.names())
