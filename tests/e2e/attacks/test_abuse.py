"""Too much of what is allowed: guesses, mails, reports. Counted exactly, however many come at once."""

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from chassis.testing import eventually
from devstack.client import Answer, Client
from tests.e2e.customer import API, LASTING, Customer

WORKERS = 8
# `WRONG_PER_SOURCE`, and the test mails that a contract may send in ten minutes.
WRONG_PER_SOURCE, TEST_MAILS = 100, 5


def all_of(*tries: Callable[[], Answer]) -> list[Answer]:
    """Their answers; what is told that too much goes on at the moment is tried again."""

    def once_not_busy(one: Callable[[], Answer]) -> Answer:
        return eventually(lambda: answer if (answer := one()).code != "busy" else None, within=120, every=0.2) or one()

    with ThreadPoolExecutor(WORKERS) as threads:
        return list(threads.map(once_not_busy, tries))


@pytest.mark.attack(10, 11, 55)
def test_one_password_on_many_numbers_is_stopped_exactly_whatever_address_is_claimed(customer: Customer) -> None:
    """What stands left of the address that the proxy saw is what the caller says of itself."""

    def guess(number: int) -> Callable[[], Answer]:
        proxied = f"198.51.100.{number}, 2001:db8:{customer.number[2:6]}:{customer.number[6:]}::{number:x}"
        visitor = Client(customer.site, headers={"X-Forwarded-For": proxied, "X-Real-IP": f"198.51.100.{number}"})
        return lambda: visitor.post(f"{API}/sessions", {"number": f"0387{number:06}", "password": LASTING})

    answers = all_of(*(guess(number) for number in range(WRONG_PER_SOURCE + 10)))

    assert Counter((answer.status, answer.code) for answer in answers) == {
        (401, "login-failed"): WRONG_PER_SOURCE,
        (429, "too-many-attempts"): 10,
    }
    assert customer.at_home("line").get(f"{API}/me").status == 200, "nobody else is kept out"


@pytest.mark.attack(55, 56)
def test_test_mails_are_counted_exactly_however_many_are_asked_for_at_once(customer: Customer) -> None:
    browser = customer.at_home("line")

    answers = all_of(*(lambda: browser.post(f"{API}/contracts/{customer.number}/fault-notice/test-mail"),) * 20)

    assert Counter(answer.status for answer in answers) == {202: TEST_MAILS, 429: 20 - TEST_MAILS}
    eventually(lambda: customer.told(TEST_MAILS), within=60)
    assert [len(customer.mails(address)) for address in customer.addresses] == [TEST_MAILS] * 2


@pytest.mark.attack(38, 40, 57)
def test_a_flood_by_a_stolen_key_is_as_much_as_there_are_lines_and_ends_with_the_key(
    customer: Customer, operator: Client
) -> None:
    made = operator.post(f"{API}/api-keys", {"name": f"stolen-{customer.number}", "scopes": ["line-events"]})
    assert made.status == 201, made
    thief, key_id = Client(customer.site, made.body["key"]), made.body["id"]
    own = [customer.report(("faulted", "recovered")[number % 2], number // 2) for number in range(1000)]
    nobodys = [item | {"line": f"0388{number:06}", "id": f"none-{item['id']}"} for number, item in enumerate(own)]

    answers = [thief.post(f"{API}/line-events", items) for items in (own, nobodys, own)]

    assert [answer.status for answer in answers] == [202] * 3
    assert answers[1].body["rejected"] == 1000, "a line that there is not costs nothing"
    assert answers[2].body["duplicates"] + answers[2].body["ignored"] == 1000, "a replay is no news"
    assert revoked_at_once(operator, thief, key_id)
    sources = {one["source"]: one for one in operator.get(f"{API}/sources").body["items"]}
    assert sources["noc"]["rejected"] >= 1000, "operators see who sends what is refused"
    assert operator.get(f"{API}/lines?faulted=true&limit=200").status == 200
    assert len(customer.mails(customer.addresses[0])) <= 2, "a line that flaps is quiet"


def revoked_at_once(operator: Client, thief: Client, key_id: str) -> bool:
    """The kill switch: within the seconds for which the gateway remembers a caller."""
    assert thief.post(f"{API}/line-events", []).status == 202
    assert operator.delete(f"{API}/api-keys/{key_id}").status == 204
    return bool(eventually(lambda: thief.post(f"{API}/line-events", []).status == 401, within=10))


@pytest.mark.attack(40)
def test_a_report_that_is_sent_again_later_is_no_news(customer: Customer, keys: Mapping[str, str]) -> None:
    fault = customer.report("faulted")
    assert customer.says(fault) == ["accepted"]
    customer.once_faulted()
    assert customer.says(customer.report("recovered", 5)) == ["accepted"]
    customer.once_recovered()

    assert customer.says(fault) == ["duplicate"]
    assert customer.says(fault | {"id": "renamed-" + fault["id"]}) == ["ignored"]

    assert customer.rests()
    assert customer.count("LineFaulted") == 1
