"""Login, logout, the end of a session with what was typed, and forms that did not come from us."""

import re

import pytest
from werkzeug import Response

from gateway.routes import MEBIBYTE
from gateway.tests.site.visitor import CONTRACT, ME, PASSWORD, SESSION, SITE, TOKEN, Visitor
from gateway.tests.upstreams import json, problem

START = f"/numbers/{CONTRACT}/voicewarp/start"


def cookies(visitor: Visitor) -> dict[str, str]:
    return {one.key: one.value for one in (visitor.client._cookies or {}).values()}


def test_a_login_leads_to_the_top_page(visitor: Visitor) -> None:
    page = visitor.log_in()

    assert (page.status, page.path) == (200, "/")
    assert "06-0000-1111" in page.text


def test_the_number_goes_without_what_people_put_between_digits(visitor: Visitor) -> None:
    visitor.press(visitor.open("/login"), "ログインする", number="０６（0000）１１１１", password=PASSWORD)

    assert visitor.asked("auth", "POST", "/sessions")[0].body == (
        b'{"number":"0600001111","password":"' + PASSWORD.encode() + b'"}'
    )


def test_the_session_is_kept_where_no_script_and_no_other_host_sees_it(visitor: Visitor) -> None:
    page = visitor.press(visitor.open("/login"), "ログインする", follow=False, number=CONTRACT, password=PASSWORD)

    (kept,) = [one for one in page.response.headers.getlist("Set-Cookie") if TOKEN in one]
    assert kept.startswith("__Host-tsunagu-session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(kept.split("; "))
    assert "Domain" not in kept


def test_a_wrong_password_is_said_above_all_and_not_shown_again(visitor: Visitor) -> None:
    page = visitor.press(visitor.open("/login"), "ログインする", number="06-0000-1111", password="wrong-one")

    assert page.status == 401
    assert page.title.startswith("エラー:")
    assert "電話番号かパスワードが違います" in page.text
    assert 'value="06-0000-1111"' in page.text
    assert "wrong-one" not in page.text


def test_empty_fields_are_named(visitor: Visitor) -> None:
    errors = [{"field": "password", "code": "wrong-length", "message": ""}]
    visitor["auth"].views["/sessions"] = lambda _: json({"code": "invalid-body", "errors": errors}, 422)

    page = visitor.press(visitor.open("/login"), "ログインする", number="", password="")

    assert 'href="#number">電話番号を入力してください' in page.text
    assert 'href="#password">パスワードを入力してください' in page.text
    assert 'aria-invalid="true"' in page.text


def test_pages_are_for_who_is_logged_in(visitor: Visitor) -> None:
    page = visitor.open("/sessions-of-nobody-else")
    assert page.status == 404

    page = visitor.open("/password")
    assert (page.path, page.status) == ("/login", 200)


def test_after_the_login_one_is_where_one_wanted_to_go(visitor: Visitor) -> None:
    page = visitor.press(visitor.open("/password"), "ログインする", number=CONTRACT, password=PASSWORD)

    assert page.path == "/password"


@pytest.mark.parametrize(
    "url", ["//evil.example", "https://evil.example/", "/\\evil.example", "/nowhere", "/api/v1/me"]
)
def test_a_login_leads_nowhere_else(visitor: Visitor, url: str) -> None:
    page = visitor.press(visitor.open("/login"), "ログインする", number=CONTRACT, password=PASSWORD, next=url)

    assert page.path == "/"


def test_a_logout_ends_the_session_here_and_at_auth(customer: Visitor) -> None:
    page = customer.press(customer.open("/"), "ログアウト")

    assert page.path == "/login"
    assert "ログアウトしました" in page.text
    assert len(customer.asked("auth", "DELETE", "/sessions/current")) == 1
    assert "__Host-tsunagu-session" not in cookies(customer)


@pytest.mark.parametrize(
    ("language", "said"),
    [("ja", "この端末からはログアウトしました。サーバーに"), ("en", "logged out on this device. The server")],
)
@pytest.mark.parametrize("answer", [problem(503, "store-unavailable"), problem(500, "internal-error")])
def test_a_logout_that_auth_does_not_hear_of_says_so(
    customer: Visitor, answer: Response, language: str, said: str
) -> None:
    top = customer.open(f"/?lang={language}")
    customer["auth"].views["/sessions/current"] = lambda _: answer

    page = customer.press(top, "ログアウト" if language == "ja" else "Log out")

    assert page.path == "/login"
    assert said in page.text
    assert "__Host-tsunagu-session" not in cookies(customer)


def test_whoever_logs_out_is_forgotten_though_auth_does_not_hear_of_it(customer: Visitor) -> None:
    customer.lifetime = 60
    top = customer.open("/")
    customer["auth"].views["/sessions/current"] = lambda _: problem(500, "internal-error")
    exchanges = len(customer.asked("auth", "POST", "/tokens"))
    customer.press(top, "ログアウト")

    customer.client.set_cookie("__Host-tsunagu-session", TOKEN, domain="tsunagu.example", secure=True)
    customer.open("/")

    assert len(customer.asked("auth", "POST", "/tokens")) > exchanges


def test_who_has_logged_in_is_asked_about_once_for_several_pages(customer: Visitor) -> None:
    customer.lifetime = 60
    before = len(customer.asked("auth", "POST", "/tokens"))
    for path in ("/", "/lite", "/help"):
        assert customer.open(path).status == 200

    assert len(customer.asked("auth", "POST", "/tokens")) - before == 1


def test_who_has_logged_in_goes_on_while_auth_is_away(customer: Visitor) -> None:
    customer.lifetime = 60
    customer.open("/")
    customer["auth"].views["/tokens"] = lambda _: problem(503, "store-unavailable")

    assert customer.open("/").status == 200


def test_the_script_of_a_page_sees_whether_the_login_goes_on(customer: Visitor) -> None:
    going_on = customer.client.get("/session", base_url=SITE)
    customer["auth"].views["/sessions/current"] = lambda _: problem(401, "token-invalid")
    ended = customer.client.get("/session", base_url=SITE)

    assert (going_on.status_code, going_on.json) == (200, {"expires_at": SESSION["expires_at"]})
    assert (ended.status_code, ended.location) == (303, "/login?next=%2Fsession&ended=1")


def test_a_password_that_is_due_comes_first(customer: Visitor) -> None:
    customer.login |= {"must_change_password": True, "numbers": [], "options": []}

    page = customer.open("/")

    assert page.path == "/password"
    assert "はじめに新しいパスワードを決めてください" in page.text


def test_a_changed_password_goes_on_with_the_new_session(customer: Visitor) -> None:
    customer.tokens.add("tss_new")
    customer["auth"].views["/password"] = lambda _: json(SESSION | {"token": "tss_new"})

    page = customer.press(customer.open("/password"), "パスワードを変更する", current="a", new="b", new_again="b")

    assert page.path == "/"
    assert "パスワードを変更しました" in page.text
    assert cookies(customer)["__Host-tsunagu-session"] == "tss_new"


def test_what_was_typed_waits_for_the_login(customer: Visitor) -> None:
    form = customer.open("/password")
    customer["auth"].views["/password"] = lambda _: problem(401, "token-invalid")

    ended = customer.press(form, "パスワードを変更する", current="secret-one", new="b", new_again="b", memo="山田")

    assert ended.status == 401
    assert "secret-one" not in ended.text

    resume = customer.press(ended, "ログインする", number=CONTRACT, password=PASSWORD)
    assert "まだ保存していません" in resume.text
    assert ("memo", "山田") in resume.form("入力の続きへ進む").fields

    page = customer.press(resume, "入力の続きへ進む")
    assert (page.path, page.status) == ("/password", 200)
    assert not customer.asked("auth", "PUT", "/password")[1:]


@pytest.mark.parametrize("path", ["/login", "/password"])
def test_a_link_cannot_fill_in_what_was_typed(customer: Visitor, path: str) -> None:
    page = customer.open(f'{path}?next=/bulk-forward&typed=[["number","0999999999"]]')

    fields = dict(page.form("ログインする" if path == "/login" else "パスワードを変更する").fields)
    assert fields["next"] == "/bulk-forward"
    assert "typed" not in fields


def test_all_that_is_wrong_with_a_new_password_is_said_at_its_field(customer: Visitor) -> None:
    found = {"current": "wrong-length", "new": "too-short", "new_again": "passwords-differ"}
    errors = [{"field": field, "code": code, "message": ""} for field, code in found.items()]
    customer["auth"].views["/password"] = lambda _: json({"code": "invalid-body", "errors": errors}, 422)

    page = customer.press(customer.open("/password"), "パスワードを変更する", new="abc", new_again="abd")

    assert page.status == 422
    assert 'href="#current">今のパスワードを入力してください' in page.text
    assert 'href="#new">新しいパスワードは8文字以上にしてください' in page.text
    assert 'href="#new_again">2回のパスワードが違います' in page.text


def test_what_was_typed_outlives_a_wrong_password(customer: Visitor) -> None:
    form = customer.open("/password")
    customer["auth"].views["/password"] = lambda _: problem(401, "token-invalid")
    ended = customer.press(form, "パスワードを変更する", memo="山田")

    wrong = customer.press(ended, "ログインする", number=CONTRACT, password="wrong-one")
    resume = customer.press(wrong, "ログインする", number=CONTRACT, password=PASSWORD)

    assert ("memo", "山田") in resume.form("入力の続きへ進む").fields


def test_a_form_from_before_a_new_login_is_not_lost_and_not_carried_out(customer: Visitor) -> None:
    form = customer.open("/password")
    customer.client.set_cookie("__Host-tsunagu-session", "tss_other", domain="tsunagu.example", secure=True)
    customer.tokens.add("tss_other")

    page = customer.press(form, "パスワードを変更する", memo="山田")

    assert ("memo", "山田") in page.form("入力の続きへ進む").fields
    assert not customer.asked("auth", "PUT", "/password")


def test_a_login_form_that_is_outdated_is_sent_once_more(visitor: Visitor) -> None:
    form = visitor.open("/login?next=/password")
    visitor.client.delete_cookie("__Host-tsunagu-visit", domain="tsunagu.example")

    outdated = visitor.press(form, "ログインする", number="06-0000-1111", password=PASSWORD)
    again = visitor.press(outdated, "入力の続きへ進む")

    assert PASSWORD not in outdated.text
    assert 'value="06-0000-1111"' in again.text
    assert visitor.press(again, "ログインする", password=PASSWORD).path == "/password"
    assert len(visitor.asked("auth", "POST", "/sessions")) == 1


def test_a_form_of_a_closed_page_leads_to_the_login(visitor: Visitor) -> None:
    page = visitor.send("/password", [("memo", "山田")])

    assert page.status == 401
    assert "入力していた内容は残っています" in page.text


@pytest.mark.parametrize("origin", ["cross-site", "same-site", "none"])
def test_forms_of_other_sites_do_nothing(customer: Visitor, origin: str) -> None:
    fields = customer.open("/password").form("パスワードを変更する").fields

    page = customer.send("/password", fields, origin=origin)

    assert page.status == 403
    assert not customer.asked("auth", "PUT", "/password")


@pytest.mark.parametrize(("taken_away", "status"), [((), 303), (("csrf",), 403)])
def test_the_proof_decides_where_a_browser_hides_the_origin(
    visitor: Visitor, taken_away: tuple[str, ...], status: int
) -> None:
    fields = dict(visitor.open("/login").form("ログインする").fields) | {"number": CONTRACT, "password": PASSWORD}
    sent = {name: value for name, value in fields.items() if name not in taken_away}

    answer = visitor.client.post("/login", data=sent, base_url=SITE, headers={"Origin": "null"})

    assert answer.status_code == status
    assert len(visitor.asked("auth", "POST", "/sessions")) == (status == 303)


@pytest.mark.parametrize(("origin", "status"), [(SITE, 303), ("https://evil.example", 403)])
def test_an_origin_that_is_named_counts(visitor: Visitor, origin: str, status: int) -> None:
    fields = dict(visitor.open("/login").form("ログインする").fields) | {"number": CONTRACT, "password": PASSWORD}

    answer = visitor.client.post("/login", data=fields, base_url=SITE, headers={"Origin": origin})

    assert answer.status_code == status


def test_a_form_without_a_proof_does_nothing(customer: Visitor) -> None:
    customer.send(START, [])
    answer = customer.client.post(START, base_url="https://tsunagu.example")

    assert answer.status_code == 403
    assert not customer.asked("voicewarp", "POST", START)


def test_looking_changes_nothing(customer: Visitor) -> None:
    assert customer.client.get(START, base_url="https://tsunagu.example").status_code in (404, 405)


def test_a_number_shows_only_what_is_its_own(customer: Visitor) -> None:
    customer.login |= {"unit": "number", "options": [], "numbers": ME["numbers"][:1]}

    page = customer.open("/")

    assert "契約全体" not in page.text
    assert "06-0000-2222" not in page.text


def test_english_is_chosen_by_a_link_and_kept(visitor: Visitor) -> None:
    assert visitor.open("/login").lang == "ja"

    page = visitor.open("/login?lang=en")

    assert (page.lang, visitor.open("/login").lang) == ("en", "en")
    assert "Log in" in page.text


def test_an_error_is_a_page_and_of_the_api_a_problem(visitor: Visitor) -> None:
    page = visitor.open("/nowhere")

    assert (page.status, page.response.mimetype) == (404, "text/html")
    assert "ページが見つかりません" in page.text
    assert visitor.open("/api/v1/nowhere").response.mimetype == "application/problem+json"


@pytest.mark.parametrize(
    ("language", "said"), [("ja", "ファイルが大きすぎます</h1>"), ("en", "The file is too large</h1>")]
)
def test_what_is_too_large_is_said_without_a_limit_of_another_page(customer: Visitor, language: str, said: str) -> None:
    page = customer.open(f"/password?lang={language}")
    page = customer.send(
        "/password",
        [*page.form("パスワードを変更する" if language == "ja" else "Change").fields, ("memo", "x" * (9 * MEBIBYTE))],
    )

    assert page.status == 413
    assert said in page.text
    assert not re.search("[0-9] ?MB", page.text)


def test_a_service_that_is_away_is_said_so(customer: Visitor) -> None:
    customer["auth"].views["/tokens"] = lambda _: problem(503, "store-unavailable")

    page = customer.open("/")

    assert page.status == 503
    assert "そのまま動いています" in page.text


def test_private_pages_are_not_kept_and_assets_are_for_ever(customer: Visitor) -> None:
    page = customer.open("/")
    link = page.text.partition('rel="stylesheet" href="')[2].partition('"')[0]

    assert page.response.headers["Cache-Control"] == "no-store"
    assert "immutable" in customer.open(link).response.headers["Cache-Control"]


def test_a_notice_is_said_once(customer: Visitor) -> None:
    customer.press(customer.open("/"), "ログアウト")

    assert "ログアウトしました" not in customer.open("/login").text


def test_nobody_else_can_make_a_notice(visitor: Visitor) -> None:
    visitor.client.set_cookie(
        "__Host-tsunagu-said", "eyJzZW50ZW5jZSI6IngifQ==.00", domain="tsunagu.example", secure=True
    )

    assert visitor.open("/login").status == 200
