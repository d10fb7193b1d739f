"""All components on one page, to look at and to test."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from chassis.access import public
from gateway.site.desk import Site
from gateway.site.forms import Form, Wrong


def blueprint(site: Site) -> Blueprint:
    pages = Blueprint("gallery", __name__)

    @pages.get("/gallery")
    @public
    def show() -> ResponseReturnValue:
        values = {"to": "03-1234-5678", "mode": "no-answer", "when": ["answered"], "note": "本店の電話"}
        wrong = Wrong("seconds", site.say("呼び出す時間は5秒から60秒の間で入力してください"))
        return site.render("gallery/gallery.html", form=Form.filled(values).again(wrong))

    return pages
