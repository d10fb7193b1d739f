"""The HTTP routes of bulk forwarding. Every answer is the whole setting with its ETag."""

from typing import Any

from flask import Response

from chassis import history
from chassis.errors import NotFound
from chassis.handling import Handler
from chassis.messages import now
from chassis.web import Blueprint, if_match, once, origin, owns_contract, reply
from services.bulkforward.model import DropEntry, EditPlan, Plan, SetEntry, StartNow, StopNow
from services.bulkforward.schemas import EntryBody, PlanBody, sentence, shown

WORDS = {
    "no-entries": (
        "転送先が登録されていません。先に転送先を登録してください。",
        "There are no entries yet. Add one first.",
    ),
    "too-many-entries": ("転送先は200件まで登録できます。", "A plan takes up to 200 entries."),
    "number-not-in-contract": ("ご契約の電話番号ではありません。", "This number does not belong to the contract."),
    "destination-not-allowed": ("転送できない番号があります。", "Calls cannot be forwarded to some of these numbers."),
}


def blueprint(plans: Handler[Plan]) -> Blueprint:
    routes = Blueprint("bulk-forward", __name__, url_prefix="/contracts/<contract_number>")

    def carry_out(contract_number: str, command: Any, *, need_match: bool) -> Response:
        check = if_match(required=need_match)
        outcome = plans.handle(
            contract_number, command, origin(), guard=lambda plan: check(shown(contracted(plan))), once=once()
        )
        return reply(shown(outcome.state))

    @routes.get("/bulk-forward")
    @owns_contract
    def show(contract_number: str) -> Response:
        """The plan as it is: entries, automations, running or not. Read from its stream, never behind."""
        return reply(shown(contracted(plans.read(contract_number).state)))

    @routes.put("/bulk-forward")
    @owns_contract
    @routes.arguments(PlanBody)
    def edit(command: EditPlan, contract_number: str) -> Response:
        """All entries anew; in force at once where forwarding runs."""
        return carry_out(contract_number, command, need_match=True)

    @routes.post("/bulk-forward/start")
    @owns_contract
    def start(contract_number: str) -> Response:
        """By hand; takes over what a fault started. If-Match is optional, as an order to act is not an edit."""
        return carry_out(contract_number, StartNow(now()), need_match=False)

    @routes.post("/bulk-forward/stop")
    @owns_contract
    def stop(contract_number: str) -> Response:
        """By hand; the same fault does not start it again."""
        return carry_out(contract_number, StopNow(), need_match=False)

    @routes.put("/bulk-forward/entries/<number>")
    @owns_contract
    @routes.arguments(EntryBody)
    def set_entry(body: dict[str, str], contract_number: str, number: str) -> Response:
        """One entry, new or changed."""
        return carry_out(contract_number, SetEntry(number, body["destination"]), need_match=True)

    @routes.delete("/bulk-forward/entries/<number>")
    @owns_contract
    def drop_entry(contract_number: str, number: str) -> Response:
        """One entry less; the last one gone stops forwarding."""
        return carry_out(contract_number, DropEntry(number), need_match=True)

    @routes.get("/history")
    @owns_contract
    @routes.arguments(history.HistoryQuery, location="query")
    def show_history(query: dict[str, Any], contract_number: str) -> Response:
        """What was changed, by whom and when, newest first."""
        return reply(history.page(plans, contract_number, sentence, **query))

    return routes


def contracted(plan: Plan) -> Plan:
    """The plan, or NotFound where the option is not contracted: its pages are hidden, its history stays."""
    if not plan.contracted:
        raise NotFound("not-found")
    return plan
