"""One fax: taken once, read or not, deleted once (spec section 8).

Its content lies beside the commits, under a name that each try to take the fax has of its own. Which of them counts is
decided here, in one stream, so that no clock and no luck can take away the content of a fax that was acknowledged: the
first to come of `ReceiveFax` and `AbandonContent` for a name wins, for ever. So it is with the copies made from it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from chassis.decider import Decider, replace
from chassis.errors import Conflict, NotFound, Unavailable
from contracts.faxstore import DeleteCause, FaxDeleted, FaxReceived

CATEGORY = "fax"


@dataclass(frozen=True)
class ContentKept:
    """Where the document lies, and since when; in one commit with the `FaxReceived` that it belongs to."""

    content_id: str
    at: datetime


@dataclass(frozen=True)
class ContentAbandoned:
    """This content belongs to no fax and never will."""

    content_id: str


@dataclass(frozen=True)
class ContentRemoved:
    """Nothing is left of the document and of what was made from it."""


@dataclass(frozen=True)
class FaxMarked:
    """The customer has read it, or wants it to look unread."""

    read: bool


@dataclass(frozen=True)
class CopiesWanted:
    """Somebody has looked at it before it could be shown."""


@dataclass(frozen=True)
class CopiesMade:
    """It can be shown: as PDF, and each page as a picture. All lie under this name."""

    copies_id: str


@dataclass(frozen=True)
class CopiesFailed:
    """It cannot be shown, only handed out as it was sent."""

    code: str


Event = (
    FaxReceived
    | FaxDeleted
    | ContentKept
    | ContentAbandoned
    | ContentRemoved
    | FaxMarked
    | CopiesWanted
    | CopiesMade
    | CopiesFailed
)
PRIVATE_EVENTS = (ContentKept, ContentAbandoned, ContentRemoved, FaxMarked, CopiesWanted, CopiesMade, CopiesFailed)


@dataclass(frozen=True)
class Fax:
    """A fax; `received` is None before it came. `content_id` is "" before that and when nothing is left of it.

    `copies_id` is "" as long as there are none, `failure` says why there never will be; `wanted`: somebody waits for
    them. `abandoned` are the contents of tries that came to nothing.
    """

    received: FaxReceived | None = None
    content_id: str = ""
    stored_at: datetime | None = None
    read: bool = False
    deleted: bool = False
    copies_id: str = ""
    failure: str = ""
    abandoned: tuple[str, ...] = ()
    wanted: bool = False


@dataclass(frozen=True)
class ReceiveFax:
    """The receiver hands it over; its content lies under `content_id` already."""

    fax: FaxReceived
    content_id: str
    at: datetime


@dataclass(frozen=True)
class DeleteFax:
    """The customer wants it gone."""


@dataclass(frozen=True)
class ExpireFax:
    """It goes when it is kept since `before` or longer."""

    before: datetime


@dataclass(frozen=True)
class MarkFax:
    """Read, or unread again."""

    read: bool


@dataclass(frozen=True)
class WantCopies:
    """Somebody looks at it. Changes nothing once it can be shown, or never can."""


@dataclass(frozen=True)
class NoteCopies:
    """What it is shown by is made."""

    copies_id: str


@dataclass(frozen=True)
class NoteFailure:
    """It cannot be shown."""

    code: str


@dataclass(frozen=True)
class AbandonContent:
    """A try to take this fax, or to make its copies, is over. Unless it succeeded, what it kept is nobody's."""

    content_id: str


@dataclass(frozen=True)
class NoteRemoval:
    """All content is gone."""


Command = (
    ReceiveFax | DeleteFax | ExpireFax | MarkFax | WantCopies | NoteCopies | NoteFailure | AbandonContent | NoteRemoval
)


def evolve(fax: Fax, event: Event) -> Fax:
    match event:
        case FaxReceived():
            return replace(fax, received=event)
        case ContentKept(content_id, at):
            return replace(fax, content_id=content_id, stored_at=at)
        case ContentAbandoned(content_id):
            return replace(fax, abandoned=(*fax.abandoned, content_id))
        case ContentRemoved():
            return replace(fax, content_id="", copies_id="")
        case FaxMarked(read):
            return replace(fax, read=read)
        case CopiesWanted():
            return replace(fax, wanted=True)
        case CopiesMade(copies_id):
            return replace(fax, copies_id=copies_id)
        case CopiesFailed(code):
            return replace(fax, failure=code)
        case FaxDeleted():
            return replace(fax, deleted=True)
        case _:
            assert_never(event)


def decide(command: Command, fax: Fax) -> list[Event]:
    match command:
        case ReceiveFax():
            return _receive(command, fax)
        case AbandonContent(content_id):
            known = {fax.content_id, fax.copies_id, *fax.abandoned}
            return [] if content_id in known else [ContentAbandoned(content_id)]
        case NoteRemoval():
            return [ContentRemoved()] if fax.deleted and fax.content_id else []
        case ExpireFax(before):
            return _expire(before, fax)
        case WantCopies():
            return [CopiesWanted()] if is_to_be_shown(fax) and not fax.wanted else []
        case NoteCopies(copies_id):
            usable = is_to_be_shown(fax) and copies_id not in fax.abandoned
            return [CopiesMade(copies_id)] if usable else []
        case NoteFailure(code):
            return [CopiesFailed(code)] if is_to_be_shown(fax) else []
        case DeleteFax():
            return [_deleted(there(fax), "manual")]
        case MarkFax(read):
            there(fax)
            return [] if fax.read == read else [FaxMarked(read)]
        case _:
            assert_never(command)


def _receive(command: ReceiveFax, fax: Fax) -> list[Event]:
    """The same fax again is no new one, also when it has been deleted since."""
    if is_taken(fax, command.fax):
        return []
    if command.content_id in fax.abandoned:
        raise Unavailable("store-unavailable")
    return [command.fax, ContentKept(command.content_id, command.at)]


def is_taken(fax: Fax, sent: FaxReceived) -> bool:
    """Whether this very fax is known. Conflict when another one is, under its id."""
    before = fax.received
    if before is None:
        return False
    if (before.number, before.caller, before.checksum) != (sent.number, sent.caller, sent.checksum):
        raise Conflict("fax-differs")
    return True


def there(fax: Fax) -> FaxReceived:
    """What was received, or NotFound when it never was or is deleted."""
    if fax.received is None or fax.deleted:
        raise NotFound("not-found")
    return fax.received


def _expire(before: datetime, fax: Fax) -> list[Event]:
    if fax.received is None or fax.deleted or fax.stored_at is None or fax.stored_at > before:
        return []
    return [_deleted(fax.received, "expired")]


def _deleted(received: FaxReceived, cause: DeleteCause) -> FaxDeleted:
    return FaxDeleted(received.fax_id, received.number, received.contract_number, cause)


def is_to_be_shown(fax: Fax) -> bool:
    """Whether what it is shown by is still to be made."""
    return fax.received is not None and not (fax.deleted or fax.copies_id or fax.failure)


DECIDER: Decider[Fax] = Decider(Fax(), decide, evolve)
