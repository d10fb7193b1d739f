"""A stack, a Chromium and customers with everything set up. Without Chromium all is skipped, with the reason."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from chassis.testing import eventually
from devstack import chromium, seed
from devstack.client import Client
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
def stack(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack"), extra={GATEWAY: {"TRUSTED_PROXIES": "127.0.0.1"}}) as stack:
        yield stack


@pytest.fixture(scope="session")
def new_household(stack: Stack) -> Callable[[], Household]:
    """Makes customers with every option, who have never logged in."""
    keys = seed.ensure_keys(stack.places, stack.addresses, stack.gateway_url, stack.mail_url)
    assert stack.mail_url
    operator, monitor = (Client(stack.gateway_url, keys[scope]) for scope in (seed.OPERATOR, seed.LINE_EVENTS))
    mail, telephone = Client(stack.mail_url), Client(stack.gateway_url, keys[seed.IVR])

    def make() -> Household:
        return Household(operator, monitor, mail, telephone, stack.gateway_url, fax_key=keys[seed.FAXES]).move_in()

    return make


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
