"""One destination of bulk forwarding: changed or deleted after a page that shows it before and after.

A form knows which destination it was made from (`was`). So it is a conflict when somebody else has changed this very
number meanwhile, and none when they have changed another or a fault has started forwarding.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import flask
from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from chassis.errors import NotFound
from contracts import phone
from gateway.site.desk import Site
from gateway.site.editing import Compared, Row, compare
from gateway.site.forms import Form, Wrong
from gateway.site.services import Reply
from gateway.site.wording import OwnWords
from gateway.site.words import N_

# How often what somebody else's change has made stale is tried again.
TRIES = 3
WORDS: OwnWords = {
    ("destination", "empty"): N_("転送先の電話番号を入力してください"),
    ("destination", "missing-field"): N_("転送先の電話番号を入力してください"),
    ("destination", "too-short"): N_("電話番号の桁数が足りません。市外局番から入力してください"),
    ("destination", "too-long"): N_("電話番号の桁数が多すぎます。番号を確かめてください"),
    ("", "too-many-entries"): N_("転送先は200件まで登録できます。使わない転送先を先に削除してください"),
}
_LOOP = N_("転送先の%(number)sが、この番号へ転送する設定になっています。別の番号を入力してください")
_NOT_FORWARDED = N_("転送しません（登録なし）")
_GONE = N_("%(number)sの転送先は、もう登録されていません。")
_CHANGED = N_("転送先が別の画面で変わりました。まだ削除していません。今の転送先を確かめてください")


def path(site: Site) -> str:
    """Of the setting, under /api/v1."""
    return f"/contracts/{site.me.contract_number}/bulk-forward"


def place() -> str:
    """Where in the list the visitor is: the query to come back to it."""
    asked = flask.request.args
    return urlencode({name: asked[name] for name in ("q", "kind", "page") if asked.get(name)})


def add_pages(pages: Blueprint, site: Site) -> None:
    @pages.route("/bulk-forward/entries/<number>", methods=["GET", "POST"])
    @site.private
    def entry(number: str) -> ResponseReturnValue:
        now, present = _now(site, number)
        if site.sending:
            return _save(site, number, now, present)
        return _show(site, number, now, site.resumed() or Form.of(destination=phone.shown(present), was=present))

    @pages.route("/bulk-forward/entries/<number>/delete", methods=["GET", "POST"])
    @site.private
    def delete(number: str) -> ResponseReturnValue:
        now, present = _now(site, number)
        if not present:
            return site.go(_list(), site.attention(site.say(_GONE) % {"number": phone.shown(number)}))
        if site.sending and site.form.value("was") == present:
            return _delete(site, number, now)
        wrong = [Wrong("", site.say(_CHANGED))] if site.sending else []
        return _ask_delete(site, number, now, *wrong)


def _now(site: Site, number: str) -> tuple[Reply, str]:
    """The setting, and where this number is forwarded."""
    now = site.services.get(path(site))
    present = str(now.body["entries"].get(number, ""))
    if not present and number not in site.me.numbers:
        raise NotFound("not-found")
    return now, present


def _list() -> str:
    return "/bulk-forward" + (f"?{place()}" if place() else "")


def _context(number: str, now: Reply) -> dict[str, Any]:
    """What every page about one number needs."""
    here = f"?{place()}" if place() else ""
    url = f"/bulk-forward/entries/{number}"
    return {
        "number": number,
        "plan": now.body,
        "page": {"url": url + here},
        "deletes": f"{url}/delete{here}",
        "list": _list(),
    }


def _show(site: Site, number: str, now: Reply, form: Form, status: int = 200) -> Response:
    return site.render("bulk_forward/entry.html", status, form=form, **_context(number, now))


def _save(site: Site, number: str, now: Reply, present: str, tries: int = TRIES) -> ResponseReturnValue:
    form = site.form
    typed = phone.normalise(form.value("destination"))
    if wrong := _check(site, number, typed):
        return _show(site, number, now, form.again(*wrong), 422)
    if typed == present:
        return _saved(site, number)
    if form.value("was") != present:
        return _show_both(site, number, now, present)
    if not form.confirmed:
        return _ask(site, number, now, present)
    reply = site.services.send("PUT", f"{path(site)}/entries/{number}", {"destination": typed}, etag=now.etag)
    if reply.status == 412 and tries:  # Of the setting, and perhaps not of this number.
        return _save(site, number, *_now(site, number), tries - 1)
    if reply.done:
        return _saved(site, number)
    return _show(site, number, now, form.again(*_wrong(site, number, typed, reply)), reply.status)


def _saved(site: Site, number: str) -> ResponseReturnValue:
    return site.go(_list(), site.done("%(number)sの転送先を保存しました。", number=phone.shown(number)))


def _check(site: Site, number: str, typed: str) -> Sequence[Wrong]:
    """What can be said before it is asked about. Whether calls would go round in a circle only the service knows."""
    code = phone.refusal(typed) or ("own-number" if typed == number else None)
    return _wrong(site, number, typed, Reply(422, {"errors": [{"field": "destination", "code": code}]})) if code else ()


def _wrong(site: Site, number: str, typed: str, reply: Reply) -> Sequence[Wrong]:
    """The service names an entry by its number, the page has one field."""
    errors = [{**one, "field": "destination"} for one in reply.body.get("errors", ())]
    if any(one["code"] == "loop" for one in errors):
        return [Wrong("destination", site.say(_LOOP) % {"number": phone.shown(typed)})]
    return site.wrong(replace(reply, body={**reply.body, "errors": errors}), WORDS)


def _compared(site: Site, number: str, present: str) -> Sequence[Compared]:
    label, typed = phone.shown(number), phone.normalise(site.form.value("destination"))
    before = phone.shown(present) if present else site.say(_NOT_FORWARDED)
    return compare([Row(label, before)], [Row(label, phone.shown(typed))])


def _ask(site: Site, number: str, now: Reply, present: str) -> Response:
    rows = _compared(site, number, present)
    return site.render("bulk_forward/confirm_entry.html", form=site.form, rows=rows, **_context(number, now))


def _show_both(site: Site, number: str, now: Reply, present: str) -> Response:
    """Somebody else has changed this number: the choice, from which the form goes on with what is there now."""
    again = site.form.again()
    form = replace(again, values={**again.values, "was": [present]})
    rows = _compared(site, number, present)
    return site.render("editing/conflict.html", 412, form=form, rows=rows, etag="", **_context(number, now))


def _ask_delete(site: Site, number: str, now: Reply, *wrong: Wrong) -> Response:
    form = replace(Form.of(was=now.body["entries"][number]), wrong=wrong)
    return site.render("bulk_forward/delete_entry.html", 412 if wrong else 200, form=form, **_context(number, now))


def _delete(site: Site, number: str, now: Reply) -> ResponseReturnValue:
    reply = site.services.send("DELETE", f"{path(site)}/entries/{number}", etag=now.etag, once=site.form.once)
    if not reply.done:
        problem = Wrong("", site.say(_CHANGED)) if reply.status == 412 else site.wrong(reply)[0]
        return _ask_delete(site, number, now, problem)
    stopped = now.body["running"] and not reply.body.get("running")
    said = N_("%(number)sの転送先を削除しました。転送先がなくなったため、一括転送は停止しました。")
    plain = N_("%(number)sの転送先を削除しました。")
    return site.go(_list(), site.done(said if stopped else plain, number=phone.shown(number)))
