"""What is looked for on a page in a window: what axe finds, what sticks out of it, and what larger letters do to it."""

from collections.abc import Mapping

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

# WCAG 2.2 AA and what axe calls good practice.
_RULES = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
_RUN = """async (rules) => {
  const found = await axe.run(document, rules);
  return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" | ")}`);
}"""
# But for what scrolls by itself.
_STICKS_OUT = """() => [...document.querySelectorAll("body *")].filter((one) => {
  const place = one.getBoundingClientRect();
  const hidden = one.closest(".table, .unseen, .skip-link, template");
  return !hidden && place.width && place.right > document.documentElement.clientWidth + 1;
}).map((one) => `${one.tagName}.${one.className} ${one.textContent.trim().slice(0, 30)}`)"""
# A sheet of this kind may be there whatever the page's own policy is.
_DRESS = """(rules) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(rules);
  document.adoptedStyleSheets = [sheet];
}"""
_SPACED = "letter-spacing: .12em !important; word-spacing: .16em !important;"
# How letters may be on somebody else's machine: WCAG 1.4.4, WCAG 1.4.12 with wide letters, and all of it together.
LETTERS: Mapping[str, str] = {
    "large": "html { font-size: 200% !important; }",
    "spaced": f"* {{ font-family: monospace !important; {_SPACED} line-height: 1.7 !important; }}",
    "large and spaced": (
        f"html {{ font-size: 200% !important; }} * {{ font-family: monospace !important; {_SPACED} }}"
    ),
}


def flaws(page: Page) -> list[str]:
    """What axe finds. A page without scripts cannot be asked."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found: list[str] = page.evaluate(_RUN, _RULES)
    return found


def sticks_out(page: Page) -> list[str]:
    """What is cut off at the right, or only reached by scrolling."""
    found: list[str] = page.evaluate(_STICKS_OUT)
    return found


def dress(page: Page, rules: str) -> None:
    """Shows the page with these rules of style on top of its own."""
    page.evaluate(_DRESS, rules)
