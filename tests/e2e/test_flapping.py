"""A line that flaps, and a report that is a test: who is told of what."""

from typing import Any

import pytest

from chassis.testing import eventually
from devstack.services import NOC_ADDRESS
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

    eventually(lambda: not customer.faulted(), within=60)
    customer.once_recovered()
    assert not customer.operator.get(f"{API}/lines/{customer.number}").body["flapping"]
    for address in customer.addresses:
        said = [mail["body"] for mail in customer.mails(address)]
        assert sum("不安定" in text for text in said) == 1, said


def test_a_report_that_is_a_test_ends_at_the_operators_address(customer: Customer) -> None:
    def told() -> list[str]:
        found = customer.mail.get(f"/api/messages?to={NOC_ADDRESS}&limit=1000").body
        return [mail["body"] for mail in found if customer.run in mail["body"]]

    assert customer.says(customer.report("faulted", test=True, cause=f"試験 {customer.run}")) == ["accepted"]

    (body,) = eventually(told)
    assert "試験の知らせ" in body
    assert not customer.faulted()
    assert customer.rests()
    assert [customer.mails(address) for address in customer.addresses] == [[], []]
