"""VoiceWarp through the gateway: what a customer sets, the telephone switch is told."""

import uuid
from typing import Any

import pytest

from chassis.testing import eventually
from devstack.client import Client
from tests.e2e.customer import API, Customer
from tests.e2e.sites import Command

MOBILE = "09012345678"
SETTING = {
    "mode": "unconditional",
    "ring_seconds": 15,
    "destinations": [{"number": MOBILE, "label": "携帯"}],
    "active": 1,
    "select": {"mode": "off", "callers": []},
}


@pytest.fixture
def switch(stack_url: str, keys: dict[str, str]) -> Client:
    return Client(stack_url, keys["calls"])


@pytest.fixture
def forwarded(customer: Customer) -> str:
    """The path of the setting of a number whose calls go to a mobile telephone."""
    customer.register({customer.number: ["voicewarp"], customer.second_number: []}, ["bulk-forward", "fault-notice"])
    path = f"{API}/numbers/{customer.number}/voicewarp"
    eventually(lambda: customer.operator.get(path).status == 200)
    assert customer.operator.put(path, SETTING).status == 200
    assert customer.operator.post(f"{path}/start").status == 200
    return path


def asked(switch: Client, number: str) -> dict[str, Any]:
    """What the switch is told of a new call."""
    call = {"call_id": uuid.uuid4().hex, "called": number, "caller": None, "at": "2026-11-23T09:00:00+09:00"}
    answer = switch.post(f"{API}/calls", call)
    assert answer.status == 200, answer
    return dict(answer.body)


def test_the_very_next_call_goes_where_the_customer_said(customer: Customer, switch: Client, forwarded: str) -> None:
    assert asked(switch, customer.number)["now"] == {"action": "forward", "to": MOBILE}
    assert customer.operator.post(f"{forwarded}/stop").status == 200
    assert asked(switch, customer.number)["reason"] == "not-forwarded"


def test_the_ways_of_calls_are_made_anew_and_come_out_the_same(
    command: Command, customer: Customer, switch: Client, forwarded: str
) -> None:
    """One row is made from voicewarp's own commits and from bulk forwarding."""
    assert customer.operator.post(f"{customer.forwarding}/start").status == 200
    eventually(lambda: asked(switch, customer.number)["reason"] == "bulk-forward")
    eventually(lambda: asked(switch, customer.second_number)["reason"] == "bulk-forward")
    before = [asked(switch, number) for number in customer.entries]

    rebuilt = command("voicewarp", "rebuild", "routes")

    assert rebuilt.returncode == 0, rebuilt.stderr
    assert [asked(switch, number) for number in customer.entries] == before
    assert customer.operator.post(f"{customer.forwarding}/stop").status == 200
    eventually(lambda: asked(switch, customer.number)["reason"] == "voicewarp-unconditional")
