"""What the tests of routes share: the application on stand-ins, with the guide's contract and one beside it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from chassis.consumer import Intake
from chassis.messages import Codec
from chassis.testing import deliver, recorded
from chassis.views import Views
from contracts import events_of
from services.linewatch.adapters import MemoryRefusals, MemorySources
from services.linewatch.bootstrap import CODEC, HEARD, NAME, build
from services.linewatch.settings import Settings
from services.linewatch.tests.examples import CONTRACT_IMPORTED, NUMBER
from services.linewatch.tests.stand_ins import MemoryContracts, MemoryOwn

ELSEWHERE = "0720001111"


@pytest.fixture
def store(watched_store: Callable[[Codec], Any]) -> Any:
    return watched_store(CODEC)


@pytest.fixture
def contracts() -> MemoryContracts:
    contracts = MemoryContracts()
    other = replace(CONTRACT_IMPORTED.contract, contract_number=ELSEWHERE, circuit="C-7", numbers={ELSEWHERE: ()})
    hear(contracts, CONTRACT_IMPORTED, NUMBER, 1)
    hear(contracts, replace(CONTRACT_IMPORTED, contract=other), ELSEWHERE, 1)
    return contracts


def hear(contracts: MemoryContracts, event: object, contract_number: str, revision: int) -> None:
    intake = Intake(NAME, Codec(events_of(*HEARD)), {}, cast(Views, contracts))
    deliver(intake, recorded(event, f"contract-{contract_number}", revision))


@pytest.fixture
def sources() -> MemorySources:
    return MemorySources()


@pytest.fixture
def refusals() -> MemoryRefusals:
    return MemoryRefusals()


@pytest.fixture
def client_with(
    store: Any, contracts: MemoryContracts, sources: MemorySources, refusals: MemoryRefusals, keys: Any
) -> Callable[..., Any]:
    """A client of the application with these settings of a test's own."""

    def make(**own: Any) -> Any:
        settings = Settings(
            "mongodb://127.0.0.1:1/", ("127.0.0.1:1",), keys.public, **{"recovery_hold": timedelta(0), **own}
        )
        parts: dict[str, Any] = {"sources": sources, "refusals": refusals, "own_views": MemoryOwn(store)}
        return build(settings, store=store, views=cast(Views, contracts), **parts).app().test_client()

    return make


@pytest.fixture
def client(client_with: Callable[..., Any]) -> Any:
    """A FlaskClient, whose answers' `json` the type checker takes for optional."""
    return client_with()
