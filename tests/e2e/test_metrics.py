"""Every process shows its metrics, and whatever a dashboard or an alert asks for is among them."""

import subprocess
from collections.abc import Callable, Mapping

import pytest
import urllib3
from prometheus_client.parser import text_string_to_metric_families
from promql_parser import VectorSelector

from chassis.testing import eventually
from devstack import seed
from devstack.client import Client
from devstack.services import GATEWAY, GATEWAY_METRICS, SERVICES, tasks, worker
from devstack.stack import Stack
from tests.deploy import monitoring
from tests.e2e.customer import API, Customer
from tests.house.repository import told

# What only a failure shows.
OF_FAILURES = frozenset({"task_interruptions_total", "dead_letters_total"})
Labels = Mapping[str, frozenset[str]]


@pytest.fixture(scope="module")
def texts(stack: Stack, new_customer: Callable[[], Customer], keys: Mapping[str, str]) -> dict[str, str]:
    """What each process shows after everything that is counted has happened once."""
    customer = new_customer()
    customer.post(customer.report("faulted"), customer.report("faulted", line="0700000000"))
    customer.once_faulted()
    assert customer.log_in(customer.number, "10000000").status == 401
    assert customer.operator.put(customer.forwarding, {"entries": {customer.number: "110"}}).status == 422
    call = {"call_id": f"metrics-{customer.number}", "called": customer.number, "caller": None}
    call |= {"at": "2026-11-23T09:00:00+09:00"}
    assert Client(customer.site, keys[seed.CALLS]).post(f"{API}/calls", call).status == 200
    eventually(lambda: "kafka_consumer_lag{" in shown(stack, worker("bulkforward")), within=60)
    return {name: shown(stack, name) for name in names(stack)}


def names(stack: Stack) -> list[str]:
    own = [worker(service, task) for service in SERVICES for task in ("web", *tasks(service))]
    return [*own, GATEWAY_METRICS]


def shown(stack: Stack, name: str) -> str:
    answer = urllib3.request("GET", f"{stack.addresses.url(name)}/metrics", timeout=10)
    assert answer.status == 200, name
    return answer.data.decode()


def samples(text: str) -> dict[str, frozenset[str]]:
    """The names of all samples, each with its labels."""
    found: dict[str, frozenset[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, frozenset()) | set(sample.labels)
    return found


@pytest.fixture(scope="module")
def exported(texts: dict[str, str]) -> Labels:
    """All processes together."""
    found: dict[str, frozenset[str]] = {}
    for text in texts.values():
        for name, labels in samples(text).items():
            found[name] = found.get(name, frozenset()) | labels
    return found


def test_every_process_tells_its_version_and_what_it_costs(texts: dict[str, str]) -> None:
    wanted = {"build_info", "process_cpu_seconds_total", "process_resident_memory_bytes", "process_start_time_seconds"}

    assert {name: wanted - set(samples(text)) for name, text in texts.items() if wanted - set(samples(text))} == {}


def test_the_gateways_public_port_shows_no_metrics(stack: Stack) -> None:
    assert urllib3.request("GET", f"{stack.addresses.url(GATEWAY)}/metrics", timeout=10).status == 404


def test_what_is_asked_for_is_exported(exported: Labels) -> None:
    known = {**exported, **{name: frozenset({"slo"}) for name in monitoring.recorded()}}
    unasked = monitoring.OF_PROMETHEUS | OF_FAILURES
    asked = [(one.place, it) for one in monitoring.expressions() for it in one.selectors if it.name not in unasked]

    names = [f"{place}: {it.name}" for place, it in asked if it.name not in known]
    labels = [
        f"{place}: {it}"
        for place, it in asked
        if not labels_of(it) <= known.get(it.name or "", frozenset()) | monitoring.LABELS_OF_TARGETS
    ]
    assert not names, told("No process shows this metric:", names)
    assert not labels, told("The metric has no such label:", labels)


def labels_of(selector: VectorSelector) -> set[str]:
    return {matcher.name for matcher in selector.matchers.matchers}


def test_no_metric_names_a_customer(texts: dict[str, str], stack: Stack) -> None:
    """Numbers and addresses would be a series each, and personal."""
    labels = {
        value
        for text in texts.values()
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        for value in sample.labels.values()
    }

    assert [value for value in labels if "@" in value or (value.isdigit() and len(value) > 6)] == []


def test_prometheus_finds_nothing_odd(texts: dict[str, str]) -> None:
    tool = monitoring.promtool()
    said = {
        name: subprocess.run([tool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        for name, text in texts.items()
    }

    assert {name: one.stdout + one.stderr for name, one in said.items() if one.returncode} == {}
