"""The HTTP routes of voicewarp: settings of numbers for customers, calls for the telephone switch."""

from collections.abc import Sequence
from typing import Any

from flask import Response

from chassis import history, telemetry
from chassis.errors import NotFound
from chassis.handling import Handler
from chassis.headers import IDEMPOTENCY_KEY, IF_MATCH, takes
from chassis.messages import now
from chassis.setting import TAGGED, add_overview
from chassis.setting import Setting as SettingRoutes
from chassis.views import Row
from chassis.web import Blueprint, origin, owns_number, principal, reply, require
from contracts import phone
from contracts.voicewarp import CallReceived
from services.voicewarp.flows import Ways, glance
from services.voicewarp.model.call import Call, EndCall, ReceiveCall
from services.voicewarp.model.routing import Decision, Question
from services.voicewarp.model.setting import AddCaller, DropCaller, Setting, Start, Stop
from services.voicewarp.schemas import (
    Asked,
    CallBody,
    DecisionSchema,
    OneCallerBody,
    OutcomeBody,
    OutcomeSchema,
    RoutingQuery,
    VoiceWarpBody,
    VoiceWarpSchema,
    shown,
    shown_decision,
    told,
)

WORDS = {
    "call-differs": (
        "同じ call_id の別の通話がすでにあります。",
        "There is another call with this call_id already.",
    ),
    "caller-already-registered": ("この番号はすでに登録されています。", "This caller is on the list already."),
    "caller-not-allowed": ("登録できない番号があります。", "Some of these numbers cannot be callers."),
    "destination-not-allowed": ("転送できない番号があります。", "Calls cannot be forwarded to some of these numbers."),
    "ended-before-it-began": ("通話の終わりが始まりより前です。", "The call would have ended before it began."),
    "no-active-destination": (
        "使う転送先が選ばれていません。先に転送先を選んでください。",
        "No destination is chosen. Choose one first.",
    ),
    "no-such-destination": ("この番目の転送先はありません。", "There is no such destination in the list."),
    "outcome-differs": ("この通話には別の結果がすでにあります。", "This call has another outcome already."),
    "ring-seconds-out-of-range": (
        "呼び出す時間は5秒から60秒の間で入力してください。",
        "The telephone rings for 5 to 60 seconds.",
    ),
    "too-long-ago": (
        "古すぎるため、そのときの転送先はわかりません。もっと新しい日時を入力してください。",
        "That is too long ago to know. Ask for a later time.",
    ),
    "too-many-callers": ("相手の番号は30件まで登録できます。", "The list takes up to 30 callers."),
    "too-many-destinations": ("転送先は4件まで登録できます。", "There may be up to 4 destinations."),
    "unknown-call": ("この通話は記録されていません。", "No such call was received."),
}


def number_routes(settings: Handler[Setting], ways: Ways) -> Blueprint:
    routes = Blueprint("voicewarp", __name__)
    setting = SettingRoutes(settings, lambda state: shown(contracted(state)), ways.complete, ways.put)
    setting.add_routes(
        routes,
        "/numbers/<number>/voicewarp",
        owns_number,
        body=VoiceWarpBody,
        answer=VoiceWarpSchema,
        start=_start,
        stop=_stop,
    )
    add_overview(routes, "/me/voicewarp", ways.glances, "Of each number: is it started, since when, by whom.")
    promise = "Of each number: where a call goes now; `voicewarp` as `/me/voicewarp` has it, null where there is none."
    add_overview(routes, "/me/routing", lambda numbers: _all_now(ways, numbers), promise)

    @routes.post("/numbers/<number>/voicewarp/callers")
    @owns_number
    @routes.arguments(OneCallerBody)
    @routes.response(201, VoiceWarpSchema, headers=TAGGED)
    @takes(IF_MATCH, IDEMPOTENCY_KEY)
    def add_caller(command: AddCaller, number: str) -> Response:
        """One more caller on the list. If-Match is optional, as nothing is replaced. The same one again changes
        nothing."""
        return setting.carry_out(number, command, need_match=False, status=201)

    @routes.delete("/numbers/<number>/voicewarp/callers/<caller>")
    @owns_number
    @routes.response(204, headers=TAGGED)
    @takes(IF_MATCH, IDEMPOTENCY_KEY)
    def drop_caller(number: str, caller: str) -> Response:
        """One caller less. If-Match is optional."""
        answer = setting.carry_out(number, DropCaller(phone.normalise(caller)), need_match=False)
        return Response(status=204, headers={"ETag": answer.headers["ETag"]})

    @routes.get("/numbers/<number>/routing")
    @owns_number
    @routes.arguments(RoutingQuery, location="query")
    @routes.response(200, DecisionSchema)
    def show_routing(query: dict[str, Any], number: str) -> Response:
        """Where a call of `caller` goes; with `at` in the past, where it went then. Bulk forwarding lags by moments."""
        caller, at = query["caller"], query["at"]
        past = at is not None and at <= now()
        decision = ways.decide_at(number, caller, at) if past else ways.decide(ways.row(number), caller)
        return reply(shown_decision(decision, Question(number, caller, at, past)))

    @routes.get("/numbers/<number>/history")
    @owns_number
    @routes.arguments(history.HistoryQuery, location="query")
    @routes.response(200, history.HistorySchema)
    def show_number_history(query: dict[str, Any], number: str) -> Response:
        """What was changed of VoiceWarp, by whom and when, newest first."""
        return reply(history.page(settings, number, history.as_read_by(principal(), told), **query))

    return routes


def _all_now(ways: Ways, numbers: Sequence[str]) -> dict[str, Any]:
    def now_of(number: str, row: Row | None) -> dict[str, Any]:
        return {**shown_decision(ways.decide(row, None), Question(number, None)), "voicewarp": glance(row)}

    rows = ways.rows(numbers)
    return {number: now_of(number, rows.get(number)) for number in numbers}


def _start() -> Start:
    """Calls are forwarded from now on as the setting says."""
    return Start()


def _stop() -> Stop:
    """Calls ring from now on."""
    return Stop()


def contracted(setting: Setting) -> Setting:
    """The setting, or NotFound where the option is not contracted: its pages are hidden, its history stays."""
    if not setting.contracted:
        raise NotFound("not-found")
    return setting


def call_routes(calls: Handler[Call], ways: Ways) -> Blueprint:
    routes = Blueprint("calls", __name__, url_prefix="/calls")

    @routes.post("")
    @require("calls")
    @routes.arguments(CallBody)
    @routes.response(200, DecisionSchema)
    def receive(asked: Asked) -> Response:
        """What to do with a call, now and when the line is busy or nobody answers. The same call id again is answered
        the same; with another call it is 409."""
        decision = _answer(calls, ways, asked)
        telemetry.CALL_DECISIONS.labels(decision.reason).inc()
        return reply(shown_decision(decision, Question(asked.called, asked.caller)))

    @routes.put("/<call_id>/outcome")
    @require("calls")
    @routes.arguments(OutcomeBody)
    @routes.response(200, OutcomeSchema)
    def end(body: dict[str, Any], call_id: str) -> Response:
        """What became of a call. The same again changes nothing; another outcome is 409."""
        command = EndCall(body["outcome"], body.get("at"), now())
        return reply(_shown_end(calls.handle(call_id, command, origin()).state))

    return routes


def _answer(calls: Handler[Call], ways: Ways, asked: Asked) -> Decision:
    """One read and one durable append. Of a call to a number that nobody has nothing is kept, unless somebody had it
    when the switch asked first."""
    row = ways.row(asked.called)
    decision = ways.decide(row, asked.caller)
    if decision.reason == "unknown-number" and calls.read(asked.call_id).state.received is None:
        return decision
    contract_number = ways.contract_number(row)
    command = ReceiveCall(asked.call_id, asked.called, contract_number, asked.caller, asked.at, decision)
    return _decided(calls.begin(asked.call_id, command, origin()).state.received) or decision


def _decided(received: CallReceived | None) -> Decision | None:
    return Decision(received.now, received.on_busy, received.on_no_answer, received.reason) if received else None


def _shown_end(call: Call) -> dict[str, Any]:
    ended = call.ended
    if ended is None:
        raise NotFound("unknown-call")
    return {
        "call_id": ended.call_id,
        "outcome": ended.outcome,
        "forwarded_to": ended.forwarded_to,
        "ended_at": ended.ended_at.isoformat(),
    }
