"""The telephone of the demo in every state, in a browser that nobody is logged in with."""

from collections.abc import Callable, Sequence

from playwright.sync_api import Page, expect

from tests.browser.household import Household
from tests.e2e.customer import TEMPORARY

Bring = Callable[[Page, Household], None]


def dial(page: Page, number: str) -> None:
    page.goto("/demo/phone")
    page.fill("#number", number)
    page.locator("main form button").click()


def key(page: Page, name: str) -> None:
    page.locator(f"button[name=key][value='{name}']").click()


def keys(page: Page, typed: str) -> None:
    """All at once; the next go when these have been taken."""
    page.fill("#keys", typed)
    page.locator("form:has(#keys) button").click()
    expect(page.locator("#keys, #telephone a")).to_have_count(1)


def hears(page: Page, words: str) -> None:
    expect(page.locator("#voice")).to_contain_text(words)


def _idle(page: Page, household: Household) -> None:
    page.goto("/demo/phone")


def _refused(page: Page, household: Household) -> None:
    dial(page, "0312345678")


def _menu(page: Page, household: Household) -> None:
    dial(page, household.number)
    hears(page, "回線単位に設定する場合は1")


def _password(page: Page, household: Household) -> None:
    """The password of another number, so that the household's own stays."""
    dial(page, household.number)
    key(page, "2")
    hears(page, "最後に#を押してください")
    keys(page, f"{household.second_number}#")
    hears(page, f"{household.second_number}番の仮パスワードの設定を行います")


def _pressed(page: Page, household: Household) -> None:
    _password(page, household)
    for name in TEMPORARY[:3]:
        key(page, name)
    expect(page.locator(".pressed")).to_contain_text("•••")


def _no_keys(page: Page, household: Household) -> None:
    _menu(page, household)
    keys(page, "abc")
    expect(page.locator("#error-summary")).to_be_visible()


def _done(page: Page, household: Household) -> None:
    _password(page, household)
    keys(page, TEMPORARY)
    hears(page, "もう一度仮パスワードを入力してください")
    keys(page, TEMPORARY)
    hears(page, "設定が完了しました")


def _given_up(page: Page, household: Household) -> None:
    _menu(page, household)
    for words in ("もう一度押してください", "もう一度押してください", "はじめからやり直してください"):
        page.locator("button[value=silence]").click()
        hears(page, words)
    expect(page.locator("#telephone a")).to_be_visible()


def _hung_up(page: Page, household: Household) -> None:
    _menu(page, household)
    page.locator("button[value=hang-up]").click()
    expect(page.locator(".notification")).to_be_visible()


STATES: Sequence[tuple[str, Bring, bool]] = (
    ("telephone", _idle, False),
    ("telephone-refused", _refused, False),
    ("telephone-menu", _menu, False),
    ("telephone-password", _pressed, False),
    ("telephone-no-keys", _no_keys, False),
    ("telephone-done", _done, False),
    ("telephone-given-up", _given_up, False),
    ("telephone-hung-up", _hung_up, False),
)
