"""Who attacks, and whom: a customer with every option, a neighbour, and every machine with a key that was stolen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from chassis.testing import eventually
from devstack import seed
from devstack.client import Client
from tests.e2e import interface
from tests.e2e.customer import API, Customer
from tests.e2e.interface import Operation

OPTIONS = ["voicewarp", "incoming-mail", "fax-mail"]


@pytest.fixture(scope="session")
def operations(stack_url: str) -> list[Operation]:
    return interface.operations(stack_url)


@pytest.fixture(scope="session")
def full_customer(new_customer: Callable[[], Customer]) -> Callable[[], Customer]:
    """Makes customers with every option of every number, known to every service."""

    def make() -> Customer:
        customer = new_customer()
        numbers = {customer.number: OPTIONS, customer.second_number: OPTIONS}
        customer.register(numbers, ["bulk-forward", "fault-notice"])
        paths = [f"{API}/numbers/{number}/{option}" for number in numbers for option in OPTIONS]
        eventually(lambda: all(customer.operator.get(path).status == 200 for path in paths), within=60)
        return customer

    return make


@pytest.fixture(scope="module")
def victim(full_customer: Callable[[], Customer]) -> Customer:
    return full_customer()


@dataclass(frozen=True)
class Bearers:
    """What has to be shown to be let in to an operation: the rest of its defence is what is tried."""

    customer: Client
    keys: Mapping[str, str]

    def of(self, operation: Operation) -> str:
        policy, _, scopes = operation.policy.partition("|")[0].partition(":")
        match policy:
            case "public":
                return ""
            case "scopes":
                return self.keys[scopes.split(",")[0]]
            case "customer" | "customer-even-restricted":
                return self.customer.bearer
            case _:
                return self.keys[seed.OPERATOR]


@pytest.fixture(scope="module")
def bearers(victim: Customer, keys: Mapping[str, str]) -> Bearers:
    return Bearers(victim.at_home("line"), keys)
