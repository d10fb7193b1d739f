"""Contracts: one found by its number, removing it, and taking many from a file."""

import flask
from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from chassis.bodies import accepts_up_to
from chassis.errors import NotFound
from contracts import phone
from gateway.routes import MEBIBYTE, UPLOADS
from gateway.site.desk import Site
from gateway.site.forms import Form, Wrong
from gateway.site.refused_rows import refused_rows
from gateway.site.services import Reply
from gateway.site.wording import OwnWords
from gateway.site.words import N_

PAGE = "/operators/contracts"
# What a browser's form takes beside the file; larger files are for `./tsunagu import` and the API.
LARGEST = 2 * MEBIBYTE
# Of refused rows, those that are said one by one.
REFUSED_SHOWN = 100
CSV, LINES = "text/csv", "application/x-ndjson"
SUFFIXES = {"csv": CSV, "jsonl": LINES, "ndjson": LINES}
_NONE = N_("この番号の契約はありません。契約番号（主となる電話番号）か確かめてください")
_NO_FILE = N_("ファイルを1つ選んでください")
_OTHER_FILE = N_("CSV（.csv）か JSON Lines（.jsonl、.ndjson）のファイルを選んでください")
_MAY_GO_ON = N_(
    "登録が続いているかもしれません。少し待ってから、契約番号で探して確かめるか、同じファイルをもう一度送ってください（重ねて登録されることはありません）"
)
_CHANGED = N_("確かめている間に、契約の内容が変わりました。今の内容を確かめてください")
WORDS: OwnWords = {
    ("", "unknown-columns"): N_(
        "1行目の列名を確かめてください。使える列は contract_number、circuit、contractor、site、options、numbers です"
    )
}


def add_pages(pages: Blueprint, site: Site) -> None:
    @pages.get(PAGE)
    @site.for_operators
    def contracts() -> ResponseReturnValue:
        typed = flask.request.args.get("number", "")
        number = phone.normalise(typed)
        if not typed.strip():
            return site.render("operators/contracts.html", form=Form.of())
        if number.isdecimal() and _contract(site, number).done:
            return site.go(f"{PAGE}/{number}")
        form = Form.of(number=typed).again(Wrong("number", site.say(_NONE)))
        return site.render("operators/contracts.html", 404, form=form)

    @pages.get("/operators/contracts/<number>")
    @site.for_operators
    def contract(number: str) -> ResponseReturnValue:
        found = site.staff.get(f"/contracts/{number}").body
        line = site.staff.look({"line": f"/lines/{number}"})["line"]
        return site.render("operators/contract.html", contract=found, line=line)

    @pages.route("/operators/contracts/<number>/remove", methods=["GET", "POST"])
    @site.for_operators
    def remove_contract(number: str) -> ResponseReturnValue:
        form = site.form
        reply = (
            site.staff.send("DELETE", f"/contracts/{number}", etag=form.etag, once=form.once) if site.sending else None
        )
        if reply and reply.done:
            said = site.done(N_("%(number)sの契約を終了しました。"), number=phone.shown(number))
            return site.go(PAGE, said)
        now = site.staff.get(f"/contracts/{number}")
        return _ask_removal(site, now, reply)

    @pages.route("/operators/contracts/import", methods=["GET", "POST"])
    @accepts_up_to(LARGEST)
    @site.for_operators
    def import_contracts() -> ResponseReturnValue:
        """Not a redirect: which rows were refused is told in this answer alone. Sending the file again is safe."""
        if not site.sending:
            return _show_import(site, Form.of())
        return _import(site, flask.request.files.get("file"))


def _contract(site: Site, number: str) -> Reply:
    try:
        return site.staff.get(f"/contracts/{number}")
    except NotFound:
        return Reply(404)


def _ask_removal(site: Site, now: Reply, refused: Reply | None) -> Response:
    """The form is of the contract as it is now."""
    form = Form.of(now.etag)
    if refused:
        changed = [Wrong("", site.say(_CHANGED))] if refused.status == 412 else site.wrong(refused)
        form = form.again(*changed)
    status = refused.status if refused else 200
    return site.render("operators/contract_remove.html", status, form=form, contract=now.body)


def _import(site: Site, file: FileStorage | None) -> Response:
    kind = SUFFIXES.get((file.filename or "").rpartition(".")[2].lower()) if file else None
    if not file or not file.filename or not kind:
        wrong = _OTHER_FILE if file and file.filename else _NO_FILE
        return _show_import(site, Form.of().again(Wrong("file", site.say(wrong))), 422)
    reply = site.staff.send("POST", "/contracts", file.read(), type=kind, seconds=UPLOADS["/contracts"].seconds)
    if reply.status == 503:
        return _show_import(site, Form.of().again(Wrong("file", site.say(_MAY_GO_ON))), 503)
    if not reply.done:
        wrongs = [Wrong("file", one.sentence) for one in site.wrong(reply, WORDS)]
        return _show_import(site, Form.of().again(*wrongs), reply.status)
    refused = refused_rows(reply.body["errors"][:REFUSED_SHOWN], site.say)
    return site.render("operators/imported.html", told=reply.body, refused=refused)


def _show_import(site: Site, form: Form, status: int = 200) -> Response:
    return site.render("operators/import.html", status, form=form)
