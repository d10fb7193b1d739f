from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

import pytest

from chassis.consumer import Intake
from chassis.handling import Handler
from chassis.messages import Codec
from chassis.testing import NOON, deliver, recorded
from chassis.views import Views
from contracts import events_of
from contracts.auth import ContractImported
from services.notify.adapters import OutboxMailer
from services.notify.bootstrap import CODEC, HEARD, NAME, build
from services.notify.model import drill, incoming, notice
from services.notify.reactions import reactions
from services.notify.settings import Settings
from services.notify.tests.examples import (
    ADDITIONAL,
    ANNE,
    BEN,
    CALL_ENDED,
    CALLER,
    CONTRACT,
    CONTRACT_IMPORTED,
    CONTRACT_REMOVED,
    NOC,
    NUMBER,
    WAIT,
    call_mail,
)
from services.notify.tests.stand_ins import MemoryMails

Headers = dict[str, str]
# A FlaskClient, whose answers' `json` the type checker takes for optional.
Client = Any
ELSEWHERE = "0333330000"
INCOMING = f"/numbers/{NUMBER}/incoming-mail"
HISTORY = f"/numbers/{NUMBER}/history"
OFF = {
    "started": False,
    "addresses": [],
    "when": ["all"],
    "callers": {"mode": "all", "numbers": [], "anonymous": True},
}
ON = {
    "started": True,
    "addresses": [ANNE, BEN],
    "when": ["no-answer", "busy"],
    "callers": {"mode": "only", "numbers": [CALLER, "110"], "anonymous": False},
}


@pytest.fixture
def store(watched_store: Callable[[Codec], Any]) -> Any:
    """A store that has heard of the guide's contract."""
    store = watched_store(CODEC)
    hear(store, CONTRACT_IMPORTED, f"contract-{NUMBER}", 1)
    return store


def hear(store: Any, event: object, stream: str, revision: int) -> None:
    notices = Handler(store, notice.DECIDER, notice.CATEGORY)
    numbers = Handler(store, incoming.DECIDER, incoming.CATEGORY)
    drills = Handler(store, drill.DECIDER, drill.CATEGORY)
    heard = reactions(notices, numbers, drills, WAIT, NOC)
    deliver(Intake(NAME, Codec(events_of(*HEARD)), heard), recorded(event, stream, revision))


@pytest.fixture
def queue() -> MemoryMails:
    return MemoryMails()


@pytest.fixture
def client(store: Any, queue: MemoryMails, keys: Any) -> Client:
    settings = Settings(
        "mongodb://127.0.0.1:1/",
        ("127.0.0.1:1",),
        keys.public,
        "smtp://127.0.0.1:1",
        "noreply@tsunagu.example.jp",
        "https://tsunagu.example.jp/",
    )
    return build(settings, store=store, views=cast(Views, queue), mailer=OutboxMailer()).app().test_client()


@pytest.fixture
def customer(as_customer: Headers) -> Headers:
    return as_customer | {"If-Match": "*"}


def errors_of(answer: Any) -> dict[str, str]:
    return {error["field"]: error["code"] for error in answer.json["errors"]}


# Reading and who may.


def test_a_new_incoming_mail_is_off_and_for_all_calls(client: Client, as_customer: Headers) -> None:
    answer = client.get(INCOMING, headers=as_customer)

    assert (answer.status_code, answer.json) == (200, OFF)


@pytest.mark.parametrize("caller", ["as_stranger", "as_monitor"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", INCOMING),
        ("PUT", INCOMING),
        ("POST", f"{INCOMING}/start"),
        ("POST", f"{INCOMING}/stop"),
        ("GET", HISTORY),
    ],
)
def test_nobody_else_learns_that_there_is_a_number(
    client: Client, method: str, path: str, caller: str, request: pytest.FixtureRequest
) -> None:
    answer = client.open(path, method=method, headers=request.getfixturevalue(caller))

    assert (answer.status_code, answer.json["code"]) == (404, "not-found")


def test_without_a_token_nothing_is_answered(client: Client) -> None:
    assert client.get(INCOMING).status_code == 401


def test_a_number_without_the_option_has_no_page(client: Client, as_operator: Headers) -> None:
    assert client.get(f"/numbers/{ADDITIONAL}/incoming-mail", headers=as_operator).status_code == 404


def test_the_end_of_a_contract_hides_the_page_and_keeps_the_history(
    client: Client, store: Any, customer: Headers
) -> None:
    client.put(INCOMING, json=ON, headers=customer)
    hear(store, CONTRACT_REMOVED, f"contract-{NUMBER}", 2)

    assert client.get(INCOMING, headers=customer).status_code == 404
    assert client.post(f"{INCOMING}/start", headers=customer).status_code == 404
    items = client.get(HISTORY, headers=customer).json["items"]
    assert [item["data"]["started"] for item in items] == [False, True]


def test_the_next_contract_reads_nothing_of_the_time_before(
    client: Client, store: Any, customer: Headers, as_operator: Headers
) -> None:
    client.put(INCOMING, json=ON, headers=customer)
    hear(store, CONTRACT_REMOVED, f"contract-{NUMBER}", 2)
    theirs = replace(CONTRACT, contract_number=ELSEWHERE, numbers={NUMBER: ("incoming-mail",)})
    hear(store, ContractImported(theirs), f"contract-{ELSEWHERE}", 1)

    assert client.get(INCOMING, headers=as_operator).json == OFF
    client.put(INCOMING, json={"addresses": [BEN]}, headers=as_operator | {"If-Match": "*"})
    items = client.get(HISTORY, headers=customer).json["items"]
    assert {item["data"]["contract_number"] for item in items} == {NUMBER}


# Writing.


def test_what_get_gives_put_takes(client: Client, customer: Headers) -> None:
    client.put(INCOMING, json=ON, headers=customer)
    shown = client.get(INCOMING, headers=customer)

    answer = client.put(INCOMING, json=shown.json, headers=customer)

    assert (answer.status_code, answer.json) == (200, ON)
    assert answer.headers["ETag"] == shown.headers["ETag"]


def test_with_a_label_every_caller_has_one(client: Client, customer: Headers) -> None:
    numbers = [{"number": "０３（１２３４）５６７８", "label": "本社"}, "1-1-0", {"number": "+14155550100"}]

    answer = client.put(INCOMING, json={"callers": {"numbers": numbers}}, headers=customer)

    listed = [{"number": CALLER, "label": "本社"}, {"number": "110", "label": ""}]
    assert answer.json["callers"]["numbers"] == [*listed, {"number": "+14155550100", "label": ""}]
    assert client.put(INCOMING, json=answer.json, headers=customer).json == answer.json


def test_what_is_not_named_stays(client: Client, customer: Headers) -> None:
    client.put(INCOMING, json=ON, headers=customer)

    answer = client.put(INCOMING, json={"callers": {"anonymous": True}}, headers=customer)

    assert answer.json == ON | {"callers": {"mode": "only", "numbers": [CALLER, "110"], "anonymous": True}}


def test_a_write_needs_if_match(client: Client, as_customer: Headers) -> None:
    answer = client.put(INCOMING, json=ON, headers=as_customer)

    assert (answer.status_code, answer.json["code"]) == (428, "if-match-required")


def test_a_write_on_an_old_state_is_refused_with_the_present_one(
    client: Client, as_customer: Headers, customer: Headers
) -> None:
    old = client.get(INCOMING, headers=as_customer).headers["ETag"]
    client.put(INCOMING, json=ON, headers=customer)

    answer = client.put(INCOMING, json={"when": ["all"]}, headers=as_customer | {"If-Match": old})

    assert (answer.status_code, answer.json["current"]) == (412, ON)


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"started": "yes"}, {"started": "wrong-type"}),
        ({"addresses": ANNE}, {"addresses": "wrong-type"}),
        ({"addresses": ["anne"]}, {"addresses.0": "not-a-mail-address"}),
        ({"addresses": ["anne@example.jp\nBcc: b@example.jp"]}, {"addresses.0": "not-a-mail-address"}),
        ({"addresses": [ANNE, ANNE.upper()]}, {"addresses": "repeated-address"}),
        ({"when": "all"}, {"when": "wrong-type"}),
        ({"when": None}, {"when": "wrong-type"}),
        ({"when": []}, {"when": "no-condition"}),
        ({"when": ["ringing"]}, {"when.0": "not-one-of"}),
        ({"when": [7]}, {"when.0": "wrong-type"}),
        ({"when": ["all", "busy"]}, {"when": "all-or-some"}),
        ({"when": ["busy", "busy"]}, {"when": "repeated-condition"}),
        ({"callers": []}, {"callers": "wrong-type"}),
        ({"callers": None}, {"callers": "wrong-type"}),
        ({"callers": {"mode": "none"}}, {"callers.mode": "not-one-of"}),
        ({"callers": {"anonymous": 1}}, {"callers.anonymous": "wrong-type"}),
        ({"callers": {"list": []}}, {"callers.list": "unknown-field"}),
        ({"callers": {"numbers": CALLER}}, {"callers.numbers": "wrong-type"}),
        ({"callers": {"numbers": [312345678]}}, {"callers.numbers.0": "wrong-type"}),
        ({"callers": {"numbers": [None]}}, {"callers.numbers.0": "wrong-type"}),
        ({"callers": {"numbers": [{"label": "本社"}]}}, {"callers.numbers.0.number": "missing-field"}),
        ({"callers": {"numbers": [{"number": CALLER, "name": ""}]}}, {"callers.numbers.0.name": "unknown-field"}),
        ({"callers": {"numbers": [{"number": CALLER, "label": 7}]}}, {"callers.numbers.0.label": "wrong-type"}),
        ({"callers": {"numbers": [{"number": CALLER, "label": "あ" * 51}]}}, {"callers.numbers.0.label": "too-long"}),
        (
            {"callers": {"numbers": [{"number": CALLER, "label": "本社\r\nBcc: b@example.jp"}]}},
            {"callers.numbers.0.label": "control-character"},
        ),
        ({"callers": {"numbers": [CALLER, "03-1234-5678"]}}, {"callers.numbers": "repeated-number"}),
        ({"callers": {"numbers": ["0" * 41]}}, {"callers.numbers.0.number": "too-long"}),
        ({"numbers": []}, {"numbers": "unknown-field"}),
    ],
)
def test_a_body_that_does_not_fit_is_refused_field_by_field(
    client: Client, store: Any, customer: Headers, body: object, errors: dict[str, str]
) -> None:
    before = list(store.scan())

    answer = client.put(INCOMING, json=body, headers=customer)

    assert (answer.status_code, answer.json["code"], errors_of(answer)) == (422, "invalid-body", errors)
    assert all(error["message"] != error["code"].replace("-", " ") for error in answer.json["errors"])
    assert list(store.scan()) == before


@pytest.mark.parametrize(
    ("body", "code", "errors"),
    [
        ({"started": True}, "no-addresses", {"addresses": "no-addresses"}),
        (
            {"addresses": [f"a{place}@example.jp" for place in range(6)]},
            "too-many-addresses",
            {"addresses": "too-many-addresses"},
        ),
        (
            {"callers": {"numbers": [f"03{place:08d}" for place in range(31)]}},
            "too-many-callers",
            {"callers.numbers": "too-many-callers"},
        ),
        (
            {"addresses": [ANNE], "callers": {"numbers": [CALLER, "", "06-#"]}},
            "caller-not-allowed",
            {"callers.numbers.1": "empty", "callers.numbers.2": "service-code"},
        ),
    ],
)
def test_what_breaks_a_rule_changes_nothing(
    client: Client, customer: Headers, body: object, code: str, errors: dict[str, str]
) -> None:
    answer = client.put(INCOMING, json=body, headers=customer)

    assert (answer.status_code, answer.json["code"], errors_of(answer)) == (422, code, errors)
    assert client.get(INCOMING, headers=customer).json == OFF


# Start and stop.


def test_a_mail_is_started_and_stopped(client: Client, as_customer: Headers, customer: Headers) -> None:
    client.put(INCOMING, json=ON | {"started": False}, headers=customer)

    started = client.post(f"{INCOMING}/start", headers=as_customer).json
    stopped = client.post(f"{INCOMING}/stop", headers=as_customer).json

    assert (started["started"], stopped["started"]) == (True, False)


def test_a_number_may_be_typed_with_hyphens(client: Client, as_customer: Headers) -> None:
    assert client.get("/numbers/06-0000-1111/incoming-mail", headers=as_customer).json == OFF


# What is told.


def test_the_history_tells_what_was_changed_and_of_which_calls_a_mail_went(
    client: Client, store: Any, customer: Headers
) -> None:
    client.put(INCOMING, json={"started": True, "addresses": [ANNE]}, headers=customer)
    hear(store, CALL_ENDED, "call-c-1", 2)

    items = client.get(HISTORY, headers=customer).json["items"]

    assert [item["event"] for item in items] == ["IncomingMailQueued", "IncomingMailChanged"]
    assert items[0]["sentence"]["ja"] == "着信のお知らせメールを用意しました"


def test_mails_about_calls_are_in_the_queue_that_operators_see(
    client: Client, queue: MemoryMails, as_operator: Headers
) -> None:
    queue.project([recorded(call_mail(ANNE), f"incoming-{NUMBER}", 2)])

    [item] = client.get("/mails", headers=as_operator).json["items"]

    assert (item["kind"], item["to"], item["contract_number"]) == ("incoming", ANNE, NUMBER)
    assert item["queued_at"] == NOON.isoformat()


def test_while_the_store_is_away_the_caller_is_told_when_to_come_again(
    client: Client, store: Any, as_customer: Headers
) -> None:
    store.away = True

    answer = client.get(INCOMING, headers=as_customer)

    assert (answer.status_code, answer.json["code"]) == (503, "store-unavailable")
    assert answer.headers["Retry-After"]


def test_all_numbers_and_the_notice_of_the_contract_are_told_in_one_answer(client: Client, customer: Headers) -> None:
    glances = client.get("/me/incoming-mail", headers=customer).json

    assert glances["numbers"][NUMBER] == {"started": False}
    assert glances["contract"] == {"fault-notice": {"started": False}}


def test_of_what_is_on_it_is_told_since_when_and_who_started_it(
    client: Client, customer: Headers, as_operator: Headers
) -> None:
    client.put(INCOMING, json=ON | {"started": True}, headers=customer)
    client.post(f"{INCOMING}/start", headers=as_operator)

    told = client.get("/me/incoming-mail", headers=customer).json["numbers"][NUMBER]

    assert datetime.fromisoformat(told.pop("since"))
    assert told == {"started": True, "by": "customer"}


def test_who_may_see_one_number_alone_is_told_nothing_of_the_contract(client: Client, as_one_number: Headers) -> None:
    assert client.get("/me/incoming-mail", headers=as_one_number).json["contract"] == {}


def test_of_no_numbers_nothing_is_told(client: Client, as_customer: Headers) -> None:
    assert client.get("/me/incoming-mail?numbers=", headers=as_customer).json["numbers"] == {}
