"""Puts the site into the gateway: groups of pages, what happens before and after each request, and error pages."""

import gzip
import itertools
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import flask
import msgspec
from flask import Blueprint, Flask, Response
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from chassis.access import public
from chassis.errors import Forbidden, NotFound
from contracts import phone
from gateway.site import browser, notice, proof, showing, switching, words
from gateway.site.assets import Assets
from gateway.site.browser import LANGUAGE_SECONDS, OPERATOR_SECONDS, SAID_SECONDS, Cookies
from gateway.site.demo import Demo
from gateway.site.desk import Site, is_closed
from gateway.site.forms import PROOF, carried
from gateway.site.pages import (
    bulk_forward,
    demo_phone,
    fault_notice,
    faxes,
    gallery,
    help,
    history,
    incoming_mail,
    lite,
    login,
    operators,
    sessions,
    top,
    voicewarp,
)
from gateway.site.services import PasswordDue, Services, SessionEnded

# In the order of the guide. Each is a module with `blueprint(site)`.
GROUPS = (login, top, voicewarp, incoming_mail, bulk_forward, fault_notice, faxes, history, sessions, help, lite)
OTHERS = (operators, demo_phone, gallery, switching)
NOT_PAGES = ("/api/", "/health/", "/metrics", "/static/")
ZIPPED = frozenset({"text/html"})
SMALLEST_ZIPPED = 500


def install(app: Flask, services: Callable[[Callable[[], str]], Services], secure: bool, demo: Demo) -> None:
    """All pages of the site. `services` makes them for whatever tells the present customer's bearer."""
    cookies, assets, catalogues = Cookies(secure), Assets(), words.catalogues()
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    site = Site(
        services(lambda: browser.session_token(cookies)),
        cookies,
        words.translator(catalogues),
        words.environments(app.jinja_env, catalogues),
        staff=services(lambda: browser.operator_key(cookies)),
        telephone=services(demo.telephone_key),
        demo=demo,
    )
    _add_templates(app, site, assets)
    app.before_request(lambda: browser.choose_language(cookies))
    app.before_request(lambda: _check_form(site))
    # The last that is added is the first that looks at an answer.
    app.after_request(_zip)
    app.after_request(lambda response: _leave_cookies(site, response))
    app.after_request(lambda response: _as_page(site, response))
    app.register_error_handler(SessionEnded, lambda _: _answer_ended(site))
    app.register_error_handler(PasswordDue, lambda _: flask.redirect(flask.url_for("login.change"), 303))
    app.register_error_handler(_Outdated, lambda _: _answer_outdated(site))
    app.register_blueprint(_assets(assets))
    for group in (*GROUPS, *OTHERS):
        app.register_blueprint(group.blueprint(site))
    app.url_value_preprocessor(_read_number)


def is_page(path: str) -> bool:
    """Whether people look at this address, so that errors there are pages too."""
    return not path.startswith(NOT_PAGES)


def _add_templates(app: Flask, site: Site, assets: Assets) -> None:
    shown = (showing.when, showing.clock, showing.day, showing.number, showing.plain, showing.unbroken)
    app.jinja_env.filters.update({one.__name__: one for one in shown})
    app.jinja_env.globals.update(
        _=words.for_templates(site.say),
        site=site,
        asset=assets.url,
        language=browser.language,
        other_language=_other_language,
        proof=lambda: _proof(browser.form_secret(site.cookies)),
        once=_once,
    )


def _proof(secret: str) -> str:
    """One for all forms of a page: two hundred different ones would be most of what is sent."""
    if flask.g.get("proof", ("", ""))[0] != secret:
        flask.g.proof = (secret, proof.make(secret))
    return str(flask.g.proof[1])


def _once() -> str:
    """Another for each form of a page, with the same beginning."""
    if "page_id" not in flask.g:
        flask.g.page_id = (uuid.uuid4().hex, itertools.count(1))
    page, forms = flask.g.page_id
    return f"{page}.{next(forms)}"


def _other_language(name: str) -> str:
    """The address of this page in another language."""
    asked = {key: value for key, value in flask.request.args.items() if key != "lang"}
    return f"{flask.request.path}?{urlencode({**asked, 'lang': name})}"


def _assets(assets: Assets) -> Blueprint:
    blueprint = Blueprint("assets", __name__)

    @blueprint.get("/static/<digest>/<name>")
    @public
    def asset(digest: str, name: str) -> Response:
        return assets.answer(digest, name, browser.takes_gzip())

    return blueprint


def _read_number(_endpoint: str | None, path: dict[str, Any] | None) -> None:
    """Numbers in the addresses of pages are taken as people type them; what is none is no page."""
    if path and is_page(flask.request.path):
        for name in ("number", "caller"):
            if name in path:
                path[name] = phone.normalise(path[name])
                if not path[name].lstrip("+").isdecimal():
                    raise NotFound("not-found")


# --- forms


class _Outdated(Exception):
    """The form is ours and this browser's, but from before a login: it is to be sent once more."""


def _check_form(site: Site) -> None:
    """Every form of a page proves that it was sent from that page in this browser (spec section 10: CSRF)."""
    request = flask.request
    if request.method != "POST" or not is_page(request.path) or request.endpoint is None:
        return
    origin = browser.origin_of_post()
    if origin == "foreign":
        raise Forbidden("forbidden")
    if proof.holds(request.form.get(PROOF, ""), browser.form_secret(site.cookies)):
        return
    if origin == "own":
        logged_in = site.on_duty if operators.owns(request.path) else site.logged_in
        raise _Outdated if logged_in or _is_open_page() else SessionEnded
    raise Forbidden("forbidden")


def _is_open_page() -> bool:
    """Whether anybody can look at what was sent to, so that nobody has to log in for it."""
    view = flask.current_app.view_functions[str(flask.request.endpoint)]
    return not is_closed(view) and _can_be_looked_at(flask.request.path)


def _typed() -> tuple[str, list[tuple[str, str]]]:
    """Where to go on after a login, and what was typed that goes along."""
    request = flask.request
    if request.method == "GET":
        return request.full_path.rstrip("?"), []
    url = request.full_path.rstrip("?")
    return (url, carried(request.form)) if _can_be_looked_at(request.path) else ("/", [])


def _can_be_looked_at(path: str) -> bool:
    try:
        flask.current_app.url_map.bind("gateway").match(path, method="GET")
    except HTTPException:
        return False
    return True


def _answer_ended(site: Site) -> ResponseReturnValue:
    if operators.owns(flask.request.path):
        return operators.answer_ended(site)
    had_session = site.logged_in
    url, typed = _typed()
    site.log_out()
    if not typed:
        return flask.redirect(login.address(url, ended=had_session or flask.request.method == "POST"), 303)
    return login.show_ended(site, url, typed)


def _answer_outdated(site: Site) -> ResponseReturnValue:
    url, typed = _typed()
    if not typed:
        return site.go(url, site.attention(site.say("まだ変更していません。もう一度ボタンを押してください。")))
    return login.show_resume(site, url, typed)


# --- answers


def _leave_cookies(site: Site, response: Response) -> Response:
    cookies = site.cookies
    if (key := flask.g.get("new_operator_key")) is not None:
        cookies.keep(response, "operator", key, OPERATOR_SECONDS) if key else cookies.drop(response, "operator")
    if (token := flask.g.get("new_token")) is not None:
        cookies.keep(response, "session", token) if token else cookies.drop(response, "session")
    if said := flask.g.get("new_notice"):
        text = notice.write(said, browser.form_secret(cookies))
        cookies.keep(response, "said", text, SAID_SECONDS)
    elif flask.g.get("notice_read"):
        cookies.drop(response, "said")
    if visit := flask.g.get("new_visit"):
        cookies.keep(response, "visit", visit)
    if chosen := flask.g.get("new_language"):
        cookies.keep(response, "language", chosen, LANGUAGE_SECONDS)
    return response


# What an error page says: title and what to do, by status. Others are said as 500 is.
ERROR_PAGES: Mapping[int, str] = {
    403: "errors/403.html",
    404: "errors/404.html",
    405: "errors/404.html",
    413: "errors/413.html",
    429: "errors/503.html",
    503: "errors/503.html",
}


def _as_page(site: Site, response: Response) -> Response:
    """An error on an address that people look at is a page too, with the same status."""
    if response.mimetype != "application/problem+json" or not is_page(flask.request.path):
        return response
    browser.choose_language(site.cookies)  # What is too large is refused before anything else is looked at.
    problem = msgspec.json.decode(response.get_data())
    template = ERROR_PAGES.get(response.status_code, "errors/500.html")
    page = site.render(template, response.status_code, problem=problem, correlation_id=flask.g.get("correlation_id"))
    for name in ("Retry-After", "Allow"):
        if name in response.headers:
            page.headers[name] = response.headers[name]
    return page


def _zip(response: Response) -> Response:
    """Pages are compressed here: who has a slow line has it in a power cut. Proofs in them look different each time."""
    if response.mimetype not in ZIPPED or response.is_streamed or "Content-Encoding" in response.headers:
        return response
    response.vary.add("Accept-Encoding")
    data = response.get_data()
    if len(data) >= SMALLEST_ZIPPED and browser.takes_gzip():
        response.set_data(gzip.compress(data, 6))
        response.headers["Content-Encoding"] = "gzip"
    return response
