"""Every page in every state: nothing that axe finds, nothing cut off at any width, a visible focus, and a picture."""

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.household import Household
from tests.browser.states import STATES, State

WIDTHS = (320, 768, 1280)
# WCAG 2.2 AA and what axe calls good practice.
RULES = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
# What sticks out of the window, but for what scrolls by itself.
STICKS_OUT = """() => [...document.querySelectorAll("body *")].filter((one) => {
  const place = one.getBoundingClientRect();
  const hidden = one.closest(".table, .unseen, .skip-link, template");
  return !hidden && place.width && place.right > document.documentElement.clientWidth + 1;
}).map((one) => `${one.tagName}.${one.className} ${one.textContent.trim().slice(0, 30)}`)"""


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
    page = window(household, script=script, lang=lang)
    if state.logged_in:
        household.enter(page)
    state.bring(page, household)
    folder = request.config.getoption("--screenshots", default=None)

    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        if folder:
            _keep(page, Path(folder), f"{state.name}-{lang}{'' if script else '-plain'}-{width}.png")
        assert page.evaluate(STICKS_OUT) == [], width
        if script:  # axe itself needs scripts; the pages have the same parts without.
            found = Axe().run(page, options=RULES)
            assert found.violations_count == 0, f"{width}: {_told(found.response)}"
    assert page.locator("html").get_attribute("lang") == lang


def _keep(page: Page, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / name, full_page=True)


def _told(response: dict[str, list[dict[str, object]]]) -> str:
    return "\n".join(f"{one['id']}: {one['nodes']}" for one in response["violations"])


@pytest.mark.parametrize("state", [one for one in STATES if "-" not in one.name], ids=lambda state: state.name)
def test_text_at_four_hundred_percent_is_not_cut(
    window: Callable[..., Page], household: Household, state: State
) -> None:
    """1280 px at 400 % are 320 px with a root font of the same size; text alone at 200 % is harder, and tried too."""
    page = window(household, width=320)
    if state.logged_in:
        household.enter(page)
    state.bring(page, household)

    page.evaluate("document.documentElement.style.setProperty('font-size', '200%')")

    assert page.evaluate(STICKS_OUT) == []


@pytest.mark.parametrize("state", [one for one in STATES if "-" not in one.name], ids=lambda state: state.name)
def test_the_keyboard_reaches_everything_and_the_focus_shows(
    window: Callable[..., Page], household: Household, state: State
) -> None:
    page = window(household)
    if state.logged_in:
        household.enter(page)
    state.bring(page, household)
    wanted = page.evaluate(FOCUSABLE)

    reached: set[int] = set()
    # A field for a date has several stops of its own.
    for _ in range(2 * wanted):
        page.keyboard.press("Tab")
        assert page.evaluate(RING) == []
        if (place := page.evaluate(FOCUSED)) is not None:
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
FOCUSED = """() => {
  const one = document.activeElement;
  return one === document.body ? null : [...document.querySelectorAll("*")].indexOf(one);
}"""
RING = """() => {
  const one = document.activeElement;
  const style = getComputedStyle(one);
  const shows = one === document.body || style.outlineWidth === "4px" || style.boxShadow !== "none";
  return shows ? [] : [one.outerHTML.slice(0, 80)];
}"""
