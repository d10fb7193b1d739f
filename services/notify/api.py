"""The HTTP routes of notify: notice settings for customers, the mail queue for operators."""

from typing import Any

from flask import Response

from chassis import history
from chassis.errors import NotFound
from chassis.handling import Handler
from chassis.messages import now
from chassis.setting import Setting
from chassis.views import Views
from chassis.web import Blueprint, once, origin, owns_contract, reply, require
from services.notify.model.mail import Mail, RetryMail
from services.notify.model.notice import EditNotice, Notice
from services.notify.schemas import (
    MailsQuery,
    MailsSchema,
    NoticeBody,
    NoticeSchema,
    RetriedSchema,
    sentence,
    shown,
    shown_mail,
)
from services.notify.views import MAILS

WORDS = {
    "mail-not-failed": ("送信に失敗したメールだけを再送できます。", "Only a mail that was given up can be retried."),
    "no-addresses": ("送信先のメールアドレスを先に登録してください。", "Add a mail address first."),
    "not-a-mail-address": ("メールアドレスを確かめてください（例：name@example.jp）。", "This is not a mail address."),
    "repeated-address": ("同じメールアドレスが2回あります。", "The same address is listed twice."),
    "too-many-addresses": ("メールアドレスは10件まで登録できます。", "Up to 10 addresses can be listed."),
}


def notices_blueprint(notices: Handler[Notice]) -> Blueprint:
    routes = Blueprint("fault-notice", __name__, url_prefix="/contracts/<contract_number>")

    setting = Setting(notices, lambda notice: shown(contracted(notice)))
    setting.add_routes(
        routes, "/fault-notice", owns_contract, body=NoticeBody, answer=NoticeSchema, start=_start, stop=_stop
    )

    @routes.get("/history")
    @owns_contract
    @routes.arguments(history.HistoryQuery, location="query")
    @routes.response(200, history.HistorySchema)
    def show_history(query: dict[str, Any], contract_number: str) -> Response:
        """What was changed, by whom and when, and what was mailed, newest first."""
        return reply(history.page(notices, contract_number, sentence, **query))

    return routes


def _start() -> EditNotice:
    """Mails are sent from the next fault on."""
    return EditNotice(True, None, None, None)


def _stop() -> EditNotice:
    """No more mails, not even of the recovery of a fault that was told."""
    return EditNotice(False, None, None, None)


def mails_blueprint(mails: Handler[Mail], views: Views) -> Blueprint:
    routes = Blueprint("mails", __name__)

    @routes.get("/mails")
    @require("operator")
    @routes.arguments(MailsQuery, location="query")
    @routes.response(200, MailsSchema)
    def show_mails(query: dict[str, Any]) -> Response:
        """The newest mails, from a view: may lag behind by moments."""
        wanted = {name: value for name in ("contract", "state") if (value := query[name]) is not None}
        rows = views.find(
            MAILS.name, wanted | {"queued": {"$ne": None}}, sort=[("queued_at", -1)], limit=query["limit"]
        )
        return reply({"items": [shown_mail(row) for row in rows]})

    @routes.post("/mails/<mail_id>/retry")
    @require("operator")
    @routes.takes_nothing
    @routes.response(202, RetriedSchema)
    def retry(mail_id: str) -> Response:
        """Tries a mail that was given up again, at once and from the beginning of its plan."""
        if views.one(MAILS.name, mail_id) is None:
            raise NotFound("not-found")
        outcome = mails.handle(mail_id, RetryMail(mail_id, now()), origin(), once=once())
        return reply({"id": mail_id, "state": outcome.state.state}, 202)

    return routes


def contracted(notice: Notice) -> Notice:
    """The notice, or NotFound where the option is not contracted: its pages are hidden, its history stays."""
    if not notice.contracted:
        raise NotFound("not-found")
    return notice
