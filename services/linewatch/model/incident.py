"""Whose line an incident of PagerDuty's kind is about: its end names nothing but the incident's key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from chassis.decider import Decider

CATEGORY = "incident"


@dataclass(frozen=True)
class IncidentPlaced:
    """The incident is about this line, circuit or area, as its sender names it."""

    where: Mapping[str, str]


Event = IncidentPlaced
PRIVATE_EVENTS = (IncidentPlaced,)


@dataclass(frozen=True)
class Incident:
    """`where` is empty for one that nobody has placed."""

    where: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """A trigger names the line."""

    where: Mapping[str, str]


Command = Place


def evolve(incident: Incident, event: Event) -> Incident:
    match event:
        case IncidentPlaced(where):
            return Incident(where)
        case _:
            assert_never(event)


def decide(command: Command, incident: Incident) -> list[Event]:
    match command:
        case Place(where):
            return [] if incident.where == where else [IncidentPlaced(where)]
        case _:
            assert_never(command)


DECIDER: Decider[Incident] = Decider(Incident(), decide, evolve)
