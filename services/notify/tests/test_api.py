from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from chassis.consumer import Intake
from chassis.handling import Handler
from chassis.limits import MemoryLimits
from chassis.memory_store import MemoryStore
from chassis.messages import Codec
from chassis.store import EventStore
from chassis.testing import NOON, OPERATOR, deliver, recorded
from chassis.views import Views
from contracts import events_of
from contracts.faxstore import FaxMailChanged
from contracts.notify import TrialMailQueued
from services.notify.adapters import OutboxMailer
from services.notify.bootstrap import CODEC, HEARD, NAME, build
from services.notify.model import address, drill, incoming, mail, notice
from services.notify.model.bundle import GATHERING
from services.notify.reactions import reactions
from services.notify.settings import Settings
from services.notify.tests.examples import (
    ADDITIONAL,
    ANNE,
    BEN,
    CONTRACT_IMPORTED,
    CONTRACT_REMOVED,
    CONTRACTOR,
    FORWARD_STARTED,
    LINE_FAULTED,
    MAIL,
    MAIL_ID,
    NOC,
    NOTE_REFUSAL,
    NOTE_SENT,
    NUMBER,
    REFUSE,
    SITE,
    WAIT,
    fault_mail,
)
from services.notify.tests.stand_ins import MemoryMails
from services.notify.views import FAX_MAILS

Headers = dict[str, str]
# A FlaskClient, whose answers' `json` the type checker takes for optional.
Client = Any
NOTICE = f"/contracts/{NUMBER}/fault-notice"
OFF = {"started": False, "contractor": CONTRACTOR, "site": SITE, "addresses": []}
ON = {"started": True, "contractor": CONTRACTOR, "site": SITE, "addresses": [ANNE, BEN]}


@pytest.fixture
def store(watched_store: Callable[[Codec], Any]) -> Any:
    """A store that has heard of the guide's contract."""
    store = watched_store(CODEC)
    hear(store, CONTRACT_IMPORTED, "contract", 1)
    return store


def hear(store: EventStore, event: object, category: str, revision: int) -> None:
    notices = Handler(store, notice.DECIDER, notice.CATEGORY)
    numbers = Handler(store, incoming.DECIDER, incoming.CATEGORY)
    drills = Handler(store, drill.DECIDER, drill.CATEGORY)
    intake = Intake(NAME, Codec(events_of(*HEARD)), reactions(notices, numbers, drills, WAIT, NOC))
    deliver(intake, recorded(event, f"{category}-{NUMBER}", revision))


@pytest.fixture
def queue() -> MemoryMails:
    return MemoryMails()


@pytest.fixture
def mails(store: MemoryStore) -> Handler[mail.Mail]:
    return Handler(store, mail.DECIDER, mail.CATEGORY)


@pytest.fixture
def fax_mails() -> MemoryMails:
    return MemoryMails(of=FAX_MAILS)


@pytest.fixture
def client(store: MemoryStore, queue: MemoryMails, fax_mails: MemoryMails, keys: Any) -> Client:
    settings = Settings(
        "mongodb://127.0.0.1:1/",
        ("127.0.0.1:1",),
        keys.public,
        "smtp://127.0.0.1:1",
        "noreply@tsunagu.example.jp",
        "https://tsunagu.example.jp/",
    )
    views, told = cast(Views, queue), cast(Views, fax_mails)
    service = build(settings, store=store, views=views, fax_mails=told, mailer=OutboxMailer(), limits=MemoryLimits())
    return service.app().test_client()


@pytest.fixture
def customer(as_customer: Headers) -> Headers:
    return as_customer | {"If-Match": "*"}


def errors_of(answer: Any) -> dict[str, str]:
    return {error["field"]: error["code"] for error in answer.json["errors"]}


# Reading.


def test_a_new_notice_is_off_and_named_after_the_contract(client: Client, as_customer: Headers) -> None:
    answer = client.get(NOTICE, headers=as_customer)

    assert (answer.status_code, answer.json) == (200, OFF)


def test_what_get_gives_put_takes(client: Client, customer: Headers) -> None:
    client.put(NOTICE, json=ON, headers=customer)
    shown = client.get(NOTICE, headers=customer)

    answer = client.put(NOTICE, json=shown.json, headers=customer)

    assert (answer.status_code, answer.json) == (200, ON)
    assert answer.headers["ETag"] == shown.headers["ETag"]


def test_an_unchanged_notice_is_not_sent_again(client: Client, as_customer: Headers) -> None:
    tag = client.get(NOTICE, headers=as_customer).headers["ETag"]

    assert client.get(NOTICE, headers=as_customer | {"If-None-Match": tag}).status_code == 304


# Who may.


@pytest.mark.parametrize("caller", ["as_stranger", "as_one_number", "as_monitor"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", NOTICE),
        ("PUT", NOTICE),
        ("POST", f"{NOTICE}/start"),
        ("POST", f"{NOTICE}/stop"),
        ("POST", f"{NOTICE}/test-mail"),
        ("GET", f"/contracts/{NUMBER}/history"),
    ],
)
def test_nobody_else_learns_that_there_is_a_notice(
    client: Client, method: str, path: str, caller: str, request: pytest.FixtureRequest
) -> None:
    answer = client.open(path, method=method, headers=request.getfixturevalue(caller))

    assert (answer.status_code, answer.json["code"]) == (404, "not-found")


@pytest.mark.parametrize("path", [NOTICE, "/mails"])
def test_without_a_token_nothing_is_answered(client: Client, path: str) -> None:
    assert client.get(path).status_code == 401


@pytest.mark.parametrize("caller", ["as_customer", "as_monitor"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/mails"), ("POST", f"/mails/{MAIL_ID}/retry")])
def test_mails_are_for_operators(
    client: Client, method: str, path: str, caller: str, request: pytest.FixtureRequest
) -> None:
    answer = client.open(path, method=method, headers=request.getfixturevalue(caller))

    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")


def test_a_contract_without_the_option_hides_its_notice_and_keeps_its_history(
    client: Client, store: MemoryStore, customer: Headers
) -> None:
    client.put(NOTICE, json=ON, headers=customer)
    hear(store, CONTRACT_REMOVED, "contract", 2)

    assert client.get(NOTICE, headers=customer).status_code == 404
    assert client.post(f"{NOTICE}/start", headers=customer).status_code == 404
    assert client.post(f"{NOTICE}/test-mail", headers=customer).status_code == 404
    assert client.get(f"/contracts/{NUMBER}/history", headers=customer).json["items"]


# Writing.


def test_a_write_needs_if_match(client: Client, as_customer: Headers) -> None:
    answer = client.put(NOTICE, json=ON, headers=as_customer)

    assert (answer.status_code, answer.json["code"]) == (428, "if-match-required")


def test_a_write_on_an_old_state_is_refused_with_the_present_one(
    client: Client, as_customer: Headers, customer: Headers
) -> None:
    old = client.get(NOTICE, headers=as_customer).headers["ETag"]
    client.put(NOTICE, json=ON, headers=customer)

    answer = client.put(NOTICE, json={"site": "支店"}, headers=as_customer | {"If-Match": old})

    assert (answer.status_code, answer.json["current"]) == (412, ON)


def test_what_is_not_named_stays(client: Client, customer: Headers) -> None:
    client.put(NOTICE, json=ON, headers=customer)

    answer = client.put(NOTICE, json={"site": "支店"}, headers=customer)

    assert answer.json == ON | {"site": "支店"}


def test_the_tag_changes_with_what_is_shown_and_only_then(
    client: Client, store: MemoryStore, customer: Headers
) -> None:
    client.put(NOTICE, json=ON, headers=customer)
    before = client.get(NOTICE, headers=customer).headers["ETag"]

    hear(store, LINE_FAULTED, "line", 1)
    unchanged = client.get(NOTICE, headers=customer).headers["ETag"]
    changed = client.put(NOTICE, json={"site": "支店"}, headers=customer).headers["ETag"]

    assert before == unchanged != changed


def test_spaces_around_an_address_are_a_slip_of_the_hand(client: Client, customer: Headers) -> None:
    answer = client.put(NOTICE, json={"addresses": [f" {ANNE} "]}, headers=customer)

    assert answer.json["addresses"] == [ANNE]


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"started": "yes"}, {"started": "wrong-type"}),
        ({"started": None}, {"started": "wrong-type"}),
        ({"contractor": 7}, {"contractor": "wrong-type"}),
        ({"contractor": "あ" * 101}, {"contractor": "too-long"}),
        ({"site": "本店\r\nBcc: a@example.com"}, {"site": "control-character"}),
        ({"site": "本店\u0085"}, {"site": "control-character"}),
        ({"addresses": ANNE}, {"addresses": "wrong-type"}),
        ({"addresses": [ANNE, 7]}, {"addresses.1": "wrong-type"}),
        ({"addresses": ["anne"]}, {"addresses.0": "not-a-mail-address"}),
        ({"addresses": ["anne@example.jp\nBcc: b@example.jp"]}, {"addresses.0": "not-a-mail-address"}),
        ({"addresses": ["阿部@example.jp"]}, {"addresses.0": "not-a-mail-address"}),
        ({"addresses": ["ａnne@example.jp"]}, {"addresses.0": "not-a-mail-address"}),
        ({"addresses": ["anne@例え.jp"]}, {"addresses.0": "not-a-mail-address"}),
        ({"addresses": [f"{'a' * 250}@example.jp"]}, {"addresses.0": "not-a-mail-address"}),
        ({"addresses": [ANNE, ANNE.upper()]}, {"addresses": "repeated-address"}),
        ({"address": ANNE}, {"address": "unknown-field"}),
    ],
)
def test_a_body_that_does_not_fit_is_refused_field_by_field(
    client: Client, customer: Headers, body: object, errors: dict[str, str]
) -> None:
    answer = client.put(NOTICE, json=body, headers=customer)

    assert (answer.status_code, answer.json["code"], errors_of(answer)) == (422, "invalid-body", errors)
    assert all(error["message"] != error["code"].replace("-", " ") for error in answer.json["errors"])


def test_eleven_addresses_are_too_many(client: Client, customer: Headers) -> None:
    addresses = [f"a{place}@example.jp" for place in range(11)]

    answer = client.put(NOTICE, json={"addresses": addresses}, headers=customer)

    assert (answer.status_code, answer.json["code"]) == (422, "too-many-addresses")
    assert errors_of(answer) == {"addresses": "too-many-addresses"}


# Start and stop.


def test_a_notice_is_started_and_stopped(client: Client, as_customer: Headers, customer: Headers) -> None:
    client.put(NOTICE, json=ON | {"started": False}, headers=customer)

    started = client.post(f"{NOTICE}/start", headers=as_customer).json
    stopped = client.post(f"{NOTICE}/stop", headers=as_customer).json

    assert (started["started"], stopped["started"]) == (True, False)


def test_a_notice_without_addresses_cannot_be_started(client: Client, as_customer: Headers) -> None:
    answer = client.post(f"{NOTICE}/start", headers=as_customer)

    assert (answer.status_code, answer.json["code"]) == (422, "no-addresses")


def test_the_same_key_is_the_same_stop(client: Client, as_customer: Headers, customer: Headers) -> None:
    client.put(NOTICE, json=ON, headers=customer)
    once = as_customer | {"Idempotency-Key": "k1"}
    client.post(f"{NOTICE}/stop", headers=once)
    client.post(f"{NOTICE}/start", headers=as_customer)

    again = client.post(f"{NOTICE}/stop", headers=once)

    assert (again.status_code, again.json["started"]) == (200, True)


def test_a_key_that_meant_another_request_is_refused(client: Client, as_customer: Headers) -> None:
    once = as_customer | {"Idempotency-Key": "k1"}
    client.post(f"{NOTICE}/stop", headers=once)

    answer = client.post(f"{NOTICE}/start", headers=once)

    assert (answer.status_code, answer.json["code"]) == (422, "idempotency-key-reused")


# The test mail.


def trials_of(store: Any) -> list[TrialMailQueued]:
    return [one.event for one in store.scan() if isinstance(one.event, TrialMailQueued)]


def test_a_test_mail_goes_to_each_address_also_while_the_notice_is_stopped(
    client: Client, store: Any, customer: Headers
) -> None:
    client.put(NOTICE, json=ON | {"started": False}, headers=customer)

    answer = client.post(f"{NOTICE}/test-mail", headers=customer)

    assert (answer.status_code, answer.json) == (202, {"addresses": [ANNE, BEN]})
    assert [mail.address for mail in trials_of(store)] == [ANNE, BEN]
    items = client.get(f"/contracts/{NUMBER}/history", headers=customer).json["items"]
    assert items[0]["sentence"]["ja"] == "テストメールを用意しました"


def test_without_an_address_there_is_nobody_to_test(client: Client, customer: Headers) -> None:
    answer = client.post(f"{NOTICE}/test-mail", headers=customer)

    assert (answer.status_code, answer.json["code"]) == (422, "no-addresses")


def test_the_same_key_is_the_same_test_mail_and_takes_no_other_place(
    client: Client, store: Any, customer: Headers
) -> None:
    client.put(NOTICE, json=ON, headers=customer)
    once = customer | {"Idempotency-Key": "k1"}

    answers = [client.post(f"{NOTICE}/test-mail", headers=once) for _ in range(9)]

    assert {answer.status_code for answer in answers} == {202}
    assert all(answer.json == {"addresses": [ANNE, BEN]} for answer in answers)
    assert len(trials_of(store)) == 2


def test_the_sixth_test_mail_in_ten_minutes_is_one_too_many(client: Client, customer: Headers) -> None:
    client.put(NOTICE, json=ON, headers=customer)

    answers = [client.post(f"{NOTICE}/test-mail", headers=customer) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [202] * 5 + [429]
    assert answers[5].json["code"] == "too-many-test-mails"
    assert 0 < int(answers[5].headers["Retry-After"]) <= 620


def test_what_was_refused_takes_no_place(client: Client, customer: Headers) -> None:
    for _ in range(6):
        client.post(f"{NOTICE}/test-mail", headers=customer)
    client.put(NOTICE, json=ON, headers=customer)

    assert client.post(f"{NOTICE}/test-mail", headers=customer).status_code == 202


# An address that a mail server refused for good.


@pytest.fixture
def refused(client: Client, store: Any, customer: Headers) -> Handler[address.Address]:
    """The notice is on, and Anne's mail server knows her no more."""
    client.put(NOTICE, json=ON, headers=customer)
    addresses = Handler(store, address.DECIDER, address.CATEGORY)
    addresses.handle(REFUSE.address_id, REFUSE, OPERATOR)
    return addresses


UNDELIVERABLE = [{"address": ANNE, "since": NOON.isoformat(), "answer": "550 unknown"}]


def test_the_customer_sees_which_address_gets_no_mail(client: Client, refused: Any, as_customer: Headers) -> None:
    assert client.get(NOTICE, headers=as_customer).json == ON | {"undeliverable": UNDELIVERABLE}


@pytest.fixture
def fax_mail_set(fax_mails: MemoryMails) -> str:
    """The path of what is told of its addresses."""
    fax_mails.project([recorded(FaxMailChanged(ADDITIONAL, NUMBER, True, (BEN, ANNE)), f"faxmail-{ADDITIONAL}")])
    return f"/numbers/{ADDITIONAL}/fax-mail/undeliverable"


def test_the_customer_sees_which_address_of_a_fax_mail_gets_none(
    client: Client, refused: Any, fax_mail_set: str, as_customer: Headers, as_operator: Headers
) -> None:
    for headers in (as_customer, as_operator):
        assert client.get(fax_mail_set, headers=headers).json == {"undeliverable": UNDELIVERABLE}


def test_of_a_fax_mail_whose_addresses_are_tried_nothing_is_told(
    client: Client, refused: Any, fax_mails: MemoryMails, fax_mail_set: str, as_customer: Headers
) -> None:
    elsewhere = client.get(f"/numbers/{NUMBER}/fax-mail/undeliverable", headers=as_customer)
    fax_mails.project([recorded(FaxMailChanged(ADDITIONAL, NUMBER, True, (BEN,)), f"faxmail-{ADDITIONAL}", 2)])

    assert elsewhere.json == {"undeliverable": []}
    assert client.get(fax_mail_set, headers=as_customer).json == {"undeliverable": []}


def test_the_addresses_of_a_fax_mail_are_nobody_else_s(
    client: Client, refused: Any, fax_mails: MemoryMails, fax_mail_set: str, as_customer: Headers, as_stranger: Headers
) -> None:
    assert client.get(fax_mail_set, headers=as_stranger).status_code == 404
    fax_mails.project([recorded(FaxMailChanged(ADDITIONAL, "0720001111", True, (ANNE,)), f"faxmail-{ADDITIONAL}", 2)])

    assert client.get(fax_mail_set, headers=as_customer).json == {"undeliverable": []}


def test_saving_what_was_shown_has_the_address_tried_again(client: Client, refused: Any, customer: Headers) -> None:
    answer = client.put(NOTICE, json=client.get(NOTICE, headers=customer).json, headers=customer)

    assert (answer.status_code, answer.json) == (200, ON)
    assert refused.read(REFUSE.address_id).state.refused_since is None


@pytest.mark.parametrize(("headers", "status"), [({"If-Match": '"old"'}, 412), ({}, 428)])
def test_a_save_that_is_refused_restores_nothing(
    client: Client, refused: Any, as_customer: Headers, headers: Headers, status: int
) -> None:
    answer = client.put(NOTICE, json=ON, headers=as_customer | headers)

    assert answer.status_code == status
    assert refused.read(REFUSE.address_id).state.refused_since is not None


def test_an_address_that_is_left_out_is_not_restored(client: Client, refused: Any, customer: Headers) -> None:
    answer = client.put(NOTICE, json={"addresses": [BEN]}, headers=customer)

    assert answer.json == ON | {"addresses": [BEN]}
    assert refused.read(REFUSE.address_id).state.refused_since is not None


# History.


def test_the_history_tells_what_was_changed_and_what_was_mailed(
    client: Client, store: MemoryStore, customer: Headers
) -> None:
    client.put(NOTICE, json=ON | {"addresses": [ANNE]}, headers=customer)
    hear(store, LINE_FAULTED, "line", 1)
    hear(store, FORWARD_STARTED, "plan", 1)

    items = client.get(f"/contracts/{NUMBER}/history", headers=customer).json["items"]

    assert [item["event"] for item in items] == ["MailQueued", "FaultNoticeChanged"]
    assert [item["by"]["kind"] for item in items] == ["automatic", "customer"]
    assert items[0]["sentence"]["ja"] == "故障のお知らせメールを用意しました"


# The mail queue.


def test_mails_are_shown_newest_first(client: Client, queue: MemoryMails, as_operator: Headers) -> None:
    queue.project([recorded(fault_mail(ANNE), f"notice-{NUMBER}", 1, 0)])
    queue.project([recorded(fault_mail(BEN), f"notice-{NUMBER}", 1, 1, at=NOON + timedelta(seconds=1))])

    items = client.get("/mails", headers=as_operator).json["items"]

    assert [item["to"] for item in items] == [BEN, ANNE]
    assert items[1] == {
        "id": MAIL_ID,
        "contract_number": NUMBER,
        "kind": "fault",
        "to": ANNE,
        "queued_at": NOON.isoformat(),
        "state": "queued",
        "attempts": 0,
        "next_at": (NOON + GATHERING).isoformat(),
        "answer": "",
    }


@pytest.fixture
def three_mails(queue: MemoryMails, store: MemoryStore, mails: Handler[mail.Mail]) -> None:
    """One sent, one given up, one of another contract still queued."""
    other = replace(MAIL, mail_id="other", contract_number="0720001111")
    for place, queued in enumerate((MAIL, replace(MAIL, mail_id="refused"), other)):
        queue.project([recorded(queued, f"notice-{NUMBER}", 1, place)])
    mails.handle(MAIL_ID, NOTE_SENT, OPERATOR)
    mails.handle("refused", replace(NOTE_REFUSAL, mail_id="refused"), OPERATOR)
    queue.project(list(store.scan()))


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("state=sent", {MAIL_ID}),
        ("state=failed", {"refused"}),
        ("state=queued", {"other"}),
        ("state=suppressed", set()),
        (f"contract={NUMBER}", {MAIL_ID, "refused"}),
        (f"contract={NUMBER}&state=queued", set()),
        ("contract=06-0000-1111&state=sent", {MAIL_ID}),
    ],
)
def test_mails_are_found_by_contract_and_state(
    client: Client, three_mails: None, as_operator: Headers, query: str, ids: set[str]
) -> None:
    items = client.get(f"/mails?{query}", headers=as_operator).json["items"]

    assert {item["id"] for item in items} == ids


def test_a_mail_shows_what_the_server_said(client: Client, three_mails: None, as_operator: Headers) -> None:
    item = client.get("/mails?state=failed", headers=as_operator).json["items"][0]

    assert (item["attempts"], item["answer"], item["next_at"]) == (1, "550 unknown", None)


@pytest.mark.parametrize("query", ["state=lost", "limit=0", "limit=1001", "limit=x", "to=anne"])
def test_a_query_that_does_not_fit_is_refused(client: Client, as_operator: Headers, query: str) -> None:
    answer = client.get(f"/mails?{query}", headers=as_operator)

    assert (answer.status_code, answer.json["code"]) == (422, "invalid-query")


def test_a_mail_that_was_given_up_is_retried(
    client: Client, three_mails: None, mails: Handler[mail.Mail], as_operator: Headers
) -> None:
    answer = client.post("/mails/refused/retry", headers=as_operator)

    assert (answer.status_code, answer.json) == (202, {"id": "refused", "state": "queued"})
    assert mails.read("refused").state.tries == 0


def test_a_mail_that_was_sent_is_not_retried(client: Client, three_mails: None, as_operator: Headers) -> None:
    answer = client.post(f"/mails/{MAIL_ID}/retry", headers=as_operator)

    assert (answer.status_code, answer.json["code"]) == (422, "mail-not-failed")


def test_a_mail_that_is_not_there_is_not_retried(client: Client, store: MemoryStore, as_operator: Headers) -> None:
    before = list(store.scan())

    answer = client.post("/mails/nothing/retry", headers=as_operator)

    assert (answer.status_code, answer.json["code"]) == (404, "not-found")
    assert list(store.scan()) == before


def test_the_same_retry_twice_is_one(client: Client, three_mails: None, as_operator: Headers) -> None:
    once = as_operator | {"Idempotency-Key": "k1"}

    answers = [client.post("/mails/refused/retry", headers=once) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 202]


# When the store is away.


def test_while_the_store_is_away_the_caller_is_told_when_to_come_again(
    client: Client, store: Any, as_customer: Headers
) -> None:
    store.away = True

    answer = client.get(NOTICE, headers=as_customer)

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_while_the_queue_is_away_the_operator_is_told_too(
    client: Client, queue: MemoryMails, as_operator: Headers
) -> None:
    queue.away = True

    assert client.get("/mails", headers=as_operator).status_code == 503
