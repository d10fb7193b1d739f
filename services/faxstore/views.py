"""The faxes as rows: the list that a customer sees, and what is left to do of each. Made from our own events.

A row has the whole state of its fax. The web process puts a change into it before it answers (`flows.Shelf`), so that
the very next list shows it; what it could not put there the projector does a moment later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from chassis.messages import Recorded
from chassis.views import Row, View
from services.faxstore.model.fax import Event, Fax, evolve

Chore = Literal["wanted-copies", "copies", "removal"]


@dataclass(frozen=True)
class FaxNow:
    """No event of anybody: the state after a command, as the web process puts it into the row at once."""

    fax_id: str
    state: Fax


def keys_fax(recorded: Recorded) -> Sequence[str]:
    """A fax is a stream, so events that do not name it are of the fax that the stream is named after."""
    event = recorded.event
    return [event.fax_id] if isinstance(event, FaxNow) else [recorded.stream.removeprefix("fax-")]


def fold_fax(row: Row | None, recorded: Recorded) -> Row:
    """`there`: it can be seen. `chore` is what the worker has to do, None when nothing."""
    before = fax_of(row) if row else Fax()
    return _row(_after(before, recorded.event))


def _after(fax: Fax, event: Event | FaxNow) -> Fax:
    return event.state if isinstance(event, FaxNow) else evolve(fax, event)


def _row(fax: Fax) -> Row:
    received = fax.received
    return {
        "number": received.number if received else None,
        "contract_number": received.contract_number if received else None,
        "received_at": received.received_at if received else None,
        "stored_at": fax.stored_at,
        "there": received is not None and not fax.deleted,
        "read": fax.read,
        "chore": chore_of(fax),
        "state": msgspec.to_builtins(fax),
    }


def chore_of(fax: Fax) -> Chore | None:
    if fax.deleted:
        return "removal" if fax.content_id else None
    if not fax.content_id or fax.copies_id or fax.failure:
        return None
    return "wanted-copies" if fax.wanted else "copies"


def fax_of(row: Row) -> Fax:
    """The state of the fax, as the row has it."""
    return msgspec.convert(row["state"], Fax)


NEWEST_FIRST = (("received_at", -1), ("_id", -1))
FAXES = View(
    "faxes",
    frozenset(
        {
            "FaxReceived",
            "FaxDeleted",
            "ContentKept",
            "ContentRemoved",
            "FaxMarked",
            "CopiesWanted",
            "CopiesMade",
            "CopiesFailed",
            FaxNow.__name__,
        }
    ),
    keys_fax,
    fold_fax,
    indexes=(
        (("number", 1), ("contract_number", 1), ("there", 1), *NEWEST_FIRST),
        (("chore", 1), ("stored_at", 1)),
        (("there", 1), ("stored_at", 1)),
    ),
)
