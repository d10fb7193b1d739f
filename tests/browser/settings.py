"""Every setting, changed once on its page by hand, in either language."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from playwright.sync_api import Page, expect

from tests.browser.household import Household


class Setting(NamedTuple):
    """`path` of its page, what is typed by selector, and what is ticked; `{number}` and `{second}` are the household's.

    What was typed is there when the page is opened again, but where it `adds` to a list.
    """

    path: str
    typed: Mapping[str, str] = {}
    ticked: tuple[str, ...] = ()
    adds: bool = False


CALLER = {"#number": "03-1234-5678", "#label": "山田商店"}
SETTINGS = (
    Setting("/numbers/{number}/voicewarp/destinations", {"[id='destinations.1.number']": "03-1234-5678"}),
    Setting("/numbers/{number}/voicewarp/mode", {"#ring_seconds": "20"}, ("[value=no-answer]",)),
    Setting("/numbers/{number}/voicewarp/select", ticked=("[value=ring-registered]",)),
    Setting("/numbers/{number}/voicewarp/callers", CALLER, adds=True),
    Setting("/numbers/{number}/incoming-mail/addresses", {"[id='addresses.2']": "third@example.jp"}),
    Setting("/numbers/{number}/incoming-mail/when", ticked=("[value=busy]",)),
    Setting("/numbers/{number}/incoming-mail/callers/add", CALLER, adds=True),
    Setting("/numbers/{second}/fax-mail", {"[id='addresses.0']": "fax@example.jp"}),
    Setting("/bulk-forward/entries/{second}", {"#destination": "03-1234-9876"}),
    Setting("/fault-notice/addresses", {"[id='addresses.2']": "third@example.jp"}),
    Setting("/fault-notice/mail", {"#site": "本店"}),
)


def change(page: Page, household: Household, setting: Setting) -> None:
    """Saves it, by way of the page that asks where there is one, and looks at it again."""
    path = setting.path.format(number=household.number, second=household.second_number)
    page.goto(path)
    for field, text in setting.typed.items():
        page.fill(field, text)
    for box in setting.ticked:
        page.check(box)
    save(page)

    page.goto(path)
    for field, text in () if setting.adds else setting.typed.items():
        expect(page.locator(field)).to_have_value(text)
    for box in setting.ticked:
        expect(page.locator(box)).to_be_checked()


def save(page: Page) -> None:
    press(page)
    if page.locator("input[name=confirmed]").count():
        press(page)
    expect(page.locator(".notification.done")).to_be_visible()


def press(page: Page, button: str = "main form .button.solid") -> None:
    """And waits for the page that it leads to."""
    with page.expect_navigation():
        page.locator(button).click()


def send_file(page: Page, household: Household) -> None:
    """A destination by a file: looked at, then applied."""
    text = f"電話番号,転送先電話番号\r\n{household.number},06-6480-6430\r\n"
    page.goto("/bulk-forward/csv")
    page.set_input_files("#file", {"name": "a.csv", "mimeType": "text/csv", "buffer": text.encode()})
    press(page)
    press(page)
    expect(page.locator(".confirmation")).to_be_visible()


def forward_everything(page: Page) -> None:
    """Bulk forwarding on by the page that asks, and off again by the way back."""
    page.goto("/bulk-forward/start")
    save(page)
    press(page, ".notification form button")
    expect(page.locator("form[action='/bulk-forward/start'], a[href^='/bulk-forward/start']")).not_to_have_count(0)


def conflict(page: Page, household: Household, choice: Literal["present", "typed"]) -> None:
    """Two windows of one browser change the same: the second one sees both versions, and chooses."""
    other = page.context.new_page()
    first, second = f"支店{choice}", f"倉庫{choice}"
    for one in (page, other):
        one.goto("/fault-notice/mail")
    page.fill("#site", first)
    save(page)
    other.fill("#site", second)
    press(other)

    for version in (first, second):
        expect(other.locator(".comparison")).to_contain_text(version)
    press(other, "main a.button" if choice == "present" else "main form .button")
    other.goto("/fault-notice/mail")
    expect(other.locator("#site")).to_have_value(first if choice == "present" else second)
    other.close()
