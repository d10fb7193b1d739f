"""Fault notice of the contract: who is told of a fault, in which words, a test of it, and how the line is now."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue

from gateway.site import mails
from gateway.site.browser import language
from gateway.site.desk import Site
from gateway.site.editing import Edit, Row, edit
from gateway.site.services import Object
from gateway.site.showing import now
from gateway.site.wording import OwnWords
from gateway.site.words import N_

MOST_MOMENTS = 20
# What a customer is told of the line; what each monitoring system says of it is for operators.
TOLD = frozenset({"LineFaulted", "LineFaultWorsened", "LineRecovered", "LineFlapping", "LineSettled"})
WORDS: OwnWords = {
    ("contractor", "too-long"): N_("契約者名は100文字までです"),
    ("site", "too-long"): N_("拠点は100文字までです"),
    ("contractor", "control-character"): N_("契約者名に見えない文字が入っています。入力し直してください"),
    ("site", "control-character"): N_("拠点に見えない文字が入っています。入力し直してください"),
    ("addresses", "too-many-addresses"): N_("送信先は10件までです。いくつか消してください"),
    ("addresses", "no-addresses"): N_(
        "開始しているあいだは、送信先が1件以上必要です。すべて消すときは、先に停止してください"
    ),
}
_NO_TEST = N_("テストメールは10分間に5回までです。しばらく待ってから、もう一度お試しください。")
# What a mail about a fault says of bulk forwarding. The words are notify's (services/notify/model/letters.py).
_STARTED = N_("一括転送を自動で開始しました（%(count)s件）。登録された番号への電話は、転送先へつながります。")
_RUNNING = N_("一括転送は、すでに開始されています。登録された番号への電話は、転送先へつながります。")
_NOT_CONTRACTED = N_("一括転送は開始していません（一括転送機能のご契約がありません）。")
_NO_ENTRIES = N_("一括転送は開始していません（転送先が登録されていません）。")
_SWITCHED_OFF = N_("一括転送は開始していません（自動開始・自動停止が「停止」に設定されています）。")
_UNKNOWN = N_("一括転送の状態は、設定サイトでご確認ください。")


def blueprint(site: Site) -> Blueprint:
    pages = Blueprint("fault_notice", __name__)

    @pages.get("/fault-notice")
    @site.private
    def show() -> ResponseReturnValue:
        notice = site.services.get(_path(site)).body
        told = site.services.look(_beside(site))
        plan, line = told.get("plan"), told["line"]
        mail = {"forwarding": site.say(forwarding(site.me.options, plan)), "plan": plan, "at": now()}
        context = {"line": line, "moments": moments(line, language()), "mail": mail, "number": site.me.contract_number}
        return site.render("fault_notice/overview.html", notice=notice, options=site.me.options, **context)

    @pages.route("/fault-notice/mail", methods=["GET", "POST"])
    @site.private
    def mail() -> ResponseReturnValue:
        return edit(site, _edit_mail(site))

    @pages.route("/fault-notice/addresses", methods=["GET", "POST"])
    @site.private
    def addresses() -> ResponseReturnValue:
        return edit(site, _edit_addresses(site), typed=mails.typed)

    @pages.post("/fault-notice/test-mail")
    @site.private
    def send_test() -> ResponseReturnValue:
        return _send_test(site)

    return pages


def _path(site: Site) -> str:
    return f"/contracts/{site.me.contract_number}/fault-notice"


def _beside(site: Site) -> dict[str, str]:
    """What the page can do without."""
    contract = site.me.contract_number
    plan = {"plan": f"/contracts/{contract}/bulk-forward"} if "bulk-forward" in site.me.options else {}
    return {"line": f"/lines/{contract}", **plan}


def moments(line: Object | None, spoken: str) -> Sequence[tuple[str, str]]:
    """When and what of the newest things that happened to the line, newest first."""
    timeline = line["timeline"] if line else ()
    return [(one["at"], one["sentence"][spoken]) for one in timeline if one["event"] in TOLD][:MOST_MOMENTS]


def forwarding(options: Sequence[str], plan: Mapping[str, Any] | None) -> str:
    """What a mail would say of bulk forwarding if the line had a fault now."""
    if "bulk-forward" not in options:
        return _NOT_CONTRACTED
    match plan:
        case None:
            return _UNKNOWN
        case {"running": True}:
            return _RUNNING
        case {"auto_start": False}:
            return _SWITCHED_OFF
        case {"entries": entries}:
            return _STARTED if entries else _NO_ENTRIES
    return _UNKNOWN


# --- settings


def _edit_mail(site: Site) -> Edit:
    return Edit(
        path=_path(site),
        url="/fault-notice/mail",
        template="fault_notice/mail.html",
        done="/fault-notice",
        said=N_("メールに書く契約者名と拠点を保存しました。"),
        values=lambda notice: {"contractor": notice["contractor"], "site": notice["site"]},
        body=lambda form, notice: notice | {name: form.value(name).strip() for name in ("contractor", "site")},
        rows=lambda notice: _mail_rows(site, notice),
        words=WORDS,
    )


def _mail_rows(site: Site, notice: Object) -> Sequence[Row]:
    return [Row(site.say("契約者名"), notice["contractor"]), Row(site.say("拠点"), notice["site"])]


def _edit_addresses(site: Site) -> Edit:
    """Whoever takes an address away is asked first."""
    return Edit(
        path=_path(site),
        url="/fault-notice/addresses",
        template="fault_notice/addresses.html",
        done="/fault-notice",
        said=N_("故障・回復通知の送信先を保存しました。"),
        values=lambda notice: {"addresses": notice["addresses"]},
        body=lambda form, notice: notice | {"addresses": mails.typed(form)},
        rows=lambda notice: [Row(site.say("送信先"), mails.joined(notice["addresses"]) or site.say("なし"))],
        check=lambda form: mails.wrong(form, site.say),
        names=lambda field: mails.name(field, site.say),
        words=WORDS,
        asks=lambda before, after: mails.removes(before, after) and bool(after["addresses"]),
        question="fault_notice/confirm.html",
    )


def _send_test(site: Site) -> ResponseReturnValue:
    reply = site.services.send("POST", f"{_path(site)}/test-mail", once=site.form.once)
    if reply.status == 429:
        return site.go("/fault-notice", site.attention(site.say(_NO_TEST)))
    if not reply.done:
        return site.go("/fault-notice", site.attention(site.wrong(reply)[0].sentence))
    said = N_("テストメールを%(count)s件の送信先へ送りました。数分待っても届かないときは、アドレスを確かめてください。")
    return site.go("/fault-notice", site.done(said, count=len(reply.body["addresses"])))
