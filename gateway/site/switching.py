"""Start and stop of every option by one press, from wherever the button stands, with a way back for a minute.

Bulk forwarding has pages of its own that ask first (`gateway/site/pages/bulk_forward.py`).
"""

from collections.abc import Mapping

import flask
from flask import Blueprint
from flask.typing import ResponseReturnValue

from gateway.site import returning
from gateway.site.desk import Site
from gateway.site.services import Reply
from gateway.site.showing import plain
from gateway.site.words import N_

OPTIONS: Mapping[str, str] = {
    "voicewarp": N_("ボイスワープ"),
    "incoming-mail": N_("着信お知らせメール"),
    "fax-mail": N_("FAXお知らせメール"),
    "bulk-forward": N_("一括転送"),
    "fault-notice": N_("故障・回復通知"),
}
OPPOSITE = {"start": "stop", "stop": "start"}
_DONE = {
    "start": N_("%(option)sを開始しました。"),
    "stop": N_("%(option)sを停止しました。"),
}
_DONE_FOR_NUMBER = {
    "start": N_("%(number)sの%(option)sを開始しました。"),
    "stop": N_("%(number)sの%(option)sを停止しました。"),
}


def blueprint(site: Site) -> Blueprint:
    pages = Blueprint("switching", __name__)

    @pages.post("/numbers/<number>/<any(voicewarp,'incoming-mail','fax-mail'):option>/<any(start,stop):act>")
    @site.private
    def switch_number(number: str, option: str, act: str) -> ResponseReturnValue:
        reply = _order(site, f"/numbers/{number}/{option}/{act}")
        undo = flask.url_for("switching.switch_number", number=number, option=option, act=OPPOSITE[act])
        sentence = site.say(_DONE_FOR_NUMBER[act]) % {"number": plain(number), "option": site.say(OPTIONS[option])}
        return _answer(site, reply, f"/numbers/{number}/{option}", sentence, undo)

    @pages.post("/<any('fault-notice'):option>/<any(start,stop):act>")
    @site.private
    def switch_contract(option: str, act: str) -> ResponseReturnValue:
        reply = _order(site, f"/contracts/{site.me.contract_number}/{option}/{act}")
        undo = flask.url_for("switching.switch_contract", option=option, act=OPPOSITE[act])
        sentence = site.say(_DONE[act]) % {"option": site.say(OPTIONS[option])}
        return _answer(site, reply, f"/{option}", sentence, undo)

    return pages


def _order(site: Site, path: str) -> Reply:
    """The orders of a page have one form, so that each has a name of its own only with what it orders."""
    return site.services.send("POST", path, once=f"{site.form.once}{path}")


def _answer(site: Site, reply: Reply, page: str, sentence: str, undo: str) -> ResponseReturnValue:
    """Back to where the button was; a start that is not possible leads to the page where it is made possible."""
    if not reply.done:
        return site.go(page, site.attention(site.wrong(reply)[0].sentence))
    back = flask.request.form.get("back", "")
    return site.go(returning.address(back, page), site.done(sentence, undo=undo, back=back))
