"""What tests of the chassis and of services share: rules told as given, when, then, and small real objects.

Nothing here patches anything: the objects are handed in where the real ones would be.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Self, TypeVar

from prometheus_client import REGISTRY

from chassis.consumer import Intake, Letter
from chassis.decider import Decider
from chassis.errors import TsunaguError
from chassis.lease import LeaseLost
from chassis.messages import Actor, Codec, Origin, Recorded, sequence_of, to_kafka

State = TypeVar("State")
Value = TypeVar("Value")
NOON = datetime(2026, 1, 15, 3, 0, tzinfo=UTC)  # Noon in Tokyo.
OPERATOR = Origin(Actor("operator", "tests", "192.0.2.1"), "correlation-1")


@dataclass(frozen=True)
class Given(Generic[State]):
    """A decider after some events; see `given`."""

    decider: Decider[State]
    events: tuple[Any, ...]

    @property
    def state(self) -> State:
        return self.decider.fold(self.events)

    def when(self, command: object) -> "Decided":
        """Decides at once. An error that carries no code is the rule's bug and is raised here."""
        try:
            return Decided(self.events, command, tuple(self.decider.decide(command, self.state)), None)
        except TsunaguError as refusal:
            return Decided(self.events, command, (), refusal)


@dataclass(frozen=True)
class Decided:
    """What came of a command; ends a story with `then` or `rejects`."""

    given: tuple[Any, ...]
    command: object
    events: tuple[Any, ...]
    refusal: TsunaguError | None

    def then(self, *expected: object) -> None:
        """Exactly these events, in this order; with none: the command is accepted and changes nothing."""
        if self.refusal or self.events != expected:
            self._fail(_lines(expected))

    def rejects(self, code: str, **details: object) -> None:
        """Refused with this code, and with these details among its own."""
        fits = self.refusal is not None and self.refusal.code == code
        if not fits or not self.refusal or not details.items() <= self.refusal.details.items():
            self._fail([f"refused: {code} {details or ''}"])

    def _fail(self, expected: Sequence[str]) -> None:
        got = [f"refused: {self.refusal.code} {self.refusal.details or ''}"] if self.refusal else _lines(self.events)
        parts = {"given": _lines(self.given), "when": [repr(self.command)], "expected": expected, "got": got}
        raise AssertionError(
            "\n" + "\n".join(f"{name}\n" + "\n".join(f"    {line}" for line in lines) for name, lines in parts.items())
        )


def given(decider: Decider[State], *events: object) -> Given[State]:
    """The beginning of a rule's test: `given(DECIDER, Started(...)).when(Stop(...)).then(Stopped(...))`."""
    return Given(decider, events)


def _lines(events: Sequence[object]) -> list[str]:
    return [repr(event) for event in events] or ["nothing"]


@dataclass
class FixedClock:
    """A clock that stands at `at` until it is told to go on. Called like `chassis.messages.now`."""

    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **by: float) -> datetime:
        """Goes on by what `timedelta` takes: `clock.advance(minutes=5)`. The new time."""
        self.at += timedelta(**by)
        return self.at


def recorded(event: object, stream: str = "test-1", revision: int = 1, index: int = 0, **others: Any) -> Recorded:
    """An event as if a store had recorded it; `others` are fields of `Recorded` that matter to the test."""
    facts: dict[str, Any] = {
        "event": event,
        "type": type(event).__name__,
        "stream": stream,
        "sequence": sequence_of(revision, index),
        "id": f"{stream}@{revision}.{index}",
        "at": NOON,
        "actor": OPERATOR.actor,
        "correlation_id": OPERATOR.correlation_id,
        "causation_id": "",
    }
    return Recorded(**facts | others)


@dataclass(frozen=True)
class Record:
    """What a Kafka consumer is given: the fields of kafka-python's record that we read."""

    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    key: bytes | None = None
    topic: str = "test-events"
    partition: int = 0
    offset: int = 0
    timestamp: int = int(NOON.timestamp() * 1000)


def record_of(event: Recorded, codec: Codec, owner: str = "test", offset: int = 0) -> Record:
    """The event as Kafka would hand it over."""
    key, value, headers = to_kafka(event, codec, owner)
    return Record(value, headers, key, f"{owner}-events", offset=offset)


def deliver(intake: Intake, *events: Recorded) -> list[Letter]:
    """Hands a service foreign events in one batch, through their written form. What became dead letters."""
    codec = intake.codec
    owners = [codec.owner_of(event.type) or "test" for event in events]
    records = [
        record_of(event, codec, owner, place) for place, (event, owner) in enumerate(zip(events, owners, strict=True))
    ]
    return intake.take(records)


@dataclass
class MemoryPositions:
    """See `chassis.lease.Positions`. `steal` is another worker taking over."""

    saved: dict[str, tuple[int, Any]] = field(default_factory=dict)

    def load(self, name: str) -> Any:
        return self.saved[name][1] if name in self.saved else None

    def save(self, name: str, fence: int, value: Any) -> None:
        if self.saved.get(name, (0, None))[0] > fence:
            raise LeaseLost(name)
        self.saved[name] = (fence, value)

    def steal(self, name: str, fence: int) -> None:
        self.saved[name] = (fence, self.load(name))


def eventually(look: Callable[[], Value], *, within: float = 20.0, every: float = 0.02) -> Value:
    """The first true value that `look` gives; `AssertionError` with the last one when the deadline has passed."""
    deadline = time.monotonic() + within
    while not (value := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s; at last: {value!r}")
        threading.Event().wait(every)
    return value


def counted(name: str, **labels: object) -> float:
    """What /metrics of this process says of a sample; 0 when it does not name it."""
    return REGISTRY.get_sample_value(name, {label: str(value) for label, value in labels.items()}) or 0.0


class Gate:
    """A way to a server that a test can close: `port` leads there, until `close` cuts what is open and lets nobody in.

    An engine that is away, without taking it from the other tests. `with Gate(host, port) as gate:`.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener: socket.socket | None = None
        self._ways: list[socket.socket] = []
        self.port = 0

    def open(self) -> None:
        """Lets connections through; the port stays the same over the life of the gate."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._admit, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        """Cuts every connection; new ones are refused."""
        if self._listener:
            # Closing alone would leave the thread in accept, and with it the port open.
            _cut(self._listener)
            self._listener = None
        while self._ways:
            _cut(self._ways.pop())

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _admit(self, listener: socket.socket) -> None:
        while True:
            try:
                inside = listener.accept()[0]
            except OSError:
                return
            outside = socket.create_connection(self._target)
            self._ways += [inside, outside]
            for ends in ((inside, outside), (outside, inside)):
                threading.Thread(target=_carry, args=ends, daemon=True).start()


def _carry(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            target.sendall(data)
    except OSError:
        pass  # Cut, from either side.
    _cut(source)
    _cut(target)


def _cut(way: socket.socket) -> None:
    with contextlib.suppress(OSError):
        way.shutdown(socket.SHUT_RDWR)
    way.close()
