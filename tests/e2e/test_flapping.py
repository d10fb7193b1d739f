"""A line that flaps, and a report that is a test: who is told of what."""

from typing import Any

import pytest

from chassis.testing import eventually
from tests.e2e.customer import API, Customer

CHANGES = 1000


def change(customer: Customer, place: int) -> dict[str, Any]:
    """One of a thousand in ten seconds, by the monitoring system's clock."""
    return customer.report(("faulted", "recovered")[place % 2], occurred_at=None, alarm="los")


@pytest.mark.parametrize("at_once", [1, 50])
def test_a_thousand_changes_end_in_the_right_state_with_two_mails_at_most(customer: Customer, at_once: int) -> None:
    for first in range(0, CHANGES, at_once):
        customer.says(*(change(customer, place) for place in range(first, first + at_once)))

    eventually(lambda: customer.told(1))
    shown = customer.operator.get(f"{API}/lines/{customer.number}").body
    assert (shown["faulted"], shown["flapping"], shown["alarms"]) == (True, True, [])
    assert [moment["event"] for moment in shown["timeline"]].count("LineFlapping") <= 1
    assert customer.runs()

    eventually(lambda: not customer.faulted(), within=90)  # FLAPPING_STABLE is a minute.
    customer.once_recovered()
    assert not customer.operator.get(f"{API}/lines/{customer.number}").body["flapping"]
    for address in customer.addresses:
        said = [mail["text"] for mail in customer.mails(address)]
        assert sum("不安定" in text for text in said) == 1, said
