"""The door, on stand-ins."""

from typing import Any

import pytest

from services.auth.settings import Settings
from services.auth.tests.door import Door


@pytest.fixture
def settings(keys: Any) -> Settings:
    return Settings("mongodb://127.0.0.1:1/", ("127.0.0.1:1",), keys.public, keys.signing, keys.pepper)


@pytest.fixture
def door(settings: Settings, keys: Any) -> Door:
    return Door(settings, keys.caller)
