"""Who changed what, when and how: of the contract and of each number, newest first, day by day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import flask
from flask import Blueprint
from flask.typing import ResponseReturnValue

from contracts import phone
from gateway.site import showing
from gateway.site.desk import Site
from gateway.site.services import Object
from gateway.site.words import N_

SHOWN = 30
# How somebody did something, by the kind of who did it.
HOW = {
    "customer": N_("このサイトで操作"),
    "telephone": N_("電話で操作"),
    "automatic": N_("自動で動作"),
    "operator": N_("係員が操作"),
}


@dataclass(frozen=True)
class Day:
    """What happened on one day of Japan, the newest first."""

    at: datetime
    items: Sequence[Object]


def blueprint(site: Site) -> Blueprint:
    pages = Blueprint("history", __name__)

    @pages.get("/history")
    @site.private
    def of_contract() -> ResponseReturnValue:
        """Of the contract, or of the number that was chosen there; of the one number of who has no other."""
        me, chosen = site.me, flask.request.args.get("number", "")
        if chosen or not me.all_numbers:
            return site.go(f"/numbers/{phone.normalise(chosen) or me.number}/history")
        return _show(site, f"/contracts/{me.contract_number}/history", "")

    @pages.get("/numbers/<number>/history")
    @site.private
    def of_number(number: str) -> ResponseReturnValue:
        return _show(site, f"/numbers/{number}/history", number)

    return pages


def _show(site: Site, path: str, number: str) -> ResponseReturnValue:
    """`number` is "" for the history of the contract."""
    before = flask.request.args.get("before", "")
    page = site.services.history(path, before, SHOWN)
    context = {"days": _by_day(page["items"]), "next": page["next"], "later": bool(before), "how": HOW}
    return site.render("history/history.html", me=site.me, number=number, **context)


def _by_day(items: Sequence[Object]) -> Sequence[Day]:
    days = groupby(items, lambda one: showing.time_of(one["at"]).date())
    return [Day(showing.time_of(same[0]["at"]), same) for same in (list(found) for _, found in days)]
