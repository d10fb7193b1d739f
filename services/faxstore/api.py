"""The HTTP routes of faxstore: what receivers send, what customers see, and whom to tell of it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from flask import Response, request
from werkzeug.formparser import FormDataParser

from chassis import history
from chassis.errors import BadMessage, TooLarge
from chassis.handling import Handler
from chassis.headers import IF_MATCH, takes
from chassis.messages import now
from chassis.setting import TAGGED, add_overview
from chassis.setting import Setting as SettingRoutes
from chassis.web import (
    Blueprint,
    accepts_up_to,
    consumes,
    if_match,
    load,
    origin,
    owns_number,
    principal,
    reply,
    require,
)
from contracts.switched import SwitchedOn
from services.faxstore.adapters import Arriving, Spool, Stored
from services.faxstore.flows import Receipts, Shelf, contracted
from services.faxstore.model.fax import Fax, there
from services.faxstore.model.setting import EditFaxMail, FaxMail
from services.faxstore.schemas import (
    FORM,
    FaxBody,
    FaxesQuery,
    FaxListSchema,
    FaxMailBody,
    FaxMailSchema,
    FaxSchema,
    ReceiptSchema,
    file_name,
    one_of_each,
    page_of,
    shown,
    shown_fax,
    shown_page,
    told,
)

# Up to the larger size a body is taken in pieces and dropped, so that a document that is too large gets a sentence.
LARGEST_DOCUMENT, LARGEST_BODY = 20 * 1024 * 1024, 24 * 1024 * 1024
# Of a field that is no file, and of how many parts. werkzeug counts what it has read of a file too, 64 KiB and more.
LARGEST_FIELD, MOST_PARTS = 256 * 1024, 16
PDF, PNG, TIFF = "application/pdf", "image/png", "image/tiff"

WORDS = {
    "called-not-contracted": (
        "この番号は、FAXお知らせメールを契約していません。",
        "The called number does not have the option FAX mail.",
    ),
    "cannot-be-shown": (
        "このFAXは画面に表示できません。受信したままのファイルをダウンロードしてください。",
        "This fax cannot be shown. Please download it as it was sent.",
    ),
    "content-damaged": ("内部でエラーが発生しました。", "Something went wrong on our side."),
    "copies-not-ready": (
        "表示の準備をしています。しばらくしてからお試しください。",
        "This is being prepared. Please try again in a moment.",
    ),
    "darkroom-busy": (
        "ただいま混み合っています。しばらくしてからお試しください。",
        "Too busy at the moment. Please try again.",
    ),
    "darkroom-unavailable": (
        "ただいま利用できません。しばらくしてからお試しください。",
        "Not available at the moment. Please try again.",
    ),
    "document-compression-not-taken": (
        "この圧縮方式のTIFFは受け付けていません。G3かG4で送ってください。",
        "This TIFF is compressed in another way than G3 or G4.",
    ),
    "document-damaged": ("ファイルが壊れているため読めません。", "The document is damaged and cannot be read."),
    "document-empty": ("ファイルが空です。", "The document is empty."),
    "document-encrypted": ("暗号化されたPDFは受け付けていません。", "An encrypted PDF is not taken."),
    "document-has-scripts": (
        "スクリプトや添付ファイルを含むPDFは受け付けていません。",
        "A PDF with scripts, actions or attachments is not taken.",
    ),
    "document-has-two-types": (
        "ほかの種類のファイルとしても読めるため、受け付けていません。",
        "The document could be read as another type of file too.",
    ),
    "document-page-too-large": ("ページが大きすぎます。", "A page is too large."),
    "document-too-complex": ("ファイルの構造が複雑すぎます。", "The document is too complex."),
    "document-too-many-pages": ("ページ数が多すぎます。", "There are too many pages."),
    "document-truncated": ("ファイルが途中で切れています。", "The document ends in the middle."),
    "document-type-unknown": ("TIFFでもPDFでもありません。", "This is neither TIFF nor PDF."),
    "document-not-shown": ("このFAXは画面に表示できません。", "This fax cannot be shown."),
    "document-too-large": ("ファイルは20MBまでです。", "A document has up to 20 MB."),
    "fax-differs": ("同じ id の別のFAXがすでにあります。", "There is another fax with this id already."),
    "mailbox-full": (
        "この番号のFAXの保存容量がいっぱいです。不要なFAXを削除してください。",
        "There is no room for more faxes of this number until some are deleted.",
    ),
    "no-addresses": ("送信先のメールアドレスを先に登録してください。", "Add a mail address first."),
    "not-a-file": ("ファイルとして送ってください。", "Send it as a file."),
    "repeated-field": ("同じ項目が2回あります。", "This field is there twice."),
    "spool-full": (
        "ただいま利用できません。しばらくしてからお試しください。",
        "Not available at the moment. Please try again.",
    ),
    "too-many-addresses": ("登録できるメールアドレスは5件までです。", "A FAX mail has up to 5 addresses."),
    "unknown-page": ("このページはありません。", "There is no such page."),
    "unreadable-form": ("multipart/form-data として読めません。", "The body cannot be read as multipart/form-data."),
}
_BINARY = {"type": "string", "format": "binary"}


def receiver_routes(receipts: Receipts, spool: Spool) -> Blueprint:
    routes = Blueprint("faxes", __name__)

    @routes.post("/faxes")
    @require("faxes")
    @consumes("multipart/form-data")
    @accepts_up_to(LARGEST_BODY)
    @routes.doc(requestBody=FORM)
    @routes.response(201, ReceiptSchema)
    @routes.alt_response(200, schema=ReceiptSchema, description="It was stored before.")
    def receive() -> Response:
        """A fax, durable when this is answered. The same id again is answered 200; with another fax it is 409."""
        with receipts.turns.place(), spool.arriving(LARGEST_DOCUMENT) as arriving:
            sent, document = load(FaxBody(), _form(arriving))
            stored = receipts.receive(sent, document, origin())
        return reply({"id": sent.fax_id, "status": "stored" if stored else "duplicate"}, 201 if stored else 200)

    return routes


def _form(document: Arriving) -> Mapping[str, Any]:
    """The fields of the form by name, a file of it as `document` while it goes to disk; others are only refused."""
    parser = FormDataParser(
        lambda *_args, **_more: document,  # type: ignore[arg-type]
        max_form_memory_size=LARGEST_FIELD,
        max_form_parts=MOST_PARTS,
        silent=False,
    )
    try:
        _, form, files = parser.parse(
            request.stream, request.mimetype, request.content_length, dict(request.mimetype_params)
        )
    except ValueError as problem:
        raise BadMessage("unreadable-form") from problem
    one_of_each([name for name, _ in [*form.items(multi=True), *files.items(multi=True)]])
    if document.too_large:
        raise TooLarge("document-too-large")
    return {**form.to_dict(), **dict.fromkeys(files, document)}


def number_routes(settings: Handler[FaxMail], shelf: Shelf) -> Blueprint:
    routes = Blueprint("fax-mail", __name__, url_prefix="/numbers/<number>")
    setting = SettingRoutes(settings, lambda mail: shown(contracted(mail)), _with_who)
    setting.add_routes(
        routes, "/fax-mail", owns_number, body=FaxMailBody, answer=FaxMailSchema, start=_start, stop=_stop
    )

    @routes.get("/history")
    @owns_number
    @routes.arguments(history.HistoryQuery, location="query")
    @routes.response(200, history.HistorySchema)
    def show_number_history(query: dict[str, Any], number: str) -> Response:
        """What was changed of the FAX mail, and which faxes were deleted, by whom and when, newest first."""
        return reply(history.page(settings, number, history.as_read_by(principal(), told), **query))

    @routes.get("/faxes")
    @owns_number
    @routes.arguments(FaxesQuery, location="query")
    @routes.response(200, FaxListSchema)
    def show_faxes(query: dict[str, Any], number: str) -> Response:
        """The faxes of a number, newest first. From a view that is as new as the last answer, but for faults."""
        rows = shelf.page(number, principal(), **query)
        return reply(shown_page(rows, query["limit"]))

    return routes


def overview_routes(shelf: Shelf) -> Blueprint:
    routes = Blueprint("fax-overview", __name__)
    promise = "Of each number: is the FAX mail started, since when and by whom, and how many faxes are unread."
    add_overview(routes, "/me/fax-mail", shelf.glances, promise)
    return routes


def _with_who(_: str, command: EditFaxMail) -> EditFaxMail:
    return replace(command, now=SwitchedOn(now(), origin().actor.kind))


def _start() -> EditFaxMail:
    """Mails are sent of the faxes that come in from now on."""
    return EditFaxMail(started=True)


def _stop() -> EditFaxMail:
    """No more mails; what is in the queue is still sent."""
    return EditFaxMail(started=False)


def fax_routes(shelf: Shelf) -> Blueprint:
    routes = Blueprint("fax", __name__, url_prefix="/numbers/<number>/faxes/<fax_id>")

    @routes.get("")
    @owns_number
    @routes.response(200, FaxSchema, headers=TAGGED)
    def show(number: str, fax_id: str) -> Response:
        """The record of a fax, read from its stream, never behind. A look at it leaves the fax unread, and has it made
        ready to be shown before others."""
        return reply(shown_fax(shelf.look(number, fax_id, principal(), origin())))

    @routes.delete("")
    @owns_number
    @routes.response(204)
    @takes(IF_MATCH)
    def delete(number: str, fax_id: str) -> Response:
        """The fax is gone at once; its content is removed for good within moments. If-Match is optional."""
        check = if_match(required=False)
        shelf.fax(number, fax_id, principal())
        shelf.delete(fax_id, origin(), lambda fax: check(shown_fax(fax)))
        return Response(status=204)

    @routes.post("/read")
    @owns_number
    @routes.takes_nothing
    @routes.response(200, FaxSchema, headers=TAGGED)
    def mark_read(number: str, fax_id: str) -> Response:
        """The fax counts as read. Twice is once."""
        shelf.fax(number, fax_id, principal())
        return reply(shown_fax(shelf.mark(fax_id, True, origin())))

    @routes.post("/unread")
    @owns_number
    @routes.takes_nothing
    @routes.response(200, FaxSchema, headers=TAGGED)
    def mark_unread(number: str, fax_id: str) -> Response:
        """The fax counts as unread again. Twice is once."""
        shelf.fax(number, fax_id, principal())
        return reply(shown_fax(shelf.mark(fax_id, False, origin())))

    @routes.get("/document")
    @owns_number
    @routes.doc(responses={"200": {"content": {TIFF: {"schema": _BINARY}, PDF: {"schema": _BINARY}}}})
    @routes.response(200, _BINARY, content_type=TIFF)
    def show_document(number: str, fax_id: str) -> Response:
        """The document as it was sent, byte for byte. A customer who has it has read the fax."""
        fax = shelf.fax(number, fax_id, principal())
        return _opened(shelf, fax, _File("document", there(fax).media_type), lambda: shelf.document(fax))

    @routes.get("/pdf")
    @owns_number
    @routes.response(200, _BINARY, content_type=PDF)
    def show_pdf(number: str, fax_id: str) -> Response:
        """The document as PDF, nothing of its picture lost, until it is made 503. A customer who has it has read the
        fax."""
        fax = shelf.look(number, fax_id, principal(), origin())
        return _opened(shelf, fax, _File("pdf", PDF), lambda: shelf.pdf(fax))

    @routes.get("/pages/<page>.png")
    @owns_number
    @routes.response(200, _BINARY, content_type=PNG)
    def show_page(number: str, fax_id: str, page: str) -> Response:
        """A page as a picture in its right proportions, the first is 1; until it is made 503."""
        fax = shelf.look(number, fax_id, principal(), origin())
        wanted = page_of(fax, page)
        return _streamed(fax, _File(f"{wanted}.png", PNG, "inline"), lambda: shelf.picture(fax, wanted))

    return routes


class _File(NamedTuple):
    """A file of a fax, and how it is handed out."""

    part: str
    media_type: str
    disposition: str = "attachment"


def _opened(shelf: Shelf, fax: Fax, file: _File, find: Callable[[], Stored]) -> Response:
    """The file, and the fax counts as read when it was the customer who asked for it."""
    response = _streamed(fax, file, find)
    if request.method == "GET" and principal().kind == "customer":
        shelf.handed_out(fax, origin())
    return response


def _streamed(fax: Fax, file: _File, find: Callable[[], Stored]) -> Response:
    """In pieces, as they are read; 304 to whoever has it already. What is in a fax never changes."""
    tag = f"{there(fax).checksum[:32]}-{file.part}"
    headers = {"ETag": f'"{tag}"', "Cache-Control": "private, no-store"}
    if request.if_none_match.contains_weak(tag):
        return Response(status=304, headers=headers)
    stored = find()
    headers |= {"Content-Length": str(stored.size)}
    headers |= {"Content-Disposition": f'{file.disposition}; filename="{file_name(fax, file.part)}"'}
    return Response(stored.pieces, headers=headers, content_type=file.media_type)
