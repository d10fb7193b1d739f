"""The pages of incoming-call mail in every state."""

from collections.abc import Callable, Sequence

from playwright.sync_api import Page

from tests.browser.household import Household
from tests.e2e.customer import API

Bring = Callable[[Page, Household], None]
CALLER = "0312345678"


def at(part: str) -> Bring:
    return lambda page, household: _open(page, household.number, part)


def _open(page: Page, number: str, part: str = "") -> None:
    page.goto(f"/numbers/{number}/incoming-mail{part}")


def _press(page: Page) -> None:
    page.locator("main form .button.solid").click()


def _nothing_set(page: Page, household: Household) -> None:
    _open(page, household.second_number)


def _wrong_address(page: Page, household: Household) -> None:
    _open(page, household.number, "/addresses")
    page.locator("[id='addresses.2']").fill("namae.example.jp")
    _press(page)


def _left_out(page: Page, household: Household) -> None:
    _open(page, household.number, "/addresses")
    page.locator("[id='addresses.0']").fill("")
    _press(page)


def _no_calls(page: Page, household: Household) -> None:
    _open(page, household.number, "/when")
    for box in page.locator("input[type=checkbox]").all():
        box.uncheck()
    _press(page)


def _wrong_caller(page: Page, household: Household) -> None:
    _open(page, household.number, "/callers/add")
    page.fill("#number", "12")
    _press(page)


def _listed(household: Household, *callers: dict[str, str]) -> None:
    _change(household, callers={"mode": "all", "numbers": list(callers), "anonymous": True})


def _change(household: Household, **changes: object) -> None:
    path = f"{API}/numbers/{household.number}/incoming-mail"
    assert household.operator.put(path, {**household.operator.get(path).body, **changes}).status == 200


def _deleting(page: Page, household: Household) -> None:
    _listed(household, {"number": CALLER, "label": "株式会社とても長い名前の取引先 東日本営業本部"})
    _open(page, household.number, f"/callers/{CALLER}/delete")
    _listed(household)


def _full_list(page: Page, household: Household) -> None:
    _listed(household, *({"number": f"03{10000000 + place}", "label": ""} for place in range(30)))
    _open(page, household.number, "/callers")
    _listed(household)


def _conflict(page: Page, household: Household) -> None:
    _open(page, household.number, "/when")
    page.locator("input[value=answered]").uncheck()
    _change(household, when=["busy"])
    _press(page)
    page.locator("table").wait_for()
    _change(household, when=["all"])


STATES: Sequence[tuple[str, Bring]] = (
    ("incoming_mail", at("")),
    ("incoming_mail-nothing-set", _nothing_set),
    ("incoming_mail-addresses", at("/addresses")),
    ("incoming_mail-addresses-wrong", _wrong_address),
    ("incoming_mail-addresses-left-out", _left_out),
    ("incoming_mail-when", at("/when")),
    ("incoming_mail-when-none", _no_calls),
    ("incoming_mail-when-conflict", _conflict),
    ("incoming_mail-callers", at("/callers")),
    ("incoming_mail-callers-full", _full_list),
    ("incoming_mail-callers-add", at("/callers/add")),
    ("incoming_mail-callers-wrong", _wrong_caller),
    ("incoming_mail-callers-delete", _deleting),
)
