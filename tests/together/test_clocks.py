"""The telephone's clock goes back, and what is set by telephone works all the same."""

from datetime import timedelta
from typing import Any

import pytest

from chassis.auth import make_signing_key, write_jwks
from chassis.passwords import make_pepper
from tests.together.both import Both, KeyFiles

NUMBER = "0600001111"
FIRST, SECOND = "19283746", "55667788"
HOUR = timedelta(hours=1)


@pytest.fixture
def both(tmp_path: Any) -> Both:
    """With a contract that both services know of."""
    files = KeyFiles(tmp_path / "signing.pem", tmp_path / "jwks.json", tmp_path / "pepper")
    make_signing_key(files.signing)
    write_jwks(files.public, files.signing)
    make_pepper(files.pepper)
    both = Both(files)
    both.put_contract(NUMBER, frozenset({NUMBER}))
    both.ivr_hears(*both.contract_news(NUMBER))
    return both


def set_by_telephone(both: Both, password: str) -> str:
    """The call in which it was set; auth has not heard of it yet."""
    call_id: str = both.telephone("POST", "", {"caller": NUMBER}, f"call {password}").json["call_id"]
    pressed = both.telephone("POST", f"/{call_id}/keys", {"keys": f"1{password}{password}"}, f"keys {password}")
    assert pressed.json["finished"]
    return call_id


def status_of(both: Both, password: str) -> int:
    status: int = both.log_in(NUMBER, password, "192.0.2.7").status_code
    return status


@pytest.mark.parametrize("late", [False, True])
def test_the_last_password_that_was_set_is_the_one_that_opens(both: Both, late: bool) -> None:
    first = set_by_telephone(both, FIRST)
    both.ivr_behind = HOUR
    second = set_by_telephone(both, SECOND)

    for call_id in (second, first) if late else (first, second):
        both.auth_hears(*both.passwords_issued(call_id))

    assert (status_of(both, FIRST), status_of(both, SECOND)) == (401, 201)


def test_a_password_opens_a_contract_that_seems_to_be_of_later(both: Both) -> None:
    both.ivr_behind = HOUR

    both.auth_hears(*both.passwords_issued(set_by_telephone(both, FIRST)))

    assert status_of(both, FIRST) == 201
