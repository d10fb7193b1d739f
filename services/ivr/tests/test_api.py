import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from chassis.auth import Principal
from chassis.consumer import Intake
from chassis.memory_store import MemoryStore
from chassis.messages import Codec
from chassis.passwords import Verifiers, make_pepper
from chassis.store import Answer, Commit, Raced
from chassis.testing import FixedClock, deliver, recorded
from chassis.views import Views
from contracts import events_of
from contracts.ivr import PasswordIssued
from services.ivr.adapters import MemorySequence
from services.ivr.bootstrap import CODEC, HEARD, NAME, build
from services.ivr.settings import Settings
from services.ivr.tests.examples import (
    CONTRACT_CHANGED,
    CONTRACT_IMPORTED,
    CONTRACT_REMOVED,
    NUMBER,
    OTHER,
    PASSWORD,
    STRANGER,
)
from services.ivr.tests.stand_ins import MemoryContracts
from services.ivr.tests.voice_platform import Disconnected, VoicePlatform, through

Headers = dict[str, str]
# A FlaskClient, whose answers' `json` the type checker takes for optional.
Client = Any
NOBODYS_CALL = "/ivr/calls/00000000-0000-4000-8000-000000000000"
WRONG = "入力された番号が正しくありません。もう一度押してください。"
GIVEN_UP = ["入力された番号が正しくありません。", "一度電話を切り、はじめからやり直してください。"]
AGAIN = "確認のためにもう一度仮パスワードを入力してください。"
DONE = f"{NUMBER}番の仮パスワードの設定が完了しました。ご利用ありがとうございました。"


@pytest.fixture
def store(watched_store: Callable[[Codec], Any]) -> Any:
    return watched_store(CODEC)


@pytest.fixture
def contracts() -> MemoryContracts:
    """The guide's contract."""
    contracts = MemoryContracts()
    hear(contracts, CONTRACT_IMPORTED, 1)
    return contracts


def hear(contracts: MemoryContracts, event: object, revision: int) -> None:
    intake = Intake(NAME, Codec(events_of(*HEARD)), {}, cast(Views, contracts))
    deliver(intake, recorded(event, f"contract-{NUMBER}", revision))


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory, keys: Any) -> Settings:
    pepper = tmp_path_factory.mktemp("pepper") / "pepper"
    make_pepper(pepper)
    return Settings("mongodb://127.0.0.1:1/", ("127.0.0.1:1",), keys.public, pepper)


@pytest.fixture
def client(store: MemoryStore, contracts: MemoryContracts, settings: Settings, clock: FixedClock) -> Client:
    views, sequence = cast(Views, contracts), MemorySequence()
    return build(settings, store=store, views=views, sequence=sequence, clock=clock).app().test_client()


@pytest.fixture(scope="session")
def as_telephone(keys: Any) -> Headers:
    caller: Headers = keys.caller(Principal("machine", "ivr-east", frozenset({"ivr"})))
    return caller


@pytest.fixture
def call(client: Client, as_telephone: Headers) -> str:
    """The path of a call from the contract number."""
    answer = client.post("/ivr/calls", json={"caller": NUMBER}, headers=as_telephone)
    assert answer.status_code == 201
    return f"/ivr/calls/{answer.json['call_id']}"


@pytest.fixture
def press(client: Client, call: str, as_telephone: Headers) -> Callable[..., Any]:
    """Presses keys; the answer. Keyword arguments are headers."""

    def send(keys: str, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.post(f"{call}/keys", json={"keys": keys}, headers=as_telephone | named)

    return send


def issued(store: MemoryStore) -> list[PasswordIssued]:
    return [one.event for one in store.scan() if isinstance(one.event, PasswordIssued)]


def field_errors(answer: Any) -> dict[str, str]:
    return {error["field"]: error["code"] for error in answer.json["errors"]}


# A call.


def test_a_call_begins_with_the_menu(client: Client, as_telephone: Headers) -> None:
    answer = client.post("/ivr/calls", json={"caller": "06-0000-1111"}, headers=as_telephone)

    assert answer.status_code == 201
    assert answer.json == {
        "call_id": answer.json["call_id"],
        "guidance": [
            "仮パスワード設定をする単位を選択します。回線単位に設定する場合は1、電話番号単位に設定する場合は2、"
            "管理者/ユーザー単位に設定する場合は3を入力してください。"
        ],
        "expects": {"kind": "keys", "length": 1, "ends_with": None},
        "finished": False,
    }
    assert answer.headers["Location"] == f"/ivr/calls/{answer.json['call_id']}"


def test_a_call_to_its_end(press: Callable[..., Any], store: MemoryStore, settings: Settings) -> None:
    chosen, entered, confirmed = press("1"), press(PASSWORD), press(PASSWORD)

    assert chosen.json["guidance"] == [
        f"{NUMBER}番の仮パスワードの設定を行います。登録したい仮パスワードを入力してください。"
    ]
    assert chosen.json["expects"] == {"kind": "keys", "length": 8, "ends_with": None}
    assert entered.json["guidance"] == [AGAIN]
    assert (confirmed.json["guidance"], confirmed.json["expects"], confirmed.json["finished"]) == ([DONE], None, True)
    (event,) = issued(store)
    assert (event.number, event.contract_number, event.unit) == (NUMBER, NUMBER, "line")
    assert Verifiers.from_file(settings.password_pepper).matches(event.verifier, PASSWORD)


def test_a_number_is_expected_with_its_end(press: Callable[..., Any]) -> None:
    assert press("2").json["expects"] == {"kind": "keys", "length": None, "ends_with": "#"}


def test_in_the_middle_of_an_entry_nothing_is_said(press: Callable[..., Any]) -> None:
    press("1")

    answer = press(PASSWORD[:4])

    assert (answer.json["guidance"], answer.json["finished"]) == ([], False)


def test_silence(client: Client, call: str, as_telephone: Headers) -> None:
    def wait() -> Any:
        return client.post(f"{call}/keys", json={"timeout": True}, headers=as_telephone).json

    assert wait()["guidance"] == wait()["guidance"] == [WRONG]
    assert (last := wait())["guidance"] == GIVEN_UP
    assert last["finished"]


def test_hanging_up(client: Client, call: str, press: Callable[..., Any], as_telephone: Headers) -> None:
    first, second = client.delete(call, headers=as_telephone), client.delete(call, headers=as_telephone)

    assert (first.status_code, first.data, second.status_code) == (204, b"", 204)
    assert (press("1").status_code, press("1").json["code"]) == (409, "call-finished")


def test_a_finished_call_takes_no_keys(press: Callable[..., Any], store: MemoryStore) -> None:
    press(f"1{PASSWORD}{PASSWORD}")

    answer = press("1")

    assert (answer.status_code, answer.json["code"]) == (409, "call-finished")
    assert len(issued(store)) == 1


def test_a_forgotten_call_takes_no_keys(press: Callable[..., Any], clock: FixedClock) -> None:
    clock.advance(minutes=11)

    answer = press("1")

    assert (answer.status_code, answer.json["code"]) == (409, "call-finished")


def test_the_telephone_is_who_did_it(press: Callable[..., Any], store: MemoryStore) -> None:
    press(f"1{PASSWORD}{PASSWORD}")

    assert {(one.actor.kind, one.actor.id) for one in store.scan()} == {("telephone", "ivr-east")}


# Who may call.


@pytest.mark.parametrize("caller", [STRANGER, "09012345678", "", "anonymous", None, "117", "0600001111; drop"])
def test_only_contracted_numbers_are_connected(
    client: Client, store: MemoryStore, as_telephone: Headers, caller: str | None
) -> None:
    answer = client.post("/ivr/calls", json={"caller": caller}, headers=as_telephone)

    assert (answer.status_code, answer.json["code"]) == (403, "caller-not-contracted")
    assert list(store.scan()) == []


def test_a_contract_that_has_ended_is_not_connected(
    client: Client, contracts: MemoryContracts, as_telephone: Headers
) -> None:
    hear(contracts, CONTRACT_REMOVED, 2)

    answer = client.post("/ivr/calls", json={"caller": NUMBER}, headers=as_telephone)

    assert answer.json["code"] == "caller-not-contracted"


def test_a_number_that_is_removed_during_the_call_gets_no_password(
    press: Callable[..., Any], contracts: MemoryContracts, store: MemoryStore
) -> None:
    press(f"2{OTHER}#{PASSWORD}")
    hear(contracts, replace(CONTRACT_CHANGED, contract=replace(CONTRACT_CHANGED.contract, numbers={NUMBER: ()})), 2)

    answer = press(PASSWORD)

    assert (answer.json["guidance"], answer.json["finished"]) == (GIVEN_UP, True)
    assert issued(store) == []


def test_a_caller_whose_number_went_to_another_contract_sets_nothing(
    press: Callable[..., Any], contracts: MemoryContracts, store: MemoryStore
) -> None:
    press(f"1{PASSWORD}")
    contracts.rows = {STRANGER: {"numbers": [STRANGER, NUMBER]}}

    assert press(PASSWORD).json["guidance"] == GIVEN_UP
    assert issued(store) == []


@pytest.mark.parametrize("caller", ["as_customer", "as_operator", "as_switch", "as_monitor"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/ivr/calls"),
        ("POST", f"{NOBODYS_CALL}/keys"),
        ("DELETE", NOBODYS_CALL),
        ("GET", "/ivr/voicexml"),
        ("POST", "/ivr/voicexml"),
    ],
)
def test_only_the_key_of_the_telephone_opens(
    client: Client, method: str, path: str, caller: str, request: pytest.FixtureRequest
) -> None:
    known = client.open(path, method=method, headers=request.getfixturevalue(caller))
    unknown = client.open(path, method=method)

    assert (known.status_code, known.json["code"]) == (403, "forbidden")
    assert (unknown.status_code, unknown.json["code"]) == (401, "token-missing")


# Again, and at the same time.


def test_a_repeated_call_is_the_same_call(client: Client, store: MemoryStore, as_telephone: Headers) -> None:
    headers = as_telephone | {"Idempotency-Key": "call-1"}

    first, second = (client.post("/ivr/calls", json={"caller": NUMBER}, headers=headers) for _ in range(2))

    assert (first.status_code, first.json) == (second.status_code, second.json)
    assert len(list(store.scan())) == 1


def test_repeated_keys_count_once(press: Callable[..., Any], store: MemoryStore) -> None:
    press("1")
    parts = [(PASSWORD[:5], "k1"), (PASSWORD[5:] + PASSWORD[:2], "k2"), (PASSWORD[2:], "k3")]

    answers = [press(keys, Idempotency_Key=key).json for keys, key in parts for _ in range(2)]

    assert [answer["guidance"] for answer in answers] == [[], [], [], [], [DONE], [DONE]]
    assert len(issued(store)) == 1


def test_repeated_silence_counts_once(client: Client, call: str, as_telephone: Headers) -> None:
    headers = as_telephone | {"Idempotency-Key": "silence-1"}

    answers = [client.post(f"{call}/keys", json={"timeout": True}, headers=headers).json for _ in range(4)]

    assert [answer["finished"] for answer in answers] == [False] * 4


def test_a_repeated_hang_up_is_one(client: Client, call: str, as_telephone: Headers) -> None:
    headers = as_telephone | {"Idempotency-Key": "end-1"}

    assert [client.delete(call, headers=headers).status_code for _ in range(2)] == [204, 204]


def test_a_key_for_other_keys_is_refused(press: Callable[..., Any]) -> None:
    press("1", Idempotency_Key="k1")

    answer = press("2", Idempotency_Key="k1")

    assert (answer.status_code, answer.json["code"]) == (422, "idempotency-key-reused")


class RacedOnce(MemoryStore):
    """Somebody else is faster the first time that keys are appended."""

    races = 0

    def append(self, commit: Commit) -> Answer:
        if commit.revision == 2 and not self.races:
            self.races += 1
            return Raced()
        return super().append(commit)


def test_a_lost_race_is_decided_again(contracts: MemoryContracts, settings: Settings, as_telephone: Headers) -> None:
    store = RacedOnce(CODEC)
    views, sequence = cast(Views, contracts), MemorySequence()
    client: Client = build(settings, store=store, views=views, sequence=sequence).app().test_client()
    call_id = client.post("/ivr/calls", json={"caller": NUMBER}, headers=as_telephone).json["call_id"]

    answer = client.post(f"/ivr/calls/{call_id}/keys", json={"keys": f"1{PASSWORD}"}, headers=as_telephone)

    assert (answer.json["guidance"], store.races) == ([AGAIN], 1)


def test_keys_that_come_at_the_same_time_are_all_taken(
    client: Client, call: str, as_telephone: Headers, store: MemoryStore
) -> None:
    """Eight equal keys in eight threads: whatever their order, one password."""
    client.post(f"{call}/keys", json={"keys": "1"}, headers=as_telephone)
    app, statuses = client.application, []

    def one_key() -> None:
        answer = app.test_client().post(f"{call}/keys", json={"keys": "7"}, headers=as_telephone)
        statuses.append(answer.status_code)

    for _ in range(2):
        threads = [threading.Thread(target=one_key) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert statuses == [200] * 16
    assert len(issued(store)) == 1


def test_the_completion_is_said_only_when_it_is_durable(press: Callable[..., Any], store: Any) -> None:
    press(f"1{PASSWORD}")
    store.away = True

    answer = press(PASSWORD)

    assert (answer.status_code, answer.json["code"]) == (503, "store-unavailable")
    assert "Retry-After" in answer.headers
    store.away = False
    assert issued(store) == []
    assert press(PASSWORD).json["guidance"] == [DONE]


# Secrets.


def test_nothing_that_is_kept_holds_the_password(press: Callable[..., Any], store: MemoryStore) -> None:
    press("1")
    for place, key in enumerate(PASSWORD * 2):
        press(key, Idempotency_Key=f"k{place}")

    kept = repr(store._log)
    assert len(issued(store)) == 1
    assert not any(part in kept for part in (PASSWORD, PASSWORD[:5], PASSWORD[-5:]))


def test_a_kept_fingerprint_is_no_plain_digest(press: Callable[..., Any], store: MemoryStore, call: str) -> None:
    press("1")
    press(PASSWORD, Idempotency_Key="k1")

    body = json.dumps({"keys": PASSWORD}).encode()
    plain = hashlib.sha256(f"POST {call}/keys ".encode() + body).hexdigest()
    fingerprints = [commit.fingerprint for commit in store._log if commit.fingerprint]
    assert len(fingerprints) == 1
    assert plain not in fingerprints


# Bad input.


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"caller": "missing-field"}),
        ({"caller": 600001111}, {"caller": "wrong-type"}),
        ({"caller": {"$gt": ""}}, {"caller": "wrong-type"}),
        ({"caller": [NUMBER]}, {"caller": "wrong-type"}),
        ({"caller": True}, {"caller": "wrong-type"}),
        ({"caller": "0" * 101}, {"caller": "too-long"}),
        ({"caller": NUMBER, "$where": "1"}, {"$where": "unknown-field"}),
        ([], {"": "wrong-type"}),
    ],
)
def test_a_call_that_does_not_fit_is_refused(
    client: Client, as_telephone: Headers, body: object, errors: dict[str, str]
) -> None:
    answer = client.post("/ivr/calls", json=body, headers=as_telephone)

    assert (answer.status_code, answer.json["code"]) == (422, "invalid-body")
    assert field_errors(answer) == errors


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"keys": "keys-or-timeout"}),
        ({"keys": "1", "timeout": True}, {"keys": "keys-or-timeout"}),
        ({"keys": ""}, {"keys": "wrong-length"}),
        ({"keys": "1" * 101}, {"keys": "wrong-length"}),
        ({"keys": "abc"}, {"keys": "wrong-format"}),
        ({"keys": "1\n"}, {"keys": "wrong-format"}),
        ({"keys": "１"}, {"keys": "wrong-format"}),
        ({"keys": " 1"}, {"keys": "wrong-format"}),
        ({"keys": 1}, {"keys": "wrong-type"}),
        ({"keys": ["1"]}, {"keys": "wrong-type"}),
        ({"keys": {"$gt": ""}}, {"keys": "wrong-type"}),
        ({"keys": None}, {"keys": "wrong-type"}),
        ({"timeout": False}, {"timeout": "not-one-of"}),
        ({"timeout": "true"}, {"timeout": "wrong-type"}),
        ({"keys": "1", "digits": "1"}, {"digits": "unknown-field"}),
        ("1", {"": "wrong-type"}),
    ],
)
def test_keys_that_are_none_are_refused(
    client: Client, call: str, as_telephone: Headers, body: object, errors: dict[str, str]
) -> None:
    answer = client.post(f"{call}/keys", json=body, headers=as_telephone)

    assert (answer.status_code, answer.json["code"]) == (422, "invalid-body")
    assert field_errors(answer) == errors


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff", b'{"caller": "06\\u0000"}', b'{"caller": "\\ud800"}', b"[" * 10_000, b'{"caller":' * 10_000],
)
@pytest.mark.parametrize("path", ["/ivr/calls", f"{NOBODYS_CALL}/keys"])
def test_a_body_that_cannot_be_read_is_a_bad_request(
    client: Client, as_telephone: Headers, path: str, data: bytes
) -> None:
    answer = client.post(path, data=data, content_type="application/json", headers=as_telephone)

    assert (answer.status_code, answer.json["code"]) == (400, "unreadable-json")


@pytest.mark.parametrize("id", ["1", "x" * 5000, "%00", "..%2f", "00000000-0000-4000-8000-000000000000"])
def test_a_call_that_is_not_there_is_not_found(client: Client, as_telephone: Headers, id: str) -> None:
    keys = client.post(f"/ivr/calls/{id}/keys", json={"keys": "1"}, headers=as_telephone)
    silence = client.post(f"/ivr/calls/{id}/keys", json={"timeout": True}, headers=as_telephone)
    hang_up = client.delete(f"/ivr/calls/{id}", headers=as_telephone)

    assert [answer.status_code for answer in (keys, silence, hang_up)] == [404] * 3
    assert [answer.json["code"] for answer in (keys, silence, hang_up)] == ["not-found"] * 3


def test_a_body_of_another_type_is_not_read(client: Client, call: str, as_telephone: Headers) -> None:
    answer = client.post(f"{call}/keys", data="keys=1", content_type="text/plain", headers=as_telephone)

    assert (answer.status_code, answer.json["code"]) == (415, "unsupported-media-type")


# On a voice platform.

REMOTES = ["tel:+81600001111", "sip:0600001111@192.0.2.7", "sip:+81600001111@example.jp;user=phone", "0600001111",
           '"Taro" <sip:0600001111@192.0.2.7:5060>', "SIPS:0600001111@example.jp"]  # fmt: skip
SPELLED = "0 6 0 0 0 0 1 1 1 1"


@pytest.fixture
def platform(client: Client, as_telephone: Headers) -> VoicePlatform:
    return VoicePlatform(through(client, as_telephone), "/ivr/voicexml", REMOTES[0])


@pytest.mark.parametrize("remote", REMOTES)
def test_a_platform_begins_with_the_menu(platform: VoicePlatform, remote: str) -> None:
    platform.remote = remote

    platform.begin()

    assert len(platform.heard) == 1
    assert platform.heard[0].startswith("仮パスワード設定をする単位を選択します。")


def test_a_platform_runs_the_dialogue_to_its_end(platform: VoicePlatform, store: MemoryStore) -> None:
    platform.begin()
    platform.press(f"2{NUMBER}#{PASSWORD}")
    with pytest.raises(Disconnected):
        platform.press(PASSWORD)

    assert platform.heard[1:] == [
        "仮パスワード設定をする電話番号を市外局番から入力し、最後に#を押してください。",
        f"{SPELLED}番の仮パスワードの設定を行います。登録したい仮パスワードを入力してください。",
        AGAIN,
        f"{SPELLED}番の仮パスワードの設定が完了しました。ご利用ありがとうございました。",
    ]
    assert [event.number for event in issued(store)] == [NUMBER]


@pytest.mark.parametrize("before", ["", "2", "1", f"1{PASSWORD}"])
def test_on_a_platform_the_third_silence_ends_the_call(platform: VoicePlatform, before: str) -> None:
    platform.begin()
    platform.press(before)
    platform.wait()
    platform.wait()
    with pytest.raises(Disconnected):
        platform.wait()

    assert platform.heard[-3:] == [WRONG, WRONG, "".join(GIVEN_UP)]


def test_on_a_platform_half_an_entry_counts_as_wrong_input(platform: VoicePlatform) -> None:
    platform.begin()
    platform.press(f"1{PASSWORD[:5]}")
    platform.wait()
    platform.press(PASSWORD)

    assert platform.heard[-2:] == [WRONG, AGAIN]


@pytest.mark.parametrize(("before", "wrong"), [("", "#"), ("2", "123#"), ("2", "0" * 20), ("1", "12#"), ("1", "*" * 8)])
def test_on_a_platform_wrong_keys_are_wrong_input(platform: VoicePlatform, before: str, wrong: str) -> None:
    platform.begin()
    platform.press(before + wrong)

    assert platform.heard[-1] == WRONG


def test_on_a_platform_an_end_key_out_of_habit_makes_the_guidance_begin_again(platform: VoicePlatform) -> None:
    platform.begin()
    platform.press(f"1#{PASSWORD}#")

    assert platform.heard[-2:] == [AGAIN, AGAIN]
    platform.press("#")
    assert platform.heard[-1] == WRONG


def test_on_a_platform_hanging_up_ends_the_call(platform: VoicePlatform, store: MemoryStore) -> None:
    platform.begin()
    platform.press("1")
    with pytest.raises(Disconnected):
        platform.hang_up()

    assert next(reversed(list(store.scan()))).event.because == "hung-up"


def test_a_platform_lets_a_stranger_go_without_a_word(platform: VoicePlatform) -> None:
    platform.remote = f"tel:{STRANGER}"

    with pytest.raises(Disconnected):
        platform.begin()

    assert platform.heard == []


def test_a_platform_says_that_it_is_not_possible_now(platform: VoicePlatform, store: Any) -> None:
    platform.begin()
    store.away = True

    with pytest.raises(Disconnected):
        platform.press("1")

    assert platform.heard[-1] == "ただいまご利用になれません。しばらくしてからおかけ直しください。"


@pytest.fixture
def submit(client: Client, as_telephone: Headers) -> Callable[..., Any]:
    """Submits a page; the answer."""
    return lambda **form: client.post("/ivr/voicexml", data=form, headers=as_telephone)


def test_a_page_that_is_submitted_twice_counts_once(call: str, submit: Callable[..., Any], store: MemoryStore) -> None:
    call_id = call.removeprefix("/ivr/calls/")
    turns = [{"turn": "1", "timeout": "true"}, {"turn": "2", "keys": "1"}, {"turn": "3", "keys": PASSWORD}]

    answers = [submit(call=call_id, **turn) for turn in turns for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200] * 6
    assert answers[4].data == answers[5].data
    assert len(list(store.scan())) == 5


def test_names_of_keys_are_taken_as_grammars_spell_them(
    call: str, submit: Callable[..., Any], store: MemoryStore
) -> None:
    call_id = call.removeprefix("/ivr/calls/")
    for keys in ("dtmf-2", " ".join(NUMBER) + " pound", "1 2 star #"):
        submit(call=call_id, keys=keys)

    assert [type(one.event).__name__ for one in store.scan()][-2:] == ["NumberChosen", "WrongInput"]


@pytest.mark.parametrize("name", ["session.connection.remote.uri", "session.callerid", "session.telephone.ani"])
def test_a_platform_may_call_the_caller_by_its_own_name(submit: Callable[..., Any], name: str) -> None:
    answer = submit(**{name: NUMBER, "session.id": "whatever"})

    assert answer.status_code == 200
    assert "回線単位に設定する場合は1" in answer.text


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({}, 403),
        ({"caller": "\0"}, 403),
        ({"caller": "0" * 101}, 422),
        ({"call": "1", "keys": "1"}, 422),
        ({"call": NOBODYS_CALL[-36:], "keys": "1"}, 404),
        ({"call": NOBODYS_CALL[-36:], "hangup": "true"}, 404),
        ({"call": NOBODYS_CALL[-36:]}, 422),
        ({"call": NOBODYS_CALL[-36:], "keys": "1", "timeout": "true"}, 422),
        ({"call": NOBODYS_CALL[-36:], "keys": "abc"}, 422),
        ({"call": NOBODYS_CALL[-36:], "keys": "\0"}, 422),
        ({"call": NOBODYS_CALL[-36:], "keys": "1", "turn": "x"}, 422),
        ({"call": NOBODYS_CALL[-36:], "keys": "1", "turn": "9" * 5000}, 422),
        ({"call": NOBODYS_CALL[-36:], "timeout": "perhaps"}, 422),
    ],
)
def test_a_form_that_does_not_fit_is_a_problem(submit: Callable[..., Any], form: Headers, status: int) -> None:
    answer = submit(**form)

    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")


def test_a_form_that_is_none_is_refused(client: Client, as_telephone: Headers) -> None:
    answer = client.post("/ivr/voicexml", json={"caller": NUMBER}, headers=as_telephone)

    assert (answer.status_code, answer.json["code"]) == (415, "unsupported-media-type")
