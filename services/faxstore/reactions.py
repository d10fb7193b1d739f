"""What auth says of contracts, as commands for the FAX mail of their numbers."""

from collections.abc import Mapping

from chassis.consumer import Reaction
from chassis.handling import Handler, Order
from chassis.messages import Recorded
from contracts.auth import Contract
from services.faxstore.model.setting import FaxMail, NoteNumber

OPTION = "fax-mail"


def on_contract(recorded: Recorded) -> list[Order]:
    """The numbers of a contract that is new or changed, and those that left it."""
    contract: Contract = recorded.event.contract
    there = [
        _order(recorded, contract.contract_number, number, OPTION in has) for number, has in contract.numbers.items()
    ]
    return [*there, *_left(recorded, contract.contract_number, removed=False)]


def on_contract_removed(recorded: Recorded) -> list[Order]:
    return _left(recorded, recorded.event.contract_number, removed=True)


def reactions(settings: Handler[FaxMail]) -> Mapping[str, Reaction]:
    """Every event that this service reacts to, by its name."""
    return {
        "ContractImported": Reaction(settings, on_contract),
        "ContractChanged": Reaction(settings, on_contract),
        "ContractRemoved": Reaction(settings, on_contract_removed),
    }


def _left(recorded: Recorded, contract_number: str, *, removed: bool) -> list[Order]:
    return [_order(recorded, contract_number, number, False, removed) for number in getattr(recorded.event, "left", ())]


def _order(recorded: Recorded, contract_number: str, number: str, contracted: bool, removed: bool = False) -> Order:
    """Its sequence alone tells that it is news, so it needs no mark; most numbers never have the option."""
    command = NoteNumber(number, contract_number, contracted, recorded.sequence, recorded.at, removed)
    return Order(number, command, f"{recorded.id}:{number}", recorded.correlation_id, recorded.id, mark=False)
