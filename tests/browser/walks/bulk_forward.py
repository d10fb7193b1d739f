"""The pages of bulk forwarding in every state."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from playwright.sync_api import Page

from tests.browser.household import Household

Bring = Callable[[Page, Household], None]


def at(part: str = "") -> Bring:
    return lambda page, household: _open(page, part.format(number=household.number))


def _open(page: Page, part: str = "") -> None:
    page.goto(f"/bulk-forward{part}")


def _press(page: Page) -> None:
    page.locator("main form .button.solid").click()


@contextmanager
def _with(household: Household, entries: Mapping[str, str]) -> Iterator[None]:
    """Other destinations for a while."""
    _set(household, entries)
    yield
    _set(household, household.entries)


def _set(household: Household, entries: Mapping[str, str]) -> None:
    assert household.operator.put(household.forwarding, {"entries": entries}).status == 200


@contextmanager
def _started(household: Household) -> Iterator[None]:
    assert household.operator.post(f"{household.forwarding}/start").status == 200
    yield
    assert household.operator.post(f"{household.forwarding}/stop").status == 200


def _empty(part: str) -> Bring:
    def bring(page: Page, household: Household) -> None:
        with _with(household, {}):
            _open(page, part.format(number=household.number))

    return bring


def _running(part: str) -> Bring:
    def bring(page: Page, household: Household) -> None:
        with _started(household):
            _open(page, part.format(number=household.number))

    return bring


def _switched(page: Page, household: Household) -> None:
    """Off by its button and on again by the way back."""
    _open(page)
    page.locator("form[action='/bulk-forward/auto-start/off'] button").click()
    page.locator(".notification button").click()


def _typed(destination: str) -> Bring:
    def bring(page: Page, household: Household) -> None:
        _open(page, f"/entries/{household.number}")
        page.fill("#destination", destination)
        _press(page)

    return bring


def _conflict(page: Page, household: Household) -> None:
    _open(page, f"/entries/{household.number}")
    page.fill("#destination", "0312349876")
    with _with(household, household.entries | {household.number: "0611112222"}):
        _press(page)
        page.locator("table").wait_for()


def _sent(*lines: str, name: str = "transfer.csv", head: str = "電話番号,転送先電話番号") -> Bring:
    """A file of these lines, in which {number} and {second} are the household's and {bare} has lost its zero."""

    def bring(page: Page, household: Household) -> None:
        names = {"number": household.number, "second": household.second_number, "bare": household.number[1:]}
        text = "\r\n".join([head, *(line.format(**names) for line in lines)])
        _open(page, "/csv")
        page.set_input_files("#file", {"name": name, "mimeType": "text/csv", "buffer": text.encode()})
        _press(page)

    return bring


def _no_file(page: Page, household: Household) -> None:
    _open(page, "/csv")
    _press(page)


def _outdated(page: Page, household: Household) -> None:
    _sent("{number},0312349876")(page, household)
    with _with(household, {household.number: "0611112222"}):
        _press(page)
        page.locator("#error-summary").wait_for()


def _applied(page: Page, household: Household) -> None:
    _sent("{number},0312349876")(page, household)
    _press(page)
    page.locator(".confirmation").wait_for()
    _set(household, household.entries)


STATES: Sequence[tuple[str, Bring]] = (
    ("bulk_forward", at()),
    ("bulk_forward-empty", _empty("")),
    ("bulk_forward-running", _running("")),
    ("bulk_forward-found-none", at("?q=999999")),
    ("bulk_forward-switched-back", _switched),
    ("bulk_forward-start", at("/start")),
    ("bulk_forward-start-empty", _empty("/start")),
    ("bulk_forward-start-already", _running("/start")),
    ("bulk_forward-stop", _running("/stop")),
    ("bulk_forward-stop-already", at("/stop")),
    ("bulk_forward-entry", at("/entries/{number}")),
    ("bulk_forward-entry-new", _empty("/entries/{number}")),
    ("bulk_forward-entry-refused", _typed("110")),
    ("bulk_forward-entry-asked", _typed("03-1234-9876")),
    ("bulk_forward-entry-conflict", _conflict),
    ("bulk_forward-entry-delete", at("/entries/{number}/delete")),
    ("bulk_forward-csv", at("/csv")),
    ("bulk_forward-csv-no-file", _no_file),
    ("bulk_forward-csv-workbook", _sent(head="PK\x03\x04", name="transfer.xlsx")),
    ("bulk_forward-csv-looked-at", _sent("{number},0312349876", "{second},")),
    ("bulk_forward-csv-nothing", _sent("{number},0312345678")),
    ("bulk_forward-csv-wrong", _sent("{number},110", "0699999999,0312345678", "{second},0120-123-456")),
    ("bulk_forward-csv-lost-zero", _sent("{bare},312349876")),
    ("bulk_forward-csv-outdated", _outdated),
    ("bulk_forward-csv-done", _applied),
)
