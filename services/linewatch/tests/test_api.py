import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest

from chassis.memory_store import MemoryStore
from chassis.messages import now
from chassis.store import Answer, Commit, Raced
from chassis.views import Views
from contracts.linewatch import LineFaulted, LineRecovered
from services.linewatch.adapters import MemorySources
from services.linewatch.bootstrap import CODEC, build
from services.linewatch.settings import Settings
from services.linewatch.tests.conftest import ELSEWHERE, hear
from services.linewatch.tests.examples import CONTRACT_REMOVED, NUMBER, OTHER, RECOVERY, REPORT
from services.linewatch.tests.stand_ins import MemoryContracts

Headers = dict[str, str]
# A FlaskClient, whose answers' `json` the type checker takes for optional.
Client = Any
HISTORY = f"/contracts/{NUMBER}/history"


def client_on(store: MemoryStore, contracts: MemoryContracts, keys: Any) -> Client:
    settings = Settings("mongodb://127.0.0.1:1/", ("127.0.0.1:1",), keys.public, recovery_hold=timedelta(0))
    return build(settings, store=store, views=cast(Views, contracts), sources=MemorySources()).app().test_client()


@pytest.fixture
def post(client: Client, as_monitor: Headers) -> Callable[[Any], Any]:
    """Posts JSON as a monitoring system; the answer's JSON."""

    def send(body: Any) -> Any:
        text = json.dumps(body)  # Flask's client cannot write halves of characters.
        answer = client.post("/line-events", data=text, content_type="application/json", headers=as_monitor)
        assert answer.status_code == 202
        return answer.json

    return send


def counts(answer: Any) -> dict[str, int]:
    return {name: count for name, count in answer.items() if name != "results" and count}


def said(store: MemoryStore, kind: type | tuple[type, ...]) -> list[Any]:
    return [one.event for one in store.scan() if isinstance(one.event, kind)]


# One report.


def test_a_report_makes_a_fault(store: MemoryStore, post: Callable[[Any], Any]) -> None:
    answer = post(REPORT)

    assert answer == {
        "accepted": 1,
        "duplicates": 0,
        "ignored": 0,
        "rejected": 0,
        "results": [{"index": 0, "id": "e1", "status": "accepted"}],
    }
    assert [fault.fault_id for fault in said(store, LineFaulted)] == [f"{NUMBER}-1"]


def test_a_report_names_itself_as_the_cause(store: MemoryStore, client: Client, as_monitor: Headers) -> None:
    client.post("/line-events", json=REPORT, headers=as_monitor | {"X-Correlation-ID": "from-outside"})

    first = next(iter(store.scan()))
    assert (first.correlation_id, first.causation_id) == ("from-outside", "report:noc-west|e1")
    assert (first.actor.kind, first.actor.id) == ("automatic", "noc-west")


@pytest.mark.parametrize(
    "name",
    [
        {"line": NUMBER},
        {"line": OTHER},
        {"line": "06-0000-1111"},
        {"line": "０６ ００００ ２２２２"},
        {"circuit": "C-1111"},
    ],
)
def test_a_line_is_found_by_its_numbers_and_its_circuit(
    store: MemoryStore, post: Callable[[Any], Any], name: dict[str, str]
) -> None:
    report = {key: value for key, value in REPORT.items() if key != "line"} | name

    answer = post(report)

    assert counts(answer) == {"accepted": 1}
    assert said(store, LineFaulted)[0].contract_number == NUMBER


@pytest.mark.parametrize("name", [{"line": "0900000000"}, {"circuit": "C-9"}, {"circuit": NUMBER}, {"line": "C-1111"}])
def test_an_unknown_line_is_refused(post: Callable[[Any], Any], name: dict[str, str]) -> None:
    report = {key: value for key, value in REPORT.items() if key != "line"} | name

    assert post(report)["results"] == [{"index": 0, "id": "e1", "status": "rejected", "code": "unknown-line"}]


def test_the_line_of_a_contract_that_has_ended_is_unknown(
    contracts: MemoryContracts, post: Callable[[Any], Any]
) -> None:
    hear(contracts, CONTRACT_REMOVED, NUMBER, 2)

    assert post(REPORT)["results"][0]["code"] == "unknown-line"


@pytest.mark.parametrize(
    "change",
    [{"severity": None}, {"occurred_at": None}, {"cause": None}, {"alarm": None}],
    ids=lambda change: next(iter(change)),
)
def test_what_may_be_missing_may_be_missing(post: Callable[[Any], Any], change: dict[str, None]) -> None:
    report = {key: value for key, value in REPORT.items() if key not in change}

    assert counts(post(report)) == {"accepted": 1}


@pytest.mark.parametrize("name", ["severity", "occurred_at", "cause", "planned", "alarm", "circuit"])
def test_what_may_be_missing_may_be_null(post: Callable[[Any], Any], name: str) -> None:
    assert counts(post(REPORT | {name: None})) == {"accepted": 1}


def test_a_line_that_is_null_leaves_it_to_the_circuit(post: Callable[[Any], Any]) -> None:
    assert counts(post(REPORT | {"line": None, "circuit": "C-1111"})) == {"accepted": 1}


def test_without_a_severity_it_is_a_major_alarm(store: MemoryStore, post: Callable[[Any], Any]) -> None:
    post({key: value for key, value in REPORT.items() if key != "severity"})

    assert said(store, LineFaulted)[0].severity == "major"


def test_without_a_time_it_is_now(store: MemoryStore, post: Callable[[Any], Any]) -> None:
    before = now()

    post(REPORT | {"occurred_at": None})

    assert before <= said(store, LineFaulted)[0].since <= now()


def test_without_an_alarm_a_source_has_one_a_line(store: MemoryStore, post: Callable[[Any], Any]) -> None:
    report = {key: value for key, value in REPORT.items() if key != "alarm"}
    recovery = {key: value for key, value in RECOVERY.items() if key != "alarm"}

    answer = post([report, recovery])

    assert counts(answer) == {"accepted": 2}
    assert len(said(store, LineRecovered)) == 1


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"circuit": "C-1111"}, "line", "line-or-circuit"),
        ({"line": ...}, "line", "line-or-circuit"),
        ({"id": ...}, "id", "missing-field"),
        ({"source": ...}, "source", "missing-field"),
        ({"status": ...}, "status", "missing-field"),
        ({"id": 7}, "id", "wrong-type"),
        ({"id": ""}, "id", "wrong-length"),
        ({"id": "x" * 257}, "id", "wrong-length"),
        ({"status": "resolved"}, "status", "not-one-of"),
        ({"severity": "disaster"}, "severity", "not-one-of"),
        ({"line": None, "circuit": None}, "line", "line-or-circuit"),
        ({"id": None}, "id", "wrong-type"),
        ({"source": None}, "source", "wrong-type"),
        ({"status": None}, "status", "wrong-type"),
        ({"occurred_at": "2026-01-15T12:00:00"}, "occurred_at", "wrong-format"),
        ({"occurred_at": "soon"}, "occurred_at", "wrong-format"),
        ({"occurred_at": 1768446000}, "occurred_at", "wrong-format"),
        ({"occurred_at": "0001-01-01T00:00:00+09:00"}, "occurred_at", "wrong-format"),
        ({"planned": "no"}, "planned", "wrong-type"),
        ({"cause": "x" * 1001}, "cause", "too-long"),
        ({"area": "kansai"}, "line", "line-or-circuit"),
        ({"region": "kansai"}, "region", "unknown-field"),
    ],
)
def test_an_item_that_does_not_fit_names_its_field(
    post: Callable[[Any], Any], change: dict[str, Any], field: str, code: str
) -> None:
    item = {key: value for key, value in (REPORT | change).items() if value is not ...}

    result = post(item)["results"][0]

    assert (result["status"], result["code"]) == ("rejected", "invalid-item")
    assert result["errors"] == [{"field": field, "code": code}]


def test_a_report_from_the_future_is_refused(post: Callable[[Any], Any]) -> None:
    tomorrow = (now() + timedelta(days=1, minutes=1)).isoformat()

    assert post(REPORT | {"occurred_at": tomorrow})["results"][0]["code"] == "occurred-at-in-future"


def test_a_clock_that_is_a_little_ahead_is_forgiven(post: Callable[[Any], Any]) -> None:
    soon = (now() + timedelta(hours=1)).isoformat()

    assert counts(post(REPORT | {"occurred_at": soon})) == {"accepted": 1}


@pytest.mark.parametrize("change", [{"planned": True}, {"severity": "warning"}], ids=["planned", "slight"])
def test_planned_work_and_slight_alarms_are_taken_and_make_no_fault(
    store: MemoryStore, post: Callable[[Any], Any], change: dict[str, Any]
) -> None:
    answer = post(REPORT | change)

    assert counts(answer) == {"accepted": 1}
    assert said(store, LineFaulted) == []


# Again and out of order.


def test_the_same_report_three_times_is_one_fault(store: MemoryStore, post: Callable[[Any], Any]) -> None:
    answers = [post(REPORT) for _ in range(3)]

    assert [counts(answer) for answer in answers] == [{"accepted": 1}, {"duplicates": 1}, {"duplicates": 1}]
    assert len(list(store.scan())) == 2


def test_the_same_report_twice_in_one_list_is_one(post: Callable[[Any], Any]) -> None:
    answer = post([REPORT, REPORT])

    assert counts(answer) == {"accepted": 1, "duplicates": 1}


def test_one_message_for_two_lines_is_one_message(store: MemoryStore, post: Callable[[Any], Any]) -> None:
    answer = post([REPORT, REPORT | {"line": ELSEWHERE}])

    assert counts(answer) == {"accepted": 1, "duplicates": 1}
    assert len(said(store, LineFaulted)) == 1


def test_the_same_id_from_another_source_is_another_message(post: Callable[[Any], Any]) -> None:
    answer = post([REPORT | {"source": "a|b", "id": "c"}, REPORT | {"source": "a", "id": "b|c", "alarm": "power"}])

    assert counts(answer) == {"accepted": 2}


def test_an_alarm_that_is_open_is_ignored_with_the_reason(post: Callable[[Any], Any]) -> None:
    answer = post([REPORT, REPORT | {"id": "e9"}])

    assert answer["results"][1] == {"index": 1, "id": "e9", "status": "ignored", "code": "already-raised"}


def test_a_recovery_before_its_fault_raises_nothing(store: MemoryStore, post: Callable[[Any], Any]) -> None:
    answer = post([RECOVERY, REPORT])

    assert [result["code"] for result in answer["results"]] == ["recovery-before-fault", "older-than-recovery"]
    assert said(store, (LineFaulted, LineRecovered)) == []


def test_a_fault_and_a_recovery_of_one_instant_in_one_list_are_both_taken(
    store: MemoryStore, post: Callable[[Any], Any]
) -> None:
    answer = post([REPORT, RECOVERY | {"occurred_at": REPORT["occurred_at"]}])

    assert counts(answer) == {"accepted": 2}
    assert [type(event) for event in said(store, (LineFaulted, LineRecovered))] == [LineFaulted, LineRecovered]


def test_two_alarms_on_one_line_are_one_fault(store: MemoryStore, post: Callable[[Any], Any]) -> None:
    power = {"alarm": "power"}
    reports = [REPORT, REPORT | power | {"id": "e3"}, RECOVERY]

    post(reports)
    meanwhile = said(store, LineRecovered)
    post(RECOVERY | power | {"id": "e4"})

    assert meanwhile == []
    assert len(said(store, LineFaulted)) == len(said(store, LineRecovered)) == 1


# Lists and bodies.


def test_an_empty_list_is_taken(post: Callable[[Any], Any]) -> None:
    assert post([]) == {"accepted": 0, "duplicates": 0, "ignored": 0, "rejected": 0, "results": []}


def storm(count: int) -> list[dict[str, Any]]:
    return [REPORT | {"id": f"e{place}", "alarm": f"a{place}"} for place in range(count)]


def test_a_thousand_items_cost_as_much_asking_as_one(
    store: Any, contracts: MemoryContracts, post: Callable[[Any], Any]
) -> None:
    answer = post(storm(1000))

    assert counts(answer) == {"accepted": 1000}
    assert (store.calls, contracts.questions) == ({"load_many": 1, "append_many": 1}, 1)


def test_a_thousand_and_one_items_are_too_many(client: Client, store: MemoryStore, as_monitor: Headers) -> None:
    answer = client.post("/line-events", json=storm(1001), headers=as_monitor)

    assert (answer.status_code, answer.json["code"]) == (413, "too-many-items")
    assert list(store.scan()) == []


def test_more_bytes_than_a_body_may_have_are_too_many(client: Client, as_monitor: Headers) -> None:
    answer = client.post(
        "/line-events", data=b" " * (1024 * 1024 + 1), content_type="application/json", headers=as_monitor
    )

    assert (answer.status_code, answer.json["code"]) == (413, "body-too-large")


@pytest.mark.parametrize("body", [b"1", b'"faulted"', b"null", b"true"])
def test_a_scalar_is_no_report(client: Client, as_monitor: Headers, body: bytes) -> None:
    answer = client.post("/line-events", data=body, content_type="application/json", headers=as_monitor)

    assert (answer.status_code, answer.json["code"]) == (400, "not-line-events")


@pytest.mark.parametrize("body", [b"", b"{", b'{"id": "a", "id": "b"}', b"[NaN]", b"\xff", b"[" * 100_000])
def test_a_body_that_cannot_be_read_is_a_bad_request(client: Client, as_monitor: Headers, body: bytes) -> None:
    answer = client.post("/line-events", data=body, content_type="application/json", headers=as_monitor)

    assert (answer.status_code, answer.json["code"]) == (400, "unreadable-json")


def test_a_body_of_another_type_is_not_read(client: Client, as_monitor: Headers) -> None:
    answer = client.post("/line-events", data="<fault/>", content_type="application/xml", headers=as_monitor)

    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("item", "said_id"),
    [
        (7, None),
        (None, None),
        ([], None),
        ({}, None),
        ({"id": 5}, None),
        (REPORT | {"id": "bad", "cause": "a\0b"}, "bad"),
        (REPORT | {"id": "bad", "cause": "\ud800"}, "bad"),
        (REPORT | {"id": "\ud800"}, None),
        (REPORT | {"id": "bad", "\udfff": 1}, "bad"),
        (REPORT | {"id": "bad", "cause": 10**30}, "bad"),
    ],
    ids=["number", "null", "list", "empty", "wrong id", "NUL", "half", "half in id", "half in name", "huge number"],
)
def test_a_bad_item_fails_none_of_its_neighbours(
    store: MemoryStore, post: Callable[[Any], Any], item: Any, said_id: str | None
) -> None:
    answer = post([REPORT, item, RECOVERY])

    assert counts(answer) == {"accepted": 2, "rejected": 1}
    assert (answer["results"][1]["id"], answer["results"][1]["code"]) == (said_id, "invalid-item")
    assert len(said(store, LineRecovered)) == 1


def test_results_come_in_the_order_of_the_items(post: Callable[[Any], Any]) -> None:
    unknown = REPORT | {"id": "e7", "line": "0900000000"}

    answer = post([unknown, REPORT, 1, REPORT])

    assert [result["status"] for result in answer["results"]] == ["rejected", "accepted", "rejected", "duplicate"]
    assert [result["index"] for result in answer["results"]] == [0, 1, 2, 3]


# Who may.


@pytest.mark.parametrize("caller", ["as_customer", "as_operator", "as_switch"])
def test_only_keys_for_line_events_may_report(client: Client, caller: str, request: pytest.FixtureRequest) -> None:
    answer = client.post("/line-events", json=REPORT, headers=request.getfixturevalue(caller))

    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")


def test_without_a_token_nothing_is_taken(client: Client, store: MemoryStore) -> None:
    answer = client.post("/line-events", json=REPORT)

    assert (answer.status_code, answer.json["code"]) == (401, "token-missing")
    assert list(store.scan()) == []


@pytest.mark.parametrize("caller", ["as_customer", "as_operator", "as_monitor"])
def test_a_line_is_shown_to_its_customer_to_operators_and_to_monitoring(
    client: Client, caller: str, request: pytest.FixtureRequest
) -> None:
    assert client.get(f"/lines/{NUMBER}", headers=request.getfixturevalue(caller)).status_code == 200


@pytest.mark.parametrize("caller", ["as_stranger", "as_one_number", "as_switch"])
@pytest.mark.parametrize("path", [f"/lines/{NUMBER}", HISTORY])
def test_a_line_is_shown_to_nobody_else(client: Client, path: str, caller: str, request: pytest.FixtureRequest) -> None:
    answer = client.get(path, headers=request.getfixturevalue(caller))

    assert (answer.status_code, answer.json["code"]) == (404, "not-found")


# When the store is away.


def test_while_the_store_is_away_nothing_is_taken(client: Client, store: Any, as_monitor: Headers) -> None:
    store.away = True

    answer = client.post("/line-events", json=REPORT, headers=as_monitor)

    assert (answer.status_code, answer.json["code"]) == (503, "store-unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_while_the_contracts_cannot_be_asked_nothing_is_taken(
    client: Client, store: MemoryStore, contracts: MemoryContracts, as_monitor: Headers
) -> None:
    contracts.away = True

    answer = client.post("/line-events", json=REPORT, headers=as_monitor)

    assert answer.status_code == 503
    assert list(store.scan()) == []


class BusyStore(MemoryStore):
    """Somebody else is always faster."""

    def append_many(self, commits: Any) -> list[Answer]:
        return [self.lost(commit) for commit in commits]

    def lost(self, commit: Commit) -> Answer:
        return Raced()


def test_a_line_that_is_changed_all_the_time_is_to_be_tried_again(
    contracts: MemoryContracts, keys: Any, as_monitor: Headers
) -> None:
    client = client_on(BusyStore(CODEC), contracts, keys)

    answer = client.post("/line-events", json=REPORT, headers=as_monitor)

    assert (answer.status_code, answer.json["code"]) == (503, "lost-race")
    assert "Retry-After" in answer.headers


# Looking at a line.


def test_the_lines_at_fault_are_listed_a_page_at_a_time(
    client: Client, post: Callable[[Any], Any], as_operator: Headers
) -> None:
    post([REPORT, REPORT | {"id": "e9", "line": ELSEWHERE}])

    first = client.get("/lines?faulted=true&limit=1", headers=as_operator).json
    second = client.get(f"/lines?after={first['next']}", headers=as_operator).json

    assert first["items"][0] == {
        "contract_number": NUMBER,
        "since": "2026-01-15T03:00:00+00:00",
        "severity": "critical",
        "cause": "断線",
        "flapping": False,
    }
    assert [one["contract_number"] for one in second["items"]] == [ELSEWHERE]
    assert second["next"] is None


def test_a_line_that_is_well_is_not_listed(client: Client, post: Callable[[Any], Any], as_operator: Headers) -> None:
    post([REPORT, RECOVERY])

    assert client.get("/lines", headers=as_operator).json == {"items": [], "next": None}


@pytest.mark.parametrize("caller", ["as_monitor", "as_customer"])
def test_the_list_is_for_operators(client: Client, caller: str, request: pytest.FixtureRequest) -> None:
    assert client.get("/lines", headers=request.getfixturevalue(caller)).status_code == 403


def test_only_lines_at_fault_can_be_listed(client: Client, as_operator: Headers) -> None:
    assert client.get("/lines?faulted=false", headers=as_operator).status_code == 422


def test_a_line_without_events_is_well(client: Client, as_customer: Headers) -> None:
    answer = client.get(f"/lines/{NUMBER}", headers=as_customer)

    assert answer.json == {
        "contract_number": NUMBER,
        "faulted": False,
        "flapping": False,
        "since": None,
        "fault_id": None,
        "alarms": [],
        "timeline": [],
    }


def test_a_faulted_line_shows_its_alarms(client: Client, post: Callable[[Any], Any], as_customer: Headers) -> None:
    post(REPORT)

    line = client.get(f"/lines/{NUMBER}", headers=as_customer).json

    assert (line["faulted"], line["since"], line["fault_id"]) == (True, "2026-01-15T03:00:00+00:00", f"{NUMBER}-1")
    assert line["alarms"] == [
        {
            "source": "noc-west",
            "id": "e1",
            "alarm": "los",
            "severity": "critical",
            "cause": "断線",
            "planned": False,
            "since": "2026-01-15T03:00:00+00:00",
        }
    ]
    assert [moment["event"] for moment in line["timeline"]] == ["LineFaulted", "AlarmRaised"]
    assert all(moment["sentence"]["ja"] and moment["sentence"]["en"] for moment in line["timeline"])


def test_a_line_that_is_well_again_has_no_alarms(
    client: Client, post: Callable[[Any], Any], as_customer: Headers
) -> None:
    post([REPORT, RECOVERY])

    line = client.get(f"/lines/{NUMBER}", headers=as_customer).json

    assert (line["faulted"], line["since"], line["alarms"]) == (False, None, [])


def test_an_unchanged_line_is_not_sent_again(client: Client, as_customer: Headers) -> None:
    tag = client.get(f"/lines/{NUMBER}", headers=as_customer).headers["ETag"]

    assert client.get(f"/lines/{NUMBER}", headers=as_customer | {"If-None-Match": tag}).status_code == 304


def test_the_tag_changes_with_the_line(client: Client, post: Callable[[Any], Any], as_customer: Headers) -> None:
    tag = client.get(f"/lines/{NUMBER}", headers=as_customer).headers["ETag"]

    post(REPORT)

    assert client.get(f"/lines/{NUMBER}", headers=as_customer).headers["ETag"] != tag


def test_a_line_that_nobody_has_is_not_found(client: Client, as_operator: Headers) -> None:
    answer = client.get("/lines/0900000000", headers=as_operator)

    assert (answer.status_code, answer.json["code"]) == (404, "not-found")


def test_the_history_of_a_line_tells_all_that_was_said(
    client: Client, post: Callable[[Any], Any], as_customer: Headers
) -> None:
    post([RECOVERY, REPORT, REPORT | {"id": "e5", "occurred_at": "2026-01-15T12:20:00+09:00"}])

    items = client.get(HISTORY, headers=as_customer).json["items"]

    assert [item["event"] for item in items] == ["LineFaulted", "AlarmRaised", "AlarmIgnored", "AlarmIgnored"]
    assert all(item["sentence"]["ja"] and item["sentence"]["en"] for item in items)
