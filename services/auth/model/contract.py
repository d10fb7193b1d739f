"""A contract: one access line, its numbers and its options (spec section 1).

Importing the same contract again changes nothing. That a number or a circuit belongs to one contract at most is more
than one stream can know; `adapters.Claims` watches over it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from chassis.decider import Decider
from chassis.errors import FieldError, NotFound, Rejected
from contracts import phone
from contracts.auth import Contract, ContractChanged, ContractImported, ContractRemoved

CATEGORY = "contract"
MOST_NUMBERS = 1000
# The claims were made for a contract that is another by now; the import begins anew.
CHANGED_MEANWHILE = "changed-meanwhile"

Event = ContractImported | ContractChanged | ContractRemoved


@dataclass(frozen=True)
class Holder:
    """The contract as it is, or None before its import and after its removal; `changes` counts what became of it.

    `joined` has for each number which of the changes brought it in: one that left and came back is somebody else's.
    """

    contract: Contract | None = None
    changes: int = 0
    joined: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ImportContract:
    """The contract is to be as given here; `changes` are those that its importer knew of."""

    contract: Contract
    changes: int


@dataclass(frozen=True)
class RemoveContract:
    """The contract has ended."""


Command = ImportContract | RemoveContract


def evolve(holder: Holder, event: Event) -> Holder:
    match event:
        case ContractImported(contract) | ContractChanged(contract):
            change = holder.changes + 1
            return Holder(contract, change, {number: holder.joined.get(number, change) for number in contract.numbers})
        case ContractRemoved():
            return Holder(None, holder.changes + 1)
        case _:
            assert_never(event)


def decide(command: Command, holder: Holder) -> list[Event]:
    match command:
        case ImportContract():
            return _import(command, holder)
        case RemoveContract():
            if holder.contract is None:
                raise NotFound("not-found")
            return [ContractRemoved(holder.contract.contract_number, tuple(holder.contract.numbers))]
        case _:
            assert_never(command)


def _import(command: ImportContract, holder: Holder) -> list[Event]:
    check(command.contract)
    if command.changes != holder.changes:
        raise Rejected(CHANGED_MEANWHILE)
    if holder.contract is None:
        return [ContractImported(command.contract)]
    if holder.contract == command.contract:
        return []
    left = tuple(number for number in holder.contract.numbers if number not in command.contract.numbers)
    return [ContractChanged(command.contract, left)]


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


def tenure(holder: Holder, number: str) -> str:
    """Names the present stay of a number in the contract; "" when it is not in it."""
    if holder.contract is None or number not in holder.joined:
        return ""
    return f"{holder.contract.contract_number}@{holder.joined[number]}"


def names(contract: Contract) -> frozenset[str]:
    """What only one contract may have: its numbers, and its circuit as `circuit:<id>`."""
    circuit = {f"circuit:{contract.circuit}"} if contract.circuit else set()
    return frozenset(contract.numbers) | circuit


DECIDER: Decider[Holder] = Decider(Holder(), decide, evolve)
