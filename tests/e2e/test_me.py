"""What a login opens, as its first page needs it: all states at once, of however many numbers."""

from chassis.testing import eventually
from tests.e2e.customer import API, Customer

STOPPED = {"incoming-mail": {"started": False}, "voicewarp": {"started": False}}


def test_a_contract_of_many_numbers_tells_all_states_at_once(customer: Customer) -> None:
    rest = customer.number[2:]
    numbers = [customer.number, *(f"0{n}{rest}" for n in (1, 2, 3, 4)), *(f"0{n}0{rest}" for n in (5, 6, 7, 8, 9))]
    customer.register({number: list(STOPPED) for number in numbers}, ["bulk-forward", "fault-notice"])
    browser = customer.at_home("line")

    def all_told() -> bool:
        me = browser.get(f"{API}/me").body
        return [one["options"] for one in me["numbers"]] == [STOPPED] * len(numbers)

    eventually(all_told)
