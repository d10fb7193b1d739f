"""Incoming-call mail of a number: where to, about which calls, about which callers."""

from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue

from contracts import phone
from gateway.site import mails
from gateway.site.desk import Site
from gateway.site.editing import Edit, Row, edit
from gateway.site.forms import Form, Wrong
from gateway.site.services import Object, Reply
from gateway.site.words import N_

MOST_ADDRESSES, MOST_CALLERS = 5, 30
# How often a list is read and changed anew when somebody else changes it at the same moment.
TRIES = 3

# Kinds of calls, in the order of the page. All of them together are what the API calls `all`.
CALLS = {
    "answered": N_("出た電話"),
    "no-answer": N_("出なかった電話"),
    "busy": N_("話し中だった電話"),
    "forwarded": N_("転送した電話"),
}
CALLERS = {
    "all": N_("すべての番号からの電話"),
    "only": N_("登録した番号からの電話だけ"),
    "except": N_("登録した番号を除く、ほかの番号からの電話"),
}
WORDS = {
    ("addresses", "no-addresses"): N_(
        "開始しているあいだは、メールアドレスが1件以上必要です。すべて消すときは、先に停止してください"
    ),
    ("addresses", "too-many-addresses"): N_("メールアドレスは5件までです。いくつか消してください"),
    ("when", "no-condition"): N_("お知らせする電話を1つ以上選んでください"),
    ("callers.numbers", "repeated-number"): N_("この番号はもう登録されています"),
    ("callers.numbers.*", "too-short"): N_("電話番号の桁数が足りません。市外局番から入力してください"),
    ("callers.numbers.*", "too-long"): N_("電話番号の桁数が多すぎます。番号を確かめてください"),
    ("callers.numbers.*.number", "too-long"): N_("電話番号の桁数が多すぎます。番号を確かめてください"),
    ("callers.numbers.*.label", "too-long"): N_("名前は50文字までにしてください"),
}


def blueprint(site: Site) -> Blueprint:
    pages = Blueprint("incoming_mail", __name__)

    @pages.get("/numbers/<number>/incoming-mail")
    @site.private
    def show(number: str) -> ResponseReturnValue:
        setting = site.services.get(_path(number)).body
        return site.render("incoming_mail/overview.html", number=number, setting=setting, told=_told(site, setting))

    @pages.route("/numbers/<number>/incoming-mail/addresses", methods=["GET", "POST"])
    @site.private
    def addresses(number: str) -> ResponseReturnValue:
        return edit(site, _addresses(site, number), number=number, most=MOST_ADDRESSES)

    @pages.route("/numbers/<number>/incoming-mail/when", methods=["GET", "POST"])
    @site.private
    def when(number: str) -> ResponseReturnValue:
        return edit(site, _when(site, number), number=number, calls=CALLS)

    @pages.route("/numbers/<number>/incoming-mail/callers", methods=["GET", "POST"])
    @site.private
    def callers(number: str) -> ResponseReturnValue:
        return edit(site, _callers(site, number), number=number, choices=CALLERS, listed=listed, most=MOST_CALLERS)

    @pages.route("/numbers/<number>/incoming-mail/callers/add", methods=["GET", "POST"])
    @site.private
    def add(number: str) -> ResponseReturnValue:
        return _add(site, number)

    @pages.route("/numbers/<number>/incoming-mail/callers/<caller>/delete", methods=["GET", "POST"])
    @site.private
    def delete(number: str, caller: str) -> ResponseReturnValue:
        return _delete(site, number, caller)

    return pages


def _path(number: str) -> str:
    """Of the setting, and of the page about it."""
    return f"/numbers/{number}/incoming-mail"


def _addresses(site: Site, number: str) -> Edit:
    return _edit(
        site,
        number,
        "addresses",
        said=N_("着信お知らせメールの送信先を保存しました。"),
        values=lambda setting: {"addresses": setting["addresses"]},
        body=lambda form, setting: {**setting, "addresses": mails.typed(form)},
        check=lambda form: mails.wrong(form, site.say),
        names=lambda field: mails.name(field, site.say),
        asks=mails.removes,
        question="incoming_mail/addresses_question.html",
    )


def _when(site: Site, number: str) -> Edit:
    return _edit(
        site,
        number,
        "when",
        said=N_("お知らせする電話を保存しました。"),
        values=lambda setting: {"when": list(CALLS) if "all" in setting["when"] else setting["when"]},
        body=lambda form, setting: {**setting, "when": _chosen(form)},
    )


def _chosen(form: Form) -> Sequence[str]:
    return ["all"] if set(CALLS) <= set(form.all("when")) else form.all("when")


def _callers(site: Site, number: str) -> Edit:
    def body(form: Form, setting: Object) -> Object:
        anonymous = form.value("callers.anonymous") == "true"
        chosen = {"mode": form.value("callers.mode"), "anonymous": anonymous}
        return {**setting, "callers": {**setting["callers"], **chosen}}

    return _edit(
        site,
        number,
        "callers",
        said=N_("お知らせする相手を保存しました。"),
        values=lambda setting: {
            "callers.mode": setting["callers"]["mode"],
            "callers.anonymous": "true" if setting["callers"]["anonymous"] else "false",
        },
        body=body,
    )


def _edit(site: Site, number: str, part: str, **parts: Any) -> Edit:
    return Edit(
        path=_path(number),
        url=f"{_path(number)}/{part}",
        template=f"incoming_mail/{part}.html",
        done=_path(number),
        rows=lambda setting: _rows(site, setting),
        words=WORDS,
        **parts,
    )


# --- the setting in words


def _rows(site: Site, setting: Object) -> list[Row]:
    told = _told(site, setting)
    nothing = site.say(N_("なし"))
    return [
        Row(site.say(N_("送信先メールアドレス")), mails.joined(setting["addresses"]) or nothing),
        Row(site.say(N_("お知らせする電話")), told["calls"] or nothing),
        Row(site.say(N_("お知らせする相手")), told["callers"]),
        Row(site.say(N_("番号を通知しない電話")), told["anonymous"]),
        Row(site.say(N_("登録した番号")), mails.joined(_named(one) for one in listed(setting)) or nothing),
    ]


def _told(site: Site, setting: Object) -> dict[str, str]:
    """Which calls and which callers, in the page's language."""
    everything = "all" in setting["when"]
    calls = mails.joined(site.say(words) for call, words in CALLS.items() if call in setting["when"])
    anonymous = N_("お知らせする") if setting["callers"]["anonymous"] else N_("お知らせしない")
    return {
        "calls": site.say(N_("すべての電話")) if everything else calls,
        "callers": site.say(CALLERS.get(setting["callers"]["mode"], "")),
        "anonymous": site.say(anonymous),
    }


def listed(setting: Object) -> list[Object]:
    """The callers of the list, each with `number` and `label`; the API tells bare numbers as long as none has one."""
    told = setting["callers"]["numbers"]
    return [{"number": one, "label": ""} if isinstance(one, str) else one for one in told]


def _named(caller: Object) -> str:
    return f"{phone.shown(caller['number'])} {caller['label']}".rstrip()


# --- the list of callers, one by one


def _add(site: Site, number: str) -> ResponseReturnValue:
    if not site.sending:
        return site.render("incoming_mail/add.html", form=site.resumed() or Form(), number=number)
    form = site.form
    caller = {"number": phone.normalise(form.value("number")), "label": form.value("label").strip()}
    reply = _change(site, number, lambda callers: callers if caller in callers else [*callers, caller])
    if reply.done:
        return site.go(f"{_path(number)}/callers", site.done(N_("%(caller)sを登録しました。"), caller=_named(caller)))
    again = form.again(*_beside(site.wrong(reply, WORDS)))
    return site.render("incoming_mail/add.html", reply.status, form=again, number=number)


def _beside(wrong: Sequence[Wrong]) -> list[Wrong]:
    """The page has one caller, the service speaks of all of the list."""
    places = {"": "", "label": "label"}
    return [Wrong(places.get(one.field.rpartition(".")[2], "number"), one.sentence) for one in wrong]


def _delete(site: Site, number: str, caller: str) -> ResponseReturnValue:
    back = f"{_path(number)}/callers"
    found = [one for one in listed(site.services.get(_path(number)).body) if one["number"] == caller]
    if not found:
        return site.go(back, site.attention(site.say("この番号は、もう一覧にありません。")))
    if not site.sending:
        return site.render("incoming_mail/delete.html", number=number, caller=found[0])
    reply = _change(site, number, lambda callers: [one for one in callers if one["number"] != caller])
    if reply.done:
        return site.go(back, site.done(N_("%(caller)sを一覧から削除しました。"), caller=_named(found[0])))
    return site.go(back, site.attention(site.wrong(reply)[0].sentence))


def _change(site: Site, number: str, change: Callable[[list[Object]], list[Object]]) -> Reply:
    """The setting with another list. What somebody else has changed meanwhile stays: the list is changed anew."""
    reply = Reply(412, {"code": "lost-race"})
    for _ in range(TRIES):
        now = site.services.get(_path(number))
        before = listed(now.body)
        if (after := change(before)) == before:
            return now
        body = {**now.body, "callers": {**now.body["callers"], "numbers": after}}
        reply = site.services.send("PUT", _path(number), body, etag=now.etag)
        if reply.status != 412:
            return reply
    return reply
