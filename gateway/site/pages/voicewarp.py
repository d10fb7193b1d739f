"""VoiceWarp of a number: how calls are forwarded, where to, and for which callers."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlencode

import flask
from flask import Blueprint
from flask.typing import ResponseReturnValue

from chassis.errors import NotFound
from contracts import phone
from gateway.site import destinations, instants
from gateway.site.desk import Site
from gateway.site.editing import Edit, Row, edit
from gateway.site.forms import Form
from gateway.site.services import Object, Reply
from gateway.site.words import N_

MOST_CALLERS, LONGEST_LABEL = 30, 40

MODES = {
    "unconditional": N_("電話がかかったら、すぐに転送する"),
    "no-answer": N_("出ないときに転送する"),
    "busy": N_("話し中のときに転送する"),
    "no-answer-or-busy": N_("出ないときと、話し中のときに転送する"),
}
SELECT_MODES = {
    "off": N_("使わない（すべての電話を転送する）"),
    "forward-registered": N_("リストの番号からの電話だけを転送する"),
    "ring-registered": N_("リストの番号からの電話は転送せず、ほかの電話を転送する"),
}
MODE_WORDS = {
    ("ring_seconds", "wrong-type"): N_("呼び出す時間は5秒から60秒の間で入力してください"),
    ("mode", "missing-field"): N_("転送のしかたを選んでください"),
}
TRIED = ("caller", "at.date", "at.time")
TRY_WORDS = {
    ("", "service-unavailable"): N_("ただいま確かめられません。しばらく待ってから、もう一度お試しください"),
    ("", "store-unavailable"): N_("ただいま確かめられません。しばらく待ってから、もう一度お試しください"),
    ("caller", "too-short"): N_("電話番号の桁数が足りません。市外局番から入力してください"),
    ("caller", "too-long"): N_("電話番号の桁数が多すぎます。番号を確かめてください"),
    ("at", "too-long-ago"): N_("古すぎるため、わかりません。もっと新しい日時を入力してください"),
}
CALLER_WORDS = {
    ("number", "too-short"): N_("電話番号の桁数が足りません。市外局番から入力してください"),
    ("number", "too-long"): N_("電話番号の桁数が多すぎます。番号を確かめてください"),
    ("number", "too-many-callers"): N_("登録できるのは30件までです。追加する前に、いくつか削除してください"),
    ("label", "too-long"): N_("名前は40文字以内にしてください"),
}


def blueprint(site: Site) -> Blueprint:
    pages = Blueprint("voicewarp", __name__)

    @pages.get("/numbers/<number>/voicewarp")
    @site.private
    def show(number: str) -> ResponseReturnValue:
        return _overview(site, number)

    @pages.route("/numbers/<number>/voicewarp/mode", methods=["GET", "POST"])
    @site.private
    def mode(number: str) -> ResponseReturnValue:
        return edit(site, _mode(site, number), number=number, modes=MODES)

    @pages.route("/numbers/<number>/voicewarp/destinations", methods=["GET", "POST"])
    @site.private
    def change_destinations(number: str) -> ResponseReturnValue:
        return edit(site, destinations.page(site, number), number=number, most=destinations.MOST)

    @pages.route("/numbers/<number>/voicewarp/select", methods=["GET", "POST"])
    @site.private
    def select(number: str) -> ResponseReturnValue:
        return edit(site, _select(site, number), number=number, modes=SELECT_MODES)

    @pages.route("/numbers/<number>/voicewarp/callers", methods=["GET", "POST"])
    @site.private
    def callers(number: str) -> ResponseReturnValue:
        return _add_caller(site, number) if site.sending else _show_callers(site, number, site.resumed() or Form())

    @pages.route("/numbers/<number>/voicewarp/callers/<caller>/delete", methods=["GET", "POST"])
    @site.private
    def delete_caller(number: str, caller: str) -> ResponseReturnValue:
        return _drop_caller(site, number, caller) if site.sending else _ask_about(site, number, caller)

    @pages.get("/numbers/<number>/routing")
    @site.private
    def try_a_call(number: str) -> ResponseReturnValue:
        return _try(site, number)

    return pages


def _path(number: str) -> str:
    """Of the setting under /api/v1, and of its page."""
    return f"/numbers/{number}/voicewarp"


# --- overview, and how calls are forwarded


def _overview(site: Site, number: str) -> ResponseReturnValue:
    setting = site.services.get(_path(number))
    told = site.services.look({"routing": f"/numbers/{number}/routing", "all": f"/me/voicewarp?numbers={number}"})
    return site.render(
        "voicewarp/overview.html",
        number=number,
        setting=setting.body,
        form=Form.filled(destinations.fields(setting.body), setting.etag),
        state=_since(told["all"], number, setting.body),
        routing=told["routing"],
        modes=MODES,
        select_modes=SELECT_MODES,
    )


def _since(told: Object | None, number: str, setting: Object) -> Object:
    """Whether it is started, and since when and by whom where that is known of this very state."""
    glance: Object = (told or {}).get("numbers", {}).get(number) or {}
    return glance if glance.get("started") == setting["started"] else {"started": setting["started"]}


def _mode(site: Site, number: str) -> Edit:
    def rows(setting: Object) -> Sequence[Row]:
        words = MODES.get(setting["mode"])
        return [
            Row(site.say(N_("転送のしかた")), site.say(words) if words else ""),
            Row(site.say(N_("呼び出す時間")), site.say(N_("%(seconds)s秒")) % {"seconds": setting["ring_seconds"]}),
        ]

    return Edit(
        path=_path(number),
        url=f"{_path(number)}/mode",
        template="voicewarp/mode.html",
        done=_path(number),
        said=N_("転送のしかたを保存しました。"),
        values=lambda setting: {"mode": setting["mode"], "ring_seconds": str(setting["ring_seconds"])},
        body=lambda form, setting: {**setting, "mode": form.value("mode"), "ring_seconds": _seconds(form)},
        rows=rows,
        words=MODE_WORDS,
    )


def _seconds(form: Form) -> int | str:
    """As typed, in digits of any width, with or without 秒; what is no number goes to the service as it is."""
    typed = unicodedata.normalize("NFKC", form.value("ring_seconds")).strip().removesuffix("秒").strip()
    return int(typed) if typed.isdecimal() and len(typed) < 5 else typed


# --- the select function


def _select(site: Site, number: str) -> Edit:
    def rows(setting: Object) -> Sequence[Row]:
        words = SELECT_MODES.get(setting["select"]["mode"])
        return [Row(site.say(N_("セレクト機能")), site.say(words) if words else "")]

    return Edit(
        path=_path(number),
        url=f"{_path(number)}/select",
        template="voicewarp/select.html",
        done=_path(number),
        said=N_("セレクト機能の設定を保存しました。"),
        values=lambda setting: {"select.mode": setting["select"]["mode"]},
        body=lambda form, setting: {**setting, "select": {**setting["select"], "mode": form.value("select.mode")}},
        rows=rows,
    )


def _show_callers(site: Site, number: str, form: Form, status: int = 200) -> ResponseReturnValue:
    setting = site.services.get(_path(number)).body
    context = {"select": setting["select"], "modes": SELECT_MODES, "most": MOST_CALLERS}
    return site.render("voicewarp/callers.html", status, form=form, number=number, **context)


def _add_caller(site: Site, number: str) -> ResponseReturnValue:
    form = site.form
    body = {"number": form.value("number"), "label": form.value("label").strip()}
    errors = list(_caller_errors(**body))
    reply = Reply(422, {"errors": errors}) if errors else _send_caller(site, number, form, body)
    if not reply.done:
        return _show_callers(site, number, form.again(*site.wrong(reply, CALLER_WORDS)), reply.status)
    shown = phone.shown(phone.normalise(body["number"]))
    return site.go(f"{_path(number)}/callers", site.done(N_("%(caller)sをリストに追加しました。"), caller=shown))


def _caller_errors(number: str, label: str) -> Iterator[Mapping[str, str]]:
    """What can be said at once, as the service would say it; it looks at one field after the other."""
    if refusal := phone.caller_refusal(phone.normalise(number)):
        yield {"field": "number", "code": refusal}
    if len(label) > LONGEST_LABEL:
        yield {"field": "label", "code": "too-long"}


def _send_caller(site: Site, number: str, form: Form, body: Object) -> Reply:
    return site.services.send("POST", f"{_path(number)}/callers", body, once=form.once)


def _ask_about(site: Site, number: str, caller: str, reply: Reply | None = None) -> ResponseReturnValue:
    """The page that names what would be deleted. Raises NotFound for a number that is not on the list."""
    listed = site.services.get(_path(number)).body["select"]["callers"]
    found = next((one for one in listed if one["number"] == caller), None)
    if found is None:
        raise NotFound("not-found")
    form = site.form.again(*site.wrong(reply)) if reply else Form()
    return site.render(
        "voicewarp/delete_caller.html", reply.status if reply else 200, form=form, number=number, caller=found
    )


def _drop_caller(site: Site, number: str, caller: str) -> ResponseReturnValue:
    back, shown = f"{_path(number)}/callers", phone.shown(caller)
    try:
        reply = site.services.send("DELETE", f"{_path(number)}/callers/{caller}", once=site.form.once)
    except NotFound:
        return site.go(back, site.attention(site.say(N_("%(caller)sは、もうリストにありません。")) % {"caller": shown}))
    if not reply.done:
        return _ask_about(site, number, caller, reply)
    return site.go(back, site.done(N_("%(caller)sをリストから削除しました。"), caller=shown))


# --- trying a call


def _try(site: Site, number: str) -> ResponseReturnValue:
    """What would happen to a call of this caller at this time; it is asked by GET, because nothing changes.

    The caller is asked about even where the time is none, so that all that is wrong is said at once.
    """
    form = Form.filled({name: flask.request.args.get(name, "") for name in TRIED})
    at, wrong = instants.read(form, "at", site.say)
    query = urlencode({"caller": form.value("caller"), **({"at": at} if at else {})})
    reply = site.services.send("GET", f"/numbers/{number}/routing?{query}")
    wrong = [*(() if reply.done else site.wrong(reply, TRY_WORDS)), *wrong]
    context = {"number": number, "decision": reply.body if not wrong and flask.request.args else None}
    status = 422 if wrong and reply.done else reply.status
    return site.render("voicewarp/routing.html", status, form=form.again(*wrong) if wrong else form, **context)
