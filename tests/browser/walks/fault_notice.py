"""The pages of the fault notice in every state."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from playwright.sync_api import Page

from tests.browser.household import Household
from tests.e2e.customer import API

Bring = Callable[[Page, Household], None]


def at(part: str = "") -> Bring:
    return lambda page, household: _open(page, part)


def _open(page: Page, part: str = "") -> None:
    page.goto(f"/fault-notice{part}")


def _press(page: Page) -> None:
    page.locator("main form .button.solid").click()


@contextmanager
def _with(household: Household, **changes: object) -> Iterator[None]:
    """Other settings for a while."""
    path = f"{API}/contracts/{household.number}/fault-notice"
    before = household.operator.get(path).body
    assert household.operator.put(path, {**before, **changes}).status == 200
    yield
    assert household.operator.put(path, before).status == 200


def _empty(page: Page, household: Household) -> None:
    with _with(household, started=False, addresses=[], contractor="", site=""):
        _open(page)


def _stopped(page: Page, household: Household) -> None:
    with _with(household, started=False):
        _open(page)


def _full(page: Page, household: Household) -> None:
    long = "株式会社とても長い名前の契約者 東日本営業本部 第二営業部"
    with _with(household, contractor=long, addresses=[f"very.long.address.{n}@office.example.jp" for n in range(10)]):
        _open(page)


def _tried(page: Page, household: Household) -> None:
    """The mail goes nowhere but to the mail catcher; whether the limit is reached or not, a notice is shown."""
    _open(page)
    page.locator("form[action='/fault-notice/test-mail'] button").click()
    page.locator(".notification").wait_for()


def _wrong_name(page: Page, household: Household) -> None:
    _open(page, "/mail")
    page.fill("#contractor", "あ" * 101)
    _press(page)


def _conflict(page: Page, household: Household) -> None:
    _open(page, "/mail")
    page.fill("#site", "倉庫")
    with _with(household, site="支店"):
        _press(page)
        page.locator("table").wait_for()


def _wrong_address(page: Page, household: Household) -> None:
    _open(page, "/addresses")
    page.locator("[id='addresses.2']").fill("namae.example.jp")
    _press(page)


def _left_out(page: Page, household: Household) -> None:
    _open(page, "/addresses")
    page.locator("[id='addresses.0']").fill("")
    _press(page)


def _none_left(page: Page, household: Household) -> None:
    _open(page, "/addresses")
    for place in range(2):
        page.locator(f"[id='addresses.{place}']").fill("")
    _press(page)


STATES: Sequence[tuple[str, Bring]] = (
    ("fault_notice", at()),
    ("fault_notice-empty", _empty),
    ("fault_notice-stopped", _stopped),
    ("fault_notice-full", _full),
    ("fault_notice-tried", _tried),
    ("fault_notice-mail", at("/mail")),
    ("fault_notice-mail-wrong", _wrong_name),
    ("fault_notice-mail-conflict", _conflict),
    ("fault_notice-addresses", at("/addresses")),
    ("fault_notice-addresses-wrong", _wrong_address),
    ("fault_notice-addresses-left-out", _left_out),
    ("fault_notice-addresses-none-left", _none_left),
)
