"""Who attacks, and whom: a customer with every option, a neighbour, and every machine with a key that was stolen.

A run of all attacks leaves its result where the results of benches are.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from chassis.testing import eventually
from devstack import seed
from devstack.client import Client
from devstack.results import Result, at_most, count, write
from tests.e2e import interface
from tests.e2e.customer import API, Customer
from tests.e2e.interface import Operation

OPTIONS = ["voicewarp", "incoming-mail", "fax-mail"]
HERE = Path(__file__).parent
Outcome = Literal["passed", "failed", "skipped"]
OUTCOME = pytest.StashKey[Outcome]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" or report.outcome != "passed":
        item.stash[OUTCOME] = report.outcome
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    ours = [item for item in session.items if HERE in item.path.parents]
    if {item.path for item in ours} == {*HERE.glob("test_*.py")} and not session.config.option.keyword:
        write(result_of({item: item.stash.get(OUTCOME, "skipped") for item in ours}))


def result_of(outcomes: Mapping[pytest.Item, Outcome]) -> Result:
    tried = {number for item in outcomes for mark in item.iter_markers("attack") for number in mark.args}
    held = {word: sum(outcome == word for outcome in outcomes.values()) for word in ("passed", "failed", "skipped")}
    figures = {
        "attacks of the list that are tried on a running stack": count("attacks", "tried", len(tried)),
        "tests of them": count("tests", "passed", held["passed"], note=f"{held['skipped']} skipped"),
        "attacks that get through": count("tests", "failed", held["failed"], goal=at_most(0)),
    }
    failed = [item.nodeid for item, outcome in outcomes.items() if outcome == "failed"]
    return Result(
        "attacks",
        "Whatever is tried on a running stack fails, and breaks nothing.",
        "./tsunagu test attacks",
        figures,
        not failed,
        (*failed, "docs/attacks.md says what holds each attack of the list, and which do not apply."),
    )


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
