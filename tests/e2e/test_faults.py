"""Bad luck: every process of ours, and both engines, may die at any line."""

from collections.abc import Callable

import pytest

from chaos.harm import LONG, crashing, died, insist, restarted
from chassis.testing import eventually
from devstack.stack import Stack
from tests.e2e.customer import Customer
from tests.e2e.sites import Command


def test_bulkforward_worker_dies_between_its_insert_and_its_offset_commit(stack: Stack, customer: Customer) -> None:
    with crashing(stack, "bulkforward", "before-offset-commit") as worker:
        customer.says(customer.report("faulted"))
        eventually(lambda: died(worker), within=LONG)
        assert customer.runs(), "the effect is durable before the offset is"

    customer.once_faulted(LONG)
    customer.says(customer.report("recovered", 5))
    customer.once_recovered(LONG)


@pytest.mark.parametrize("service", ["linewatch", "bulkforward"])
def test_relay_dies_between_kafkas_acknowledgement_and_its_place(
    stack: Stack, customer: Customer, service: str
) -> None:
    with crashing(stack, service, "before-relay-place") as worker:
        customer.says(customer.report("faulted"))
        eventually(lambda: died(worker), within=LONG)

    customer.once_faulted(LONG)
    customer.says(customer.report("recovered", 5))
    customer.once_recovered(LONG)


def test_the_same_event_after_a_restart_changes_nothing(stack: Stack, customer: Customer) -> None:
    fault = customer.report("faulted")
    customer.says(fault)
    customer.once_faulted()

    for name in ("linewatch-web", "linewatch-worker", "bulkforward-worker", "notify-worker", "notify-aside"):
        restarted(stack, name)
    stack.wait_ready("linewatch-web")

    assert insist(lambda: customer.post(fault)).body["duplicates"] == 1
    insist(lambda: customer.post(customer.report("recovered", 5)))
    customer.once_recovered(LONG)


@pytest.mark.parametrize("name", ["notify-aside", "notify-worker", "linewatch-worker", "auth-worker", "gateway"])
def test_any_process_may_be_killed_in_the_middle(stack: Stack, customer: Customer, name: str) -> None:
    fault = customer.report("faulted")
    insist(lambda: customer.post(fault))
    restarted(stack, name)
    stack.wait_ready("gateway")

    customer.once_faulted(LONG)
    recovery = customer.report("recovered", 5)
    insist(lambda: customer.post(recovery))
    customer.once_recovered(LONG)


def test_mongod_killed_while_events_come_in(engines_too: Stack, new_customer: Callable[[], Customer]) -> None:
    customers = [new_customer() for _ in range(6)]
    faults = [customer.report("faulted") for customer in customers]

    for number, (customer, fault) in enumerate(zip(customers, faults, strict=True)):
        if number == 2:
            engines_too.kill("mongod")
        insist(lambda customer=customer, fault=fault: customer.post(fault))  # type: ignore[misc]

    for customer in customers:
        customer.once_faulted(LONG)
        customer.says(customer.report("recovered", 5))
        customer.once_recovered(LONG)


def test_an_event_is_taken_while_kafka_is_away(engines_too: Stack, customer: Customer) -> None:
    engines_too.hold("kafka")
    engines_too.kill("kafka")
    assert customer.says(customer.report("faulted")) == ["accepted"]
    assert customer.faulted()

    engines_too.release("kafka")
    customer.once_faulted(LONG)
    customer.says(customer.report("recovered", 5))
    customer.once_recovered(LONG)


def test_kafka_loses_all_of_its_data(engines_too: Stack, new_customer: Callable[[], Customer]) -> None:
    before, after = new_customer(), new_customer()
    before.says(before.report("faulted"))
    before.once_faulted()

    engines_too.wipe_kafka()
    after.says(after.report("faulted"))
    after.once_faulted(LONG)
    for customer in (before, after):
        customer.says(customer.report("recovered", 5))
        customer.once_recovered(LONG)


def test_a_poison_message_goes_aside_and_the_road_stays_open(
    kafka_servers: list[str], command: Command, customer: Customer
) -> None:
    from chassis import kafka

    producer = kafka.make_producer(kafka_servers, "poison")
    for value, headers in [(b"{", [("ce_type", b"LineFaulted")]), (None, []), (b"{}", [("ce_type", b"Unheard")])]:
        producer.send("linewatch-events", key=b"line-0000000000", value=value, headers=headers)
    producer.close()

    customer.whole_road(LONG)
    replayed = command("bulkforward", "replay")
    assert "dead letters taken again" in replayed.stdout
    assert replayed.returncode == 1, "poison stays poison"


def test_a_view_is_made_anew_and_comes_out_the_same(command: Command, customer: Customer) -> None:
    customer.whole_road()

    for service, view in [("linewatch", "contracts"), ("notify", "mails")]:
        rebuilt = command(service, "rebuild", view)
        assert rebuilt.returncode == 0, rebuilt.stderr

    assert customer.says(customer.report("faulted", 20)) == ["accepted"]
    mails = customer.operator.get(f"/api/v1/mails?contract={customer.number}").body["items"]
    assert [mail["state"] for mail in mails][-4:] == ["sent"] * 4
