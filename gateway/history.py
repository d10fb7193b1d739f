"""One history of a contract out of those of several services, newest first.

Each service tells the history of its own streams in pages. Here they are merged by time; within a service its own
order is kept, because clocks may jump and the order of a stream does not.
"""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from chassis.errors import FieldError, Rejected

Page = Mapping[str, Any]
# A page of one service's history; "" is the newest.
Fetch = Callable[[str, str], Page]
Item = Mapping[str, Any]


@dataclass
class _Source:
    """One service's history as far as it is known. `place` is what the next merged page must ask it for."""

    owner: str
    place: str
    items: list[Item] = field(default_factory=list)
    next: str | None = None

    def take_in(self, page: Page) -> None:
        self.items = list(reversed(page["items"]))
        self.next = page["next"]

    def take(self) -> Item:
        item = self.items.pop()
        self.place = _place(item)
        return item


def merged(owners: Sequence[str], fetch: Fetch, limit: int, before: str) -> Page:
    """`{"items": [...], "next": cursor | None}` with at most `limit` items; `before` is the `next` of an earlier page.

    `fetch(owner, place)` gives that service's page of at least one item, unless it has only hidden ones there.
    Raises Rejected for a cursor that is none of ours.
    """
    places = _places(before, owners)
    sources = [_Source(owner, place) for owner, place in places.items()]
    for source in sources:
        source.take_in(fetch(source.owner, source.place))
    items: list[Item] = []
    while len(items) < limit and (newest := _newest(sources, fetch)):
        items.append(newest.take())
    left = {source.owner: source.place for source in sources if source.items or source.next}
    return {"items": items, "next": _cursor(left) if left else None}


def _newest(sources: Sequence[_Source], fetch: Fetch) -> _Source | None:
    """The source whose next item is the newest of all; None when all are at their end."""
    for source in sources:
        while not source.items and source.next:
            source.place = source.next
            source.take_in(fetch(source.owner, source.next))
    waiting = [source for source in sources if source.items]
    return max(waiting, key=lambda source: datetime.fromisoformat(source.items[-1]["at"]), default=None)


def _place(item: Item) -> str:
    """Where an item stands in its stream, as the services' `before` wants it.

    An item's id ends in it: `<stream>@<revision>.<index>`.
    """
    revision, index = item["id"].rpartition("@")[2].split(".")
    return f"{int(revision):010d}.{int(index):04d}"


def _cursor(places: Mapping[str, str]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(places)).decode().rstrip("=")


def _places(cursor: str, owners: Sequence[str]) -> dict[str, str]:
    if not cursor:
        return dict.fromkeys(owners, "")
    try:
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        places = msgspec.json.decode(data, type=dict[str, str])
    except (ValueError, binascii.Error, msgspec.DecodeError):
        places = {"": ""}
    if not set(places) <= set(owners):
        raise Rejected("invalid-query", errors=[FieldError("before", "wrong-format")])
    return places
