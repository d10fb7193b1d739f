"""The telephone (ivr) through the gateway, as a switch and as a voice platform meet it."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
import urllib3
from kafka import KafkaConsumer

from chassis.testing import eventually
from devstack import seed
from devstack.client import Answer, Client
from tests.e2e.customer import API, Customer

PASSWORD = "20261123"
WRONG = "入力された番号が正しくありません。もう一度押してください。"
AGAIN = "確認のためにもう一度仮パスワードを入力してください。"
VXML = "{http://www.w3.org/2001/vxml}"


@pytest.fixture
def telephone(stack_url: str, keys: dict[str, str]) -> Client:
    return Client(stack_url, keys[seed.IVR])


def dial(telephone: Client, caller: str) -> dict[str, Any]:
    """The beginning of a call, when ivr has heard of the contract."""

    def connected() -> Any:
        answer = telephone.post(f"{API}/ivr/calls", {"caller": caller})
        assert answer.status == 201 or answer.code == "caller-not-contracted", answer
        return answer.status == 201 and answer.body

    begun: dict[str, Any] = eventually(connected)
    return begun


def press(telephone: Client, call: dict[str, Any], keys: str) -> Answer:
    return telephone.post(f"{API}/ivr/calls/{call['call_id']}/keys", {"keys": keys})


def facts(kafka_servers: list[str], number: str) -> Iterator[dict[str, Any]]:
    """Every PasswordIssued of a number, as anyone reads it on Kafka."""
    reader = KafkaConsumer(
        "ivr-events",
        bootstrap_servers=kafka_servers,
        auto_offset_reset="earliest",
        consumer_timeout_ms=1000,
        group_id=None,
    )
    try:
        for record in reader:
            if (fact := json.loads(record.value))["number"] == number:
                yield fact
    finally:
        reader.close()


def test_a_password_set_by_telephone_is_told_to_everybody_without_the_password(
    kafka_servers: list[str], telephone: Client, customer: Customer
) -> None:
    number, second = customer.number, customer.second_number
    call = dial(telephone, number)
    assert press(telephone, call, "3").body["expects"] == {"kind": "keys", "length": None, "ends_with": "#"}
    assert press(telephone, call, f"{second}#{PASSWORD}").body["guidance"] == [AGAIN]
    end = press(telephone, call, PASSWORD).body

    assert end == {
        "call_id": call["call_id"],
        "guidance": [f"{second}番の仮パスワードの設定が完了しました。ご利用ありがとうございました。"],
        "expects": None,
        "finished": True,
    }
    fact: dict[str, Any] = eventually(lambda: next(facts(kafka_servers, second), {}))
    assert (fact["contract_number"], fact["unit"], fact["call_id"]) == (number, "admin-user", call["call_id"])
    assert fact["verifier"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert PASSWORD not in str(fact)


def test_wrong_turns_and_hanging_up_change_nothing(
    kafka_servers: list[str], telephone: Client, customer: Customer
) -> None:
    given_up, hung_up = (dial(telephone, customer.number) for _ in range(2))

    heard = [press(telephone, given_up, keys).body for keys in ("#", "9", "*")]
    assert [turn["guidance"] for turn in heard[:2]] == [[WRONG], [WRONG]]
    assert heard[2]["finished"]
    assert press(telephone, given_up, "1").code == "call-finished"

    press(telephone, hung_up, f"1{PASSWORD}{PASSWORD[:7]}")
    assert telephone.delete(f"{API}/ivr/calls/{hung_up['call_id']}").status == 204
    assert press(telephone, hung_up, PASSWORD[7:]).code == "call-finished"

    assert list(facts(kafka_servers, customer.number)) == []


def test_only_contracted_numbers_and_only_the_telephone(telephone: Client, monitor: Client, operator: Client) -> None:
    assert telephone.post(f"{API}/ivr/calls", {"caller": "09099990000"}).code == "caller-not-contracted"
    for other in (monitor, operator):
        assert other.post(f"{API}/ivr/calls", {"caller": "0600001111"}).code == "forbidden"


def test_a_voice_platform_gets_its_pages(
    stack_url: str, keys: dict[str, str], telephone: Client, customer: Customer
) -> None:
    dial(telephone, customer.number)
    pool, headers = urllib3.PoolManager(retries=False), {"Authorization": f"Bearer {keys[seed.IVR]}"}
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    url = f"{stack_url}{API}/ivr/voicexml"

    def page(method: str, **form: str) -> ElementTree.Element:
        answer = pool.request(method, url, body=urlencode(form) or None, headers=headers)
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/voicexml+xml; charset=utf-8")
        return ElementTree.fromstring(answer.data)

    assert page("GET").find(f".//{VXML}submit") is not None
    menu = page("POST", caller=f"tel:+81{customer.number[1:]}")
    call, turn = ((variable.get("expr") or "").strip("'") for variable in menu.findall(f"{VXML}var"))
    end = page("POST", call=call, turn=turn, keys=f"1{PASSWORD}{PASSWORD}")

    assert end.find(f".//{VXML}disconnect") is not None
    assert end.findtext(f".//{VXML}say-as") == customer.number
