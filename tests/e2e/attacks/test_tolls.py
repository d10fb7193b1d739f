"""Calls at somebody else's cost: numbers that may be no destination, by every way in which one is set."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import urllib3

from chassis.testing import eventually
from contracts.tests.phone_table import TABLE
from devstack.client import Answer, Client
from tests.e2e.customer import API, Customer

# As people type them, with every disguise that the table has.
FORBIDDEN = sorted({typed for typed, digits, refusal, _ in TABLE if refusal and digits and "\n" not in typed})
DISGUISED = [
    "０１０１２１２５５５０１００",
    "+1 212 555 0100",
    "００３３-1-23-45-67-89",
    "1 1 0",
    "＃21＃",
    "０９９０123456",
    "0570–012–345",
]


@pytest.fixture(name="browser", scope="module")
def browser_of_the_victim(victim: Customer) -> Client:
    return victim.at_home("line")


def csv(browser: Client, site: str, path: str, row: str) -> urllib3.BaseHTTPResponse:
    return written(browser, site, "POST", path, "text/csv", row)


def put_entry(browser: Client, customer: Customer, number: str, destination: str) -> urllib3.BaseHTTPResponse:
    path = f"{customer.forwarding}/entries/{number}"
    return written(browser, customer.site, "PUT", path, "application/json", json.dumps({"destination": destination}))


def written(browser: Client, site: str, method: str, path: str, kind: str, text: str) -> urllib3.BaseHTTPResponse:
    """Whatever is there now."""
    headers = {"Content-Type": kind, "Authorization": f"Bearer {browser.bearer}", "If-Match": "*"}
    return urllib3.request(method, f"{site}{path}", body=text.encode(), headers=headers, retries=False)


@contextmanager
def unchanged(browser: Client, *paths: str) -> Iterator[None]:
    before = [browser.get(path) for path in paths]
    assert {answer.status for answer in before} == {200}
    yield
    assert [browser.get(path).etag for path in paths] == [answer.etag for answer in before]


def refuses(answer: Answer, field: str) -> bool:
    return answer.status == 422 and field in {error["field"] for error in answer.body.get("errors", ())}


@pytest.mark.attack(49, 52, 54)
def test_no_way_in_takes_a_destination_that_costs(victim: Customer, browser: Client) -> None:
    """VoiceWarp's settings, a plan as a whole, one entry of it, and a file with it, tried and applied."""
    number, forwarding = victim.number, victim.forwarding
    voicewarp = f"{API}/numbers/{number}/voicewarp"
    settings = browser.get(voicewarp).body

    with unchanged(browser, voicewarp, forwarding):
        found = [
            f"{typed!r}: {way}"
            for typed in [*FORBIDDEN, *DISGUISED]
            for way, refused in {
                "voicewarp": refuses(
                    browser.put(voicewarp, settings | {"destinations": [{"number": typed, "label": ""}], "active": 1}),
                    "destinations.0.number",
                ),
                "the plan": refuses(browser.put(forwarding, {"entries": {number: typed}}), f"entries.{number}"),
                "an entry": put_entry(browser, victim, number, typed).status == 422,
                "a file that is tried": bool(
                    csv(browser, victim.site, f"{forwarding}/csv?dry_run=true", f'{number},"{typed}"').json()["errors"]
                ),
                "a file": csv(browser, victim.site, f"{forwarding}/csv", f'{number},"{typed}"').status == 422,
            }.items()
            if not refused
        ]

        assert not found, "\n".join(found)


@pytest.mark.attack(49, 50)
def test_calls_cannot_be_sent_in_a_circle_whoever_closes_it(
    victim: Customer, browser: Client, full_customer: Callable[[], Customer]
) -> None:
    """The neighbour forwards to the victim; what would close the circle is refused, so none is there when a fault
    starts the forwarding by itself."""
    neighbour = full_customer()
    assert put_entry(victim.operator, neighbour, neighbour.number, victim.number).status == 200
    assert eventually(lambda: looped(browser, victim, neighbour.number))
    voicewarp = f"{API}/numbers/{victim.number}/voicewarp"
    assert eventually(lambda: voicewarp_refuses(browser, voicewarp, neighbour.number))

    with unchanged(browser, victim.forwarding, voicewarp):
        as_entry = put_entry(browser, victim, victim.number, neighbour.number)
        to_itself = put_entry(browser, victim, victim.number, victim.number)
        destinations = [{"number": neighbour.number, "label": ""}]
        settings = browser.get(voicewarp).body | {"destinations": destinations, "active": 1, "started": True}
        as_voicewarp = browser.put(voicewarp, settings)
        by_file = csv(browser, victim.site, f"{victim.forwarding}/csv", f"{victim.number},{neighbour.number}")

    assert [answer.status for answer in (as_entry, to_itself, as_voicewarp, by_file)] == [422] * 4


def voicewarp_refuses(browser: Client, voicewarp: str, destination: str) -> bool:
    """Whether VoiceWarp knows already what the neighbour has set; what it takes before that is taken back."""
    before = browser.get(voicewarp).body
    wanted = before | {"destinations": [{"number": destination, "label": ""}], "active": 1, "started": True}
    refused = browser.put(voicewarp, wanted).status == 422
    if not refused:
        browser.put(voicewarp, before)
    return refused


def looped(browser: Client, victim: Customer, destination: str) -> bool:
    """Whether a plan with this destination would be refused, as a file that is only tried says. Views lag."""
    tried = csv(browser, victim.site, f"{victim.forwarding}/csv?dry_run=true", f"{victim.number},{destination}")
    return [error["code"] for error in tried.json()["errors"]] == ["loop"]


@pytest.mark.attack(51)
def test_a_contract_forwards_no_number_but_its_own(victim: Customer, browser: Client) -> None:
    with unchanged(browser, victim.forwarding):
        plan = browser.put(victim.forwarding, {"entries": {"0399999999": "0312345678"}})
        entry = put_entry(browser, victim, "0399999999", "0312345678")
        file = csv(browser, victim.site, f"{victim.forwarding}/csv", "0399999999,0312345678")
        many = browser.put(victim.forwarding, {"entries": {f"03{n:08}": "0312345678" for n in range(201)}})

    assert [answer.status for answer in (plan, entry, file, many)] == [422] * 4
