"""Operators: their login, what needs a look, lines at fault, sources, and what could not be carried out.

An operator has no password: the API key is the login, in a cookie of its own that opens no customer's page, as a
customer's login opens none of these.
"""

from collections.abc import Mapping
from urllib.parse import urlencode

import flask
from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from chassis.access import public
from chassis.errors import Forbidden
from gateway.site.desk import Site
from gateway.site.forms import Form, Wrong
from gateway.site.pages import operators_contracts, operators_keys, operators_mails
from gateway.site.services import SessionEnded
from gateway.site.words import N_

HOME, LOGIN = "/operators", "/operators/login"
SHOWN = 100
# What came is shown with each, so these are fewer.
REFUSED_SHOWN = 20
# What the first page counts, up to so many of each.
COUNTED: Mapping[str, str] = {
    "lines": f"/lines?faulted=true&limit={SHOWN}",
    "failed": f"/mails?state=failed&limit={SHOWN}",
    "queued": f"/mails?state=queued&limit={SHOWN}",
    "refused": f"/line-events/refused?limit={SHOWN}",
}
# Services that hear others' events, by what can be replayed.
HEARERS = ("auth", "ivr", "linewatch", "bulkforward", "voicewarp", "notify", "faxstore")
_NO_KEY = N_("APIキーを入力してください")
_WRONG_KEY = N_("このキーではログインできません。係員用（operator）のAPIキーか確かめてください")


def owns(path: str) -> bool:
    """Whether the page is an operators' one."""
    return path == HOME or path.startswith(f"{HOME}/")


def answer_ended(site: Site) -> ResponseReturnValue:
    """To the operators' login, and back from there."""
    url = flask.request.full_path.rstrip("?") if flask.request.method == "GET" else HOME
    ended = {"ended": "1"} if site.on_duty or flask.request.method == "POST" else {}
    site.go_off_duty()
    return site.go(f"{LOGIN}?{urlencode({'next': url, **ended})}")


def blueprint(site: Site) -> Blueprint:
    pages = Blueprint("operators", __name__)
    _add_door(pages, site)
    _add_lists(pages, site)
    for module in (operators_contracts, operators_mails, operators_keys):
        module.add_pages(pages, site)
    return pages


def _add_door(pages: Blueprint, site: Site) -> None:
    @pages.route(LOGIN, methods=["GET", "POST"])
    @public
    def log_in() -> ResponseReturnValue:
        if not site.sending:
            return _show_login(site, Form.of())
        if wrong := _wrong_key(site, site.form.value("key").strip()):
            return _show_login(site, site.form.again(Wrong("key", site.say(wrong))), 401)
        site.go_on_duty()
        url = flask.request.form.get("next", "")
        return site.go(url if owns(url.partition("?")[0]) and url.isprintable() else HOME)

    @pages.post("/operators/logout")
    @public
    def log_out() -> ResponseReturnValue:
        site.go_off_duty()
        return site.go(LOGIN, site.done(N_("ログアウトしました。")))


def _wrong_key(site: Site, key: str) -> str:
    """What is wrong with it; "" for an operator's key, which is shown to the services from now on."""
    if not key:
        return _NO_KEY
    site.show_key(key)
    try:
        site.staff.get("/api-keys")
    except (SessionEnded, Forbidden):
        site.go_off_duty()
        return _WRONG_KEY
    return ""


def _show_login(site: Site, form: Form, status: int = 200) -> Response:
    asked = flask.request.values
    return site.render("operators/login.html", status, form=form, next=asked.get("next", ""), ended="ended" in asked)


def _add_lists(pages: Blueprint, site: Site) -> None:
    @pages.get(HOME)
    @site.for_operators
    def show() -> ResponseReturnValue:
        counts = {name: _count(told) for name, told in site.staff.look(COUNTED).items()}
        return site.render("operators/home.html", counts=counts, most=SHOWN, form=Form.of())

    @pages.get("/operators/lines")
    @site.for_operators
    def lines() -> ResponseReturnValue:
        after = flask.request.args.get("after", "")
        return site.render("operators/lines.html", lines=site.staff.get("/lines", limit=str(SHOWN), after=after).body)

    @pages.get("/operators/sources")
    @site.for_operators
    def sources() -> ResponseReturnValue:
        return site.render("operators/sources.html", sources=site.staff.get("/sources").body["items"][:SHOWN])

    @pages.get("/operators/letters")
    @site.for_operators
    def letters() -> ResponseReturnValue:
        refused = site.staff.get("/line-events/refused", limit=str(REFUSED_SHOWN)).body["items"]
        return site.render("operators/letters.html", refused=refused, most=REFUSED_SHOWN, services=HEARERS)

    @pages.post("/operators/letters/retry")
    @site.for_operators
    def take_again() -> ResponseReturnValue:
        """One, or all where none is named."""
        body = {"ids": site.form.all("id")} if site.form.all("id") else {}
        reply = site.staff.send("POST", "/line-events/refused/retry", body)
        if not reply.done:
            return site.go("/operators/letters", site.attention(site.wrong(reply)[0].sentence))
        taken = sum(reply.body[name] for name in ("accepted", "duplicates", "ignored"))
        sentence = site.say(N_("受け付けた知らせは%(taken)s件、まだ受け付けられない知らせは%(left)s件です。"))
        said = sentence % {"taken": taken, "left": reply.body["rejected"]}
        return site.go("/operators/letters", site.attention(said) if reply.body["rejected"] else site.done(said))


def _count(told: Mapping[str, list[object]] | None) -> int | None:
    return None if told is None else len(told["items"])
