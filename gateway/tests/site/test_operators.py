"""Operators' pages: whom they let in, what they show, and what they order."""

from io import BytesIO
from random import Random
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest
from werkzeug import Request, Response

from gateway.routes import UPLOADS
from gateway.tests.site.test_pages import HTML_BYTES, ZIPPED
from gateway.tests.site.visitor import CONTRACT, SECOND, SITE, TOKEN, Visitor
from gateway.tests.site.visitor import Page as Shown
from gateway.tests.upstreams import json, problem
from gateway.upstream import Answer, Call, Upstream

KEY = "tsu_operator"
AT = "2026-11-23T09:00:00+09:00"
API_KEY = {"id": "k1", "name": "NOC", "scopes": ["line-events"], "created_at": AT, "revoked": False, "last_seen": None}
MAIL = {
    "id": "m1",
    "contract_number": CONTRACT,
    "kind": "fault",
    "to": "soumu@example.jp",
    "queued_at": AT,
    "state": "failed",
    "attempts": 5,
    "next_at": None,
    "answer": "550 5.7.1 relay denied",
}
REFUSED = {
    "id": "r1",
    "kind": "alertmanager",
    "source": "noc-west",
    "code": "unknown-line",
    "item": '{"labels": "<b>"}',
    "times": 2,
    "first_at": AT,
    "last_at": AT,
}
HOLDER = {
    "contract_number": CONTRACT,
    "circuit": "C-1111",
    "contractor": "株式会社つなぐ",
    "site": "本店",
    "options": ["bulk-forward"],
    "numbers": {CONTRACT: ["voicewarp"], SECOND: []},
}
SOURCE = {
    "kind": "json",
    "source": "noc-west",
    "first_seen": AT,
    "last_seen": AT,
    "accepted": 3,
    "duplicates": 0,
    "ignored": 1,
    "rejected": 2,
    "refused": "unknown-line",
    "refused_at": AT,
}
FAULT = {"contract_number": CONTRACT, "since": AT, "severity": "critical", "cause": "断線", "flapping": True}
PAGES = ("", "/contracts", f"/contracts/{CONTRACT}", "/lines", "/mails", "/sources", "/letters", "/keys", "/keys/new")


def _keys(request: Request) -> Response:
    if request.method == "GET":
        return json({"items": [API_KEY, API_KEY | {"id": "k2", "name": "old", "revoked": True}]})
    named = request.get_json()
    wrong = [{"field": "scopes", "code": "wrong-length"}] if not named["scopes"] else []
    if wrong:
        return json({"status": 422, "code": "invalid-body", "errors": wrong}, 422)
    return json(API_KEY | named | {"key": "tsu_made_just_now"}, 201)


@pytest.fixture
def staff(visitor: Visitor) -> Visitor:
    """A visitor for whom the services answer as for an operator, before the login."""
    visitor.tokens.add(KEY)
    auth, line, notify = (visitor[name].views for name in ("auth", "linewatch", "notify"))
    auth["/api-keys"] = _keys
    auth["/api-keys/k1"] = lambda _: Response(status=204)
    auth[f"/contracts/{CONTRACT}"] = lambda request: (
        json(HOLDER, ETag='"7"') if request.method == "GET" else Response(status=204)
    )
    line["/lines"] = lambda _: json({"items": [FAULT], "next": CONTRACT})
    line[f"/lines/{CONTRACT}"] = lambda _: json({"faulted": True, "since": AT})
    line["/sources"] = lambda _: json({"items": []})
    line["/line-events/refused"] = lambda _: json({"items": [REFUSED]})
    notify["/mails"] = lambda _: json({"items": [MAIL]})
    notify["/mails/m1/retry"] = lambda _: json({"id": "m1", "state": "queued"}, 202)
    return visitor


@pytest.fixture
def operator(staff: Visitor) -> Visitor:
    assert log_in(staff).path == "/operators"
    return staff


def log_in(visitor: Visitor, key: str = KEY) -> Shown:
    return visitor.press(visitor.open("/operators/login"), "ログインする", key=key)


def sent(visitor: Visitor, service: str, method: str, path: str) -> list[Any]:
    return [msgspec.json.decode(one.body) for one in visitor.asked(service, method, path)]


# Who gets in.


@pytest.mark.parametrize("path", PAGES)
def test_customers_do_not_reach_these_pages(customer: Visitor, path: str) -> None:
    customer.tokens.add(KEY)
    asked = sum(len(service.asked) for service in customer.services.values())

    page = customer.open(f"/operators{path}")

    assert page.path == "/operators/login"
    assert sum(len(service.asked) for service in customer.services.values()) == asked


@pytest.mark.parametrize("path", ["/", "/password", f"/numbers/{CONTRACT}/voicewarp"])
def test_an_operator_s_key_opens_no_customer_s_page(operator: Visitor, path: str) -> None:
    assert operator.open(path).path == "/login"


def test_every_page_leads_to_the_login_and_back(staff: Visitor) -> None:
    page = staff.press(staff.open("/operators/mails?state=failed"), "ログインする", key=KEY)

    assert page.response.request.full_path == "/operators/mails?state=failed"


@pytest.mark.parametrize("url", ["https://evil.example/operators", "//evil.example", "/operatorsx", "/"])
def test_the_login_leads_nowhere_else(staff: Visitor, url: str) -> None:
    page = staff.press(staff.open(f"/operators/login?next={url}"), "ログインする", key=KEY)

    assert page.response.request.url == f"{SITE}/operators"


@pytest.mark.parametrize("key", ["", "tsu_unknown", "with\nbreak"])
def test_no_other_key_gets_in(staff: Visitor, key: str) -> None:
    page = log_in(staff, key)

    assert page.status == 401
    assert page.title.startswith("エラー:")
    assert not staff.client.get_cookie("__Host-tsunagu-operator", domain="tsunagu.example")


@pytest.mark.parametrize("key", [TOKEN, "tsu_monitor"])
def test_neither_a_customer_s_token_nor_a_machine_s_key_gets_in(staff: Visitor, key: str) -> None:
    staff.tokens.add(key)
    staff["auth"].views["/api-keys"] = lambda _: problem(403, "forbidden")

    assert log_in(staff, key).status == 401
    assert staff.open("/operators").path == "/operators/login"


def test_while_nobody_can_tell_nobody_gets_in(staff: Visitor) -> None:
    staff["auth"].views["/api-keys"] = lambda _: problem(503, "store-unavailable")

    assert log_in(staff).status == 503
    assert staff.open("/operators").path == "/operators/login"


def test_the_cookie_is_as_safe_as_a_customer_s(staff: Visitor) -> None:
    page = staff.press(staff.open("/operators/login"), "ログインする", follow=False, key=KEY)

    (cookie,) = [one for one in page.response.headers.getlist("Set-Cookie") if "operator" in one]
    assert cookie.startswith(f"__Host-tsunagu-operator={KEY};")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=43200"} <= set(cookie.split("; "))


def test_a_revoked_key_leads_to_the_login(operator: Visitor) -> None:
    operator["auth"].views["/api-keys"] = lambda _: problem(401, "token-invalid")

    page = operator.open("/operators/keys")

    assert page.path == "/operators/login"
    assert "ログインの時間が終わったか、キーが取り消されました" in page.text
    assert operator.open("/operators").path == "/operators/login"


def test_the_logout_ends_no_customer_s_login(operator: Visitor) -> None:
    operator.log_in()

    page = operator.press(operator.open("/operators"), "ログアウト")

    assert page.path == "/operators/login"
    assert operator.open("/").path == "/"


def test_a_form_from_elsewhere_is_refused(operator: Visitor) -> None:
    page = operator.open(f"/operators/keys/{API_KEY['id']}/revoke")

    refused = operator.send("/operators/keys/k1/revoke", page.form("取り消す").fields, origin="cross-site")

    assert refused.status == 403
    assert not operator.asked("auth", "DELETE", "/api-keys/k1")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_page_is_shown(operator: Visitor, path: str, language: str) -> None:
    page = operator.open(f"/operators{path}?lang={language}")

    assert (page.status, page.lang) == (200, language)
    assert page.text.count("<h1") == 1
    assert page.response.headers["Cache-Control"] == "no-store"


# What needs a look.


def test_the_overview_counts_and_says_what_is_unknown(operator: Visitor) -> None:
    operator["notify"].views["/mails"] = lambda _: problem(503, "store-unavailable")

    page = operator.open("/operators")

    assert page.text.count("いまは確かめられません") == 2
    assert page.text.count("1件") == 2


def test_a_line_at_fault_says_since_when_and_why(operator: Visitor) -> None:
    page = operator.open("/operators/lines")

    assert "2026年11月23日（月）09:00" in page.text
    assert all(words in page.text for words in ("06-0000-1111", "重大", "断線", "変化をくり返しています"))
    assert f'href="/operators/lines?after={CONTRACT}"' in page.text


def test_refused_alerts_are_taken_again(operator: Visitor) -> None:
    answer = {"accepted": 1, "duplicates": 0, "ignored": 0, "rejected": 0, "results": []}
    operator["linewatch"].views["/line-events/refused/retry"] = lambda _: json(answer, 202)
    page = operator.open("/operators/letters")
    assert "&lt;b&gt;" in page.text

    after = operator.press(page, "もう一度受け付ける")

    assert sent(operator, "linewatch", "POST", "/line-events/refused/retry") == [{"ids": ["r1"]}]
    assert "受け付けた知らせは1件" in after.text


# Mails.


def test_mails_are_narrowed_by_contract_and_state(operator: Visitor) -> None:
    page = operator.open("/operators/mails?contract=06-0000-1111&state=failed")

    query = parse_qs(operator.asked("notify", "GET", "/mails")[-1].query)
    assert query == {"limit": ["100"], "contract": [CONTRACT], "state": ["failed"]}
    assert "550 5.7.1 relay denied" in page.text


def test_a_state_that_there_is_not_is_none(operator: Visitor) -> None:
    assert operator.open("/operators/mails?state=lost").status == 200
    assert operator.asked("notify", "GET", "/mails")[-1].query == "limit=100"


def test_a_mail_is_sent_again_and_the_list_stays_narrowed(operator: Visitor) -> None:
    page = operator.press(operator.open("/operators/mails?state=failed"), "もう一度送る")

    assert len(operator.asked("notify", "POST", "/mails/m1/retry")) == 1
    assert page.response.request.full_path == "/operators/mails?state=failed"
    assert "もう一度送るようにしました" in page.text


def test_a_mail_that_cannot_be_sent_again_says_why(operator: Visitor) -> None:
    operator["notify"].views["/mails/m1/retry"] = lambda _: json(
        {"status": 422, "code": "mail-not-failed", "detail": "送信に失敗したメールだけです。"}, 422
    )

    assert "送信に失敗したメールだけです" in operator.press(operator.open("/operators/mails"), "もう一度送る").text


# API keys.


def test_a_new_key_is_shown_once(operator: Visitor) -> None:
    page = operator.press(operator.open("/operators/keys/new"), "APIキーを作る", name=" NOC ", scopes=["ivr", "calls"])

    assert sent(operator, "auth", "POST", "/api-keys") == [{"name": "NOC", "scopes": ["ivr", "calls"]}]
    assert "tsu_made_just_now" in page.text
    assert "tsu_made_just_now" not in operator.open("/operators/keys").text


def test_what_is_wrong_with_a_new_key_stands_beside_the_field(operator: Visitor) -> None:
    page = operator.press(operator.open("/operators/keys/new"), "APIキーを作る", name="NOC")

    assert page.status == 422
    assert page.text.count("使い道を1つ以上選んでください") == 2
    assert ("name", "NOC") in page.form("APIキーを作る").fields


def test_sending_the_form_twice_makes_one_key(operator: Visitor) -> None:
    form = operator.open("/operators/keys/new").form("APIキーを作る")
    fields = [*form.fields, ("scopes", "ivr")]

    for _ in range(2):
        operator.send("/operators/keys/new", fields)

    assert len({one.headers["Idempotency-Key"] for one in operator.asked("auth", "POST", "/api-keys")}) == 1


def test_a_key_is_revoked_after_a_question(operator: Visitor) -> None:
    question = operator.open("/operators/keys/k1/revoke")
    assert not operator.asked("auth", "DELETE", "/api-keys/k1")

    page = operator.press(question, "取り消す")

    assert len(operator.asked("auth", "DELETE", "/api-keys/k1")) == 1
    assert "APIキー「NOC」を取り消しました" in page.text


def test_a_key_that_there_is_not_is_not_found(operator: Visitor) -> None:
    assert operator.open("/operators/keys/k9/revoke").status == 404


# Contracts.


def test_a_contract_is_found_by_its_number_as_people_type_it(operator: Visitor) -> None:
    page = operator.open("/operators/contracts?number=０６-0000-1111")

    assert page.path == f"/operators/contracts/{CONTRACT}"
    assert all(words in page.text for words in ("株式会社つなぐ", "C-1111", "一括転送", "故障中", "06-0000-2222"))


@pytest.mark.parametrize("number", ["0699999999", "abc", "../api-keys"])
def test_a_number_without_a_contract_says_so_and_stays(operator: Visitor, number: str) -> None:
    page = operator.open(f"/operators/contracts?number={number}")

    assert page.status == 404
    assert "この番号の契約はありません" in page.text
    assert ("number", number) in page.form("契約を表示する").fields


def test_a_contract_is_removed_after_a_question_about_what_was_shown(operator: Visitor) -> None:
    question = operator.open(f"/operators/contracts/{CONTRACT}/remove")
    page = operator.press(question, "契約を終了する")

    (asked,) = operator.asked("auth", "DELETE", f"/contracts/{CONTRACT}")
    assert asked.headers["If-Match"] == '"7"'
    assert "06-0000-1111の契約を終了しました" in page.text


def test_a_contract_that_was_changed_meanwhile_is_asked_about_again(operator: Visitor) -> None:
    operator["auth"].views[f"/contracts/{CONTRACT}"] = lambda request: (
        json(HOLDER, ETag='"8"') if request.method == "GET" else problem(412, "changed-meanwhile")
    )

    page = operator.press(operator.open(f"/operators/contracts/{CONTRACT}/remove"), "契約を終了する")

    assert page.status == 412
    assert "契約の内容が変わりました" in page.text
    assert ("etag", '"8"') in page.form("契約を終了する").fields


def upload(operator: Visitor, name: str, data: bytes) -> Shown:
    fields = dict(operator.open("/operators/contracts/import").form("ファイルを送って").fields)
    answer = operator.client.post(
        "/operators/contracts/import",
        data={**fields, "file": (BytesIO(data), name)},
        base_url=SITE,
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    return Shown(answer)


@pytest.mark.parametrize(("name", "kind"), [("a.CSV", "text/csv"), ("a.jsonl", "application/x-ndjson")])
def test_a_file_is_taken_and_its_bad_lines_are_told(operator: Visitor, name: str, kind: str) -> None:
    told = {"imported": 2, "changed": 0, "unchanged": 1, "rejected": 200, "errors_left_out": 0}
    errors = [{"line": line, "code": "number-taken", "message": "<i>", "errors": []} for line in range(200)]
    operator["auth"].views["/contracts"] = lambda _: json({**told, "done": True, "errors": errors})

    page = upload(operator, name, b"contract_number\n")

    (asked,) = operator.asked("auth", "POST", "/contracts")
    assert (asked.headers["Content-Type"], asked.body) == (kind, b"contract_number\n")
    assert "2件" in page.text
    assert "ほかに100行あります" in page.text
    assert "<i>" not in page.text


@pytest.mark.parametrize(
    ("code", "fields", "words"),
    [
        (
            "number-taken",
            {f"numbers.{SECOND}": "number-taken"},
            "電話番号 06-0000-2222：別の契約で使われている番号です",
        ),
        ("invalid-body", {"numbers.0312": "not-a-subscriber-number", "site": "too-long"}, "設置場所：長すぎます"),
        ("invalid-body", {"oddity": "unknown-field"}, "oddity：使えない項目です"),
        ("invalid-body", {"site": "to-come"}, "設置場所：入力した内容を確かめてください"),
        ("wrong-number-of-cells", {}, "列の数が1行目と違います"),
        ("unreadable-line", {}, "この行は読み取れません"),
        ("to-come", {}, "入力した内容を確かめてください"),
    ],
)
def test_a_refused_row_is_told_in_words(operator: Visitor, code: str, fields: dict[str, str], words: str) -> None:
    told = {"imported": 0, "changed": 0, "unchanged": 0, "rejected": 1, "errors_left_out": 0, "done": True}
    wrong = [{"field": field, "code": one} for field, one in fields.items()]
    refused = told | {"errors": [{"line": 7, "code": code, "message": "", "errors": wrong}]}
    operator["auth"].views["/contracts"] = lambda _: json(refused)

    page = upload(operator, "a.csv", b"contract_number\n").text

    shown = page.replace('<span class="number">', "").replace("06-0000-2222</span>", "06-0000-2222")
    assert "7行目" in page
    assert words in shown
    assert f"{code}<" not in page
    assert "<table" not in page


@pytest.mark.parametrize("name", ["", "a.xlsx"])
def test_another_file_is_not_sent(operator: Visitor, name: str) -> None:
    assert upload(operator, name, b"x").status == 422
    assert not operator.asked("auth", "POST", "/contracts")


def test_a_file_without_its_columns_says_which_there_are(operator: Visitor) -> None:
    operator["auth"].views["/contracts"] = lambda _: problem(422, "unknown-columns")

    assert "1行目の列名を確かめてください" in upload(operator, "a.csv", b"a,b\n").text


def test_a_file_has_as_long_as_the_api_gives_it(operator: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: dict[str, float | None] = {}
    send = Upstream.send

    def noted(upstream: Upstream, call: Call) -> Answer:
        waited[f"{call.method} {call.target}"] = call.seconds
        return send(upstream, call)

    monkeypatch.setattr(Upstream, "send", noted)

    upload(operator, "a.csv", b"contract_number\n")

    assert waited["POST /contracts"] == UPLOADS["/contracts"].seconds


def test_an_import_that_was_cut_off_may_go_on(operator: Visitor) -> None:
    operator["auth"].views["/contracts"] = lambda _: problem(503, "store-unavailable")

    page = upload(operator, "a.csv", b"contract_number\n")

    assert page.status == 503
    assert "登録が続いているかもしれません" in page.text
    assert "重ねて登録されることはありません" in page.text
    assert "ただいま保存できません" not in page.text


def _many(one: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """All different, and as little alike as they get."""
    random = Random(count)
    lengths = {"id": 64, "to": 80, "answer": 120, "source": 80, "name": 120, "item": 2000}
    named = {name: bits for name, bits in lengths.items() if name in one}
    return [one | {name: f"{random.getrandbits(bits):x}" for name, bits in named.items()} for _ in range(count)]


@pytest.mark.parametrize(
    ("service", "asked", "path", "one"),
    [
        ("notify", "/mails", "/mails", MAIL),
        ("linewatch", "/lines", "/lines", FAULT),
        ("linewatch", "/line-events/refused", "/letters", REFUSED),
        ("auth", "/api-keys", "/keys", API_KEY),
        ("linewatch", "/sources", "/sources", SOURCE),
    ],
)
def test_a_full_page_stays_small(operator: Visitor, service: str, asked: str, path: str, one: dict[str, Any]) -> None:
    def answer(request: Request) -> Response:
        return json({"items": _many(one, int(request.args.get("limit", 200))), "next": None})

    operator[service].views[asked] = answer

    page = operator.client.get(f"/operators{path}", base_url=SITE, headers=ZIPPED)

    assert page.status_code == 200
    assert len(page.data) <= HTML_BYTES
