"""Said by linewatch: the state of the access lines. Stream `line-<contract number>`, so in order for each line."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Severity = Literal["warning", "minor", "major", "critical"]
SEVERITIES: tuple[Severity, ...] = ("warning", "minor", "major", "critical")


@dataclass(frozen=True)
class LineFaulted:
    """A line that was well has a fault. `fault_id` names this fault until it is over; said once per fault."""

    contract_number: str
    fault_id: str
    severity: Severity
    cause: str
    since: datetime


@dataclass(frozen=True)
class LineFaultWorsened:
    """The same fault is graver than was said before."""

    contract_number: str
    fault_id: str
    severity: Severity
    cause: str
    since: datetime


@dataclass(frozen=True)
class LineRecovered:
    """The last alarm of the fault is cleared. `since` and `until` are the monitoring system's times."""

    contract_number: str
    fault_id: str
    since: datetime
    until: datetime


@dataclass(frozen=True)
class LineFlapping:
    """A line goes up and down too often. It counts as faulted, and nothing more is said of it until it has been still
    for a while: then `LineRecovered` when it is well, nothing when it still has the same fault."""

    contract_number: str
    fault_id: str
    changes: int
    since: datetime


@dataclass(frozen=True)
class LineTested:
    """A monitoring system tries the road with something that says `test`. It says nothing about the line: no forwarding
    starts or stops, and no customer is told; operators are."""

    contract_number: str
    source: str
    faulted: bool
    severity: Severity
    cause: str
    occurred_at: datetime


EVENTS = (LineFaulted, LineFaultWorsened, LineRecovered, LineFlapping, LineTested)
