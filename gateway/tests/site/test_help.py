"""Help for everybody, and the card for who is logged in."""

from collections import Counter
from typing import Any

import pypdfium2
import pytest

from gateway.site.pages.help import GUIDANCE, MOST_PLANS
from gateway.site.paper import pdf_of
from gateway.tests.site.visitor import CONTRACT, SECOND, Visitor
from gateway.tests.upstreams import json

PLAN = {"entries": {CONTRACT: "0312345678"}, "auto_start": True, "auto_stop": False}
VOICEWARP = {
    "mode": "no-answer",
    "destinations": [{"number": "0312345678", "label": ""}, {"number": "09012345678", "label": "店長"}],
    "active": 2,
}


def log_in_as(visitor: Visitor, **changes: Any) -> Visitor:
    visitor.login |= changes
    visitor.log_in()
    return visitor


@pytest.fixture
def set_up(customer: Visitor) -> Visitor:
    """A customer who has made plans."""
    customer["bulkforward"].views[f"/contracts/{CONTRACT}/bulk-forward"] = lambda _: json(PLAN)
    customer["voicewarp"].views[f"/numbers/{CONTRACT}/voicewarp"] = lambda _: json(VOICEWARP)
    return customer


@pytest.mark.parametrize("path", ["/help", "/help/temporary-password", "/accessibility"])
def test_help_needs_no_login(visitor: Visitor, path: str) -> None:
    page = visitor.open(path)

    assert (page.status, page.path) == (200, path)
    assert not any(service.asked for service in visitor.services.values())


def test_each_unit_has_its_steps_word_for_word(visitor: Visitor) -> None:
    page = visitor.open("/help/temporary-password").text

    heard = Counter({name: page.count(f">{sentence}<") for name, sentence in GUIDANCE.items()})
    assert heard == {"menu": 3, "number": 1, "admin-number": 1, "password": 4, "again": 3, "done": 3, "wrong": 1}
    assert [page.count(f"{key} を押します。<") for key in "123"] == [1, 1, 1]
    assert "06-6480-6430" in page


def test_the_number_is_no_link_that_a_mobile_phone_would_call(visitor: Visitor) -> None:
    assert 'href="tel:' not in visitor.open("/help/temporary-password").text


def test_english_pages_say_what_the_telephone_says_and_what_it_means(visitor: Visitor) -> None:
    page = visitor.open("/help/temporary-password?lang=en").text

    assert f'<q lang="ja" class="guidance">{GUIDANCE["again"]}</q>' in page
    assert "Enter the temporary password once more" in page


def test_the_card_has_the_plan(set_up: Visitor) -> None:
    page = set_up.open("/card").text

    assert "03-1234-5678" in page
    assert "090-1234-5678" in page
    assert "店長" in page
    assert "出ないときに転送" in page
    assert "https://tsunagu.example/lite" in page


@pytest.mark.parametrize(
    ("unit", "number", "keys"),
    [
        ("line", CONTRACT, ["1"]),
        ("number", SECOND, ["2", SECOND, "#"]),
        ("admin-user", CONTRACT, ["3", CONTRACT, "#"]),
        ("admin-user", SECOND, ["3"]),
    ],
)
def test_the_card_has_the_keys_of_this_customer(visitor: Visitor, unit: str, number: str, keys: list[str]) -> None:
    page = log_in_as(visitor, unit=unit, number=number).open("/card").text

    pressed = [part.partition("</kbd>")[0] for part in page.split("<kbd>")[1:]]
    assert pressed[1:-2] == keys


def test_what_cannot_be_told_now_is_said_to_be_so(customer: Visitor) -> None:
    page = customer.open("/card")

    assert page.status == 200
    assert "いまは確かめられません" in page.text


def test_a_number_without_a_destination_is_named_and_not_counted(visitor: Visitor) -> None:
    numbers = [{"number": one, "options": ["voicewarp"]} for one in (CONTRACT, SECOND)]
    log_in_as(visitor, numbers=numbers)
    views = visitor["voicewarp"].views
    views[f"/numbers/{CONTRACT}/voicewarp"] = lambda _: json(VOICEWARP)
    views[f"/numbers/{SECOND}/voicewarp"] = lambda _: json({**VOICEWARP, "active": None})

    page = visitor.open("/card").text

    assert "ボイスワープ（1件）" in page
    assert 'まだ決まっていない番号：<span class="number">06-0000-2222</span>' in page


def test_the_card_costs_no_more_for_many_numbers(visitor: Visitor) -> None:
    numbers = [{"number": f"06{10000000 + one}", "options": ["voicewarp"]} for one in range(200)]

    page = log_in_as(visitor, numbers=numbers).open("/card").text

    asked = [one for one in visitor["voicewarp"].asked if one.path.startswith("/numbers/")]
    assert len(asked) == MOST_PLANS
    assert "ほかの番号の転送先は" in page


def test_the_card_can_be_kept_as_a_pdf(set_up: Visitor) -> None:
    answer = set_up.open("/card.pdf").response

    written = text_of(answer.data)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/pdf")
    assert answer.headers["Cache-Control"] == "no-store"
    for words in ("停電・災害・回線の故障のとき", "https://tsunagu.example/lite", "[1]", "03-1234-5678", "店長"):
        assert words in written
    assert "戻る" not in written
    assert "PDFを開く" not in written


def test_a_pdf_of_many_numbers_has_them_all_and_stays_small() -> None:
    rows = "".join(f"<tr><th>06-0000-{place:04}</th><td>&lt;店長&gt; 𠮷😀</td></tr>" for place in range(200))

    made = pdf_of(f"<main><table><caption>一括転送</caption>{rows}</table></main>", "")

    written = text_of(made)
    assert [f"06-0000-{place:04}" in written for place in range(200)] == [True] * 200
    assert "<店長>" in written
    assert len(made) < 50_000


def text_of(pdf: bytes) -> str:
    """What a reader finds in it, whatever line it stands on."""
    pages = pypdfium2.PdfDocument(pdf)
    return "".join(page.get_textpage().get_text_bounded() for page in pages).replace("\r\n", "")
