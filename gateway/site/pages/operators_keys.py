"""API keys of machines and operators: the list, a new one, which is shown once, and revoking."""

from collections.abc import Mapping

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from chassis.errors import NotFound
from gateway.site.desk import Site
from gateway.site.forms import Form
from gateway.site.services import Object
from gateway.site.wording import OwnWords
from gateway.site.words import N_

PAGE = "/operators/keys"
SCOPES: Mapping[str, str] = {
    "line-events": N_("監視システム（回線の故障と回復を知らせる）"),
    "calls": N_("電話交換機（着信の行き先をたずねる）"),
    "ivr": N_("仮パスワードを受け付ける電話"),
    "faxes": N_("FAX受信機（届いたFAXを渡す）"),
    "operator": N_("係員（契約・APIキー・メールなど、すべての管理）"),
}
WORDS: OwnWords = {
    ("name", "wrong-length"): N_("名前を1文字から64文字で入力してください"),
    ("scopes", "wrong-length"): N_("使い道を1つ以上選んでください"),
    ("", "key-made-before"): N_(
        "このキーはもう作ってあり、もう一度は表示できません。一覧から取り消して、作り直してください"
    ),
}


def add_pages(pages: Blueprint, site: Site) -> None:
    @pages.get(PAGE)
    @site.for_operators
    def keys() -> ResponseReturnValue:
        return site.render("operators/keys.html", keys=_all(site), scopes=SCOPES)

    @pages.route("/operators/keys/new", methods=["GET", "POST"])
    @site.for_operators
    def make_key() -> ResponseReturnValue:
        """Not a redirect: the key is in this answer and nowhere else."""
        if not site.sending:
            return _show_new(site, Form.of())
        form = site.form
        body = {"name": form.value("name").strip(), "scopes": list(form.all("scopes"))}
        reply = site.staff.send("POST", "/api-keys", body, once=form.once)
        if not reply.done:
            return _show_new(site, form.again(*site.wrong(reply, WORDS)), reply.status)
        return site.render("operators/key_made.html", key=reply.body, scopes=SCOPES)

    @pages.route("/operators/keys/<id>/revoke", methods=["GET", "POST"])
    @site.for_operators
    def revoke_key(id: str) -> ResponseReturnValue:
        key = next((one for one in _all(site) if one["id"] == id), None)
        if not key:
            raise NotFound("not-found")
        if not site.sending:
            return site.render("operators/key_revoke.html", key=key, form=Form.of(), scopes=SCOPES)
        reply = site.staff.send("DELETE", f"/api-keys/{id}")
        if not reply.done:
            return site.go(PAGE, site.attention(site.wrong(reply)[0].sentence))
        return site.go(PAGE, site.done(N_("APIキー「%(name)s」を取り消しました。"), name=key["name"]))


def _all(site: Site) -> list[Object]:
    """The newest first."""
    keys: list[Object] = site.staff.get("/api-keys").body["items"]
    return sorted(keys, key=lambda one: str(one["created_at"]), reverse=True)


def _show_new(site: Site, form: Form, status: int = 200) -> Response:
    options = [(scope, site.say(words)) for scope, words in SCOPES.items()]
    return site.render("operators/key_new.html", status, form=form, options=options)
