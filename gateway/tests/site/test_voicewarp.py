"""The pages of VoiceWarp: how, where to and for whom calls are forwarded, and trying a call."""

import copy
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from werkzeug import Request, Response

from gateway.tests.site.test_pages import HTML_BYTES, ZIPPED
from gateway.tests.site.visitor import CONTRACT, SITE, Visitor
from gateway.tests.upstreams import json, problem

HERE = f"/numbers/{CONTRACT}/voicewarp"
EMPTY: dict[str, Any] = {
    "started": False,
    "mode": "no-answer",
    "ring_seconds": 15,
    "destinations": [],
    "active": None,
    "select": {"mode": "off", "callers": []},
}
MOBILE, OFFICE = {"number": "09012345678", "label": "携帯"}, {"number": "0312345678", "label": ""}
FULL = EMPTY | {"started": True, "destinations": [MOBILE, OFFICE], "active": 1}
SENTENCE = {"ja": "いま 06-0000-1111 に電話がかかると、転送されます", "en": "Now, a call is forwarded"}
TRY = f"/numbers/{CONTRACT}/routing"


@dataclass
class Kept:
    """The setting as a service keeps it; `refusal` is what it says to the next change."""

    setting: dict[str, Any] = field(default_factory=lambda: copy.deepcopy(FULL))
    revision: int = 1
    refusal: Response | None = None

    def change(self, **changes: Any) -> None:
        self.setting |= changes
        self.revision += 1

    def answer(self, request: Request) -> Response:
        tag = f'"{self.revision}"'
        if request.method == "PUT":
            if self.refusal:
                return self.refusal
            if request.headers.get("If-Match") != tag:
                return json({"code": "stale-etag", "current": self.setting}, 412)
            self.change(**request.get_json())
        return json(self.setting, ETag=f'"{self.revision}"')


@pytest.fixture
def kept(customer: Visitor) -> Kept:
    kept = Kept()
    views = customer["voicewarp"].views
    views[HERE] = kept.answer
    views[TRY] = lambda _: json({"sentence": SENTENCE, "reason": "voicewarp-no-answer"})
    glance = {"started": True, "since": "2026-11-23T00:00:00+00:00", "by": "customer"}
    views["/me/voicewarp"] = lambda _: json({"numbers": {CONTRACT: glance}})
    return kept


def refused(**errors: str) -> Response:
    """A refusal by field and code; a field's dots are `__`."""
    listed = [{"field": name.replace("__", "."), "code": code, "message": ""} for name, code in errors.items()]
    return json({"code": "invalid-body", "errors": listed}, 422)


def put(visitor: Visitor) -> list[dict[str, Any]]:
    return [msgspec.json.decode(one.body) for one in visitor.asked("voicewarp", "PUT", HERE)]


# --- overview


def test_the_overview_says_what_happens_and_since_when(customer: Visitor, kept: Kept) -> None:
    page = customer.open(HERE)

    assert "に電話がかかると、転送されます" in page.text
    assert "2026年11月23日（月）09:00" in page.text
    assert "（このサイトで開始）" in page.text
    assert page.form("転送を停止する").action == f"{HERE}/stop"


def test_the_overview_does_without_what_is_slow_or_away(customer: Visitor, kept: Kept) -> None:
    del customer["voicewarp"].views[TRY], customer["voicewarp"].views["/me/voicewarp"]

    page = customer.open(HERE)

    assert page.status == 200
    assert "いまは確かめられません" in page.text


def test_since_when_is_not_said_of_another_state(customer: Visitor, kept: Kept) -> None:
    kept.change(started=False)

    page = customer.open(HERE)

    assert "2026年11月23日" not in page.text
    assert page.form("転送を開始する").action == f"{HERE}/start"


def test_without_a_destination_the_way_leads_there_first(customer: Visitor, kept: Kept) -> None:
    kept.change(**EMPTY)

    page = customer.open(HERE).text

    assert "転送先を登録すると、開始できます" in page
    assert "転送を開始する" not in page


def test_a_start_leads_back_here_and_can_be_taken_back(customer: Visitor, kept: Kept) -> None:
    kept.change(started=False)
    customer["voicewarp"].views[f"{HERE}/start"] = lambda _: json({})

    page = customer.press(customer.open(HERE), "転送を開始する")

    assert page.path == HERE
    assert page.form("元に戻す").action == f"{HERE}/stop"


def test_a_number_without_the_option_is_no_page(customer: Visitor) -> None:
    assert customer.open(HERE).status == 404


def test_an_empty_list_that_stops_all_forwarding_is_noticed(customer: Visitor, kept: Kept) -> None:
    kept.change(select={"mode": "forward-registered", "callers": []})

    assert "どの電話も転送しません" in customer.open(HERE).text


# --- how calls are forwarded


def test_mode_and_seconds_are_saved_as_people_type_them(customer: Visitor, kept: Kept) -> None:
    page = customer.press(customer.open(f"{HERE}/mode"), "保存する", mode="busy", ring_seconds="２０秒")

    assert (page.path, page.status) == (HERE, 200)
    assert put(customer) == [FULL | {"mode": "busy", "ring_seconds": 20}]


@pytest.mark.parametrize("code", ["ring-seconds-out-of-range", "wrong-type"])
def test_seconds_that_are_none_are_kept_and_said(customer: Visitor, kept: Kept, code: str) -> None:
    kept.refusal = refused(ring_seconds=code)

    page = customer.press(customer.open(f"{HERE}/mode"), "保存する", ring_seconds="長め")

    assert page.status == 422
    assert 'href="#ring_seconds">呼び出す時間は5秒から60秒の間で入力してください' in page.text
    assert 'value="長め"' in page.text


def test_two_windows_lose_nothing(customer: Visitor, kept: Kept) -> None:
    form = customer.open(f"{HERE}/mode")
    kept.change(ring_seconds=30)

    page = customer.press(form, "保存する", ring_seconds="20")

    assert page.status == 412
    assert "30秒" in page.text
    assert "20秒" in page.text
    assert customer.press(page, "入力した内容で保存する").path == HERE
    assert kept.setting["ring_seconds"] == 20


# --- destinations


def test_a_new_destination_is_asked_about_with_who_pays(customer: Visitor, kept: Kept) -> None:
    page = customer.press(
        customer.open(f"{HERE}/destinations"), "保存する", destinations__0__number="０８０（１１１１）２２２２"
    )

    assert not put(customer)
    assert "090-1234-5678" in page.text
    assert "080-1111-2222" in page.text
    assert "ご契約の負担です" in page.text
    assert customer.press(page, "転送先を変更する").path == HERE
    assert put(customer)[0]["destinations"] == [{"number": "08011112222", "label": "携帯"}, OFFICE]


def test_a_label_alone_is_saved_at_once(customer: Visitor, kept: Kept) -> None:
    page = customer.press(customer.open(f"{HERE}/destinations"), "保存する", destinations__1__label="本社")

    assert page.path == HERE
    assert kept.setting["destinations"][1]["label"] == "本社"


def test_another_destination_is_used_by_one_press_and_a_confirmation(customer: Visitor, kept: Kept) -> None:
    page = customer.press(customer.open(HERE), "この転送先を使う（03-1234-5678")
    customer.press(page, "転送先を変更する")

    assert put(customer) == [FULL | {"active": 2}]


def test_an_emptied_box_closes_its_gap_and_the_choice_moves_along(customer: Visitor, kept: Kept) -> None:
    page = customer.press(
        customer.open(f"{HERE}/destinations"),
        "保存する",
        destinations__0__number="",
        destinations__0__label="",
        active="2",
    )
    customer.press(page, "転送先を変更する")

    assert (kept.setting["destinations"], kept.setting["active"]) == ([OFFICE], 1)


def test_what_a_service_finds_wrong_stands_where_it_was_typed(customer: Visitor, kept: Kept) -> None:
    form = customer.open(f"{HERE}/destinations")
    ask = customer.press(
        form, "保存する", destinations__1__number="", destinations__1__label="", destinations__3__number="0466123456"
    )
    loop = {"field": "destinations.1.number", "code": "loop", "message": "この番号へ転送する設定になっています"}
    kept.refusal = json({"code": "destination-not-allowed", "errors": [loop]}, 422)

    page = customer.press(ask, "転送先を変更する")

    assert 'href="#destinations.1.number">転送先2：この番号へ転送する設定になっています' in page.text
    assert ("destinations.1.number", "0466123456") in page.form("保存する").fields


def test_a_loop_is_said_in_english_on_an_english_page(customer: Visitor, kept: Kept) -> None:
    form = customer.open(f"{HERE}/destinations?lang=en")
    ask = customer.press(form, "Save", destinations__0__number="0466123456")
    loop = {"field": "destinations.0.number", "code": "loop", "message": "この番号へ転送する設定になっています"}
    kept.refusal = json({"code": "destination-not-allowed", "errors": [loop]}, 422)

    page = customer.press(ask, "Change the destination")

    assert 'href="#destinations.0.number">Destination 1: The destination forwards its calls to this number' in page.text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("110", "110・119などの3けたの番号には転送できません"),
        ("0120-111-222", "0120・0800で始まる番号には転送できません"),
        ("03-1234", "電話番号の桁数が足りません。市外局番から入力してください"),
        ("03-1234-56789", "この番号には転送できません"),
        ("090-1234-567890", "電話番号の桁数が多すぎます"),
        ("06-0000-1111", "この電話自身には転送できません"),
        ("03-1234-5678", "同じ電話番号が2回あります"),
        ("+1 415 555 0100", "国際電話の番号には転送できません"),
        ("", "転送先の電話番号を入力してください"),
    ],
)
def test_what_is_wrong_is_said_before_it_is_asked_about(customer: Visitor, kept: Kept, typed: str, said: str) -> None:
    page = customer.press(customer.open(f"{HERE}/destinations"), "保存する", destinations__0__number=typed)

    assert page.status == 422
    assert page.title.startswith("エラー:")
    assert f'href="#destinations.0.number">転送先1：{said}' in page.text
    assert ("destinations.0.number", typed) in page.form("保存する").fields
    assert not put(customer)


def test_a_long_label_is_said_so(customer: Visitor, kept: Kept) -> None:
    page = customer.press(customer.open(f"{HERE}/destinations"), "保存する", destinations__0__label="あ" * 41)

    assert "名前は40文字以内にしてください" in page.text


def test_the_choice_of_an_empty_box_is_not_moved_to_another(customer: Visitor, kept: Kept) -> None:
    form = customer.open(f"{HERE}/destinations")
    page = customer.press(form, "保存する", active="3", destinations__3__number="0466123456")

    assert 'href="#destinations.2.number">転送先3：転送先の電話番号を入力してください' in page.text
    assert ("destinations.3.number", "0466123456") in page.form("保存する").fields


def test_all_destinations_go_when_none_is_used(customer: Visitor, kept: Kept) -> None:
    kept.change(started=False)
    gone: dict[str, Any] = {f"destinations__{place}__{part}": "" for place in (0, 1) for part in ("number", "label")}

    page = customer.press(customer.open(f"{HERE}/destinations"), "保存する", active="", **gone)
    customer.press(page, "転送先を変更する")

    assert kept.setting == EMPTY


def test_none_in_use_while_it_is_started_is_said_at_the_choice(customer: Visitor, kept: Kept) -> None:
    kept.refusal = refused(active="no-active-destination")

    page = customer.press(
        customer.press(customer.open(f"{HERE}/destinations"), "保存する", active=""), "転送先を変更する"
    )

    assert 'href="#active">転送を開始しているあいだは' in page.text


def test_a_conflict_of_destinations_shows_both_and_goes_on_without_asking_again(customer: Visitor, kept: Kept) -> None:
    ask = customer.press(customer.open(f"{HERE}/destinations"), "保存する", destinations__0__number="08011112222")
    kept.change(destinations=[{"number": "07033334444", "label": ""}])

    page = customer.press(ask, "転送先を変更する")

    assert page.status == 412
    assert "070-3333-4444" in page.text
    assert "080-1111-2222" in page.text
    assert customer.press(page, "入力した内容で保存する").path == HERE


# --- the select function and its list


def test_the_select_function_is_chosen_and_keeps_its_list(customer: Visitor, kept: Kept) -> None:
    kept.change(select={"mode": "off", "callers": [OFFICE]})

    customer.press(customer.open(f"{HERE}/select"), "保存する", select__mode="ring-registered")

    assert kept.setting["select"] == {"mode": "ring-registered", "callers": [OFFICE]}


def test_a_caller_is_added(customer: Visitor, kept: Kept) -> None:
    customer["voicewarp"].views[f"{HERE}/callers"] = lambda _: json(FULL, 201)

    page = customer.press(customer.open(f"{HERE}/callers"), "リストに追加する", number="０３ー1234ー5678", label="本社")

    assert page.path == f"{HERE}/callers"
    assert "03-1234-5678をリストに追加しました" in page.text
    (order,) = customer.asked("voicewarp", "POST", f"{HERE}/callers")
    assert msgspec.json.decode(order.body) == {"number": "０３ー1234ー5678", "label": "本社"}
    assert order.headers["Idempotency-Key"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"number": "empty"}, 'href="#number">電話番号を入力してください'),
        ({"number": "too-short"}, 'href="#number">電話番号の桁数が足りません'),
        ({"number": "caller-already-registered"}, 'href="#number">この番号はもう登録されています'),
        ({"number": "too-many-callers"}, 'href="#number">登録できるのは30件までです'),
        ({"label": "too-long"}, 'href="#label">名前は40文字以内にしてください'),
    ],
)
def test_a_caller_that_cannot_be_added_is_said_so(
    customer: Visitor, kept: Kept, wrong: dict[str, str], said: str
) -> None:
    customer["voicewarp"].views[f"{HERE}/callers"] = lambda _: refused(**wrong)

    page = customer.press(customer.open(f"{HERE}/callers"), "リストに追加する", number="0312345678", label="山田")

    assert page.status == 422
    assert said in page.text
    assert 'value="山田"' in page.text


def test_all_that_is_wrong_with_a_caller_is_said_at_once(customer: Visitor, kept: Kept) -> None:
    page = customer.press(customer.open(f"{HERE}/callers"), "リストに追加する", number="12", label="あ" * 41)

    assert page.status == 422
    assert 'href="#number">電話番号の桁数が足りません' in page.text
    assert 'href="#label">名前は40文字以内にしてください' in page.text
    assert not customer.asked("voicewarp", "POST", f"{HERE}/callers")


def test_thirty_callers_are_a_small_page_without_a_form_to_add(customer: Visitor, kept: Kept) -> None:
    callers = [{"number": f"0312345{place:03}", "label": "名" * 40} for place in range(30)]
    kept.change(select={"mode": "off", "callers": callers})

    page = customer.client.get(f"{HERE}/callers", base_url=SITE, headers=ZIPPED)

    assert len(page.data) <= HTML_BYTES
    assert "リストに追加する" not in customer.open(f"{HERE}/callers").text


@pytest.mark.parametrize("caller", ["0312345678", "+14155550100"])
def test_a_caller_is_deleted_after_a_page_that_names_it(customer: Visitor, kept: Kept, caller: str) -> None:
    kept.change(select={"mode": "off", "callers": [{"number": caller, "label": "山田商店"}]})
    customer["voicewarp"].views[f"{HERE}/callers/{caller}"] = lambda _: Response(status=204)

    page = customer.open(f"{HERE}/callers/{caller}/delete")

    assert "山田商店" in page.text
    assert not customer.asked("voicewarp", "DELETE", f"{HERE}/callers/{caller}")
    assert "リストから削除しました" in customer.press(page, "リストから削除する").text
    assert len(customer.asked("voicewarp", "DELETE", f"{HERE}/callers/{caller}")) == 1


def test_one_that_is_gone_already_is_said_so(customer: Visitor, kept: Kept) -> None:
    kept.change(select={"mode": "off", "callers": [OFFICE]})
    form = customer.open(f"{HERE}/callers/0312345678/delete")

    assert "もうリストにありません" in customer.press(form, "リストから削除する").text
    kept.change(select={"mode": "off", "callers": []})
    assert customer.open(f"{HERE}/callers/0312345678/delete").status == 404


def test_a_deletion_that_cannot_be_done_now_stays_on_its_page(customer: Visitor, kept: Kept) -> None:
    kept.change(select={"mode": "off", "callers": [OFFICE]})
    customer["voicewarp"].views[f"{HERE}/callers/0312345678"] = lambda _: problem(503, "store-unavailable")

    page = customer.press(customer.open(f"{HERE}/callers/0312345678/delete"), "リストから削除する")

    assert page.status == 503
    assert page.form("リストから削除する")


# --- trying a call


def test_a_call_is_tried_for_a_caller_and_an_instant(customer: Visitor, kept: Kept) -> None:
    page = customer.open(f"{TRY}?caller=03-1234-5678&at.date=2026-12-31&at.time=08:00")

    assert "この電話はこうなります" in page.text
    query = customer.asked("voicewarp", "GET", TRY)[-1].query
    assert query == "caller=03-1234-5678&at=2026-12-31T08%3A00%3A00%2B09%3A00"


def test_nothing_typed_is_a_call_of_nobody_now(customer: Visitor, kept: Kept) -> None:
    assert "この電話はこうなります" not in customer.open(TRY).text
    assert "この電話はこうなります" in customer.open(f"{TRY}?caller=&at.date=&at.time=").text
    assert customer.asked("voicewarp", "GET", TRY)[-1].query == "caller="


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("at.date=2026-12-31", ["at.time"]),
        ("at.time=08:00", ["at.date"]),
        ("at.date=2026-02-30&at.time=08:00", ["at.date"]),
        ("at.date=31.12.&at.time=8", ["at.date", "at.time"]),
    ],
)
def test_a_time_that_is_none_is_said_at_its_field(customer: Visitor, kept: Kept, query: str, fields: list[str]) -> None:
    page = customer.open(f"{TRY}?{query}")

    said = {"at.date": "日付を「年-月-日」の形で入力", "at.time": "時刻を「時:分」の形で"}
    assert page.status == 422
    assert [field for field in said if f'href="#{field}">{said[field]}' in page.text] == fields
    assert "この電話はこうなります" not in page.text


@pytest.mark.parametrize(
    ("day", "time"), [("2026/12/31", "8:00"), ("２０２６年１２月３１日", "８時００分"), ("2026-12-31", "08:00:00")]
)
def test_a_time_is_taken_as_people_type_it(customer: Visitor, kept: Kept, day: str, time: str) -> None:
    customer.open(f"{TRY}?{urlencode({'at.date': day, 'at.time': time})}")

    query = customer.asked("voicewarp", "GET", TRY)[-1].query
    assert query == "caller=&at=2026-12-31T08%3A00%3A00%2B09%3A00"


def test_the_caller_is_looked_at_even_where_the_time_is_none(customer: Visitor, kept: Kept) -> None:
    customer["voicewarp"].views[TRY] = lambda _: refused(caller="too-short")

    page = customer.open(f"{TRY}?caller=12&at.date=2026-12-31")

    assert page.status == 422
    assert 'href="#caller">電話番号の桁数が足りません' in page.text
    assert 'href="#at.time">時刻を' in page.text


def test_what_cannot_be_told_is_said_at_its_field(customer: Visitor, kept: Kept) -> None:
    customer["voicewarp"].views[TRY] = lambda _: refused(caller="too-short", at="too-long-ago")

    page = customer.open(f"{TRY}?caller=12")

    assert 'href="#caller">電話番号の桁数が足りません' in page.text
    assert 'href="#at">古すぎるため' in page.text
    assert 'value="12"' in page.text


@pytest.mark.parametrize("path", ["", "/mode", "/destinations", "/select", "/callers"])
def test_all_pages_speak_english(customer: Visitor, kept: Kept, path: str) -> None:
    page = customer.open(f"{HERE}{path}?lang=en")

    assert (page.status, page.lang) == (200, "en")
    assert "転送" not in page.text


def test_what_was_typed_waits_for_a_login(customer: Visitor, kept: Kept) -> None:
    form = customer.open(f"{HERE}/destinations")
    customer.tokens.clear()
    customer["voicewarp"].views[HERE] = lambda _: problem(401, "token-invalid")
    ended = customer.press(form, "保存する", destinations__0__label="新しい名前")
    customer.tokens.add("tss_visitor")
    customer["voicewarp"].views[HERE] = kept.answer

    resume = customer.press(ended, "ログインする", number=CONTRACT, password="tsunagu2026")
    page = customer.press(resume, "入力の続きへ進む")

    assert page.path == f"{HERE}/destinations"
    assert ("destinations.0.label", "新しい名前") in page.form("保存する").fields
    assert not put(customer)
