"""Incoming-call mail of a number: what is shown, what is sent to notify, and what is said of what it refuses."""

from typing import Any

import msgspec
import pytest
from werkzeug import Request, Response

from gateway.tests.site.visitor import CONTRACT, Visitor
from gateway.tests.upstreams import json

PATH = f"/numbers/{CONTRACT}/incoming-mail"
OFFICE, HOME = {"number": "0312345678", "label": "本社"}, {"number": "09012345678", "label": ""}
SETTING: dict[str, Any] = {
    "started": True,
    "addresses": ["a@example.jp", "b@example.jp"],
    "when": ["no-answer", "busy"],
    "callers": {"mode": "only", "numbers": [OFFICE, HOME], "anonymous": False},
}


class Notify:
    """One setting, with the ETag "1" and from the first change on "2"; `refusals` are given instead of changes."""

    def __init__(self) -> None:
        self.setting = SETTING
        self.etag = '"1"'
        self.refusals: list[Response] = []

    def __call__(self, request: Request) -> Response:
        if request.method == "PUT":
            if self.refusals:
                return self.refusals.pop(0)
            if request.headers["If-Match"] != self.etag:
                return refused(412, "stale")
            self.setting, self.etag = request.get_json(), '"2"'
        return json(self.setting, ETag=self.etag)


def refused(status: int, code: str, *errors: tuple[str, str]) -> Response:
    told = [{"field": field, "code": its_code, "message": ""} for field, its_code in errors]
    body = msgspec.json.encode({"status": status, "code": code, "errors": told})
    return Response(body, status, mimetype="application/problem+json")


@pytest.fixture
def notify(customer: Visitor) -> Notify:
    notify = Notify()
    customer["notify"].views[PATH] = notify
    return notify


def changed(notify: Notify, **parts: Any) -> None:
    notify.setting = {**SETTING, **parts}


def test_the_page_tells_the_whole_setting(customer: Visitor, notify: Notify) -> None:
    page = customer.open(PATH)

    assert "a@example.jp" in page.text
    assert "出なかった電話、話し中だった電話" in page.text
    assert "登録した番号からの電話だけ（登録した番号は2件）" in page.text
    assert page.form("お知らせを停止する").action == f"{PATH}/stop"


def test_without_an_address_it_leads_to_where_one_is_added(customer: Visitor, notify: Notify) -> None:
    changed(notify, started=False, addresses=[])

    page = customer.open(PATH).text

    assert f'href="{PATH}/addresses"' in page
    assert "お知らせを開始する" not in page


def test_an_address_that_refuses_mail_is_told(customer: Visitor, notify: Notify) -> None:
    changed(notify, undeliverable=[{"address": "b@example.jp", "since": "2026-11-22T10:00:00+09:00", "answer": "550"}])

    page = customer.open(PATH).text

    assert "メールが届かない送信先があります" in page
    assert "2026年11月22日（日）10:00" in page


def test_an_address_is_added_as_it_was_meant(customer: Visitor, notify: Notify) -> None:
    page = customer.press(
        customer.open(f"{PATH}/addresses"),
        "保存する",
        addresses=["a@example.jp", "", "b@example.jp", "ｃ＠example.jp "],
    )

    assert notify.setting["addresses"] == ["a@example.jp", "b@example.jp", "c@example.jp"]
    assert (page.path, "保存しました" in page.text) == (PATH, True)


def test_leaving_out_an_address_is_asked_about_first(customer: Visitor, notify: Notify) -> None:
    question = customer.press(customer.open(f"{PATH}/addresses"), "保存する", addresses=["", "b@example.jp"])

    assert "送信先からメールアドレスを外しますか" in question.text
    assert "<li>a@example.jp</li>" in question.text
    assert notify.setting is SETTING
    customer.press(question, "この内容に変更する")
    assert notify.setting["addresses"] == ["b@example.jp"]


def test_what_is_wrong_with_an_address_stands_beside_it(customer: Visitor, notify: Notify) -> None:
    notify.refusals = [refused(422, "invalid-body", ("addresses.2", "not-a-mail-address"))]
    typed = ["a@example.jp", "", "b@example.jp", "c@example"]

    page = customer.press(customer.open(f"{PATH}/addresses"), "保存する", addresses=typed)

    assert page.status == 422
    assert page.title.startswith("エラー:")
    assert 'href="#addresses.2">メールアドレス 3：書き方を確かめてください' in page.text
    assert '<input id="addresses.2" name="addresses" type="email" value="c@example"' in page.text


def test_nobody_is_asked_about_what_is_no_address(customer: Visitor, notify: Notify) -> None:
    page = customer.press(customer.open(f"{PATH}/addresses"), "保存する", addresses=["b.example.jp"])

    assert "「@」が1つ必要です" in page.text
    assert not customer.asked("notify", "PUT", PATH)


def test_all_kinds_of_calls_together_are_every_call(customer: Visitor, notify: Notify) -> None:
    kinds = ["answered", "no-answer", "busy", "forwarded"]

    customer.press(customer.open(f"{PATH}/when"), "保存する", when=kinds)

    assert notify.setting["when"] == ["all"]
    assert customer.open(f"{PATH}/when").text.count(" checked") == len(kinds)


def test_no_kind_of_call_is_said_to_be_too_few(customer: Visitor, notify: Notify) -> None:
    notify.refusals = [refused(422, "invalid-body", ("when", "no-condition"))]

    page = customer.press(customer.open(f"{PATH}/when"), "保存する", when=[])

    assert "お知らせする電話を1つ以上選んでください" in page.text
    assert 'id="when" name="when"' in page.text


def test_two_windows_are_compared(customer: Visitor, notify: Notify) -> None:
    page = customer.open(f"{PATH}/when")
    notify.setting, notify.etag = {**SETTING, "addresses": ["other@example.jp"]}, '"2"'

    conflict = customer.press(page, "保存する", when=["answered"])

    assert conflict.status == 412
    assert "other@example.jp" in conflict.text
    customer.press(conflict, "入力した内容で保存する")
    assert (notify.setting["when"], notify.setting["addresses"]) == (["answered"], ["other@example.jp"])


def test_choosing_callers_keeps_their_list(customer: Visitor, notify: Notify) -> None:
    customer.press(customer.open(f"{PATH}/callers"), "保存する", callers__mode="except", callers__anonymous="true")

    assert notify.setting["callers"] == {"mode": "except", "numbers": [OFFICE, HOME], "anonymous": True}


def test_a_list_without_names_is_shown_too(customer: Visitor, notify: Notify) -> None:
    changed(notify, callers={**SETTING["callers"], "numbers": ["0312345678"]})

    assert "03-1234-5678" in customer.open(f"{PATH}/callers").text


def test_a_full_list_says_so(customer: Visitor, notify: Notify) -> None:
    changed(notify, callers={**SETTING["callers"], "numbers": [f"03{10000000 + one}" for one in range(30)]})

    page = customer.open(f"{PATH}/callers").text

    assert "30件登録されています" in page
    assert f"{PATH}/callers/add" not in page


def test_a_caller_is_added_once_however_often_it_is_sent(customer: Visitor, notify: Notify) -> None:
    form = customer.open(f"{PATH}/callers/add").form("登録する")
    fields = [(name, value) for name, value in form.fields if name not in ("number", "label")]
    sent = [*fields, ("number", "０６－６４８０－６４３０"), ("label", "受付")]

    pages = [customer.send(form.action, sent) for _ in range(2)]

    assert notify.setting["callers"]["numbers"] == [OFFICE, HOME, {"number": "0664806430", "label": "受付"}]
    assert all("06-6480-6430 受付を登録しました" in page.text for page in pages)


@pytest.mark.parametrize(
    ("field", "code", "place", "sentence"),
    [
        ("callers.numbers.2", "too-short", "number", "電話番号の桁数が足りません。市外局番から入力してください"),
        ("callers.numbers.2", "empty", "number", "電話番号を入力してください"),
        ("callers.numbers.2.number", "too-long", "number", "電話番号の桁数が多すぎます。番号を確かめてください"),
        ("callers.numbers", "repeated-number", "number", "この番号はもう登録されています"),
        ("callers.numbers", "too-many-callers", "number", "登録できるのは30件までです"),
        ("callers.numbers.2.label", "too-long", "label", "名前は50文字までにしてください"),
    ],
)
def test_what_is_wrong_with_a_caller_stands_beside_it(
    customer: Visitor, notify: Notify, field: str, code: str, place: str, sentence: str
) -> None:
    notify.refusals = [refused(422, "caller-not-allowed", (field, code))]

    page = customer.press(customer.open(f"{PATH}/callers/add"), "登録する", number="12", label="受付")

    assert (page.status, page.path) == (422, f"{PATH}/callers/add")
    assert f'<p class="error-text" id="{place}-error">＊{sentence}' in page.text
    assert 'value="受付"' in page.text


def test_a_service_that_is_away_loses_nothing(customer: Visitor, notify: Notify) -> None:
    notify.refusals = [refused(503, "store-unavailable")]

    page = customer.press(customer.open(f"{PATH}/callers/add"), "登録する", number="0664806430")

    assert "ただいま保存できません" in page.text
    assert 'value="0664806430"' in page.text


def test_deleting_a_caller_is_asked_by_its_name(customer: Visitor, notify: Notify) -> None:
    question = customer.open(f"{PATH}/callers/{OFFICE['number']}/delete")

    assert "03-1234-5678 本社を一覧から削除しますか" in question.text
    page = customer.press(question, "一覧から削除する")
    assert notify.setting["callers"]["numbers"] == [HOME]
    assert "03-1234-5678 本社を一覧から削除しました" in page.text
    assert "もう一覧にありません" in customer.press(question, "一覧から削除する").text


def test_a_change_at_the_same_moment_is_kept(customer: Visitor, notify: Notify) -> None:
    notify.refusals = [refused(412, "stale")]

    customer.press(customer.open(f"{PATH}/callers/{OFFICE['number']}/delete"), "一覧から削除する")

    assert notify.setting["callers"]["numbers"] == [HOME]


def test_it_is_said_in_english(customer: Visitor, notify: Notify) -> None:
    page = customer.open(f"{PATH}?lang=en").text

    assert "Not answered, The line was busy" in page
    assert "Only calls from numbers on the list" in page
