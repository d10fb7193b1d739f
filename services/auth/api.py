"""The HTTP routes of auth: contracts and keys for operators, signed tokens for the gateway."""

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
from chassis.messages import Origin, now
from chassis.web import (
    Blueprint,
    accepts_up_to,
    consumes,
    if_match,
    once,
    origin,
    owns_contract,
    public,
    reply,
    require,
)
from contracts.auth import Contract
from services.auth.adapters import LastSeen
from services.auth.flows import Imported, Keys, Register
from services.auth.model.contract import Holder, RemoveContract
from services.auth.model.keyring import RevokeApiKey
from services.auth.schemas import (
    ApiKeyBody,
    BearerBody,
    ContractBody,
    Line,
    csv_lines,
    json_lines,
    row_error,
    sentence,
    shown,
    shown_key,
)

WORDS = {
    "circuit-taken": ("この回線は別の契約で使われています。", "This circuit belongs to another contract."),
    "contract-number-differs": ("契約番号がパスと違います。", "The contract number differs from the path."),
    "invalid-contract": ("契約の内容に誤りがあります。", "The contract is not valid."),
    "key-made-before": (
        "このキーは作成済みで、もう一度は表示できません。一覧から無効にして、作り直してください。",
        "This key was made before and cannot be shown again. Revoke it and make another.",
    ),
    "line-too-long": ("1行は262,144バイトまでです。", "A line has up to 262,144 bytes."),
    "not-a-subscriber-number": ("加入者の電話番号ではありません。", "This is not a subscriber's number."),
    "number-taken": ("この番号は別の契約で使われています。", "This number belongs to another contract."),
    "too-many-numbers": ("電話番号は1契約に1,000件までです。", "A contract has up to 1,000 numbers."),
    "unknown-columns": ("1行目の列名を確かめてください。", "The first line does not name the columns."),
    "unreadable-line": ("この行は読めません。", "This line cannot be read."),
    "wrong-number-of-cells": (
        "列の数が1行目と違います。",
        "The row has more or fewer cells than the first line has names.",
    ),
    "unknown-scope": ("知らないスコープです。", "There is no such scope."),
}
IMPORT_LIMIT = 64 * 1024 * 1024
CHUNK = 1000
MOST_ERRORS_SHOWN = 1000
NDJSON = "application/x-ndjson"
JSON_LINES_TYPES = (NDJSON, "application/jsonl", "application/json-lines")


def contracts_blueprint(contracts: Handler[Holder], register: Register) -> Blueprint:
    routes = Blueprint("contracts", __name__)

    @routes.get("/contracts/<contract_number>")
    @require("operator")
    def show(contract_number: str) -> Response:
        """The contract. Read from its stream, never behind."""
        return reply(shown(_present(contracts.read(contract_number).state)))

    @routes.put("/contracts/<contract_number>")
    @require("operator")
    @routes.arguments(ContractBody)
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
    def show_history(query: dict[str, Any], contract_number: str) -> Response:
        """What became of the contract, newest first."""
        return reply(history.page(contracts, contract_number, sentence, **query))

    return routes


def keys_blueprint(keys: Keys, last_seen: LastSeen) -> Blueprint:
    routes = Blueprint("keys", __name__)

    @routes.get("/api-keys")
    @require("operator")
    def show_keys() -> Response:
        """All keys, the revoked ones too, with when they were last used, to a minute."""
        seen = last_seen.when()
        return reply({"items": [shown_key(key, seen.get(key.key_id)) for key in keys.all()]})

    @routes.post("/api-keys")
    @require("operator")
    @routes.arguments(ApiKeyBody)
    def create(body: dict[str, Any]) -> Response:
        """Makes a key. It is shown in this answer and never again."""
        secret, key = keys.create(body["name"], tuple(body["scopes"]), origin(), once())
        return reply({**shown_key(key, None), "key": secret}, 201)

    @routes.delete("/api-keys/<key_id>")
    @require("operator")
    def revoke(key_id: str) -> Response:
        """The key stops working everywhere within some seconds."""
        keys.revoke(RevokeApiKey(key_id), origin())
        return Response(status=204)

    @routes.post("/tokens")
    @public
    @routes.arguments(BearerBody)
    def exchange(body: dict[str, str]) -> Response:
        """A signed token for an API key, good for about a minute; what it opens is in the token."""
        token, seconds = keys.token_for(body["bearer"], now())
        return reply({"token": token, "expires_in": seconds})

    @routes.get("/.well-known/jwks.json")
    @public
    def public_keys() -> Response:
        """The public keys of our tokens."""
        return reply(keys.jwks())

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
