"""What happens elsewhere, as commands for lines."""

from collections.abc import Mapping

from chassis.consumer import Reaction
from chassis.handling import Handler, Order
from chassis.messages import Recorded
from services.linewatch.model.line import EndLine, Line


def on_contract_removed(recorded: Recorded) -> list[Order]:
    """Whoever has the number next begins with a line that is well."""
    contract_number = recorded.event.contract_number
    command = EndLine(contract_number, recorded.at)
    return [Order(contract_number, command, recorded.id, recorded.correlation_id, recorded.id)]


def reactions(lines: Handler[Line]) -> Mapping[str, Reaction]:
    """Every event that this service hears, by its name, beside those that its view of contracts is made of."""
    return {"ContractRemoved": Reaction(lines, on_contract_removed)}
