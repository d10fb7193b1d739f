"""Where the number is logged in, and ending that."""

from contextlib import suppress

from flask import Blueprint
from flask.typing import ResponseReturnValue

from chassis.errors import NotFound
from gateway.site.desk import Site
from gateway.site.services import Reply
from gateway.site.words import N_

PAGE = "/sessions"


def blueprint(site: Site) -> Blueprint:
    pages = Blueprint("sessions", __name__)

    @pages.get(PAGE)
    @site.private
    def show() -> ResponseReturnValue:
        return site.render("sessions/sessions.html", sessions=site.services.get(PAGE).body["items"])

    @pages.post("/sessions/<id>/end")
    @site.private
    def end(id: str) -> ResponseReturnValue:
        reply = _end(site, id)
        if not reply.done:
            return site.go(PAGE, site.attention(site.wrong(reply)[0].sentence))
        return site.go(PAGE, site.done(N_("ログインを1件終わらせました。")))

    @pages.post("/sessions/end-others")
    @site.private
    def end_others() -> ResponseReturnValue:
        """One after the other, of which there are twenty at most; what cannot be ended is still on the page."""
        listed = site.services.get(PAGE).body["items"]
        replies = [_end(site, one["id"]) for one in listed if not one["current"]]
        if trouble := next((reply for reply in replies if not reply.done), None):
            return site.go(PAGE, site.attention(site.wrong(trouble)[0].sentence))
        return site.go(PAGE, site.done(N_("ほかの端末のログインをすべて終わらせました。")))

    return pages


def _end(site: Site, id: str) -> Reply:
    """One that has ended already is done too."""
    with suppress(NotFound):
        return site.services.send("DELETE", f"/sessions/{id}")
    return Reply(204)
