"""The telephone of the demo: nowhere but in the demo, and there from the first key to the login."""

import json as text
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from werkzeug import Request, Response

from gateway.tests.site.visitor import CONTRACT, Visitor
from gateway.tests.site.visitor import Page as Shown
from gateway.tests.upstreams import json, problem

PAGE = "/demo/phone"
CALL = "3a5d1c36-4a1e-4f6b-9a1f-6f5b8f0c2d11"
KEYS = f"/ivr/calls/{CALL}/keys"
KEY = "tsu_telephone"
MENU = "回線単位に設定する場合は1"
ASKED = f"{CONTRACT}番の仮パスワードの設定を行います。登録したい仮パスワードを入力してください。"
DONE = f"{CONTRACT}番の仮パスワードの設定が完了しました。ご利用ありがとうございました。"
GIVEN_UP = "一度電話を切り、はじめからやり直してください。"


def turn(*guidance: str, length: int = 1, finished: bool = False) -> Response:
    expects = None if finished else {"kind": "keys", "length": length, "ends_with": None}
    return json({"call_id": CALL, "guidance": list(guidance), "expects": expects, "finished": finished})


def demo_file(folder: Path, **changes: Any) -> Path:
    file = folder / "demo.json"
    told = {"gateway_url": "", "mail_url": "http://127.0.0.1:8025", "numbers": [CONTRACT], "api_keys": {"ivr": KEY}}
    file.write_text(text.dumps(told | changes))
    file.chmod(0o600)
    return file


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Visitor]:
    with ExitStack() as stack:
        visitor = Visitor(stack, site_url="http://tsunagu.example", demo_file=str(demo_file(tmp_path)))
        visitor.tokens.add(KEY)
        visitor["ivr"].views |= {
            "/ivr/calls": lambda _: turn(MENU),
            f"/ivr/calls/{CALL}": lambda _: Response(status=204),
        }
        yield visitor


def answers(visitor: Visitor, *turns: Response) -> None:
    """The keys that are pressed are answered with these, one after the other."""
    waiting = iter(turns)

    def answer(_: Request) -> Response:
        return next(waiting)

    visitor["ivr"].views[KEYS] = answer


def call(visitor: Visitor) -> Shown:
    return visitor.press(visitor.open(PAGE), "電話をかける")


def press(visitor: Visitor, page: Shown, **button: str) -> Shown:
    """A key, or another of the buttons of the telephone."""
    return visitor.press(page, "1", True, **button)


def bodies(visitor: Visitor) -> list[Any]:
    return [text.loads(one.body) for one in visitor.asked("ivr", "POST", KEYS)]


# Only in the demo.


@pytest.mark.parametrize("method", ["get", "post"])
def test_without_a_demo_there_is_no_telephone(visitor: Visitor, method: str) -> None:
    page = visitor.open(PAGE) if method == "get" else visitor.send(PAGE, visitor.open("/login").form("ログイン").fields)

    assert page.status == 404
    assert not visitor["ivr"].asked


def test_a_site_with_https_has_no_telephone_whatever_is_set(tmp_path: Path) -> None:
    with ExitStack() as stack:
        assert Visitor(stack, demo_file=str(demo_file(tmp_path))).open(PAGE).status == 404


@pytest.mark.parametrize("spoil", [lambda file: file.chmod(0o640), Path.unlink, lambda file: file.write_text("{")])
def test_a_file_that_others_may_read_or_that_is_none_is_no_demo(tmp_path: Path, demo: Visitor, spoil: Any) -> None:
    spoil(tmp_path / "demo.json")

    assert demo.open(PAGE).status == 404


def test_the_key_of_the_telephone_opens_ivr_and_is_shown_to_nobody(demo: Visitor) -> None:
    page = call(demo)

    (asked,) = demo.asked("ivr", "POST", "/ivr/calls")
    assert asked.headers["Authorization"] == "Bearer signed"
    assert KEY not in page.text


def test_while_the_key_is_not_good_the_telephone_says_so(demo: Visitor) -> None:
    demo.tokens.clear()

    assert call(demo).status == 503


# A call.


def test_it_says_what_ivr_says_and_offers_the_demo_s_numbers(demo: Visitor) -> None:
    assert demo.open(PAGE).form("電話をかける").fields[-1] == ("number", "06-0000-1111")

    page = call(demo)

    assert MENU in page.text
    assert text.loads(demo.asked("ivr", "POST", "/ivr/calls")[0].body) == {"caller": CONTRACT}


def test_a_number_of_no_contract_is_refused_in_words(demo: Visitor) -> None:
    demo["ivr"].views["/ivr/calls"] = lambda _: problem(403, "caller-not-contracted")

    page = call(demo)

    assert page.status == 422
    assert "ご契約の電話番号からかけてください" in page.text
    assert page.title.startswith("エラー:")


def test_from_the_menu_to_the_login(demo: Visitor) -> None:
    answers(demo, turn(ASKED, length=8), turn(length=8), turn(DONE, finished=True))

    page = press(demo, call(demo), key="1")
    assert ASKED in page.text
    page = press(demo, page, key="2")
    assert ASKED in page.text
    assert "•" in page.text
    page = demo.press(page, "まとめて送る", keys="２０-26 1123")

    assert bodies(demo) == [{"keys": "1"}, {"keys": "2"}, {"keys": "20261123"}]
    assert "06-0000-1111" in page.text
    assert f'href="/login?number={CONTRACT}"' in page.text
    assert demo.open(f"/login?number={CONTRACT}").form("ログイン").fields[-2:] == [
        ("number", CONTRACT),
        ("password", ""),
    ]


def test_no_digit_of_a_password_comes_back(demo: Visitor) -> None:
    answers(demo, turn(ASKED, length=8), turn(length=8))

    page = demo.press(press(demo, call(demo), key="1"), "まとめて送る", keys="7777")

    assert "7777" not in page.text
    assert page.form("まとめて送る").fields.count(("pressed", "••••")) == 1


def test_every_key_is_an_order_of_its_own(demo: Visitor) -> None:
    answers(demo, turn(), turn())

    press(demo, press(demo, call(demo), key="1"), key="1")

    once = {one.headers["Idempotency-Key"] for one in demo.asked("ivr", "POST", KEYS)}
    assert len(once) == 2


def test_silence_is_told_and_a_call_that_was_given_up_sets_nothing(demo: Visitor) -> None:
    answers(demo, turn(GIVEN_UP, finished=True))

    page = press(demo, call(demo), act="silence")

    assert bodies(demo) == [{"timeout": True}]
    assert "仮パスワードは設定していません" in page.text
    assert "/login?number" not in page.text


def test_hanging_up_ends_the_call(demo: Visitor) -> None:
    page = press(demo, call(demo), act="hang-up")

    assert len(demo.asked("ivr", "DELETE", f"/ivr/calls/{CALL}")) == 1
    assert "電話を切りました" in page.text
    assert page.form("電話をかける")


@pytest.mark.parametrize("typed", ["", "abc"])
def test_what_is_no_key_is_not_pressed(demo: Visitor, typed: str) -> None:
    page = demo.press(call(demo), "まとめて送る", keys=typed)

    assert page.status == 422
    assert MENU in page.text
    assert not demo.asked("ivr", "POST", KEYS)


def test_a_call_that_is_over_leads_to_the_next(demo: Visitor) -> None:
    answers(demo, problem(409, "call-finished"))

    page = press(demo, call(demo), key="1")

    assert "この通話は終わっています" in page.text
    assert page.form("電話をかける")


@pytest.mark.parametrize("field", [{"call": "../api-keys"}, {"turn": "x"}])
def test_a_form_that_was_tampered_with_asks_for_nothing(demo: Visitor, field: dict[str, str]) -> None:
    typed: dict[str, str | list[str]] = {"keys": "1", **field}

    assert demo.press(call(demo), "まとめて送る", True, **typed).status == 404
    assert len(demo["ivr"].asked) == 1


def test_a_call_goes_on_after_a_form_that_is_outdated_and_digits_stay_behind(demo: Visitor) -> None:
    answers(demo, turn(ASKED, length=8), turn(length=8))
    page = press(demo, press(demo, call(demo), key="1"), key="2")
    demo.client.delete_cookie("tsunagu-visit", domain="tsunagu.example")

    outdated = demo.press(page, "まとめて送る", keys="0261123")
    resumed = demo.press(outdated, "入力の続きへ進む")

    assert outdated.path == PAGE
    assert {"key", "keys", "pressed"}.isdisjoint(dict(outdated.form("入力の続きへ進む").fields))
    assert "0261123" not in outdated.text
    assert dict(resumed.form("まとめて送る").fields)["call"] == CALL
    assert "登録したい仮パスワード" in resumed.text
    assert len(bodies(demo)) == 2


def test_the_voice_speaks_japanese_on_every_page(demo: Visitor) -> None:
    demo.open(f"{PAGE}?lang=en")

    page = demo.press(demo.open(PAGE), "Call")

    assert f'lang="ja">{MENU}' in page.text
    assert page.lang == "en"
