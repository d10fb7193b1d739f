"""The table of processes and what each gets."""

from pathlib import Path

import pytest

from devstack import services
from devstack.places import Places
from devstack.services import Addresses
from gateway.routes import MOST_HASHING
from gateway.upstream import KEPT_CONNECTIONS


@pytest.fixture
def addresses() -> Addresses:
    ports = {name: 20_000 + number for number, name in enumerate(services.port_names())}
    return Addresses("mongodb://127.0.0.1:1/", "127.0.0.1:2", "smtp://127.0.0.1:3", ports)


def test_every_service_has_a_web_process_a_worker_and_what_it_keeps_aside(tmp_path: Path, addresses: Addresses) -> None:
    places = Places(tmp_path)

    processes = services.web_processes(places, addresses) + services.worker_processes(places, addresses)

    own = {f"{name}-{kind}" for name in services.SERVICES for kind in ("web", "worker")}
    aside = {f"{name}-{task}" for name, tasks in services.ASIDE.items() for task in tasks}
    assert {process.name for process in processes} == own | aside | {"gateway"}


def test_every_process_has_a_port_of_its_own() -> None:
    names = services.port_names()

    assert len(set(names)) == len(names)


def test_logins_leave_threads_to_others(tmp_path: Path, addresses: Addresses) -> None:
    threads = {
        process.name: int(process.environment["WEB_THREADS"])
        for process in services.web_processes(Places(tmp_path), addresses)
    }

    assert min(threads["gateway"], threads["auth-web"]) > MOST_HASHING
    assert services.HASHING_WAITING + services.HASHING_THREADS >= MOST_HASHING, "who is let in is answered"
    assert threads["gateway"] <= KEPT_CONNECTIONS


def test_only_auth_gets_the_signing_key(tmp_path: Path, addresses: Addresses) -> None:
    having = [
        name
        for name in (*services.SERVICES, services.GATEWAY)
        if "TOKEN_SIGNING_KEY" in services.environment(name, Places(tmp_path), addresses)
    ]

    assert having == ["auth"]


def test_the_gateway_is_told_where_every_service_is(tmp_path: Path, addresses: Addresses) -> None:
    environment = services.environment(services.GATEWAY, Places(tmp_path), addresses)

    assert all(environment[f"{name.upper()}_URL"] == addresses.url(f"{name}-web") for name in services.SERVICES)
