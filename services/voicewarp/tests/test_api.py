from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chassis.auth import Principal
from chassis.consumer import Intake
from chassis.handling import Handler
from chassis.messages import Codec, now
from chassis.testing import deliver, recorded
from contracts import events_of
from contracts.auth import Contract, ContractImported
from contracts.bulkforward import BulkForwardEntriesChanged
from contracts.voicewarp import CallEnded, CallReceived, VoiceWarpChanged
from services.voicewarp.bootstrap import CODEC, HEARD, NAME, build
from services.voicewarp.model.setting import CATEGORY, DECIDER
from services.voicewarp.reactions import reactions
from services.voicewarp.settings import Settings
from services.voicewarp.tests.examples import (
    BRANCH,
    BULK_STARTED,
    BULK_STOPPED,
    CONTRACT_IMPORTED,
    CONTRACT_REMOVED,
    MOBILE,
    NUMBER,
    OFFICE,
    OTHER,
)
from services.voicewarp.tests.stand_ins import MemoryRoutes

Headers = dict[str, str]
# A FlaskClient, whose answers' `json` the type checker takes for optional.
Client = Any
SETTING, ROUTING, CALLS = f"/numbers/{NUMBER}/voicewarp", f"/numbers/{NUMBER}/routing", "/calls"
EMPTY: dict[str, Any] = {
    "started": False,
    "mode": "no-answer",
    "ring_seconds": 15,
    "destinations": [],
    "active": None,
    "select": {"mode": "off", "callers": []},
}
FULL = EMPTY | {
    "mode": "unconditional",
    "destinations": [{"number": MOBILE, "label": "携帯"}],
    "active": 1,
    "select": {"mode": "off", "callers": [{"number": OFFICE, "label": "本社"}]},
}
AT = "2026-11-23T09:00:00+09:00"
CALL = {"call_id": "c-1", "called": NUMBER, "caller": OFFICE, "at": AT}


@pytest.fixture
def routes() -> MemoryRoutes:
    return MemoryRoutes()


@pytest.fixture
def store(watched_store: Callable[[Codec], Any], routes: Any) -> Any:
    """A store that has heard of the guide's contract."""
    store = watched_store(CODEC)
    hear(store, routes, CONTRACT_IMPORTED, "contract", 1)
    return store


def hear(store: Any, routes: Any, event: object, category: str, revision: int, number: str = NUMBER) -> None:
    """As the worker does, its projector included."""
    settings = Handler(store, DECIDER, CATEGORY)
    deliver(
        Intake(NAME, Codec(events_of(*HEARD)), reactions(settings), routes),
        recorded(event, f"{category}-{number}", revision, at=now()),
    )
    routes.project(list(store.scan()))


@pytest.fixture
def client(store: Any, keys: Any, routes: Any) -> Client:
    return app_of(store, keys, routes).test_client()


def app_of(store: Any, keys: Any, routes: Any) -> Any:
    settings = Settings("mongodb://127.0.0.1:1/", ("127.0.0.1:1",), keys.public)
    return build(settings, store=store, views=routes).app()


@pytest.fixture
def customer(as_customer: Headers) -> Headers:
    return as_customer | {"If-Match": "*"}


@pytest.fixture
def ready(client: Client, customer: Headers) -> None:
    assert client.put(SETTING, json=FULL, headers=customer).status_code == 200


@pytest.fixture
def running(client: Client, customer: Headers, ready: None) -> None:
    assert client.post(f"{SETTING}/start", headers=customer).status_code == 200


def errors_of(answer: Any) -> dict[str, str]:
    return {error["field"]: error["code"] for error in answer.json["errors"]}


def said(store: Any, kind: type) -> list[Any]:
    return [one.event for one in store.scan() if isinstance(one.event, kind)]


# The setting.


def test_a_new_setting_forwards_nothing(client: Client, as_customer: Headers) -> None:
    answer = client.get(SETTING, headers=as_customer)

    assert (answer.status_code, answer.json) == (200, EMPTY)


def test_what_get_gives_put_takes(client: Client, customer: Headers, running: None) -> None:
    shown = client.get(SETTING, headers=customer)

    answer = client.put(SETTING, json=shown.json, headers=customer | {"If-Match": shown.headers["ETag"]})

    assert (answer.status_code, answer.json) == (200, FULL | {"started": True})


def test_started_in_a_put_starts_and_stops_and_without_it_nothing_changes(client: Client, customer: Headers) -> None:
    without = {name: value for name, value in FULL.items() if name != "started"}

    states = [
        client.put(SETTING, json=without | change, headers=customer).json["started"]
        for change in ({}, {"started": True}, {}, {"started": False})
    ]

    assert states == [False, True, True, False]


def test_start_and_stop(client: Client, as_customer: Headers, ready: None) -> None:
    assert client.post(f"{SETTING}/start", headers=as_customer).json == FULL | {"started": True}
    assert client.post(f"{SETTING}/stop", headers=as_customer).json == FULL


def test_numbers_are_taken_as_people_type_them(client: Client, customer: Headers) -> None:
    typed = FULL | {
        "destinations": [{"number": "０９０－１２３４－５６７８"}],
        "select": {"mode": "off", "callers": [{"number": "+81 3-1234-5678"}, {"number": "+1 (415) 555-0100"}]},
    }

    answer = client.put("/numbers/06-0000-1111/voicewarp", json=typed, headers=customer)

    assert answer.json["destinations"] == [{"number": MOBILE, "label": ""}]
    assert [caller["number"] for caller in answer.json["select"]["callers"]] == [OFFICE, "+14155550100"]


@pytest.mark.parametrize("caller", ["as_customer", "as_operator"])
def test_the_customer_and_operators_may(client: Client, caller: str, request: pytest.FixtureRequest) -> None:
    assert client.get(SETTING, headers=request.getfixturevalue(caller)).status_code == 200


@pytest.mark.parametrize("caller", ["as_stranger", "as_one_number", "as_monitor", "as_switch"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", SETTING),
        ("PUT", SETTING),
        ("POST", f"{SETTING}/start"),
        ("POST", f"{SETTING}/stop"),
        ("POST", f"{SETTING}/callers"),
        ("DELETE", f"{SETTING}/callers/{OFFICE}"),
        ("GET", ROUTING),
        ("GET", f"/numbers/{NUMBER}/history"),
    ],
)
def test_nobody_else_learns_that_there_is_a_number(
    client: Client, method: str, path: str, caller: str, request: pytest.FixtureRequest
) -> None:
    answer = client.open(path, method=method, headers=request.getfixturevalue(caller))

    assert (answer.status_code, answer.json["code"]) == (404, "not-found")


def test_a_number_without_the_option_has_no_setting(client: Client, customer: Headers) -> None:
    other = f"/numbers/{OTHER}/voicewarp"

    assert client.get(other, headers=customer).status_code == 404
    assert client.put(other, json=FULL, headers=customer).status_code == 404
    assert client.post(f"{other}/start", headers=customer).status_code == 404
    assert client.get(f"/numbers/{OTHER}/routing", headers=customer).json["reason"] == "not-forwarded"


def test_what_has_ended_hides_its_page_and_keeps_its_history(
    client: Client, store: Any, routes: MemoryRoutes, customer: Headers, as_operator: Headers, running: None
) -> None:
    hear(store, routes, CONTRACT_REMOVED, "contract", 2)

    assert client.get(SETTING, headers=customer).status_code == 404
    history = client.get(f"/numbers/{NUMBER}/history", headers=as_operator).json["items"]
    assert [item["event"] for item in history] == ["VoiceWarpStopped", "VoiceWarpStarted", "VoiceWarpChanged"]
    assert history[0]["sentence"]["ja"] == "契約の変更により、ボイスワープを停止しました"


def test_whoever_has_the_number_next_reads_nothing_of_before(
    client: Client, store: Any, routes: MemoryRoutes, keys: Any, running: None
) -> None:
    hear(store, routes, CONTRACT_REMOVED, "contract", 2)
    theirs = Contract("0720001111", "", "", "", (), {NUMBER: ("voicewarp",)})
    hear(store, routes, ContractImported(theirs), "contract", 1, "0720001111")
    numbers = frozenset({NUMBER, "0720001111"})
    they = keys.caller(Principal("customer", "0720001111", frozenset(), "0720001111", numbers, all_numbers=True))

    assert client.get(SETTING, headers=they).json == EMPTY
    assert client.get(f"/numbers/{NUMBER}/history", headers=they).json["items"] == []


# Writing on an old state.


def test_a_write_needs_if_match(client: Client, as_customer: Headers) -> None:
    answer = client.put(SETTING, json=FULL, headers=as_customer)

    assert (answer.status_code, answer.json["code"]) == (428, "if-match-required")


def test_a_write_on_an_old_state_is_refused_with_the_present_one(
    client: Client, as_customer: Headers, customer: Headers
) -> None:
    old = client.get(SETTING, headers=as_customer).headers["ETag"]
    current = client.put(SETTING, json=FULL, headers=customer)

    answer = client.put(SETTING, json=EMPTY, headers=as_customer | {"If-Match": old})

    assert (answer.status_code, answer.json["code"], answer.json["current"]) == (412, "stale-etag", FULL)
    assert answer.headers["ETag"] == current.headers["ETag"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{SETTING}/start", None),
        ("POST", f"{SETTING}/stop", None),
        ("POST", f"{SETTING}/callers", {"number": BRANCH}),
        ("DELETE", f"{SETTING}/callers/{OFFICE}", None),
    ],
)
def test_an_order_may_say_what_it_has_seen(
    client: Client, as_customer: Headers, ready: None, method: str, path: str, body: Any
) -> None:
    answer = client.open(path, method=method, json=body, headers=as_customer | {"If-Match": '"old"'})

    assert (answer.status_code, answer.json["current"]) == (412, FULL)


def test_of_two_clients_at_once_one_is_told_and_no_update_is_lost(
    store: Any, keys: Any, routes: MemoryRoutes, as_customer: Headers
) -> None:
    """Fifty turns: both have seen the same state; each adds a label of its own."""
    clients = [app_of(store, keys, routes).test_client() for _ in range(2)]

    def add(client: Client, seen: Any, label: str) -> Any:
        destinations = [*seen.json["destinations"][-3:], {"number": f"03{int(label):08d}", "label": label}]
        body = seen.json | {"destinations": destinations, "active": 1}
        return client.put(SETTING, json=body, headers=as_customer | {"If-Match": seen.headers["ETag"]})

    kept: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        for turn in range(50):
            seen = clients[0].get(SETTING, headers=as_customer)
            labels = [str(2 * turn), str(2 * turn + 1)]
            answers = list(pool.map(add, clients, [seen, seen], labels))
            assert sorted(answer.status_code for answer in answers) == [200, 412]
            winner = next(place for place, answer in enumerate(answers) if answer.status_code == 200)
            assert answers[1 - winner].json["current"] == answers[winner].json
            kept.append(labels[winner])

    assert [event.destinations[-1].label for event in said(store, VoiceWarpChanged)] == kept


# What does not fit.


def without(*path: str) -> dict[str, Any]:
    """The full body, less one field."""
    body: dict[str, Any] = {**FULL, "select": {**FULL["select"]}}
    place = body
    for name in path[:-1]:
        place = place[name]
    del place[path[-1]]
    return body


def destinations(*numbers: Any) -> dict[str, Any]:
    return FULL | {"destinations": [{"number": number} for number in numbers]}


def callers(*listed: Any) -> dict[str, Any]:
    return FULL | {"select": {"mode": "off", "callers": list(listed)}}


INVALID: list[tuple[Any, dict[str, str]]] = [
    ([], {"": "wrong-type"}),
    ("voicewarp", {"": "wrong-type"}),
    (without("mode"), {"mode": "missing-field"}),
    (without("destinations"), {"destinations": "missing-field"}),
    (without("active"), {"active": "missing-field"}),
    (without("select"), {"select": "missing-field"}),
    (without("select", "mode"), {"select.mode": "missing-field"}),
    (without("select", "callers"), {"select.callers": "missing-field"}),
    (FULL | {"running": True}, {"running": "unknown-field"}),
    (FULL | {"started": 1}, {"started": "wrong-type"}),
    (FULL | {"started": None}, {"started": "wrong-type"}),
    (FULL | {"mode": "always"}, {"mode": "not-one-of"}),
    (FULL | {"mode": None}, {"mode": "wrong-type"}),
    (FULL | {"mode": ["busy"]}, {"mode": "wrong-type"}),
    (FULL | {"ring_seconds": "15"}, {"ring_seconds": "wrong-type"}),
    (FULL | {"ring_seconds": 15.5}, {"ring_seconds": "wrong-type"}),
    (FULL | {"ring_seconds": True}, {"ring_seconds": "wrong-type"}),
    (FULL | {"ring_seconds": None}, {"ring_seconds": "wrong-type"}),
    (FULL | {"active": "1"}, {"active": "wrong-type"}),
    (FULL | {"active": True}, {"active": "wrong-type"}),
    (FULL | {"destinations": {}}, {"destinations": "wrong-type"}),
    (FULL | {"destinations": [MOBILE]}, {"destinations.0": "wrong-type"}),
    (FULL | {"destinations": [{}]}, {"destinations.0.number": "missing-field"}),
    (FULL | {"destinations": [{"number": MOBILE, "name": ""}]}, {"destinations.0.name": "unknown-field"}),
    (FULL | {"destinations": [{"number": MOBILE, "label": None}]}, {"destinations.0.label": "wrong-type"}),
    (FULL | {"destinations": [{"number": MOBILE, "label": "あ" * 41}]}, {"destinations.0.label": "too-long"}),
    (FULL | {"destinations": [{"number": MOBILE, "label": "a\nb"}]}, {"destinations.0.label": "control-character"}),
    (destinations(9012345678), {"destinations.0.number": "wrong-type"}),
    (destinations(None), {"destinations.0.number": "wrong-type"}),
    (destinations("0" * 41), {"destinations.0.number": "too-long"}),
    (FULL | {"select": "off"}, {"select": "wrong-type"}),
    (FULL | {"select": {"mode": "on", "callers": []}}, {"select.mode": "not-one-of"}),
    (FULL | {"select": {"mode": "off", "callers": [], "x": 1}}, {"select.x": "unknown-field"}),
    (callers(OFFICE), {"select.callers.0": "wrong-type"}),
    (callers({"label": "a"}), {"select.callers.0.number": "missing-field"}),
    (callers({"number": OFFICE, "label": 1}), {"select.callers.0.label": "wrong-type"}),
    (callers({"number": OFFICE}, {"number": None}), {"select.callers.1.number": "wrong-type"}),
]


@pytest.mark.parametrize(("body", "errors"), INVALID)
def test_a_body_that_does_not_fit_is_refused_field_by_field(
    client: Client, customer: Headers, body: Any, errors: dict[str, str]
) -> None:
    answer = client.put(SETTING, json=body, headers=customer)

    assert (answer.status_code, answer.json["code"]) == (422, "invalid-body")
    assert errors_of(answer) == errors
    assert client.get(SETTING, headers=customer).json == EMPTY, "nothing is half applied"


REFUSED: list[tuple[Any, str, dict[str, str]]] = [
    (FULL | {"ring_seconds": 4}, "ring-seconds-out-of-range", {"ring_seconds": "ring-seconds-out-of-range"}),
    (FULL | {"ring_seconds": -15}, "ring-seconds-out-of-range", {"ring_seconds": "ring-seconds-out-of-range"}),
    (FULL | {"active": 2}, "no-such-destination", {"active": "no-such-destination"}),
    (FULL | {"active": 0}, "no-such-destination", {"active": "no-such-destination"}),
    (destinations(*[f"031234567{n}" for n in range(5)]), "too-many-destinations", {
        "destinations": "too-many-destinations"}),
    (callers(*[{"number": f"03{n:08d}"} for n in range(31)]), "too-many-callers", {
        "select.callers": "too-many-callers"}),
    (destinations(MOBILE, "090-1234-5678"), "repeated-number", dict.fromkeys(
        ("destinations.0.number", "destinations.1.number"), "repeated-number")),
    (callers({"number": OFFICE}, {"number": "03 1234 5678", "label": "a"}), "repeated-number", dict.fromkeys(
        ("select.callers.0.number", "select.callers.1.number"), "repeated-number")),
    (callers({"number": "非通知"}), "caller-not-allowed", {"select.callers.0.number": "not-a-number"}),
    (FULL | {"started": True, "active": None}, "no-active-destination", {"active": "no-active-destination"}),
    *((destinations(typed), "destination-not-allowed", {"destinations.0.number": code}) for typed, code in {
        "": "empty",
        "abc": "not-a-number",
        "*21": "service-code",
        "+1-415-555-0100": "international",
        "010-1-415": "international",
        "0033-12": "carrier-code",
        "１１０": "three-digit-number",
        "0120-123-456": "free-dial",
        "0800-1234-567": "free-dial",
        "0570-123-456": "navi-dial",
        "0990-123-456": "premium-rate",
        "090-1234-567": "too-short",
        "06-0000-1111-00": "too-long",
        "020-1234-5678": "kind-not-allowed",
        "06-0000-1111": "own-number",
    }.items()),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code", "errors"), REFUSED)
def test_what_the_rules_refuse_is_told_in_words_of_its_own(
    client: Client, customer: Headers, body: Any, code: str, errors: dict[str, str]
) -> None:
    answer = client.put(SETTING, json=body, headers=customer)

    assert (answer.status_code, answer.json["code"]) == (422, code)
    assert errors_of(answer) == errors
    assert all(error["message"] != error["code"].replace("-", " ") for error in answer.json["errors"])
    assert client.get(SETTING, headers=customer).json == EMPTY, "nothing is half applied"


@pytest.mark.parametrize("data", [b"", b"{", b'{"mode": NaN}', b"\xff", b'{"mode": "busy", "mode": "busy"}'])
def test_a_body_that_cannot_be_read_is_a_bad_request(client: Client, customer: Headers, data: bytes) -> None:
    answer = client.put(SETTING, data=data, content_type="application/json", headers=customer)

    assert (answer.status_code, answer.json["code"]) == (400, "unreadable-json")


def test_a_start_without_a_destination_is_refused(client: Client, as_customer: Headers) -> None:
    answer = client.post(f"{SETTING}/start", headers=as_customer)

    assert (answer.status_code, answer.json["code"]) == (422, "no-active-destination")


# Single callers.


def test_a_caller_is_added_and_dropped(client: Client, as_customer: Headers) -> None:
    added = client.post(f"{SETTING}/callers", json={"number": "03-1234-5678", "label": "本社"}, headers=as_customer)
    dropped = client.delete(f"{SETTING}/callers/03-1234-5678", headers=as_customer)

    assert (added.status_code, added.json["select"]["callers"]) == (201, [{"number": OFFICE, "label": "本社"}])
    assert (dropped.status_code, dropped.data) == (204, b"")
    assert dropped.headers["ETag"] == client.get(SETTING, headers=as_customer).headers["ETag"]
    assert client.get(SETTING, headers=as_customer).json == EMPTY


def test_callers_that_are_added_and_dropped_at_once_need_not_know_of_each_other(
    store: Any, keys: Any, routes: MemoryRoutes, customer: Headers, as_customer: Headers
) -> None:
    """Ten windows that have seen the same list: one drops whom it has, nine add one each."""
    app = app_of(store, keys, routes)
    assert app.test_client().put(SETTING, json=FULL, headers=customer).status_code == 200
    new = {f"03{place:08d}" for place in range(9)}

    def add(number: str) -> int:
        path = f"{SETTING}/callers"
        return int(app.test_client().post(path, json={"number": number}, headers=as_customer).status_code)

    with ThreadPoolExecutor(10) as pool:
        dropped = pool.submit(app.test_client().delete, f"{SETTING}/callers/{OFFICE}", headers=as_customer)
        assert set(pool.map(add, sorted(new))) == {201}
        assert dropped.result().status_code == 204

    left = app.test_client().get(SETTING, headers=as_customer).json["select"]["callers"]
    assert {caller["number"] for caller in left} == new


def test_a_caller_from_abroad_is_dropped_too(client: Client, as_customer: Headers) -> None:
    client.post(f"{SETTING}/callers", json={"number": "+14155550100"}, headers=as_customer)

    assert client.delete(f"{SETTING}/callers/%2B1-415-555-0100", headers=as_customer).status_code == 204


@pytest.mark.parametrize(
    ("body", "code", "errors"),
    [
        ({}, "invalid-body", {"number": "missing-field"}),
        ({"number": 1}, "invalid-body", {"number": "wrong-type"}),
        ({"number": OFFICE, "label": None}, "invalid-body", {"label": "wrong-type"}),
        ({"number": OFFICE, "label": "a" * 41}, "invalid-body", {"label": "too-long"}),
        ({"number": OFFICE, "x": 1}, "invalid-body", {"x": "unknown-field"}),
        ({"number": ""}, "caller-not-allowed", {"number": "empty"}),
        ({"number": "12"}, "caller-not-allowed", {"number": "too-short"}),
        ({"number": "1" * 16}, "caller-not-allowed", {"number": "too-long"}),
        ({"number": OFFICE, "label": "別"}, "caller-already-registered", {"number": "caller-already-registered"}),
    ],
)
def test_a_caller_who_does_not_fit_is_refused(
    client: Client, as_customer: Headers, ready: None, body: Any, code: str, errors: dict[str, str]
) -> None:
    answer = client.post(f"{SETTING}/callers", json=body, headers=as_customer)

    assert (answer.status_code, answer.json["code"], errors_of(answer)) == (422, code, errors)
    assert client.get(SETTING, headers=as_customer).json == FULL


def test_a_caller_who_is_not_there_cannot_be_dropped(client: Client, as_customer: Headers) -> None:
    assert client.delete(f"{SETTING}/callers/{BRANCH}", headers=as_customer).status_code == 404


def test_the_same_addition_with_the_same_key_is_one(client: Client, as_customer: Headers, store: Any) -> None:
    key = as_customer | {"Idempotency-Key": "k"}

    answers = [client.post(f"{SETTING}/callers", json={"number": OFFICE}, headers=key) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert len(said(store, VoiceWarpChanged)) == 1


# Loops.


@pytest.fixture
def neighbour(store: Any, routes: MemoryRoutes) -> str:
    """Another contract's number, forwarded to ours by bulk forwarding whenever that runs."""
    other = "0720001111"
    entries = BulkForwardEntriesChanged(other, {other: NUMBER})
    hear(store, routes, entries, "plan", 1, other)
    return other


def test_a_destination_that_a_fault_would_send_back_is_a_loop(
    client: Client, customer: Headers, neighbour: str
) -> None:
    answer = client.put(SETTING, json=destinations(MOBILE, neighbour), headers=customer)

    assert (answer.status_code, errors_of(answer)) == (422, {"destinations.1.number": "loop"})
    assert answer.json["errors"][0]["message"].startswith(
        "転送先の072-000-1111が、この番号へ転送する設定になっています"
    )


def test_a_loop_over_several_numbers_is_found(
    client: Client, customer: Headers, store: Any, routes: MemoryRoutes, neighbour: str
) -> None:
    chain = [f"04512345{place:02d}" for place in range(10)]
    for one, to in zip(chain, [*chain[1:], neighbour], strict=True):
        hear(store, routes, BulkForwardEntriesChanged(one, {one: to}), "plan", 1, one)

    answer = client.put(SETTING, json=destinations(chain[0]), headers=customer)

    assert errors_of(answer) == {"destinations.0.number": "loop"}


def test_a_circle_that_others_make_is_walked_once(
    client: Client, customer: Headers, store: Any, routes: MemoryRoutes
) -> None:
    circle = BulkForwardEntriesChanged("0720001111", {"0720001111": "0720001112", "0720001112": "0720001111"})
    hear(store, routes, circle, "plan", 1, "0720001111")

    assert client.put(SETTING, json=destinations("0720001111"), headers=customer).status_code == 200


def test_a_loop_closed_meanwhile_is_not_started(
    client: Client, customer: Headers, store: Any, routes: MemoryRoutes
) -> None:
    client.put(SETTING, json=destinations("0720001111"), headers=customer)
    hear(store, routes, BulkForwardEntriesChanged("0720001111", {"0720001111": NUMBER}), "plan", 1, "0720001111")

    by_order = client.post(f"{SETTING}/start", headers=customer)
    by_edit = client.put(SETTING, json=destinations("0720001111") | {"started": True}, headers=customer)

    assert errors_of(by_order) == errors_of(by_edit) == {"destinations.0.number": "loop"}
    mended = destinations("0720001111") | {"ring_seconds": 30}
    assert client.put(SETTING, json=mended, headers=customer).status_code == 200


# Where a call goes.


def test_the_next_decision_sees_a_change_without_a_projector(
    client: Client, as_customer: Headers, as_switch: Headers, ready: None
) -> None:
    client.post(f"{SETTING}/start", headers=as_customer)

    answer = client.post(CALLS, json=CALL, headers=as_switch)

    assert (answer.status_code, answer.json) == (
        200,
        {
            "now": {"action": "forward", "to": MOBILE},
            "on_busy": None,
            "on_no_answer": None,
            "reason": "voicewarp-unconditional",
            "sentence": {
                "ja": "いま 03-1234-5678 から 06-0000-1111 に電話がかかると、すぐに 090-1234-5678 へ転送されます",
                "en": "Now, a call from 03-1234-5678 to 06-0000-1111 is forwarded to 090-1234-5678 at once",
            },
        },
    )


def test_a_change_is_done_even_when_its_row_cannot_be_written(
    client: Client, as_customer: Headers, store: Any, routes: MemoryRoutes, ready: None
) -> None:
    routes.away = True
    stopped = client.post(f"{SETTING}/stop", headers=as_customer)
    routes.away = False

    assert stopped.status_code == 200


def test_the_answer_has_the_shape_of_the_specification(client: Client, customer: Headers, as_switch: Headers) -> None:
    client.put(SETTING, json=FULL | {"mode": "no-answer", "started": True}, headers=customer)

    answer = client.post(CALLS, json=CALL | {"caller": None}, headers=as_switch).json

    assert answer["now"] == {"action": "ring", "to": None}
    assert answer["on_no_answer"] == {"action": "forward", "to": MOBILE, "after_seconds": 15}


def test_bulk_forwarding_outranks_voicewarp(
    client: Client, as_customer: Headers, as_switch: Headers, store: Any, routes: MemoryRoutes, running: None
) -> None:
    hear(store, routes, BULK_STARTED, "plan", 1)
    during = client.post(CALLS, json=CALL, headers=as_switch).json
    hear(store, routes, BULK_STOPPED, "plan", 2)
    after = client.post(CALLS, json=CALL | {"call_id": "c-2"}, headers=as_switch).json

    assert (during["reason"], during["now"]["to"]) == ("bulk-forward", OFFICE)
    assert (after["reason"], after["now"]["to"]) == ("voicewarp-unconditional", MOBILE)


def test_routing_is_asked_for_any_caller(client: Client, customer: Headers) -> None:
    select = {"mode": "forward-registered", "callers": [{"number": OFFICE}]}
    client.put(SETTING, json=FULL | {"started": True, "select": select}, headers=customer)

    asked = {"03-1234-5678": 0, "0451234567": 0, "": 0}
    reasons = [
        client.get(ROUTING, query_string={"caller": caller}, headers=customer).json["reason"] for caller in asked
    ]

    assert reasons == ["voicewarp-unconditional", "caller-not-registered", "caller-anonymous"]
    assert client.get(ROUTING, headers=customer).json["reason"] == "caller-anonymous"


def test_routing_looks_back_and_ahead(
    client: Client, customer: Headers, store: Any, routes: MemoryRoutes, running: None
) -> None:
    """Each instant lies after one change and before the next; the clock has milliseconds."""
    instants = [now()]
    hear(store, routes, replace(BULK_STARTED, since=now()), "plan", 1)
    instants.append(now())

    def reason(at: str) -> str:
        answer = client.get(ROUTING, query_string={"at": at}, headers=customer)
        assert answer.status_code == 200
        return str(answer.json["reason"])

    assert reason("2020-01-01T00:00:00+09:00") == "unknown-number", "nobody had it yet"
    assert reason((instants[1] + timedelta(days=1)).isoformat()) == "bulk-forward"
    assert reason((instants[1] + timedelta(milliseconds=1)).isoformat()) == "bulk-forward"


def test_routing_of_a_time_that_is_forgotten_is_refused(
    client: Client, customer: Headers, store: Any, routes: MemoryRoutes
) -> None:
    for turn in range(21):
        hear(store, routes, BULK_STARTED, "plan", 2 * turn + 1)
        hear(store, routes, BULK_STOPPED, "plan", 2 * turn + 2)

    answer = client.get(ROUTING, query_string={"at": "2020-01-01T00:00:00Z"}, headers=customer)

    assert (answer.status_code, answer.json["code"]) == (422, "too-long-ago")


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ({"caller": "denwa"}, {"caller": "not-a-number"}),
        ({"caller": "12"}, {"caller": "too-short"}),
        ({"caller": "0" * 41}, {"caller": "too-long"}),
        ({"at": "yesterday"}, {"at": "wrong-format"}),
        ({"at": "2026-11-23T09:00:00"}, {"at": "wrong-format"}),
        ({"at": ""}, {"at": "wrong-format"}),
        ({"called": NUMBER}, {"called": "unknown-field"}),
    ],
)
def test_a_question_that_does_not_fit_is_refused(
    client: Client, customer: Headers, query: Mapping[str, str], errors: dict[str, str]
) -> None:
    answer = client.get(ROUTING, query_string=query, headers=customer)

    assert (answer.status_code, answer.json["code"], errors_of(answer)) == (422, "invalid-query", errors)


# Calls.


def test_a_decision_is_one_read_and_one_append(
    client: Client, store: Any, routes: MemoryRoutes, as_switch: Headers, running: None
) -> None:
    store.calls.clear()
    routes.questions = 0

    client.post(CALLS, json=CALL, headers=as_switch)

    assert (store.calls, routes.questions) == ({"append_many": 1}, 1)


def test_a_call_is_said_once_however_often_the_switch_asks(
    client: Client, store: Any, as_switch: Headers, as_customer: Headers, running: None
) -> None:
    first = client.post(CALLS, json=CALL, headers=as_switch)
    client.post(f"{SETTING}/stop", headers=as_customer)
    again = client.post(CALLS, json=CALL | {"called": "06-0000-1111", "at": "2026-11-23T00:00:00Z"}, headers=as_switch)

    assert (again.status_code, again.json) == (200, first.json)
    assert len(said(store, CallReceived)) == 1


def test_the_same_call_asked_at_once_by_many_is_one(
    store: Any, keys: Any, routes: MemoryRoutes, as_switch: Headers
) -> None:
    clients = [app_of(store, keys, routes).test_client() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda client: client.post(CALLS, json=CALL, headers=as_switch), clients))

    assert {answer.status_code for answer in answers} == {200}
    assert len(said(store, CallReceived)) == 1


@pytest.mark.parametrize(
    "change", [{"called": OTHER}, {"caller": None}, {"caller": BRANCH}, {"at": "2026-11-23T00:00:01Z"}]
)
def test_another_call_of_the_same_id_is_refused(client: Client, as_switch: Headers, change: dict[str, Any]) -> None:
    client.post(CALLS, json=CALL, headers=as_switch)

    answer = client.post(CALLS, json=CALL | change, headers=as_switch)

    assert (answer.status_code, answer.json["code"]) == (409, "call-differs")


def test_a_call_to_an_unknown_number_rings_and_is_not_kept(client: Client, store: Any, as_switch: Headers) -> None:
    before = len(list(store.scan()))

    answer = client.post(CALLS, json=CALL | {"called": "0451234567"}, headers=as_switch)

    assert (answer.status_code, answer.json["now"], answer.json["reason"]) == (
        200,
        {"action": "ring", "to": None},
        "unknown-number",
    )
    assert len(list(store.scan())) == before
    assert b'call_decisions_total{reason="unknown-number"}' in client.get("/metrics").data


def test_a_call_answered_before_its_number_ended_is_answered_the_same(
    client: Client, store: Any, routes: MemoryRoutes, as_switch: Headers, running: None
) -> None:
    first = client.post(CALLS, json=CALL, headers=as_switch)
    hear(store, routes, CONTRACT_REMOVED, "contract", 2)

    assert client.post(CALLS, json=CALL, headers=as_switch).json == first.json
    assert client.post(CALLS, json=CALL | {"call_id": "c-2"}, headers=as_switch).json["reason"] == "unknown-number"


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"call_id": None}, {"call_id": "wrong-type"}),
        ({"call_id": 1}, {"call_id": "wrong-type"}),
        ({"call_id": ""}, {"call_id": "wrong-format"}),
        ({"call_id": "a/b"}, {"call_id": "wrong-format"}),
        ({"call_id": "."}, {"call_id": "wrong-format"}),
        ({"call_id": ".."}, {"call_id": "wrong-format"}),
        ({"call_id": "c-1\n"}, {"call_id": "wrong-format"}),
        ({"call_id": "c" * 129}, {"call_id": "wrong-format"}),
        ({"called": None}, {"called": "wrong-type"}),
        ({"called": 600001111}, {"called": "wrong-type"}),
        ({"called": "0" * 41}, {"called": "too-long"}),
        ({"caller": 1}, {"caller": "wrong-type"}),
        ({"caller": "()"}, {"caller": "empty"}),
        ({"caller": "unavailable"}, {"caller": "not-a-number"}),
        ({"caller": "tel:"}, {"caller": "empty"}),
        ({"caller": "sip:0312345678@example.jp"}, {"caller": "not-a-number"}),
        ({"caller": "1" * 16}, {"caller": "too-long"}),
        ({"at": None}, {"at": "wrong-format"}),
        ({"at": "now"}, {"at": "wrong-format"}),
        ({"at": "2026-11-23T09:00:00"}, {"at": "wrong-format"}),
        ({"at": 1700000000}, {"at": "wrong-format"}),
        ({"priority": 1}, {"priority": "unknown-field"}),
    ],
)
def test_a_call_that_does_not_fit_is_refused(
    client: Client, store: Any, as_switch: Headers, change: dict[str, Any], errors: dict[str, str]
) -> None:
    answer = client.post(CALLS, json=CALL | change, headers=as_switch)

    assert (answer.status_code, answer.json["code"], errors_of(answer)) == (422, "invalid-body", errors)
    assert said(store, CallReceived) == []


@pytest.mark.parametrize(
    ("spelled", "number"),
    [
        (None, None),
        ("", None),
        (" ", None),
        ("anonymous", None),
        ("Anonymous", None),
        ("tel:+81-3-1234-5678", OFFICE),
        ("TEL:03-1234-5678;phone-context=+81", OFFICE),
        ("tel:+14155550100", "+14155550100"),
    ],
)
def test_a_caller_is_taken_as_switches_write_it(
    client: Client, store: Any, as_switch: Headers, spelled: str | None, number: str | None
) -> None:
    assert client.post(CALLS, json=CALL | {"caller": spelled}, headers=as_switch).status_code == 200
    assert [call.caller for call in said(store, CallReceived)] == [number]


def test_the_called_number_may_be_a_tel_uri_too(client: Client, store: Any, as_switch: Headers) -> None:
    client.post(CALLS, json=CALL | {"called": "tel:+81-6-0000-1111"}, headers=as_switch)

    assert [call.called for call in said(store, CallReceived)] == [NUMBER]


@pytest.mark.parametrize("call_id", ["...", ".a", "a.", "c.1"])
def test_dots_in_a_call_id_are_nothing_special(client: Client, as_switch: Headers, call_id: str) -> None:
    client.post(CALLS, json=CALL | {"call_id": call_id}, headers=as_switch)

    assert client.put(f"{CALLS}/{call_id}/outcome", json={"outcome": "answered"}, headers=as_switch).status_code == 200


@pytest.mark.parametrize("name", CALL)
def test_everything_of_a_call_is_needed(client: Client, as_switch: Headers, name: str) -> None:
    body = {key: value for key, value in CALL.items() if key != name}

    answer = client.post(CALLS, json=body, headers=as_switch)

    assert (answer.status_code, errors_of(answer)) == (422, {name: "missing-field"})


@pytest.mark.parametrize(("method", "path"), [("POST", CALLS), ("PUT", f"{CALLS}/c-1/outcome")])
@pytest.mark.parametrize("caller", ["as_customer", "as_operator", "as_monitor"])
def test_only_a_switch_asks(
    client: Client, method: str, path: str, caller: str, request: pytest.FixtureRequest
) -> None:
    answer = client.open(path, method=method, json={}, headers=request.getfixturevalue(caller))

    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")


def test_while_the_store_is_away_the_switch_is_told_so(client: Client, store: Any, as_switch: Headers) -> None:
    store.away = True

    answer = client.post(CALLS, json=CALL, headers=as_switch)

    assert (answer.status_code, answer.json["code"]) == (503, "store-unavailable")


# Outcomes.


def test_an_outcome_tells_where_the_call_went(client: Client, store: Any, as_switch: Headers, running: None) -> None:
    client.post(CALLS, json=CALL, headers=as_switch)

    answer = client.put(
        f"{CALLS}/c-1/outcome", json={"outcome": "forwarded", "at": "2026-11-23T09:01:00+09:00"}, headers=as_switch
    )

    assert (answer.status_code, answer.json) == (
        200,
        {"call_id": "c-1", "outcome": "forwarded", "forwarded_to": MOBILE, "ended_at": "2026-11-23T09:01:00+09:00"},
    )
    [ended] = said(store, CallEnded)
    assert (ended.called, ended.contract_number, ended.caller, ended.forwarded_to) == (NUMBER, NUMBER, OFFICE, MOBILE)


def test_an_outcome_before_its_call_is_unknown(client: Client, as_switch: Headers) -> None:
    answer = client.put(f"{CALLS}/c-1/outcome", json={"outcome": "answered"}, headers=as_switch)

    assert (answer.status_code, answer.json["code"]) == (404, "unknown-call")


def test_the_same_outcome_twice_is_one_and_another_is_refused(client: Client, store: Any, as_switch: Headers) -> None:
    client.post(CALLS, json=CALL, headers=as_switch)

    answers = [
        client.put(f"{CALLS}/c-1/outcome", json={"outcome": outcome}, headers=as_switch)
        for outcome in ("answered", "answered", "busy")
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 409]
    assert answers[0].json == answers[1].json
    assert answers[2].json["code"] == "outcome-differs"
    assert len(said(store, CallEnded)) == 1


@pytest.mark.parametrize(
    ("body", "code", "errors"),
    [
        ({}, "invalid-body", {"outcome": "missing-field"}),
        ({"outcome": None}, "invalid-body", {"outcome": "wrong-type"}),
        ({"outcome": "lost"}, "invalid-body", {"outcome": "not-one-of"}),
        ({"outcome": ["busy"]}, "invalid-body", {"outcome": "wrong-type"}),
        ({"outcome": "busy", "at": "later"}, "invalid-body", {"at": "wrong-format"}),
        ({"outcome": "busy", "at": None}, "invalid-body", {"at": "wrong-format"}),
        ({"outcome": "busy", "to": MOBILE}, "invalid-body", {"to": "unknown-field"}),
        ({"outcome": "busy", "at": "2020-01-01T00:00:00Z"}, "ended-before-it-began", {"at": "ended-before-it-began"}),
    ],
)
def test_an_outcome_that_does_not_fit_is_refused(
    client: Client, store: Any, as_switch: Headers, body: Any, code: str, errors: dict[str, str]
) -> None:
    client.post(CALLS, json=CALL, headers=as_switch)

    answer = client.put(f"{CALLS}/c-1/outcome", json=body, headers=as_switch)

    assert (answer.status_code, answer.json["code"], errors_of(answer)) == (422, code, errors)
    assert said(store, CallEnded) == []


def test_all_numbers_are_told_in_one_answer(client: Client, customer: Headers) -> None:
    tag = client.get(SETTING, headers=customer).headers["ETag"]
    client.put(SETTING, json=FULL | {"started": True}, headers=customer | {"If-Match": tag})

    glances = client.get(f"/me/voicewarp?numbers={NUMBER},{OFFICE}", headers=customer).json["numbers"]
    ways = client.get("/me/routing", headers=customer).json["numbers"]

    assert {number: (told["started"], told["by"]) for number, told in glances.items()} == {NUMBER: (True, "customer")}
    assert glances[NUMBER]["since"]
    assert ways[NUMBER]["now"] == {"action": "forward", "to": MOBILE}
    assert {number: way["voicewarp"] for number, way in ways.items()} == dict.fromkeys(ways) | glances
    assert MOBILE.removeprefix("090")[:4] in ways[NUMBER]["sentence"]["ja"]


def test_a_stopped_number_is_told_without_a_beginning(client: Client, customer: Headers) -> None:
    glances = client.get("/me/voicewarp", headers=customer).json["numbers"]

    assert glances[NUMBER] == {"started": False, "mode": "no-answer"}
