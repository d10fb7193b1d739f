"""A stack, a Chromium and customers with everything set up. Without Chromium all is skipped, with the reason.

Workers of one run share the stack; each has a Chromium and customers of its own.
"""

import fcntl
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from chassis.testing import eventually
from devstack import chromium, running, seed
from devstack.client import Client
from devstack.places import Places
from devstack.running import Running
from devstack.services import GATEWAY
from devstack.stack import Stack
from devstack.trouble import Trouble
from tests.browser.household import Household

HERE = Path(__file__).parent
SECONDS = 15_000


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", metavar="FOLDER", help="Write a picture of every page in every state there.")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    try:
        return chromium.ensure()
    except Trouble as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def stack_folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The same for all workers of a run."""
    folder = tmp_path_factory.getbasetemp()
    return (folder.parent if hasattr(request.config, "workerinput") else folder) / "stack"


@pytest.fixture(scope="session")
def stack(chromium_path: str, stack_folder: Path) -> Iterator[Running]:
    """The first worker to come starts it; it stops it when the others have let go of their lock, also by dying."""
    beside = stack_folder.parent
    with (beside / "stack.users").open("w") as users, (beside / "stack.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        ours = None if running.find(stack_folder) else _start(stack_folder)
        fcntl.flock(lock, fcntl.LOCK_UN)
        try:
            yield running.need(stack_folder)
        finally:
            if ours:
                fcntl.flock(users, fcntl.LOCK_EX)
                ours.stop()


def _start(folder: Path) -> Stack:
    stack = Stack(folder, extra={GATEWAY: {"TRUSTED_PROXIES": "127.0.0.1"}}).start()
    seed.ensure_keys(stack.places, stack.addresses, stack.gateway_url, stack.mail_url)
    return stack


@pytest.fixture(scope="session")
def new_household(stack: Running, stack_folder: Path) -> Callable[[], Household]:
    """Makes customers with every option, who have never logged in."""
    keys = seed.read_keys(Places(stack_folder))
    assert stack.mail_url
    operator, monitor = (Client(stack.gateway_url, keys[scope]) for scope in (seed.OPERATOR, seed.LINE_EVENTS))
    mail, telephone = Client(stack.mail_url), Client(stack.gateway_url, keys[seed.IVR])
    ours = _numbers()

    def make() -> Household:
        number, fax_key = next(ours), keys[seed.FAXES]
        return Household(operator, monitor, mail, telephone, stack.gateway_url, number, fax_key=fax_key).move_in()

    return make


def _numbers() -> Iterator[str]:
    """Of contracts that no other worker has."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return (f"06{number}" for number in itertools.count(10_000_000 + worker * 1_000_000))


@pytest.fixture(scope="session")
def chrome(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path)
        yield browser
        browser.close()


@pytest.fixture
def window(chrome: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a window of a browser of its own; `household` says whose address it comes from."""
    opened: list[BrowserContext] = []

    def open_window(household: Household, *, width: int = 1280, script: bool = True, lang: str = "ja") -> Page:
        context = chrome.new_context(
            base_url=household.site,
            viewport={"width": width, "height": 800},
            java_script_enabled=script,
            locale="ja-JP" if lang == "ja" else "en-GB",
            extra_http_headers={"X-Forwarded-For": household.source},
        )
        context.set_default_timeout(SECONDS)
        opened.append(context)
        return context.new_page()

    yield open_window
    for context in opened:
        context.close()


@pytest.fixture(scope="session")
def household(new_household: Callable[[], Household]) -> Household:
    """One that all pages are looked at with; a test that changes things has one of its own."""
    found = new_household()
    assert eventually(found.token)
    return found
