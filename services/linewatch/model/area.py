"""Which lines an area has: an operator's mapping, so that one alarm can be about thousands of lines."""

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from chassis.decider import Decider, replace
from chassis.errors import NotFound, Rejected

CATEGORY = "area"
MOST_NAMES = 20_000
LONGEST = 128


@dataclass(frozen=True)
class AreaChanged:
    """The area has these lines from now on; `names` are numbers and circuits as the view of contracts spells them."""

    area: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class AreaRemoved:
    """There is no such area any more."""

    area: str
    at: datetime


Event = AreaChanged | AreaRemoved
PRIVATE_EVENTS = (AreaChanged, AreaRemoved)


@dataclass(frozen=True)
class Area:
    """`exists` false: nobody has made it, or it was removed."""

    exists: bool = False
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class PutArea:
    """Gives the area these lines and no others."""

    area: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class RemoveArea:
    area: str
    at: datetime


Command = PutArea | RemoveArea


def evolve(area: Area, event: Event) -> Area:
    match event:
        case AreaChanged(names=names):
            return replace(area, exists=True, names=tuple(names))
        case AreaRemoved():
            return Area()
        case _:
            assert_never(event)


def decide(command: Command, area: Area) -> list[Event]:
    match command:
        case PutArea(name, names):
            return _put(name, tuple(dict.fromkeys(names)), area)
        case RemoveArea(name, at):
            return _remove(name, at, area)
        case _:
            assert_never(command)


def _put(name: str, names: tuple[str, ...], area: Area) -> list[Event]:
    if not 0 < len(name) <= LONGEST or not name.isprintable():
        raise Rejected("wrong-format", field="area")
    if len(names) > MOST_NAMES:
        raise Rejected("too-many-lines", most=MOST_NAMES)
    return [] if area == Area(exists=True, names=names) else [AreaChanged(name, names)]


def _remove(name: str, at: datetime, area: Area) -> list[Event]:
    if not area.exists:
        raise NotFound("not-found")
    return [AreaRemoved(name, at)]


DECIDER: Decider[Area] = Decider(Area(), decide, evolve)
