import json
from collections.abc import Callable
from typing import Any

import jwt
import msgspec
import pytest
from structlog.testing import capture_logs

from chassis.auth import Tokens
from chassis.messages import Codec
from services.auth.adapters import MemoryClaims, MemoryLastSeen
from services.auth.bootstrap import CODEC, build
from services.auth.formats import LONGEST_LINE
from services.auth.settings import Settings
from services.auth.tests.examples import ELSEWHERE, NUMBER, OTHER, SHOWN

Headers = dict[str, str]
# A FlaskClient, whose answers' `json` the type checker takes for optional.
Client = Any
CONTRACT = f"/contracts/{NUMBER}"
NDJSON = "application/x-ndjson"


@pytest.fixture
def store(watched_store: Callable[[Codec], Any]) -> Any:
    return watched_store(CODEC)


@pytest.fixture
def last_seen() -> MemoryLastSeen:
    return MemoryLastSeen()


@pytest.fixture
def client(store: Any, last_seen: MemoryLastSeen, keys: Any) -> Client:
    settings = Settings("mongodb://127.0.0.1:1/", ("127.0.0.1:1",), keys.public, keys.signing, keys.pepper)
    return build(settings, store=store, claims=MemoryClaims(), last_seen=last_seen).app().test_client()


@pytest.fixture
def put(client: Client, as_operator: Headers) -> Callable[..., Any]:
    def send(body: Any, number: str = NUMBER, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.put(f"/contracts/{number}", json=body, headers=as_operator | named)

    return send


def errors_of(answer: Any) -> dict[str, str]:
    return {error["field"]: error["code"] for error in answer.json["errors"]}


def plain(number: str, *others: str) -> dict[str, Any]:
    return {"contract_number": number, "numbers": {one: [] for one in (number, *others)}}


# One contract.


def test_a_contract_is_put_and_got(client: Client, put: Callable[..., Any], as_operator: Headers) -> None:
    created = put(SHOWN)
    got = client.get(CONTRACT, headers=as_operator)

    assert (created.status_code, created.json) == (201, SHOWN)
    assert (got.status_code, got.json, got.headers["ETag"]) == (200, SHOWN, created.headers["ETag"])


def test_the_same_contract_again_is_there_already(put: Callable[..., Any]) -> None:
    put(SHOWN)

    answer = put(SHOWN)

    assert (answer.status_code, answer.json) == (200, SHOWN)


def test_a_contract_is_changed(client: Client, put: Callable[..., Any], as_operator: Headers) -> None:
    put(SHOWN)

    answer = put(SHOWN | {"site": "支店"})

    assert answer.status_code == 200
    assert client.get(CONTRACT, headers=as_operator).json["site"] == "支店"


def test_a_contract_that_is_not_there_is_not_found(client: Client, as_operator: Headers) -> None:
    answer = client.get(CONTRACT, headers=as_operator)

    assert (answer.status_code, answer.json["code"]) == (404, "not-found")


def test_an_unchanged_contract_is_not_sent_again(client: Client, put: Callable[..., Any], as_operator: Headers) -> None:
    tag = put(SHOWN).headers["ETag"]

    assert client.get(CONTRACT, headers=as_operator | {"If-None-Match": tag}).status_code == 304


def test_a_write_on_the_present_state_passes(put: Callable[..., Any]) -> None:
    tag = put(SHOWN).headers["ETag"]

    assert put(SHOWN | {"site": "支店"}, If_Match=tag).status_code == 200


def test_a_write_on_an_old_state_is_refused_with_the_present_one(put: Callable[..., Any]) -> None:
    old = put(SHOWN).headers["ETag"]
    put(SHOWN | {"site": "支店"})

    answer = put(SHOWN | {"site": "西店"}, If_Match=old)

    assert (answer.status_code, answer.json["code"]) == (412, "stale-etag")
    assert answer.json["current"] == SHOWN | {"site": "支店"}


def test_a_write_on_a_state_of_what_is_gone_is_refused(
    client: Client, put: Callable[..., Any], as_operator: Headers
) -> None:
    tag = put(SHOWN).headers["ETag"]
    client.delete(CONTRACT, headers=as_operator)

    assert put(SHOWN, If_Match=tag).status_code == 412


def test_the_contract_of_the_path_is_the_one_of_the_body(put: Callable[..., Any]) -> None:
    answer = put(SHOWN, number=ELSEWHERE)

    assert (answer.status_code, answer.json["code"]) == (422, "contract-number-differs")
    assert errors_of(answer) == {"contract_number": "contract-number-differs"}


def test_numbers_are_taken_as_people_type_them(put: Callable[..., Any]) -> None:
    typed = {"contract_number": "０６-００００-１１１１", "numbers": {"06 0000 2222": ["voicewarp"]}}

    assert put(typed).json["numbers"] == {NUMBER: [], OTHER: ["voicewarp"]}


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"contract_number": ...}, {"contract_number": "missing-field"}),
        ({"contract_number": 600001111}, {"contract_number": "wrong-type"}),
        ({"circuit": "x" * 129}, {"circuit": "too-long"}),
        ({"circuit": None}, {"circuit": "wrong-type"}),
        ({"contractor": "あ" * 101}, {"contractor": "too-long"}),
        ({"site": "a\nb"}, {"site": "control-character"}),
        ({"site": "a\u0085b"}, {"site": "control-character"}),
        ({"options": "bulk-forward"}, {"options": "wrong-type"}),
        ({"options": ["fax"]}, {"options.0": "not-one-of"}),
        ({"numbers": [OTHER]}, {"numbers": "wrong-type"}),
        ({"numbers": {OTHER: "voicewarp"}}, {f"numbers.{OTHER}": "wrong-type"}),
        ({"numbers": {OTHER: ["voicewarp", "x"]}}, {f"numbers.{OTHER}.1": "not-one-of"}),
        (
            {"numbers": {OTHER: [], "06-0000-2222": []}},
            {f"numbers.{OTHER}": "repeated-number", "numbers.06-0000-2222": "repeated-number"},
        ),
        ({"note": "x"}, {"note": "unknown-field"}),
    ],
)
def test_a_body_that_does_not_fit_is_refused_field_by_field(
    put: Callable[..., Any], change: dict[str, Any], errors: dict[str, str]
) -> None:
    answer = put({name: value for name, value in (SHOWN | change).items() if value is not ...})

    assert (answer.status_code, answer.json["code"], errors_of(answer)) == (422, "invalid-body", errors)


def test_a_number_that_nobody_can_have_is_refused(put: Callable[..., Any]) -> None:
    answer = put(SHOWN | {"numbers": {"0120123456": []}})

    assert (answer.status_code, answer.json["code"]) == (422, "invalid-contract")
    assert errors_of(answer) == {"numbers.0120123456": "not-a-subscriber-number"}


def test_a_number_of_another_contract_is_refused(put: Callable[..., Any]) -> None:
    put(SHOWN)

    answer = put(plain(ELSEWHERE, OTHER), number=ELSEWHERE)

    assert (answer.status_code, answer.json["code"]) == (422, "number-taken")
    assert errors_of(answer) == {f"numbers.{OTHER}": "number-taken"}


def test_a_circuit_of_another_contract_is_refused(put: Callable[..., Any]) -> None:
    put(SHOWN)

    answer = put(plain(ELSEWHERE) | {"circuit": "C-1111"}, number=ELSEWHERE)

    assert errors_of(answer) == {"circuit": "circuit-taken"}


def test_a_contract_is_removed_and_its_history_stays(
    client: Client, put: Callable[..., Any], as_operator: Headers
) -> None:
    put(SHOWN)

    answers = [client.delete(CONTRACT, headers=as_operator).status_code for _ in range(2)]

    items = client.get(f"{CONTRACT}/history", headers=as_operator).json["items"]
    assert answers == [204, 404]
    assert client.get(CONTRACT, headers=as_operator).status_code == 404
    assert [item["event"] for item in items] == ["ContractRemoved", "ContractImported"]
    assert items[0]["by"]["kind"] == "operator"
    assert all(item["sentence"]["ja"] and item["sentence"]["en"] for item in items)


def test_a_removal_on_an_old_state_is_refused(client: Client, put: Callable[..., Any], as_operator: Headers) -> None:
    old = put(SHOWN).headers["ETag"]
    put(SHOWN | {"site": "支店"})

    assert client.delete(CONTRACT, headers=as_operator | {"If-Match": old}).status_code == 412


# Who may.


@pytest.mark.parametrize("caller", ["as_customer", "as_monitor"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", CONTRACT),
        ("PUT", CONTRACT),
        ("DELETE", CONTRACT),
        ("POST", "/contracts"),
        ("GET", "/api-keys"),
        ("POST", "/api-keys"),
        ("DELETE", "/api-keys/x"),
    ],
)
def test_contracts_and_keys_are_for_operators(
    client: Client, method: str, path: str, caller: str, request: pytest.FixtureRequest
) -> None:
    answer = client.open(path, method=method, headers=request.getfixturevalue(caller))

    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")


@pytest.mark.parametrize("path", [CONTRACT, "/api-keys", f"{CONTRACT}/history"])
def test_without_a_token_nothing_is_answered(client: Client, path: str) -> None:
    assert client.get(path).status_code == 401


def test_a_customer_reads_the_history_of_the_own_contract(client: Client, as_customer: Headers) -> None:
    assert client.get(f"{CONTRACT}/history", headers=as_customer).status_code == 200


@pytest.mark.parametrize("caller", ["as_stranger", "as_one_number", "as_monitor"])
def test_nobody_else_does(client: Client, caller: str, request: pytest.FixtureRequest) -> None:
    assert client.get(f"{CONTRACT}/history", headers=request.getfixturevalue(caller)).status_code == 404


# Many contracts.


@pytest.fixture
def upload(client: Client, as_operator: Headers) -> Callable[..., Any]:
    def send(text: str | bytes, kind: str = NDJSON, **headers: str) -> Any:
        data = text if isinstance(text, bytes) else text.encode()
        return client.post("/contracts", data=data, content_type=kind, headers=as_operator | headers)

    return send


def lines(*contracts: Any) -> str:
    return "\n".join(json.dumps(contract, ensure_ascii=False) for contract in contracts)


def counts(report: Any) -> dict[str, int]:
    return {name: report[name] for name in ("imported", "changed", "unchanged", "rejected") if report[name]}


def by_line(report: Any) -> dict[int, str]:
    return {error["line"]: error["code"] for error in report["errors"]}


def test_many_contracts_are_imported(client: Client, upload: Callable[..., Any], as_operator: Headers) -> None:
    report = upload(lines(SHOWN, plain(ELSEWHERE))).json

    assert counts(report) == {"imported": 2}
    assert (report["done"], report["errors"], report["errors_left_out"]) == (True, [], 0)
    assert client.get(CONTRACT, headers=as_operator).json == SHOWN


def test_the_same_import_again_changes_nothing(store: Any, upload: Callable[..., Any]) -> None:
    upload(lines(SHOWN, plain(ELSEWHERE)))
    before = list(store.scan())

    report = upload(lines(SHOWN, plain(ELSEWHERE))).json

    assert counts(report) == {"unchanged": 2}
    assert list(store.scan()) == before


def test_errors_are_told_by_line_and_fail_no_neighbour(upload: Callable[..., Any]) -> None:
    text = "\n".join(
        [
            lines(SHOWN),
            "",
            "{",
            lines({"contract_number": 5}),
            lines(plain("110")),
            '{"contract_number": "0600005555", "contractor": "\\ud800"}',
            lines(plain(ELSEWHERE)),
        ]
    )

    report = upload(text).json

    assert counts(report) == {"imported": 2, "rejected": 4}
    assert by_line(report) == {3: "unreadable-line", 4: "invalid-body", 5: "invalid-contract", 6: "unreadable-line"}
    assert all(error["message"] for error in report["errors"])


def test_bad_utf_8_spoils_its_own_line(upload: Callable[..., Any]) -> None:
    text = lines(SHOWN).encode() + b'\n{"contract_number": "\xff"}\n' + lines(plain(ELSEWHERE)).encode()

    report = upload(text).json

    assert counts(report) == {"imported": 2, "rejected": 1}
    assert by_line(report) == {2: "unreadable-line"}


def test_a_line_that_is_too_long_is_one_error(upload: Callable[..., Any]) -> None:
    long = lines({"contract_number": NUMBER, "site": "x" * 3 * LONGEST_LINE})

    report = upload("\n".join([long, lines(plain(ELSEWHERE)), "{"])).json

    assert counts(report) == {"imported": 1, "rejected": 2}
    assert by_line(report) == {1: "line-too-long", 3: "unreadable-line"}
    assert report["errors"][0]["message"]


def test_a_byte_order_mark_and_windows_line_ends_are_taken(upload: Callable[..., Any]) -> None:
    text = "\ufeff" + lines(SHOWN) + "\r\n" + lines(plain(ELSEWHERE)) + "\r\n"

    assert counts(upload(text).json) == {"imported": 2}


def test_two_contracts_that_want_one_number_in_one_file(upload: Callable[..., Any]) -> None:
    report = upload(lines(plain(NUMBER, OTHER), plain(ELSEWHERE, OTHER))).json

    assert counts(report) == {"imported": 1, "rejected": 1}
    taken = {"field": f"numbers.{OTHER}", "code": "number-taken"}
    told = {"line": 2, "code": "number-taken", "message": f"numbers.{OTHER}: number-taken", "errors": [taken]}
    assert report["errors"] == [told]


def test_two_contracts_that_want_one_number_in_two_files(upload: Callable[..., Any]) -> None:
    upload(lines(plain(NUMBER, OTHER)))

    assert by_line(upload(lines(plain(ELSEWHERE, OTHER))).json) == {1: "number-taken"}


def test_a_number_moves_from_one_contract_to_another_in_one_file(upload: Callable[..., Any]) -> None:
    upload(lines(plain(NUMBER, OTHER), plain(ELSEWHERE)))

    report = upload(lines(plain(ELSEWHERE, OTHER), plain(NUMBER))).json

    assert counts(report) == {"changed": 2}


def test_an_empty_upload_imports_nothing(upload: Callable[..., Any]) -> None:
    assert counts(upload("").json) == {}


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data"])
def test_an_upload_of_another_type_is_not_read(upload: Callable[..., Any], kind: str) -> None:
    assert upload(lines(SHOWN), kind).status_code == 415


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json, application/x-ndjson;q=0.5", "x/y"])
def test_whoever_does_not_ask_for_progress_gets_one_answer(upload: Callable[..., Any], accept: str) -> None:
    answer = upload(lines(SHOWN), Accept=accept)

    assert answer.mimetype == "application/json"
    assert answer.json["done"]


def test_progress_is_told_after_every_thousand_lines(upload: Callable[..., Any]) -> None:
    many = [plain(f"06{place:08d}") for place in range(1500)]
    text = "\n".join([lines(*many[:1200]), "{", lines(*many[1200:])])

    answer = upload(text, Accept=NDJSON)

    reports = [json.loads(line) for line in answer.data.splitlines()]
    assert answer.mimetype == NDJSON
    assert [(report["done"], counts(report)) for report in reports] == [
        (False, {"imported": 1000}),
        (False, {"imported": 1500, "rejected": 1}),
        (True, {"imported": 1500, "rejected": 1}),
    ]
    assert [by_line(report) for report in reports] == [{}, {1201: "unreadable-line"}, {}]


def test_errors_beyond_the_first_thousand_are_counted(upload: Callable[..., Any]) -> None:
    report = upload("{\n" * 1200).json

    assert (len(report["errors"]), report["errors_left_out"]) == (1000, 200)


def test_while_the_store_is_away_nothing_is_imported(store: Any, upload: Callable[..., Any]) -> None:
    store.away = True

    answers = [upload(lines(SHOWN)), upload(lines(SHOWN), Accept=NDJSON)]

    assert [answer.status_code for answer in answers] == [503, 503]
    assert all("Retry-After" in answer.headers for answer in answers)


# As CSV.

HEADER = "contract_number,circuit,contractor,site,options,numbers\n"
ROW = (
    "06-0000-1111,C-1111,株式会社つなぐ,本店,bulk-forward;fault-notice,"
    '"0600001111:voicewarp+incoming-mail;0600002222:incoming-mail+fax-mail"\n'
)


@pytest.mark.parametrize(
    "text",
    [
        HEADER + ROW,
        "\ufeff" + HEADER + ROW,
        (HEADER + ROW).replace("\n", "\r\n"),
        HEADER + ROW.rstrip("\n"),
        HEADER + "\n" + ROW + "\n",
        HEADER + ROW.replace("本店", '"本店"').replace(",C-1111,", ", C-1111 ,"),
    ],
    ids=["plain", "BOM", "CRLF", "no last line end", "blank lines", "quotes and spaces"],
)
def test_contracts_are_imported_from_csv(
    client: Client, upload: Callable[..., Any], as_operator: Headers, text: str
) -> None:
    report = upload(text, "text/csv").json

    assert counts(report) == {"imported": 1}
    assert client.get(CONTRACT, headers=as_operator).json == SHOWN


def test_columns_may_be_fewer_and_in_another_order(
    client: Client, upload: Callable[..., Any], as_operator: Headers
) -> None:
    upload("site,contract_number\n本店,0600001111\n", "text/csv; charset=utf-8")

    shown = client.get(CONTRACT, headers=as_operator).json
    assert (shown["site"], shown["numbers"]) == ("本店", {NUMBER: []})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "contract_number,color\n0600001111,red\n",
        "circuit,site\nC-1,本店\n",
        "contract_number,contract_number\n0600001111,0720001111\n",
        '"contract_number\n',
        "0600001111,C-1111\n",
    ],
    ids=["nothing", "unknown", "no number", "twice", "open quote", "no names"],
)
@pytest.mark.parametrize("accept", ["application/json", NDJSON])
def test_columns_that_are_not_known_are_refused(upload: Callable[..., Any], text: str, accept: str) -> None:
    answer = upload(text, "text/csv", Accept=accept)

    assert (answer.status_code, answer.json["code"]) == (422, "unknown-columns")


def test_errors_of_rows_are_told_by_line(upload: Callable[..., Any]) -> None:
    rows = [
        b"contract_number,site,options",
        b"0600001111,\xe6\x9c\xac\xe5\xba\x97,",
        b"0600002222,\xff,",
        b"0600003333,a,b,c",
        b"0600004444",
        b'0600005555,"two\nlines",',
        b"0600006666,,fax",
        b'0600007777,"x"y,',
        b"0720001111,,bulk-forward",
        b"0600008888,a\0b,",
    ]

    report = upload(b"\n".join(rows), "text/csv").json

    assert counts(report) == {"imported": 2, "rejected": 7}
    assert by_line(report) == {
        3: "unreadable-line",
        4: "wrong-number-of-cells",
        5: "wrong-number-of-cells",
        7: "invalid-body",
        8: "invalid-body",
        9: "unreadable-line",
        11: "unreadable-line",
    }
    assert all(error["message"] for error in report["errors"])


# Keys.


@pytest.fixture
def made(client: Client, as_operator: Headers) -> Any:
    """What was answered when a key was made."""
    body = {"name": "noc-west", "scopes": ["line-events"]}
    answer = client.post("/api-keys", json=body, headers=as_operator)
    assert answer.status_code == 201
    return answer.json


def test_a_key_is_shown_when_it_is_made(made: Any) -> None:
    assert made["key"].startswith("tsu_")
    assert len(made["key"]) > 40
    assert (made["name"], made["scopes"], made["revoked"], made["last_seen"]) == (
        "noc-west",
        ["line-events"],
        False,
        None,
    )


def test_a_key_is_listed_without_the_key(client: Client, made: Any, as_operator: Headers) -> None:
    listed = client.get("/api-keys", headers=as_operator).json["items"]

    assert listed == [{name: value for name, value in made.items() if name != "key"}]


def test_the_store_does_not_have_the_key(store: Any, made: Any) -> None:
    kept = b"".join(msgspec.json.encode(CODEC.encode(one.event)) for one in store.scan())

    assert made["key"].encode() not in kept
    assert made["key"].removeprefix("tsu_").encode() not in kept


def test_the_log_does_not_have_the_key(client: Client, as_operator: Headers) -> None:
    with capture_logs() as logged:
        made = client.post("/api-keys", json={"name": "x", "scopes": ["calls"]}, headers=as_operator).json
        client.post("/tokens", json={"bearer": made["key"]})
        client.post("/tokens", json={"bearer": made["key"], "more": 1})

    assert logged
    assert made["key"] not in json.dumps(logged, default=repr)


def test_two_keys_are_never_the_same(client: Client, made: Any, as_operator: Headers) -> None:
    other = client.post("/api-keys", json={"name": "noc-west", "scopes": ["line-events"]}, headers=as_operator).json

    assert (other["key"], other["id"]) != (made["key"], made["id"])


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"name": "missing-field", "scopes": "missing-field"}),
        ({"name": "", "scopes": ["calls"]}, {"name": "wrong-length"}),
        ({"name": "x" * 65, "scopes": ["calls"]}, {"name": "wrong-length"}),
        ({"name": "a\nb", "scopes": ["calls"]}, {"name": "control-character"}),
        ({"name": "x", "scopes": []}, {"scopes": "wrong-length"}),
        ({"name": "x", "scopes": ["root"]}, {"scopes.0": "not-one-of"}),
        ({"name": "x", "scopes": ["calls"], "key": "mine"}, {"key": "unknown-field"}),
    ],
)
def test_a_key_that_does_not_fit_is_refused(
    client: Client, as_operator: Headers, body: object, errors: dict[str, str]
) -> None:
    answer = client.post("/api-keys", json=body, headers=as_operator)

    assert (answer.status_code, errors_of(answer)) == (422, errors)


def test_the_same_request_makes_one_key_and_shows_it_once(client: Client, as_operator: Headers) -> None:
    once = as_operator | {"Idempotency-Key": "k1"}
    body = {"name": "noc-west", "scopes": ["line-events"]}
    client.post("/api-keys", json=body, headers=once)

    again = client.post("/api-keys", json=body, headers=once)

    assert (again.status_code, again.json["code"]) == (409, "key-made-before")
    assert len(client.get("/api-keys", headers=as_operator).json["items"]) == 1


def test_an_idempotency_key_that_meant_another_request_is_refused(client: Client, as_operator: Headers) -> None:
    once = as_operator | {"Idempotency-Key": "k1"}
    client.post("/api-keys", json={"name": "a", "scopes": ["calls"]}, headers=once)

    answer = client.post("/api-keys", json={"name": "b", "scopes": ["calls"]}, headers=once)

    assert (answer.status_code, answer.json["code"]) == (422, "idempotency-key-reused")


def test_a_revoked_key_stays_listed(client: Client, made: Any, as_operator: Headers) -> None:
    answers = [client.delete(f"/api-keys/{made['id']}", headers=as_operator).status_code for _ in range(2)]

    assert answers == [204, 204]
    assert client.get("/api-keys", headers=as_operator).json["items"][0]["revoked"]


def test_a_key_that_is_not_there_is_not_revoked(client: Client, as_operator: Headers) -> None:
    assert client.delete("/api-keys/0123456789abcdef", headers=as_operator).status_code == 404


# Tokens.


def test_a_key_is_exchanged_for_a_token_of_what_it_opens(client: Client, made: Any, keys: Any) -> None:
    answer = client.post("/tokens", json={"bearer": made["key"]})

    who = Tokens.from_file(keys.public).verify(f"Bearer {answer.json['token']}")
    assert (answer.status_code, answer.json["login"]) == (200, None)
    assert 3600 - 15 <= answer.json["expires_in"] <= 3600
    assert (who.kind, who.id, who.scopes) == ("machine", "noc-west", frozenset({"line-events"}))
    assert (who.contract_number, who.all_numbers) == (None, False)


def test_a_machines_token_is_good_for_an_hour(client: Client, made: Any) -> None:
    token = client.post("/tokens", json={"bearer": made["key"]}).json["token"]

    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 3600


def test_an_operators_key_makes_an_operator(client: Client, as_operator: Headers, keys: Any) -> None:
    body = {"name": "desk", "scopes": ["calls", "operator"]}
    made = client.post("/api-keys", json=body, headers=as_operator).json

    token = client.post("/tokens", json={"bearer": made["key"]}).json["token"]

    assert Tokens.from_file(keys.public).verify(f"Bearer {token}").kind == "operator"


def test_an_exchange_is_seen(client: Client, made: Any, as_operator: Headers) -> None:
    client.post("/tokens", json={"bearer": made["key"]})

    assert client.get("/api-keys", headers=as_operator).json["items"][0]["last_seen"]


@pytest.mark.parametrize("bearer", ["tsu_unknown", "x", "é"])
def test_an_unknown_key_is_no_good(client: Client, made: Any, last_seen: MemoryLastSeen, bearer: str) -> None:
    answer = client.post("/tokens", json={"bearer": bearer})

    assert (answer.status_code, answer.json["code"]) == (401, "token-invalid")
    assert last_seen.seen == {}


def test_a_revoked_key_is_no_good(client: Client, made: Any, as_operator: Headers) -> None:
    client.delete(f"/api-keys/{made['id']}", headers=as_operator)

    answer = client.post("/tokens", json={"bearer": made["key"]})

    assert (answer.status_code, answer.json["code"]) == (401, "token-invalid")


@pytest.mark.parametrize("bearer", [None, 5, "", "x" * 4097])
def test_a_bearer_that_is_none_is_refused(client: Client, bearer: object) -> None:
    assert client.post("/tokens", json={"bearer": bearer}).status_code == 422


def test_anyone_may_read_the_public_keys(client: Client, keys: Any) -> None:
    answer = client.get("/.well-known/jwks.json")

    assert answer.json == json.loads(keys.public.read_text())
    assert "d" not in answer.json["keys"][0]
