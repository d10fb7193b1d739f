"""The JSON of faxes and of FAX mail settings, and the form in which a fax comes (spec sections 8, 9 and 12)."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from marshmallow import ValidationError, fields, post_load, validate

from chassis.answers import Answer
from chassis.errors import NotFound, Rejected
from chassis.fields import TypedNumber
from chassis.mail_address import MailAddress, distinct_addresses
from chassis.views import Row
from chassis.web import Body, Boolean, FieldError, Query
from contracts import phone
from contracts.faxstore import DeleteCause, FaxMailChanged, MediaType
from contracts.phone import shown as grouped
from services.faxstore.adapters import Arriving
from services.faxstore.flows import Sent
from services.faxstore.model.fax import Fax, there
from services.faxstore.model.setting import EditFaxMail, FaxDeletionNoted, FaxMail
from services.faxstore.views import fax_of

# More than the rule allows, so that it is the rule that says how many are too many.
MOST_LISTED = 100
# What a receiver calls a fax: one part of a path, and of a link in a mail, as it is.
FAX_ID = validate.Regexp(r"^[A-Za-z0-9][A-Za-z0-9._:@+~-]{0,127}\Z")
# No clock that is right shows anything else, and every time zone fits around it.
TIMES = validate.Range(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class FaxMailBody(Body):
    """What PUT takes; a field that is missing stays as it is."""

    started = Boolean()
    addresses = fields.List(MailAddress(), validate=[validate.Length(max=MOST_LISTED), distinct_addresses])

    @post_load
    def command(self, data: dict[str, Any], **_: Any) -> EditFaxMail:
        return EditFaxMail(data.get("started"), tuple(data["addresses"]) if "addresses" in data else None)


class FaxMailSchema(Answer):
    """What is answered of a FAX mail, and what PUT takes back."""

    started = fields.Boolean()
    addresses = fields.List(fields.String())


def shown(mail: FaxMail) -> dict[str, Any]:
    return {"started": mail.started, "addresses": list(mail.addresses)}


class Caller(TypedNumber):
    """Who sent the fax; empty is nobody known. What cannot call is refused."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        number = super()._deserialize(value, attr, data, **kwargs)
        if number and (refusal := phone.caller_refusal(number)):
            raise ValidationError(refusal)
        return number


class Document(fields.Field[Any]):
    """The part of the form that is a file."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Arriving:
        if not isinstance(value, Arriving):
            raise ValidationError("not-a-file")
        return value


class FaxBody(Body):
    """What a receiver sends. `caller` missing or empty: the number was withheld."""

    id = fields.String(required=True, validate=FAX_ID)
    called = TypedNumber(phone.normalise, required=True)
    caller = Caller(phone.normalise, load_default="")
    received_at = fields.AwareDateTime(required=True, validate=TIMES)
    document = Document(required=True)

    @post_load
    def sent(self, data: dict[str, Any], **_: Any) -> tuple[Sent, Arriving]:
        at = data["received_at"].astimezone(UTC)
        return Sent(data["id"], data["called"], data["caller"] or None, at), data["document"]


# What the documentation says of it.
FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["id", "called", "received_at", "document"],
                "properties": {
                    "id": {"type": "string", "description": "The receiver's own name of the fax; the same is one."},
                    "called": {"type": "string"},
                    "caller": {"type": "string", "description": "Missing or empty: the number was withheld."},
                    "received_at": {"type": "string", "format": "date-time"},
                    "document": {
                        "type": "string",
                        "format": "binary",
                        "description": "TIFF in G3 or G4, or PDF, as its content says; up to 20 MB.",
                    },
                },
            }
        }
    },
}


class ReceiptSchema(Answer):
    """What became of a fax that was sent."""

    id = fields.String()
    status = fields.String(validate=validate.OneOf(("stored", "duplicate")))


class FaxItemSchema(Answer):
    """A fax of the list. `size` in bytes, as it was sent."""

    id = fields.String()
    caller = fields.String(allow_none=True)
    received_at = fields.AwareDateTime()
    pages = fields.Integer()
    size = fields.Integer()
    read = fields.Boolean()


class FaxListSchema(Answer):
    """A page of the list, newest first; `next` is the `before` of the page after it, null at the end."""

    items = fields.List(fields.Nested(FaxItemSchema))
    next = fields.String(allow_none=True)


class FaxSchema(FaxItemSchema):
    """The record of a fax. `shown`: whether its PDF and its pictures are there; `type`: of the document as sent."""

    number = fields.String()
    type = fields.String(validate=validate.OneOf(get_args(MediaType)))
    shown = fields.String(validate=validate.OneOf(("yes", "not-yet", "never")))


class FaxesQuery(Query):
    """`limit` faxes older than `before`, which is the `next` of the page before."""

    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))
    before = fields.String(load_default="", validate=validate.Length(max=160))

    @post_load
    def place(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return data | {"before": _place(data["before"]) if data["before"] else None}


_PLACE = re.compile(r"(\d{12,13})-([A-Za-z0-9][A-Za-z0-9._:@+~-]{0,127})", re.ASCII)


def _place(cursor: str) -> tuple[datetime, str]:
    found = _PLACE.fullmatch(cursor)
    if found is None:
        raise ValidationError("wrong-format", "before")
    return _EPOCH + timedelta(milliseconds=int(found[1])), found[2]


def _cursor(row: Row) -> str:
    return f"{(row['received_at'] - _EPOCH) // timedelta(milliseconds=1)}-{row['_id']}"


def shown_page(rows: list[Row], limit: int) -> dict[str, Any]:
    items = rows[:limit]
    return {"items": [shown_item(fax_of(row)) for row in items], "next": _cursor(items[-1]) if rows[limit:] else None}


def shown_item(fax: Fax) -> dict[str, Any]:
    received = there(fax)
    return {
        "id": received.fax_id,
        "caller": received.caller,
        "received_at": received.received_at.isoformat(),
        "pages": received.pages,
        "size": received.size,
        "read": fax.read,
    }


def shown_fax(fax: Fax) -> dict[str, Any]:
    received, can = there(fax), "yes" if fax.copies_id else "never" if fax.failure else "not-yet"
    return {**shown_item(fax), "number": received.number, "type": received.media_type, "shown": can}


def page_of(fax: Fax, page: str) -> int:
    """A page of the fax as a path names it; NotFound for any other."""
    if not re.fullmatch(r"[1-9][0-9]{0,5}", page) or int(page) > there(fax).pages:
        raise NotFound("not-found")
    return int(page)


_ENDINGS: dict[MediaType, str] = {"image/tiff": "tif", "application/pdf": "pdf"}
# Japan has one time zone and no summer time.
_TOKYO = timedelta(hours=9)


def file_name(fax: Fax, part: str) -> str:
    """When it came in, in Japan's time, and to which number. Nothing of it was chosen by who sent it."""
    received = there(fax)
    local = received.received_at + _TOKYO
    ending = _ENDINGS[received.media_type] if part == "document" else part
    return f"fax-{local:%Y%m%d-%H%M%S}-{received.number}.{ending}"


def one_of_each(names: list[str]) -> None:
    """Refuses a form that has a field twice: which of them is meant?"""
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise Rejected("invalid-body", errors=[FieldError(name, "repeated-field") for name in repeated])


_DELETIONS: dict[DeleteCause, tuple[str, str]] = {
    "manual": ("FAXを削除しました", "A fax was deleted"),
    "expired": ("保存期間が過ぎたFAXを削除しました", "A fax was deleted as its time was over"),
}


def told(event: Any) -> tuple[str, str] | None:
    """What the history says of an event, in Japanese and English; None for what is the service's own."""
    match event:
        case FaxMailChanged(started=started, addresses=addresses):
            ja, en = ("開始", "on") if started else ("停止", "off")
            count = len(addresses)
            return (
                f"FAXお知らせメールを変更しました（{ja}、宛先{count}件）",
                f"FAX mail is {en}, with {count} addresses",
            )
        case FaxDeletionNoted():
            return _deleted(event)
    return None


def _deleted(event: FaxDeletionNoted) -> tuple[str, str]:
    at, (ja, en) = event.received_at + _TOKYO, _DELETIONS[event.cause]
    sender = grouped(event.caller) if event.caller else ""
    return (
        f"{ja}（{at.year}年{at.month}月{at.day}日{at:%H:%M}受信、送信元 {sender or '非通知'}）",
        f"{en}: received {at:%b} {at.day}, {at:%Y, %H:%M}, from {sender or 'a withheld number'}",
    )
