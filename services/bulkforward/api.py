"""The HTTP routes of bulk forwarding."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from flask import Response, request

from chassis import history
from chassis.errors import NotFound, Rejected, TooLarge
from chassis.handling import Handler
from chassis.headers import IDEMPOTENCY_KEY, IF_MATCH, IF_MATCH_NEEDED, takes
from chassis.messages import now
from chassis.setting import TAGGED, Setting
from chassis.web import (
    Blueprint,
    accepts_up_to,
    consumes,
    etag,
    if_match,
    once,
    origin,
    owns_contract,
    reply,
)
from services.bulkforward import formats
from services.bulkforward.flows import CsvEdits, Guard
from services.bulkforward.model import DropEntry, Plan, SetEntry, StartNow, StopNow
from services.bulkforward.schemas import (
    CsvQuery,
    DryRunSchema,
    EntryBody,
    PlanBody,
    PlanSchema,
    sentence,
    shown,
    shown_dry_run,
)

WORDS = {
    "dry-run-not-found": (
        "お試しの結果が見つかりません。期限が切れています。もう一度ファイルを送ってください。",
        "There is no such dry run; it may have expired. Please send the file again.",
    ),
    "empty-file": (
        "ファイルに行がありません。「電話番号,転送先電話番号」の2列で入力してから、もう一度お送りください。",
        "The file has no lines. It takes two columns: number, destination.",
    ),
    "entries-changed": (
        "お試しのあとに、転送先が変更されています。もう一度ファイルを送って、内容を確かめてください。",
        "The entries have changed since. Please send the file again and look at what it does.",
    ),
    "excel-workbook": (
        "Excelなどの表計算ソフトのファイルです。CSVではないため読めません。"
        "表計算ソフトの「名前を付けて保存」で「CSV UTF-8（コンマ区切り）」を選び、保存したファイルをお送りください。",
        "This is a spreadsheet, not CSV. Save it as CSV UTF-8 and send that file.",
    ),
    "file-too-large": (
        "ファイルが大きすぎます。CSVファイルは1MBまでです（200行でも10KBほどです）。ファイルが正しいか確かめてください。",
        "A CSV file has up to 1 MB; 200 lines are about 10 KB. Please check that it is the right file.",
    ),
    "invalid-rows": (
        "ファイルに誤りがあるため、転送先は変更していません。誤りのある行を直して、もう一度お送りください。",
        "Nothing was changed, as some lines are not valid. Please mend them and send the file again.",
    ),
    "not-a-text-file": (
        "CSVファイルではありません。表計算ソフトの「名前を付けて保存」でCSVを選んで保存し、そのファイルをお送りください。",
        "This is not a text file. Save it as CSV and send that file.",
    ),
    "one-file-wanted": ("CSVファイルを1つ選んでください。", "Send exactly one CSV file."),
    "unknown-columns": (
        "1行目の列名が違います。「電話番号,転送先電話番号」の順の2列にするか、列名の行を消してください。",
        "The first line has other columns than number and destination, in this order. A header may be left out.",
    ),
    "unsupported-charset": (
        "この文字コードは使えません。UTF-8かShift_JISで保存してください。",
        "This charset is not taken. Use UTF-8 or Shift_JIS.",
    ),
    "utf-16-file": (
        "文字コードがUTF-16（Unicodeテキスト）のファイルです。"
        "「名前を付けて保存」で「CSV UTF-8（コンマ区切り）」を選んで保存し、そのファイルをお送りください。",
        "This file is in UTF-16. Save it as CSV UTF-8 and send that file.",
    ),
    "wrong-encoding": (
        "文字コードがUTF-8でもShift_JISでもないため、読めない文字があります。「CSV UTF-8」で保存し直してください。",
        "Some characters are not in the expected encoding. Save the file as CSV UTF-8.",
    ),
    "no-entries": (
        "転送先が登録されていません。先に転送先を登録してください。",
        "There are no entries yet. Add one first.",
    ),
    "too-many-entries": ("転送先は200件まで登録できます。", "A plan takes up to 200 entries."),
    "number-not-in-contract": ("ご契約の電話番号ではありません。", "This number does not belong to the contract."),
    "destination-not-allowed": ("転送できない番号があります。", "Calls cannot be forwarded to some of these numbers."),
}


def blueprint(plans: Handler[Plan], complete: Callable[[str, Any], Any]) -> Blueprint:
    routes = Blueprint("bulk-forward", __name__, url_prefix="/contracts/<contract_number>")
    setting = Setting(plans, lambda plan: shown(contracted(plan)), complete)
    setting.add_routes(
        routes, "/bulk-forward", owns_contract, body=PlanBody, answer=PlanSchema, start=_start, stop=_stop
    )

    @routes.put("/bulk-forward/entries/<number>")
    @owns_contract
    @routes.arguments(EntryBody)
    @routes.response(200, PlanSchema, headers=TAGGED)
    @takes(IF_MATCH_NEEDED, IDEMPOTENCY_KEY)
    def set_entry(body: dict[str, str], contract_number: str, number: str) -> Response:
        """One entry, new or changed."""
        return setting.carry_out(contract_number, SetEntry(number, body["destination"]), need_match=True)

    @routes.delete("/bulk-forward/entries/<number>")
    @owns_contract
    @routes.response(200, PlanSchema, headers=TAGGED)
    @takes(IF_MATCH_NEEDED, IDEMPOTENCY_KEY)
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


CSV = "text/csv"
# Up to here a body is taken in pieces and dropped, so that a file that is too large gets a sentence.
LARGEST_FILE, LARGEST_BODY = 1024 * 1024, 8 * 1024 * 1024
_FILE = {
    "required": True,
    "description": "電話番号, 転送先電話番号: two columns, header optional, in UTF-8 or Shift_JIS (cp932), up to 1,000 "
    "lines. An empty destination deletes the entry; entries that are not listed stay.",
    "content": {
        CSV: {"schema": {"type": "string"}},
        "multipart/form-data": {
            "schema": {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
        },
    },
}


def csv_blueprint(plans: Handler[Plan], edits: CsvEdits) -> Blueprint:
    routes = Blueprint("bulk-forward-csv", __name__, url_prefix="/contracts/<contract_number>/bulk-forward/csv")

    @routes.get("")
    @owns_contract
    @routes.response(200, {"type": "string"}, content_type=CSV, headers=TAGGED)
    def show_csv(contract_number: str) -> Response:
        """The entries as a CSV file, which POST takes back. Its ETag is that of the setting."""
        plan = contracted(plans.read(contract_number).state)
        headers = {"Content-Disposition": f'attachment; filename="bulk-forward-{contract_number}.csv"'}
        return _tagged(
            Response(formats.write(plan.entries), headers=headers, content_type=f"{CSV}; charset=utf-8"), plan
        )

    @routes.route("", methods=["PUT", "POST"])
    @owns_contract
    @consumes(CSV, "multipart/form-data")
    @accepts_up_to(LARGEST_BODY)
    @routes.doc(requestBody=_FILE)
    @routes.arguments(CsvQuery, location="query")
    @routes.response(200, {"oneOf": [DryRunSchema, PlanSchema]}, headers=TAGGED)
    @takes(IF_MATCH, IDEMPOTENCY_KEY)
    def take_csv(query: dict[str, bool], contract_number: str) -> Response:
        """A CSV file for the entries, applied as a whole or not at all; with `dry_run=true` says what it would do.

        Applying needs If-Match and answers the setting; for a dry run it is optional.
        """
        guard = _guard(required=not query["dry_run"])
        key, file = once(), _file()
        if not query["dry_run"]:
            return _setting(edits.take(contract_number, *file, origin(), guard, key).state)
        guard(plan := plans.read(contract_number).state)
        return _tagged(reply(shown_dry_run(*edits.try_out(contract_number, plan, *file))), plan)

    @routes.post("/<id>/apply")
    @owns_contract
    @routes.takes_nothing
    @routes.response(200, PlanSchema, headers=TAGGED)
    @takes(IF_MATCH, IDEMPOTENCY_KEY)
    def apply_csv(contract_number: str, id: str) -> Response:
        """Applies a dry run, unless the entries have changed since (409). If-Match is optional."""
        return _setting(edits.apply(contract_number, id, origin(), _guard(required=False), once()).state)

    return routes


class _File(NamedTuple):
    """A file as it was sent, and what its sender says of its encoding."""

    data: bytes
    charset: str | None


def _file() -> _File:
    """The body, or the one file of a form. TooLarge `file-too-large` without having kept it."""
    if (request.content_length or 0) > LARGEST_FILE:
        for _ in iter(partial(request.stream.read, 64 * 1024), b""):
            pass
        raise TooLarge("file-too-large")
    data = request.get_data(cache=True)
    if len(data) > LARGEST_FILE:
        raise TooLarge("file-too-large")
    if request.mimetype == CSV:
        return _File(data, request.mimetype_params.get("charset"))
    files = [file for _, file in request.files.items(multi=True) if file.filename]
    if len(files) != 1:
        raise Rejected("one-file-wanted")
    return _File(files[0].read(), files[0].mimetype_params.get("charset"))


def _guard(required: bool) -> Guard:
    check = if_match(required=required)
    return lambda plan: check(shown(contracted(plan)))


def _setting(plan: Plan) -> Response:
    return reply(shown(contracted(plan)))


def _tagged(response: Response, plan: Plan) -> Response:
    """With the tag of the setting that the answer is about, for If-Match."""
    response.headers["ETag"] = etag(shown(plan))
    return response


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
