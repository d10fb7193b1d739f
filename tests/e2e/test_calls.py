"""Calls through the gateway: whatever sends them elsewhere, the telephone switch is told at the very next one."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
import urllib3

from chassis.testing import eventually
from devstack import seed
from devstack.client import Answer, Client
from tests.e2e.customer import API, Customer

MOBILE, CALLER = "09012345678", "0311112222"
VOICEWARP: dict[str, Any] = {
    "started": False,
    "mode": "unconditional",
    "ring_seconds": 5,
    "destinations": [{"number": MOBILE, "label": "携帯"}],
    "active": 1,
    "select": {"mode": "off", "callers": []},
}
RING = {"action": "ring", "to": None}
AT = "2026-11-23T09:00:00+09:00"
CLIENTS = 50


@dataclass(frozen=True)
class Switch:
    """The telephone switch, which asks where each call goes."""

    client: Client

    def asks(self, number: str, call_id: str = "", caller: str | None = None) -> dict[str, Any]:
        """What it is told of a call."""
        call = {"call_id": call_id or uuid.uuid4().hex, "called": number, "caller": caller, "at": AT}
        answer = self.client.post(f"{API}/calls", call)
        assert answer.status == 200, answer
        return dict(answer.body)

    def reports(self, call_id: str, outcome: str) -> Answer:
        return self.client.put(f"{API}/calls/{call_id}/outcome", {"outcome": outcome})


@pytest.fixture
def switch(stack_url: str, keys: dict[str, str]) -> Switch:
    return Switch(Client(stack_url, keys[seed.CALLS]))


@pytest.fixture
def household(customer: Customer) -> Customer:
    """Its number has a VoiceWarp that is not started, and tells both addresses of every call."""
    options = {customer.number: ["voicewarp", "incoming-mail"], customer.second_number: []}
    customer.register(options, ["bulk-forward", "fault-notice"])
    mail = {"started": True, "addresses": customer.addresses, "when": ["all"]}
    for path, setting in ((voicewarp(customer), VOICEWARP), (f"{API}/numbers/{customer.number}/incoming-mail", mail)):
        eventually(lambda path=path: customer.operator.get(path).status == 200, within=60)  # type: ignore[misc]
        assert customer.operator.put(path, setting).status == 200
    return customer


def voicewarp(customer: Customer) -> str:
    return f"{API}/numbers/{customer.number}/voicewarp"


def once_routed(customer: Customer, reason: str) -> None:
    """Waits until calls to both numbers go, or stay, where they are for this reason."""
    paths = [f"{API}/numbers/{number}/routing" for number in customer.entries]
    eventually(lambda: all(customer.operator.get(path).body["reason"] == reason for path in paths), within=60)


def test_a_fault_sends_the_next_call_elsewhere_and_its_recovery_does_not(customer: Customer, switch: Switch) -> None:
    assert customer.says(customer.report("faulted")) == ["accepted"]
    once_routed(customer, "bulk-forward")
    for number, destination in customer.entries.items():
        assert switch.asks(number)["now"] == {"action": "forward", "to": destination}

    assert customer.says(customer.report("recovered", 5)) == ["accepted"]
    once_routed(customer, "not-forwarded")
    assert [switch.asks(number)["now"] for number in customer.entries] == [RING, RING]


def test_the_next_call_follows_what_a_customer_has_just_said(household: Customer, switch: Switch) -> None:
    browser = household.at_home("line")

    assert browser.post(f"{voicewarp(household)}/start").status == 200
    assert switch.asks(household.number)["now"] == {"action": "forward", "to": MOBILE}
    first, _ = browser.get(f"{API}/me").body["numbers"]
    assert first["options"] == {"incoming-mail": {"started": True}, "voicewarp": {"started": True}}

    assert browser.post(f"{voicewarp(household)}/stop").status == 200
    assert switch.asks(household.number)["now"] == RING


def test_bulk_forwarding_goes_before_voicewarp(household: Customer, switch: Switch) -> None:
    assert household.operator.post(f"{voicewarp(household)}/start").status == 200
    assert household.operator.post(f"{household.forwarding}/start").status == 200

    once_routed(household, "bulk-forward")
    assert switch.asks(household.number)["now"]["to"] == household.entries[household.number]


def test_a_call_is_mailed_with_its_outcome_once_to_each_address(household: Customer, switch: Switch) -> None:
    missed, engaged = uuid.uuid4().hex, uuid.uuid4().hex
    switch.asks(household.number, missed, CALLER)
    switch.asks(household.number, engaged)

    assert [switch.reports(missed, "no-answer").status for _ in range(3)] == [200, 200, 200]
    assert switch.reports(missed, "busy").code == "outcome-differs"
    eventually(lambda: household.told(1), within=60)
    # What would have come of the repeats comes before this.
    assert switch.reports(engaged, "busy").status == 200
    eventually(lambda: household.told(2), within=60)

    for address in household.addresses:
        assert household.subjects(address) == [
            "【つなぐ】着信のお知らせ：03-1111-2222（応答がありませんでした）",
            "【つなぐ】着信のお知らせ：非通知（話し中でした）",
        ]


def test_of_many_clients_who_edit_the_same_setting_at_once_one_does(customer: Customer) -> None:
    before = customer.operator.get(customer.forwarding)
    plans = [{"entries": {customer.number: f"090{n:08d}"}} for n in range(CLIENTS)]

    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = list(clients.map(lambda plan: edit(customer, customer.forwarding, plan, before.etag), plans))

    after = customer.operator.get(customer.forwarding)
    (done,) = (answer for answer in answers if answer.status == 200)
    refused = [answer for answer in answers if answer.status == 412]
    assert (done.body, done.etag) == (after.body, after.etag)
    assert len(refused) == CLIENTS - 1
    assert all((answer.body["current"], answer.etag) == (after.body, after.etag) for answer in refused)


def test_no_edit_is_lost_between_two_windows(household: Customer) -> None:
    """Each makes the telephone ring a second longer, again and again, going on from what it is told when it is late."""
    path = voicewarp(household)
    refusals: list[Answer] = []

    def longer(_: int) -> None:
        now = household.operator.get(path)
        setting, etag = now.body, now.etag
        while (answer := edit(household, path, one_second_more(setting), etag)).status == 412:
            refusals.append(answer)
            setting, etag = answer.body["current"], answer.etag
        assert answer.status == 200, answer

    with ThreadPoolExecutor(2) as windows:
        list(windows.map(longer, range(CLIENTS)))

    assert household.operator.get(path).body["ring_seconds"] == VOICEWARP["ring_seconds"] + CLIENTS
    assert refusals, "the two were never at it together"


def one_second_more(setting: dict[str, Any]) -> dict[str, Any]:
    return setting | {"ring_seconds": setting["ring_seconds"] + 1}


def edit(customer: Customer, path: str, setting: dict[str, Any], etag: str | None) -> Answer:
    """A PUT by whoever looked at the setting when it had this ETag."""
    headers = {"Authorization": f"Bearer {customer.operator.bearer}", "If-Match": etag or ""}
    address = customer.site + path
    response = urllib3.request("PUT", address, json=setting, headers=headers, retries=False, timeout=60)
    return Answer(response.status, json.loads(response.data), response.headers.get("ETag"))


def test_with_the_options_ends_what_ran_on_them(household: Customer, switch: Switch) -> None:
    assert household.operator.post(f"{voicewarp(household)}/start").status == 200
    assert household.operator.post(f"{household.forwarding}/start").status == 200
    once_routed(household, "bulk-forward")

    household.register({household.number: [], household.second_number: []}, [])

    once_routed(household, "not-forwarded")
    assert switch.asks(household.number)["now"] == RING
    assert household.operator.get(voicewarp(household)).status == 404
    assert household.operator.get(household.forwarding).status == 404
