"""When a fault notice is owed (guide 故障・回復通知機能; spec section 7).

One stream per contract holds the settings and the flow of the present fault. After a fault, and after its recovery,
the flow waits a moment to hear what bulk forwarding did, so that the mail can tell; then it owes one mail to each
address, whatever was heard. News may come twice and in any order between services.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import assert_never

from chassis.decider import Decider, replace
from chassis.errors import NotFound, Rejected
from contracts.linewatch import Severity
from contracts.notify import FaultNoticeChanged, ForwardingResult, MailKind, MailQueued, TrialMailQueued
from contracts.switched import SwitchedOn, switched
from services.notify.model.incident import (
    FaultHeard,
    FlappingHeard,
    Forwarding,
    ForwardingHeard,
    Incident,
    RecoveryHeard,
    StillWaiting,
    heard_about,
    is_due,
    mail_id_of,
    trial_id_of,
    waiting_until,
)

CATEGORY = "notice"
MOST_ADDRESSES = 10


@dataclass(frozen=True)
class ContractNoted:
    """What auth said of the contract, and whether it has the option fault notice."""

    contract_number: str
    contracted: bool
    contractor: str
    site: str
    sequence: str


Event = (
    ContractNoted
    | FaultHeard
    | RecoveryHeard
    | FlappingHeard
    | StillWaiting
    | ForwardingHeard
    | FaultNoticeChanged
    | MailQueued
    | TrialMailQueued
)
PRIVATE_EVENTS = (ContractNoted, FaultHeard, RecoveryHeard, FlappingHeard, StillWaiting, ForwardingHeard)
# Later than whatever may be waited for.
NO_LONGER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Notice:
    """The notice settings of a contract, and its present incident.

    `forwarding` is what was heard last, by what it was about; it may come before the fault itself. `named` are the
    contract's own contractor and site. The sequences are those of the last news of the contract and of its line:
    older news that comes late, from a dead letter that is taken again, changes nothing.
    """

    contract_number: str = ""
    contracted: bool = False
    contract_sequence: str = ""
    named: tuple[str, str] = ("", "")
    started: bool = False
    contractor: str = ""
    site: str = ""
    addresses: tuple[str, ...] = ()
    line_sequence: str = ""
    incident: Incident | None = None
    forwarding: Forwarding = field(default_factory=dict)
    on: SwitchedOn | None = None


@dataclass(frozen=True)
class NoteContract:
    """The contract as auth has it now. An older `sequence` changes nothing."""

    contract_number: str
    contracted: bool
    contractor: str
    site: str
    sequence: str


@dataclass(frozen=True)
class EditNotice:
    """The settings anew; what is None stays as it is. `refused` are those of `addresses` to which no mail goes now.
    `now` tells since when it is on, where this starts it."""

    started: bool | None
    contractor: str | None
    site: str | None
    addresses: tuple[str, ...] | None
    refused: frozenset[str] = frozenset()
    now: SwitchedOn | None = None


@dataclass(frozen=True)
class TryOut:
    """The customer wants to see that mails arrive; `trial_id` names this wish."""

    trial_id: str


@dataclass(frozen=True)
class HearFault:
    """linewatch: the line has a fault."""

    fault_id: str
    severity: Severity
    since: datetime
    wait_until: datetime
    sequence: str


@dataclass(frozen=True)
class HearRecovery:
    """linewatch: the fault is over."""

    fault_id: str
    until: datetime
    wait_until: datetime
    sequence: str


@dataclass(frozen=True)
class HearFlapping:
    """linewatch: the line of this fault goes up and down."""

    fault_id: str


@dataclass(frozen=True)
class HearForwarding:
    """bulkforward: what it did about a fault or a recovery."""

    fault_id: str
    of: MailKind
    result: ForwardingResult
    reason: str
    entries: int


@dataclass(frozen=True)
class Wake:
    """The waiting may be over."""

    at: datetime


Command = NoteContract | EditNotice | TryOut | HearFault | HearRecovery | HearFlapping | HearForwarding | Wake


def evolve(notice: Notice, event: Event) -> Notice:
    match event:
        case ContractNoted():
            return _with_contract(notice, event)
        case FaultNoticeChanged():
            return _with_settings(notice, event)
        case FaultHeard(fault_id, severity, since, wait_until, sequence):
            incident = Incident(fault_id, severity, since, wait_until)
            return replace(notice, incident=incident, line_sequence=sequence)
        case RecoveryHeard(until=until, wait_until=wait_until, sequence=sequence):
            over = _change_incident(notice, until=until, wait_recovery_until=wait_until)
            return replace(over, line_sequence=sequence)
        case FlappingHeard():
            return _change_incident(notice, unstable=True)
        case StillWaiting() | TrialMailQueued():
            return notice
        case ForwardingHeard(of=of):
            return replace(notice, forwarding={**notice.forwarding, of: event})
        case MailQueued():
            return _with_mail(notice, event)
        case _:
            assert_never(event)


def _with_contract(notice: Notice, noted: ContractNoted) -> Notice:
    """Name and site are the contract's until the customer words them otherwise."""
    contractor, site = notice.named
    return replace(
        notice,
        contract_number=noted.contract_number,
        contracted=noted.contracted,
        contract_sequence=noted.sequence,
        named=(noted.contractor, noted.site),
        contractor=noted.contractor if notice.contractor == contractor else notice.contractor,
        site=noted.site if notice.site == site else notice.site,
    )


def _with_settings(notice: Notice, now: FaultNoticeChanged) -> Notice:
    """A notice that is stopped tells no more of a fault, also when it is started again before the recovery."""
    named = replace(notice, contractor=now.contractor, site=now.site)
    changed = replace(named, started=now.started, on=now.on, addresses=tuple(now.addresses))
    return changed if now.started else replace(changed, incident=None)


def _with_mail(notice: Notice, mail: MailQueued) -> Notice:
    if notice.incident is None:
        return notice
    told = notice.incident.told | {mail.kind}
    mails = {**notice.incident.mails, mail.address: mail.mail_id} if mail.kind == "fault" else notice.incident.mails
    unstable = notice.incident.told_unstable or mail.unstable
    return _change_incident(notice, told=told, mails=mails, told_unstable=unstable)


def _change_incident(notice: Notice, **changes: object) -> Notice:
    return replace(notice, incident=replace(notice.incident, **changes)) if notice.incident else notice  # type: ignore[arg-type]


def decide(command: Command, notice: Notice) -> list[Event]:
    match command:
        case NoteContract():
            return _note_contract(command, notice)
        case EditNotice():
            return _edit(command, notice)
        case TryOut(trial_id):
            return _try_out(trial_id, notice)
        case HearFault():
            return _hear_fault(command, notice)
        case HearRecovery():
            return _hear_recovery(command, notice)
        case HearFlapping(fault_id):
            return [FlappingHeard(fault_id)] if _is_news(fault_id, notice) else []
        case HearForwarding(fault_id, of, result, reason, entries):
            heard = ForwardingHeard(fault_id, of, result, reason, entries)
            return _then_tell(notice, heard) if notice.started and notice.forwarding.get(of) != heard else []
        case Wake(at):
            return _wake(at, notice)
        case _:
            assert_never(command)


def _note_contract(command: NoteContract, notice: Notice) -> list[Event]:
    if command.sequence <= notice.contract_sequence:
        return []
    noted = ContractNoted(
        command.contract_number, command.contracted, command.contractor, command.site, command.sequence
    )
    if notice.started and not command.contracted:
        return [noted, _changed(notice, started=False, on=None)]
    return [noted]


def _edit(command: EditNotice, notice: Notice) -> list[Event]:
    """To save an address that is refused is a change, also where the settings stay: it is to be tried again."""
    if not notice.contracted:
        raise NotFound("not-found")
    wanted = {
        "started": command.started,
        "contractor": command.contractor,
        "site": command.site,
        "addresses": command.addresses,
    }
    edited = _changed(notice, **{name: value for name, value in wanted.items() if value is not None})
    changed = replace(edited, on=switched(notice.started, notice.on, edited.started, command.now))
    if len(changed.addresses) > MOST_ADDRESSES:
        raise Rejected("too-many-addresses", field="addresses", most=MOST_ADDRESSES)
    if changed.started and not changed.addresses:
        raise Rejected("no-addresses", field="addresses")
    return [] if changed == _changed(notice) and not command.refused else [changed]


def _try_out(trial_id: str, notice: Notice) -> list[Event]:
    """Also while the notice is stopped: whoever is about to start it wants to know first."""
    if not notice.contracted:
        raise NotFound("not-found")
    if not notice.addresses:
        raise Rejected("no-addresses", field="addresses")
    return [
        TrialMailQueued(trial_id_of(trial_id, address), notice.contract_number, address, notice.contractor, notice.site)
        for address in notice.addresses
    ]


def _changed(notice: Notice, **changes: object) -> FaultNoticeChanged:
    now = FaultNoticeChanged(
        notice.contract_number, notice.started, notice.contractor, notice.site, notice.addresses, notice.on
    )
    return replace(now, **changes)  # type: ignore[arg-type]


def _hear_fault(command: HearFault, notice: Notice) -> list[Event]:
    """What is still owed of the fault before is told now, as nobody would look at it again."""
    if not notice.started or command.sequence <= notice.line_sequence:
        return []
    heard = FaultHeard(command.fault_id, command.severity, command.since, command.wait_until, command.sequence)
    return [*_tell(notice, NO_LONGER), *_then_tell(notice, heard)]


def _hear_recovery(command: HearRecovery, notice: Notice) -> list[Event]:
    """Only of a fault that is being told of."""
    present = notice.incident and notice.incident.fault_id == command.fault_id and not notice.incident.until
    if not notice.started or not present or command.sequence <= notice.line_sequence:
        return []
    heard = RecoveryHeard(command.fault_id, command.until, command.wait_until, command.sequence)
    return _then_tell(notice, heard)


def _is_news(fault_id: str, notice: Notice) -> bool:
    incident = notice.incident
    return notice.started and incident is not None and incident.fault_id == fault_id and not incident.unstable


def _wake(at: datetime, notice: Notice) -> list[Event]:
    events = _tell(notice, at)
    incident = DECIDER.fold(events, notice).incident
    waiting = waiting_until(incident) if incident and notice.started else None
    return [*events, StillWaiting(incident.fault_id, waiting)] if incident and waiting else events


def _then_tell(notice: Notice, heard: Event) -> list[Event]:
    """What was heard, and the mails that are owed now that it was."""
    return [heard, *_tell(evolve(notice, heard), None)]


def _tell(notice: Notice, at: datetime | None) -> list[Event]:
    """The fault's mails as soon as enough is known, then in the same way the recovery's; `at` may end the waiting."""
    incident = notice.incident
    if incident is None or not notice.started:
        return []
    events: list[Event] = []
    recovery_due = incident.until and is_due(incident, notice.forwarding, "recovery", at)
    if "fault" not in incident.told and (is_due(incident, notice.forwarding, "fault", at) or recovery_due):
        events += [_mail(notice, incident, "fault", address) for address in notice.addresses]
    if recovery_due and "recovery" not in incident.told:
        mails = {**incident.mails, **{mail.address: mail.mail_id for mail in events if isinstance(mail, MailQueued)}}
        unstable = incident.told_unstable or any(isinstance(mail, MailQueued) and mail.unstable for mail in events)
        incident = replace(incident, mails=mails, told_unstable=unstable)
        events += [_mail(notice, incident, "recovery", address) for address in notice.addresses]
    return events


def _mail(notice: Notice, incident: Incident, kind: MailKind, address: str) -> MailQueued:
    heard = heard_about(incident, notice.forwarding, kind)
    return MailQueued(
        mail_id_of(incident.fault_id, kind, address),
        notice.contract_number,
        kind,
        address,
        notice.contractor,
        notice.site,
        incident.severity,
        incident.since,
        incident.until if kind == "recovery" else None,
        heard.result if heard else "unknown",
        heard.reason if heard else "",
        heard.entries if heard else 0,
        incident.mails.get(address) if kind == "recovery" else None,
        incident.unstable and not incident.told_unstable,
    )


def wake_at(event: Event, after: Notice) -> datetime | None:
    """When a notice wants to be looked at again; never when what the event made owed is told by now."""
    if not isinstance(event, FaultHeard | RecoveryHeard | StillWaiting) or after.incident is None:
        return None
    return event.wait_until if waiting_until(after.incident) else None


DECIDER: Decider[Notice] = Decider(Notice(), decide, evolve)
