"""The HTTP routes of notify: notices, incoming-call mails and refused addresses for customers, the mail queue for
operators."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from flask import Response

from chassis import history
from chassis.errors import NotFound
from chassis.handling import Handler
from chassis.headers import IDEMPOTENCY_KEY, takes
from chassis.messages import now
from chassis.setting import Setting, add_overview
from chassis.views import Row, Views
from chassis.web import Blueprint, once, origin, owns_contract, owns_number, principal, reply, require
from contracts.switched import SwitchedOn, told
from services.notify.flows import Addresses, Trials
from services.notify.model.incoming import EditIncoming, Incoming
from services.notify.model.mail import Mail, RetryMail
from services.notify.model.notice import EditNotice, Notice
from services.notify.schemas import (
    IncomingBody,
    IncomingSchema,
    MailsQuery,
    MailsSchema,
    NoticeBody,
    NoticeSchema,
    RetriedSchema,
    TrialSchema,
    UndeliverablesSchema,
    sentence,
    shown,
    shown_incoming,
    shown_mail,
    undeliverable,
)
from services.notify.views import FAX_MAILS, MAILS

# What belongs to an option.
OfOption = TypeVar("OfOption", Notice, Incoming)
WORDS = {
    "all-or-some": (
        "「すべて」を選ぶときは、ほかの条件を外してください。",
        "`all` stands alone, without other conditions.",
    ),
    "caller-not-allowed": ("発信者の電話番号を確かめてください。", "Some of the callers are no phone numbers."),
    "mail-not-failed": (
        "送信に失敗したメールと、送信を止めたメールだけを再送できます。",
        "Only a mail that was given up or suppressed can be retried.",
    ),
    "no-addresses": ("送信先のメールアドレスを先に登録してください。", "Add a mail address first."),
    "no-condition": ("お知らせする電話を選んでください。", "Choose which calls to tell of."),
    "repeated-condition": ("同じ条件が2回あります。", "The same condition is listed twice."),
    "too-many-addresses": (
        "登録できるメールアドレスは、故障・回復通知では10件まで、着信お知らせメールでは5件までです。",
        "A fault notice has up to 10 addresses, an incoming-call mail up to 5.",
    ),
    "too-many-callers": ("発信者は30件まで登録できます。", "Up to 30 callers can be listed."),
    "too-many-test-mails": (
        "テストメールは10分間に5回まで送信できます。時間をおいてお試しください。",
        "A test mail can be sent 5 times in 10 minutes. Please try again later.",
    ),
}


def notices_blueprint(notices: Handler[Notice], addresses: Addresses, trials: Trials) -> Blueprint:
    routes = Blueprint("fault-notice", __name__, url_prefix="/contracts/<contract_number>")

    setting = Setting(
        notices,
        lambda notice: shown(contracted(notice)) | undeliverable(addresses.refused(notice.addresses)),
        lambda _, command: addresses.complete(replace(command, now=_asked_now())),
        lambda _, outcome: addresses.restore(outcome, origin()),
    )
    setting.add_routes(
        routes, "/fault-notice", owns_contract, body=NoticeBody, answer=NoticeSchema, start=_start, stop=_stop
    )

    @routes.post("/fault-notice/test-mail")
    @owns_contract
    @routes.takes_nothing
    @routes.response(202, TrialSchema)
    @takes(IDEMPOTENCY_KEY)
    def send_test_mail(contract_number: str) -> Response:
        """A mail to each address, worded as a test; also while the notice is stopped. 5 times in 10 minutes."""
        ordered = trials.order(contract_number, uuid.uuid4().hex, origin(), once(), now())
        return reply({"addresses": ordered}, 202)

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


def incoming_blueprint(numbers: Handler[Incoming], notices: Handler[Notice], addresses: Addresses) -> Blueprint:
    routes = Blueprint("incoming-mail", __name__)

    setting = Setting(
        numbers,
        lambda incoming: (
            shown_incoming(contracted(incoming)) | undeliverable(addresses.refused(incoming.settings.addresses))
        ),
        lambda _, command: addresses.complete(replace(command, now=_asked_now())),
        lambda _, outcome: addresses.restore(outcome, origin()),
    )
    setting.add_routes(
        routes,
        "/numbers/<number>/incoming-mail",
        owns_number,
        body=IncomingBody,
        answer=IncomingSchema,
        start=_start_incoming,
        stop=_stop_incoming,
    )
    add_overview(
        routes,
        "/me/incoming-mail",
        lambda all: _glances(numbers, all),
        "Of each number: is it started, since when and by whom; of the contract: the same of its fault notice.",
        lambda contract: _notice_glance(notices, contract),
    )

    @routes.get("/numbers/<number>/history")
    @owns_number
    @routes.arguments(history.HistoryQuery, location="query")
    @routes.response(200, history.HistorySchema)
    def show_number_history(query: dict[str, Any], number: str) -> Response:
        """What was changed of the incoming-call mail, by whom and when, and what was mailed, newest first."""
        return reply(history.page(numbers, number, history.as_read_by(principal(), sentence), **query))

    return routes


def _asked_now() -> SwitchedOn:
    return SwitchedOn(now(), origin().actor.kind)


def _glances(numbers: Handler[Incoming], asked: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Of those that have the option; one look at all of their streams."""
    found = {number: state.settings for number, state in numbers.read_many(asked).items() if state.contracted}
    return {number: {"started": one.started, **told(one.on)} for number, one in found.items()}


def _notice_glance(notices: Handler[Notice], contract_number: str) -> dict[str, dict[str, Any]]:
    notice = notices.read(contract_number).state
    return {"fault-notice": {"started": notice.started, **told(notice.on)}} if notice.contracted else {}


def _start_incoming() -> EditIncoming:
    """Mails are sent of the calls that end from now on."""
    return EditIncoming(started=True)


def _stop_incoming() -> EditIncoming:
    """No more mails; what is in the queue is still sent."""
    return EditIncoming(started=False)


def fax_mail_blueprint(fax_mails: Views, addresses: Addresses) -> Blueprint:
    routes = Blueprint("fax-mail", __name__)

    @routes.get("/numbers/<number>/fax-mail/undeliverable")
    @owns_number
    @routes.response(200, UndeliverablesSchema)
    def show_undeliverable(number: str) -> Response:
        """The addresses of the number's FAX mail that get no mails, as a mail server refused them for good. Of the
        settings it may lag behind by moments; to save them has each address tried again."""
        found = addresses.refused(_fax_addresses(fax_mails.one(FAX_MAILS.name, number)))
        return reply({"undeliverable": [], **undeliverable(found)})

    return routes


def _fax_addresses(row: Row | None) -> Sequence[str]:
    """None of another contract's, that had the number before."""
    caller = principal()
    elsewhere = row and caller.kind == "customer" and caller.contract_number != row["contract_number"]
    addresses: Sequence[str] = row["addresses"] if row and not elsewhere else ()
    return addresses


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
    @takes(IDEMPOTENCY_KEY)
    def retry(mail_id: str) -> Response:
        """Tries a mail that was given up or suppressed again, at once and from the beginning of its plan."""
        if views.one(MAILS.name, mail_id) is None:
            raise NotFound("not-found")
        outcome = mails.handle(mail_id, RetryMail(mail_id, now()), origin(), once=once())
        return reply({"id": mail_id, "state": outcome.state.state}, 202)

    return routes


def contracted(state: OfOption) -> OfOption:
    """The state, or NotFound where the option is not contracted: its pages are hidden, its history stays."""
    if not state.contracted:
        raise NotFound("not-found")
    return state
