"""Said by bulkforward: where the numbers of a contract go while bulk forwarding runs. Stream `plan-<contract number>`.

Every fault and every recovery of a contract's line is answered by exactly one event that carries its `fault_id`:
started or not started, stopped or not stopped, and why.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

StartCause = Literal["manual", "fault"]
StopCause = Literal["manual", "recovery", "contract-ended", "no-entries"]
StartSkipped = Literal["already-running", "no-entries", "switched-off", "not-contracted", "minor-fault"]
StopSkipped = Literal["started-by-hand", "not-running", "switched-off"]


@dataclass(frozen=True)
class BulkForwardEntriesChanged:
    """The destinations from now on: number -> destination, digits only. In force at once where forwarding runs.

    `removed` are the numbers that had a destination until now and have none any more.
    """

    contract_number: str
    entries: Mapping[str, str]
    removed: tuple[str, ...] = ()
    running: bool = False
    by_file: bool = False


@dataclass(frozen=True)
class BulkForwardAutomationChanged:
    """Whether a fault starts forwarding and a recovery stops it, from now on."""

    contract_number: str
    auto_start: bool
    auto_stop: bool


@dataclass(frozen=True)
class BulkForwardStarted:
    """Calls to each number of `entries` go to its destination. Said again with cause `manual` when a customer takes
    over what a fault had started; `since` is then still the first start."""

    contract_number: str
    entries: Mapping[str, str]
    cause: StartCause
    since: datetime
    fault_id: str | None = None


@dataclass(frozen=True)
class BulkForwardStopped:
    """Calls ring again. `entries` are those that were forwarded."""

    contract_number: str
    entries: Mapping[str, str]
    cause: StopCause
    fault_id: str | None = None


@dataclass(frozen=True)
class BulkForwardAutoStartSkipped:
    """A fault started nothing, and why."""

    contract_number: str
    fault_id: str
    reason: StartSkipped


@dataclass(frozen=True)
class BulkForwardAutoStopSkipped:
    """A recovery stopped nothing, and why."""

    contract_number: str
    fault_id: str
    reason: StopSkipped


EVENTS = (
    BulkForwardEntriesChanged,
    BulkForwardAutomationChanged,
    BulkForwardStarted,
    BulkForwardStopped,
    BulkForwardAutoStartSkipped,
    BulkForwardAutoStopSkipped,
)
