"""The pages of VoiceWarp in every state."""

from collections.abc import Callable, Sequence

from playwright.sync_api import Page

from tests.browser.household import Household
from tests.e2e.customer import API

Bring = Callable[[Page, Household], None]
CALLER = {"number": "0312345678", "label": "株式会社とても長い名前の取引先 東日本営業本部の代表番号の窓口の担当者"}
HAND, OFFICE = {"number": "09012345678", "label": "携帯"}, {"number": "0312345678", "label": CALLER["label"]}
USUAL: dict[str, object] = {
    "started": False,
    "mode": "no-answer",
    "ring_seconds": 15,
    "destinations": [HAND],
    "active": 1,
    "select": {"mode": "off", "callers": []},
}


def at(part: str, **changes: object) -> Bring:
    """The page with a setting that differs so from the usual one, which is set again afterwards."""

    def bring(page: Page, household: Household) -> None:
        _set(household, **changes)
        _open(page, household, part)
        _set(household)

    return bring


def _set(household: Household, **changes: object) -> None:
    assert household.operator.put(f"{API}{household.voicewarp}", {**USUAL, **changes}).status == 200


def _open(page: Page, household: Household, part: str = "") -> None:
    page.goto(f"{household.voicewarp}{part}")


def _press(page: Page) -> None:
    page.locator("main form .button.solid").click()


def _fill(page: Page, place: int, number: str, label: str = "") -> None:
    page.locator(f"[id='destinations.{place}.number']").fill(number)
    page.locator(f"[id='destinations.{place}.label']").fill(label)


def _wrong_destinations(page: Page, household: Household) -> None:
    at("/destinations")(page, household)
    for place, number in enumerate(("110", "0120-111-222", household.number, "12")):
        _fill(page, place, number, "長" * (60 if place == 2 else 0))
    _press(page)


def _asked(page: Page, household: Household) -> None:
    _set(household, started=True)
    _open(page, household, "/destinations")
    _fill(page, 0, "080-1111-2222", CALLER["label"])
    _press(page)
    page.locator("table").wait_for()
    _set(household)


def _conflict(page: Page, household: Household) -> None:
    at("/destinations")(page, household)
    _fill(page, 0, "080-1111-2222", "新しい携帯")
    _press(page)
    page.locator("table").wait_for()
    _set(household, destinations=[OFFICE, HAND])
    _press(page)
    page.locator("input[name=etag]").first.wait_for(state="attached")
    _set(household)


def _changed(page: Page, household: Household) -> None:
    at("/destinations")(page, household)
    _fill(page, 1, "080-1111-2222", "もう1台")
    _press(page)
    _press(page)
    page.get_by_role("alert").wait_for()
    _set(household)


def _wrong_seconds(page: Page, household: Household) -> None:
    at("/mode")(page, household)
    page.fill("#ring_seconds", "６１秒")
    _press(page)


def _wrong_caller(page: Page, household: Household) -> None:
    at("/callers")(page, household)
    page.fill("#number", "12")
    page.fill("#label", "長" * 60)
    _press(page)


def _deleting(page: Page, household: Household) -> None:
    at(f"/callers/{CALLER['number']}/delete", select={"mode": "off", "callers": [CALLER]})(page, household)


def tried(query: str) -> Bring:
    return lambda page, household: _try(page, household, query)


def _try(page: Page, household: Household, query: str) -> None:
    page.goto(f"/numbers/{household.number}/routing{query}")


MANY = [{"number": f"03{10000000 + place}", "label": CALLER["label"] if place % 3 else ""} for place in range(30)]
EMPTY: dict[str, object] = {"destinations": [], "active": None}
EVERYTHING = {"started": True, "destinations": [OFFICE, HAND], "active": 2}

STATES: Sequence[tuple[str, Bring]] = (
    ("voicewarp", at("", **EVERYTHING)),
    ("voicewarp-nothing-set", at("", **EMPTY)),
    ("voicewarp-stopped", at("")),
    ("voicewarp-empty-list", at("", started=True, select={"mode": "forward-registered", "callers": []})),
    ("voicewarp_mode", at("/mode", started=True)),
    ("voicewarp_mode-wrong", _wrong_seconds),
    ("voicewarp_destinations", at("/destinations", **EVERYTHING)),
    ("voicewarp_destinations-none", at("/destinations", **EMPTY)),
    ("voicewarp_destinations-wrong", _wrong_destinations),
    ("voicewarp_destinations-asked", _asked),
    ("voicewarp_destinations-conflict", _conflict),
    ("voicewarp_destinations-changed", _changed),
    ("voicewarp_select", at("/select")),
    ("voicewarp_callers", at("/callers", select={"mode": "ring-registered", "callers": [CALLER]})),
    ("voicewarp_callers-none", at("/callers")),
    ("voicewarp_callers-full", at("/callers", select={"mode": "forward-registered", "callers": MANY})),
    ("voicewarp_callers-wrong", _wrong_caller),
    ("voicewarp_callers-delete", _deleting),
    ("voicewarp_try", tried("")),
    ("voicewarp_try-answered", tried("?caller=03-1234-5678&at.date=2030-12-31&at.time=08:00")),
    ("voicewarp_try-wrong", tried("?caller=12&at.date=2030-12-31&at.time=")),
)
