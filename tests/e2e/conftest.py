"""The stack that the stories are played on: one for the whole run, made of the embedded engines."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack import seed
from devstack.client import Client
from devstack.stack import Stack
from tests.e2e.customer import Customer

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture(scope="session")
def keys(stack: Stack) -> dict[str, str]:
    return seed.ensure_keys(stack.places, stack.addresses, stack.gateway_url, stack.mail_url)


@pytest.fixture
def operator(stack: Stack, keys: dict[str, str]) -> Client:
    return Client(stack.gateway_url, keys[seed.OPERATOR])


@pytest.fixture
def monitor(stack: Stack, keys: dict[str, str]) -> Client:
    return Client(stack.gateway_url, keys[seed.LINE_EVENTS])


@pytest.fixture
def new_customer(stack: Stack, operator: Client, monitor: Client) -> Callable[[], Customer]:
    """Makes customers with everything set up."""
    assert stack.mail_url
    mail = Client(stack.mail_url)
    return lambda: Customer(operator, monitor, mail).sign()


@pytest.fixture
def customer(new_customer: Callable[[], Customer]) -> Customer:
    return new_customer()


@pytest.fixture
def stack_url(stack: Stack) -> str:
    return stack.gateway_url
