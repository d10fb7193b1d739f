"""State, start and stop of everything on one small page, for a slow line: no menu, no filter, up to 200 numbers.

It asks the services as the top page does.
"""

import flask
from flask import Blueprint
from flask.typing import ResponseReturnValue

from gateway.site.desk import Site
from gateway.site.pages.top import overview
from gateway.site.returning import here

# More than any contract has that is looked at in a fault; a longer one goes on a second page.
SHOWN = 200


def blueprint(site: Site) -> Blueprint:
    pages = Blueprint("lite", __name__)

    @pages.get("/lite")
    @site.private
    def show() -> ResponseReturnValue:
        page = flask.request.args.get("page", 1, type=int)
        shown = overview(site, page=page, shown=SHOWN)
        return site.render("lite/lite.html", me=site.me, overview=shown, back=here("lite"))

    return pages
