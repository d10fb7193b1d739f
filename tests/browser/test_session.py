"""The end of a login that draws near, by a clock of the window's own."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.household import COOKIE, Household
from tests.browser.looking import flaws, sticks_out

WARNED_BEFORE = timedelta(minutes=2)


def waiting(window: Callable[..., Page], household: Household, lang: str = "ja") -> Page:
    """At a form in which something is typed, just before the warning."""
    page = household.enter(window(household, lang=lang))
    page.clock.install()
    page.goto("/password")
    page.fill("#new", "typed2026")
    now = datetime.fromtimestamp(page.evaluate("Date.now()") / 1000, ends(page).tzinfo)
    page.clock.fast_forward(_milliseconds(ends(page) - now - WARNED_BEFORE - timedelta(seconds=20)))
    expect(dialog(page)).to_have_count(0)
    return page


def ends(page: Page) -> datetime:
    return datetime.fromisoformat(page.locator("#session-end").get_attribute("data-ends") or "")


def dialog(page: Page) -> Locator:
    return page.get_by_role("alertdialog")


def _milliseconds(time: timedelta) -> int:
    return int(time.total_seconds() * 1000)


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_who_goes_on_in_time_keeps_what_was_typed_and_is_warned_again(
    window: Callable[..., Page], household: Household, lang: str
) -> None:
    page = waiting(window, household, lang)
    later = (ends(page) + timedelta(minutes=30)).isoformat()
    page.route("**/session", lambda route: _answer(route, later))

    page.clock.fast_forward(20_000)
    expect(dialog(page).get_by_role("button")).to_be_focused()
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert (flaws(page), sticks_out(page)) == ([], [])
    page.set_viewport_size({"width": 320, "height": 200})  # 1280 by 800 at 400 %.
    assert dialog(page).evaluate("one => one.getBoundingClientRect().top") >= 0
    page.keyboard.press("Enter")

    expect(dialog(page)).to_have_count(0)
    expect(page.locator("#new")).to_be_focused()
    expect(page.locator("#new")).to_have_value("typed2026")
    page.clock.fast_forward(_milliseconds(timedelta(minutes=29)))
    expect(dialog(page)).to_have_count(0)
    page.clock.fast_forward(_milliseconds(timedelta(minutes=1)))
    expect(dialog(page)).to_have_count(1)


def _answer(route: Route, expires_at: str) -> None:
    """What the page is told of a login that was prolonged: the window's clock alone has gone on."""
    route.fulfill(json={"expires_at": expires_at})


def test_a_press_prolongs_the_login_at_the_service(window: Callable[..., Page], household: Household) -> None:
    page = waiting(window, household)
    page.clock.fast_forward(20_000)

    with page.expect_response("**/session") as answer:
        dialog(page).get_by_role("button").click()

    assert answer.value.status == 200
    assert datetime.fromisoformat(answer.value.json()["expires_at"]) >= ends(page)


def test_who_comes_too_late_is_asked_to_log_in(window: Callable[..., Page], household: Household) -> None:
    """The press finds the login ended, and does not wait for ever."""
    page = waiting(window, household)
    page.context.clear_cookies(name=COOKIE)
    page.clock.fast_forward(20_000)

    dialog(page).get_by_role("button").click()

    expect(page.locator("#password")).to_be_visible()
    expect(page.locator("#number")).to_be_visible()
