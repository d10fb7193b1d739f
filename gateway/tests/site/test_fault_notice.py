"""Fault notice: who is told, in which words, a test of it, and the line."""

from typing import Any

import pytest
from werkzeug import Request, Response

from gateway.site.pages.fault_notice import forwarding, moments
from gateway.tests.site.visitor import CONTRACT, Visitor
from gateway.tests.upstreams import Asked, json, problem

PATH = f"/contracts/{CONTRACT}/fault-notice"
PLAN = f"/contracts/{CONTRACT}/bulk-forward"
LINE = f"/lines/{CONTRACT}"
SINCE = "2026-11-23T09:00:00+09:00"
NOTICE: dict[str, Any] = {
    "started": True,
    "contractor": "株式会社つなぐ",
    "site": "本店",
    "addresses": ["a@example.jp", "b@example.jp"],
}
FORWARDING = {"running": False, "cause": None, "since": None, "entries": {CONTRACT: "0312345678"}}
QUIET: dict[str, Any] = {"faulted": False, "flapping": False, "since": None, "timeline": []}


def notice_is(customer: Visitor, notice: dict[str, Any], etag: str = '"1"') -> None:
    def answer(request: Request) -> Response:
        if request.method == "PUT" and request.headers["If-Match"] != etag:
            return problem(412, "stale")
        return json(notice, ETag=etag)

    customer["notify"].views[PATH] = answer


def orders(customer: Visitor) -> list[Asked]:
    return [one for one in customer["notify"].asked if one.method != "GET"]


@pytest.fixture
def owner(customer: Visitor) -> Visitor:
    notice_is(customer, NOTICE)
    customer["bulkforward"].views[PLAN] = lambda _: json(FORWARDING | {"auto_start": True, "auto_stop": True})
    customer["linewatch"].views[LINE] = lambda _: json(QUIET)
    return customer


def test_it_shows_the_state_the_settings_and_the_mail(owner: Visitor) -> None:
    page = owner.open("/fault-notice")

    assert page.form("故障・回復通知を停止する").action == "/fault-notice/stop"
    assert "株式会社つなぐ 様" in page.text
    assert "【つなぐ】回線の故障のお知らせ（本店）" in page.text
    assert "一括転送を自動で開始しました（1件）" in page.text
    assert "これまでに故障の記録はありません" in page.text


def test_one_press_stops_and_another_takes_it_back(owner: Visitor) -> None:
    owner["notify"].views[f"{PATH}/stop"] = owner["notify"].views[f"{PATH}/start"] = lambda _: json(NOTICE)

    page = owner.press(owner.open("/fault-notice"), "故障・回復通知を停止する")
    owner.press(page, "元に戻す")

    assert page.path == "/fault-notice"
    assert [one.path for one in orders(owner)] == [f"{PATH}/stop", f"{PATH}/start"]


def test_without_addresses_it_leads_to_them(owner: Visitor) -> None:
    notice_is(owner, NOTICE | {"started": False, "addresses": []})

    page = owner.open("/fault-notice").text

    assert "送信先がまだないため、開始できません" in page
    assert 'action="/fault-notice/start"' not in page
    assert "テストメールを送る" not in page


def test_addresses_that_are_refused_are_shown(owner: Visitor) -> None:
    refused = [{"address": "b@example.jp", "since": SINCE, "answer": "550 5.1.1 unknown"}]
    notice_is(owner, NOTICE | {"undeliverable": refused})

    assert "メールが届かない送信先があります" in owner.open("/fault-notice").text
    assert "次のアドレスにはメールが届きません" in owner.open("/fault-notice/addresses").text


def test_a_fault_stands_above_all_and_the_timeline_tells_what_concerns_customers(owner: Visitor) -> None:
    timeline = [
        {"at": SINCE, "event": "LineFaulted", "sentence": {"ja": "故障を検知しました", "en": "A fault"}},
        {"at": SINCE, "event": "AlarmRaised", "sentence": {"ja": "noc-westから警報", "en": "noc-west"}},
    ]
    owner["linewatch"].views[LINE] = lambda _: json(QUIET | {"faulted": True, "since": SINCE, "timeline": timeline})

    page = owner.open("/fault-notice").text

    assert page.index("回線の故障を確認しています") < page.index("<h1")
    assert "故障を検知しました" in page
    assert "noc-west" not in page


def test_the_timeline_is_told_in_the_language_of_the_page() -> None:
    line = {"timeline": [{"at": SINCE, "event": "LineRecovered", "sentence": {"ja": "回復", "en": "Recovered"}}] * 30}

    assert moments(line, "en") == [(SINCE, "Recovered")] * 20
    assert moments(None, "ja") == []


def test_what_nobody_can_tell_is_said_to_be_unknown(owner: Visitor) -> None:
    del owner["linewatch"].views[LINE], owner["bulkforward"].views[PLAN]

    page = owner.open("/fault-notice")

    assert page.status == 200
    assert "いまは確かめられません" in page.text
    assert "一括転送の状態は、設定サイトでご確認ください" in page.text


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (None, "設定サイトでご確認ください"),
        ({"running": True}, "すでに開始されています"),
        ({"running": False, "auto_start": False}, "「停止」に設定されています"),
        ({"running": False, "auto_start": True, "entries": {}}, "転送先が登録されていません"),
        ({"running": False, "auto_start": True, "entries": {"0": "1"}}, "自動で開始しました"),
    ],
)
def test_the_preview_says_what_bulk_forwarding_would_do(plan: dict[str, Any] | None, said: str) -> None:
    assert said in forwarding(["bulk-forward"], plan)
    assert "ご契約がありません" in forwarding([], plan)


def test_automation_is_switched_from_here_too(owner: Visitor) -> None:
    page = owner.press(owner.open("/fault-notice"), "自動で停止しないようにする")

    assert page.path == "/fault-notice"
    assert "自動で停止しないようにしました" in page.text


def test_without_bulk_forwarding_there_is_no_automation(owner: Visitor) -> None:
    owner.login |= {"options": ["fault-notice"]}

    page = owner.open("/fault-notice").text

    assert "自動で停止" not in page
    assert "一括転送機能のご契約がありません" in page


def test_a_test_mail_is_sent_and_its_limit_is_said(owner: Visitor) -> None:
    answers = [json({"addresses": NOTICE["addresses"]}, 202), problem(429, "too-many-test-mails")]
    owner["notify"].views[f"{PATH}/test-mail"] = lambda _: answers.pop(0)

    page = owner.open("/fault-notice")

    assert "10分間に5回まで" in page.text
    assert "2件の送信先へ送りました" in owner.press(page, "テストメールを送る").text
    assert "しばらく待ってから" in owner.press(page, "テストメールを送る").text


def test_name_and_place_are_saved_beside_all_else(owner: Visitor) -> None:
    page = owner.press(owner.open("/fault-notice/mail"), "契約者名と拠点を保存する", contractor=" つなぐ商店 ", site="")

    assert "メールに書く契約者名と拠点を保存しました" in page.text
    assert '"contractor":"つなぐ商店","site":""' in orders(owner)[0].body.decode()
    assert '"addresses":["a@example.jp","b@example.jp"]' in orders(owner)[0].body.decode()


def test_more_addresses_are_saved_at_once(owner: Visitor) -> None:
    typed = ["a@example.jp", "", "b@example.jp", "c@example.jp"]

    page = owner.press(owner.open("/fault-notice/addresses"), "送信先を保存する", addresses=typed)

    assert page.path == "/fault-notice"
    assert '["a@example.jp","b@example.jp","c@example.jp"]' in orders(owner)[0].body.decode()


def test_an_address_is_taken_away_after_it_was_named(owner: Visitor) -> None:
    asked = owner.press(owner.open("/fault-notice/addresses"), "送信先を保存する", addresses=["a@example.jp"])
    before = len(orders(owner))

    page = owner.press(asked, "送信先を変更する")

    assert "<strong>b@example.jp</strong>" in asked.text
    assert before == 0
    assert "送信先を保存しました" in page.text


def test_an_address_that_is_none_is_said_beside_its_field(owner: Visitor) -> None:
    page = owner.press(
        owner.open("/fault-notice/addresses"), "送信先を保存する", addresses=["a@example.jp", "b.example"]
    )

    assert page.status == 422
    assert 'href="#addresses.1">メールアドレス 2：書き方を確かめてください' in page.text
    assert 'value="b.example"' in page.text
    assert not orders(owner)


def test_while_it_is_on_an_address_has_to_be_left(owner: Visitor) -> None:
    error = {"field": "addresses", "code": "no-addresses", "message": ""}
    page = owner.open("/fault-notice/addresses")
    owner["notify"].views[PATH] = lambda request: (
        json(NOTICE, ETag='"1"')
        if request.method == "GET"
        else json({"status": 422, "code": "no-addresses", "errors": [error]}, 422)
    )

    refused = owner.press(page, "送信先を保存する", addresses=[""])

    assert refused.status == 422
    assert "送信先が1件以上必要です" in refused.text
    assert 'href="#addresses"' in refused.text


def test_somebody_elses_change_is_a_choice(owner: Visitor) -> None:
    page = owner.open("/fault-notice/mail")
    notice_is(owner, NOTICE | {"site": "支店"}, '"2"')

    both = owner.press(page, "契約者名と拠点を保存する", site="倉庫")
    owner.press(both, "入力した内容で保存する")

    assert both.status == 412
    assert "支店" in both.text
    assert "倉庫" in both.text
    assert '"site":"倉庫"' in orders(owner)[-1].body.decode()
