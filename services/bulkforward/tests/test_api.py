from collections.abc import Callable
from typing import Any

import pytest

from chassis.consumer import Intake
from chassis.handling import Handler
from chassis.memory_store import MemoryStore
from chassis.messages import Codec
from chassis.store import EventStore
from chassis.testing import deliver, recorded
from contracts import events_of
from contracts.bulkforward import BulkForwardEntriesChanged
from contracts.voicewarp import VoiceWarpStarted, VoiceWarpStopped
from services.bulkforward.bootstrap import CODEC, HEARD, NAME, build
from services.bulkforward.model import CATEGORY, DECIDER
from services.bulkforward.reactions import reactions
from services.bulkforward.settings import Settings
from services.bulkforward.tests.examples import (
    CONTRACT_IMPORTED,
    CONTRACT_REMOVED,
    ENTRIES,
    LINE_FAULTED,
    LINE_RECOVERED,
    MOBILE,
    NUMBER,
    OFFICE,
    OTHER,
)
from services.bulkforward.tests.stand_ins import MemoryForwards

Headers = dict[str, str]
# A FlaskClient, whose answers' `json` the type checker takes for optional.
Client = Any
PLAN = f"/contracts/{NUMBER}/bulk-forward"
EMPTY: dict[str, Any] = {
    "running": False,
    "cause": None,
    "since": None,
    "entries": {},
    "auto_start": True,
    "auto_stop": True,
}


@pytest.fixture
def store(watched_store: Callable[[Codec], Any]) -> Any:
    """A store that has heard of the guide's contract."""
    store = watched_store(CODEC)
    hear(store, CONTRACT_IMPORTED, "contract", 1)
    return store


def hear(store: EventStore, event: object, category: str, revision: int) -> None:
    plans = Handler(store, DECIDER, CATEGORY)
    intake = Intake(NAME, Codec(events_of(*HEARD)), reactions(plans, "major"))
    deliver(intake, recorded(event, f"{category}-{NUMBER}", revision))


@pytest.fixture
def forwards() -> Any:
    return MemoryForwards()


@pytest.fixture
def client(store: MemoryStore, keys: Any, forwards: Any) -> Client:
    settings = Settings("mongodb://127.0.0.1:1/", ("127.0.0.1:1",), keys.public)
    return build(settings, store=store, views=forwards).app().test_client()


@pytest.fixture
def customer(as_customer: Headers) -> Headers:
    return as_customer | {"If-Match": "*"}


@pytest.fixture
def with_entries(client: Client, customer: Headers) -> None:
    assert client.put(PLAN, json={"entries": ENTRIES}, headers=customer).status_code == 200


def errors_of(answer: Any) -> dict[str, str]:
    return {error["field"]: error["code"] for error in answer.json["errors"]}


# Reading.


def test_a_new_plan_is_empty_with_both_automations_on(client: Client, as_customer: Headers) -> None:
    answer = client.get(PLAN, headers=as_customer)

    assert (answer.status_code, answer.json) == (200, EMPTY)
    assert answer.headers["Cache-Control"] == "no-store"


def test_what_get_gives_put_takes(client: Client, customer: Headers, with_entries: None) -> None:
    client.post(f"{PLAN}/start", headers=customer)
    shown = client.get(PLAN, headers=customer)

    answer = client.put(PLAN, json=shown.json, headers=customer)

    assert (answer.status_code, answer.json) == (200, shown.json)


def test_an_unchanged_plan_is_not_sent_again(client: Client, as_customer: Headers) -> None:
    tag = client.get(PLAN, headers=as_customer).headers["ETag"]

    answer = client.get(PLAN, headers=as_customer | {"If-None-Match": tag})

    assert (answer.status_code, answer.data) == (304, b"")


# Who may.


@pytest.mark.parametrize("caller", ["as_customer", "as_operator"])
def test_the_customer_and_operators_may(client: Client, caller: str, request: pytest.FixtureRequest) -> None:
    assert client.get(PLAN, headers=request.getfixturevalue(caller)).status_code == 200


@pytest.mark.parametrize("caller", ["as_stranger", "as_one_number", "as_monitor"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", PLAN),
        ("PUT", PLAN),
        ("POST", f"{PLAN}/start"),
        ("POST", f"{PLAN}/stop"),
        ("PUT", f"{PLAN}/entries/{NUMBER}"),
        ("DELETE", f"{PLAN}/entries/{NUMBER}"),
        ("GET", f"/contracts/{NUMBER}/history"),
    ],
)
def test_nobody_else_learns_that_there_is_a_plan(
    client: Client, method: str, path: str, caller: str, request: pytest.FixtureRequest
) -> None:
    answer = client.open(path, method=method, headers=request.getfixturevalue(caller))

    assert (answer.status_code, answer.json["code"]) == (404, "not-found")


def test_without_a_token_nothing_is_answered(client: Client) -> None:
    answer = client.get(PLAN)

    assert (answer.status_code, answer.json["code"]) == (401, "token-missing")


def test_a_contract_that_is_not_known_has_no_plan(client: Client, as_operator: Headers) -> None:
    answer = client.get("/contracts/0720001111/bulk-forward", headers=as_operator)

    assert (answer.status_code, answer.json["code"]) == (404, "not-found")


def test_a_contract_that_has_ended_hides_the_plan_and_keeps_its_history(
    client: Client, store: MemoryStore, customer: Headers, with_entries: None
) -> None:
    hear(store, CONTRACT_REMOVED, "contract", 2)

    assert client.get(PLAN, headers=customer).status_code == 404
    assert client.post(f"{PLAN}/start", headers=customer).status_code == 404
    assert client.get(f"/contracts/{NUMBER}/history", headers=customer).json["items"]


@pytest.mark.parametrize("typed", ["06-0000-1111", "06 0000 1111", "０６００００１１１１", "+81-6-0000-1111"])
def test_the_contract_in_the_path_is_taken_as_people_type_it(
    client: Client, customer: Headers, with_entries: None, typed: str
) -> None:
    shown = client.get(PLAN, headers=customer).json

    assert client.get(f"/contracts/{typed}/bulk-forward", headers=customer).json == shown
    assert client.post(f"/contracts/{typed}/bulk-forward/start", headers=customer).status_code == 200
    assert client.get(f"/contracts/{typed}/history", headers=customer).json["items"]


# Writing whole plans.


def test_a_write_needs_if_match(client: Client, as_customer: Headers) -> None:
    answer = client.put(PLAN, json={"entries": ENTRIES}, headers=as_customer)

    assert (answer.status_code, answer.json["code"]) == (428, "if-match-required")


def test_a_write_on_an_old_state_is_refused_with_the_present_one(
    client: Client, as_customer: Headers, customer: Headers
) -> None:
    old = client.get(PLAN, headers=as_customer).headers["ETag"]
    now = client.put(PLAN, json={"entries": ENTRIES}, headers=customer)

    answer = client.put(PLAN, json={"entries": {}}, headers=as_customer | {"If-Match": old})

    assert (answer.status_code, answer.json["code"], answer.json["current"]) == (412, "stale-etag", now.json)


def test_a_write_on_the_present_state_passes(client: Client, as_customer: Headers) -> None:
    tag = client.get(PLAN, headers=as_customer).headers["ETag"]

    answer = client.put(PLAN, json={"entries": ENTRIES}, headers=as_customer | {"If-Match": tag})

    assert (answer.status_code, answer.json) == (200, EMPTY | {"entries": ENTRIES})


def test_the_tag_changes_with_what_is_shown(client: Client, customer: Headers, with_entries: None) -> None:
    before = client.get(PLAN, headers=customer).headers["ETag"]

    after = client.post(f"{PLAN}/start", headers=customer).headers["ETag"]

    assert before != after == client.get(PLAN, headers=customer).headers["ETag"]


def test_the_tag_stays_when_nothing_that_is_shown_changes(
    client: Client, store: MemoryStore, customer: Headers
) -> None:
    before = client.get(PLAN, headers=customer).headers["ETag"]

    hear(store, LINE_FAULTED, "line", 1)

    assert client.get(PLAN, headers=customer).headers["ETag"] == before


def test_numbers_are_taken_as_people_type_them(client: Client, customer: Headers) -> None:
    typed = {"０６-００００-１１１１": "03 1234 5678", "06(0000)2222": "０９０－１２３４－５６７８"}

    answer = client.put(PLAN, json={"entries": typed}, headers=customer)

    assert answer.json["entries"] == {NUMBER: OFFICE, OTHER: MOBILE}


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"entries": "missing-field"}),
        ({"entries": None}, {"entries": "wrong-type"}),
        ({"entries": [OFFICE]}, {"entries": "wrong-type"}),
        ({"entries": {NUMBER: 312345678}}, {f"entries.{NUMBER}": "wrong-type"}),
        ({"entries": {NUMBER: None}}, {f"entries.{NUMBER}": "wrong-type"}),
        ({"entries": {NUMBER: "0" * 41}}, {f"entries.{NUMBER}": "too-long"}),
        ({"entries": {"0" * 41: OFFICE}}, {f"entries.{'0' * 41}": "too-long"}),
        ({"entries": {NUMBER: OFFICE, "06-0000-1111": MOBILE}}, dict.fromkeys(
            (f"entries.{NUMBER}", "entries.06-0000-1111"), "repeated-number")),
        ({"entries": {}, "auto_start": "true"}, {"auto_start": "wrong-type"}),
        ({"entries": {}, "auto_stop": None}, {"auto_stop": "wrong-type"}),
        ({"entries": {}, "started": True}, {"started": "unknown-field"}),
        ([], {"": "wrong-type"}),
    ],
)  # fmt: skip
def test_a_body_that_does_not_fit_is_refused_field_by_field(
    client: Client, customer: Headers, body: object, errors: dict[str, str]
) -> None:
    answer = client.put(PLAN, json=body, headers=customer)

    assert (answer.status_code, answer.json["code"]) == (422, "invalid-body")
    assert errors_of(answer) == errors


@pytest.mark.parametrize("data", [b"", b"{", b'{"entries": NaN}', b'{"entries": {"a": "\\ud800"}}', b"\xff"])
def test_a_body_that_cannot_be_read_is_a_bad_request(client: Client, customer: Headers, data: bytes) -> None:
    answer = client.put(PLAN, data=data, content_type="application/json", headers=customer)

    assert (answer.status_code, answer.json["code"]) == (400, "unreadable-json")


def test_a_body_of_another_type_is_not_read(client: Client, customer: Headers) -> None:
    answer = client.put(PLAN, data="entries=1", content_type="text/plain", headers=customer)

    assert (answer.status_code, answer.json["code"]) == (415, "unsupported-media-type")


@pytest.mark.parametrize(
    ("destination", "code"),
    [
        ("", "empty"),
        ("abc", "not-a-number"),
        ("*21", "service-code"),
        ("+1-415-555-0100", "international"),
        ("010-1-415", "international"),
        ("0033-12", "carrier-code"),
        ("１１０", "three-digit-number"),
        ("0120-123-456", "free-dial"),
        ("0800-1234-567", "free-dial"),
        ("0570-123-456", "navi-dial"),
        ("0990-123-456", "premium-rate"),
        ("06-1234", "too-short"),
        ("06-0000-1111-00", "too-long"),
        ("020-1234-5678", "kind-not-allowed"),
        ("06-0000-1111", "own-number"),
    ],
)
def test_a_destination_is_refused_in_words_of_its_own(
    client: Client, customer: Headers, destination: str, code: str
) -> None:
    answer = client.put(PLAN, json={"entries": {NUMBER: destination}}, headers=customer)

    assert (answer.status_code, answer.json["code"]) == (422, "destination-not-allowed")
    assert errors_of(answer) == {f"entries.{NUMBER}": code}
    assert answer.json["errors"][0]["message"] not in ("", code.replace("-", " "))


def test_a_loop_is_refused_at_both_its_ends(client: Client, customer: Headers) -> None:
    answer = client.put(PLAN, json={"entries": {NUMBER: OTHER, OTHER: NUMBER}}, headers=customer)

    assert errors_of(answer) == {f"entries.{NUMBER}": "loop", f"entries.{OTHER}": "loop"}


@pytest.mark.parametrize("way", ["plan", "entry"])
def test_a_loop_by_way_of_a_started_voicewarp_is_refused(
    client: Client, customer: Headers, forwards: MemoryForwards, way: str
) -> None:
    theirs = "0720001111"
    forwards.project([recorded(VoiceWarpStarted(theirs, theirs, NUMBER), f"voicewarp-{theirs}")])

    refused = (
        client.put(PLAN, json={"entries": {NUMBER: theirs}}, headers=customer)
        if way == "plan"
        else client.put(f"{PLAN}/entries/{NUMBER}", json={"destination": theirs}, headers=customer)
    )

    assert (refused.status_code, errors_of(refused)) == (422, {f"entries.{NUMBER}": "loop"})
    assert refused.json["errors"][0]["message"].startswith("転送先の072-000-1111が、この番号へ転送する設定")


def test_a_loop_by_way_of_voicewarp_and_the_plan_in_turn_is_refused(
    client: Client, customer: Headers, forwards: MemoryForwards
) -> None:
    theirs = "0720001111"
    forwards.project([recorded(VoiceWarpStarted(theirs, theirs, OTHER), f"voicewarp-{theirs}")])

    answer = client.put(PLAN, json={"entries": {NUMBER: theirs, OTHER: NUMBER}}, headers=customer)

    assert errors_of(answer) == {f"entries.{NUMBER}": "loop", f"entries.{OTHER}": "loop"}


@pytest.mark.parametrize("way", ["plan", "entry"])
def test_a_loop_by_way_of_another_contracts_plan_is_refused_whether_or_not_that_runs(
    client: Client, customer: Headers, forwards: MemoryForwards, way: str
) -> None:
    theirs = "0720001111"
    forwards.project([recorded(BulkForwardEntriesChanged(theirs, {theirs: NUMBER}), f"plan-{theirs}")])

    refused = (
        client.put(PLAN, json={"entries": {NUMBER: theirs}}, headers=customer)
        if way == "plan"
        else client.put(f"{PLAN}/entries/{NUMBER}", json={"destination": theirs}, headers=customer)
    )

    assert (refused.status_code, errors_of(refused)) == (422, {f"entries.{NUMBER}": "loop"})


def test_what_lags_of_the_contracts_own_plan_closes_no_loop(
    client: Client, customer: Headers, forwards: MemoryForwards
) -> None:
    forwards.project([recorded(BulkForwardEntriesChanged(NUMBER, {OTHER: NUMBER}), f"plan-{NUMBER}")])

    assert client.put(PLAN, json={"entries": {NUMBER: OTHER}}, headers=customer).status_code == 200


def test_a_voicewarp_that_rests_closes_no_loop(client: Client, customer: Headers, forwards: MemoryForwards) -> None:
    theirs = "0720001111"
    said = [VoiceWarpStarted(theirs, theirs, NUMBER), VoiceWarpStopped(theirs, theirs, "manual")]
    forwards.project([recorded(event, f"voicewarp-{theirs}", place) for place, event in enumerate(said, 1)])

    assert client.put(PLAN, json={"entries": {NUMBER: theirs}}, headers=customer).status_code == 200


def test_a_number_of_another_contract_cannot_be_forwarded(client: Client, customer: Headers) -> None:
    answer = client.put(PLAN, json={"entries": {"0720001111": OFFICE}}, headers=customer)

    assert (answer.status_code, answer.json["code"]) == (422, "number-not-in-contract")
    assert errors_of(answer) == {"entries.0720001111": "number-not-in-contract"}


def test_two_hundred_and_one_entries_are_too_many(client: Client, customer: Headers) -> None:
    entries = {f"06{place:08d}": OFFICE for place in range(201)}

    answer = client.put(PLAN, json={"entries": entries}, headers=customer)

    assert (answer.status_code, answer.json["code"]) == (422, "too-many-entries")
    assert errors_of(answer) == {"entries": "too-many-entries"}


def test_nothing_of_a_refused_plan_is_kept(client: Client, customer: Headers) -> None:
    client.put(PLAN, json={"entries": {NUMBER: OFFICE, OTHER: "110"}, "auto_start": False}, headers=customer)

    assert client.get(PLAN, headers=customer).json == EMPTY


def test_the_automations_are_switched(client: Client, customer: Headers) -> None:
    answer = client.put(PLAN, json={"entries": {}, "auto_start": False, "auto_stop": False}, headers=customer)

    assert (answer.json["auto_start"], answer.json["auto_stop"]) == (False, False)


# Single entries.


def test_one_entry_is_set_and_dropped(client: Client, customer: Headers) -> None:
    put = client.put(f"{PLAN}/entries/{OTHER}", json={"destination": "090-1234-5678"}, headers=customer)
    dropped = client.delete(f"{PLAN}/entries/{OTHER}", headers=customer)

    assert (put.status_code, put.json["entries"]) == (200, {OTHER: MOBILE})
    assert (dropped.status_code, dropped.json["entries"]) == (200, {})


def test_the_number_of_an_entry_is_taken_as_people_type_it(client: Client, customer: Headers) -> None:
    put = client.put(f"{PLAN}/entries/06-0000-2222", json={"destination": MOBILE}, headers=customer)
    dropped = client.delete(f"{PLAN}/entries/０６００００２２２２", headers=customer)

    assert (put.json["entries"], dropped.json["entries"]) == ({OTHER: MOBILE}, {})


def test_an_entry_that_is_not_there_cannot_be_dropped(client: Client, customer: Headers) -> None:
    answer = client.delete(f"{PLAN}/entries/{OTHER}", headers=customer)

    assert (answer.status_code, answer.json["code"]) == (404, "not-found")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_change_of_an_entry_needs_if_match(client: Client, as_customer: Headers, method: str) -> None:
    body = {"destination": MOBILE} if method == "PUT" else None

    answer = client.open(f"{PLAN}/entries/{NUMBER}", method=method, json=body, headers=as_customer)

    assert answer.status_code == 428


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"destination": "missing-field"}),
        ({"destination": 1}, {"destination": "wrong-type"}),
        ({"destination": MOBILE, "label": "携帯"}, {"label": "unknown-field"}),
    ],
)
def test_an_entry_that_does_not_fit_is_refused(
    client: Client, customer: Headers, body: object, errors: dict[str, str]
) -> None:
    answer = client.put(f"{PLAN}/entries/{NUMBER}", json=body, headers=customer)

    assert (answer.status_code, errors_of(answer)) == (422, errors)


def test_a_refused_destination_of_one_entry_is_named_in_the_same_way(client: Client, customer: Headers) -> None:
    answer = client.put(f"{PLAN}/entries/{NUMBER}", json={"destination": "119"}, headers=customer)

    assert errors_of(answer) == {f"entries.{NUMBER}": "three-digit-number"}


# Start and stop.


def test_a_start_and_a_stop_by_hand(client: Client, as_customer: Headers, with_entries: None) -> None:
    started = client.post(f"{PLAN}/start", headers=as_customer).json
    stopped = client.post(f"{PLAN}/stop", headers=as_customer).json

    assert (started["running"], started["cause"]) == (True, "manual")
    assert started["since"].endswith("+00:00")
    assert stopped == EMPTY | {"entries": ENTRIES}


def test_a_start_without_entries_is_refused(client: Client, as_customer: Headers) -> None:
    answer = client.post(f"{PLAN}/start", headers=as_customer)

    assert (answer.status_code, answer.json["code"]) == (422, "no-entries")


def test_a_start_on_an_old_state_is_refused_where_the_caller_cares(
    client: Client, as_customer: Headers, with_entries: None
) -> None:
    answer = client.post(f"{PLAN}/start", headers=as_customer | {"If-Match": '"old"'})

    assert (answer.status_code, answer.json["current"]["running"]) == (412, False)


def test_a_fault_is_shown_as_the_cause(
    client: Client, store: MemoryStore, as_customer: Headers, with_entries: None
) -> None:
    hear(store, LINE_FAULTED, "line", 1)
    during = client.get(PLAN, headers=as_customer).json
    hear(store, LINE_RECOVERED, "line", 2)
    after = client.get(PLAN, headers=as_customer).json

    assert (during["running"], during["cause"]) == (True, "fault")
    assert (after["running"], after["cause"], after["since"]) == (False, None, None)


def test_the_same_key_is_the_same_start(client: Client, as_customer: Headers, with_entries: None) -> None:
    once = as_customer | {"Idempotency-Key": "k1"}
    client.post(f"{PLAN}/start", headers=once)
    client.post(f"{PLAN}/stop", headers=as_customer)

    again = client.post(f"{PLAN}/start", headers=once)

    assert (again.status_code, again.json["running"]) == (200, False)


def test_a_key_that_meant_another_request_is_refused(client: Client, as_customer: Headers, with_entries: None) -> None:
    once = as_customer | {"Idempotency-Key": "k1"}
    client.post(f"{PLAN}/start", headers=once)

    answer = client.post(f"{PLAN}/stop", headers=once)

    assert (answer.status_code, answer.json["code"]) == (422, "idempotency-key-reused")


def test_two_callers_may_use_the_same_key(
    client: Client, as_customer: Headers, as_operator: Headers, with_entries: None
) -> None:
    key = {"Idempotency-Key": "k1"}
    client.post(f"{PLAN}/start", headers=as_customer | key)

    answer = client.post(f"{PLAN}/stop", headers=as_operator | key)

    assert (answer.status_code, answer.json["running"]) == (200, False)


@pytest.mark.parametrize("key", ["", "k" * 129, "é"])
def test_a_key_that_is_none_is_a_bad_request(client: Client, as_customer: Headers, key: str) -> None:
    answer = client.post(f"{PLAN}/stop", headers=as_customer | {"Idempotency-Key": key})

    assert (answer.status_code, answer.json["code"]) == (400, "invalid-idempotency-key")


# History.


def test_the_history_tells_who_did_what_newest_first(
    client: Client, as_operator: Headers, customer: Headers, with_entries: None
) -> None:
    client.post(f"{PLAN}/start", headers=as_operator | {"X-Forwarded-For": "192.0.2.7"})

    items = client.get(f"/contracts/{NUMBER}/history", headers=customer).json["items"]

    assert [item["event"] for item in items] == ["BulkForwardStarted", "BulkForwardEntriesChanged"]
    assert items[0]["by"] == {"kind": "operator", "id": "desk", "from": "192.0.2.7"}
    assert items[0]["sentence"] == {"ja": "一括転送を開始しました", "en": "Bulk forwarding was started"}


def test_a_long_history_comes_in_pages(client: Client, customer: Headers, with_entries: None) -> None:
    client.post(f"{PLAN}/start", headers=customer)

    first = client.get(f"/contracts/{NUMBER}/history?limit=1", headers=customer).json
    second = client.get(f"/contracts/{NUMBER}/history?limit=1&before={first['next']}", headers=customer).json

    assert [item["event"] for item in first["items"] + second["items"]] == [
        "BulkForwardStarted",
        "BulkForwardEntriesChanged",
    ]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "before=x", "page=2"])
def test_a_query_that_does_not_fit_is_refused(client: Client, customer: Headers, query: str) -> None:
    answer = client.get(f"/contracts/{NUMBER}/history?{query}", headers=customer)

    assert (answer.status_code, answer.json["code"]) == (422, "invalid-query")


# When the store is away.


@pytest.mark.parametrize(("method", "path"), [("GET", PLAN), ("POST", f"{PLAN}/start")])
def test_while_the_store_is_away_the_caller_is_told_when_to_come_again(
    client: Client, store: Any, as_customer: Headers, method: str, path: str
) -> None:
    store.away = True

    answer = client.open(path, method=method, headers=as_customer)

    assert (answer.status_code, answer.json["code"]) == (503, "store-unavailable")
    assert int(answer.headers["Retry-After"]) > 0
