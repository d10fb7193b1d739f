"""What happens elsewhere, as commands for notices, for the incoming-call mail of each number, and for faxes."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from chassis.consumer import Reaction
from chassis.handling import Handler, Order
from chassis.messages import Recorded
from contracts.auth import Contract
from contracts.bulkforward import StopCause
from contracts.faxstore import FaxMailChanged, FaxReceived
from contracts.linewatch import LineTested
from contracts.notify import ForwardingResult
from contracts.voicewarp import CallEnded
from services.notify.model.address import Address, RestoreAddress, address_id_of
from services.notify.model.drill import Drills, HearDrill
from services.notify.model.fax import FaxTold, HearFax
from services.notify.model.incoming import HearCall, Incoming, NoteNumber
from services.notify.model.notice import HearFault, HearFlapping, HearForwarding, HearRecovery, NoteContract, Notice

# What a fault and a recovery wait for anyway; in a storm both are taken in together.
ANSWERS = {
    "LineFaulted": frozenset({"BulkForwardStarted", "BulkForwardAutoStartSkipped"}),
    "LineRecovered": frozenset({"BulkForwardStopped", "BulkForwardAutoStopSkipped"}),
}
# What is heard of a contract's line.
Heard = NoteContract | HearFault | HearRecovery | HearFlapping | HearForwarding | HearDrill


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


def on_line_flapping(recorded: Recorded) -> list[Order]:
    return [_order(recorded, HearFlapping(recorded.event.fault_id))]


def on_line_tested(recorded: Recorded, noc_address: str) -> list[Order]:
    """Without an address of the operators nobody is told."""
    test: LineTested = recorded.event
    name = (recorded.id, test.contract_number, noc_address, test.source)
    command = HearDrill(*name, test.faulted, test.severity, test.cause, test.occurred_at)
    return [_order(recorded, command)] if noc_address else []


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


def on_numbers(recorded: Recorded) -> list[Order]:
    """The numbers of a contract that is new or changed, and those that left it."""
    contract: Contract = recorded.event.contract
    there = [_number(recorded, number, "incoming-mail" in has) for number, has in contract.numbers.items()]
    return there + on_numbers_left(recorded)


def on_numbers_left(recorded: Recorded) -> list[Order]:
    return [_number(recorded, number, False) for number in getattr(recorded.event, "left", ())]


def on_call_ended(recorded: Recorded) -> list[Order]:
    """Marked whatever comes of it: a call that comes again after the settings have changed is not told of late."""
    call: CallEnded = recorded.event
    command = HearCall(
        call.call_id, call.contract_number, call.caller, call.outcome, call.forwarded_to, call.received_at
    )
    return [Order(call.called, command, recorded.id, recorded.correlation_id, recorded.id)]


def on_fax_received(recorded: Recorded) -> list[Order]:
    fax: FaxReceived = recorded.event
    if not fax.addresses:
        return []
    command = HearFax(
        fax.fax_id, fax.contract_number, fax.number, fax.caller, fax.pages, fax.received_at, tuple(fax.addresses)
    )
    return [Order(fax.fax_id, command, recorded.id, recorded.correlation_id, recorded.id)]


def on_fax_mail_changed(recorded: Recorded) -> list[Order]:
    """Whoever saves a setting wants its addresses tried again. Those that are not refused leave no trace."""
    changed: FaxMailChanged = recorded.event
    ids = [address_id_of(address) for address in changed.addresses]
    return [
        Order(id, RestoreAddress(id), f"{recorded.id}:{id}", recorded.correlation_id, recorded.id, mark=False)
        for id in ids
    ]


def reactions(
    notices: Handler[Notice],
    incoming: Handler[Incoming],
    drills: Handler[Drills],
    wait: timedelta,
    noc_address: str,
) -> Mapping[str, Sequence[Reaction]]:
    """Every event about lines, calls and contracts that this service hears, by its name. `wait` is how long a mail
    waits for bulk forwarding's news."""
    of_notices: Mapping[str, Callable[[Recorded], list[Order]]] = {
        "ContractImported": on_contract,
        "ContractChanged": on_contract,
        "ContractRemoved": on_contract_removed,
        "LineFaulted": lambda recorded: on_line_faulted(recorded, wait),
        "LineRecovered": lambda recorded: on_line_recovered(recorded, wait),
        "LineFlapping": on_line_flapping,
        "BulkForwardStarted": on_bulk_forward_started,
        "BulkForwardStopped": on_bulk_forward_stopped,
        "BulkForwardAutoStartSkipped": on_auto_start_skipped,
        "BulkForwardAutoStopSkipped": on_auto_stop_skipped,
    }
    of_numbers: Mapping[str, Callable[[Recorded], list[Order]]] = {
        "ContractImported": on_numbers,
        "ContractChanged": on_numbers,
        "ContractRemoved": on_numbers_left,
        "CallEnded": on_call_ended,
    }
    of_drills = {"LineTested": lambda recorded: on_line_tested(recorded, noc_address)}
    reacting = ((notices, of_notices), (incoming, of_numbers), (drills, of_drills))
    return {
        name: [Reaction(handler, heard[name]) for handler, heard in reacting if name in heard]
        for name in {**of_notices, **of_numbers, **of_drills}
    }


def fax_reactions(faxes: Handler[FaxTold], addresses: Handler[Address]) -> Mapping[str, Reaction]:
    """Every event about faxes that this service hears, by its name."""
    return {
        "FaxReceived": Reaction(faxes, on_fax_received),
        "FaxMailChanged": Reaction(addresses, on_fax_mail_changed),
    }


def _number(recorded: Recorded, number: str, contracted: bool) -> Order:
    """Its sequence alone tells that it is news, so it needs no mark; most numbers never have the option."""
    command = NoteNumber(number, _contract_number(recorded), contracted, recorded.sequence)
    command_id = f"{recorded.id}:{number}"
    return Order(number, command, command_id, recorded.correlation_id, recorded.id, mark=False)


def _order(recorded: Recorded, command: Heard) -> Order:
    return Order(_contract_number(recorded), command, recorded.id, recorded.correlation_id, recorded.id)


def _contract_number(recorded: Recorded) -> str:
    event = recorded.event
    number: str = event.contract.contract_number if hasattr(event, "contract") else event.contract_number
    return number
