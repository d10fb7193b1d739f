"""The telephone of the demo, on which a visitor sets the temporary password: keys, and what the voice says.

The dialogue is ivr's. The page carries what belongs to the call along in its forms: which call, what was last said, and
which keys have been pressed since. Digits of a password come back as dots.
"""

import re
import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import flask
from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from chassis.access import public
from chassis.errors import Forbidden, NotFound, Unavailable
from contracts import phone
from gateway.site.browser import language
from gateway.site.demo import Told
from gateway.site.desk import Site
from gateway.site.forms import Form, Wrong
from gateway.site.services import Object, SessionEnded
from gateway.site.words import N_

PAGE = "/demo/phone"
CALLS = "/ivr/calls"
KEYS = "123456789*0#"
PASSWORD_LENGTH = 8
# ivr's words at the end of a call in which nothing was set; its others are the guide's, which the help has in English.
GIVEN_UP = (N_("入力された番号が正しくありません。"), N_("一度電話を切り、はじめからやり直してください。"))
_DONE = re.compile("([0-9]{10,11})番の仮パスワードの設定が完了しました")
_NUMBER = re.compile("[0-9]{10,11}")
_NO_NUMBER = N_("どの番号からかけるかを入力してください")
_NOBODY = N_("ご契約の電話番号からかけてください。ほかの番号からの電話はつながりません")
_NO_KEYS = N_("0から9までの数字、*、# のどれかを入力してください")
_OVER = N_("この通話は終わっています。もう一度電話をかけてください")
_HUNG_UP = N_("電話を切りました。途中まで押した内容は残りません。")


@dataclass(frozen=True)
class Call:
    """A call as the page shows it. `turn` counts what was said, so that the same words twice are read out twice."""

    id: str
    said: Sequence[str] = ()
    turn: int = 0
    pressed: str = ""
    secret: bool = False
    finished: bool = False

    @classmethod
    def sent(cls, form: Form) -> "Call":
        """As the page had it; NotFound for what is no call."""
        try:
            id, turn = str(uuid.UUID(form.value("call"))), int(form.value("turn"))
        except ValueError as cause:
            raise NotFound("not-found") from cause
        return cls(id, form.all("said"), turn, form.value("pressed"), form.has("secret"))

    @property
    def number(self) -> str:
        """Whose password was set; "" as long as none was."""
        found = [match[1] for one in self.said if (match := _DONE.search(one))]
        return found[0] if found and self.finished else ""

    def after(self, told: Object, keys: str) -> "Call":
        """After these keys, or none, by ivr's answer."""
        secret, finished = (told["expects"] or {}).get("length") == PASSWORD_LENGTH, told["finished"]
        if told["guidance"]:
            return Call(self.id, told["guidance"], self.turn + 1, "", secret, finished)
        pressed = self.pressed + ("•" * len(keys) if self.secret else keys)
        return Call(self.id, self.said, self.turn, pressed, secret, finished)


def blueprint(site: Site) -> Blueprint:
    pages = Blueprint("demo_phone", __name__)

    @pages.route(PAGE, methods=["GET", "POST"])
    @public
    def telephone() -> ResponseReturnValue:
        told = site.demo.told()
        if not told:
            raise NotFound("not-found")
        try:
            return _take(site, told)
        except SessionEnded as problem:  # Not the visitor's: the telephone's key does not open anything yet.
            raise Unavailable("service-unavailable") from problem

    return pages


def _take(site: Site, told: Told) -> ResponseReturnValue:
    form = site.form
    if resumed := site.resumed():
        if resumed.value("call"):
            return _show_call(site, told, Call.sent(resumed), Form.of())
        return _show_idle(site, told, resumed)
    if not site.sending:
        number = flask.request.args.get("number") or next(iter(told.numbers), "")
        return _show_idle(site, told, Form.of(number=phone.shown(phone.normalise(number))))
    if not form.value("call"):
        return _dial(site, told, form)
    call = Call.sent(form)
    match form.value("act"):
        case "hang-up":
            return _hang_up(site, call)
        case "silence":
            return _go_on(site, told, form, call, {"timeout": True}, "")
    if keys := _keys(form):
        return _go_on(site, told, form, call, {"keys": keys}, keys)
    return _show_call(site, told, call, form.again(Wrong("keys", site.say(_NO_KEYS))), 422)


def _dial(site: Site, told: Told, form: Form) -> Response:
    number = phone.normalise(form.value("number"))
    if not number:
        return _show_idle(site, told, form.again(Wrong("number", site.say(_NO_NUMBER))), 422)
    try:
        reply = site.telephone.send("POST", CALLS, {"caller": number}, once=form.once)
    except Forbidden:
        return _show_idle(site, told, form.again(Wrong("number", site.say(_NOBODY))), 422)
    if not reply.done:
        return _show_idle(site, told, form.again(*site.wrong(reply)), reply.status)
    return _show_call(site, told, Call(reply.body["call_id"]).after(reply.body, ""), Form.of())


def _go_on(site: Site, told: Told, form: Form, call: Call, body: Object, keys: str) -> Response:
    reply = site.telephone.send("POST", f"{CALLS}/{call.id}/keys", body, once=form.once)
    if reply.code == "call-finished":
        return _show_idle(site, told, form.again(Wrong("", site.say(_OVER))), reply.status)
    if not reply.done:
        return _show_call(site, told, call, form.again(*site.wrong(reply)), reply.status)
    return _show_call(site, told, call.after(reply.body, keys), Form.of())


def _hang_up(site: Site, call: Call) -> ResponseReturnValue:
    site.telephone.send("DELETE", f"{CALLS}/{call.id}")
    return site.go(PAGE, site.done(_HUNG_UP))


def _keys(form: Form) -> str:
    """One button, or what was typed; full-width digits and signs are keys too, and what is no key is left out."""
    typed = unicodedata.normalize("NFKC", form.value("key") + form.value("keys"))
    return "".join(key for key in typed if key in KEYS)


def _show_idle(site: Site, told: Told, form: Form, status: int = 200) -> Response:
    return site.render("demo_phone/idle.html", status, form=form, told=told)


def _show_call(site: Site, told: Told, call: Call, form: Form, status: int = 200) -> Response:
    heard = [(sentence, _in_english(site, sentence)) for sentence in call.said]
    return site.render("demo_phone/call.html", status, form=form, told=told, call=call, heard=heard, keys=KEYS)


def _in_english(site: Site, sentence: str) -> str:
    """What the voice says, on English pages; "" on others. Numbers are ●●● in the guide's words."""
    number = _NUMBER.search(sentence)
    shown = phone.shown(number[0]) if number else ""
    words = site.say(_NUMBER.sub("●●●", sentence)).replace("●●●", shown)
    return words if language() == "en" and words != sentence else ""
