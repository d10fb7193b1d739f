"""The present fault of a contract: what was heard of it, and whether that is enough to tell of it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from contracts.linewatch import Severity
from contracts.notify import ForwardingResult, MailKind


@dataclass(frozen=True)
class FaultHeard:
    """A fault is to be told of, with what bulk forwarding does or at `wait_until` without."""

    fault_id: str
    severity: Severity
    since: datetime
    wait_until: datetime
    sequence: str


@dataclass(frozen=True)
class RecoveryHeard:
    """The fault is over; to be told in the same way."""

    fault_id: str
    until: datetime
    wait_until: datetime
    sequence: str


@dataclass(frozen=True)
class FlappingHeard:
    """The line goes up and down: the next mail says so."""

    fault_id: str


@dataclass(frozen=True)
class StillWaiting:
    """It was looked at too early: the news of bulk forwarding is waited for until then."""

    fault_id: str
    wait_until: datetime


@dataclass(frozen=True)
class ForwardingHeard:
    """What bulk forwarding did about a fault or about its recovery (`of`)."""

    fault_id: str
    of: MailKind
    result: ForwardingResult
    reason: str
    entries: int


# What was heard last of bulk forwarding, by what it was about.
Forwarding = Mapping[MailKind, ForwardingHeard]


@dataclass(frozen=True)
class Incident:
    """The present fault as far as it has been heard and told. `mails`: address -> id of its fault mail.

    `unstable`: it goes up and down, which a mail has said (`told_unstable`) or the next one says.
    `wait_until` and `wait_recovery_until` are how long its two mails wait for news of bulk forwarding.
    """

    fault_id: str
    severity: Severity
    since: datetime
    wait_until: datetime
    until: datetime | None = None
    wait_recovery_until: datetime | None = None
    told: frozenset[MailKind] = frozenset()
    unstable: bool = False
    told_unstable: bool = False
    mails: Mapping[str, str] = field(default_factory=dict)


def waiting_until(incident: Incident) -> datetime | None:
    """When to look again at the latest; None when all is told that is to be told."""
    if "fault" not in incident.told:
        return incident.wait_until
    return incident.wait_recovery_until if "recovery" not in incident.told else None


def is_due(incident: Incident, forwarding: Forwarding, kind: MailKind, at: datetime | None) -> bool:
    """Whether a mail tells now: bulk forwarding was heard of, or at `at` the waiting for it is over."""
    wait_until = incident.wait_until if kind == "fault" else incident.wait_recovery_until
    over = at is not None and wait_until is not None and at >= wait_until
    return over or heard_about(incident, forwarding, kind) is not None


def heard_about(incident: Incident, forwarding: Forwarding, of: MailKind) -> ForwardingHeard | None:
    """What bulk forwarding did about this incident; what it did about another is none of it."""
    heard = forwarding.get(of)
    return heard if heard and heard.fault_id == incident.fault_id else None


def mail_id_of(fault_id: str, kind: MailKind, address: str) -> str:
    """The same for the same fault, kind and address for ever; tells nobody the address."""
    return f"{fault_id}-{kind}-{hashlib.sha256(address.encode()).hexdigest()[:16]}"


def trial_id_of(trial_id: str, address: str) -> str:
    """The same for the same wish and address for ever."""
    return f"test-{trial_id}-{hashlib.sha256(address.encode()).hexdigest()[:16]}"
