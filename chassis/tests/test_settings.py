from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from chassis.settings import SettingsError, read, variable

NOWHERE = Path("keys.json")
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Example:
    mongo_url: str = variable("Where the store is.", secret=True)
    tries: int = variable("How often.")
    factor: float = variable("How much.", default=1.5)
    loud: bool = variable("Whether to shout.", default=False)
    keys: Path = variable("Where the keys are.", default=NOWHERE)
    servers: tuple[str, ...] = variable("Whom to ask.", default=())
    patience: timedelta = variable("How long to wait, in seconds.", default=SECOND)


def test_every_type_is_read() -> None:
    environ = {
        "MONGO_URL": "mongodb://a",
        "TRIES": "3",
        "FACTOR": "0.5",
        "LOUD": "true",
        "KEYS": "/k",
        "SERVERS": "a:1, b:2",
        "PATIENCE": "2.5",
    }

    settings = read(Example, environ)

    assert settings == Example("mongodb://a", 3, 0.5, True, Path("/k"), ("a:1", "b:2"), timedelta(seconds=2.5))


def test_defaults_hold_where_nothing_is_set() -> None:
    assert read(Example, {"MONGO_URL": "m", "TRIES": "1", "FACTOR": ""}).factor == 1.5


def test_all_problems_are_listed_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read(Example, {"TRIES": "many", "LOUD": "maybe", "PATIENCE": "soon"})

    assert caught.value.problems == [
        "MONGO_URL is missing: Where the store is.",
        "TRIES must be a whole number, not 'many'",
        "LOUD must be true or false, not 'maybe'",
        "PATIENCE must be a number of seconds, not 'soon'",
    ]


@dataclass(frozen=True)
class Secret:
    pin: int = variable("A secret number.", secret=True)


def test_a_secret_is_never_shown() -> None:
    with pytest.raises(SettingsError) as caught:
        read(Secret, {"PIN": "hunter2"})

    assert "hunter2" not in str(caught.value)
    assert "1234" not in repr(Secret(1234))
