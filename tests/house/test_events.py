"""Every event has one owner, private events stay at home, and what is heard is what somebody says."""

import dataclasses
import importlib
from pathlib import Path
from typing import get_args

import msgspec

import contracts
from chassis import kafka, messages
from chassis.testing import recorded
from contracts import document
from contracts.tests.examples import EXAMPLES
from contracts.tests.golden import samples
from tests.house.conftest import part
from tests.house.private_events import private_events
from tests.house.repository import REPOSITORY, ROOT, told

OWNER = {event.__name__: owner for owner, events in contracts.EVENTS.items() for event in events}


def test_an_event_has_one_owner() -> None:
    names = [event.__name__ for events in contracts.EVENTS.values() for event in events]

    assert len(names) == len(set(names)), "Two owners say an event of the same name; name one of them otherwise."


def test_owners_are_services() -> None:
    found = sorted(set(contracts.EVENTS) - set(REPOSITORY.services))

    assert not found, told("contracts.EVENTS names owners that are no service:", found)


def test_every_contract_module_is_listed() -> None:
    modules = {path.stem for path in Path(ROOT, "contracts").glob("*.py") if "EVENTS = (" in path.read_text("utf-8")}

    assert modules == set(contracts.EVENTS), "Add the module's EVENTS to contracts.EVENTS in contracts/__init__.py."


def test_every_event_of_a_contract_module_is_in_its_list() -> None:
    found = [
        f"contracts/{owner}.py: {kind.__name__}"
        for owner, events in contracts.EVENTS.items()
        for kind in vars(importlib.import_module(f"contracts.{owner}")).values()
        if dataclasses.is_dataclass(kind) and isinstance(kind, type)
        if kind not in events and not _is_part_of(kind, events)
    ]

    assert not found, told("Add it to EVENTS there, or it is never published:", found)


def _is_part_of(kind: type, events: tuple[type, ...]) -> bool:
    """Whether some event has a field of this type, or of several of this type."""
    return any(_has(hint, kind) for event in events for _, hint, _ in document.fields_of(event))


def _has(hint: object, kind: type) -> bool:
    return hint is kind or any(_has(part, kind) for part in get_args(hint))


def test_events_are_frozen() -> None:
    found = [
        kind.__name__
        for kind in contracts.events_of(*contracts.EVENTS)
        if not vars(kind)["__dataclass_params__"].frozen
    ]

    assert not found, told("An event is a fact: make it @dataclass(frozen=True).", found)


def test_a_service_hears_only_what_somebody_says() -> None:
    found = [
        f"services/{service}: {name}"
        for service in REPOSITORY.services
        for name in sorted(document.event_names(ROOT / "services" / service))
        if name not in OWNER and name not in _private_names(service)
    ]

    assert not found, told(
        "Nobody says these: add the class to contracts/<owner>.py and its EVENTS, or mend the name:", found
    )


def test_a_service_reads_the_topics_of_those_whose_events_it_takes() -> None:
    found = {
        service: (sorted(heard), sorted(taken))
        for service in REPOSITORY.services
        if (heard := set(getattr(part(service, "bootstrap"), "HEARD", ()))) != (taken := _owners_heard(service))
    }

    assert not found, f"Make HEARD in bootstrap.py name the owners of what reactions.py and views.py take: {found}"


def _owners_heard(service: str) -> set[str]:
    names = document.event_names(ROOT / "services" / service)
    return {OWNER[name] for name in names if name in OWNER} - {service}


def test_private_events_have_no_name_that_their_service_says_or_hears() -> None:
    found = [
        f"services/{service}: {name}"
        for service in REPOSITORY.services
        for name in sorted(_private_names(service) & contracts.names_of(*_said_or_heard(service)))
    ]

    assert not found, told("Relay and consumer know events by name; rename the private one:", found)


def _said_or_heard(service: str) -> set[str]:
    return {service} & set(contracts.EVENTS) | set(getattr(part(service, "bootstrap"), "HEARD", ()))


def test_private_events_are_defined_where_they_stay() -> None:
    found = [
        f"{kind.__module__}.{kind.__name__}"
        for service in REPOSITORY.services
        for kind in _private(service)
        if not kind.__module__.startswith(f"services.{service}.model")
    ]

    assert not found, told("A private event stands in its service's model:", found)


def test_a_service_keeps_its_public_and_its_private_events_and_no_others() -> None:
    found = {
        service: sorted(kept ^ wanted)
        for service in REPOSITORY.services
        if (kept := set(part(service, "bootstrap").CODEC.types))
        != (wanted := {name for name, owner in OWNER.items() if owner == service} | _private_names(service))
    }

    assert not found, f"Make CODEC in bootstrap.py of the contract's EVENTS and the model's PRIVATE_EVENTS: {found}"


def test_a_service_publishes_its_contract_and_nothing_else() -> None:
    found = [
        f"services/{service}/bootstrap.py"
        for service in REPOSITORY.services
        if "names_of(NAME)" not in REPOSITORY.text(f"services/{service}/bootstrap.py")
        or getattr(part(service, "bootstrap"), "NAME", "") != service
    ]

    assert not found, told("Give Parts the public names as names_of(NAME), and NAME the folder's name:", found)


def test_a_service_takes_events_from_their_owners_alone() -> None:
    found = [
        f"services/{service}/bootstrap.py"
        for service in REPOSITORY.services
        if (text := REPOSITORY.text(f"services/{service}/bootstrap.py")).count("Codec(events_of(*HEARD)")
        != text.count("Codec(events_of(*HEARD), owners=OWNERS)")
    ]

    assert not found, told("Make the codec of what is heard as Codec(events_of(*HEARD), owners=OWNERS):", found)


def test_every_golden_sample_is_read_by_the_codec_of_readers() -> None:
    codec = messages.Codec(contracts.events_of(*contracts.EVENTS))

    for sample in samples().values():
        assert type(codec.decode(sample.event, sample.data)).__name__ == sample.event


def test_each_readme_names_what_its_service_says_and_hears() -> None:
    found = [
        f"services/{service}/README.md: {name}"
        for service in REPOSITORY.services
        for name in sorted(
            {name for name, owner in OWNER.items() if owner == service}
            | (document.event_names(ROOT / "services" / service) & set(OWNER))
        )
        if name not in REPOSITORY.text(f"services/{service}/README.md")
    ]

    assert not found, told("Name the event among those heard or said in the service's README:", found)


def test_the_documented_headers_are_those_that_are_sent() -> None:
    event = next(iter(EXAMPLES.values()))

    _, value, headers = messages.to_kafka(recorded(event), messages.Codec([type(event)]), "auth")

    assert {name for name, _ in headers} == set(document.HEADERS), "Describe each header in contracts.document.HEADERS."
    assert value == msgspec.json.encode(event)


def test_the_documented_topics_are_those_that_are_used() -> None:
    assert [document.topic_of(owner) for owner in contracts.EVENTS] == [
        kafka.topic_of(owner) for owner in contracts.EVENTS
    ]
    assert document.PARTITIONS == kafka.PARTITIONS


def _private(service: str) -> list[type]:
    return private_events(REPOSITORY, service)


def _private_names(service: str) -> set[str]:
    return {kind.__name__ for kind in _private(service)}
