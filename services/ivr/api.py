"""The HTTP routes of the telephone: the dialogue in JSON, and the same as pages for voice platforms."""

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from flask import Response, request

from chassis.errors import Forbidden, NotFound, Rejected
from chassis.handling import Handler, Once, Outcome
from chassis.headers import IDEMPOTENCY_KEY, takes
from chassis.views import Views
from chassis.web import Blueprint, consumes, load, once, origin, reply, require
from services.ivr.adapters import NOISE_BYTES, PepperVault, Sequence
from services.ivr.model import Call, Connect, HangUp, KeepSilent, Press, is_finished
from services.ivr.schemas import (
    FORM,
    VOICEXML,
    CallBody,
    CallSchema,
    KeysBody,
    PageBody,
    Turn,
    caller_of,
    form_of,
    page,
    shown,
    start_page,
)
from services.ivr.views import subscriber

WORDS = {
    "call-finished": ("この通話は終了しています。", "This call is over."),
    "caller-not-contracted": (
        "ご契約の電話番号からおかけください。",
        "The dialogue is for callers with a contracted number only.",
    ),
    "keys-or-timeout": (
        "keys か timeout のどちらか一つが必要です。",
        "Either keys or timeout is needed, and not both.",
    ),
}
CALLS = uuid.UUID("3a5d1c36-4a1e-4f6b-9a1f-6f5b8f0c2d11")


@dataclass(frozen=True)
class Exchange:
    """Carries out what callers do. A client's own key for a request, where it has one, is `once`."""

    calls: Handler[Call]
    views: Views
    vault: PepperVault
    sequence: Sequence
    clock: Callable[[], datetime]

    def connect(self, said: str | None, key: Once | None) -> Turn:
        """A new call, or the one that the same key began."""
        caller = caller_of(said)
        known = subscriber(self.views, caller)
        if known is None:
            raise Forbidden("caller-not-contracted")
        call_id = str(uuid.uuid5(CALLS, key.command_id) if key else uuid.uuid4())
        command = Connect(call_id, caller, known.contract_number, self.clock())
        return self._turn(call_id, self.calls.handle(call_id, command, origin(), once=self._kept(key)))

    def press(self, call_id: str, keys: str, key: Once | None) -> Turn:
        numbers, known = self._contract(call_id)
        noise, salt = secrets.token_bytes(NOISE_BYTES), secrets.token_bytes(NOISE_BYTES)
        at = self.clock()
        # Whichever keys confirm the password: which ones these are is known only when they are taken.
        return self._do(call_id, Press(keys, numbers, noise, salt, at, self.sequence.next(at), known), key)

    def keep_silent(self, call_id: str, key: Once | None) -> Turn:
        return self._do(call_id, KeepSilent(self.clock()), key)

    def hang_up(self, call_id: str, key: Once | None = None) -> Turn:
        return self._do(call_id, HangUp(self.clock()), key)

    def _contract(self, call_id: str) -> tuple[frozenset[str], str]:
        """The numbers of the contract in which the call began, and the newest of its news that was heard; none when
        the caller is no longer in it."""
        connection = self.calls.read(call_id).state.connection
        known = subscriber(self.views, connection.caller) if connection else None
        same = known and connection and known.contract_number == connection.contract_number
        return (known.numbers, known.known) if known and same else (frozenset(), "")

    def _do(self, call_id: str, command: Any, key: Once | None) -> Turn:
        return self._turn(
            call_id, self.calls.handle(call_id, command, origin(), guard=_connected, once=self._kept(key))
        )

    def _kept(self, key: Once | None) -> Once | None:
        """A plain digest of a request would let its eight digits be guessed."""
        return key and replace(key, fingerprint=self.vault.fingerprint(key.fingerprint))

    def _turn(self, call_id: str, outcome: Outcome[Call]) -> Turn:
        return Turn(call_id, outcome.revision, outcome.state, is_finished(outcome.state, self.clock()))


def _connected(call: Call) -> None:
    if call.connection is None:
        raise NotFound("not-found")


def blueprint(exchange: Exchange, silence: timedelta) -> Blueprint:
    routes = Blueprint("telephone", __name__, url_prefix="/ivr")

    @routes.post("/calls")
    @require("ivr")
    @routes.arguments(CallBody)
    @routes.response(201, CallSchema)
    @takes(IDEMPOTENCY_KEY)
    def connect(body: dict[str, str | None]) -> Response:
        """A call comes in. 201 with the menu; a caller whose number is not contracted gets 403."""
        turn = exchange.connect(body["caller"], once())
        return reply(_shown(turn), 201, Location=f"/ivr/calls/{turn.call_id}")

    @routes.post("/calls/<uuid:call_id>/keys")
    @require("ivr")
    @routes.arguments(KeysBody)
    @routes.response(200, CallSchema)
    @takes(IDEMPOTENCY_KEY)
    def press(body: dict[str, Any], call_id: uuid.UUID) -> Response:
        """Keys, one or many, or silence. Answers when all that follows from them is durable."""
        keys = body.get("keys")
        turn = exchange.press(str(call_id), keys, once()) if keys else exchange.keep_silent(str(call_id), once())
        return reply(_shown(turn))

    @routes.delete("/calls/<uuid:call_id>")
    @require("ivr")
    @routes.response(204)
    @takes(IDEMPOTENCY_KEY)
    def hang_up(call_id: uuid.UUID) -> Response:
        """The caller has hung up; what was not completed has not happened. Doing it again changes nothing."""
        exchange.hang_up(str(call_id), once())
        return Response(status=204)

    @routes.get("/voicexml")
    @require("ivr")
    @routes.response(200, {"type": "string"}, content_type=VOICEXML)
    def start() -> Response:
        """The page that a voice platform begins a call with."""
        return Response(start_page(), mimetype=VOICEXML)

    @routes.post("/voicexml")
    @require("ivr")
    @consumes("application/x-www-form-urlencoded")
    @routes.doc(requestBody=FORM)
    @routes.response(200, {"type": "string"}, content_type=VOICEXML)
    @takes(IDEMPOTENCY_KEY)
    def turn_page() -> Response:
        """What a page has submitted; answered with the next page. The same turn again gives the same page."""
        turn = _submitted(exchange, load(PageBody(), form_of(request.form.to_dict())))
        return Response(page(turn, silence), mimetype=VOICEXML)

    return routes


def _submitted(exchange: Exchange, said: dict[str, Any]) -> Turn:
    if said["call"] is None:
        return exchange.connect(said["caller"], once())
    call_id = str(said["call"])
    if said["hangup"]:
        return exchange.hang_up(call_id)
    if bool(said["keys"]) == said["timeout"]:
        raise Rejected("keys-or-timeout", field="keys")
    key = once() or _key_of(call_id, said)
    return exchange.press(call_id, said["keys"], key) if said["keys"] else exchange.keep_silent(call_id, key)


def _key_of(call_id: str, said: dict[str, Any]) -> Once | None:
    """Platforms know no Idempotency-Key; each page has its turn instead."""
    return None if said["turn"] is None else Once(f"turn:{call_id}:{said['turn']}", f"{said['keys']} {said['timeout']}")


def _shown(turn: Turn) -> dict[str, Any]:
    return shown(turn.call_id, turn.call, turn.finished)
