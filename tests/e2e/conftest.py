"""The stack that the stories are played on: one for the whole run, made of the embedded engines."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack import seed
from devstack.client import Client
from devstack.services import GATEWAY
from devstack.stack import Stack
from tests.e2e.customer import Customer

HERE = Path(__file__).parent
SCOPES = ("line-events", "calls", "ivr", "faxes", "operator")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    # The gateway believes the stories about where a visitor comes from, so that they do not share one's limits.
    extra = {GATEWAY: {"TRUSTED_PROXIES": "127.0.0.1"}, "linewatch-web": {"FLAPPING_STABLE": "10"}}
    with Stack(tmp_path_factory.mktemp("stack"), extra=extra) as stack:
        yield stack


@pytest.fixture(scope="session")
def keys(stack: Stack) -> dict[str, str]:
    """API keys by scope."""
    made = seed.ensure_keys(stack.places, stack.addresses, stack.gateway_url, stack.mail_url)
    return {scope: made.get(scope) or _key(stack, scope) for scope in SCOPES}


def _key(stack: Stack, scope: str) -> str:
    return seed.create_key(stack.places, stack.addresses, f"stories-{scope}", (scope,))


@pytest.fixture(scope="session")
def operator(stack: Stack, keys: dict[str, str]) -> Client:
    return Client(stack.gateway_url, keys[seed.OPERATOR])


@pytest.fixture(scope="session")
def monitor(stack: Stack, keys: dict[str, str]) -> Client:
    return Client(stack.gateway_url, keys[seed.LINE_EVENTS])


@pytest.fixture(scope="session")
def unsigned(stack: Stack, keys: dict[str, str], operator: Client, monitor: Client) -> Callable[[], Customer]:
    """Makes customers of whom no service knows yet."""
    assert stack.mail_url
    mail, telephone = Client(stack.mail_url), Client(stack.gateway_url, keys["ivr"])
    return lambda: Customer(operator, monitor, mail, telephone, stack.gateway_url)


@pytest.fixture(scope="session")
def new_customer(unsigned: Callable[[], Customer]) -> Callable[[], Customer]:
    """Makes customers with everything set up."""
    return lambda: unsigned().sign()


@pytest.fixture
def customer(new_customer: Callable[[], Customer]) -> Customer:
    return new_customer()


@pytest.fixture(scope="session")
def stack_url(stack: Stack) -> str:
    return stack.gateway_url
