"""Where the stories are played, and who takes part in them. `tests/e2e/sites.py` says what may be chosen."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from devstack import seed
from devstack.client import Client
from devstack.compose import Compose
from devstack.stack import Stack
from tests.e2e import sites
from tests.e2e.customer import Customer
from tests.e2e.sites import Command, Site

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


def pytest_collection_finish(session: pytest.Session) -> None:
    # pytest's own header is written before it has seen this file, and not at all with -q.
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and any(HERE in item.path.parents for item in session.items):
        reporter.write_line(f"The stories are played on {sites.described()}.")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One for the whole run."""
    with sites.opened(tmp_path_factory.mktemp("stack")) as site:
        yield site


@pytest.fixture(scope="session")
def stack(site: Site) -> Stack:
    """Whose processes a story may end."""
    if not site.stack:
        pytest.skip(f"it ends processes, and those of {sites.described()} are not ours")
    return site.stack


@pytest.fixture(scope="session")
def engines_too(stack: Stack) -> Stack:
    """Whose engines a story may end as well."""
    if not sites.ends_engines(stack):
        pytest.skip("it ends an engine, and these engines are not ours")
    return stack


@pytest.fixture(scope="session")
def project(site: Site) -> Compose:
    """Whose containers a story may start again."""
    if not site.project:
        pytest.skip(f"it starts containers again, and {sites.described()} has none of ours")
    return site.project


@pytest.fixture(scope="session")
def command(site: Site) -> Command:
    """Runs a command of a service, as its operators do."""
    if not site.command:
        pytest.skip(f"it runs a command of a service, which cannot be done from here at {sites.described()}")
    return site.command


@pytest.fixture(scope="session")
def kafka_servers(site: Site) -> list[str]:
    """For those who read the events, or send nonsense."""
    if not site.kafka_servers:
        pytest.skip("it talks to Kafka itself, and KAFKA_SERVERS does not say where that is")
    return site.kafka_servers.split(",")


@pytest.fixture(scope="session")
def keys(site: Site) -> Mapping[str, str]:
    """API keys by scope."""
    return site.keys


@pytest.fixture(scope="session")
def operator(site: Site) -> Client:
    return Client(site.gateway_url, site.keys[seed.OPERATOR])


@pytest.fixture(scope="session")
def monitor(site: Site) -> Client:
    return Client(site.gateway_url, site.keys[seed.LINE_EVENTS])


@pytest.fixture(scope="session")
def unsigned(site: Site, operator: Client, monitor: Client) -> Callable[[], Customer]:
    """Makes customers of whom no service knows yet."""
    mail, telephone = Client(site.mail_url), Client(site.gateway_url, site.keys[seed.IVR])
    return lambda: Customer(operator, monitor, mail, telephone, site.gateway_url)


@pytest.fixture(scope="session")
def new_customer(unsigned: Callable[[], Customer]) -> Callable[[], Customer]:
    """Makes customers with everything set up."""
    return lambda: unsigned().sign()


@pytest.fixture
def customer(new_customer: Callable[[], Customer]) -> Customer:
    return new_customer()


@pytest.fixture(scope="session")
def stack_url(site: Site) -> str:
    return site.gateway_url
