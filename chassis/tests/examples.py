"""A small aggregate for the chassis' own tests: a door with a book in which its keepers write."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, assert_never

from chassis.decider import Decider
from chassis.errors import Rejected
from chassis.messages import Codec
from chassis.store import Commit, Entry
from chassis.testing import NOON, OPERATOR


@dataclass(frozen=True)
class Opened:
    by: str


@dataclass(frozen=True)
class Closed:
    by: str


@dataclass(frozen=True)
class Noted:
    text: str
    look_again: datetime | None = None


@dataclass(frozen=True)
class Door:
    open: bool = False
    book: tuple[str, ...] = ()


@dataclass(frozen=True)
class Open:
    by: str


@dataclass(frozen=True)
class Close:
    by: str


@dataclass(frozen=True)
class Note:
    """An empty text is refused; `break` breaks the rule itself."""

    text: str
    look_again: datetime | None = None


Event = Opened | Closed | Noted
Command = Open | Close | Note


def decide(command: Command, door: Door) -> list[Event]:
    match command:
        case Open(by):
            return [] if door.open else [Opened(by)]
        case Close(by):
            return [Closed(by)] if door.open else []
        case Note(text, look_again):
            return _note(text, look_again)
        case _:
            assert_never(command)


def _note(text: str, look_again: datetime | None) -> list[Event]:
    if not text:
        raise Rejected("text-missing")
    if text == "break":
        raise ZeroDivisionError(text)
    return [Noted(text, look_again)]


def evolve(door: Door, event: Event) -> Door:
    match event:
        case Opened(by):
            return replace(door, open=True, book=(*door.book, f"opened by {by}"))
        case Closed(by):
            return replace(door, open=False, book=(*door.book, f"closed by {by}"))
        case Noted(text):
            return replace(door, book=(*door.book, text))
        case _:
            assert_never(event)


DECIDER = Decider(Door(), decide, evolve)
CODEC = Codec([Opened, Closed, Noted])


def wake_at(event: Any, _after: Door) -> datetime | None:
    return event.look_again if isinstance(event, Noted) else None


def commit(
    stream: str, revision: int, *events: Any, commands: tuple[str, ...] = (), at: datetime = NOON, **others: Any
) -> Commit:
    entries = tuple(Entry(event, "correlation-1", "cause-1") for event in events)
    return Commit(stream, revision, entries, commands, OPERATOR.actor, at, **others)
