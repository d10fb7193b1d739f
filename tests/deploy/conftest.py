"""Each overlay is built once a run."""

import pytest

from tests.deploy.manifests import OVERLAYS, Overlay, built


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> Overlay:
    return built(request.param)


@pytest.fixture
def dev() -> Overlay:
    return built("dev")


@pytest.fixture
def prod() -> Overlay:
    return built("prod")
