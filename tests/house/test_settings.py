"""Every setting is documented, and the embedded stack gives what has no default."""

import dataclasses
import importlib
from collections.abc import Iterator, Mapping
from typing import Any

from chassis.runtime import WorkerSettings
from chassis.settings import read
from tests.house.repository import REPOSITORY, told

EVERYWHERE = {"mongo_url", "kafka_servers", "token_keys", "log_level"}


def _all() -> Iterator[tuple[str, Any]]:
    """README and Settings of each service and of the gateway."""
    for service in REPOSITORY.services:
        yield f"services/{service}/README.md", importlib.import_module(f"services.{service}.settings").Settings
    yield "gateway/README.md", importlib.import_module("gateway.settings").Settings


def test_every_setting_says_what_it_is() -> None:
    found = [
        f"{settings.__module__}.{field.name}"
        for settings in [*(settings for _, settings in _all()), WorkerSettings]
        for field in dataclasses.fields(settings)
        if not str(field.metadata.get("doc", "")).endswith((".", "?"))
    ]

    assert not found, told("Make the field with chassis.settings.variable and a sentence:", found)


def test_settings_are_frozen() -> None:
    found = [settings.__module__ for _, settings in _all() if not vars(settings)["__dataclass_params__"].frozen]

    assert not found, told("Settings are read once: make them @dataclass(frozen=True).", found)


def test_every_setting_stands_in_the_readme() -> None:
    found = [
        f"{readme}: {field.name.upper()}"
        for readme, settings in _all()
        for field in dataclasses.fields(settings)
        if field.name.upper() not in REPOSITORY.text(readme)
    ]

    assert not found, told("Add the variable, with its default, to the README's table of settings:", found)


def test_services_call_the_same_thing_by_the_same_name() -> None:
    found = [
        f"{settings.__module__}: {name.upper()}"
        for readme, settings in _all()
        for name in sorted(EVERYWHERE - {field.name for field in dataclasses.fields(settings)})
        if readme.startswith("services/")
    ]

    assert not found, told("Every service has these variables under these names:", found)


def test_secrets_are_marked() -> None:
    found = [
        f"{settings.__module__}.{field.name}"
        for _, settings in _all()
        for field in dataclasses.fields(settings)
        if field.name in ("mongo_url", "smtp_url")
        or any(part in field.name for part in ("password", "secret", "pepper"))
        if not field.metadata.get("secret")
    ]

    assert not found, told("It may hold a password: variable(..., secret=True).", found)


def test_the_embedded_stack_gives_every_setting_that_has_no_default(
    environments: Mapping[str, Mapping[str, str]],
) -> None:
    for service in REPOSITORY.services:
        read(importlib.import_module(f"services.{service}.settings").Settings, environments[service])
    read(importlib.import_module("gateway.settings").Settings, environments["gateway"])
