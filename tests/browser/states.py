"""Every page of the site in every state that it can be seen in. A group of pages adds its own in `walks/`.

A state is brought about in a window, whatever others have left behind.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from playwright.sync_api import Page

from tests.browser.household import Household
from tests.browser.walks import GROUPS
from tests.e2e.customer import API

Bring = Callable[[Page, Household], None]


class State(NamedTuple):
    """`name` is the picture's file name; `bring` leads an open window there."""

    name: str
    bring: Bring
    logged_in: bool = True


def at(path: str) -> Bring:
    """An address as it opens; `{number}` and `{second}` are the household's."""

    def bring(page: Page, household: Household) -> None:
        page.goto(path.format(number=household.number, second=household.second_number))

    return bring


def _refused_login(page: Page, household: Household) -> None:
    page.goto("/login")
    page.fill("#number", household.number)
    page.fill("#password", "machigai1")
    page.locator("main form button").click()


def _empty_login(page: Page, household: Household) -> None:
    page.goto("/login")
    page.locator("main form button").click()


def _refused_change(page: Page, household: Household) -> None:
    page.goto("/password")
    page.locator("main form button").click()


def _logged_out(page: Page, household: Household) -> None:
    """Ends no session: the window has none."""
    page.goto("/login?ended=1&next=/password")


def _undo(page: Page, household: Household) -> None:
    """Stopped a moment ago, whatever it was before."""
    started = household.operator.post(f"{API}/contracts/{household.number}/fault-notice/start", {})
    assert started.status == 200
    page.goto("/")
    page.locator("button[formaction='/fault-notice/stop']").click()


def _undone(page: Page, household: Household) -> None:
    _undo(page, household)
    page.locator(".notification form button").click()


def office(path: str) -> Bring:
    """An address as a customer of two hundred numbers sees it."""

    def bring(page: Page, household: Household) -> None:
        household.office().enter(page)
        page.goto(path)

    return bring


OWN: Sequence[State] = (
    State("login", at("/login"), logged_in=False),
    State("login-refused", _refused_login, logged_in=False),
    State("login-empty", _empty_login, logged_in=False),
    State("login-ended", _logged_out, logged_in=False),
    State("password", at("/password")),
    State("password-refused", _refused_change),
    State("top", at("/")),
    State("top-stopped-with-undo", _undo),
    State("top-started-again", _undone),
    State("lite", at("/lite")),
    State("top-office", office("/"), logged_in=False),
    State("top-office-found", office("/?q=0004"), logged_in=False),
    State("top-office-found-none", office("/?q=999999"), logged_in=False),
    State("lite-office", office("/lite"), logged_in=False),
    State("bulk_forward-office", office("/bulk-forward"), logged_in=False),
    State("card-office", office("/card"), logged_in=False),
    State("gallery", at("/gallery"), logged_in=False),
    State("error-404", at("/nowhere"), logged_in=False),
    State("error-404-number", at("/numbers/{number}0/voicewarp")),
)
STATES = (*OWN, *(State(*one) for group in GROUPS for one in group.STATES))
