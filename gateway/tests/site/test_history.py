"""The pages of the history: sentences with who, when and how, of the contract and of each number, in pages."""

from typing import Any

import pytest
from werkzeug import Request, Response

from gateway.routes import HISTORIES
from gateway.tests.site.visitor import CONTRACT, ME, SECOND, Visitor
from gateway.tests.upstreams import Service, json, problem

OF_CONTRACT, OF_NUMBER = HISTORIES.values()


def item(place: int, kind: str = "customer", id: str = CONTRACT, source: str = "203.0.113.5") -> dict[str, Any]:
    return {
        "id": f"stream@{place}.0",
        "at": f"2026-11-{1 + place // 10:02}T0{place % 10}:00:00+00:00",
        "by": {"kind": kind, "id": id, "from": source},
        "event": "PasswordChanged",
        "data": {},
        "sentence": {"ja": f"設定{place}を変更しました", "en": f"Setting {place} was changed"},
    }


def tells(service: Service, path: str, items: list[dict[str, Any]]) -> None:
    """As services tell their part: newest first, `before` and `limit`."""

    def answer(request: Request) -> Response:
        before, limit = request.args.get("before") or "9999999999", int(request.args["limit"])
        older = [one for one in items if f"{_place(one):010d}.0000" < before]
        more = f"{_place(older[limit - 1]):010d}.0000" if len(older) > limit else None
        return json({"items": older[:limit], "next": more})

    service.views[path] = answer


def _place(one: dict[str, Any]) -> int:
    return int(one["id"].partition("@")[2].partition(".")[0])


@pytest.fixture
def full(customer: Visitor) -> Visitor:
    """A customer whose contract and numbers have no history yet."""
    for owner in OF_CONTRACT:
        tells(customer[owner], f"/contracts/{CONTRACT}/history", [])
    for owner in OF_NUMBER:
        for number in (CONTRACT, SECOND):
            tells(customer[owner], f"/numbers/{number}/history", [])
    return customer


def test_it_says_what_when_and_how(full: Visitor) -> None:
    tells(full["auth"], f"/contracts/{CONTRACT}/history", [item(1), item(0, "telephone", source="")])
    tells(full["bulkforward"], f"/contracts/{CONTRACT}/history", [item(2, "automatic", "bulkforward", "")])
    tells(full["notify"], f"/contracts/{CONTRACT}/history", [item(3, "operator", "desk", "10.0.0.1")])

    page = full.open("/history").text

    assert [place for place in (3, 2, 1, 0) if f"設定{place}を変更しました" in page] == [3, 2, 1, 0]
    assert page.index("設定3を") < page.index("設定2を") < page.index("設定1を") < page.index("設定0を")
    assert "2026年11月1日（日）" in page
    assert "12:00" in page
    for said in ("このサイトで操作", "203.0.113.5", "電話で操作", "自動で動作", "係員が操作"):
        assert said in page
    assert "10.0.0.1" not in page


def test_a_login_that_failed_was_nobody_of_the_house(full: Visitor) -> None:
    tells(full["auth"], f"/contracts/{CONTRACT}/history", [item(1, "automatic", "anonymous", "198.51.100.7")])

    page = full.open("/history").text

    assert "ログイン前の操作" in page
    assert "198.51.100.7" in page


def test_pages_lead_on_to_the_oldest_and_back(full: Visitor) -> None:
    tells(full["auth"], f"/contracts/{CONTRACT}/history", [item(place) for place in range(70, 0, -1)])

    first = full.open("/history")
    second = full.open(_older(first.text))
    third = full.open(_older(second.text))

    assert "設定41を" in first.text
    assert "設定40を" not in first.text
    assert "設定40を" in second.text
    assert "設定1を" in third.text
    assert "もっと古い" not in third.text
    assert 'href="/history">最新の履歴に戻る' in third.text


def _older(text: str) -> str:
    return text.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]


@pytest.mark.parametrize("before", ["x", "eyJ4IjoiMSJ9", "%00"])
def test_a_page_that_there_never_was_is_not_found(full: Visitor, before: str) -> None:
    assert full.open(f"/history?before={before}").status == 404


def test_each_number_has_its_own(full: Visitor) -> None:
    tells(full["voicewarp"], f"/numbers/{SECOND}/history", [item(1)])

    page = full.open(f"/history?number={SECOND}")

    assert page.path == f"/numbers/{SECOND}/history"
    assert "設定1を" in page.text
    assert "まだ履歴はありません" in full.open("/history").text


@pytest.mark.parametrize(("path", "mark"), [("/history", "page"), (f"/numbers/{SECOND}/history", "true")])
def test_the_menu_marks_where_a_history_belongs(full: Visitor, path: str, mark: str) -> None:
    page = full.open(path).text

    assert f'<a href="/history" aria-current="{mark}">' in page
    assert page.count("aria-current") == 1


def test_a_number_that_is_alone_sees_its_own(full: Visitor) -> None:
    full.login |= {"unit": "number", "numbers": ME["numbers"][:1], "options": []}

    page = full.open("/history")

    assert page.path == f"/numbers/{CONTRACT}/history"
    assert "見る履歴を選ぶ" not in page.text


def test_a_number_of_somebody_else_is_not_found(full: Visitor) -> None:
    assert full.open("/numbers/0312345678/history").status == 404


def test_a_history_with_a_hole_is_not_shown(full: Visitor) -> None:
    full["linewatch"].views[f"/contracts/{CONTRACT}/history"] = lambda _: problem(503, "store-unavailable")

    assert full.open("/history").status == 503


def test_it_speaks_english(full: Visitor) -> None:
    tells(full["auth"], f"/contracts/{CONTRACT}/history", [item(1)])

    page = full.open("/history?lang=en").text

    assert "Setting 1 was changed" in page
    assert "On this site" in page


def test_what_services_say_is_shown_and_never_run(full: Visitor) -> None:
    nasty = item(1, source="<script>x") | {"sentence": {"ja": "<script>06-0000-1111</script>", "en": ""}}
    tells(full["auth"], f"/contracts/{CONTRACT}/history", [nasty])

    assert "<script>x" not in full.open("/history").text
    assert "<script>0" not in full.open("/history").text
