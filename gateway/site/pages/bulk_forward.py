"""Bulk forwarding of the contract: where each number is forwarded, start and stop, and what happens by itself.

One entry and the file have modules of their own, `bulk_forward_entries` and `bulk_forward_csv`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import flask
from flask import Blueprint
from flask.typing import ResponseReturnValue

from contracts import phone
from gateway.site import returning
from gateway.site.desk import Site
from gateway.site.pages import bulk_forward_csv, bulk_forward_entries
from gateway.site.services import Object, Reply
from gateway.site.switching import OPPOSITE
from gateway.site.words import N_

SHOWN = 50
KINDS = ("all", "set", "unset")
_SWITCHED = {
    "start": N_("一括転送を開始しました。登録した%(count)s件の番号への電話は、転送先へつながります。"),
    "stop": N_("一括転送を停止しました。電話は、いつもの電話機で鳴ります。"),
}
_STOPPED_IN_FAULT = N_(
    "一括転送を停止しました。電話は、いつもの電話機で鳴ります。もう一度開始すると、回線が回復しても自動では停止しません。"
)
_TAKEN_OVER = N_("一括転送を手動に切り替えました。停止するまで、回線が回復しても続きます。")
_AUTOMATED = {
    ("auto-start", "on"): N_("故障のとき、一括転送を自動で開始するようにしました。"),
    ("auto-start", "off"): N_("故障のとき、一括転送を自動で開始しないようにしました。"),
    ("auto-stop", "on"): N_("回復したとき、一括転送を自動で停止するようにしました。"),
    ("auto-stop", "off"): N_("回復したとき、一括転送を自動で停止しないようにしました。"),
}
_OTHER_WAY = {"on": "off", "off": "on"}


class Entry(NamedTuple):
    """A number and where it is forwarded, "" where it is not."""

    number: str
    destination: str


@dataclass(frozen=True)
class Listing:
    """Those entries that are looked for, a page of them, and how many there are of each kind."""

    rows: Sequence[Entry]
    found: int
    page: int
    counts: Mapping[str, int]

    @property
    def pages(self) -> int:
        return max(1, -(-self.found // SHOWN))


def listing(numbers: Sequence[str], entries: Mapping[str, str], wanted: str, kind: str, page: int) -> Listing:
    """Entries whose number or destination holds the digits of `wanted`. A page that is not there is the nearest one."""
    every = [Entry(number, entries.get(number, "")) for number in dict.fromkeys([*numbers, *entries])]
    by_kind = {"all": every, "set": [one for one in every if one.destination]}
    by_kind["unset"] = [one for one in every if not one.destination]
    digits = phone.normalise(wanted)
    found = [one for one in by_kind[kind] if digits in one.number or digits in one.destination]
    page = max(1, min(page, -(-len(found) // SHOWN)))
    counts = {name: len(rows) for name, rows in by_kind.items()}
    return Listing(found[(page - 1) * SHOWN : page * SHOWN], len(found), page, counts)


def blueprint(site: Site) -> Blueprint:
    pages = Blueprint("bulk_forward", __name__)
    bulk_forward_entries.add_pages(pages, site)
    bulk_forward_csv.add_pages(pages, site)

    @pages.get("/bulk-forward")
    @site.private
    def show() -> ResponseReturnValue:
        plan = site.services.get(bulk_forward_entries.path(site)).body
        return site.render("bulk_forward/overview.html", plan=plan, line=_line(site), **_listed(site, plan))

    @pages.route("/bulk-forward/<any(start,stop):act>", methods=["GET", "POST"])
    @site.private
    def switch(act: str) -> ResponseReturnValue:
        return _switch(site, act) if site.sending else _ask(site, act)

    @pages.post("/bulk-forward/<any('auto-start','auto-stop'):what>/<any(on,off):to>")
    @site.private
    def automate(what: str, to: str) -> ResponseReturnValue:
        reply = _automate(site, what.replace("-", "_"), to == "on")
        undo = flask.url_for("bulk_forward.automate", what=what, to=_OTHER_WAY[to])
        return _answer(site, reply, site.say(_AUTOMATED[what, to]), undo)

    return pages


def _line(site: Site) -> Object | None:
    """The state of the line, for what the page says of a fault; None where it cannot be told."""
    return site.services.look({"line": f"/lines/{site.me.contract_number}"})["line"]


def _listed(site: Site, plan: Object) -> Mapping[str, object]:
    asked = flask.request.args
    kind = asked.get("kind", "all")
    kind = kind if kind in KINDS else "all"
    wanted, page = asked.get("q", "").strip(), asked.get("page", 1, type=int)
    found = listing(list(site.me.numbers), plan["entries"], wanted, kind, page)
    return {"listing": found, "q": wanted, "kind": kind, "query": bulk_forward_entries.place()}


def _ask(site: Site, act: str) -> ResponseReturnValue:
    """What starting or stopping would do, before anything is done."""
    plan = site.services.get(bulk_forward_entries.path(site)).body
    unset = len([number for number in site.me.numbers if number not in plan["entries"]])
    back = flask.request.values.get("back", "page")
    context = {"plan": plan, "unset": unset, "line": _line(site), "back": back}
    return site.render(f"bulk_forward/{act}.html", url=returning.address(back, "/bulk-forward"), **context)


def _switch(site: Site, act: str) -> ResponseReturnValue:
    """Stopping takes a start back and the other way round, but no hand brings back what a fault has started."""
    reply = site.services.send("POST", f"{bulk_forward_entries.path(site)}/{act}", once=site.form.once)
    if site.form.has("takes-over", "1"):
        return _answer(site, reply, site.say(_TAKEN_OVER))
    if site.form.has("by-fault", "1"):
        return _answer(site, reply, site.say(_STOPPED_IN_FAULT))
    said = site.say(_SWITCHED[act]) % {"count": len(reply.body.get("entries", ()))}
    return _answer(site, reply, said, flask.url_for("bulk_forward.switch", act=OPPOSITE[act]))


def _automate(site: Site, name: str, on: bool) -> Reply:
    """An order, whatever else has been changed meanwhile."""
    path = bulk_forward_entries.path(site)
    for _ in range(bulk_forward_entries.TRIES):
        now = site.services.get(path)
        reply = site.services.send("PUT", path, {"entries": now.body["entries"], name: on}, etag=now.etag)
        if reply.status != 412:
            break
    return reply


def _answer(site: Site, reply: Reply, said: str, undo: str = "") -> ResponseReturnValue:
    """To where the button was; with what is in the way to the page of bulk forwarding."""
    back = site.form.value("back")
    if not reply.done:
        return site.go("/bulk-forward", site.attention(site.wrong(reply)[0].sentence))
    return site.go(returning.address(back, "/bulk-forward"), site.done(said, undo=undo, back=back))
