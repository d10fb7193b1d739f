"""Customers from the telephone to the logout, with and without scripts, on a small screen and a large one."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.household import COOKIE, Household
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
def test_from_the_temporary_password_to_the_logout(
    new_household: Callable[[], Household], window: Callable[..., Page], width: int, script: bool, lang: str
) -> None:
    household = new_household()
    household.set_temporary_password("line")
    page = window(household, width=width, script=script, lang=lang)

    log_in(page, household, TEMPORARY, lang)
    for field, typed in (("current", TEMPORARY), ("new", LASTING), ("new_again", LASTING)):
        page.fill(f"#{field}", typed)
    page.get_by_role("button", name=CHANGE[lang]).click()
    expect(page).to_have_url(f"{household.site}/")

    start = page.locator(f".option form[action='{household.voicewarp}/start'] button")
    start.click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator(f".option form[action='{household.voicewarp}/stop']")).to_be_visible()
    page.get_by_role("button", name=UNDO[lang]).click()
    expect(start).to_be_visible()

    page.get_by_role("button", name=LOG_OUT[lang]).click()
    page.goto("/")
    expect(page.get_by_role("button", name=LOG_IN[lang])).to_be_visible()


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
