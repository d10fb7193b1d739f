"""The services as they are put together, without contacting anything."""

import importlib
from collections.abc import Mapping
from typing import Any

import flask
import pytest

from chassis.auth import make_signing_key, write_jwks
from chassis.passwords import make_pepper
from chassis.settings import read
from devstack.places import Places
from devstack.services import GATEWAY, Addresses, environment, port_names
from tests.house.repository import REPOSITORY


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, str]]:
    """What the embedded stack gives to each service and to the gateway. Nobody listens at any of its addresses."""
    places = Places(tmp_path_factory.mktemp("stack"))
    places.make()
    make_signing_key(places.signing_key)
    write_jwks(places.public_keys, places.signing_key)
    make_pepper(places.password_pepper)
    ports = dict.fromkeys(port_names(), 1)
    nowhere = Addresses("mongodb://127.0.0.1:1/?replicaSet=none", "127.0.0.1:1", "smtp://127.0.0.1:1", ports)
    return {name: environment(name, places, nowhere) for name in (*REPOSITORY.services, GATEWAY)}


@pytest.fixture(scope="session")
def apps(environments: Mapping[str, Mapping[str, str]]) -> Mapping[str, flask.Flask]:
    """The web application of each service."""
    return {service: _app(service, environments[service]) for service in REPOSITORY.services}


def _app(service: str, environ: Mapping[str, str]) -> flask.Flask:
    built = part(service, "bootstrap").build(read(part(service, "settings").Settings, environ))
    app: flask.Flask = built.app()
    return app


@pytest.fixture(scope="session")
def gateway(environments: Mapping[str, Mapping[str, str]]) -> flask.Flask:
    bootstrap, settings = importlib.import_module("gateway.bootstrap"), importlib.import_module("gateway.settings")
    app: flask.Flask = bootstrap.build(read(settings.Settings, environments[GATEWAY]))
    return app


def part(service: str, module: str) -> Any:
    """A module of a service."""
    return importlib.import_module(f"services.{service}.{module}")
