"""The pages of the history and of open logins in every state."""

from collections.abc import Callable, Sequence

from playwright.sync_api import Page

from chassis.testing import eventually
from tests.browser.household import Household
from tests.e2e.customer import API, LASTING

Bring = Callable[[Page, Household], None]
# More than a page of the history.
CHANGES = 31


def _of_contract(page: Page, household: Household) -> None:
    page.goto("/history")


def _of_number(page: Page, household: Household) -> None:
    page.goto(f"/numbers/{household.number}/history")


def _older(page: Page, household: Household) -> None:
    """A second page; the first one is filled by starting and stopping."""
    path = f"{API}/contracts/{household.number}/fault-notice"
    while len(household.operator.get(f"{API}/contracts/{household.number}/history").body["items"]) < CHANGES:
        assert household.operator.post(f"{path}/stop", {}).status == 200
        assert household.operator.post(f"{path}/start", {}).status == 200
    page.goto("/history")
    page.locator("[rel=next]").click()


def _of_nothing(page: Page, household: Household) -> None:
    page.goto(f"/numbers/{household.second_number}/history")


def _others(page: Page, household: Household) -> None:
    assert eventually(lambda: household.log_in(household.number, LASTING).status == 201)
    page.goto("/sessions")


def _alone(page: Page, household: Household) -> None:
    """Whatever others had logged in is ended first."""
    _others(page, household)
    page.locator("main form .button.solid").click()
    page.get_by_role("alert").wait_for()


STATES: Sequence[tuple[str, Bring]] = (
    ("history", _of_contract),
    ("history-number", _of_number),
    ("history-little", _of_nothing),
    ("history-older", _older),
    ("sessions", _others),
    ("sessions-alone", _alone),
)
