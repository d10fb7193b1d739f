"""The main road: a posted fault starts forwarding and sends mails, and the recovery takes it back."""

from chassis.testing import eventually
from devstack.client import Client
from tests.e2e.customer import API, Customer


def test_a_fault_starts_forwarding_and_tells_each_address_once(customer: Customer) -> None:
    assert customer.says(customer.report("faulted", cause="LOS")) == ["accepted"]

    customer.once_faulted()
    assert customer.plan()["entries"] == customer.entries
    for address in customer.addresses:
        (mail,) = customer.mails(address)
        assert mail["subject"] == "【つなぐ】回線の故障のお知らせ（本店）"
        assert "一括転送を自動で開始しました（2件）" in mail["body"]
        assert mail["headers"]["Auto-Submitted"] == "auto-generated"


def test_the_recovery_stops_forwarding_and_answers_the_fault_mail(customer: Customer) -> None:
    customer.whole_road()

    for address in customer.addresses:
        fault, recovery = customer.mails(address)
        assert recovery["subject"] == "【つなぐ】回線の回復のお知らせ（本店）"
        assert recovery["headers"]["In-Reply-To"] == fault["headers"]["Message-ID"]
        assert "一括転送を自動で停止しました" in recovery["body"]


def test_the_same_event_three_times_changes_nothing(customer: Customer) -> None:
    fault, recovery = customer.report("faulted"), customer.report("recovered", 5)

    assert [customer.says(fault) for _ in range(3)] == [["accepted"], ["duplicate"], ["duplicate"]]
    customer.once_faulted()
    assert customer.says(recovery, recovery, fault) == ["accepted", "duplicate", "duplicate"]

    customer.once_recovered()
    assert not customer.faulted()


def test_a_manual_start_survives_the_recovery(customer: Customer) -> None:
    assert customer.operator.post(f"{customer.forwarding}/start").status == 200

    customer.says(customer.report("faulted"))
    eventually(lambda: customer.told(1))
    customer.says(customer.report("recovered", 5))
    eventually(lambda: customer.told(2))

    assert customer.runs("manual")
    assert "一括転送は続いています" in customer.mails(customer.addresses[0])[1]["body"]


def test_a_manual_stop_is_not_undone_by_the_same_fault(customer: Customer) -> None:
    customer.says(customer.report("faulted", alarm="a"))
    customer.once_faulted()

    assert customer.operator.post(f"{customer.forwarding}/stop").status == 200
    customer.says(customer.report("faulted", 1, alarm="b", severity="critical"))
    customer.says(customer.report("recovered", 2, alarm="a"), customer.report("recovered", 3, alarm="b"))
    eventually(lambda: customer.told(2))

    assert customer.rests()
    assert customer.count("BulkForwardStarted") == 1


def test_a_recovery_before_its_fault_raises_nothing(customer: Customer) -> None:
    assert customer.says(customer.report("recovered", 5)) == ["ignored"]
    assert customer.says(customer.report("faulted", 0)) == ["ignored"]
    assert not customer.faulted()

    customer.says(customer.report("faulted", 10))
    customer.once_faulted()
    customer.says(customer.report("recovered", 15))

    customer.once_recovered()


def test_two_alarms_on_one_line_are_one_fault(customer: Customer) -> None:
    customer.says(customer.report("faulted", 0, alarm="LOS"), customer.report("faulted", 1, alarm="AIS"))
    customer.once_faulted()

    customer.says(customer.report("recovered", 2, alarm="LOS"))
    assert customer.faulted()
    customer.says(customer.report("recovered", 3, alarm="AIS"))

    customer.once_recovered()
    assert not customer.faulted()


def test_planned_work_starts_nothing(customer: Customer) -> None:
    assert customer.says(customer.report("faulted", 0, planned=True, alarm="work")) == ["accepted"]
    assert not customer.faulted()

    customer.says(customer.report("faulted", 1, alarm="real"))
    customer.once_faulted()
    customer.says(customer.report("recovered", 2, alarm="real"))

    customer.once_recovered()


def test_a_line_is_found_by_circuit_and_by_any_of_its_numbers(customer: Customer) -> None:
    by_circuit = customer.report("faulted", circuit=f"C-{customer.number}", alarm="one")
    del by_circuit["line"]
    by_number = customer.report("faulted", 1, line=customer.second_number, alarm="two")

    assert customer.says(by_circuit, by_number) == ["accepted", "accepted"]
    assert len(customer.operator.get(f"{API}/lines/{customer.number}").body["alarms"]) == 2


def test_a_bad_item_does_not_fail_its_neighbours(customer: Customer) -> None:
    bad = [{}, 7, customer.report("faulted", line="0399999999"), customer.report("broken"), {"id": "x\u0000"}]

    answer = customer.post(*bad, customer.report("faulted"))  # type: ignore[arg-type]

    assert (answer.status, answer.body["accepted"], answer.body["rejected"]) == (202, 1, 5)
    assert answer.body["results"][2]["code"] == "unknown-line"
    customer.once_faulted()


def test_switched_off_automation_starts_nothing_and_the_mail_says_so(customer: Customer) -> None:
    settings = {"entries": customer.entries, "auto_start": False, "auto_stop": True}
    assert customer.operator.put(customer.forwarding, settings).status == 200

    customer.says(customer.report("faulted"))
    eventually(lambda: customer.told(1))

    assert customer.rests()
    assert customer.count("BulkForwardAutoStartSkipped") == 1
    assert "一括転送は開始していません" in customer.mails(customer.addresses[0])[0]["body"]


def test_the_end_of_the_contract_ends_what_ran_on_it(customer: Customer) -> None:
    customer.says(customer.report("faulted"))
    customer.once_faulted()

    assert customer.operator.delete(f"{API}/contracts/{customer.number}").status == 204

    eventually(lambda: customer.operator.get(customer.forwarding).status == 404)
    eventually(lambda: customer.count("BulkForwardStopped") == 1)


def test_history_says_who_did_what(customer: Customer) -> None:
    source = "2001:db8::7"
    operator = Client(customer.site, customer.operator.bearer, headers={"X-Forwarded-For": source})
    operator.post(f"{customer.forwarding}/start")

    items = customer.operator.get(f"{API}/contracts/{customer.number}/history").body["items"]

    started = next(item for item in items if item["event"] == "BulkForwardStarted")
    assert (started["by"]["kind"], started["by"]["from"]) == ("operator", source)
    assert started["sentence"]["ja"]


def test_nobody_gets_in_without_a_key(customer: Customer, stack_url: str) -> None:
    stranger, machine = Client(stack_url, "tsu_wrong"), customer.monitor

    assert stranger.get(customer.forwarding).status == 401
    assert machine.get(customer.forwarding).status == 404
    assert machine.get(f"{API}/api-keys").status == 403
    assert stranger.post(f"{API}/line-events", []).status == 401
