"""A contract: one access line, its numbers and its options (spec section 1).

Importing the same contract again changes nothing. That a number or a circuit belongs to one contract at most is more
than one stream can know; `adapters.Claims` watches over it.
"""

from dataclasses import dataclass
from typing import assert_never

from chassis.decider import Decider
from chassis.errors import FieldError, NotFound, Rejected
from contracts import phone
from contracts.auth import Contract, ContractChanged, ContractImported, ContractRemoved

CATEGORY = "contract"
MOST_NUMBERS = 1000

Event = ContractImported | ContractChanged | ContractRemoved


@dataclass(frozen=True)
class Holder:
    """The contract as it is, or None before its import and after its removal."""

    contract: Contract | None = None


@dataclass(frozen=True)
class ImportContract:
    """The contract is to be as given here, whatever it was before."""

    contract: Contract


@dataclass(frozen=True)
class RemoveContract:
    """The contract has ended."""


Command = ImportContract | RemoveContract


def evolve(holder: Holder, event: Event) -> Holder:
    match event:
        case ContractImported(contract) | ContractChanged(contract):
            return Holder(contract)
        case ContractRemoved():
            return Holder(None)
        case _:
            assert_never(event)


def decide(command: Command, holder: Holder) -> list[Event]:
    match command:
        case ImportContract(contract):
            check(contract)
            if holder.contract is None:
                return [ContractImported(contract)]
            return [] if holder.contract == contract else [ContractChanged(contract)]
        case RemoveContract():
            if holder.contract is None:
                raise NotFound("not-found")
            return [ContractRemoved(holder.contract.contract_number)]
        case _:
            assert_never(command)


def check(contract: Contract) -> None:
    """Rejected when the numbers cannot be a contract's."""
    errors = [
        FieldError(f"numbers.{number}", "not-a-subscriber-number")
        for number in contract.numbers
        if not phone.is_subscriber(number)
    ]
    if not phone.is_subscriber(contract.contract_number):
        errors.append(FieldError("contract_number", "not-a-subscriber-number"))
    if len(contract.numbers) > MOST_NUMBERS:
        errors.append(FieldError("numbers", "too-many-numbers"))
    if errors:
        raise Rejected("invalid-contract", errors=errors)


def names(contract: Contract) -> frozenset[str]:
    """What only one contract may have: its numbers, and its circuit as `circuit:<id>`."""
    circuit = {f"circuit:{contract.circuit}"} if contract.circuit else set()
    return frozenset(contract.numbers) | circuit


DECIDER: Decider[Holder] = Decider(Holder(), decide, evolve)
