"""The mails of the queue: which, in what state, what the mail server last said; and sending one again."""

from urllib.parse import urlencode

import flask
from flask import Blueprint
from flask.typing import ResponseReturnValue

from contracts import phone
from gateway.site.desk import Site
from gateway.site.forms import Form
from gateway.site.words import N_

PAGE = "/operators/mails"
SHOWN = 100
STATES = ("queued", "sent", "failed", "suppressed")
FILTERS = ("contract", "state")


def add_pages(pages: Blueprint, site: Site) -> None:
    @pages.get(PAGE)
    @site.for_operators
    def mails() -> ResponseReturnValue:
        asked = {name: flask.request.args.get(name, "") for name in FILTERS}
        found = site.staff.get("/mails", limit=str(SHOWN), **_wanted(asked)).body["items"]
        return site.render("operators/mails.html", form=Form.filled(asked), mails=found, asked=asked, most=SHOWN)

    @pages.post("/operators/mails/<id>/retry")
    @site.for_operators
    def send_again(id: str) -> ResponseReturnValue:
        form = site.form
        reply = site.staff.send("POST", f"/mails/{id}/retry", once=form.once)
        back = f"{PAGE}?{urlencode(_wanted({name: form.value(name) for name in FILTERS}))}"
        if not reply.done:
            return site.go(back, site.attention(site.wrong(reply)[0].sentence))
        return site.go(
            back, site.done(N_("メールをもう一度送るようにしました。表示が変わるまで少し時間がかかります。"))
        )


def _wanted(asked: dict[str, str]) -> dict[str, str]:
    """What is asked for; a state that there is not is none."""
    state = {"state": asked["state"]} if asked["state"] in STATES else {}
    contract = {"contract": phone.normalise(asked["contract"])} if asked["contract"].strip() else {}
    return {**contract, **state}
