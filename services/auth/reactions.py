"""What happens elsewhere, as commands for credentials."""

from collections.abc import Mapping

from chassis.consumer import Reaction
from chassis.handling import Handler, Order
from chassis.messages import Recorded
from contracts.ivr import PasswordIssued
from services.auth.model.contract import Holder, tenure
from services.auth.model.credential import Credential, NoteTemporaryPassword


def on_password_issued(recorded: Recorded, contracts: Handler[Holder]) -> list[Order]:
    """Noted also when the number has left its contract meanwhile; then the password opens nothing. Whoever called did
    it, not we."""
    issued = recorded.event
    stay = tenure_at(contracts, issued)
    command = NoteTemporaryPassword(
        issued.number, issued.contract_number, issued.unit, issued.verifier, issued.issued_at, stay, issued.sequence
    )
    return [Order(issued.number, command, recorded.id, recorded.correlation_id, recorded.id, actor=recorded.actor)]


def tenure_at(contracts: Handler[Holder], issued: PasswordIssued) -> str:
    """The number's present stay in the contract, if it had begun already when the password was set, else "".

    What was said before a number came (back) is not for whoever has it now, however late it is heard. It had begun if
    ivr knew of it, wherever its clock stood; if ivr had not heard of it yet, the clocks decide.
    """
    found = contracts.read(issued.contract_number)
    stay = tenure(found.state, issued.number)
    if not stay:
        return ""
    changes_since = found.state.changes - found.state.joined[issued.number]
    began = contracts.history(issued.contract_number, found.revision + 1, changes_since + 1)[changes_since]
    return stay if issued.contract_known >= began.sequence or issued.issued_at >= began.at else ""


def reactions(credentials: Handler[Credential], contracts: Handler[Holder]) -> Mapping[str, Reaction]:
    """Every event that this service hears, by its name."""
    return {"PasswordIssued": Reaction(credentials, lambda recorded: on_password_issued(recorded, contracts))}
