"""The top page and the small page: what they show, how often they ask, and start and stop by one press."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug import Request, Response

from gateway import identity
from gateway.looks import LOOKS_AT_A_TIME
from gateway.tests.site.test_pages import HTML_BYTES, ZIPPED
from gateway.tests.site.visitor import CONTRACT, ME, SECOND, SITE, TOKEN, Visitor
from gateway.tests.upstreams import json, problem

PLAN = {"running": True, "cause": "fault", "since": "2026-11-23T09:00:00+09:00", "entries": {CONTRACT: "0312345678"}}
SENTENCE = {"ja": "すぐに転送されます。", "en": "Calls are forwarded at once."}


def of_each(state: dict[str, Any], **contract: Any) -> Any:
    """A service that answers the same of every number, and this of the contract."""

    def answer(request: Request) -> Response:
        return json({"numbers": dict.fromkeys(request.args["numbers"].split(","), state), "contract": contract})

    return answer


@pytest.fixture
def full(customer: Visitor) -> Visitor:
    """A customer all of whose services answer."""
    voicewarp, notify = customer["voicewarp"].views, customer["notify"].views
    voicewarp["/me/routing"] = of_each({"sentence": SENTENCE, "voicewarp": {"started": False}})
    notify["/me/incoming-mail"] = of_each({"started": True}, **{"fault-notice": {"started": False}})
    customer["bulkforward"].views[f"/contracts/{CONTRACT}/bulk-forward"] = lambda _: json(PLAN)
    customer["linewatch"].views[f"/lines/{CONTRACT}"] = lambda _: json({"faulted": True, "since": PLAN["since"]})
    return customer


def many(count: int) -> dict[str, Any]:
    """A contract of so many numbers."""
    numbers = [f"06{10000000 + index}" for index in range(count)]
    return ME | {"numbers": [{"number": one, "options": ["voicewarp", "incoming-mail"]} for one in numbers]}


def test_it_shows_what_happens_to_a_call_and_what_is_on(full: Visitor) -> None:
    page = full.open("/")

    assert SENTENCE["ja"] in page.text
    assert "2026年11月23日（月）09:00" in page.text
    assert "回線の故障のため自動で開始" in page.text
    assert page.form("開始する").action == "/fault-notice/start"


def test_a_fault_stands_above_all_with_what_was_done(full: Visitor) -> None:
    page = full.open("/").text

    assert "回線の故障を確認しています" in page
    assert "一括転送を自動で開始しました" in page
    assert page.index("回線の故障を確認しています") < page.index("<h1")


def test_who_has_started_it_is_said(full: Visitor) -> None:
    state = {"started": True, "since": "2026-11-23T00:00:00+00:00", "by": "telephone"}
    full["voicewarp"].views["/me/routing"] = of_each({"sentence": SENTENCE, "voicewarp": state})

    assert "（電話の操作で開始）" in full.open("/").text


def test_what_nobody_can_tell_is_said_to_be_unknown(customer: Visitor) -> None:
    page = customer.open("/")

    assert page.status == 200
    assert "いまは確かめられません" in page.text


def test_a_silent_service_makes_nothing_else_unknown(full: Visitor) -> None:
    """However many look at it at the same time."""
    over = Event()

    def silent(_: Request) -> Response:
        over.wait(30)
        return json({})

    full["voicewarp"].views["/me/routing"] = silent
    clients = [full.client.application.test_client(use_cookies=False) for _ in range(3 * LOOKS_AT_A_TIME)]

    def look(client: FlaskClient) -> str:
        return client.get("/lite", base_url=SITE, headers={"Cookie": f"__Host-tsunagu-session={TOKEN}"}).text

    with ThreadPoolExecutor(len(clients)) as threads:
        pages = list(threads.map(look, clients))
    over.set()

    # VoiceWarp of the first number, and of the second one the mails of faxes, which no service tells of here.
    assert [page.count("いまは確かめられません") for page in pages] == [2] * len(pages)


@pytest.mark.parametrize("path", ["/", "/lite"])
def test_two_hundred_numbers_are_asked_for_as_often_as_one(full: Visitor, path: str) -> None:
    asked = []
    for count in (1, 200):
        full.login |= many(count)
        before = full.calls
        full.open(path)
        asked.append(full.calls - before)

    assert asked[0] == asked[1]


@pytest.mark.parametrize("path", ["/", "/lite"])
def test_two_hundred_numbers_are_a_small_page(full: Visitor, path: str) -> None:
    full.login |= many(200)

    page = full.client.get(path, base_url=SITE, headers=ZIPPED)

    assert page.status_code == 200
    assert len(page.data) <= HTML_BYTES


def test_a_number_is_found_by_a_part_of_it(full: Visitor) -> None:
    full.login |= many(200)

    assert "06-1000-0199" in full.open("/?q=0199").text
    assert "06-1000-0198" not in full.open("/?q=0199").text
    assert "06-1000-0021" in full.open("/?page=2").text


def test_the_small_page_has_fifty_numbers_and_goes_on(full: Visitor) -> None:
    full.login |= many(100)

    first, second = full.open("/lite").text, full.open("/lite?page=2").text

    assert "06-1000-0049" in first
    assert "06-1000-0050" not in first
    assert 'href="/lite?page=2"' in first
    assert "06-1000-0099" in second
    assert "06-1000-0049" not in second
    assert 'href="/lite?page=1"' in second
    assert 'href="/lite?page=3"' not in second


def test_the_small_page_finds_numbers_and_goes_on_among_them(full: Visitor) -> None:
    full.login |= many(200)

    page = full.open("/lite?q=06-1000-01").text

    assert "見つかった番号は100件です" in page
    assert "06-1000-0149" in page
    assert "06-1000-0150" not in page
    assert "06-1000-0050" not in page
    assert 'href="/lite?q=06-1000-01&amp;page=2"' in page


def test_few_numbers_need_no_search_on_the_small_page(full: Visitor) -> None:
    full.login |= many(50)

    assert 'type="search"' not in full.open("/lite").text


def test_the_small_page_has_a_way_out(full: Visitor) -> None:
    full["auth"].views["/sessions/current"] = lambda _: Response(status=204)

    page = full.press(full.open("/lite"), "ログアウト")

    assert page.path == "/login"
    assert "ログアウトしました" in page.text


def test_a_press_starts_and_another_takes_it_back(full: Visitor) -> None:
    path = f"/numbers/{CONTRACT}/voicewarp"
    full["voicewarp"].views[f"{path}/start"] = full["voicewarp"].views[f"{path}/stop"] = lambda _: json({})

    page = full.press(full.open("/"), "開始する（06-0000-1111 ボイスワープ")

    assert page.path == "/"
    assert "06-0000-1111のボイスワープを開始しました" in page.text
    full.press(page, "元に戻す")
    orders = [one for one in full["voicewarp"].asked if one.method == "POST"]
    assert [one.path for one in orders] == [f"{path}/start", f"{path}/stop"]
    assert Counter(bool(one.headers.get("Idempotency-Key")) for one in orders) == {True: 2}


def test_a_form_that_is_sent_twice_is_one_order(full: Visitor) -> None:
    form = full.open("/").form("開始する（故障・回復通知")

    full.send(form.action, form.fields)
    full.send(form.action, form.fields)

    keys = {
        one.headers["Idempotency-Key"] for one in full.asked("notify", "POST", f"/contracts/{CONTRACT}{form.action}")
    }
    assert len(keys) == 1


def test_each_order_of_a_page_is_one_of_its_own(full: Visitor) -> None:
    paths = (f"/contracts/{CONTRACT}/fault-notice/start", f"/numbers/{CONTRACT}/incoming-mail/stop")
    for path in paths:
        full["notify"].views[path] = lambda _: json({})
    page = full.open("/")

    for button in ("開始する（故障・回復通知", "停止する（06-0000-1111 着信お知らせメール"):
        full.press(page, button)

    first, second = (full.asked("notify", "POST", path)[0].headers["Idempotency-Key"] for path in paths)
    assert first != second


def test_a_start_that_is_not_possible_leads_to_where_it_is_made_possible(full: Visitor) -> None:
    full["voicewarp"].views[f"/numbers/{CONTRACT}/voicewarp/start"] = lambda _: problem(422, "no-active-destination")

    page = full.press(full.open("/"), "開始する（06-0000-1111 ボイスワープ", follow=False)

    assert page.response.headers["Location"] == f"/numbers/{CONTRACT}/voicewarp"


def test_the_small_page_leads_back_to_itself(full: Visitor) -> None:
    full["notify"].views[f"/numbers/{SECOND}/incoming-mail/stop"] = lambda _: json({})

    page = full.press(full.open("/lite"), "停止する（06-0000-2222 着信お知らせメール")

    assert page.path == "/lite"
    assert "停止しました" in page.text


@pytest.mark.parametrize(("path", "count"), [("/lite?page=2", 300), ("/?q=1000002&page=2", 300)])
def test_a_press_leads_back_to_the_part_of_the_list_that_was_shown(full: Visitor, path: str, count: int) -> None:
    """Also the one that takes the first one back."""
    full.login |= many(count)
    full["voicewarp"].views |= {f"/numbers/{one['number']}/voicewarp/start": _done for one in many(count)["numbers"]}
    full["voicewarp"].views |= {f"/numbers/{one['number']}/voicewarp/stop": _done for one in many(count)["numbers"]}
    parts = urlsplit(path)

    page = full.press(full.open(path), "開始する（06-1")
    again = full.press(page, "元に戻す")

    assert "ボイスワープを停止しました" in again.text
    for one in (page, again):
        assert (one.path, one.response.request.args.to_dict()) == (parts.path, dict(parse_qsl(parts.query)))


def _done(_: Request) -> Response:
    return json({})


def test_english_says_it_in_english(full: Visitor) -> None:
    page = full.open("/?lang=en").text

    assert SENTENCE["en"] in page
    assert "VoiceWarp" in page


def test_services_are_asked_in_the_language_of_the_page(full: Visitor) -> None:
    full.open("/?lang=en")

    assert full["voicewarp"].asked[-1].headers["Accept-Language"] == "en"


def test_what_a_service_says_is_shown_and_never_run(full: Visitor) -> None:
    full["voicewarp"].views["/me/routing"] = of_each({"sentence": {"ja": "<script>x</script>", "en": ""}})

    assert "<script>x" not in full.open("/").text


@pytest.fixture
def returning(full: Visitor, monkeypatch: pytest.MonkeyPatch) -> Visitor:
    """A customer who looked at the page some seconds ago, so that auth is to be asked anew."""
    monkeypatch.setattr(identity, "REMEMBERED_SECONDS", 0.0)
    full.lifetime = 60
    full.open("/")
    return full


@pytest.mark.parametrize("path", ["/", "/lite"])
def test_services_are_asked_while_auth_looks_whether_the_login_still_holds(returning: Visitor, path: str) -> None:
    looked, in_time, exchange = Event(), list[bool](), returning["auth"].views["/tokens"]
    line = returning["linewatch"].views[f"/lines/{CONTRACT}"]

    def note(request: Request) -> Response:
        looked.set()
        return line(request)

    def slow(request: Request) -> Response:
        in_time.append(looked.wait(4))  # Not as long as the gateway waits for auth.
        return exchange(request)

    returning["linewatch"].views[f"/lines/{CONTRACT}"] = note
    returning["auth"].views["/tokens"] = slow
    page = returning.open(path)

    assert (page.status, in_time[0]) == (200, True)
    assert "回線の故障を確認しています" in page.text


def test_a_login_that_ended_meanwhile_shows_nothing(returning: Visitor) -> None:
    returning.tokens.clear()

    page = returning.open("/")

    assert page.path == "/login"
    assert SENTENCE["ja"] not in page.text


def test_a_login_that_is_to_change_its_password_meanwhile_shows_nothing(returning: Visitor) -> None:
    returning.login |= {"must_change_password": True, "numbers": [], "options": []}

    assert returning.open("/").path == "/password"


def test_what_a_login_opens_anew_is_asked_for(returning: Visitor) -> None:
    returning.login |= many(3)

    page = returning.open("/")

    numbers = ",".join(one["number"] for one in many(3)["numbers"])
    assert returning.asked("voicewarp", "GET", "/me/routing")[-1].query == f"numbers={numbers}"
    assert page.text.count(SENTENCE["ja"]) == 3


def test_while_auth_is_silent_what_it_gave_lately_does(returning: Visitor) -> None:
    returning["auth"].views["/tokens"] = lambda _: problem(503, "store-unavailable")

    page = returning.open("/")

    assert page.status == 200
    assert SENTENCE["ja"] in page.text
