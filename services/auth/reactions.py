"""What happens elsewhere, as commands for credentials."""

from collections.abc import Mapping
from datetime import datetime

from chassis.consumer import Reaction
from chassis.handling import Handler, Order
from chassis.messages import Recorded
from services.auth.model.contract import Holder, tenure
from services.auth.model.credential import Credential, NoteTemporaryPassword


def on_password_issued(recorded: Recorded, contracts: Handler[Holder]) -> list[Order]:
    """Noted also when the number has left its contract meanwhile; then the password opens nothing."""
    issued = recorded.event
    stay = tenure_at(contracts, issued.contract_number, issued.number, issued.issued_at)
    command = NoteTemporaryPassword(
        issued.number, issued.contract_number, issued.unit, issued.verifier, issued.issued_at, stay
    )
    return [Order(issued.number, command, recorded.id, recorded.correlation_id, recorded.id)]


def tenure_at(contracts: Handler[Holder], contract_number: str, number: str, at: datetime) -> str:
    """The number's present stay in the contract, if it had begun `at` that time already, else "".

    What was said before a number came (back) is not for whoever has it now, however late it is heard.
    """
    found = contracts.read(contract_number)
    stay = tenure(found.state, number)
    if not stay:
        return ""
    changes_since = found.state.changes - found.state.joined[number]
    newest_first = contracts.history(contract_number, found.revision + 1, changes_since + 1)
    return stay if at >= newest_first[changes_since].at else ""


def reactions(credentials: Handler[Credential], contracts: Handler[Holder]) -> Mapping[str, Reaction]:
    """Every event that this service hears, by its name."""
    return {"PasswordIssued": Reaction(credentials, lambda recorded: on_password_issued(recorded, contracts))}
