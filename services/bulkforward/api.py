"""The HTTP routes of bulk forwarding."""

from typing import Any

from flask import Response

from chassis import history
from chassis.errors import NotFound
from chassis.handling import Handler
from chassis.messages import now
from chassis.setting import TAGGED, Setting
from chassis.web import Blueprint, owns_contract, reply
from services.bulkforward.model import DropEntry, Plan, SetEntry, StartNow, StopNow
from services.bulkforward.schemas import EntryBody, PlanBody, PlanSchema, sentence, shown

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
    setting = Setting(plans, lambda plan: shown(contracted(plan)))
    setting.add_routes(
        routes, "/bulk-forward", owns_contract, body=PlanBody, answer=PlanSchema, start=_start, stop=_stop
    )

    @routes.put("/bulk-forward/entries/<number>")
    @owns_contract
    @routes.arguments(EntryBody)
    @routes.response(200, PlanSchema, headers=TAGGED)
    def set_entry(body: dict[str, str], contract_number: str, number: str) -> Response:
        """One entry, new or changed."""
        return setting.carry_out(contract_number, SetEntry(number, body["destination"]), need_match=True)

    @routes.delete("/bulk-forward/entries/<number>")
    @owns_contract
    @routes.response(200, PlanSchema, headers=TAGGED)
    def drop_entry(contract_number: str, number: str) -> Response:
        """One entry less; the last one gone stops forwarding."""
        return setting.carry_out(contract_number, DropEntry(number), need_match=True)

    @routes.get("/history")
    @owns_contract
    @routes.arguments(history.HistoryQuery, location="query")
    @routes.response(200, history.HistorySchema)
    def show_history(query: dict[str, Any], contract_number: str) -> Response:
        """What was changed, by whom and when, newest first."""
        return reply(history.page(plans, contract_number, sentence, **query))

    return routes


def _start() -> StartNow:
    """By hand; takes over what a fault started."""
    return StartNow(now())


def _stop() -> StopNow:
    """By hand; the same fault does not start it again."""
    return StopNow()


def contracted(plan: Plan) -> Plan:
    """The plan, or NotFound where the option is not contracted: its pages are hidden, its history stays."""
    if not plan.contracted:
        raise NotFound("not-found")
    return plan
