"""In and out: login, logout, change of the password, and going on with what was typed before."""

from collections.abc import Sequence
from urllib.parse import urlencode

import flask
import msgspec
from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from chassis.access import public
from chassis.errors import TsunaguError
from contracts import phone
from gateway.site.desk import Site
from gateway.site.forms import Form, Wrong
from gateway.site.services import PasswordDue, Reply, SessionEnded
from gateway.site.wording import OwnWords
from gateway.site.words import N_

Typed = Sequence[tuple[str, str]]
LOGIN_WORDS: OwnWords = {
    ("number", "missing-field"): N_("電話番号を入力してください"),
    ("number", "not-a-subscriber-number"): N_("電話番号を市外局番から入力してください"),
    ("password", "wrong-length"): N_("パスワードを入力してください"),
}
CHANGE_WORDS: OwnWords = {
    ("current", "wrong-length"): N_("今のパスワードを入力してください"),
    ("new", "too-short"): N_("新しいパスワードは8文字以上にしてください"),
    ("new", "too-long"): N_("新しいパスワードは12文字以内にしてください"),
}
_ONLY_HERE = N_(
    "この端末からはログアウトしました。サーバーに届かなかったため、ログイン中の端末の一覧にしばらく残ることがあります。"
)


def address(url: str, ended: bool) -> str:
    """Of the login page, from where it goes on to `url`."""
    query = {**({"next": url} if url != "/" else {}), **({"ended": "1"} if ended else {})}
    return "/login" + (f"?{urlencode(query)}" if query else "")


def show_ended(site: Site, url: str, typed: Typed) -> Response:
    """The login page that takes what was typed along."""
    context = {"ended": True, "next": url, "typed": _packed(typed)}
    response = site.render("login/login.html", 401, form=Form(), **context)
    response.headers["WWW-Authenticate"] = 'Bearer realm="tsunagu"'
    return response


def show_resume(site: Site, url: str, typed: Typed) -> Response:
    """What was typed is still there: one press goes on to it."""
    return site.render("login/resume.html", url=url, typed=typed)


def blueprint(site: Site) -> Blueprint:
    pages = Blueprint("login", __name__)

    @pages.route("/login", methods=["GET", "POST"])
    @public
    def log_in() -> ResponseReturnValue:
        if not site.sending:
            return _show_login(site, site.resumed() or Form.of(number=flask.request.args.get("number", "")), 200)
        form = site.form
        reply = _log_in(site, form)
        if reply.done:
            return _go_on(site, reply)
        return _show_login(site, form.again(*_wrong_login(site, form, reply)), reply.status)

    @pages.post("/logout")
    @public
    def log_out() -> ResponseReturnValue:
        ended = _end_session(site)
        site.log_out()
        said = site.done(N_("ログアウトしました。")) if ended else site.attention(site.say(_ONLY_HERE))
        return site.go(flask.url_for("login.log_in"), said)

    @pages.get("/session")
    @site.private
    def prolong() -> ResponseReturnValue:
        """For the script of the pages: that it asks prolongs the login, whose end it is told."""
        return {"expires_at": site.services.get("/sessions/current").body["expires_at"]}

    @pages.route("/password", methods=["GET", "POST"])
    @site.private
    def change() -> ResponseReturnValue:
        if not site.sending:
            return _show_change(site, Form.of(), 200)
        form = site.form
        body = {name: form.value(name) for name in ("current", "new", "new_again")}
        reply = site.services.send("PUT", "/password", body)
        if not reply.done:
            return _show_change(site, form.again(*site.wrong(reply, CHANGE_WORDS)), reply.status)
        return _go_on(site, reply, N_("パスワードを変更しました。次からは新しいパスワードでログインしてください。"))

    return pages


def _end_session(site: Site) -> bool:
    """Whether the session is over at auth too. What goes wrong there keeps nobody logged in here."""
    try:
        return site.services.send("DELETE", "/sessions/current").done
    except SessionEnded:
        return True
    except (TsunaguError, PasswordDue):
        return False


def _log_in(site: Site, form: Form) -> Reply:
    """A login has no session yet, and a number is as people type it."""
    body = {"number": phone.normalise(form.value("number")), "password": form.value("password")}
    return site.services.send("POST", "/sessions", body)


def _wrong_login(site: Site, form: Form, reply: Reply) -> Sequence[Wrong]:
    empty = Wrong("number", site.say(LOGIN_WORDS["number", "missing-field"]))
    found = [one for one in site.wrong(reply, LOGIN_WORDS) if one.field != "number" or form.value("number")]
    return found if form.value("number") else [empty, *(one for one in found if one.field)]


def _show_login(site: Site, form: Form, status: int) -> Response:
    asked = flask.request.values
    context = {"ended": "ended" in asked, "next": asked.get("next", ""), "typed": _taken_along()}
    return site.render("login/login.html", status, form=form, **context)


def _show_change(site: Site, form: Form, status: int) -> Response:
    """Where it must be, the page says why."""
    asked = flask.request.values
    return site.render(
        "login/password.html",
        status,
        form=form,
        must=site.login().get("must_change_password", False),
        next=asked.get("next", ""),
        typed=_taken_along(),
    )


def _taken_along() -> str:
    """What was typed before, packed: from a form of ours alone, as a link could put somebody else's words there."""
    return flask.request.form.get("typed", "")


def _go_on(site: Site, reply: Reply, said: str = "") -> ResponseReturnValue:
    """On with the new session to where the customer wanted to go, with what was typed there."""
    site.log_in(reply.body["token"])
    url, typed = _own(flask.request.form.get("next", "")), _unpacked(_taken_along())
    if reply.body["must_change_password"]:
        # Not by a redirect, which could not take along what was typed.
        return site.render("login/password.html", form=Form.of(), must=True, next=url, typed=_packed(typed))
    if typed:
        return show_resume(site, url, typed)
    return site.go(url, site.done(said) if said else None)


def _own(url: str) -> str:
    """`url` when it is an address of ours that can be looked at, else the top page: never another site's."""
    path = url.partition("?")[0]
    if not path.startswith("/") or path.startswith(("//", "/\\", "/login", "/api/")) or not url.isprintable():
        return "/"
    try:
        flask.current_app.url_map.bind("gateway").match(path, method="GET")
    except HTTPException:
        return "/"
    return url


def _packed(typed: Typed) -> str:
    return msgspec.json.encode(list(typed)).decode() if typed else ""


def _unpacked(text: str) -> Typed:
    try:
        return msgspec.json.decode(text or "[]", type=list[tuple[str, str]])
    except msgspec.DecodeError:
        return ()
