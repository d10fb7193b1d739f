"""What is recorded and sent: an event with the facts around it, and its one written form.

The written form is the same in the event store and on Kafka: an explicit type name and JSON data made from the
event's dataclass. No class path is stored, so code may move.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec

from chassis.errors import BadMessage

ActorKind = Literal["customer", "operator", "automatic", "telephone"]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Actor:
    """Who did it: `id` is a login number, a key's name or an automation's name; `source` a network address or ""."""

    kind: ActorKind
    id: str
    source: str = ""


@dataclass(frozen=True)
class Origin:
    """Where a command comes from: recorded with every event that it causes."""

    actor: Actor
    correlation_id: str
    causation_id: str = ""


class Recorded(msgspec.Struct, frozen=True):
    """An event that is durable, with the facts around it. A struct is made in a tenth of the time of a dataclass.

    `sequence` orders the events of one stream and compares as text; nothing is promised across streams. `id` is unique
    and the same on every redelivery.
    """

    event: Any
    type: str
    stream: str
    sequence: str
    id: str
    at: datetime
    actor: Actor
    correlation_id: str
    causation_id: str


def now() -> datetime:
    """The wall clock in UTC, cut to milliseconds, which is what MongoDB keeps."""
    instant = datetime.now(UTC)
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def sequence_of(revision: int, index: int) -> str:
    """The text by which the events of one stream are ordered: commit revision, then place in the commit."""
    return f"{revision:010d}.{index:04d}"


class Codec:
    """Events to JSON data and back, by the name of their class.

    Fields that a class does not know are ignored and missing ones refused, so a producer may be newer than its reader.
    An upcaster turns the data of an older shape of its type into today's. `owners` are the only ones who say a type, by
    its name.
    """

    def __init__(
        self,
        types: Iterable[type],
        upcasters: Mapping[str, Upcaster] | None = None,
        owners: Mapping[str, str] | None = None,
    ) -> None:
        self._types = {cls.__name__: cls for cls in types}
        self._upcasters = dict(upcasters or {})
        self._owners = dict(owners or {})

    @property
    def types(self) -> frozenset[str]:
        return frozenset(self._types)

    def owner_of(self, name: str) -> str:
        """Who alone says events of this type; "" when anyone may."""
        return self._owners.get(name, "")

    def encode(self, event: object) -> tuple[str, dict[str, Any]]:
        """The type name and JSON data of an event.

        `TypeError` for one whose class is not listed; `BadMessage("unwritable-event")` for one with text that is not
        Unicode (a lone surrogate): the store or Kafka would choke on it later.
        """
        name, _ = self.write(event)
        return name, msgspec.to_builtins(event)

    def shape(self, event: object) -> tuple[str, dict[str, Any]]:
        """As `encode`, for a writer that refuses by itself what is not Unicode."""
        return self._name(event), msgspec.to_builtins(event)

    def write(self, event: object) -> tuple[str, bytes]:
        """As `encode`, the data as JSON text."""
        name = self._name(event)
        try:
            return name, msgspec.json.encode(event)
        except UnicodeEncodeError as problem:
            raise BadMessage("unwritable-event", type=name, cause=problem.reason) from problem

    def _name(self, event: object) -> str:
        name = type(event).__name__
        if self._types.get(name) is not type(event):
            raise TypeError(f"{name} is not an event of this codec")
        return name

    def decode(self, name: str, data: Any) -> Any:
        """The event; `BadMessage` with code `unknown-event-type` or `unreadable-event` and the cause."""
        cls = self._types.get(name)
        if cls is None:
            raise BadMessage("unknown-event-type", type=name)
        try:
            upcast = self._upcasters.get(name)
            return msgspec.convert(upcast(data) if upcast else data, cls)
        except (ValueError, LookupError, TypeError, AttributeError) as problem:
            # The last three are an upcaster's, on data that it did not expect.
            raise BadMessage("unreadable-event", type=name, cause=str(problem)) from problem

    def read(self, name: str, text: bytes) -> Any:
        """As `decode`, from JSON text; `BadMessage("unreadable-message")` when it is none."""
        cls = self._types.get(name)
        try:
            if cls is None or name in self._upcasters:
                return self.decode(name, msgspec.json.decode(text))
            return msgspec.json.decode(text, type=cls)
        except msgspec.ValidationError as problem:
            raise BadMessage("unreadable-event", type=name, cause=str(problem)) from problem
        except (ValueError, RecursionError, msgspec.MsgspecError) as problem:
            raise BadMessage("unreadable-message", cause=str(problem)) from problem


def to_kafka(recorded: Recorded, codec: Codec, source: str) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Key, value and headers of an event by the CloudEvents 1.0 Kafka binding, binary mode."""
    name, text = codec.write(recorded.event)
    stream = recorded.stream.encode()
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", recorded.id.encode()),
        ("ce_type", name.encode()),
        ("ce_source", b"/" + source.encode()),
        ("ce_time", recorded.at.isoformat().encode()),
        ("ce_subject", stream),
        ("ce_partitionkey", stream),
        ("ce_sequence", recorded.sequence.encode()),
        ("ce_correlationid", recorded.correlation_id.encode()),
        ("ce_causationid", recorded.causation_id.encode()),
        ("ce_actor", f"{recorded.actor.kind}:{recorded.actor.id}".encode()),
        ("content-type", b"application/json"),
    ]
    return stream, text, headers


def from_kafka(value: bytes | None, headers: Iterable[tuple[str, bytes]], codec: Codec) -> Recorded:
    """The event of a Kafka record; `BadMessage` says what is wrong with it."""
    if value is None:
        raise BadMessage("empty-message")
    try:
        # Of equal names the last counts, and one without a value is as if it were not there.
        said = dict(headers)
        name = _text(said, "ce_type")
        return Recorded(
            codec.read(name, value),
            name,
            _text(said, "ce_subject"),
            _text(said, "ce_sequence"),
            _text(said, "ce_id"),
            msgspec.convert(_text(said, "ce_time"), Instant),
            _actor_of(_text(said, "ce_actor")),
            _text(said, "ce_correlationid"),
            _text(said, "ce_causationid"),
        )
    except KeyError as missing:
        raise BadMessage("header-missing", header=str(missing)) from missing
    except (ValueError, msgspec.MsgspecError) as problem:
        raise BadMessage("unreadable-message", cause=str(problem)) from problem


def _text(said: Mapping[str, bytes | None], header: str) -> str:
    text = said[header]
    if text is None:
        raise KeyError(header)
    return text.decode()


@lru_cache(maxsize=1_000)
def _actor_of(text: str) -> Actor:
    """In a storm all do what one automation or one key did."""
    kind, _, actor_id = text.partition(":")
    return msgspec.convert({"kind": kind, "id": actor_id}, Actor)
