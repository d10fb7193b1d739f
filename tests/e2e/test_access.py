"""Who may do what: every operation of the interface, tried by everybody, against one table.

Each is called with a body of a type that no route reads. Access is decided before a body is looked at, so whoever may
is told 415, and nothing is changed by it.
"""

from collections.abc import Callable, Iterator

import pytest
import urllib3

from tests.e2e import interface
from tests.e2e.customer import Customer
from tests.e2e.interface import Operation

# nobody      shows no token                         second  number 2, unit number
# other       another contract, unit line            user    number 2, unit admin-user
# first       number 1, unit number                  new     number 1, unit line, with its temporary password
# line        number 1, unit line                    lines, calls, ivr, faxes   machines, by the scope of their key
# admin       number 1, unit admin-user              oper    an operator
#
# Number 1 is the contract number. `yes` is admitted, `new` is 403 until the password is changed, else the status.
TABLE = """
policy                            whose      nobody other first line admin second user  new   lines calls ivr   faxes oper
public                            -          yes    yes   yes   yes  yes   yes    yes   yes   yes   yes   yes   yes   yes
customer                          -          401    yes   yes   yes  yes   yes    yes   new   403   403   403   403   403
customer-even-restricted          -          401    yes   yes   yes  yes   yes    yes   yes   403   403   403   403   403
owns-number                       number-1   401    404   yes   yes  yes   404    404   new   404   404   404   404   yes
owns-number                       number-2   401    404   404   yes  yes   yes    yes   new   404   404   404   404   yes
owns-contract                     number-1   401    404   404   yes  yes   404    404   new   404   404   404   404   yes
owns-contract|scopes:line-events  number-1   401    404   404   yes  yes   404    404   new   yes   404   404   404   yes
scopes:line-events                -          401    403   403   403  403   403    403   new   yes   403   403   403   403
scopes:calls                      -          401    403   403   403  403   403    403   new   403   yes   403   403   403
scopes:ivr                        -          401    403   403   403  403   403    403   new   403   403   yes   403   403
scopes:faxes                      -          401    403   403   403  403   403    403   new   403   403   403   yes   403
scopes:operator                   -          401    403   403   403  403   403    403   new   403   403   403   403   yes
"""  # noqa: E501  A table is read by its columns.

HEADER, *ROWS = [line.split() for line in TABLE.strip().splitlines()]
CALLERS = HEADER[2:]
MACHINES = {"lines": "line-events", "calls": "calls", "ivr": "ivr", "faxes": "faxes", "oper": "operator"}
EXPECTED = {
    (policy, whose, caller): cell for policy, whose, *cells in ROWS for caller, cell in zip(CALLERS, cells, strict=True)
}
REFUSALS = {
    "401": (401, "token-missing"),
    "403": (403, "forbidden"),
    "404": (404, "not-found"),
    "new": (403, "password-change-required"),
}


@pytest.fixture(name="operations", scope="module")
def all_operations(stack_url: str) -> list[Operation]:
    return interface.operations(stack_url)


def test_every_operation_has_a_policy_of_the_table(operations: list[Operation]) -> None:
    known = {policy for policy, *_ in ROWS}

    assert not [operation for operation in operations if operation.policy not in known]


def test_every_policy_of_the_table_is_some_operations(operations: list[Operation]) -> None:
    assert {policy for policy, *_ in ROWS} == {operation.policy for operation in operations}


@pytest.fixture(name="household", scope="module")
def one_customer(new_customer: Callable[[], Customer]) -> Customer:
    return new_customer()


@pytest.fixture(name="bearer_of", scope="module")
def bearers(
    keys: dict[str, str], household: Customer, new_customer: Callable[[], Customer]
) -> Callable[[str], str | None]:
    """How each caller of the table gets what it shows. A login takes the place of the one before of the same number."""
    one, two = household.number, household.second_number
    logins: dict[str, Callable[[], str]] = {
        "other": lambda: new_customer().at_home("line").bearer,
        "first": lambda: household.at_home("number", one).bearer,
        "line": lambda: household.at_home("line").bearer,
        "admin": lambda: household.at_home("admin-user", one).bearer,
        "second": lambda: household.at_home("number", two).bearer,
        "user": lambda: household.at_home("admin-user", two).bearer,
        "new": lambda: household.restricted("line").bearer,
        **{caller: lambda scope=scope: keys[scope] for caller, scope in MACHINES.items()},  # type: ignore[misc]
    }
    return lambda caller: logins[caller]() if caller in logins else None


@pytest.mark.parametrize("caller", CALLERS)
def test_everybody_may_do_what_the_table_says_and_nothing_else(
    caller: str,
    operations: list[Operation],
    household: Customer,
    bearer_of: Callable[[str], str | None],
    stack_url: str,
) -> None:
    bearer = bearer_of(caller)

    found = [
        f"{operation.method} {operation.path} ({operation.policy}) of {whose}: {got}, not {cell}"
        for operation in operations
        for whose, number in numbers_of(operation, household)
        for cell in [EXPECTED[operation.policy, whose, caller]]
        if not fits(cell, operation, got := tried(stack_url, operation, household.number, number, bearer))
    ]

    assert not found, "\n".join([f"{caller}:", *found])


def numbers_of(operation: Operation, household: Customer) -> Iterator[tuple[str, str]]:
    """Whose things are tried: of all that the table has a row for with this policy."""
    numbers = {"-": household.number, "number-1": household.number, "number-2": household.second_number}
    yield from ((whose, numbers[whose]) for policy, whose, *_ in ROWS if policy == operation.policy)


def tried(site: str, operation: Operation, contract_number: str, number: str, bearer: str | None) -> tuple[int, str]:
    headers = {"Content-Type": "text/x-nothing", **({"Authorization": f"Bearer {bearer}"} if bearer else {})}
    response = urllib3.request(
        operation.method, site + operation.on(contract_number, number), body=b"nothing", headers=headers, retries=False
    )
    return response.status, "" if response.status == 200 else str(response.json().get("code"))


def fits(cell: str, operation: Operation, got: tuple[int, str]) -> bool:
    """Whether the answer is what the cell says. What the gateway joins itself has no body, so it is just answered."""
    if cell == "yes":
        return got == (415, "unsupported-media-type") or (got == (200, "") and operation.method == "GET")
    return got == REFUSALS[cell]
