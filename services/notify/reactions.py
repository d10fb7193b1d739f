"""What happens elsewhere, as commands for notices."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from chassis.consumer import Reaction
from chassis.handling import Handler, Order
from chassis.messages import Recorded
from contracts.auth import Contract
from contracts.bulkforward import StopCause
from contracts.notify import ForwardingResult
from services.notify.model.notice import HearFault, HearForwarding, HearRecovery, NoteContract, Notice


def on_contract(recorded: Recorded) -> list[Order]:
    """A contract is new or changed."""
    contract: Contract = recorded.event.contract
    command = NoteContract(
        contract.contract_number,
        "fault-notice" in contract.options,
        contract.contractor,
        contract.site,
        recorded.sequence,
    )
    return [_order(recorded, command)]


def on_contract_removed(recorded: Recorded) -> list[Order]:
    return [_order(recorded, NoteContract(recorded.event.contract_number, False, "", "", recorded.sequence))]


def on_line_faulted(recorded: Recorded, wait: timedelta) -> list[Order]:
    fault = recorded.event
    wait_until = recorded.at + wait
    return [_order(recorded, HearFault(fault.fault_id, fault.severity, fault.since, wait_until, recorded.sequence))]


def on_line_recovered(recorded: Recorded, wait: timedelta) -> list[Order]:
    recovery = recorded.event
    wait_until = recorded.at + wait
    return [_order(recorded, HearRecovery(recovery.fault_id, recovery.until, wait_until, recorded.sequence))]


def on_bulk_forward_started(recorded: Recorded) -> list[Order]:
    """Only a start by a fault answers one; a start by hand is no news about it."""
    started = recorded.event
    if started.fault_id is None:
        return []
    return [_order(recorded, HearForwarding(started.fault_id, "fault", "started", "", len(started.entries)))]


def on_bulk_forward_stopped(recorded: Recorded) -> list[Order]:
    stopped = recorded.event
    cause: StopCause = stopped.cause
    if stopped.fault_id is None or cause != "recovery":
        return []
    return [_order(recorded, HearForwarding(stopped.fault_id, "recovery", "stopped", "", len(stopped.entries)))]


def on_auto_start_skipped(recorded: Recorded) -> list[Order]:
    skipped = recorded.event
    result: ForwardingResult = "running" if skipped.reason == "already-running" else "not-running"
    return [_order(recorded, HearForwarding(skipped.fault_id, "fault", result, skipped.reason, 0))]


def on_auto_stop_skipped(recorded: Recorded) -> list[Order]:
    skipped = recorded.event
    result: ForwardingResult = "not-running" if skipped.reason == "not-running" else "running"
    return [_order(recorded, HearForwarding(skipped.fault_id, "recovery", result, skipped.reason, 0))]


def reactions(notices: Handler[Notice], wait: timedelta) -> Mapping[str, Reaction]:
    """Every event that this service hears, by its name. `wait` is how long a mail waits for bulk forwarding's news."""
    heard: Mapping[str, Callable[[Recorded], list[Order]]] = {
        "ContractImported": on_contract,
        "ContractChanged": on_contract,
        "ContractRemoved": on_contract_removed,
        "LineFaulted": lambda recorded: on_line_faulted(recorded, wait),
        "LineRecovered": lambda recorded: on_line_recovered(recorded, wait),
        "BulkForwardStarted": on_bulk_forward_started,
        "BulkForwardStopped": on_bulk_forward_stopped,
        "BulkForwardAutoStartSkipped": on_auto_start_skipped,
        "BulkForwardAutoStopSkipped": on_auto_stop_skipped,
    }
    return {name: Reaction(notices, orders) for name, orders in heard.items()}


def _order(recorded: Recorded, command: NoteContract | HearFault | HearRecovery | HearForwarding) -> Order:
    event = recorded.event
    contract_number = event.contract.contract_number if hasattr(event, "contract") else event.contract_number
    return Order(contract_number, command, recorded.id, recorded.correlation_id, recorded.id)
