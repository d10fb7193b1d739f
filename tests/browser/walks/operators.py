"""Operators' pages in every state, in a browser that no customer is logged in with."""

from collections.abc import Callable, Sequence

from playwright.sync_api import Page

from tests.browser.household import Household

Bring = Callable[[Page, Household], None]
UPLOADED = b"contract_number,numbers\n0312,\n"


def log_in(page: Page, household: Household, key: str | None = None) -> None:
    page.goto("/operators/login")
    page.fill("#key", household.operator.bearer if key is None else key)
    page.locator("main form button").click()


def at(path: str) -> Bring:
    """An address as it opens for an operator; `{number}` is the household's."""

    def bring(page: Page, household: Household) -> None:
        log_in(page, household)
        page.goto(f"/operators{path}".format(number=household.number))

    return bring


def press(path: str) -> Bring:
    """The page after its main button was pressed with nothing filled in."""

    def bring(page: Page, household: Household) -> None:
        at(path)(page, household)
        page.locator("main form button").last.click()

    return bring


def _login(page: Page, household: Household) -> None:
    page.goto("/operators/login")


def _login_ended(page: Page, household: Household) -> None:
    page.goto("/operators/login?ended=1")


def _refused_login(page: Page, household: Household) -> None:
    log_in(page, household, "tsu_of-nobody")


def _imported(page: Page, household: Household) -> None:
    at("/contracts/import")(page, household)
    page.set_input_files("#file", {"name": "a.csv", "mimeType": "text/csv", "buffer": UPLOADED})
    page.locator("main form button").click()


def _key_made(page: Page, household: Household) -> None:
    """Its name is the household's own, so that nobody else revokes it."""
    at("/keys/new")(page, household)
    page.fill("#name", f"とても長い名前の監視システム 東日本ネットワークオペレーションセンター {household.number}")
    page.check("#scopes")
    page.locator("main form button").click()


def _key_asked(page: Page, household: Household) -> None:
    _key_made(page, household)
    page.goto("/operators/keys")
    page.locator("a[href$='/revoke']").filter(has_text=household.number).first.click()


def _key_revoked(page: Page, household: Household) -> None:
    _key_asked(page, household)
    page.locator("main form button").click()


STATES: Sequence[tuple[str, Bring, bool]] = (
    ("operators-login", _login, False),
    ("operators-login-ended", _login_ended, False),
    ("operators-login-refused", _refused_login, False),
    ("operators", at(""), False),
    ("operators-contracts", at("/contracts"), False),
    ("operators-contracts-none", at("/contracts?number=0699999999"), False),
    ("operators-contract", at("/contracts/{number}"), False),
    ("operators-contract-removal", at("/contracts/{number}/remove"), False),
    ("operators-import", at("/contracts/import"), False),
    ("operators-import-empty", press("/contracts/import"), False),
    ("operators-imported", _imported, False),
    ("operators-lines", at("/lines"), False),
    ("operators-mails", at("/mails"), False),
    ("operators-mails-none", at("/mails?contract=0699999999&state=suppressed"), False),
    ("operators-sources", at("/sources"), False),
    ("operators-letters", at("/letters"), False),
    ("operators-keys", at("/keys"), False),
    ("operators-key-new", at("/keys/new"), False),
    ("operators-key-refused", press("/keys/new"), False),
    ("operators-key-made", _key_made, False),
    ("operators-key-revocation", _key_asked, False),
    ("operators-key-revoked", _key_revoked, False),
)
