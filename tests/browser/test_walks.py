"""Customers from the telephone to the logout, with and without scripts, on a small screen and a large one."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pypdfium2 import PdfDocument

from chassis.testing import eventually
from contracts import phone
from tests.browser.household import COOKIE, Household
from tests.browser.settings import SETTINGS, change, conflict, forward_everything, send_file
from tests.browser.walks.demo_phone import dial, hears, key, keys
from tests.e2e.customer import LASTING, TEMPORARY

EVERY_WAY = pytest.mark.parametrize(
    ("width", "script", "lang"),
    [(320, False, "ja"), (768, True, "ja"), (1280, True, "en")],
    ids=["telephone-plain", "tablet", "english"],
)
LOG_IN = {"ja": "ログインする", "en": "Log in"}
CHANGE = {"ja": "パスワードを変更する", "en": "Change the password"}
UNDO = {"ja": "元に戻す", "en": "Undo"}
LOG_OUT = {"ja": "ログアウト", "en": "Log out"}


def log_in(page: Page, household: Household, password: str, lang: str = "ja") -> None:
    page.goto("/")
    page.fill("#number", household.number)
    page.fill("#password", password)
    page.get_by_role("button", name=LOG_IN[lang]).click()


@EVERY_WAY
def test_from_the_telephone_by_every_setting_to_the_logout(
    new_household: Callable[[], Household], window: Callable[..., Page], width: int, script: bool, lang: str
) -> None:
    household = new_household()
    page = window(household, width=width, script=script, lang=lang)

    _set_the_temporary_password(page, household)
    page.locator("#telephone a").click()
    expect(page.locator("#number")).to_have_value(household.number)
    _log_in_once_auth_has_heard(page, lang)
    _change_the_password(page, household, lang)
    _start_and_undo(page, household, lang)
    for setting in SETTINGS:
        change(page, household, setting)
    send_file(page, household)
    forward_everything(page)
    conflict(page, household, "present")
    conflict(page, household, "typed")
    page.get_by_role("button", name=LOG_OUT[lang]).click()
    page.goto("/")
    expect(page.get_by_role("button", name=LOG_IN[lang])).to_be_visible()


def _set_the_temporary_password(page: Page, household: Household) -> None:
    """Key by key, and then all at once."""
    dial(page, household.number)
    hears(page, "回線単位に設定する場合は1")
    key(page, "1")
    hears(page, f"{household.number}番の仮パスワードの設定を行います")
    for name in TEMPORARY:
        key(page, name)
    hears(page, "もう一度仮パスワードを入力してください")
    keys(page, TEMPORARY)
    hears(page, f"{household.number}番の仮パスワードの設定が完了しました")


def _log_in_once_auth_has_heard(page: Page, lang: str) -> None:
    """The password works as soon as auth has heard of it."""

    def logged_in() -> bool:
        page.fill("#password", TEMPORARY)
        with page.expect_navigation():
            page.get_by_role("button", name=LOG_IN[lang]).click()
        return page.locator("#new_again").count() == 1

    eventually(logged_in)


def _change_the_password(page: Page, household: Household, lang: str) -> None:
    for field, typed in (("current", TEMPORARY), ("new", LASTING), ("new_again", LASTING)):
        page.fill(f"#{field}", typed)
    page.get_by_role("button", name=CHANGE[lang]).click()
    expect(page).to_have_url(f"{household.site}/")


def _start_and_undo(page: Page, household: Household, lang: str) -> None:
    start = page.locator(f".option button[formaction='{household.voicewarp}/start']")
    start.click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator(f".option button[formaction='{household.voicewarp}/stop']")).to_be_visible()
    page.get_by_role("button", name=UNDO[lang]).click()
    expect(start).to_be_visible()


def test_the_keyboard_alone_is_enough(household: Household, window: Callable[..., Page]) -> None:
    """Log in, start and take it back, change a setting, log out: no mouse, nothing but Tab, keys and Enter."""
    page = window(household)
    page.goto("/login")
    _type(page, "#number", household.number, enter=False)
    _type(page, "#password", LASTING)
    expect(page).to_have_url(f"{household.site}/")

    _type(page, f"button[formaction='{household.voicewarp}/start']")
    _type(page, ".notification button")
    _type(page, f"main a[href='{household.voicewarp}']")
    _type(page, f"main a[href='{household.voicewarp}/mode']")
    _type(page, "#ring_seconds", "25")
    expect(page.locator(".notification.done")).to_be_visible()

    _type(page, "form[action='/logout'] button")
    expect(page.locator("#password")).to_be_visible()


def _type(page: Page, selector: str, text: str = "", *, enter: bool = True) -> None:
    """Into what Tab reaches there, over what stands in it, which is marked when it is reached. Enter leads on."""
    wanted = page.locator(selector).first
    wanted.wait_for()
    for _ in range(page.locator("a, button, input, select, textarea, summary").count() + 2):
        page.keyboard.press("Tab")
        if wanted.evaluate("one => one === document.activeElement"):
            break
    expect(wanted).to_be_focused()
    page.keyboard.type(text)
    if enter:
        with page.expect_navigation():
            page.keyboard.press("Enter")


def test_whoever_goes_back_after_the_logout_sees_nothing(household: Household, window: Callable[..., Page]) -> None:
    page = window(household)
    log_in(page, household, LASTING)
    page.get_by_role("button", name=LOG_OUT["ja"]).click()

    page.go_back()

    expect(page.get_by_role("button", name=LOG_IN["ja"])).to_be_visible()


def test_an_error_has_the_focus_and_leads_to_its_field(household: Household, window: Callable[..., Page]) -> None:
    page = window(household)
    page.goto("/login")
    page.get_by_role("button", name=LOG_IN["ja"]).click()

    expect(page.locator("#error-summary")).to_be_focused()
    page.locator("#error-summary a").first.click()
    expect(page.locator("#number")).to_be_focused()


def test_a_session_that_ended_is_not_a_dead_end(household: Household, window: Callable[..., Page]) -> None:
    page = household.enter(window(household))
    page.goto("/password")
    page.context.clear_cookies(name=COOKIE)

    page.get_by_role("button", name=CHANGE["ja"]).click()
    page.fill("#number", household.number)
    page.fill("#password", LASTING)
    page.get_by_role("button", name=LOG_IN["ja"]).click()

    expect(page).to_have_url(f"{household.site}/password")


def test_the_card_is_a_sheet_with_nothing_of_the_site_around_it(
    household: Household, window: Callable[..., Page], tmp_path: Path
) -> None:
    page = household.enter(window(household))
    page.goto("/card")

    page.pdf(path=tmp_path / "card.pdf", format="A4")

    with PdfDocument(tmp_path / "card.pdf") as sheets:
        said = "".join(sheet.get_textpage().get_text_range() for sheet in sheets)
        assert len(sheets) <= 2
    assert phone.shown(household.number) in said
    assert LOG_OUT["ja"] not in said
