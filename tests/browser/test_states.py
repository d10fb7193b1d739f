"""Every page in every state: nothing that axe finds, nothing cut off at any width, a visible focus, and a picture."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.household import Household
from tests.browser.looking import LETTERS, dress, flaws, sticks_out
from tests.browser.states import STATES, State

# The smallest is the last: there all that can be large is tried.
WIDTHS = (1280, 768, 320)
# Where axe looks. The rules of style change once, between the two; the second language changes words alone.
LOOKED_AT = {"ja": (1280, 320), "en": (320,)}
PAGES = [one for one in STATES if "-" not in one.name]


def opened(window: Callable[..., Page], household: Household, state: State, **how: object) -> Page:
    page = window(household, **how)
    if state.logged_in:
        household.enter(page)
    state.bring(page, household)
    return page


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
@pytest.mark.parametrize(("lang", "script"), [("ja", True), ("ja", False), ("en", True)], ids=["ja", "ja-plain", "en"])
def test_every_page_is_right_at_every_width(
    window: Callable[..., Page],
    household: Household,
    state: State,
    lang: str,
    script: bool,
    request: pytest.FixtureRequest,
) -> None:
    """1280 px at 400 % are 320 px with letters of the same size; larger letters are harder, and tried too."""
    page = opened(window, household, state, script=script, lang=lang)
    folder = request.config.getoption("--screenshots", default=None)

    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        if folder:
            _keep(page, Path(folder), f"{state.name}-{lang}{'' if script else '-plain'}-{width}.png")
        assert sticks_out(page) == [], width
        if script and width in LOOKED_AT[lang]:  # axe itself needs scripts; the pages have the same parts without.
            assert flaws(page) == [], width
    assert page.locator("html").get_attribute("lang") == lang
    for name, rules in LETTERS.items():
        dress(page, rules)
        assert sticks_out(page) == [], name


def _keep(page: Page, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / name, full_page=True)


@pytest.mark.parametrize("state", PAGES, ids=lambda state: state.name)
def test_the_keyboard_reaches_everything_and_the_focus_shows(
    window: Callable[..., Page], household: Household, state: State
) -> None:
    page = opened(window, household, state)
    wanted = page.evaluate(FOCUSABLE)

    reached: set[int] = set()
    # A field for a date has several stops of its own.
    for _ in range(2 * wanted):
        page.keyboard.press("Tab")
        place, shows = page.evaluate(FOCUSED)
        assert shows, page.evaluate("document.activeElement.outerHTML.slice(0, 80)")
        if place is not None:
            reached.add(place)

    assert len(reached) >= wanted


# How many stops a keyboard makes; a group of radio buttons is one.
FOCUSABLE = """() => {
  const kinds = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
  const all = [...document.querySelectorAll(kinds)];
  const seen = all.filter((one) => one.checkVisibility() || one.classList.contains("skip-link"));
  const radios = new Set();
  return seen.filter((one) => one.type !== "radio" || (!radios.has(one.name) && radios.add(one.name))).length;
}"""
# Which element has the focus, null where none has, and whether that shows.
FOCUSED = """() => {
  const one = document.activeElement;
  const style = getComputedStyle(one);
  const none = one === document.body;
  const shows = none || style.outlineWidth === "4px" || style.boxShadow !== "none";
  return [none ? null : [...document.querySelectorAll("*")].indexOf(one), shows];
}"""
