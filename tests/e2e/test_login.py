"""Getting in: a temporary password by telephone, the login, the change of the password, and out again."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import urllib3

from chassis.testing import eventually
from contracts.ivr import Unit
from devstack.client import Answer, Client
from devstack.stack import Stack
from tests.e2e.customer import API, LASTING, TEMPORARY, Customer, change
from tests.e2e.sites import Command


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.code


def test_a_temporary_password_opens_nothing_but_the_change_of_itself(customer: Customer) -> None:
    browser = customer.restricted("line")

    for path in (customer.forwarding, f"{API}/me", f"{API}/numbers/{customer.number}/history"):
        assert refusal(browser.get(path)) == (403, "password-change-required")
    changed = change(browser, TEMPORARY, LASTING)

    assert (changed.status, changed.body["must_change_password"]) == (200, False)
    assert customer.visitor(changed.body["token"]).get(customer.forwarding).status == 200
    assert refusal(browser.get(customer.forwarding)) == (401, "token-invalid"), "the change ended every session"
    assert refusal(customer.log_in(customer.number, TEMPORARY)) == (401, "login-failed")
    assert customer.log_in(customer.number, LASTING).status == 201


def test_a_customer_sets_forwarding_and_history_says_so(customer: Customer) -> None:
    browser = customer.at_home("line")

    assert browser.post(f"{customer.forwarding}/start").status == 200

    me = browser.get(f"{API}/me").body
    assert me["options"]["bulk-forward"]["running"]
    assert me["options"]["fault-notice"] == {"started": True}
    started = browser.get(f"{API}/contracts/{customer.number}/history").body["items"][0]
    assert (started["event"], started["by"]["kind"], started["by"]["id"]) == (
        "BulkForwardStarted",
        "customer",
        customer.number,
    )


def test_what_becomes_of_a_password_stands_in_the_numbers_history(customer: Customer) -> None:
    browser = customer.at_home("line")
    customer.log_in(customer.number, "wrong-one")

    items = browser.get(f"{API}/numbers/{customer.number}/history").body["items"]

    events = [item["event"] for item in items[::-1]]
    assert events.index("TemporaryPasswordSet") < events.index("LoginSucceeded") < events.index("PasswordChanged")
    assert events[-1] == "LoginFailed"
    assert [item["by"]["kind"] for item in items if item["event"] == "TemporaryPasswordSet"] == ["telephone"]
    assert not [word for word in (TEMPORARY, LASTING, "argon2", "wrong-one") if word in str(items)]


def test_a_new_temporary_password_takes_the_place_of_all_before(customer: Customer) -> None:
    before = customer.at_home("line")

    customer.set_temporary_password("number", password="87654321")

    eventually(lambda: refusal(before.get(f"{API}/me")) == (401, "token-invalid"), within=10)
    assert refusal(customer.log_in(customer.number, LASTING)) == (401, "login-failed")
    session = customer.log_in(customer.number, "87654321").body
    assert (session["unit"], session["numbers"]) == ("number", [customer.number])


def test_who_logs_out_is_out_at_once(customer: Customer) -> None:
    browser = customer.at_home("line")
    assert browser.get(customer.forwarding).status == 200

    assert browser.delete(f"{API}/sessions/current").status == 204

    assert refusal(browser.get(customer.forwarding)) == (401, "token-invalid")


def test_a_session_is_listed_and_ended_from_another(customer: Customer) -> None:
    browser = customer.at_home("line")
    lost = customer.visitor(customer.log_in(customer.number, LASTING).body["token"])
    assert lost.get(customer.forwarding).status == 200

    sessions = browser.get(f"{API}/sessions").body["items"]
    (other,) = [session["id"] for session in sessions if not session["current"]]
    assert browser.delete(f"{API}/sessions/{other}").status == 204

    assert refusal(lost.get(customer.forwarding)) == (401, "token-invalid")
    assert browser.get(customer.forwarding).status == 200


def test_three_wrong_guesses_make_a_temporary_password_invalid(customer: Customer) -> None:
    customer.set_temporary_password("line")

    guesses = [customer.log_in(customer.number, f"0000000{guess}") for guess in range(3)]
    right = customer.log_in(customer.number, TEMPORARY)

    assert {refusal(answer) for answer in (*guesses, right)} == {(401, "login-failed")}
    assert len({str(answer.body) for answer in (*guesses, right)}) == 1, "nobody learns that it was right"
    assert customer.at_home("line").get(customer.forwarding).status == 200, "the telephone is the way back"


def test_fifty_guesses_at_once_are_ten(customer: Customer) -> None:
    customer.at_home("line")

    with ThreadPoolExecutor(50) as threads:
        guesses = [threads.submit(insist, customer, f"guess{number}") for number in range(50)]
        assert {refusal(guess.result()) for guess in guesses} == {(401, "login-failed")}

    assert customer.times(customer.number, "LoginFailed") == 10
    assert customer.times(customer.number, "PasswordInvalidated") == 1
    assert refusal(customer.log_in(customer.number, LASTING)) == (401, "login-failed")


def insist(customer: Customer, password: str) -> Answer:
    """The answer to a login, asked for again while the site is too busy to say."""

    def answered() -> Answer | None:
        answer = customer.log_in(customer.number, password)
        return answer if answer.status != 503 else None

    answer = eventually(answered, within=60, every=0.2)
    assert answer
    return answer


# --- the guide's example

FIRST, SECOND = "0600001111", "0600002222"
OPTIONS = {FIRST: ["incoming-mail"], SECOND: ["fax-mail", "incoming-mail"]}


@pytest.fixture(name="guide", scope="module")
def customer_of_the_guide(unsigned: Callable[[], Customer]) -> Customer:
    """契約番号：06-0000-1111...「着信お知らせメール」、追加番号：06-0000-2222...「着信お知らせメール」と「FAXお知らせメール」"""
    customer = replace(unsigned(), number=FIRST, second=SECOND)
    customer.register(OPTIONS, [])
    return customer


@pytest.mark.parametrize(
    ("unit", "login", "opens"),
    [
        ("line", FIRST, [FIRST, SECOND]),
        ("number", FIRST, [FIRST]),
        ("number", SECOND, [SECOND]),
        ("admin-user", FIRST, [FIRST, SECOND]),
        ("admin-user", SECOND, [SECOND]),
    ],
)
def test_the_guides_example(guide: Customer, unit: Unit, login: str, opens: list[str]) -> None:
    browser = guide.at_home(unit, login)

    me = browser.get(f"{API}/me").body
    assert (me["number"], me["unit"], me["contract_number"]) == (login, unit, FIRST)
    assert options_by_number(me) == {number: OPTIONS[number] for number in opens}
    assert {number for number in (FIRST, SECOND) if shows(browser, number)} == set(opens)


def options_by_number(me: Mapping[str, Any]) -> dict[str, list[str]]:
    return {one["number"]: sorted(one["options"]) for one in me["numbers"]}


def shows(browser: Client, number: str) -> bool:
    answer = browser.get(f"{API}/numbers/{number}/history")
    assert answer.status in (200, 404), answer
    return answer.status == 200


# --- bad luck


def test_the_telephone_works_while_auth_is_down_and_the_password_when_it_is_back(
    stack: Stack, customer: Customer
) -> None:
    customer.call()  # The gateway has just seen the telephone's key.
    down = ("auth-web", "auth-worker")
    for name in down:
        stack.hold(name)
        stack.kill(name)

    assert customer.call("1", TEMPORARY, TEMPORARY)["finished"]

    for name in down:
        stack.release(name)
    stack.wait_ready(*down)
    eventually(lambda: customer.times(customer.number, "TemporaryPasswordSet"), within=60)
    assert customer.log_in(customer.number, TEMPORARY).status == 201


def test_keys_rotate_and_nobody_is_logged_out(command: Command, customer: Customer) -> None:
    browser = customer.at_home("line")
    before = published(customer)

    rotated = command("auth", "token-key", "rotate")

    assert rotated.returncode == 0, rotated.stderr
    assert browser.get(customer.forwarding).status == 200
    assert customer.log_in(customer.number, LASTING).status == 201
    assert len(published(customer) - before) == 1
    assert published(customer) & before, "the old key stays for tokens that it has signed"


def published(customer: Customer) -> set[str]:
    return {key["kid"] for key in customer.visitor().get(f"{API}/.well-known/jwks.json").body["keys"]}


# --- what nobody should send

DEEP = b"[" * 10_000 + b"]" * 10_000
UNREADABLE = {
    "nothing": b"",
    "no JSON": b"{",
    "deep": DEEP,
    "deep inside": b'{"number": ' + DEEP + b"}",
    "no UTF-8": b'{"number": "\xff"}',
    "a list": b"[]",
    "operators": b'{"number": {"$gt": ""}, "password": {"$gt": ""}, "current": {"$gt": ""}, "caller": {"$gt": ""}}',
    "arrays": b'{"number": ["0600001111"], "password": ["x"], "current": ["x"], "caller": ["0600001111"]}',
    "NUL": b'{"number": "06\\u0000", "password": "\\u0000", "current": "\\u0000", "caller": "06\\u0000"}',
    "surrogate": b'{"number": "\\ud800", "password": "\\ud800", "current": "\\ud800", "caller": "\\ud800"}',
    "long": b'{"number": "%b", "password": "%b", "current": "%b", "caller": "%b"}' % ((b"1" * 100_000,) * 4),
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_meant_is_refused(guide: Customer, keys: dict[str, str], body: bytes) -> None:
    browser = guide.restricted("line").bearer
    senders = [("POST", "sessions", ""), ("PUT", "password", browser), ("POST", "ivr/calls", keys["ivr"])]

    answers = [sent(f"{guide.site}{API}/{path}", method, bearer, body) for method, path, bearer in senders]

    for answer in answers:
        assert answer.status in (400, 422), answer.data
        assert answer.headers["Content-Type"] == "application/problem+json"


def sent(url: str, method: str, bearer: str, body: bytes) -> urllib3.BaseHTTPResponse:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {bearer}"} if bearer else {})}
    return urllib3.request(method, url, body=body, headers=headers, retries=False)
