"""Mails of notify that are not of one fault: the test mail, and one letter for several lines."""

from collections.abc import Callable

from chassis.testing import eventually
from tests.e2e.customer import API, Customer


def test_a_test_mail_arrives_at_each_address_and_says_what_it_is(customer: Customer) -> None:
    answer = customer.operator.post(f"{API}/contracts/{customer.number}/fault-notice/test-mail")

    assert (answer.status, answer.body) == (202, {"addresses": customer.addresses})
    eventually(lambda: customer.told(1))
    for address in customer.addresses:
        (mail,) = customer.mails(address)
        assert mail["subject"] == "【つなぐ】【テスト】故障・回復通知の送信テスト（本店）"
        assert "回線の故障は起きていません" in mail["body"]


def test_one_owners_lines_are_told_of_in_one_letter_and_so_is_their_recovery(
    new_customer: Callable[[], Customer],
) -> None:
    one, *others = lines = [new_customer() for _ in range(4)]
    for other in others:
        notice = f"{API}/contracts/{other.number}/fault-notice"
        assert other.operator.put(notice, {"addresses": one.addresses}).status == 200

    one.says(*(line.report("faulted") for line in lines))
    eventually(lambda: one.told(1))
    one.says(*(line.report("recovered", 5) for line in lines))
    eventually(lambda: one.told(2))

    for address in one.addresses:
        fault, recovery = one.mails(address)
        assert fault["subject"] == "【つなぐ】回線の故障のお知らせ（4回線）"
        assert recovery["subject"] == "【つなぐ】回線の回復のお知らせ（4回線）"
        assert recovery["headers"]["In-Reply-To"] == fault["headers"]["Message-ID"]
