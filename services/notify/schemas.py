"""The JSON of fault notices, of incoming-call mails and of the mail queue (spec sections 9 and 12)."""

from collections.abc import Mapping
from typing import Any, get_args

from marshmallow import ValidationError, fields, post_load, validate

from chassis.answers import Answer
from chassis.fields import TypedNumber, one_line
from chassis.mail_address import MailAddress, distinct_addresses
from chassis.views import Row
from chassis.web import Body, Boolean, Query
from contracts import phone
from contracts.notify import (
    CallCondition,
    CallerMode,
    FaultNoticeChanged,
    FaxMailQueued,
    IncomingMailChanged,
    IncomingMailQueued,
    MailFailed,
    MailQueued,
    MailSent,
    MailSuppressed,
    TrialMailQueued,
)
from services.notify.model.address import Address as KnownAddress
from services.notify.model.incoming import EditIncoming, Incoming
from services.notify.model.letters import Kind, kind_of
from services.notify.model.notice import EditNotice, Notice
from services.notify.views import owed_of

# More than the rule allows, so that it is the rule that says how many are too many.
MOST_LISTED = 100
STATES = ("queued", "sent", "failed", "suppressed")
MAIL_KINDS = get_args(Kind)
# Of a label.
MOST_LETTERS = 50


class NoticeBody(Body):
    """What PUT takes; a field that is missing stays as it is. `undeliverable` may be sent back and is ignored."""

    started = Boolean()
    contractor = fields.String(validate=[validate.Length(max=100), one_line])
    site = fields.String(validate=[validate.Length(max=100), one_line])
    addresses = fields.List(MailAddress(), validate=[validate.Length(max=MOST_LISTED), distinct_addresses])
    undeliverable = fields.Raw(allow_none=True)

    @post_load
    def command(self, data: dict[str, Any], **_: Any) -> EditNotice:
        addresses = tuple(data["addresses"]) if "addresses" in data else None
        return EditNotice(data.get("started"), data.get("contractor"), data.get("site"), addresses)


class Listed(Body):
    """A caller of the list with the customer's own word for it."""

    number = TypedNumber(phone.normalise, required=True)
    label = fields.String(load_default="", validate=[validate.Length(max=MOST_LETTERS), one_line])


# Documented so; a bare number is one without a label.
_NUMBER = {"type": "string", "description": "Digits only; from abroad with +."}
_LISTED = {
    "oneOf": [
        _NUMBER,
        {"type": "object", "properties": {"number": _NUMBER, "label": {"type": "string"}}, "required": ["number"]},
    ]
}


class ListedCaller(fields.Field[Any]):
    """Number and label, from an object of them or from a bare number."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[str, str]:
        if isinstance(value, str):
            value = {"number": value}
        if not isinstance(value, Mapping):
            raise ValidationError("wrong-type")
        caller = Listed().load(value)
        return caller["number"], caller["label"]


def _distinct_callers(callers: list[tuple[str, str]]) -> None:
    if len({number for number, _ in callers}) != len(callers):
        raise ValidationError("repeated-number")


class CallersBody(Body):
    """Whose calls are told of; a field that is missing stays as it is."""

    mode = fields.String(validate=validate.OneOf(get_args(CallerMode)))
    numbers = fields.List(
        ListedCaller(metadata=_LISTED), validate=[validate.Length(max=MOST_LISTED), _distinct_callers]
    )
    anonymous = Boolean()


def _all_or_some(when: list[str]) -> None:
    if not when:
        raise ValidationError("no-condition")
    if len(set(when)) != len(when):
        raise ValidationError("repeated-condition")
    if "all" in when and len(when) > 1:
        raise ValidationError("all-or-some")


class IncomingBody(Body):
    """What PUT takes; a field that is missing stays as it is. `undeliverable` may be sent back and is ignored."""

    started = Boolean()
    addresses = fields.List(MailAddress(), validate=[validate.Length(max=MOST_LISTED), distinct_addresses])
    when = fields.List(fields.String(validate=validate.OneOf(get_args(CallCondition))), validate=_all_or_some)
    callers = fields.Nested(CallersBody)
    undeliverable = fields.Raw(allow_none=True)

    @post_load
    def command(self, data: dict[str, Any], **_: Any) -> EditIncoming:
        callers = data.get("callers", {})
        return EditIncoming(
            data.get("started"),
            tuple(data["addresses"]) if "addresses" in data else None,
            tuple(data["when"]) if "when" in data else None,
            callers.get("mode"),
            dict(callers["numbers"]) if "numbers" in callers else None,
            callers.get("anonymous"),
        )


class MailsQuery(Query):
    """Which mails an operator wants to see."""

    contract = fields.String(load_default=None)
    state = fields.String(load_default=None, validate=validate.OneOf(STATES))
    limit = fields.Integer(load_default=100, validate=validate.Range(1, 1000))

    @post_load
    def digits_only(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return data | {"contract": phone.normalise(data["contract"])} if data["contract"] else data


class UndeliverableSchema(Answer):
    """An address to which no mail goes, since when, and what its mail server said."""

    address = fields.String()
    since = fields.AwareDateTime()
    answer = fields.String()


class UndeliverablesSchema(Answer):
    """The addresses that get no mails; empty as long as none was refused."""

    undeliverable = fields.List(fields.Nested(UndeliverableSchema))


class NoticeSchema(Answer):
    """What is answered of a notice, and what PUT takes back. `undeliverable` is there when an address was refused."""

    sometimes = ("undeliverable",)

    started = fields.Boolean()
    contractor = fields.String()
    site = fields.String()
    addresses = fields.List(fields.String())
    undeliverable = fields.List(fields.Nested(UndeliverableSchema))


class TrialSchema(Answer):
    """The addresses that get a test mail."""

    addresses = fields.List(fields.String())


class CallersSchema(Answer):
    """Whose calls are told of. `numbers` are bare as long as no label is given; with one, all are objects."""

    mode = fields.String(validate=validate.OneOf(get_args(CallerMode)))
    numbers = fields.List(fields.Raw(metadata=_LISTED))
    anonymous = fields.Boolean()


class IncomingSchema(Answer):
    """What is answered of an incoming-call mail, and what PUT takes back. `undeliverable` as of a notice."""

    sometimes = ("undeliverable",)

    started = fields.Boolean()
    addresses = fields.List(fields.String())
    when = fields.List(fields.String(validate=validate.OneOf(get_args(CallCondition))))
    callers = fields.Nested(CallersSchema)
    undeliverable = fields.List(fields.Nested(UndeliverableSchema))


class MailSchema(Answer):
    """One mail of the queue; `answer` is what the mail server last said."""

    id = fields.String()
    contract_number = fields.String()
    kind = fields.String(validate=validate.OneOf(MAIL_KINDS))
    to = fields.String()
    queued_at = fields.AwareDateTime()
    state = fields.String(validate=validate.OneOf(STATES))
    attempts = fields.Integer()
    next_at = fields.AwareDateTime(allow_none=True)
    answer = fields.String()


class MailsSchema(Answer):
    """The newest mails."""

    items = fields.List(fields.Nested(MailSchema))


class RetriedSchema(Answer):
    """A mail that is tried again."""

    id = fields.String()
    state = fields.String(validate=validate.OneOf(STATES))


def shown(notice: Notice) -> dict[str, Any]:
    """What GET answers."""
    return {
        "started": notice.started,
        "contractor": notice.contractor,
        "site": notice.site,
        "addresses": list(notice.addresses),
    }


def shown_incoming(incoming: Incoming) -> dict[str, Any]:
    """What GET answers."""
    settings = incoming.settings
    labels = settings.callers
    objects = [{"number": number, "label": label} for number, label in labels.items()]
    return {
        "started": settings.started,
        "addresses": list(settings.addresses),
        "when": list(settings.when),
        "callers": {
            "mode": settings.mode,
            "numbers": objects if any(labels.values()) else list(labels),
            "anonymous": settings.anonymous,
        },
    }


def undeliverable(refused: Mapping[str, KnownAddress]) -> dict[str, Any]:
    """What GET answers besides, when there is something to say."""
    items = [
        {"address": address, "since": known.refused_since.isoformat(), "answer": known.answer}
        for address, known in refused.items()
        if known.refused_since
    ]
    return {"undeliverable": items} if items else {}


def shown_mail(row: Row) -> dict[str, Any]:
    """One mail as an operator sees it: its state, its tries, and what the mail server last said."""
    queued: Mapping[str, Any] = row["queued"]
    return {
        "id": row["_id"],
        "contract_number": queued["contract_number"],
        "kind": kind_of(owed_of(row)),
        "to": queued["address"],
        "queued_at": row["queued_at"].isoformat(),
        "state": row["state"],
        "attempts": row["attempts"],
        "next_at": row["due_at"].isoformat() if row["due_at"] else None,
        "answer": row["answer"],
    }


def sentence(event: Any) -> tuple[str, str] | None:
    """What the history says of an event, in Japanese and English; None for what is the service's own."""
    match event:
        case FaultNoticeChanged(started=started, addresses=addresses):
            ja, en = ("開始", "on") if started else ("停止", "off")
            count = len(addresses)
            return (
                f"故障・回復通知を変更しました（{ja}、宛先{count}件）",
                f"Fault notice is {en}, with {count} addresses",
            )
        case MailQueued(kind=kind):
            ja, en = ("故障", "fault") if kind == "fault" else ("回復", "recovery")
            return f"{ja}のお知らせメールを用意しました", f"A {en} mail was queued"
        case IncomingMailChanged(started=started, addresses=addresses):
            ja, en = ("開始", "on") if started else ("停止", "off")
            count = len(addresses)
            return (
                f"着信お知らせメールを変更しました（{ja}、宛先{count}件）",
                f"Incoming-call mail is {en}, with {count} addresses",
            )
        case IncomingMailQueued():
            return "着信のお知らせメールを用意しました", "A mail about a call was queued"
        case FaxMailQueued():
            return "FAX受信のお知らせメールを用意しました", "A mail about a fax was queued"
        case TrialMailQueued():
            return "テストメールを用意しました", "A test mail was queued"
        case MailSent():
            return "お知らせメールを送信しました", "A mail was sent"
        case MailFailed():
            return "お知らせメールを送信できませんでした", "A mail could not be sent"
        case MailSuppressed():
            return (
                "宛先に届かないため、お知らせメールの送信を止めました",
                "A mail was held back, as its address was refused",
            )
    return None
