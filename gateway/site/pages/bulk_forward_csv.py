"""Destinations of bulk forwarding by file: download, upload, a look at what it would do, and only then the change.

What was looked at is kept by bulkforward under an id, by which it is applied; nothing is kept here.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

import flask
from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from chassis.bodies import accepts_up_to
from chassis.errors import NotFound
from contracts import phone
from gateway.routes import UPLOADS
from gateway.site.browser import language
from gateway.site.desk import Site
from gateway.site.forms import Form, Wrong
from gateway.site.pages.bulk_forward_entries import path
from gateway.site.services import Object, Reply
from gateway.site.wording import WORDS
from gateway.site.words import N_

_UPLOAD = UPLOADS["/contracts/<contract_number>/bulk-forward/csv"]
COUNTED = ("added", "changed", "deleted")
LOST_ZERO = "leading-zero-lost"
_NO_FILE = N_("CSVファイルを1つ選んでください")
_MANY_WRONG = N_("このファイルには直すところが%(count)sか所あります。まだ何も変更していません")
_ENTRIES_CHANGED = N_(
    "確かめている間に、転送先が別の画面で変わりました。まだ何も変更していません。もう一度ファイルを選んで、内容を確かめてください"
)
_EXPIRED = N_("内容を確かめてから時間がたったため、まだ何も変更していません。もう一度ファイルを選んでください。")
# What is wrong with a line, where the service words it in Japanese alone. `suggestion` is the number that was meant.
_LINES: Mapping[str, str] = {
    "broken-quotes": N_('引用符「"」の使い方を確かめてください。この行の引用符を消してください'),
    "repeated-number": N_("前の行と同じ電話番号です。どちらかの行を消してください"),
    "number-missing": N_("電話番号がありません。1列目に電話番号を入力するか、この行を消してください"),
    "number-not-in-contract": N_("ご契約の電話番号ではありません。番号を確かめるか、この行を消してください"),
    "wrong-number-of-cells": N_("「電話番号,転送先電話番号」の2列にしてください"),
    "leading-zero-lost": N_("先頭の0が消えています。「%(suggestion)s」でよければ、そのように書き直してください"),
    "digits-lost": N_("表計算ソフトで桁が失われています。列の書式を「文字列」にして、電話番号を入力し直してください"),
    "too-short": N_("電話番号の桁数が足りません。市外局番から入力してください"),
    "too-long": N_("電話番号の桁数が多すぎます。番号を確かめてください"),
    "too-many-entries": N_("転送先は200件までです。この行から先を減らすか、使わない転送先を空にしてください"),
    "too-many-rows": N_("1つのファイルに書けるのは1,000行までです。この行から先は読んでいません"),
    "too-many-errors": N_("直すところが多いため、ここで読むのをやめました。上の行を直して、もう一度お試しください"),
}


def add_pages(pages: Blueprint, site: Site) -> None:
    @pages.route("/bulk-forward/csv", methods=["GET", "POST"])
    @accepts_up_to(_UPLOAD.max_body)
    @site.private
    def csv() -> ResponseReturnValue:
        sent = flask.request.files.get("file") if site.sending else None
        if sent and sent.filename:
            return _try_out(site, sent.read())
        wrong = [Wrong("file", site.say(_NO_FILE))] if site.sending else []
        return _show(site, *wrong, status=422 if wrong else 200)

    @pages.get("/bulk-forward/csv/entries.csv")
    @site.private
    def entries_file() -> ResponseReturnValue:
        return _as_file("tsunagu-entries.csv", _exported(site))

    @pages.get("/bulk-forward/csv/numbers.csv")
    @site.private
    def numbers_file() -> ResponseReturnValue:
        """All numbers to fill in; those without a destination have an empty one."""
        unset = [number for number in site.me.numbers if number not in _plan(site)["entries"]]
        lines = "".join(f"{phone.shown(number)},\r\n" for number in unset)
        return _as_file("tsunagu-numbers.csv", _exported(site) + lines.encode())

    @pages.route("/bulk-forward/csv/<id>", methods=["GET", "POST"])
    @site.private
    def csv_run(id: str) -> ResponseReturnValue:
        """What was looked at, to apply it; what the file would do was only shown when it was sent."""
        if site.sending:
            return _apply(site, id)
        form = site.resumed()
        return _show_again(site, id, form) if form else site.go("/bulk-forward/csv")

    @pages.get("/bulk-forward/csv/done")
    @site.private
    def csv_done() -> ResponseReturnValue:
        counts = {name: flask.request.args.get(name, 0, type=int) for name in COUNTED}
        return site.render("bulk_forward/csv_done.html", plan=_plan(site), **counts)


def _plan(site: Site) -> Object:
    return site.services.get(path(site)).body


def _exported(site: Site) -> bytes:
    return site.services.get(f"{path(site)}/csv").data


def _as_file(name: str, data: bytes) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, headers=headers, content_type="text/csv; charset=utf-8")


def _show(site: Site, *wrong: Wrong, status: int = 200) -> Response:
    context = {"plan": _plan(site), "count": len(site.me.numbers)}
    return site.render("bulk_forward/csv.html", status, form=Form.of().again(*wrong), **context)


# --- trying


class Mended(NamedTuple):
    """A number of the file whose zero a spreadsheet program has taken, and as it was meant."""

    line: int
    before: str
    after: str


def _try_out(site: Site, data: bytes) -> ResponseReturnValue:
    """What the file would do. Where zeros are lost, what it would do with them."""
    mended: Sequence[Mended] = ()
    reply = _dry_run(site, data)
    if any(one["code"] == LOST_ZERO for one in reply.body.get("errors", ())) and reply.done:
        data, mended = mend(data)
        reply = _dry_run(site, data)
    if not reply.done:
        return _show(site, Wrong("file", site.wrong(reply)[0].sentence), status=reply.status)
    return _show_run(site, reply.body, mended)


def _dry_run(site: Site, data: bytes) -> Reply:
    return site.services.send("POST", f"{path(site)}/csv?dry_run=true", data, type="text/csv", seconds=_UPLOAD.seconds)


def _show_run(site: Site, run: Object, mended: Sequence[Mended]) -> Response:
    errors = [{"line": one["line"], "words": _line_words(site, one)} for one in run["errors"]]
    counts = {name: str(len(run[name])) for name in COUNTED}
    wrong = [Wrong("errors", site.say(_MANY_WRONG) % {"count": len(errors)})] if errors else []
    context = {"run": run, "errors": errors, "mended": mended, "plan": _plan(site)}
    form = Form.filled(counts).again(*wrong)
    return site.render("bulk_forward/csv_run.html", 422 if errors else 200, form=form, **context)


def _line_words(site: Site, error: Mapping[str, str]) -> str:
    """In Japanese the service knows best what the line says."""
    said = _LINES.get(error["code"]) or WORDS.get(error["code"])
    if language() == "ja" or not said:
        return error["message"]
    return site.say(said) % {"suggestion": phone.shown(error.get("suggestion", ""))}


def mend(data: bytes) -> tuple[bytes, Sequence[Mended]]:
    """The file with a zero before each number that needs only that to be one, in UTF-8, and which these are.

    Of a file that bulkforward could read: in UTF-8 or in cp932.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp932", "replace")
    lines = re.split(r"(\r\n|\r|\n)", text)
    found = [one for index, line in enumerate(lines[::2], 1) for one in _lost_zeros(index, line)]
    lines[::2] = [_LAST_ZEROS.sub(_with_zero, line) for line in lines[::2]]
    return "".join(lines).encode(), found


# A cell without separators, perhaps in quotes.
_LAST_ZEROS = re.compile(r"[^,;\t]+")


def _lost_zeros(line: int, text: str) -> Iterator[Mended]:
    for cell in _LAST_ZEROS.finditer(text):
        if meant := _meant(cell[0]):
            yield Mended(line, cell[0].strip(' "'), phone.shown(meant))


def _with_zero(cell: re.Match[str]) -> str:
    return _meant(cell[0]) or cell[0]


def _meant(cell: str) -> str:
    """The number that the cell was; "" where a zero would not make it one."""
    digits = phone.normalise(re.sub(r"\.0*$", "", cell.strip(' "')))
    needs_zero = digits.isdecimal() and not digits.startswith("0") and phone.is_subscriber(f"0{digits}")
    return f"0{digits}" if needs_zero else ""


# --- applying


def _apply(site: Site, id: str) -> ResponseReturnValue:
    form = site.form
    try:
        reply = site.services.send("POST", f"{path(site)}/csv/{id}/apply", once=form.once)
    except NotFound:
        return site.go("/bulk-forward/csv", site.attention(site.say(_EXPIRED)))
    if reply.done:
        counts = {name: form.value(name) for name in COUNTED}
        return site.go(f"/bulk-forward/csv/done?{urlencode(counts)}")
    if reply.status in (409, 412):
        return _show(site, Wrong("file", site.say(_ENTRIES_CHANGED)), status=reply.status)
    return _show_again(site, id, form.again(*site.wrong(reply)), reply.status)


def _show_again(site: Site, id: str, form: Form, status: int = 200) -> Response:
    return site.render("bulk_forward/csv_again.html", status, form=form, id=id, plan=_plan(site))
