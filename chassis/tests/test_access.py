"""Who is let in by each policy."""

from typing import Any

import pytest

from chassis import access, edge
from chassis.auth import Principal, Tokens
from chassis.errors import Unauthenticated

LINE = frozenset({"0600001111", "0600002222"})
ALL = Principal("customer", "0600001111", frozenset(), "0600001111", LINE, all_numbers=True)
ONE = Principal("customer", "0600002222", frozenset(), "0600001111", frozenset({"0600002222"}))
STRANGER = Principal("customer", "0720001111", frozenset(), "0720001111", frozenset({"0720001111"}), all_numbers=True)
RESTRICTED = Principal("customer", "0600001111", frozenset(), "0600001111", LINE, all_numbers=True, restricted=True)
MONITOR = Principal("machine", "noc", frozenset({"line-events"}))
OPERATOR = Principal("operator", "desk", frozenset({"operator"}))
CALLERS = {
    "nobody": None,
    "all": ALL,
    "one": ONE,
    "stranger": STRANGER,
    "restricted": RESTRICTED,
    "monitor": MONITOR,
    "operator": OPERATOR,
}


class Known(Tokens):
    """Tokens that are the names of callers."""

    def __init__(self) -> None:
        super().__init__({})

    def verify(self, authorization: str | None) -> Principal:
        caller = CALLERS[(authorization or "nobody")]
        if caller is None:
            raise Unauthenticated("token-missing")
        return caller


@pytest.fixture(scope="module")
def client() -> Any:
    app = edge.bare_app("policies", ready={}, max_body=100)
    policies = {
        "/public": access.public,
        "/customer": access.customer,
        "/even-restricted": access.customer_even_restricted,
        "/operator": access.require("operator"),
        "/events": access.require("line-events"),
        "/contract/<contract_number>": access.owns_contract,
        "/line/<contract_number>": access.owns_contract_or("line-events"),
        "/number/<number>": access.owns_number,
    }
    for path, policy in policies.items():

        def view(**_: str) -> str:
            return "in"

        app.add_url_rule(path, path, policy(view))
    access.install(app, Known())
    return app.test_client()


@pytest.mark.parametrize(
    ("path", "statuses"),
    [
        # nobody, all, one, stranger, restricted, monitor, operator
        ("/public", "200 200 200 200 200 200 200"),
        ("/customer", "401 200 200 200 403 403 403"),
        ("/even-restricted", "401 200 200 200 200 403 403"),
        ("/operator", "401 403 403 403 403 403 200"),
        ("/events", "401 403 403 403 403 200 403"),
        ("/contract/0600001111", "401 200 404 404 403 404 200"),
        ("/line/0600001111", "401 200 404 404 403 200 200"),
        ("/number/0600001111", "401 200 404 404 403 404 200"),
        ("/number/0600002222", "401 200 200 404 403 404 200"),
        ("/number/0720001111", "401 404 404 200 403 404 200"),
    ],
)
def test_each_policy_lets_in_whom_it_names(client: Any, path: str, statuses: str) -> None:
    answers = [str(client.get(path, headers={"Authorization": name}).status_code) for name in CALLERS]

    assert " ".join(answers) == statuses


@pytest.mark.parametrize("path", ["/customer", "/operator", "/contract/0720001111", "/number/0600001111"])
def test_a_login_that_must_change_its_password_is_told_so(client: Any, path: str) -> None:
    answer = client.get(path, headers={"Authorization": "restricted"})

    assert answer.json["code"] == "password-change-required"
