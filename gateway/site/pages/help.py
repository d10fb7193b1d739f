"""Help: setting the temporary password by telephone, how the site is used, accessibility, and a card to print."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flask
from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from chassis.access import public
from gateway.site.desk import Me, Site
from gateway.site.paper import pdf_of
from gateway.site.services import Object
from gateway.site.showing import now
from gateway.site.words import N_

# Where the temporary password is set (guide). Never a link to call: from a mobile phone nobody is connected.
TELEPHONE = "0664806430"
# Numbers whose VoiceWarp the card tells, so that its cost does not grow with the contract.
MOST_PLANS = 20

# What the telephone says, word for word as in the guide. It speaks Japanese, so English pages show both.
GUIDANCE = {
    "menu": N_(
        "仮パスワード設定をする単位を選択します。回線単位に設定する場合は1、電話番号単位に設定する場合は2、"
        "管理者/ユーザー単位に設定する場合は3を入力してください。"
    ),
    "number": N_("仮パスワード設定をする電話番号を市外局番から入力し、最後に#を押してください。"),
    "admin-number": N_("仮パスワードを設定する電話番号を市外局番から入力し、最後に#を押してください。"),
    "password": N_("●●●番の仮パスワードの設定を行います。登録したい仮パスワードを入力してください。"),
    "again": N_("確認のためにもう一度仮パスワードを入力してください。"),
    "done": N_("●●●番の仮パスワードの設定が完了しました。ご利用ありがとうございました。"),
    "wrong": N_("入力された番号が正しくありません。もう一度押してください。"),
}
MODES = {
    "unconditional": N_("すぐに転送"),
    "no-answer": N_("出ないときに転送"),
    "busy": N_("話し中のときに転送"),
    "no-answer-or-busy": N_("出ないときと話し中のときに転送"),
}
UNITS = {"line": N_("回線単位"), "number": N_("電話番号単位"), "admin-user": N_("管理者/ユーザー単位")}
MENU_KEYS = {"line": "1", "number": "2", "admin-user": "3"}


@dataclass(frozen=True)
class Plan:
    """What a number is set to do when forwarding is started; `to` is "" without an active destination."""

    number: str
    to: str
    label: str
    mode: str


def blueprint(site: Site) -> Blueprint:
    pages = Blueprint("help", __name__)

    @pages.get("/help")
    @public
    def show() -> ResponseReturnValue:
        return site.render("help/help.html")

    @pages.get("/help/temporary-password")
    @public
    def temporary_password() -> ResponseReturnValue:
        return site.render("help/temporary_password.html", telephone=TELEPHONE, guidance=GUIDANCE)

    @pages.get("/accessibility")
    @public
    def accessibility() -> ResponseReturnValue:
        return site.render("help/accessibility.html")

    @pages.get("/card")
    @site.private
    def card() -> ResponseReturnValue:
        return _card(site)

    @pages.get("/card.pdf")
    @site.private
    def card_as_pdf() -> ResponseReturnValue:
        made = pdf_of(_card(site).get_data(as_text=True), site.say("電話のそばに置くカード"))
        return Response(
            made, mimetype="application/pdf", headers={"Content-Disposition": 'inline; filename="tsunagu-card.pdf"'}
        )

    return pages


def _card(site: Site) -> Response:
    me = site.me
    told = site.services.look(_paths(me))
    return site.render(
        "help/card.html",
        me=me,
        address=_address(site),
        bulk=told.get("bulk-forward"),
        plans=_plans(told),
        untold=[number for number in _forwarding(me) if told.get(number, {}) is None],
        more=len(_forwarding(me)) > MOST_PLANS,
        made_at=now(),
        telephone=TELEPHONE,
        unit=UNITS[me.unit],
        menu_key=MENU_KEYS[me.unit],
        asks_number=me.unit == "number" or (me.unit == "admin-user" and me.number == me.contract_number),
    )


def _address(site: Site) -> str:
    """Of this site, as it is typed."""
    return f"{'https' if site.cookies.secure else 'http'}://{flask.request.host}"


def _forwarding(me: Me) -> Sequence[str]:
    return [number for number, options in me.numbers.items() if "voicewarp" in options]


def _paths(me: Me) -> dict[str, str]:
    """What the card tells of, at most one for each of some numbers."""
    bulk = {"bulk-forward": f"/contracts/{me.contract_number}/bulk-forward"} if "bulk-forward" in me.options else {}
    return {**bulk, **{number: f"/numbers/{number}/voicewarp" for number in _forwarding(me)[:MOST_PLANS]}}


def _plans(told: Mapping[str, Object | None]) -> list[Plan]:
    return [_plan(name, setting) for name, setting in told.items() if setting and name != "bulk-forward"]


def _plan(number: str, setting: Mapping[str, Any]) -> Plan:
    active = setting["active"]
    destination = setting["destinations"][active - 1] if active else {"number": "", "label": ""}
    return Plan(number, destination["number"], destination["label"], MODES.get(setting["mode"], ""))
