"""CSV files over HTTP: tried, applied at once, applied after having been tried, exported."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chassis.handling import Handler
from chassis.memory_store import MemoryStore
from chassis.messages import Codec
from chassis.testing import OPERATOR, FixedClock
from services.bulkforward.adapters import MemoryDryRuns
from services.bulkforward.bootstrap import CODEC, build
from services.bulkforward.formats import MOST_ERRORS
from services.bulkforward.model import CATEGORY, DECIDER, NoteContract, Plan
from services.bulkforward.settings import Settings
from services.bulkforward.tests.examples import MOBILE, NUMBER, OFFICE, OTHER
from services.bulkforward.tests.stand_ins import MemoryForwards

Headers = dict[str, str]
Client = Any
PLAN = f"/contracts/{NUMBER}/bulk-forward"
CSV = f"{PLAN}/csv"
HEADER = "電話番号,転送先電話番号"
THIRD, FOURTH = "0600003333", "0600004444"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def store(watched_store: Callable[[Codec], Any]) -> Any:
    store = watched_store(CODEC)
    contract_of(store, NUMBER, (NUMBER, OTHER, THIRD, FOURTH))
    return store


def contract_of(store: MemoryStore, contract_number: str, numbers: tuple[str, ...], place: int = 1) -> None:
    command = NoteContract(contract_number, True, numbers, f"{place:010d}.0000")
    Handler[Plan](store, DECIDER, CATEGORY).handle(contract_number, command, OPERATOR)


@pytest.fixture
def client(store: MemoryStore, keys: Any, clock: FixedClock) -> Client:
    settings = Settings("mongodb://127.0.0.1:1/", ("127.0.0.1:1",), keys.public)
    views: Any = MemoryForwards()
    return build(settings, store=store, dry_runs=MemoryDryRuns(), views=views, clock=clock).app().test_client()


@pytest.fixture
def customer(as_customer: Headers) -> Headers:
    return as_customer | {"If-Match": "*"}


@pytest.fixture
def with_entries(client: Client, customer: Headers) -> dict[str, str]:
    entries = {NUMBER: OFFICE, OTHER: MOBILE, THIRD: OFFICE}
    assert client.put(PLAN, json={"entries": entries}, headers=customer).status_code == 200
    return entries


def send(client: Client, text: str | bytes, headers: Headers, query: str = "", **options: Any) -> Any:
    data = text.encode() if isinstance(text, str) else text
    return client.post(f"{CSV}{query}", data=data, headers=headers, **{"content_type": "text/csv", **options})


def try_out(client: Client, text: str | bytes, headers: Headers, **options: Any) -> Any:
    return send(client, text, headers, "?dry_run=true", **options)


def entries_of(client: Client, headers: Headers) -> dict[str, str]:
    entries: dict[str, str] = client.get(PLAN, headers=headers).json["entries"]
    return entries


# Trying.


def test_a_dry_run_says_what_would_happen_and_changes_nothing(
    client: Client, as_customer: Headers, with_entries: dict[str, str]
) -> None:
    text = f"{HEADER}\r\n{NUMBER},{OFFICE}\r\n{OTHER},{OFFICE}\r\n{THIRD},\r\n{FOURTH},{MOBILE}\r\n"

    answer = try_out(client, text, as_customer)

    assert answer.status_code == 200
    assert {**answer.json, "id": ""} == {
        "id": "",
        "added": [{"line": 5, "number": FOURTH, "destination": MOBILE}],
        "changed": [{"line": 3, "number": OTHER, "destination": OFFICE, "before": MOBILE}],
        "deleted": [{"line": 4, "number": THIRD, "before": OFFICE}],
        "unchanged": 1,
        "errors": [],
    }
    assert answer.headers["ETag"] == client.get(PLAN, headers=as_customer).headers["ETag"]
    assert entries_of(client, as_customer) == with_entries


def test_entries_that_are_not_listed_stay(client: Client, as_customer: Headers, with_entries: dict[str, str]) -> None:
    report = try_out(client, f"{FOURTH},{MOBILE}", as_customer).json

    assert (report["unchanged"], len(report["added"])) == (3, 1)


def test_to_delete_what_is_not_there_changes_nothing(client: Client, as_customer: Headers) -> None:
    report = try_out(client, f"{NUMBER},", as_customer).json

    assert {**report, "id": ""} == {
        "id": "", "added": [], "changed": [], "deleted": [], "unchanged": 0, "errors": []
    }  # fmt: skip


def test_every_bad_row_is_named_by_its_line_with_what_to_do(client: Client, as_customer: Headers) -> None:
    rows = [
        HEADER,
        f"{NUMBER},0120-123-456",
        f"{OTHER},{OTHER}",
        f"{THIRD},312345678",
        f"0720001111,{MOBILE}",
        f"{FOURTH}",
        f"{NUMBER},{MOBILE}",
        f"{FOURTH},{MOBILE}",
    ]

    report = try_out(client, "\r\n".join(rows), as_customer).json

    assert [(error["line"], error["code"]) for error in report["errors"]] == [
        (2, "free-dial"),
        (3, "own-number"),
        (4, "leading-zero-lost"),
        (5, "number-not-in-contract"),
        (6, "wrong-number-of-cells"),
        (7, "repeated-number"),
    ]
    assert report["errors"][2]["suggestion"] == OFFICE
    assert all("ください" in error["message"] for error in report["errors"])
    assert [added["line"] for added in report["added"]] == [8]


def test_an_entry_whose_line_is_refused_counts_as_unchanged(
    client: Client, as_customer: Headers, with_entries: dict[str, str]
) -> None:
    report = try_out(client, f"{NUMBER},110\n{OTHER},{OFFICE}\n", as_customer).json

    assert [changed["line"] for changed in report["changed"]] == [2]
    assert report["unchanged"] == len(with_entries) - 1


def test_a_loop_is_named_at_both_its_lines(client: Client, as_customer: Headers) -> None:
    report = try_out(client, f"{NUMBER},{OTHER}\n{OTHER},{NUMBER}", as_customer).json

    assert [(error["line"], error["code"]) for error in report["errors"]] == [(1, "loop"), (2, "loop")]


def test_a_loop_with_an_entry_that_stays_is_seen(client: Client, customer: Headers) -> None:
    client.put(PLAN, json={"entries": {OTHER: NUMBER}}, headers=customer)

    assert try_out(client, f"{NUMBER},{OTHER}", customer).json["errors"][0]["code"] == "loop"


def test_the_row_with_which_there_are_too_many_is_named(client: Client, store: MemoryStore, customer: Headers) -> None:
    numbers = tuple(f"06{place:08d}" for place in range(300))
    contract_of(store, NUMBER, numbers, place=2)

    whole = try_out(client, "\n".join(f"{number},{OFFICE}" for number in numbers[:200]), customer).json
    more = try_out(client, "\n".join(f"{number},{OFFICE}" for number in numbers[:203]), customer).json

    assert (len(whole["added"]), whole["errors"]) == (200, [])
    assert [(error["line"], error["code"]) for error in more["errors"]] == [(201, "too-many-entries")]


def test_errors_end_somewhere(client: Client, as_customer: Headers) -> None:
    rows = "\n".join(f"07{place:08d},{OFFICE}" for place in range(500))

    errors = try_out(client, rows, as_customer).json["errors"]

    assert len(errors) == MOST_ERRORS + 1
    assert errors[-1]["code"] == "too-many-errors"


def test_a_dry_run_of_an_old_state_is_refused_where_the_caller_cares(client: Client, as_customer: Headers) -> None:
    answer = try_out(client, f"{NUMBER},{OFFICE}", as_customer | {"If-Match": '"old"'})

    assert (answer.status_code, answer.json["code"]) == (412, "stale-etag")


# Applying at once.


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_file_is_applied(client: Client, customer: Headers, with_entries: dict[str, str], method: str) -> None:
    rows = f"{OTHER},\n{FOURTH},090-1234-5678\n"

    answer = client.open(CSV, method=method, data=rows, content_type="text/csv", headers=customer)

    assert (answer.status_code, answer.json["entries"]) == (200, {NUMBER: OFFICE, THIRD: OFFICE, FOURTH: MOBILE})
    assert answer.headers["ETag"] == client.get(PLAN, headers=customer).headers["ETag"]


def test_a_file_is_applied_as_a_whole_or_not_at_all(
    client: Client, customer: Headers, with_entries: dict[str, str]
) -> None:
    answer = send(client, f"{NUMBER},{MOBILE}\n{OTHER},9012345678\n", customer)

    assert (answer.status_code, answer.json["code"]) == (422, "invalid-rows")
    assert [(error["field"], error["code"]) for error in answer.json["errors"]] == [("lines.2", "leading-zero-lost")]
    (row,) = answer.json["details"]["rows"]
    assert (row["line"], row["suggestion"]) == (2, MOBILE)
    assert entries_of(client, customer) == with_entries


def test_to_apply_needs_if_match(client: Client, as_customer: Headers) -> None:
    answer = send(client, f"{NUMBER},{OFFICE}", as_customer)

    assert (answer.status_code, answer.json["code"]) == (428, "if-match-required")


def test_an_old_state_comes_before_wrong_rows(
    client: Client, as_customer: Headers, with_entries: dict[str, str]
) -> None:
    answer = send(client, "1,2,3", as_customer | {"If-Match": '"old"'})

    assert (answer.status_code, answer.json["current"]["entries"]) == (412, with_entries)


def test_the_same_key_is_the_same_file(client: Client, customer: Headers) -> None:
    once = customer | {"Idempotency-Key": "k1"}
    first = send(client, f"{NUMBER},{OFFICE}", once)
    client.delete(f"{PLAN}/entries/{NUMBER}", headers=customer)

    again = send(client, f"{NUMBER},{OFFICE}", once)
    other = send(client, f"{NUMBER},{MOBILE}", once)

    assert (first.status_code, again.status_code, again.json["entries"]) == (200, 200, {})
    assert (other.status_code, other.json["code"]) == (422, "idempotency-key-reused")


def test_a_file_sent_again_after_a_lost_answer_is_not_refused_for_its_own_change(
    client: Client, as_customer: Headers
) -> None:
    tag = client.get(CSV, headers=as_customer).headers["ETag"]
    headers = as_customer | {"Idempotency-Key": "k1", "If-Match": tag}

    answers = [send(client, f"{NUMBER},{OFFICE}", headers) for _ in range(2)]

    assert [(answer.status_code, answer.json["entries"]) for answer in answers] == [(200, {NUMBER: OFFICE})] * 2


def test_the_last_entry_gone_stops_forwarding(client: Client, customer: Headers) -> None:
    send(client, f"{NUMBER},{OFFICE}", customer)
    client.post(f"{PLAN}/start", headers=customer)

    answer = send(client, f"{NUMBER},", customer)

    assert (answer.json["running"], answer.json["entries"]) == (False, {})


# Applying what was tried.


def apply(client: Client, id: str, headers: Headers) -> Any:
    return client.post(f"{CSV}/{id}/apply", headers=headers)


def test_a_dry_run_is_applied_by_its_id(client: Client, as_customer: Headers, with_entries: dict[str, str]) -> None:
    report = try_out(client, f"{NUMBER},\n{FOURTH},{MOBILE}", as_customer).json

    answer = apply(client, report["id"], as_customer)

    assert (answer.status_code, answer.json["entries"]) == (200, {OTHER: MOBILE, THIRD: OFFICE, FOURTH: MOBILE})
    assert answer.headers["ETag"] == client.get(PLAN, headers=as_customer).headers["ETag"]


def test_a_dry_run_is_refused_when_the_entries_have_changed(client: Client, customer: Headers) -> None:
    report = try_out(client, f"{NUMBER},{OFFICE}", customer).json
    client.put(f"{PLAN}/entries/{OTHER}", json={"destination": MOBILE}, headers=customer)

    answer = apply(client, report["id"], customer)

    assert (answer.status_code, answer.json["code"]) == (409, "entries-changed")
    assert entries_of(client, customer) == {OTHER: MOBILE}


def test_a_start_meanwhile_is_no_change_of_the_entries(
    client: Client, as_customer: Headers, with_entries: dict[str, str]
) -> None:
    report = try_out(client, f"{FOURTH},{MOBILE}", as_customer).json
    client.post(f"{PLAN}/start", headers=as_customer)

    answer = apply(client, report["id"], as_customer)

    assert (answer.status_code, answer.json["running"], answer.json["entries"][FOURTH]) == (200, True, MOBILE)


def test_to_apply_twice_is_to_apply_once(client: Client, as_customer: Headers) -> None:
    report = try_out(client, f"{NUMBER},{OFFICE}", as_customer).json

    answers = [apply(client, report["id"], as_customer) for _ in range(2)]

    assert [(answer.status_code, answer.json["entries"]) for answer in answers] == [(200, {NUMBER: OFFICE})] * 2
    (told,) = client.get(f"/contracts/{NUMBER}/history", headers=as_customer).json["items"]
    assert told["sentence"]["ja"] == "CSVファイルで一括転送の転送先を変更しました（1件）"


def test_a_dry_run_with_errors_cannot_be_applied(client: Client, as_customer: Headers) -> None:
    report = try_out(client, f"{NUMBER},{OFFICE}\n{OTHER},110", as_customer).json

    answer = apply(client, report["id"], as_customer)

    assert (answer.status_code, answer.json["code"]) == (422, "invalid-rows")
    assert answer.json["details"]["rows"] == report["errors"]
    assert entries_of(client, as_customer) == {}


def test_a_dry_run_expires(client: Client, as_customer: Headers, clock: FixedClock) -> None:
    report = try_out(client, f"{NUMBER},{OFFICE}", as_customer).json
    clock.at += timedelta(minutes=30)

    answer = apply(client, report["id"], as_customer)

    assert (answer.status_code, answer.json["code"]) == (404, "dry-run-not-found")


def test_a_dry_run_is_its_contracts_alone(
    client: Client, store: MemoryStore, as_customer: Headers, as_operator: Headers, as_stranger: Headers
) -> None:
    contract_of(store, "0720001111", ("0720001111",))
    id = try_out(client, f"{NUMBER},{OFFICE}", as_customer).json["id"]

    foreign = client.post(f"/contracts/0720001111/bulk-forward/csv/{id}/apply", headers=as_operator)

    assert (foreign.status_code, foreign.json["code"]) == (404, "dry-run-not-found")
    assert apply(client, id, as_stranger).json["code"] == "not-found"


def test_what_is_allowed_is_asked_again_when_it_is_applied(
    client: Client, store: MemoryStore, as_customer: Headers
) -> None:
    report = try_out(client, f"{OTHER},{OFFICE}", as_customer).json
    contract_of(store, NUMBER, (NUMBER,), place=2)

    answer = apply(client, report["id"], as_customer)

    assert (answer.status_code, answer.json["code"]) == (422, "number-not-in-contract")


def test_if_match_is_optional_for_a_dry_run_and_is_checked(client: Client, as_customer: Headers) -> None:
    tried = try_out(client, f"{NUMBER},{OFFICE}", as_customer)

    stale = apply(client, tried.json["id"], as_customer | {"If-Match": '"old"'})
    fine = apply(client, tried.json["id"], as_customer | {"If-Match": tried.headers["ETag"]})

    assert (stale.status_code, fine.status_code) == (412, 200)


# What is sent.


@pytest.mark.parametrize("kind", ["text/csv", "application/vnd.ms-excel", "application/octet-stream"])
def test_a_form_with_a_file_is_taken_whatever_the_browser_calls_it(
    client: Client, as_customer: Headers, kind: str
) -> None:
    form = {"file": (io.BytesIO(f"{HEADER}\r\n{NUMBER},{OFFICE}".encode("cp932")), "番号.csv", kind)}

    answer = client.post(f"{CSV}?dry_run=true", data=form, headers=as_customer, content_type="multipart/form-data")

    assert (answer.status_code, len(answer.json["added"])) == (200, 1)


def test_a_form_is_applied_once_by_its_key(client: Client, customer: Headers) -> None:
    def post() -> Any:
        form = {"file": (io.BytesIO(f"{NUMBER},{OFFICE}".encode()), "a.csv", "text/csv")}
        options = {"content_type": "multipart/form-data; boundary=b"}
        return client.post(CSV, data=form, headers=customer | {"Idempotency-Key": "k"}, **options)

    assert post().json["entries"] == {NUMBER: OFFICE}


@pytest.mark.parametrize("form", [{}, {"file": (io.BytesIO(b""), "")}, {"note": "1,2"}])
def test_a_form_without_a_file_is_refused(client: Client, as_customer: Headers, form: Any) -> None:
    answer = client.post(f"{CSV}?dry_run=true", data=form, headers=as_customer, content_type="multipart/form-data")

    assert (answer.status_code, answer.json["code"]) == (422, "one-file-wanted")


@pytest.mark.parametrize(
    ("data", "status", "code", "said"),
    [
        (b"PK\x03\x04" + bytes(200), 422, "excel-workbook", "CSV UTF-8"),
        (f"{HEADER}\r\n".encode("utf-16"), 422, "utf-16-file", "UTF-16"),
        (b"\x00\x01\x02\x03", 422, "not-a-text-file", "CSVファイルではありません"),
        (b"\x81 \x81 ", 422, "wrong-encoding", "UTF-8"),
        (b"\r\n\r\n", 422, "empty-file", "行がありません"),
        (f"転送先,電話番号\n{OFFICE},{NUMBER}".encode(), 422, "unknown-columns", "電話番号,転送先電話番号"),
        (b"x" * (1024 * 1024 + 1), 413, "file-too-large", "1MB"),
        (b"x" * (5 * 1024 * 1024), 413, "file-too-large", "1MB"),
        (b"x" * (9 * 1024 * 1024), 413, "body-too-large", "大きすぎます"),
    ],
    ids=["xlsx", "utf-16", "binary", "encoding", "empty", "columns", "large", "larger", "largest"],
)
@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_a_file_that_is_none_of_ours_is_refused_with_what_to_do(
    client: Client, customer: Headers, data: bytes, status: int, code: str, said: str, query: str
) -> None:
    answer = send(client, data, customer, query)

    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert said in answer.json["detail"]


def test_a_large_form_is_refused_too(client: Client, as_customer: Headers) -> None:
    form = {"file": (io.BytesIO(b"1,2\n" * 500_000), "a.csv", "text/csv")}

    answer = client.post(f"{CSV}?dry_run=true", data=form, headers=as_customer, content_type="multipart/form-data")

    assert (answer.status_code, answer.json["code"]) == (413, "file-too-large")


def test_a_large_body_of_unknown_length_is_refused_too(client: Client, as_customer: Headers) -> None:
    stream = io.BytesIO(b"1,2\n" * 500_000)

    answer = client.post(
        f"{CSV}?dry_run=true",
        input_stream=stream,
        headers=as_customer | {"Transfer-Encoding": "chunked"},
        content_type="text/csv",
        environ_overrides={"wsgi.input_terminated": True},
    )

    assert (answer.status_code, answer.json["code"]) == (413, "file-too-large")


def test_the_charset_that_is_named_is_the_one(client: Client, as_customer: Headers) -> None:
    data = f"{HEADER}\r\n{NUMBER},{OFFICE}".encode("cp932")

    fits = try_out(client, data, as_customer, content_type="text/csv; charset=Shift_JIS")
    lies = try_out(client, data, as_customer, content_type="text/csv; charset=utf-8")
    strange = try_out(client, data, as_customer, content_type="text/csv; charset=euc-jp")

    assert [answer.status_code for answer in (fits, lies, strange)] == [200, 422, 415]
    assert (lies.json["code"], lies.json["details"]) == ("wrong-encoding", {"line": 1})


@pytest.mark.parametrize("kind", ["application/json", "text/html"])
def test_another_type_is_not_read(client: Client, customer: Headers, kind: str) -> None:
    assert send(client, "{}", customer, content_type=kind).status_code == 415


def test_the_query_is_read_strictly(client: Client, customer: Headers) -> None:
    assert send(client, f"{NUMBER},{OFFICE}", customer, "?dry_run=perhaps").json["code"] == "invalid-query"
    assert send(client, f"{NUMBER},{OFFICE}", customer, "?dryrun=true").json["code"] == "invalid-query"
    assert entries_of(client, customer) == {}


# Exporting.


def test_the_export_is_a_file_for_spreadsheets(
    client: Client, as_customer: Headers, with_entries: dict[str, str]
) -> None:
    answer = client.get(CSV, headers=as_customer)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert answer.data.decode().split("\r\n") == [
        f"\ufeff{HEADER}",
        "06-0000-1111,03-1234-5678",
        "06-0000-2222,090-1234-5678",
        "06-0000-3333,03-1234-5678",
        "",
    ]
    assert answer.headers["Content-Disposition"] == f'attachment; filename="bulk-forward-{NUMBER}.csv"'
    assert answer.headers["ETag"] == client.get(PLAN, headers=as_customer).headers["ETag"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_what_is_exported_is_taken_back_and_changes_nothing(
    client: Client, as_customer: Headers, with_entries: dict[str, str]
) -> None:
    exported = client.get(CSV, headers=as_customer)
    tag = exported.headers["ETag"]

    report = try_out(client, exported.data, as_customer).json
    answer = send(client, exported.data, as_customer | {"If-Match": tag})

    assert (report["unchanged"], report["changed"], report["errors"]) == (3, [], [])
    assert (answer.status_code, answer.headers["ETag"]) == (200, tag)


# Who may.


@pytest.mark.parametrize("caller", ["as_stranger", "as_one_number", "as_monitor"])
@pytest.mark.parametrize(("method", "path"), [("GET", CSV), ("PUT", CSV), ("POST", CSV), ("POST", f"{CSV}/1/apply")])
def test_nobody_else_learns_that_there_are_files(
    client: Client, method: str, path: str, caller: str, request: pytest.FixtureRequest
) -> None:
    answer = client.open(path, method=method, headers=request.getfixturevalue(caller))

    assert (answer.status_code, answer.json["code"]) == (404, "not-found")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", CSV), ("POST", f"{CSV}?dry_run=true"), ("POST", f"{CSV}/1/apply")]
)
def test_without_the_option_there_are_no_files(client: Client, as_operator: Headers, method: str, path: str) -> None:
    elsewhere = path.replace(NUMBER, "0720001111")
    data = b"0720001111,0312345678" if "?" in path else None

    answer = client.open(
        elsewhere, method=method, data=data, content_type="text/csv" if data else None, headers=as_operator
    )

    assert (answer.status_code, answer.json["code"]) == (404, "not-found")
