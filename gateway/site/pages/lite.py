"""State, start and stop of everything on one small page, for a slow line: no menu, 50 numbers a page.

It finds numbers and asks the services as the top page does.
"""

import flask
from flask import Blueprint
from flask.typing import ResponseReturnValue

from gateway.site.desk import Site
from gateway.site.fragments import Fragments
from gateway.site.pages.top import overview
from gateway.site.returning import here

SHOWN = 50


def blueprint(site: Site) -> Blueprint:
    pages = Blueprint("lite", __name__)
    lines = Fragments(site.templates, "lite/number.html", "number_lines")

    @pages.get("/lite")
    @site.private
    def show() -> ResponseReturnValue:
        wanted, page = flask.request.args.get("q", ""), flask.request.args.get("page", 1, type=int)
        shown = overview(site, wanted, page, SHOWN)
        context = {"overview": shown, "q": wanted, "searched": len(site.me.numbers) > SHOWN}
        return site.render("lite/lite.html", me=site.me, back=here("lite"), number_lines=lines, **context)

    return pages
