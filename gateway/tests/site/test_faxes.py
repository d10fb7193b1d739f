"""FAX mail and the faxes of a number: what is shown of them, and what is sent to faxstore."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from werkzeug import Request, Response

from gateway.site.pages.faxes import Previews, size
from gateway.tests.site.visitor import SECOND, SITE, Visitor
from gateway.tests.upstreams import cutting, json, problem

MAIL, FAXES = f"/numbers/{SECOND}/fax-mail", f"/numbers/{SECOND}/faxes"
FAX = f"{FAXES}/f-1"
RECORD: dict[str, Any] = {
    "id": "f-1",
    "number": SECOND,
    "caller": "0312345678",
    "received_at": "2026-11-23T00:04:00+00:00",
    "pages": 2,
    "size": 86016,
    "read": False,
    "type": "image/tiff",
    "shown": "yes",
}
PICTURE = b"\x89PNG picture"


def has(customer: Visitor, path: str, answer: Callable[[], Response]) -> None:
    """faxstore answers so at this path."""
    customer["faxstore"].views[path] = lambda _: answer()


@pytest.fixture
def fax(customer: Visitor) -> dict[str, Any]:
    """A fax that a test may change; a DELETE is answered by its end."""
    fax = dict(RECORD)

    def answer(request: Request) -> Response:
        if request.method == "DELETE":
            fax.clear()
            return Response(status=204)
        return json(fax) if fax else problem(404, "not-found")

    customer["faxstore"].views[FAX] = answer
    has(customer, FAXES, lambda: json({"items": [fax] if fax else [], "next": None}))
    return fax


def test_the_list_tells_of_each_fax(customer: Visitor, fax: dict[str, Any]) -> None:
    page = customer.open(FAXES).text

    assert "2026年11月23日（月）09:04" in page
    assert "03-1234-5678" in page
    assert "2ページ（84 KB）" in page
    assert "未読" in page


def test_a_withheld_number_is_said_to_be_so(customer: Visitor, fax: dict[str, Any]) -> None:
    fax["caller"] = None

    assert "番号を通知しない相手から" in customer.open(FAXES).text
    assert "番号を通知しない相手" in customer.open(FAX).text


def test_older_faxes_are_on_the_next_page(customer: Visitor) -> None:
    has(customer, FAXES, lambda: json({"items": [RECORD], "next": "1795392240000-f-1"}))

    assert f'href="{FAXES}?before=1795392240000-f-1"' in customer.open(FAXES).text
    assert f'href="{FAXES}"' in customer.open(f"{FAXES}?before=1795392240000-f-1").text
    assert "before=1795392240000-f-1" in customer["faxstore"].asked[-1].query


def test_without_faxes_it_says_so(customer: Visitor) -> None:
    has(customer, FAXES, lambda: json({"items": [], "next": None}))

    assert "まだFAXは届いていません" in customer.open(FAXES).text


def test_a_fax_shows_its_pages(customer: Visitor, fax: dict[str, Any]) -> None:
    page = customer.open(FAX).text

    assert page.count('loading="lazy"') == 2
    assert f'<img src="{FAX}/pages/1.png" alt="FAXの1ページ目の画像' in page
    assert f'href="{FAX}/pdf"' in page
    assert f'href="{FAX}/document"' in page


def test_a_long_fax_is_shown_in_parts(customer: Visitor, fax: dict[str, Any]) -> None:
    fax["pages"] = 23

    page = customer.open(f"{FAX}?page=11").text

    assert f"{FAX}/pages/11.png" in page
    assert f"{FAX}/pages/21.png" not in page
    assert f"{FAX}?page=1#pages" in page
    assert f"{FAX}?page=21#pages" in page


@pytest.mark.parametrize(
    ("wanted", "pages", "expected"),
    [
        (1, 2, (range(1, 3), 0, 0)),
        (10, 10, (range(1, 11), 0, 0)),
        (11, 11, (range(11, 12), 1, 0)),
        (15, 40, (range(11, 21), 1, 21)),
        (-3, 11, (range(1, 11), 0, 11)),
        (99, 11, (range(11, 12), 1, 0)),
    ],
)
def test_there_is_always_a_part_to_show(wanted: int, pages: int, expected: tuple[range, int, int]) -> None:
    assert Previews.of(wanted, pages) == expected


@pytest.mark.parametrize(
    ("shown", "said"),
    [("not-yet", "表示の用意をしています"), ("never", "画面に表示できませんでした")],
)
def test_what_cannot_be_shown_can_be_downloaded(customer: Visitor, fax: dict[str, Any], shown: str, said: str) -> None:
    fax["shown"] = shown

    page = customer.open(FAX).text

    assert said in page
    assert f'href="{FAX}/document"' in page
    assert "<img" not in page
    assert f'href="{FAX}/pdf"' not in page


def test_a_picture_comes_through_as_it_is(customer: Visitor) -> None:
    has(customer, f"{FAX}/pages/1.png", lambda: Response(PICTURE, mimetype="image/png"))

    page = customer.open(f"{FAX}/pages/1.png").response

    assert (page.data, page.mimetype) == (PICTURE, "image/png")


def test_a_download_has_its_name(customer: Visitor) -> None:
    named = {"Content-Disposition": 'attachment; filename="fax-20261123-090400-0600002222.tif"'}
    has(customer, f"{FAX}/document", lambda: Response(b"II*\0", mimetype="image/tiff", headers=named))

    page = customer.open(f"{FAX}/document").response

    assert page.data == b"II*\0"
    assert page.headers["Content-Disposition"] == named["Content-Disposition"]


def test_a_file_that_breaks_off_is_503() -> None:
    with ExitStack() as stack:
        url, _ = stack.enter_context(cutting(0, b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nII*"))
        visitor = Visitor(stack, faxstore_url=url)
        visitor.log_in()

        page = visitor.open(f"{FAX}/pages/1.png")

    assert (page.status, page.response.mimetype) == (503, "text/html")


def test_a_file_that_is_not_made_yet_leads_back(customer: Visitor, fax: dict[str, Any]) -> None:
    has(customer, f"{FAX}/pdf", lambda: problem(503, "copies-not-ready"))

    page = customer.open(f"{FAX}/pdf")

    assert page.path == FAX
    assert "ファイルの用意ができていません" in page.text


@pytest.mark.parametrize("file", ["document", "pdf", "pages/1.png"])
def test_files_are_for_who_is_logged_in(visitor: Visitor, file: str) -> None:
    page = visitor.open(f"{FAX}/{file}")

    assert page.path == "/login"
    assert not visitor["faxstore"].asked


def test_a_fax_is_marked_and_marked_back(customer: Visitor, fax: dict[str, Any]) -> None:
    has(customer, f"{FAX}/read", lambda: json({}))
    has(customer, f"{FAX}/unread", lambda: json({}))

    assert "既読にしました" in customer.press(customer.open(FAX), "既読にする").text
    fax["read"] = True
    assert "未読に戻しました" in customer.press(customer.open(FAX), "未読に戻す").text


def test_deleting_is_asked_by_what_it_is_about(customer: Visitor, fax: dict[str, Any]) -> None:
    question = customer.open(f"{FAX}/delete")

    assert "03-1234-5678" in question.text
    assert "まだ読んでいません" in question.text
    assert fax
    page = customer.press(question, "このFAXを削除する")
    assert (page.path, "03-1234-5678からのFAXを削除しました" in page.text) == (FAXES, True)
    assert not fax


def test_deleting_twice_says_that_it_is_done(customer: Visitor, fax: dict[str, Any]) -> None:
    question = customer.open(f"{FAX}/delete")

    customer.press(question, "このFAXを削除する")
    page = customer.press(question, "このFAXを削除する")

    assert (page.status, "もう削除されています" in page.text) == (200, True)


def test_a_fax_that_is_gone_leads_to_the_others(customer: Visitor) -> None:
    page = customer.open(f"{FAXES}/f-9")

    assert page.status == 404
    assert f'href="{FAXES}"' in page.text


def test_a_name_that_is_none_stays_inside_its_path(customer: Visitor) -> None:
    customer.open(f"{FAXES}/a%3Fb=c")
    asked = customer["faxstore"].asked[-1]

    assert (asked.path, asked.query) == (f"{FAXES}/a?b=c", "")


def test_addresses_of_the_fax_mail_are_saved(customer: Visitor) -> None:
    kept: dict[str, Any] = {"started": True, "addresses": ["a@example.jp"]}

    def answer(request: Request) -> Response:
        if request.method == "PUT":
            kept.update(request.get_json())
        return json(kept, ETag='"1"')

    customer["faxstore"].views[MAIL] = answer
    typed = ["a@example.jp", "b@example.jp"]

    page = customer.press(customer.open(MAIL), "送信先を保存する", addresses=typed)

    assert kept == {"started": True, "addresses": typed}
    assert (page.path, "送信先を保存しました" in page.text) == (MAIL, True)


def test_the_fax_mail_can_be_started_when_there_is_an_address(customer: Visitor) -> None:
    has(customer, MAIL, lambda: json({"started": False, "addresses": ["a@example.jp"]}, ETag='"1"'))
    has(customer, f"{MAIL}/start", lambda: json({}))

    page = customer.press(customer.open(MAIL), "お知らせを開始する")

    assert page.path == MAIL
    assert page.form("元に戻す").action == f"{MAIL}/stop"


def test_pictures_are_asked_of_this_site_alone(customer: Visitor, fax: dict[str, Any]) -> None:
    page = customer.client.get(FAX, base_url=SITE)

    assert "img-src 'self'" in page.headers["Content-Security-Policy"]
    assert 'src="http' not in page.text


@pytest.mark.parametrize(
    ("length", "words"),
    [(1, "1 KB"), (86016, "84 KB"), (1048575, "1024 KB"), (1258291, "1.2 MB"), (20971520, "20.0 MB")],
)
def test_sizes_are_read_by_people(length: int, words: str) -> None:
    assert size(length) == words


def test_an_address_that_refuses_mail_is_told(customer: Visitor) -> None:
    has(customer, MAIL, lambda: json({"started": True, "addresses": ["b@example.jp"]}, ETag='"1"'))
    refused = [{"address": "b@example.jp", "since": "2026-11-22T10:00:00+09:00", "answer": "550"}]
    customer["notify"].views[f"{MAIL}/undeliverable"] = lambda _: json({"undeliverable": refused})

    page = customer.open(MAIL).text

    assert "メールが届かない送信先があります" in page
    assert "2026年11月22日（日）10:00" in page


def test_a_fax_mail_can_be_set_while_nobody_can_tell_of_refused_addresses(customer: Visitor) -> None:
    has(customer, MAIL, lambda: json({"started": True, "addresses": ["b@example.jp"]}, ETag='"1"'))
    customer["notify"].views[f"{MAIL}/undeliverable"] = lambda _: problem(503, "store-unavailable")

    page = customer.open(MAIL)

    assert "メールが届かない" not in page.text
    assert page.form("送信先を保存する")
