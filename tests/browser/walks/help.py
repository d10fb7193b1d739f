"""Help in every state."""

from collections.abc import Callable, Sequence

from playwright.sync_api import Page

from tests.browser.household import Household

Bring = Callable[[Page, Household], None]


def at(path: str) -> Bring:
    def bring(page: Page, household: Household) -> None:
        page.goto(path)

    return bring


def _all_answers(page: Page, household: Household) -> None:
    page.goto("/help")
    for question in page.locator("summary").all():
        question.click()


STATES: Sequence[tuple[str, Bring, bool]] = (
    ("help", at("/help"), False),
    ("help-answers", _all_answers, False),
    ("temporary_password", at("/help/temporary-password"), False),
    ("accessibility", at("/accessibility"), False),
    ("card", at("/card"), True),
)
