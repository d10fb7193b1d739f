"""The HTTP routes of auth: logins for customers, contracts and keys for operators, signed tokens for the gateway."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any, BinaryIO

import msgspec
from flask import Response, request, stream_with_context

from chassis import history
from chassis.errors import NotFound, Rejected
from chassis.handling import Handler
from chassis.headers import IDEMPOTENCY_KEY, IF_MATCH, takes
from chassis.messages import Origin
from chassis.setting import TAGGED
from chassis.web import (
    Blueprint,
    accepts_up_to,
    consumes,
    correlation_id,
    customer,
    customer_even_restricted,
    if_match,
    once,
    origin,
    owns_contract,
    owns_number,
    principal,
    public,
    reply,
    require,
    source_address,
)
from contracts.auth import Contract
from services.auth.adapters import LastSeen
from services.auth.flows.keys import Keys
from services.auth.flows.register import Imported, Register
from services.auth.flows.sessions import Customers
from services.auth.flows.tokens import Exchange
from services.auth.formats import Line, csv_lines, json_lines
from services.auth.model.contract import Holder, RemoveContract
from services.auth.model.credential import Credential
from services.auth.model.keyring import RevokeApiKey
from services.auth.schemas import (
    UNTOLD,
    ApiKeyBody,
    BearerBody,
    ContractBody,
    ContractSchema,
    CustomerSchema,
    ImportReportSchema,
    ImportSchema,
    KeysSchema,
    LoginBody,
    NewKeySchema,
    PasswordBody,
    PublicKeysSchema,
    SessionSchema,
    SessionsSchema,
    TokenSchema,
    listed_session,
    row_error,
    sentence,
    shown,
    shown_customer,
    shown_key,
    shown_session,
    shown_token,
)

WORDS = {
    "circuit-taken": ("この回線は別の契約で使われています。", "This circuit belongs to another contract."),
    "contract-number-differs": ("契約番号がパスと違います。", "The contract number differs from the path."),
    "digits-only": ("数字だけのパスワードは使えません。英字も入れてください。", "Use letters too, not digits only."),
    "invalid-contract": ("契約の内容に誤りがあります。", "The contract is not valid."),
    "key-made-before": (
        "このキーは作成済みで、もう一度は表示できません。一覧から無効にして、作り直してください。",
        "This key was made before and cannot be shown again. Revoke it and make another.",
    ),
    "letters-and-digits-only": ("半角の英字と数字だけが使えます。", "Use half-width letters and digits only."),
    "line-too-long": ("1行は262,144バイトまでです。", "A line has up to 262,144 bytes."),
    "login-failed": (
        "電話番号またはパスワードが違うか、パスワードが無効です。",
        "The number or the password is wrong, or the password is invalid.",
    ),
    "not-a-subscriber-number": ("加入者の電話番号ではありません。", "This is not a subscriber's number."),
    "number-taken": ("この番号は別の契約で使われています。", "This number belongs to another contract."),
    "password-wrong": ("現在のパスワードが違います。", "The current password is wrong."),
    "passwords-differ": ("2回入力したパスワードが違います。", "The two passwords differ."),
    "same-as-current": ("現在と同じパスワードは使えません。", "The new password must differ from the current one."),
    "too-many-attempts": (
        "続けて失敗したため、しばらくログインできません。時間をおいてお試しください。",
        "Too many failures lately. Please try again later.",
    ),
    "too-many-numbers": ("電話番号は1契約に1,000件までです。", "A contract has up to 1,000 numbers."),
    "unknown-columns": ("1行目の列名を確かめてください。", "The first line does not name the columns."),
    "unknown-scope": ("知らないスコープです。", "There is no such scope."),
    "unreadable-line": ("この行は読めません。", "This line cannot be read."),
    "wrong-number-of-cells": (
        "列の数が1行目と違います。",
        "The row has more or fewer cells than the first line has names.",
    ),
}
IMPORT_LIMIT = 64 * 1024 * 1024
CHUNK = 1000
MOST_ERRORS_SHOWN = 1000
NDJSON = "application/x-ndjson"
JSON_LINES_TYPES = (NDJSON, "application/jsonl", "application/json-lines")
# `POST /contracts` reads its body itself, line by line.
UPLOAD = {
    "required": True,
    "description": "One contract a line; CSV in UTF-8 whose first line names the columns.",
    "content": {
        **{kind: {"schema": ContractBody} for kind in (NDJSON, *JSON_LINES_TYPES)},
        "text/csv": {"schema": {"type": "string"}},
    },
}


def contracts_blueprint(contracts: Handler[Holder], register: Register) -> Blueprint:
    routes = Blueprint("contracts", __name__)

    @routes.get("/contracts/<contract_number>")
    @require("operator")
    @routes.response(200, ContractSchema, headers=TAGGED)
    def show(contract_number: str) -> Response:
        """The contract. Read from its stream, never behind."""
        return reply(shown(_present(contracts.read(contract_number).state)))

    @routes.put("/contracts/<contract_number>")
    @require("operator")
    @routes.arguments(ContractBody)
    @routes.response(200, ContractSchema, headers=TAGGED)
    @routes.alt_response(201, schema=ContractSchema, headers=TAGGED, success=True)
    @takes(IF_MATCH)
    def put(contract: Contract, contract_number: str) -> Response:
        """Imports one contract: 201 when it is new, 200 when it was there. If-Match is optional."""
        if contract.contract_number != contract_number:
            raise Rejected("contract-number-differs", field="contract_number")
        check = if_match(required=False)
        imported = register.take(
            [contract], origin(), lambda holder: check(shown(holder.contract) if holder.contract else {})
        )[0]
        if imported.problem:
            raise imported.problem
        return reply(shown(contract), 201 if imported.result == "imported" else 200)

    @routes.delete("/contracts/<contract_number>")
    @require("operator")
    @routes.response(204)
    @takes(IF_MATCH, IDEMPOTENCY_KEY)
    def remove(contract_number: str) -> Response:
        """Ends the contract and everything that ran on it; its history stays."""
        check = if_match(required=False)
        command = RemoveContract()
        contracts.handle(
            contract_number, command, origin(), guard=lambda holder: check(shown(_present(holder))), once=once()
        )
        return Response(status=204)

    @routes.post("/contracts")
    @require("operator")
    @consumes(NDJSON, *JSON_LINES_TYPES, "text/csv")
    @accepts_up_to(IMPORT_LIMIT)
    @routes.doc(requestBody=UPLOAD)
    @routes.response(200, ImportSchema)
    @routes.alt_response(200, schema=ImportReportSchema, content_type=NDJSON, success=True)
    def take_many() -> Response:
        """Imports many, as JSON Lines or CSV. Repeating an import is safe.

        Answers when all is durable; with `Accept: application/x-ndjson` says after every 1,000 lines how far it is.
        """
        reader = csv_lines if request.mimetype == "text/csv" else json_lines
        reports = _import(_spooled(), reader, register, origin())
        if request.accept_mimetypes.best_match(("application/json", NDJSON)) != NDJSON:
            return reply(_whole(reports))
        # What is wrong with the whole upload shows with the first report, when it can still be the answer.
        told = chain([next(reports)], reports)
        return Response(stream_with_context(msgspec.json.encode(report) + b"\n" for report in told), mimetype=NDJSON)

    @routes.get("/contracts/<contract_number>/history")
    @owns_contract
    @routes.arguments(history.HistoryQuery, location="query")
    @routes.response(200, history.HistorySchema)
    def show_history(query: dict[str, Any], contract_number: str) -> Response:
        """What became of the contract, newest first."""
        return reply(history.page(contracts, contract_number, sentence, **query))

    return routes


def customers_blueprint(customers: Customers, credentials: Handler[Credential]) -> Blueprint:
    routes = Blueprint("customers", __name__)

    @routes.post("/sessions")
    @public
    @routes.arguments(LoginBody)
    @routes.response(201, SessionSchema)
    def log_in(body: dict[str, str]) -> Response:
        """Opens a session. An unknown number, a wrong password and an invalid one get the same answer."""
        opened = customers.log_in(body["number"], body["password"], source_address(), correlation_id())
        return reply(shown_session(opened), 201)

    @routes.get("/sessions")
    @customer
    @routes.response(200, SessionsSchema)
    def show_sessions() -> Response:
        """The open sessions of the number that is logged in, the newest first; `last_seen` to a minute."""
        return reply({"items": [listed_session(one) for one in customers.all(principal())]})

    @routes.get("/sessions/current")
    @customer_even_restricted
    @routes.response(200, SessionSchema)
    def show_session() -> Response:
        """The session that this request came with."""
        return reply(shown_session(customers.current(principal())))

    @routes.delete("/sessions/current")
    @customer_even_restricted
    @routes.response(204)
    def log_out() -> Response:
        """Ends the session that this request came with. It stops working everywhere within some seconds."""
        customers.end(principal(), principal().session_id, origin())
        return Response(status=204)

    @routes.delete("/sessions/<session_id>")
    @customer
    @routes.response(204)
    def end_session(session_id: str) -> Response:
        """Ends a session of the number that is logged in. Somebody else's is not found."""
        customers.end(principal(), session_id, origin())
        return Response(status=204)

    @routes.put("/password")
    @customer_even_restricted
    @routes.arguments(PasswordBody)
    @routes.response(200, SessionSchema)
    def change_password(body: dict[str, str]) -> Response:
        """Sets a new password. Every session of the number ends; the answer is a new one."""
        opened = customers.change_password(principal(), body["current"], body["new"], body["new_again"], origin())
        return reply(shown_session(opened))

    @routes.get("/me")
    @customer
    @routes.response(200, CustomerSchema)
    def show_me() -> Response:
        """What the login opens: numbers and the names of their options."""
        return reply(shown_customer(principal(), customers.contract_of(principal())))

    @routes.get("/numbers/<number>/history")
    @owns_number
    @routes.arguments(history.HistoryQuery, location="query")
    @routes.response(200, history.HistorySchema)
    def show_number_history(query: dict[str, Any], number: str) -> Response:
        """Logins with the number and what became of its password, newest first."""
        told = history.as_read_by(principal(), sentence)
        return reply(history.page(credentials, number, told, hidden=UNTOLD, **query))

    return routes


def keys_blueprint(keys: Keys, exchange: Exchange, last_seen: LastSeen) -> Blueprint:
    routes = Blueprint("keys", __name__)

    @routes.get("/api-keys")
    @require("operator")
    @routes.response(200, KeysSchema)
    def show_keys() -> Response:
        """All keys, the revoked ones too, with when they were last used, to a minute."""
        seen = last_seen.when()
        return reply({"items": [shown_key(key, seen.get(key.key_id)) for key in keys.all()]})

    @routes.post("/api-keys")
    @require("operator")
    @routes.arguments(ApiKeyBody)
    @routes.response(201, NewKeySchema)
    @takes(IDEMPOTENCY_KEY)
    def create(body: dict[str, Any]) -> Response:
        """Makes a key. It is shown in this answer and never again."""
        secret, key = keys.create(body["name"], tuple(body["scopes"]), origin(), once())
        return reply({**shown_key(key, None), "key": secret}, 201)

    @routes.delete("/api-keys/<key_id>")
    @require("operator")
    @routes.response(204)
    def revoke(key_id: str) -> Response:
        """The key stops working everywhere within some seconds."""
        keys.revoke(RevokeApiKey(key_id), origin())
        return Response(status=204)

    @routes.post("/tokens")
    @public
    @routes.arguments(BearerBody)
    @routes.response(200, TokenSchema)
    def give_token(body: dict[str, str]) -> Response:
        """A signed token, good for `expires_in` seconds: normally a minute for a session, an hour for an API key. What
        it opens is in the token; of a session `login` says it too."""
        return reply(shown_token(exchange.token_for(body["bearer"])))

    @routes.get("/.well-known/jwks.json")
    @public
    @routes.response(200, PublicKeysSchema)
    def public_keys() -> Response:
        """The public keys of our tokens."""
        return reply(exchange.jwks())

    return routes


def _present(holder: Holder) -> Contract:
    if holder.contract is None:
        raise NotFound("not-found")
    return holder.contract


def _spooled() -> BinaryIO:
    """The whole upload in a temporary file: an upload that breaks off imports nothing."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  Lives as long as the answer is streamed.
    while chunk := request.stream.read(1024 * 1024):
        file.write(chunk)
    file.seek(0)
    return file


def _import(
    file: BinaryIO, reader: Callable[[BinaryIO], Iterator[Line]], register: Register, who: Origin
) -> Iterator[dict[str, Any]]:
    """A report after every thousand lines, of all that is done so far, with the errors since the report before."""
    counts: Counter[str] = Counter()
    lines = reader(file)
    while chunk := list(islice(lines, CHUNK)):
        good = [(number, contract) for number, contract in chunk if isinstance(contract, Contract)]
        answers = register.take([contract for _, contract in good], who)
        results = {number: answer for (number, _), answer in zip(good, answers, strict=True)}
        outcomes = [(number, _outcome(results.get(number), found)) for number, found in chunk]
        counts.update(outcome.result for _, outcome in outcomes)
        errors = [row_error(number, bad, _words(bad)) for number, outcome in outcomes if (bad := outcome.problem)]
        yield {"done": False, **_counted(counts), "errors": errors}
    yield {"done": True, **_counted(counts), "errors": []}


def _words(problem: Rejected) -> str:
    return WORDS[problem.code][0] if problem.code in WORDS else ""


def _outcome(answer: Imported | None, found: Contract | Rejected) -> Imported:
    if isinstance(found, Rejected):
        return Imported("rejected", found)
    return answer or Imported("unchanged")


def _counted(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in ("imported", "changed", "unchanged", "rejected")}


def _whole(reports: Iterator[dict[str, Any]]) -> dict[str, Any]:
    errors: list[dict[str, Any]] = []
    last: dict[str, Any] = {}
    for last in reports:
        errors += last["errors"]
    return {**last, "errors": errors[:MOST_ERRORS_SHOWN], "errors_left_out": max(0, len(errors) - MOST_ERRORS_SHOWN)}
