"""The demo's telephone under fast fingers, and an operator who looks after it all."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from chassis.testing import eventually
from tests.browser.household import Household
from tests.browser.test_walks import EVERY_WAY
from tests.browser.walks import operators
from tests.browser.walks.demo_phone import dial, hears, key


@EVERY_WAY
def test_keys_that_are_pressed_fast_come_in_their_order(
    household: Household, window: Callable[..., Page], width: int, script: bool, lang: str
) -> None:
    page = window(household, width=width, script=script, lang=lang)
    dial(page, household.number)
    key(page, "2")
    hears(page, "最後に#を押してください")

    for name in f"{household.second_number}#":
        key(page, name)

    hears(page, f"{household.second_number}番の仮パスワードの設定を行います")


@EVERY_WAY
def test_an_operator_sees_a_fault_and_its_mail(
    new_household: Callable[[], Household], window: Callable[..., Page], width: int, script: bool, lang: str
) -> None:
    household = new_household()
    household.says(household.report("faulted"))
    page = window(household, width=width, script=script, lang=lang)
    operators.log_in(page, household)
    line = page.locator(f"a[href='/operators/contracts/{household.number}']")

    eventually(lambda: bool(page.goto("/operators/lines")) and line.count() == 1)
    line.click()
    expect(page.locator("main")).to_contain_text(household.number[-4:])
    eventually(
        lambda: (
            bool(page.goto(f"/operators/mails?contract={household.number}&state=sent"))
            and household.addresses[0] in page.content()
        )
    )
    household.says(household.report("recovered", minute=10))


def test_neither_login_opens_the_other_s_pages(household: Household, window: Callable[..., Page]) -> None:
    customer, operator = household.enter(window(household)), window(household)
    operators.log_in(operator, household)

    customer.goto("/operators/keys")
    operator.goto("/")

    expect(customer.locator("#key")).to_be_visible()
    expect(operator.locator("#password")).to_be_visible()
