"""Who changed what, when and from where: read straight from a stream's commits, newest first."""

from collections.abc import Callable, Collection
from typing import Any, get_args

import msgspec
from marshmallow import fields, validate

from chassis.answers import Answer, WordsSchema
from chassis.auth import Principal
from chassis.bodies import Query
from chassis.handling import Handler
from chassis.messages import ActorKind, Recorded

Sentence = Callable[[Any], tuple[str, str] | None]
MOST = 200


class BySchema(Answer):
    """Who did something, and from which address."""

    kind = fields.String(validate=validate.OneOf(get_args(ActorKind)))
    id = fields.String()
    source = fields.String(data_key="from")


class HistoryItemSchema(Answer):
    """One event, as it was recorded and in words."""

    id = fields.String()
    at = fields.AwareDateTime()
    by = fields.Nested(BySchema)
    event = fields.String()
    data = fields.Dict()
    sentence = fields.Nested(WordsSchema)


class HistorySchema(Answer):
    """A page of a history, newest first; `next` is the `before` of the page after it, null at the end."""

    items = fields.List(fields.Nested(HistoryItemSchema))
    next = fields.String(allow_none=True)


class HistoryQuery(Query):
    """`limit` items older than the item `before`, which is the `next` of the page before."""

    limit = fields.Integer(load_default=50, validate=validate.Range(1, MOST))
    before = fields.String(load_default="", validate=validate.Regexp(r"^(\d{1,10}\.\d{1,4})?$"))


def page(
    handler: Handler[Any], id: str, sentence: Sentence, *, limit: int, before: str, hidden: Collection[str] = ()
) -> dict[str, Any]:
    """`{"items": [...], "next": ...}` (spec section 12). Costs the page, not the history.

    Events for which `sentence` gives None are for the service alone and are left out, so a page may hold fewer items
    than `limit` and still have a `next`. So are fields of the names `hidden`.
    """
    revision = int(before.split(".", maxsplit=1)[0]) + 1 if before else 0
    # The commit of `before` itself is read again, as a part of its events may be older.
    commits = limit + (2 if before else 1)
    events = [one for one in handler.history(id, revision, commits) if not before or one.sequence < before]
    looked_at = events[:limit]
    items = [_item(one, words, hidden) for one in looked_at if (words := sentence(one.event))]
    return {"items": items, "next": looked_at[-1].sequence if len(events) > limit else None}


def as_read_by(caller: Principal, sentence: Sentence) -> Sentence:
    """For streams of numbers: a customer reads nothing of the number's time in other contracts, as the events name
    them."""

    def told(event: Any) -> tuple[str, str] | None:
        foreign = getattr(event, "contract_number", "") != caller.contract_number
        return None if caller.kind == "customer" and foreign else sentence(event)

    return told


def _item(recorded: Recorded, words: tuple[str, str], hidden: Collection[str]) -> dict[str, Any]:
    data = msgspec.to_builtins(recorded.event)
    return {
        "id": recorded.id,
        "at": recorded.at.isoformat(),
        "by": {"kind": recorded.actor.kind, "id": recorded.actor.id, "from": recorded.actor.source},
        "event": recorded.type,
        "data": {name: value for name, value in data.items() if name not in hidden},
        "sentence": {"ja": words[0], "en": words[1]},
    }
