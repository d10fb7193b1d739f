"""The pages of FAX mail and of received faxes in every state."""

import uuid
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import urllib3
from PIL import Image
from playwright.sync_api import Page

from chassis.testing import eventually
from tests.browser.household import Household
from tests.e2e.customer import API

Bring = Callable[[Page, Household], None]
PAGES = 12


def _mail(page: Page, household: Household) -> None:
    page.goto(f"/numbers/{household.second_number}/fax-mail")


def _wrong_address(page: Page, household: Household) -> None:
    _mail(page, household)
    page.locator("[id='addresses.0']").fill("namae.example.jp")
    page.locator("main form .button.solid").click()


def _no_faxes(page: Page, household: Household) -> None:
    for one in household.operator.get(_faxes(household)).body["items"]:
        household.operator.delete(f"{_faxes(household)}/{one['id']}")
    page.goto(f"/numbers/{household.second_number}/faxes")


def _list(page: Page, household: Household) -> None:
    _received(household)
    page.goto(f"/numbers/{household.second_number}/faxes")


def _gone(page: Page, household: Household) -> None:
    page.goto(f"/numbers/{household.second_number}/faxes/gone")


def at(part: str) -> Bring:
    """A page of a fax that has come, and can be shown."""
    return lambda page, household: _open(page, household, part)


def _open(page: Page, household: Household, part: str) -> None:
    page.goto(f"/numbers/{household.second_number}/faxes/{_received(household)}{part}")
    for picture in page.locator(".fax-page img").all():
        picture.scroll_into_view_if_needed()


def _faxes(household: Household) -> str:
    return f"{API}/numbers/{household.second_number}/faxes"


def _received(household: Household) -> str:
    """The fax that is there, or a new one."""
    items = household.operator.get(_faxes(household)).body["items"]
    fax_id = items[0]["id"] if items else _receive(household)
    assert eventually(lambda: household.operator.get(f"{_faxes(household)}/{fax_id}").body["shown"] == "yes")
    return str(fax_id)


def _receive(household: Household) -> str:
    fax_id = uuid.uuid4().hex
    told = {"id": fax_id, "called": household.second_number, "caller": "0312345678"}
    form: dict[str, Any] = {**told, "received_at": "2026-11-23T09:00:00+09:00", "document": ("fax.tif", _document())}
    sent = {"Authorization": f"Bearer {household.fax_key}"}
    assert urllib3.request("POST", f"{household.site}{API}/faxes", fields=form, headers=sent).status == 201
    return fax_id


def _document() -> bytes:
    """As a fax machine in standard resolution sends it: 204 by 98 dots an inch, G4."""
    file, page = BytesIO(), Image.new("1", (1728, 1078), 1)
    page.paste(0, (100, 100, 900, 500))
    page.save(file, "TIFF", compression="group4", dpi=(204, 98), save_all=True, append_images=[page] * (PAGES - 1))
    return file.getvalue()


STATES: Sequence[tuple[str, Bring]] = (
    ("fax_mail", _mail),
    ("fax_mail-wrong", _wrong_address),
    ("faxes-none", _no_faxes),
    ("faxes", _list),
    ("fax", at("")),
    ("fax-second-part", at("?page=11")),
    ("fax-delete", at("/delete")),
    ("fax-gone", _gone),
)
