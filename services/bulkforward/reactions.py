"""What happens elsewhere, as commands for plans."""

from collections.abc import Iterable, Mapping
from typing import Any

from chassis import telemetry
from chassis.consumer import Reaction
from chassis.handling import Handler, Order
from chassis.messages import Recorded
from contracts.auth import Contract
from contracts.bulkforward import BulkForwardStarted
from contracts.linewatch import SEVERITIES, Severity
from services.bulkforward.model import NoteContract, NoteFault, NoteRecovery, Plan


def on_contract_imported(recorded: Recorded) -> list[Order]:
    return [_note(recorded, recorded.event.contract)]


def on_contract_changed(recorded: Recorded) -> list[Order]:
    return [_note(recorded, recorded.event.contract)]


def on_contract_removed(recorded: Recorded) -> list[Order]:
    contract_number = recorded.event.contract_number
    return [_order(recorded, contract_number, NoteContract(contract_number, False, (), recorded.sequence))]


def on_line_faulted(recorded: Recorded, least: Severity) -> list[Order]:
    """A fault slighter than `least` is noted and starts nothing; also heard when a fault gets worse."""
    fault = recorded.event
    grave = SEVERITIES.index(fault.severity) >= SEVERITIES.index(least)
    command = NoteFault(fault.contract_number, fault.fault_id, grave, recorded.at, recorded.sequence)
    return [_order(recorded, fault.contract_number, command)]


def on_line_recovered(recorded: Recorded) -> list[Order]:
    recovery = recorded.event
    command = NoteRecovery(recovery.contract_number, recovery.fault_id, recorded.sequence)
    return [_order(recorded, recovery.contract_number, command)]


def tell_of_starts(events: Iterable[Any]) -> None:
    """How long after its fault each line is forwarded, for operators."""
    for event in events:
        if isinstance(event, BulkForwardStarted) and event.cause == "fault":
            telemetry.forwarded(event.since)


def reactions(plans: Handler[Plan], least: Severity) -> Mapping[str, Reaction]:
    """Every event that this service hears, by its name."""
    return {
        "ContractImported": Reaction(plans, on_contract_imported),
        "ContractChanged": Reaction(plans, on_contract_changed),
        "ContractRemoved": Reaction(plans, on_contract_removed),
        "LineFaulted": Reaction(plans, lambda recorded: on_line_faulted(recorded, least)),
        "LineFaultWorsened": Reaction(plans, lambda recorded: on_line_faulted(recorded, least)),
        "LineRecovered": Reaction(plans, on_line_recovered),
    }


def _note(recorded: Recorded, contract: Contract) -> Order:
    contracted = "bulk-forward" in contract.options
    numbers = tuple(sorted(contract.numbers))
    command = NoteContract(contract.contract_number, contracted, numbers, recorded.sequence)
    return _order(recorded, contract.contract_number, command)


def _order(recorded: Recorded, contract_number: str, command: object) -> Order:
    return Order(contract_number, command, recorded.id, recorded.correlation_id, recorded.id)
