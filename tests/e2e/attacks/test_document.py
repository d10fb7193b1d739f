"""What the document promises, tried with values made from it: by schemathesis, through the gateway, by three callers.

The values come from one seed, so a run that fails fails again.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from devstack.client import Client
from devstack.seed import OPERATOR
from tests.e2e.customer import API, Customer

pytestmark = pytest.mark.attack(33, 44)
EXAMPLES, SEED = 4, 20261123
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# These end the login by which the others are tried; their answers are those of the stories.
LAST = ("DELETE /api/v1/sessions/current", "PUT /api/v1/password")


@pytest.mark.parametrize("caller", ["an operator", "a customer", "nobody"])
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_no_answer_is_another_than_the_document_says(
    full_customer: Callable[[], Customer], keys: dict[str, str], caller: str, mode: GenerationMode
) -> None:
    victim = full_customer()
    document = Client(victim.site).get(f"{API}/openapi.json").body
    headers = {"X-Forwarded-For": f"2001:db8:5ea:{len(caller)}::1"}
    if bearer := {"an operator": keys[OPERATOR], "a customer": victim.at_home("line").bearer}.get(caller):
        headers["Authorization"] = f"Bearer {bearer}"

    found = [fault for operation in operations(document) for fault in faults(operation, mode, victim, headers)]

    assert not found, "\n\n".join(found)


def operations(document: dict[str, Any]) -> Iterator[Any]:
    schema = schemathesis.openapi.from_dict(document)
    found = [cast(Any, result).ok() for result in schema.get_all_operations()]
    assert len(found) > 30, "the documentation of a service is missing"
    yield from (one for one in found if f"{one.method.upper()} {one.path}" not in LAST)


def faults(operation: Any, mode: GenerationMode, victim: Customer, headers: dict[str, str]) -> list[str]:
    """What was wrong with the answers to some cases of an operation, each kind once."""
    known = {"contract_number": victim.number, "number": victim.second_number}
    found: dict[str, str] = {}

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode, path_parameters=of_path(operation, known)))
    def try_it(case: Any) -> None:
        answer = case.call(base_url=victim.site, headers=headers)
        try:
            case.validate_response(answer, checks=CHECKS, headers=headers)
        except FailureGroup as failures:
            for failure in failures.exceptions:
                told = " ".join(str(failure).split())
                found.setdefault(type(failure).__name__, f"{operation.label} {answer.status_code}: {told[:500]}")

    with suppress(Unsatisfiable):  # What takes nothing cannot be given anything wrong.
        try_it()
    return list(found.values())


def of_path(operation: Any, known: dict[str, str]) -> dict[str, str] | None:
    return {name: value for name, value in known.items() if f"{{{name}}}" in operation.path} or None
