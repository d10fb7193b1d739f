"""Bulk forwarding: what the pages show of up to 200 numbers, one destination, a file, start and stop."""

import re
from collections.abc import Sequence
from functools import partial
from io import BytesIO
from typing import Any

import pytest
from werkzeug import Request, Response

from gateway.routes import UPLOADS
from gateway.site.pages.bulk_forward import listing
from gateway.site.pages.bulk_forward_csv import mend
from gateway.tests.site.test_pages import HTML_BYTES, ZIPPED
from gateway.tests.site.visitor import CONTRACT, ME, PASSWORD, SECOND, SITE, Page, Visitor
from gateway.tests.upstreams import Asked, json, problem
from gateway.upstream import Answer, Call, Upstream

PATH = f"/contracts/{CONTRACT}/bulk-forward"
ENTRY = f"/bulk-forward/entries/{CONTRACT}"
OFFICE, MOBILE = "0312345678", "09012345678"
SINCE = "2026-11-23T09:00:00+09:00"
STOPPED = {"running": False, "cause": None, "since": None, "auto_start": True, "auto_stop": True}
PLAN: dict[str, Any] = STOPPED | {"entries": {CONTRACT: OFFICE}}
RUNNING = PLAN | {"running": True, "cause": "manual", "since": SINCE}
BY_FAULT = RUNNING | {"cause": "fault"}
RUN: dict[str, Any] = {
    "id": "run1",
    "added": [{"line": 3, "number": SECOND, "destination": MOBILE}],
    "changed": [{"line": 2, "number": CONTRACT, "destination": MOBILE, "before": OFFICE}],
    "deleted": [],
    "unchanged": 0,
    "errors": [],
}


def plan_is(customer: Visitor, plan: dict[str, Any], etag: str = '"1"') -> None:
    customer["bulkforward"].views[PATH] = lambda _: json(plan, ETag=etag)


def numbers(count: int) -> list[str]:
    return [f"06{10000000 + 37 * index}" for index in range(count)]


def has_numbers(customer: Visitor, count: int) -> None:
    told = ME | {"numbers": [{"number": one, "options": []} for one in numbers(count)]}
    customer.login |= told


def orders(customer: Visitor) -> list[Asked]:
    return [one for one in customer["bulkforward"].asked if one.method != "GET"]


@pytest.fixture
def owner(customer: Visitor) -> Visitor:
    """A customer with one destination, and a line without a fault."""
    plan_is(customer, PLAN)
    customer["linewatch"].views[f"/lines/{CONTRACT}"] = lambda _: json({"faulted": False, "since": None})
    return customer


# The overview


def test_it_says_that_nothing_is_forwarded(owner: Visitor) -> None:
    page = owner.open("/bulk-forward")

    assert "停止中" in page.text
    assert "電話は転送されません。いつもの電話機で鳴ります" in page.text
    assert "03-1234-5678" in page.text


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (RUNNING, "手動で開始"),
        (RUNNING, "停止するまで続きます"),
        (BY_FAULT, "回線の故障のため自動で開始"),
        (BY_FAULT, "回線が回復すると、自動で停止します"),
        (BY_FAULT | {"auto_stop": False}, "停止するまで続きます"),
    ],
)
def test_it_says_that_it_runs_why_since_when_and_until_when(owner: Visitor, plan: dict[str, Any], said: str) -> None:
    plan_is(owner, plan)

    page = owner.open("/bulk-forward").text

    assert "2026年11月23日（月）09:00" in page
    assert said in page


def test_without_destinations_there_is_nothing_to_start(owner: Visitor) -> None:
    plan_is(owner, STOPPED | {"entries": {}})

    assert "転送先がまだないため、開始できません" in owner.open("/bulk-forward").text
    assert "転送先がまだありません" in owner.open("/bulk-forward/start").text


def test_all_numbers_are_listed_with_and_without_a_destination(owner: Visitor) -> None:
    page = owner.open("/bulk-forward").text

    assert f'href="{ENTRY}"' in page
    assert f'href="/bulk-forward/entries/{SECOND}"' in page


def test_a_number_is_found_by_a_part_of_it_or_of_its_destination() -> None:
    found = partial(listing, [CONTRACT, SECOND], {CONTRACT: OFFICE}, page=1)

    assert [one.number for one in found("2222", "all").rows] == [SECOND]
    assert [one.number for one in found("03-1234", "all").rows] == [CONTRACT]
    assert [one.number for one in found("", "unset").rows] == [SECOND]
    assert [one.number for one in found("", "set").rows] == [CONTRACT]
    assert not found("例", "all").rows


@pytest.mark.parametrize(("page", "first", "count"), [(-3, 0, 50), (1, 0, 50), (4, 150, 50), (9, 150, 50)])
def test_a_page_that_is_not_there_is_the_nearest_one(page: int, first: int, count: int) -> None:
    every = numbers(200)

    found = listing(every, {}, "", "all", page)

    assert [one.number for one in found.rows] == every[first : first + count]
    assert found.pages == 4


@pytest.mark.parametrize("path", ["/bulk-forward", "/bulk-forward?page=4", "/bulk-forward/csv", "/bulk-forward/start"])
def test_two_hundred_numbers_are_small_pages_with_few_calls(owner: Visitor, path: str) -> None:
    has_numbers(owner, 200)
    plan_is(owner, RUNNING | {"entries": {one: f"03{int(one) * 7919 % 10**8:08}" for one in numbers(200)}})
    before = owner.calls

    page = owner.client.get(path, base_url=SITE, headers=ZIPPED)

    assert page.status_code == 200
    assert len(page.data) <= HTML_BYTES
    assert owner.calls - before <= 3


# Start, stop and what happens by itself


def test_starting_asks_first_with_counts_and_who_pays(owner: Visitor) -> None:
    page = owner.open("/bulk-forward/start").text

    assert "1件" in page
    assert "1件（転送先がありません）" in page
    assert "転送先までの通話料は、お客さまのご契約の負担です" in page
    assert not orders(owner)


@pytest.mark.parametrize(
    ("back", "path"), [("", "/bulk-forward"), ("lite", "/lite"), ("top", "/"), ("//evil.example", "/bulk-forward")]
)
def test_a_confirmed_start_leads_back_with_a_way_back(owner: Visitor, back: str, path: str) -> None:
    owner["bulkforward"].views[f"{PATH}/start"] = lambda _: json(RUNNING)
    owner["bulkforward"].views[f"{PATH}/stop"] = lambda _: json(PLAN)

    page = owner.press(owner.open(f"/bulk-forward/start?back={back}"), "一括転送を開始する")

    assert page.path == path
    assert "登録した1件の番号への電話は、転送先へつながります" in page.text
    assert "いつもの電話機で鳴ります" in owner.press(page, "元に戻す").text
    assert [one.path for one in orders(owner)] == [f"{PATH}/start", f"{PATH}/stop"]
    assert all(one.headers["Idempotency-Key"] for one in orders(owner))


def test_a_hand_takes_over_from_a_fault_and_that_has_no_way_back(owner: Visitor) -> None:
    plan_is(owner, BY_FAULT)
    owner["bulkforward"].views[f"{PATH}/start"] = lambda _: json(RUNNING)

    page = owner.press(owner.open("/bulk-forward/start"), "回復しても続ける")

    assert "手動に切り替えました" in page.text
    assert "元に戻す" not in page.text


def test_stopping_in_a_fault_says_what_that_means(owner: Visitor) -> None:
    plan_is(owner, BY_FAULT)
    owner["linewatch"].views[f"/lines/{CONTRACT}"] = lambda _: json({"faulted": True, "since": SINCE})
    owner["bulkforward"].views[f"{PATH}/stop"] = lambda _: json(PLAN)

    page = owner.open("/bulk-forward/stop")

    assert "同じ故障では、もう自動で開始しません" in page.text
    assert "一括転送を停止しました" in owner.press(page, "一括転送を停止する").text


@pytest.mark.parametrize(
    ("lang", "button", "said"),
    [
        ("ja", "一括転送を停止する", "もう一度開始すると、回線が回復しても自動では停止しません"),
        ("en", "Stop bulk forwarding", "recovery will not stop it"),
    ],
)
def test_no_press_brings_back_what_a_fault_has_started(owner: Visitor, lang: str, button: str, said: str) -> None:
    plan_is(owner, BY_FAULT)
    owner["bulkforward"].views[f"{PATH}/stop"] = lambda _: json(PLAN)

    page = owner.press(owner.open(f"/bulk-forward/stop?lang={lang}"), button)

    assert said in page.text
    assert not re.search("元に戻す|Undo", page.text)


@pytest.mark.parametrize(("plan", "act"), [(RUNNING, "start"), (PLAN, "stop")])
def test_what_is_so_already_is_said(owner: Visitor, plan: dict[str, Any], act: str) -> None:
    plan_is(owner, plan)

    page = owner.open(f"/bulk-forward/{act}").text

    assert "一括転送は、もう" in page
    assert f'action="/bulk-forward/{act}"' not in page


def test_a_start_that_is_not_possible_says_why(owner: Visitor) -> None:
    owner["bulkforward"].views[f"{PATH}/start"] = lambda _: problem(422, "no-entries")

    page = owner.press(owner.open("/bulk-forward/start"), "一括転送を開始する")

    assert "先に転送先を登録してください" in page.text


def test_an_automation_is_switched_whatever_else_changes(owner: Visitor) -> None:
    answers = [problem(412, "stale"), json(PLAN)]
    owner["bulkforward"].views[PATH] = lambda request: (
        answers.pop(0) if request.method == "PUT" else json(PLAN, ETag='"1"')
    )

    page = owner.press(owner.open("/bulk-forward"), "自動で開始しないようにする")

    assert "自動で開始しないようにしました" in page.text
    assert not answers
    assert b'"auto_start":false' in orders(owner)[-1].body
    assert b'"entries"' in orders(owner)[-1].body
    assert page.form("元に戻す").action == "/bulk-forward/auto-start/on"


# One destination


def test_a_destination_is_changed_after_it_was_shown_before_and_after(owner: Visitor) -> None:
    owner["bulkforward"].views[f"{PATH}/entries/{CONTRACT}"] = lambda _: json(PLAN)

    asked = owner.press(owner.open(ENTRY), "確認へ進む", destination="０９０（１２３４）５６７８")
    before = len(orders(owner))
    saved = owner.press(asked, "この転送先に変更する")

    assert "03-1234-5678" in asked.text
    assert "090-1234-5678" in asked.text
    assert "ご契約の負担" in asked.text
    assert before == 0
    assert "06-0000-1111の転送先を保存しました" in saved.text
    assert orders(owner)[0].body == b'{"destination":"09012345678"}'
    assert orders(owner)[0].headers["If-Match"] == '"1"'


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "転送先の電話番号を入力してください"),
        ("110", "110・119などの3けたの番号には転送できません"),
        ("03-12", "桁数が足りません"),
        ("06-0000-1111", "この電話自身には転送できません"),
        ("0120-123-456", "0120・0800で始まる番号には転送できません"),
        ("abc", "電話番号は数字で入力してください"),
    ],
)
def test_what_cannot_be_a_destination_is_said_before_it_is_asked_about(owner: Visitor, typed: str, said: str) -> None:
    page = owner.press(owner.open(ENTRY), "確認へ進む", destination=typed)

    assert page.status == 422
    assert page.title.startswith("エラー:")
    assert page.text.count(said) == 2
    assert 'href="#destination"' in page.text
    assert f'value="{typed}"' in page.text


@pytest.mark.parametrize(
    ("lang", "said"), [("ja", "転送先の090-1234-5678が、この番号へ"), ("en", "forwards its calls")]
)
def test_a_circle_is_said_beside_the_field(owner: Visitor, lang: str, said: str) -> None:
    error = {"field": f"entries.{CONTRACT}", "code": "loop", "message": "転送先の…"}
    refusal = json({"status": 422, "code": "destination-not-allowed", "errors": [error]}, 422)
    owner["bulkforward"].views[f"{PATH}/entries/{CONTRACT}"] = lambda _: refusal
    buttons = {"ja": ("確認へ進む", "この転送先に変更する"), "en": ("Go on and check", "Change the destination")}

    page = owner.open(f"{ENTRY}?lang={lang}")
    for button in buttons[lang]:
        page = owner.press(page, button, destination=MOBILE)

    assert page.status == 422
    assert said in page.text
    assert 'href="#destination"' in page.text


def test_somebody_elses_change_of_this_number_is_a_choice(owner: Visitor) -> None:
    page = owner.open(ENTRY)
    plan_is(owner, PLAN | {"entries": {CONTRACT: "0611112222"}}, '"2"')
    owner["bulkforward"].views[f"{PATH}/entries/{CONTRACT}"] = lambda _: json(PLAN)

    both = owner.press(page, "確認へ進む", destination=MOBILE)
    saved = owner.press(both, "入力した内容で保存する")

    assert both.status == 412
    assert "06-1111-2222" in both.text
    assert "090-1234-5678" in both.text
    assert "保存しました" in saved.text
    assert orders(owner)[0].headers["If-Match"] == '"2"'


def test_somebody_elses_change_of_another_number_is_none_of_this_ones_business(owner: Visitor) -> None:
    page = owner.press(owner.open(ENTRY), "確認へ進む", destination=MOBILE)
    plan_is(owner, BY_FAULT | {"entries": {CONTRACT: OFFICE, SECOND: OFFICE}}, '"2"')
    answers = [problem(412, "stale"), json(PLAN)]
    owner["bulkforward"].views[f"{PATH}/entries/{CONTRACT}"] = lambda _: answers.pop(0)

    saved = owner.press(page, "この転送先に変更する")

    assert "保存しました" in saved.text
    assert not answers


def test_what_changes_all_the_time_is_given_up_and_said(owner: Visitor) -> None:
    page = owner.press(owner.open(ENTRY), "確認へ進む", destination=MOBILE)
    owner["bulkforward"].views[f"{PATH}/entries/{CONTRACT}"] = lambda _: problem(412, "stale")

    refused = owner.press(page, "この転送先に変更する")

    assert refused.status == 412
    assert 'role="alert"' in refused.text
    assert 'value="09012345678"' in refused.text


def test_saving_what_is_there_already_is_done(owner: Visitor) -> None:
    page = owner.press(owner.open(ENTRY), "確認へ進む", destination=OFFICE)

    assert "保存しました" in page.text
    assert not orders(owner)


def test_a_number_that_is_not_the_customers_is_no_page(owner: Visitor) -> None:
    assert owner.open("/bulk-forward/entries/0699999999").status == 404


def test_the_place_in_the_list_is_kept(owner: Visitor) -> None:
    owner["bulkforward"].views[f"{PATH}/entries/{CONTRACT}"] = lambda _: json(PLAN)
    asked = owner.press(owner.open(f"{ENTRY}?q=06&page=2"), "確認へ進む", destination=MOBILE)

    answer = owner.press(asked, "この転送先に変更する", follow=False).response

    assert answer.headers["Location"] == "/bulk-forward?q=06&page=2"


def test_deleting_names_the_number_and_says_what_follows(owner: Visitor) -> None:
    plan_is(owner, RUNNING)
    owner["bulkforward"].views[f"{PATH}/entries/{CONTRACT}"] = lambda _: json(STOPPED | {"entries": {}})

    asked = owner.open(f"{ENTRY}/delete")
    page = owner.press(asked, "この転送先を削除する", follow=False)

    assert "06-0000-1111の転送先を削除しますか" in re.sub("<[^>]*>", "", asked.text)
    assert "これが最後の転送先です" in asked.text
    assert page.status == 303
    assert "一括転送は停止しました" in owner.open("/bulk-forward").text
    assert [one.method for one in orders(owner)] == ["DELETE"]


def test_what_was_changed_meanwhile_is_not_deleted(owner: Visitor) -> None:
    asked = owner.open(f"{ENTRY}/delete")
    plan_is(owner, PLAN | {"entries": {CONTRACT: MOBILE}})

    page = owner.press(asked, "この転送先を削除する")

    assert page.status == 412
    assert "別の画面で変わりました" in page.text
    assert "090-1234-5678" in page.text
    assert not orders(owner)


def test_what_is_gone_already_is_said(owner: Visitor) -> None:
    asked = owner.open(f"{ENTRY}/delete")
    plan_is(owner, STOPPED | {"entries": {}})

    assert "もう登録されていません" in owner.press(asked, "この転送先を削除する").text


# By file


def upload(customer: Visitor, data: bytes | None = b"x") -> Page:
    fields = dict(customer.open("/bulk-forward/csv").form("ファイルの内容を確かめる").fields)
    file = {} if data is None else {"file": (BytesIO(data), "a.csv")}
    sent = {"Sec-Fetch-Site": "same-origin"}
    return Page(customer.client.post("/bulk-forward/csv", data={**fields, **file}, base_url=SITE, headers=sent))


def dry_run_is(customer: Visitor, *runs: Response | dict[str, Any]) -> None:
    answers = list(runs)

    def answer(_: Request) -> Response:
        run = answers.pop(0)
        return run if isinstance(run, Response) else json(run)

    customer["bulkforward"].views[f"{PATH}/csv"] = answer


def errors_of(*codes: str) -> Sequence[dict[str, Any]]:
    return [{"line": line, "code": code, "message": f"{code}の直し方"} for line, code in enumerate(codes, 2)]


def test_the_present_entries_and_all_numbers_are_files(owner: Visitor) -> None:
    owner["bulkforward"].views[f"{PATH}/csv"] = lambda _: Response(b"\xef\xbb\xbfh,h\r\na,b\r\n", mimetype="text/csv")

    entries, every = (
        owner.client.get(f"/bulk-forward/csv/{name}.csv", base_url=SITE) for name in ("entries", "numbers")
    )

    assert entries.mimetype == "text/csv"
    assert "attachment" in entries.headers["Content-Disposition"]
    assert every.data == entries.data + b"06-0000-2222,\r\n"


def test_a_file_is_looked_at_before_anything_changes(owner: Visitor) -> None:
    dry_run_is(owner, RUN)

    page = upload(owner, "電話番号,転送先電話番号\r\n".encode("cp932"))

    asked = orders(owner)
    assert [(one.path, one.query) for one in asked] == [(f"{PATH}/csv", "dry_run=true")]
    assert asked[0].body == "電話番号,転送先電話番号\r\n".encode("cp932")
    assert "まだ何も変更していません" in page.text
    assert "追加する転送先を見る（1件）" in page.text
    assert "変更する転送先を見る（1件）" in page.text
    assert page.form("この内容に変更する").action == "/bulk-forward/csv/run1"


def test_what_was_looked_at_is_applied_by_its_id_and_told(owner: Visitor) -> None:
    dry_run_is(owner, RUN)
    owner["bulkforward"].views[f"{PATH}/csv/run1/apply"] = lambda _: json(PLAN)

    done = owner.press(upload(owner), "この内容に変更する")

    assert done.path == "/bulk-forward/csv/done"
    assert "追加1件、変更1件、削除0件" in done.text
    assert orders(owner)[-1].headers["Idempotency-Key"]


@pytest.mark.parametrize(
    ("refusal", "status", "said"),
    [
        (problem(409, "entries-changed"), 409, "別の画面で変わりました"),
        (problem(404, "dry-run-not-found"), 200, "もう一度ファイルを選んでください"),
    ],
)
def test_what_is_outdated_changes_nothing_and_is_sent_again(
    owner: Visitor, refusal: Response, status: int, said: str
) -> None:
    dry_run_is(owner, RUN)
    owner["bulkforward"].views[f"{PATH}/csv/run1/apply"] = lambda _: refusal

    page = owner.press(upload(owner), "この内容に変更する")

    assert page.status == status
    assert said in page.text
    assert page.form("ファイルの内容を確かめる")


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (503, "store-unavailable", "ただいま保存できません"),
        (429, "busy", "ただいま混み合っています"),
        (422, "number-not-in-contract", "ご契約の電話番号ではありません"),
    ],
)
def test_what_is_refused_for_another_reason_says_it_and_the_button_stays(
    owner: Visitor, status: int, code: str, said: str
) -> None:
    dry_run_is(owner, RUN)
    owner["bulkforward"].views[f"{PATH}/csv/run1/apply"] = lambda _: problem(status, code)

    page = owner.press(upload(owner), "この内容に変更する")

    assert page.status == status
    assert said in page.text
    assert "別の画面で変わりました" not in page.text
    assert dict(page.form("この内容に変更する").fields)["added"] == "1"


def test_what_was_looked_at_waits_for_a_login(owner: Visitor) -> None:
    dry_run_is(owner, RUN)
    owner["bulkforward"].views[f"{PATH}/csv/run1/apply"] = lambda _: problem(401, "token-invalid")
    ended = owner.press(upload(owner), "この内容に変更する")

    again = owner.press(ended, "ログインする", number=CONTRACT, password=PASSWORD)
    shown = owner.press(again, "入力の続きへ進む")

    assert shown.form("この内容に変更する").action == "/bulk-forward/csv/run1"


def test_an_address_of_what_was_looked_at_leads_to_the_file(owner: Visitor) -> None:
    assert owner.open("/bulk-forward/csv/run1").path == "/bulk-forward/csv"


def test_every_bad_line_is_said_and_nothing_can_be_applied(owner: Visitor) -> None:
    dry_run_is(owner, RUN | {"errors": errors_of("free-dial", "number-missing")})

    page = upload(owner)

    assert page.status == 422
    assert "直すところが2か所あります" in page.text
    assert "2行目" in page.text
    assert "free-dialの直し方" in page.text
    assert "number-missingの直し方" in page.text
    assert "/bulk-forward/csv/run1" not in page.text


def test_bad_lines_are_said_in_english_too(owner: Visitor) -> None:
    owner.open("/bulk-forward?lang=en")
    dry_run_is(owner, RUN | {"errors": errors_of("free-dial", "number-missing", "new-code")})
    data = {**dict(owner.open("/bulk-forward/csv").form("Check the file").fields), "file": (BytesIO(b"x"), "a.csv")}

    page = owner.client.post("/bulk-forward/csv", data=data, base_url=SITE, headers={"Sec-Fetch-Site": "same-origin"})

    assert "begin with 0120 or 0800" in page.text
    assert "The number is missing" in page.text
    assert "new-codeの直し方" in page.text


def test_lost_zeros_are_offered_and_not_put_back_in_silence(owner: Visitor) -> None:
    lost = {"line": 1, "code": "leading-zero-lost", "message": "…", "suggestion": CONTRACT}
    dry_run_is(owner, RUN | {"id": "bad", "errors": [lost]}, RUN | {"id": "good"})

    page = upload(owner, b"600001111,312345678\r\n600002222,9012345678\r\n")

    assert orders(owner)[1].body == b"0600001111,0312345678\r\n0600002222,09012345678\r\n"
    assert "4か所の番号の先頭の0が消えていました" in page.text
    assert page.form("0を補って、この内容に変更する").action == "/bulk-forward/csv/good"


def test_only_numbers_that_need_a_zero_get_one() -> None:
    data = '電話番号,転送先\r\n600001111,03-1234-5678\n\'312345678,"312345678"\n0312345678;9012345678.0\t12345\n'

    mended, found = mend(data.encode("cp932"))

    assert mended.decode() == (
        "電話番号,転送先\r\n0600001111,03-1234-5678\n'312345678,0312345678\n0312345678;09012345678\t12345\n"
    )
    assert [(one.line, one.after) for one in found] == [(2, "06-0000-1111"), (3, "03-1234-5678"), (4, "090-1234-5678")]


@pytest.mark.parametrize(("status", "code"), [(422, "excel-workbook"), (413, "file-too-large"), (422, "empty-file")])
def test_what_is_no_file_of_ours_is_said_beside_the_field(owner: Visitor, status: int, code: str) -> None:
    refusal = {"status": status, "code": code, "detail": "CSVで保存してください"}
    dry_run_is(owner, json(refusal, status))

    page = upload(owner)

    assert page.status == status
    assert page.text.count("CSVで保存してください") == 2
    assert 'href="#file"' in page.text


def test_no_file_is_said(owner: Visitor) -> None:
    page = upload(owner, None)

    assert page.status == 422
    assert "CSVファイルを1つ選んでください" in page.text


def test_a_file_that_changes_nothing_has_no_button(owner: Visitor) -> None:
    dry_run_is(owner, RUN | {"added": [], "changed": [], "unchanged": 1})

    page = upload(owner)

    assert "変わるところはありません" in page.text
    assert "この内容に変更する" not in page.text


def test_a_file_has_as_long_as_the_api_gives_it(owner: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: dict[str, float | None] = {}
    send = Upstream.send

    def noted(upstream: Upstream, call: Call) -> Answer:
        waited[f"{call.method} {call.target}"] = call.seconds
        return send(upstream, call)

    monkeypatch.setattr(Upstream, "send", noted)
    dry_run_is(owner, RUN)

    upload(owner)

    seconds = UPLOADS["/contracts/<contract_number>/bulk-forward/csv"].seconds
    assert waited[f"POST {PATH}/csv?dry_run=true"] == seconds


def test_the_largest_file_is_a_small_page(owner: Visitor) -> None:
    changes = [
        {
            "line": line,
            "number": one,
            "destination": f"03{line * 7919123 % 10**8:08}",
            "before": f"06{line * 7791237 % 10**8:08}",
        }
        for line, one in enumerate(numbers(200), 1)
    ]
    errors = [
        {
            "line": line,
            "code": "number-not-in-contract",
            "message": f"「06{line * 7717}」はご契約の電話番号ではありません",
        }
        for line in range(300, 401)
    ]
    dry_run_is(owner, RUN | {"added": changes, "deleted": changes, "errors": errors})
    fields = {**dict(owner.open("/bulk-forward/csv").form("ファイル").fields), "file": (BytesIO(b"x"), "a.csv")}

    page = owner.client.post(
        "/bulk-forward/csv", data=fields, base_url=SITE, headers={**ZIPPED, "Sec-Fetch-Site": "same-origin"}
    )

    assert page.status_code == 422
    assert len(page.data) <= HTML_BYTES
