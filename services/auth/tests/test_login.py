"""Logging in, sessions and passwords over HTTP."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import jwt
import pytest

from chassis.messages import Codec
from chassis.testing import counted
from contracts.auth import Contract
from contracts.ivr import Unit
from services.auth.bootstrap import CODEC
from services.auth.tests.door import NEXT_PASSWORD, PASSWORD, TEMPORARY_PASSWORD, Door
from services.auth.tests.examples import CONTRACT, ELSEWHERE, NUMBER, OTHER, plain

Headers = dict[str, str]
MISSED = (401, "login-failed")


def outcome(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json.get("code", "") if answer.json else ""


def errors_of(answer: Any) -> list[tuple[str, str]]:
    return [(error["field"], error["code"]) for error in answer.json["errors"]]


def test_failed_logins_are_counted(door: Door) -> None:
    door.issue()
    before = counted("login_failures_total", reason="login-failed")

    door.log_in(NUMBER, TEMPORARY_PASSWORD)
    door.log_in(NUMBER, "19999999")

    assert counted("login_failures_total", reason="login-failed") == before + 1


# The way of the guide: a temporary password, a login, a password of one's own.


def test_a_temporary_password_lets_in_to_change_it(door: Door) -> None:
    door.issue()

    answer = door.log_in(NUMBER, TEMPORARY_PASSWORD)

    assert answer.status_code == 201
    assert answer.json["token"].startswith("tss_")
    assert {name: answer.json[name] for name in ("number", "unit", "must_change_password", "numbers")} == {
        "number": NUMBER,
        "unit": "line",
        "must_change_password": True,
        "numbers": [NUMBER, OTHER],
    }
    assert datetime.fromisoformat(answer.json["expires_at"]) == door.clock() + timedelta(hours=12)


def test_a_restricted_login_is_told_what_to_do_first(door: Door) -> None:
    door.issue()
    restricted = door.headers(door.log_in(NUMBER, TEMPORARY_PASSWORD).json["token"])

    refused = [door.get(path, restricted) for path in ("/me", "/sessions", f"/numbers/{NUMBER}/history")]

    assert [outcome(answer) for answer in refused] == [(403, "password-change-required")] * 3
    assert door.get("/sessions/current", restricted).json["must_change_password"] is True


def test_a_new_password_opens_everything(door: Door) -> None:
    door.issue()
    restricted = door.headers(door.log_in(NUMBER, TEMPORARY_PASSWORD).json["token"])

    changed = door.change(restricted, TEMPORARY_PASSWORD, PASSWORD)

    assert (changed.status_code, changed.json["must_change_password"]) == (200, False)
    assert door.get("/me", door.headers(changed.json["token"])).status_code == 200
    assert door.log_in(NUMBER, PASSWORD).json["must_change_password"] is False
    assert outcome(door.log_in(NUMBER, TEMPORARY_PASSWORD)) == MISSED


@pytest.mark.parametrize("typed", ["06-0000-1111", "０６ ００００ １１１１", "+81-6-0000-1111", " 0600001111 "])
def test_a_number_is_taken_as_people_type_it(door: Door, typed: str) -> None:
    door.customer()

    assert door.log_in(typed).json["number"] == NUMBER


# What is the same for all who are not let in.


def test_every_failed_login_has_the_same_answer(door: Door) -> None:
    door.customer()
    door.issue(OTHER, "admin-user")
    wrong = door.log_in(NUMBER, "wrong-one")
    unknown = door.log_in("0312345678", PASSWORD)
    not_yet = door.log_in(ELSEWHERE, PASSWORD)
    invalid = [door.log_in(OTHER, "99999999") for _ in range(4)][-1]
    invalid_but_right = door.log_in(OTHER, TEMPORARY_PASSWORD)
    door.issue(OTHER, "admin-user")
    door.clock.advance(hours=25)
    expired = door.log_in(OTHER, TEMPORARY_PASSWORD)

    answers = [wrong, unknown, not_yet, invalid, invalid_but_right, expired]

    assert outcome(wrong) == MISSED
    assert len({answer.data for answer in answers}) == 1
    assert len({tuple(sorted(_without_its_id(answer))) for answer in answers}) == 1


def _without_its_id(answer: Any) -> list[tuple[str, str]]:
    return [header for header in answer.headers if header[0] != "X-Correlation-ID"]


@pytest.mark.parametrize("number", ["0312345678", ELSEWHERE, "0000", "110"])
def test_a_guess_at_nothing_is_recorded_as_one_that_counts_would_be(door: Door, number: str) -> None:
    assert outcome(door.log_in(number, PASSWORD)) == MISSED
    assert door.events(number) == ["GuessIgnored"]


def test_ten_wrong_ones_make_a_password_invalid_and_leave_its_sessions_open(door: Door) -> None:
    customer = door.customer()
    for _ in range(10):
        door.log_in(NUMBER, "wrong-one")

    assert outcome(door.log_in(NUMBER, PASSWORD)) == MISSED
    assert door.get("/sessions/current", customer).status_code == 200
    assert door.events()[-2:] == ["PasswordInvalidated", "GuessIgnored"]


def test_an_invalid_password_cannot_be_changed_and_nobody_learns_whether_it_was_right(door: Door) -> None:
    customer = door.customer()
    for _ in range(10):
        door.log_in(NUMBER, "wrong-one")

    answers = [door.change(customer, current, NEXT_PASSWORD) for current in (PASSWORD, "wrong-one")]

    assert {outcome(answer) for answer in answers} == {(422, "password-wrong")}
    assert answers[0].json == answers[1].json


def test_three_wrong_ones_make_a_temporary_password_invalid(door: Door) -> None:
    door.issue()
    for _ in range(3):
        door.log_in(NUMBER, "99999999")

    assert outcome(door.log_in(NUMBER, TEMPORARY_PASSWORD)) == MISSED


def test_the_telephone_is_the_way_back(door: Door) -> None:
    door.customer()
    for _ in range(10):
        door.log_in(NUMBER, "wrong-one")

    door.clock.advance(seconds=1)
    door.issue()

    assert door.log_in(NUMBER, TEMPORARY_PASSWORD).status_code == 201


def test_a_new_temporary_password_ends_what_was_open(door: Door) -> None:
    door.customer()
    token = door.log_in().json["token"]

    door.clock.advance(seconds=1)
    door.issue()

    assert outcome(door.exchange(token)) == (401, "token-invalid")
    assert outcome(door.log_in(NUMBER, PASSWORD)) == MISSED


def test_an_older_verifier_is_renewed_with_the_login(door: Door, settings: Any, keys: Any) -> None:
    door.customer()
    dearer = Door(settings, keys.caller, store=door.store, cost=type(door.cost)(16, 1))

    assert dearer.log_in(NUMBER, PASSWORD).status_code == 201
    assert "VerifierRenewed" in dearer.events()
    assert dearer.log_in(NUMBER, PASSWORD).status_code == 201
    assert dearer.events().count("VerifierRenewed") == 1


# Numbers come and go.


def test_a_number_that_has_left_its_contract_is_not_opened(door: Door) -> None:
    door.customer(OTHER, "number")
    token = door.log_in(OTHER).json["token"]

    door.imports(plain(NUMBER))

    assert outcome(door.log_in(OTHER)) == MISSED
    assert outcome(door.exchange(token)) == (401, "token-invalid")


def test_no_contract_no_login(door: Door) -> None:
    door.customer()

    door.removes(NUMBER)

    assert outcome(door.log_in(NUMBER)) == MISSED


def test_whoever_has_a_number_next_is_not_opened_by_the_password_of_before(door: Door) -> None:
    door.customer()
    token = door.log_in().json["token"]

    door.removes(NUMBER)
    door.imports(CONTRACT)

    assert outcome(door.log_in(NUMBER)) == MISSED
    assert outcome(door.exchange(token)) == (401, "token-invalid")


def test_neither_is_another_contract_that_takes_the_number_over(door: Door) -> None:
    door.customer(OTHER, "number")

    door.imports(plain(NUMBER))
    door.imports(plain(ELSEWHERE, OTHER))

    assert outcome(door.log_in(OTHER)) == MISSED


def test_a_contract_that_changes_leaves_its_customers_in(door: Door) -> None:
    door.customer()
    token = door.log_in().json["token"]

    door.imports(Contract(NUMBER, "C-1111", "", "支店", (), {NUMBER: (), "0600003333": ()}))

    assert door.get("/me", door.headers(token)).json["numbers"] == [
        {"number": NUMBER, "options": []},
        {"number": "0600003333", "options": []},
    ]


# Scopes: the guide's example in the three units.

MAIL, MAIL_AND_FAX = ["incoming-mail", "voicewarp"], ["fax-mail", "incoming-mail"]
BOTH = [{"number": NUMBER, "options": MAIL}, {"number": OTHER, "options": MAIL_AND_FAX}]
SHARED = ["bulk-forward", "fault-notice"]


@pytest.mark.parametrize(
    ("unit", "number", "numbers", "options"),
    [
        ("line", NUMBER, BOTH, SHARED),
        ("number", NUMBER, BOTH[:1], []),
        ("number", OTHER, BOTH[1:], []),
        ("admin-user", NUMBER, BOTH, SHARED),
        ("admin-user", OTHER, BOTH[1:], []),
    ],
)
def test_the_guides_example(door: Door, unit: Unit, number: str, numbers: list[Any], options: list[str]) -> None:
    me = door.get("/me", door.customer(number, unit)).json

    assert me == {"number": number, "unit": unit, "contract_number": NUMBER, "numbers": numbers, "options": options}


@pytest.mark.parametrize(
    ("unit", "number", "histories"),
    [
        ("line", NUMBER, [200, 200, 200, 404]),
        ("number", NUMBER, [404, 200, 404, 404]),
        ("number", OTHER, [404, 404, 200, 404]),
        ("admin-user", NUMBER, [200, 200, 200, 404]),
        ("admin-user", OTHER, [404, 404, 200, 404]),
    ],
)
def test_a_login_sees_its_own_histories(door: Door, unit: Unit, number: str, histories: list[int]) -> None:
    customer = door.customer(number, unit)
    paths = (f"/contracts/{NUMBER}", f"/numbers/{NUMBER}", f"/numbers/{OTHER}", f"/numbers/{ELSEWHERE}")

    assert [door.get(f"{path}/history", customer).status_code for path in paths] == histories


# Changing the password.


@pytest.mark.parametrize(
    ("new", "again", "errors"),
    [
        ("abc", None, [("new", "too-short")]),
        ("abcdefgh12345", None, [("new", "too-long")]),
        ("1234567890", None, [("new", "digits-only")]),
        ("tsunagu-27", None, [("new", "letters-and-digits-only")]),
        (PASSWORD, None, [("new", "same-as-current")]),
        (NEXT_PASSWORD, PASSWORD, [("new_again", "passwords-differ")]),
        ("", "x", [("new", "too-short"), ("new_again", "passwords-differ")]),
    ],
)
def test_a_password_that_may_not_be_is_refused_with_why(
    door: Door, new: str, again: str | None, errors: list[tuple[str, str]]
) -> None:
    answer = door.change(door.customer(), PASSWORD, new, again)

    assert (answer.status_code, errors_of(answer)) == (422, errors)
    assert door.log_in(NUMBER, PASSWORD).status_code == 201


def test_all_that_is_wrong_with_a_change_is_said_at_once(door: Door) -> None:
    answer = door.change(door.customer(), "", "abc", "abd")

    errors = [("current", "wrong-length"), ("new", "too-short"), ("new_again", "passwords-differ")]
    assert (answer.status_code, errors_of(answer)) == (422, errors)


def test_a_change_of_nothing_names_what_is_missing(door: Door) -> None:
    answer = door.change(door.customer(), "", "")

    assert (answer.status_code, errors_of(answer)) == (422, [("current", "wrong-length"), ("new", "too-short")])


def test_the_current_password_is_asked_for(door: Door) -> None:
    answer = door.change(door.customer(), "wrong-one", NEXT_PASSWORD)

    assert (outcome(answer), errors_of(answer)) == ((422, "password-wrong"), [("current", "password-wrong")])


def test_guessing_the_current_password_is_no_way_around(door: Door) -> None:
    customer = door.customer()
    answers = [door.change(customer, "wrong-one", NEXT_PASSWORD) for _ in range(11)]

    assert [outcome(answer) for answer in answers] == [(422, "password-wrong")] * 10 + [(401, "token-invalid")]
    assert outcome(door.log_in(NUMBER, PASSWORD)) == MISSED


def test_a_change_ends_every_session_and_begins_one(door: Door) -> None:
    door.customer()
    tokens = [door.log_in().json["token"] for _ in range(2)]

    changed = door.change(door.headers(tokens[0]), PASSWORD, NEXT_PASSWORD).json["token"]

    assert [door.exchange(token).status_code for token in (*tokens, changed)] == [401, 401, 200]


def test_after_60_days_a_login_leads_to_the_change(door: Door) -> None:
    door.customer()
    door.clock.advance(days=60)

    answer = door.log_in(NUMBER, PASSWORD)
    changed = door.change(door.headers(answer.json["token"]), PASSWORD, NEXT_PASSWORD)

    assert (answer.status_code, answer.json["must_change_password"]) == (201, True)
    assert (changed.status_code, changed.json["must_change_password"]) == (200, False)


def test_a_restricted_login_does_not_outlive_its_temporary_password(door: Door) -> None:
    door.issue()
    door.clock.advance(hours=23, minutes=50)
    token = door.log_in(NUMBER, TEMPORARY_PASSWORD).json["token"]
    restricted = door.headers(token)

    door.clock.advance(minutes=10)

    assert outcome(door.exchange(token)) == (401, "token-invalid")
    assert outcome(door.change(restricted, TEMPORARY_PASSWORD, PASSWORD)) == (401, "token-invalid")


# Sessions.


def test_sessions_are_listed_with_where_and_when(door: Door) -> None:
    door.customer()
    door.clock.advance(minutes=1)
    first = door.headers(door.log_in(source="192.0.2.1").json["token"])
    door.clock.advance(minutes=1)
    second = door.log_in(source="2001:db8::1").json["id"]

    items = door.get("/sessions", first).json["items"]

    assert [(item["id"] == second, item["source"], item["current"]) for item in items] == [
        (True, "2001:db8::1", False),
        (False, "192.0.2.1", True),
        (False, "192.0.2.7", False),
    ]
    assert items[0]["started_at"] == items[0]["last_seen"] == door.clock().isoformat()
    assert not any("token" in item for item in items)


def test_a_session_ends_by_logging_out(door: Door) -> None:
    door.customer()
    token = door.log_in().json["token"]

    answer = door.delete("/sessions/current", door.headers(token))

    assert (answer.status_code, answer.data) == (204, b"")
    assert outcome(door.exchange(token)) == (401, "token-invalid")


def test_a_restricted_session_can_be_ended_too(door: Door) -> None:
    door.issue()
    token = door.log_in(NUMBER, TEMPORARY_PASSWORD).json["token"]

    assert door.delete("/sessions/current", door.headers(token)).status_code == 204
    assert door.exchange(token).status_code == 401


def test_another_session_of_ones_own_is_ended(door: Door) -> None:
    customer = door.customer()
    other = door.log_in().json

    assert door.delete(f"/sessions/{other['id']}", customer).status_code == 204
    assert door.exchange(other["token"]).status_code == 401
    assert door.get("/sessions/current", customer).status_code == 200


def test_another_numbers_session_is_not_found(door: Door) -> None:
    customer = door.customer(OTHER, "number")
    door.customer(NUMBER)
    other = door.log_in().json

    assert outcome(door.delete(f"/sessions/{other['id']}", customer)) == (404, "not-found")
    assert door.exchange(other["token"]).status_code == 200


def test_a_session_ends_after_30_unused_minutes(door: Door) -> None:
    door.customer()
    token = door.log_in().json["token"]
    door.clock.advance(minutes=29)
    in_time = door.exchange(token)
    door.clock.advance(minutes=29)
    in_time_again = door.exchange(token)

    door.clock.advance(minutes=30)

    assert [in_time.status_code, in_time_again.status_code, door.exchange(token).status_code] == [200, 200, 401]


def test_a_session_ends_after_12_hours_however_busy(door: Door) -> None:
    door.customer()
    token = door.log_in().json["token"]
    statuses = []
    for _ in range(36):
        door.clock.advance(minutes=20)
        statuses.append(door.exchange(token).status_code)

    assert statuses == [200] * 35 + [401]


def test_idle_sessions_are_not_listed(door: Door) -> None:
    door.customer()
    door.log_in()
    door.clock.advance(minutes=31)

    current = door.headers(door.log_in().json["token"])

    assert [item["current"] for item in door.get("/sessions", current).json["items"]] == [True]


def test_a_clock_that_went_back_lets_nobody_stay_longer(door: Door) -> None:
    door.customer()
    token = door.log_in().json["token"]
    door.clock.advance(hours=-3)
    door.exchange(token)

    door.clock.advance(hours=3, minutes=30)

    assert door.exchange(token).status_code == 401


@pytest.mark.parametrize("token", ["tss_", "tss_x", "tss_" + "x" * 4000, "tsu_x", "x", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_session_is_no_caller(door: Door, token: str) -> None:
    assert outcome(door.exchange(token)) == (401, "token-invalid")


def test_a_token_says_whose_session_it_is(door: Door) -> None:
    door.customer(NUMBER, "admin-user")
    opened = door.log_in().json

    current = door.get("/sessions/current", door.headers(opened["token"])).json

    assert current == {name: value for name, value in opened.items() if name != "token"}


def test_with_its_token_a_session_is_told_what_it_opens(door: Door) -> None:
    """As `/me` and `/sessions/current` say it, so that a page need not ask for them."""
    customer = door.customer()
    opened = door.log_in().json

    login = door.exchange(opened["token"]).json["login"]

    session = {"session_expires_at": opened["expires_at"], "must_change_password": False}
    assert login == {**door.get("/me", customer).json, **session}


def test_a_temporary_password_is_told_with_the_token(door: Door) -> None:
    door.issue()

    token = door.log_in(password=TEMPORARY_PASSWORD).json["token"]

    assert door.exchange(token).json["login"]["must_change_password"] is True


# Nobody learns a secret from what is kept.


def test_a_history_tells_no_secret(door: Door) -> None:
    customer = door.customer()
    door.log_in(NUMBER, "wrong-one")
    door.change(customer, "wrong-one", NEXT_PASSWORD)
    token = door.log_in().json["token"]
    door.delete("/sessions/current", customer)

    history = door.get(f"/numbers/{NUMBER}/history", door.headers(token))

    told = [item["event"] for item in history.json["items"]]
    assert told == [
        "SessionsEnded",
        "LoginSucceeded",
        "CurrentPasswordWrong",
        "LoginFailed",
        "PasswordChanged",
        "LoginSucceeded",
        "TemporaryPasswordSet",
    ]
    assert not any(secret in history.text for secret in ("argon2", "tss_", PASSWORD, TEMPORARY_PASSWORD, "wrong-one"))
    assert history.json["items"][3]["by"]["from"] == "192.0.2.7"
    assert set(history.json["items"][-1]["data"]) == {"number", "contract_number", "unit", "issued_at"}


def test_a_customer_reads_nothing_of_the_time_before(door: Door, as_operator: Headers) -> None:
    door.customer(OTHER, "number")
    door.imports(plain(NUMBER))
    door.imports(plain(ELSEWHERE, OTHER))
    door.clock.advance(seconds=1)
    door.issue(OTHER, "number", contract_number=ELSEWHERE)
    restricted = door.headers(door.log_in(OTHER, TEMPORARY_PASSWORD).json["token"])

    next_one = door.headers(door.change(restricted, TEMPORARY_PASSWORD, PASSWORD).json["token"])

    told = [item["event"] for item in door.get(f"/numbers/{OTHER}/history", next_one).json["items"]]
    assert told == ["PasswordChanged", "LoginSucceeded", "TemporaryPasswordSet"]
    assert len(door.get(f"/numbers/{OTHER}/history", as_operator).json["items"]) == 6


def test_neither_passwords_nor_tokens_are_kept(door: Door) -> None:
    door.customer()
    token = door.log_in().json["token"]
    codec = Codec(CODEC._types.values())

    kept = json.dumps([codec.encode(one.event) for one in door.store.scan()], default=str) + str(door.sessions)

    assert not any(secret in kept for secret in (PASSWORD, TEMPORARY_PASSWORD, token))


# Bad input.

DEEP = "[" * 10_000 + "]" * 10_000
GOOD = {"number": NUMBER, "password": PASSWORD}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"number": {"$gt": ""}, "password": {"$gt": ""}}', 422),
        ('{"number": "0600001111", "password": {"$ne": null}}', 422),
        ('{"number": ["0600001111"], "password": ["x"]}', 422),
        ('{"number": 600001111, "password": 12345678}', 422),
        ('{"number": null, "password": null}', 422),
        ('{"number": "0600001111"}', 422),
        ('{"number": "0600001111", "password": ""}', 422),
        ('{"number": "0600001111", "password": "x", "unit": "line"}', 422),
        ('{"number": "$where", "password": "x"}', 422),
        ('{"number": "06.0000.1111/../", "password": "x"}', 422),
        (json.dumps(GOOD | {"number": "0" * 41}), 422),
        (json.dumps(GOOD | {"number": "0" * 16}), 422),
        (json.dumps(GOOD | {"password": "x" * 129}), 422),
        (json.dumps(GOOD | {"password": "x" * 500_000}), 422),
        (json.dumps(GOOD | {"password": "a\0b"}), 400),
        (json.dumps(GOOD | {"number": "06\0"}), 400),
        ('{"number": "0600001111", "password": "\\ud800"}', 400),
        ('{"number": "\\udfff", "password": "x"}', 400),
        ('{"number": "0600001111", "number": "0600002222", "password": "x"}', 400),
        (f'{{"number": "0600001111", "password": {DEEP}}}', 400),
        (DEEP, 400),
        ("[]", 422),
        ('"0600001111"', 422),
        ("null", 422),
        ("", 400),
        ("{", 400),
        ("NaN", 400),
        ("\x00", 400),
    ],
)
@pytest.mark.parametrize("path", ["/sessions", "/password"])
def test_what_cannot_be_meant_is_refused(door: Door, path: str, body: str, status: int) -> None:
    named = body.replace('"number"', '"current"').replace('"password"', '"new"') if path == "/password" else body
    headers = door.customer() | {"Content-Type": "application/json"}
    client = door.app.test_client()

    answer = client.open(path, method="PUT" if path == "/password" else "POST", data=named, headers=headers)

    assert answer.status_code in ({400, 422} if path == "/password" else {status})
    assert answer.mimetype == "application/problem+json"
    assert door.log_in(NUMBER, PASSWORD).status_code == 201


@pytest.mark.parametrize("body", ["number=0600001111&password=x", b"\xff\xfe", b"{}"])
def test_another_type_of_body_is_not_read(door: Door, body: Any) -> None:
    answer = door.app.test_client().post(
        "/sessions", data=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )

    assert outcome(answer) == (415, "unsupported-media-type")


@pytest.mark.parametrize("id", ["$gt", "%00", "..", "x" * 2000, "%ED%A0%80", "current%2F"])
def test_an_odd_session_id_is_not_found(door: Door, id: str) -> None:
    answer = door.delete(f"/sessions/{id}", door.customer())

    assert answer.status_code in (404, 405)


def test_a_session_is_given_the_same_token_for_some_seconds(door: Door) -> None:
    door.customer()
    session = door.log_in().json["token"]
    tokens = []
    for _ in range(45):
        given = door.exchange(session).json
        assert 0 <= claims_of(given["token"])["exp"] - door.clock().timestamp() - given["expires_in"] < 1
        tokens.append(given["token"])
        door.clock.advance(seconds=1)

    times = [len(list(same)) for _, same in groupby(tokens)]
    assert set(times[1:-1]) == {15}


def test_a_token_says_at_once_what_a_session_opens_now(door: Door) -> None:
    door.customer()
    session = door.log_in().json["token"]
    assert claims_of(door.exchange(session).json["token"])["numbers"] == [NUMBER, OTHER]

    door.imports(replace(CONTRACT, numbers={NUMBER: ("voicewarp",)}))

    assert claims_of(door.exchange(session).json["token"])["numbers"] == [NUMBER]


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims
