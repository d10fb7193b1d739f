"""FAX mail of a number and the documents that have come."""

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote

import flask
from flask import Blueprint
from flask.typing import ResponseReturnValue

from chassis.errors import NotFound, Unavailable
from contracts import phone
from gateway.site import mails
from gateway.site.desk import Site
from gateway.site.editing import Edit, Row, edit
from gateway.site.services import Object
from gateway.site.words import N_

MOST_ADDRESSES = 5
# Of a list, and of the previews of one fax: a page of a fax is some 50 KB, and the line may be slow.
SHOWN, PREVIEWS = 20, 10
KILO = 1024

WORDS = {
    ("addresses", "no-addresses"): N_(
        "開始しているあいだは、メールアドレスが1件以上必要です。すべて消すときは、先に停止してください"
    ),
    ("addresses", "too-many-addresses"): N_("メールアドレスは5件までです。いくつか消してください"),
}


def blueprint(site: Site) -> Blueprint:
    pages = Blueprint("faxes", __name__)
    _add_setting(site, pages)
    _add_faxes(site, pages)
    _add_files(site, pages)
    return pages


def _add_setting(site: Site, pages: Blueprint) -> None:
    @pages.route("/numbers/<number>/fax-mail", methods=["GET", "POST"])
    @site.private
    def mail(number: str) -> ResponseReturnValue:
        return edit(site, _mail(site, number), number=number, most=MOST_ADDRESSES, refused=_refused(site, number))


def _refused(site: Site, number: str) -> Sequence[Object]:
    """The addresses that get no mails; none while nobody can tell."""
    told = site.services.look({"refused": f"/numbers/{number}/fax-mail/undeliverable"})["refused"]
    return told["undeliverable"] if told else ()


def _mail(site: Site, number: str) -> Edit:
    path = f"/numbers/{number}/fax-mail"
    return Edit(
        path=path,
        url=path,
        template="faxes/mail.html",
        done=path,
        said=N_("FAXお知らせメールの送信先を保存しました。"),
        values=lambda setting: {"addresses": setting["addresses"]},
        body=lambda form, setting: {**setting, "addresses": mails.typed(form)},
        rows=lambda setting: [_addresses(site, setting)],
        words=WORDS,
        check=lambda form: mails.wrong(form, site.say),
        names=lambda field: mails.name(field, site.say),
        asks=mails.removes,
        question="faxes/mail_question.html",
    )


def _addresses(site: Site, setting: Object) -> Row:
    return Row(site.say(N_("送信先メールアドレス")), mails.joined(setting["addresses"]) or site.say(N_("なし")))


def _add_faxes(site: Site, pages: Blueprint) -> None:
    @pages.get("/numbers/<number>/faxes")
    @site.private
    def show_all(number: str) -> ResponseReturnValue:
        before = flask.request.args.get("before", "")
        found = site.services.get(
            f"/numbers/{number}/faxes", limit=str(SHOWN), **({"before": before} if before else {})
        )
        return site.render("faxes/list.html", number=number, faxes=found.body, before=before, size=size)

    @pages.get("/numbers/<number>/faxes/<fax_id>")
    @site.private
    def show(number: str, fax_id: str) -> ResponseReturnValue:
        try:
            fax = site.services.get(_path(number, fax_id)).body
        except NotFound:
            return site.render("faxes/gone.html", 404, number=number)
        previews = Previews.of(flask.request.args.get("page", 1, type=int), fax["pages"])
        return site.render("faxes/fax.html", number=number, fax=fax, size=size, previews=previews)

    @pages.post("/numbers/<number>/faxes/<fax_id>/<any(read,unread):mark>")
    @site.private
    def put_mark(number: str, fax_id: str, mark: str) -> ResponseReturnValue:
        path = _path(number, fax_id)
        reply = site.services.send("POST", f"{path}/{mark}")
        done = {"read": N_("このFAXを既読にしました。"), "unread": N_("このFAXを未読に戻しました。")}
        return site.go(path, site.done(done[mark]) if reply.done else site.attention(site.wrong(reply)[0].sentence))

    @pages.route("/numbers/<number>/faxes/<fax_id>/delete", methods=["GET", "POST"])
    @site.private
    def delete(number: str, fax_id: str) -> ResponseReturnValue:
        return _delete(site, number, fax_id)


def _path(number: str, fax_id: str) -> str:
    """Of a fax, and of the page about it. An id that is none of ours stays one part of it."""
    return f"/numbers/{number}/faxes/{quote(fax_id, safe='')}"


def _delete(site: Site, number: str, fax_id: str) -> ResponseReturnValue:
    """Whoever sends it twice is told that the fax is gone."""
    path, everything = _path(number, fax_id), f"/numbers/{number}/faxes"
    try:
        fax = site.services.get(path).body
        if not site.sending:
            return site.render("faxes/delete.html", number=number, fax=fax, size=size)
        reply = site.services.send("DELETE", path)
    except NotFound:
        return site.go(everything, site.attention(site.say("このFAXは、もう削除されています。")))
    if not reply.done:
        return site.go(path, site.attention(site.wrong(reply)[0].sentence))
    said = site.done(N_("%(caller)sからのFAXを削除しました。"), caller=_from(site, fax))
    return site.go(everything, said)


def _from(site: Site, fax: Object) -> str:
    return phone.shown(fax["caller"]) if fax["caller"] else site.say(N_("番号を通知しない相手"))


def _add_files(site: Site, pages: Blueprint) -> None:
    @pages.get("/numbers/<number>/faxes/<fax_id>/<any(document,pdf):file>")
    @site.private
    def download(number: str, fax_id: str, file: str) -> ResponseReturnValue:
        try:
            return site.services.file(f"{_path(number, fax_id)}/{file}")
        except Unavailable:
            said = site.say("ファイルの用意ができていません。しばらく待ってから、もう一度お試しください。")
            return site.go(_path(number, fax_id), site.attention(said))

    @pages.get("/numbers/<number>/faxes/<fax_id>/pages/<int:page>.png")
    @site.private
    def preview(number: str, fax_id: str, page: int) -> ResponseReturnValue:
        return site.services.file(f"{_path(number, fax_id)}/pages/{page}.png")


class Previews(NamedTuple):
    """The pages of a fax that are shown at once, from 1 on; the first ones before and after, 0 where there are none."""

    pages: range
    before: int
    after: int

    @classmethod
    def of(cls, wanted: int, pages: int) -> "Previews":
        """Those with the page that is wanted, or the nearest there is."""
        first = (min(max(wanted, 1), max(pages, 1)) - 1) // PREVIEWS * PREVIEWS + 1
        end = min(first + PREVIEWS, pages + 1)
        return cls(range(first, end), max(first - PREVIEWS, 0), end if end <= pages else 0)


def size(length: int) -> str:
    """Of so many bytes, as people read it: 84 KB, 1.2 MB."""
    return f"{-(-length // KILO)} KB" if length < KILO * KILO else f"{length / KILO / KILO:.1f} MB"
