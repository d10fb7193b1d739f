"""What auth says of contracts, as commands for the settings of their numbers; `views.py` hears bulk forwarding."""

from collections.abc import Mapping

from chassis.consumer import Reaction
from chassis.handling import Handler, Order
from chassis.messages import Recorded
from contracts.auth import Contract
from services.voicewarp.model.setting import NoteContract, Setting

OPTION = "voicewarp"


def on_contract_imported(recorded: Recorded) -> list[Order]:
    return _held(recorded, recorded.event.contract)


def on_contract_changed(recorded: Recorded) -> list[Order]:
    contract = recorded.event.contract
    return [*_held(recorded, contract), *_left(recorded, contract.contract_number)]


def on_contract_removed(recorded: Recorded) -> list[Order]:
    return _left(recorded, recorded.event.contract_number)


def reactions(settings: Handler[Setting]) -> Mapping[str, Reaction]:
    """Every event that this service reacts to, by its name."""
    return {
        "ContractImported": Reaction(settings, on_contract_imported),
        "ContractChanged": Reaction(settings, on_contract_changed),
        "ContractRemoved": Reaction(settings, on_contract_removed),
    }


def _held(recorded: Recorded, contract: Contract) -> list[Order]:
    return [
        _order(recorded, NoteContract(number, contract.contract_number, True, OPTION in options, recorded.sequence))
        for number, options in contract.numbers.items()
    ]


def _left(recorded: Recorded, contract_number: str) -> list[Order]:
    return [
        _order(recorded, NoteContract(number, contract_number, False, False, recorded.sequence))
        for number in recorded.event.left
    ]


def _order(recorded: Recorded, command: NoteContract) -> Order:
    """One message is a command for each number, so its id alone names none of them."""
    command_id = f"{recorded.id}:{command.number}"
    return Order(command.number, command, command_id, recorded.correlation_id, recorded.id)
