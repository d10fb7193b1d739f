"""A monitoring system tries the road: what it says goes all the way, and ends at the operators' own address.

No setting of a customer is asked. One stream per contract; what is tried is new each time.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from chassis.decider import Decider
from contracts.linewatch import Severity

CATEGORY = "drill"


@dataclass(frozen=True)
class DrillMailQueued:
    """A mail to the operators will say what a monitoring system has tried."""

    mail_id: str
    contract_number: str
    address: str
    source: str
    faulted: bool
    severity: Severity
    cause: str
    occurred_at: datetime


Event = DrillMailQueued
PRIVATE_EVENTS = (DrillMailQueued,)


@dataclass(frozen=True)
class Drills:
    """Nothing is remembered."""


@dataclass(frozen=True)
class HearDrill:
    """linewatch: a monitoring system tries the road. `drill_id` names this one."""

    drill_id: str
    contract_number: str
    address: str
    source: str
    faulted: bool
    severity: Severity
    cause: str
    occurred_at: datetime


Command = HearDrill


def evolve(drills: Drills, event: Event) -> Drills:
    match event:
        case DrillMailQueued():
            return drills
        case _:
            assert_never(event)


def decide(command: Command, drills: Drills) -> list[Event]:
    match command:
        case HearDrill(drill_id, number, address, source, faulted, severity, cause, occurred_at):
            mail_id = f"drill-{hashlib.sha256(drill_id.encode()).hexdigest()[:32]}"
            return [DrillMailQueued(mail_id, number, address, source, faulted, severity, cause, occurred_at)]
        case _:
            assert_never(command)


DECIDER: Decider[Drills] = Decider(Drills(), decide, evolve)
