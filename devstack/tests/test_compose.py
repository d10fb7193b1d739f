"""docker-compose.yml: every process is there, hardened, and gets what it needs."""

import importlib
import re
from typing import Any

import pytest
import yaml

from chassis.settings import read
from devstack import compose, services
from devstack.places import REPOSITORY

FILE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))
CONTAINERS: dict[str, dict[str, Any]] = FILE["services"]
ONCE = {"keys", "replica-set", *(f"{service}-prepare" for service in services.SERVICES)}
PROFILED = {name for name, container in CONTAINERS.items() if container.get("profiles")}


def given(part: str) -> dict[str, str]:
    """A container's environment where the operator sets nothing."""
    return {name: plain(str(value)) for name, value in CONTAINERS[part].get("environment", {}).items()}


def plain(value: str) -> str:
    """With the defaults of its variables; a default may have variables too."""
    inner = re.sub(r"\$\{\w+(?::-([^${}]*))?\}", r"\1", value)
    return value if inner == value else plain(inner)


def test_every_process_has_a_container() -> None:
    assert set(CONTAINERS) - PROFILED == ONCE | set(compose.parts())


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_can_change_nothing_but_its_volumes(name: str) -> None:
    container = CONTAINERS[name]

    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in container["security_opt"]
    assert not {"privileged", "cap_add", "network_mode", "pid"} & container.keys()


@pytest.mark.parametrize("name", CONTAINERS)
def test_an_image_is_named_with_its_version(name: str) -> None:
    _, _, version = CONTAINERS[name]["image"].rpartition("/")[2].partition(":")

    assert version
    assert version != "latest"


def test_nothing_listens_to_other_machines() -> None:
    ports = [port for container in CONTAINERS.values() for port in container.get("ports", ())]

    assert ports
    assert all(str(port).startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", compose.parts())
def test_what_keeps_running_says_how_it_is(name: str) -> None:
    assert CONTAINERS[name]["healthcheck"]["test"][0] == "CMD"
    assert CONTAINERS[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("service", services.SERVICES)
def test_a_service_begins_when_its_indexes_and_topics_are_there(service: str) -> None:
    parts = [name for name in compose.parts() if name.startswith(f"{service}-")]

    assert len(parts) == 1 + len(services.tasks(service))
    for part in parts:
        assert CONTAINERS[part]["depends_on"] == {f"{service}-prepare": {"condition": "service_completed_successfully"}}


@pytest.mark.parametrize("service", [*services.SERVICES, services.GATEWAY])
def test_a_container_gets_every_setting_that_has_no_default(service: str) -> None:
    gateway = service == services.GATEWAY
    module = "gateway.settings" if gateway else f"services.{service}.settings"

    read(importlib.import_module(module).Settings, given(service if gateway else services.web(service)))


@pytest.mark.parametrize("service", [*services.SERVICES, services.GATEWAY])
def test_a_web_process_has_as_many_threads_as_in_the_embedded_stack(service: str) -> None:
    part = service if service == services.GATEWAY else services.web(service)

    assert int(given(part).get("WEB_THREADS", services.FEW_WEB_THREADS)) == services.WEB_THREADS.get(
        service, services.FEW_WEB_THREADS
    )


def test_only_those_who_need_a_secret_can_read_it() -> None:
    def readers(volume: str) -> set[str]:
        mounts = {name: container.get("volumes", ()) for name, container in CONTAINERS.items()}
        return {name.split("-")[0] for name, its in mounts.items() if any(str(one).startswith(volume) for one in its)}

    assert readers("signing-key:") == {"keys", "auth"}
    assert readers("pepper:") == {"keys", "auth", "ivr"}
