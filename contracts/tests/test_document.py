"""The generated documents tell of every event, and the AsyncAPI one is built as AsyncAPI 3.0 wants it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

import contracts
from contracts.document import asyncapi, event_names, events_page, fields_of, heard_by, words_for
from contracts.meanings import FIELDS, meaning
from contracts.tests.examples import EXAMPLES

EVENTS = contracts.events_of(*contracts.EVENTS)
VALUES = (
    contracts.auth.Contract,
    contracts.voicewarp.Destination,
    contracts.voicewarp.Caller,
    contracts.voicewarp.Step,
    contracts.switched.SwitchedOn,
)
HEARD = {event.__name__: ("notify",) if event.__name__ == "LineFaulted" else () for event in EVENTS}
DOCUMENT = asyncapi(HEARD, "1.2.3")


def test_every_published_field_has_a_meaning() -> None:
    kinds = [*EVENTS, *VALUES]

    without = [
        f"{kind.__name__}.{name}" for kind in kinds for name, *_ in fields_of(kind) if not meaning(kind.__name__, name)
    ]

    assert not without, f"Say in contracts/meanings.py what these mean: {without}"


def test_no_meaning_is_left_of_a_field_that_is_gone() -> None:
    kinds = [*EVENTS, *VALUES]
    known = {spelled for kind in kinds for name, *_ in fields_of(kind) for spelled in (name, f"{kind.__name__}.{name}")}

    assert sorted(set(FIELDS) - known) == []


def test_every_event_says_in_a_docstring_what_it_promises() -> None:
    # A dataclass without a docstring gets its signature as one.
    silent = [event.__name__ for event in EVENTS if (event.__doc__ or "").startswith(f"{event.__name__}(")]

    assert not silent, f"Give these events a docstring in contracts/: {silent}"


def test_the_page_names_each_event_its_topic_and_its_hearers() -> None:
    page = events_page(HEARD)

    assert "Topic `linewatch-events`, key: the stream." in page
    assert "| `LineFaulted` | notify |" in page
    assert "| `LineRecovered` | nobody yet |" in page
    assert all(f"### {event.__name__}\n" in page for event in EVENTS)


def test_types_are_told_in_words() -> None:
    assert words_for(dict[str, tuple[Literal["a", "b"], ...]]) == "map of text to list of one of `a`, `b`"
    assert words_for(int | None) == "whole number or null"


def test_hearers_are_read_from_the_text_of_services(tmp_path: Path) -> None:
    service = tmp_path / "callblock"
    service.mkdir()
    (service / "reactions.py").write_text('HEARD = {"LineFaulted": 1, "not an event": 2, "Contract": 3}\n')
    (service / "views.py").write_text('EVENTS = frozenset({"MailSent"})\n')

    assert event_names(service) == {"LineFaulted", "MailSent"}
    assert heard_by(tmp_path)["LineFaulted"] == ("callblock",)
    assert heard_by(tmp_path)["LineRecovered"] == ()


def test_the_services_own_events_in_its_views_are_not_heard_from_anyone(tmp_path: Path) -> None:
    (tmp_path / "notify").mkdir()
    (tmp_path / "notify" / "views.py").write_text('EVENTS = frozenset({"MailSent"})\n')

    assert heard_by(tmp_path)["MailSent"] == ()


def test_the_asyncapi_root_has_its_required_parts() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert DOCUMENT["info"].items() >= {"title": "Tsunagu events", "version": "1.2.3"}.items()
    assert set(DOCUMENT) <= {"asyncapi", "info", "defaultContentType", "channels", "operations", "components"}


def test_every_reference_leads_somewhere() -> None:
    dangling = [reference for reference in _references(DOCUMENT) if _find(DOCUMENT, reference) is None]

    assert dangling == []


def test_an_operation_takes_only_messages_of_its_channel() -> None:
    for operation in DOCUMENT["operations"].values():
        assert operation["action"] in ("send", "receive")
        channel = operation["channel"]["$ref"]
        assert all(message["$ref"].startswith(f"{channel}/messages/") for message in operation["messages"])


def test_a_hearer_receives_in_a_group_named_after_it() -> None:
    heard = DOCUMENT["operations"]["notify-hears-linewatch"]

    assert [message["$ref"] for message in heard["messages"]] == ["#/channels/linewatch-events/messages/LineFaulted"]
    assert heard["bindings"]["kafka"]["groupId"]["const"] == "notify"


@pytest.mark.parametrize("event", EVENTS)
def test_a_payload_schema_fits_the_event_as_it_is_written(event: type) -> None:
    schema = DOCUMENT["components"]["schemas"][event.__name__]
    written = msgspec.to_builtins(EXAMPLES[event.__name__])

    assert set(schema["properties"]) == set(written)
    assert set(schema["required"]) <= set(written)
    assert all(field["description"] for field in schema["properties"].values())


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        part = list(part.values())
    for inner in part if isinstance(part, list) else ():
        yield from _references(inner)


def _find(document: Any, reference: str) -> Any:
    for name in reference.removeprefix("#/").split("/"):
        document = document.get(name) if isinstance(document, dict) else None
    return document
