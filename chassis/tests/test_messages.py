from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import structs

from chassis.errors import BadMessage
from chassis.messages import Codec, from_kafka, now, sequence_of, to_kafka
from chassis.testing import recorded
from chassis.tests.examples import CODEC, Noted, Opened


@dataclass(frozen=True)
class Moved:
    """Today's shape: `to` was `target` once, and there was no `by`."""

    to: str
    by: str
    at: datetime | None = None


def modernised(data: dict[str, Any]) -> dict[str, Any]:
    return {"to": data["target"], "by": "unknown"} if "target" in data else data


MOVED = Codec([Moved], {"Moved": modernised})


def test_an_event_comes_back_from_its_data() -> None:
    event = Moved("north", "ann", datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC))

    name, data = MOVED.encode(event)

    assert (name, MOVED.decode(name, data)) == ("Moved", event)


def test_a_field_that_a_reader_does_not_know_is_ignored() -> None:
    assert MOVED.decode("Moved", {"to": "north", "by": "ann", "colour": "red"}) == Moved("north", "ann")


def test_an_upcaster_turns_an_older_shape_into_todays() -> None:
    assert MOVED.decode("Moved", {"target": "north"}) == Moved("north", "unknown")


@pytest.mark.parametrize("data", [{"to": "north"}, {"to": 1, "by": "ann"}, {"to": None, "by": "ann"}, [], "text", None])
def test_data_that_does_not_fit_is_unreadable(data: object) -> None:
    with pytest.raises(BadMessage) as refused:
        Codec([Moved]).decode("Moved", data)

    assert refused.value.code == "unreadable-event"
    assert refused.value.details["type"] == "Moved"


@pytest.mark.parametrize("data", [[], "text", None, 7])
def test_an_upcaster_that_stumbles_over_odd_data_makes_it_unreadable(data: object) -> None:
    with pytest.raises(BadMessage, match="unreadable-event"):
        MOVED.decode("Moved", data)


def test_an_unknown_type_is_refused_by_name() -> None:
    with pytest.raises(BadMessage) as refused:
        CODEC.decode("Exploded", {})

    assert (refused.value.code, refused.value.details) == ("unknown-event-type", {"type": "Exploded"})


def test_an_event_of_another_codec_cannot_be_encoded() -> None:
    with pytest.raises(TypeError):
        CODEC.encode(Moved("north", "ann"))


def test_another_class_of_the_same_name_cannot_be_encoded() -> None:
    @dataclass(frozen=True)
    class Opened:
        by: str

    with pytest.raises(TypeError):
        CODEC.encode(Opened("ann"))


def test_text_that_is_not_unicode_cannot_be_encoded() -> None:
    with pytest.raises(BadMessage, match="unwritable-event"):
        CODEC.encode(Noted("half \ud83d"))


def test_an_event_comes_back_from_kafka_with_the_facts_around_it() -> None:
    sent = recorded(Noted("故障 😀"), "door-1", 12, 3, causation_id="cause-1")

    _, value, headers = to_kafka(sent, CODEC, "keeper")

    assert from_kafka(value, headers, CODEC) == structs.replace(sent, actor=replace(sent.actor, source=""))


def test_kafka_is_told_by_the_cloudevents_binding() -> None:
    key, value, headers = to_kafka(recorded(Opened("ann"), "door-1", 2), CODEC, "keeper")

    said = dict(headers)
    assert (key, value) == (b"door-1", b'{"by":"ann"}')
    assert (said["ce_specversion"], said["ce_id"], said["ce_type"]) == (b"1.0", b"door-1@2.0", b"Opened")
    assert (said["ce_source"], said["ce_subject"], said["ce_partitionkey"]) == (b"/keeper", b"door-1", b"door-1")
    assert said["content-type"] == b"application/json"


def test_where_a_customer_was_does_not_leave_the_service() -> None:
    _, _, headers = to_kafka(recorded(Opened("ann")), CODEC, "keeper")

    assert b"192.0.2.1" not in b"".join(text for _, text in headers)


VALUE, HEADERS = to_kafka(recorded(Opened("ann"), "door-1"), CODEC, "keeper")[1:]


def without(name: str) -> list[tuple[str, bytes]]:
    return [header for header in HEADERS if header[0] != name]


def changed(name: str, text: bytes) -> list[tuple[str, bytes]]:
    return [*without(name), (name, text)]


@pytest.mark.parametrize(
    ("value", "headers", "code"),
    [
        pytest.param(None, HEADERS, "empty-message", id="no value"),
        pytest.param(b"", HEADERS, "unreadable-message", id="empty value"),
        pytest.param(b"{", HEADERS, "unreadable-message", id="bad json"),
        pytest.param(b"\xff\xfe{", HEADERS, "unreadable-message", id="not utf-8"),
        pytest.param(b"[" * 100_000, HEADERS, "unreadable-event", id="deep"),
        pytest.param(b'{"by":"ann","more":' + b"[" * 100_000, HEADERS, "unreadable-message", id="deep in a field"),
        pytest.param(b"[]", HEADERS, "unreadable-event", id="a list"),
        pytest.param(b"{}", HEADERS, "unreadable-event", id="field missing"),
        pytest.param(b'{"by":7}', HEADERS, "unreadable-event", id="field of another type"),
        pytest.param(VALUE, [], "header-missing", id="no headers"),
        pytest.param(VALUE, without("ce_actor"), "header-missing", id="no actor"),
        pytest.param(VALUE, changed("ce_actor", b"burglar:bob"), "unreadable-message", id="unknown actor"),
        pytest.param(VALUE, changed("ce_type", b"Exploded"), "unknown-event-type", id="unknown type"),
        pytest.param(VALUE, changed("ce_type", b"\xff"), "unreadable-message", id="header not utf-8"),
        pytest.param(VALUE, changed("ce_time", b"yesterday"), "unreadable-message", id="bad time"),
        pytest.param(VALUE, changed("ce_time", b"2026-01-01T00:00:00"), "unreadable-message", id="time without zone"),
        *[
            pytest.param(VALUE, without(name), "header-missing", id=f"no {name}")
            for name in ("ce_id", "ce_type", "ce_time", "ce_subject", "ce_sequence", "ce_correlationid")
        ],
    ],
)
def test_a_broken_record_says_what_is_wrong(value: bytes | None, headers: list[tuple[str, bytes]], code: str) -> None:
    with pytest.raises(BadMessage) as refused:
        from_kafka(value, headers, CODEC)

    assert refused.value.code == code


def test_sequences_order_commits_before_places() -> None:
    assert sequence_of(2, 9) < sequence_of(10, 0) < sequence_of(10, 1) < sequence_of(10, 10)


def test_now_is_what_mongodb_can_keep() -> None:
    assert now().microsecond % 1000 == 0
    assert now().tzinfo is UTC
