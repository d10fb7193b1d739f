"""What takes more than one stream, or a stream and its content: taking a fax, and seeing those that are there."""

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from chassis.auth import Principal
from chassis.errors import Forbidden, NoRoom, NotFound, TsunaguError, Unavailable
from chassis.handling import Handler, Outcome
from chassis.messages import Origin, Recorded, now, sequence_of
from chassis.views import Row, Views
from contracts.faxstore import FaxReceived
from contracts.switched import told
from services.faxstore.adapters import Arriving, Contents, Stored
from services.faxstore.formats import Darkroom
from services.faxstore.model.fax import (
    DeleteFax,
    Fax,
    MarkFax,
    ReceiveFax,
    WantCopies,
    is_taken,
    is_to_be_shown,
    there,
)
from services.faxstore.model.setting import FaxMail
from services.faxstore.views import FAXES, NEWEST_FIRST, FaxNow

# How long a fax waits for its turn; with the darkroom's own limits, half of what the gateway waits for us.
WAIT_SECONDS = 10.0
# Half of the web process's threads arrive, wait or are taken at most, so that readers find the others.
MOST_WAITING = 14
BUSY_SECONDS = 5
MOST_COUNTED = 1000
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Sent:
    """What the receiver says of a fax."""

    fax_id: str
    called: str
    caller: str | None
    received_at: datetime


@dataclass(frozen=True)
class Quota:
    """What one number's faxes may take."""

    faxes: int
    size: int


@dataclass(frozen=True)
class Shelf:
    """The faxes of numbers, as their customers see them."""

    settings: Handler[FaxMail]
    faxes: Handler[Fax]
    views: Views
    contents: Contents

    def setting_of(self, number: str, caller: Principal) -> FaxMail:
        """The FAX mail of the number's holder. NotFound where its option is not contracted, or by another now."""
        setting = contracted(self.settings.read(number).state)
        if caller.kind == "customer" and caller.contract_number != setting.contract_number:
            raise NotFound("not-found")
        return setting

    def fax(self, number: str, fax_id: str, caller: Principal) -> Fax:
        """One fax, read from its stream. NotFound too when it is another number's or another holder's."""
        setting, fax = self.setting_of(number, caller), self.faxes.read(fax_id).state
        received = there(fax)
        earlier = fax.stored_at is not None and not setting.shows(fax.stored_at)
        if earlier or (received.number, received.contract_number) != (number, setting.contract_number):
            raise NotFound("not-found")
        return fax

    def look(self, number: str, fax_id: str, caller: Principal, origin: Origin) -> Fax:
        """As `fax`, for whoever wants to see it: what cannot be shown yet is made before all that nobody looks at."""
        fax = self.fax(number, fax_id, caller)
        if is_to_be_shown(fax) and not fax.wanted:
            self._note(fax_id, WantCopies(), origin)
        return fax

    def page(self, number: str, caller: Principal, limit: int, before: tuple[datetime, str] | None) -> list[Row]:
        """The newest first, those older than `before`; one more than `limit`, when there are more."""
        setting = self.setting_of(number, caller)
        wanted: dict[str, Any] = {"number": number, "contract_number": setting.contract_number, "there": True}
        if setting.since:
            wanted["stored_at"] = {"$gte": setting.since}
        if before:
            at, fax_id = before
            wanted["$or"] = [{"received_at": {"$lt": at}}, {"received_at": at, "_id": {"$lt": fax_id}}]
        return self.views.find(FAXES.name, wanted, sort=NEWEST_FIRST, limit=limit + 1)

    def glances(self, numbers: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Of each number with the option: whether its mail is started, since when and by whom, and how many faxes are
        unread, which is counted up to `MOST_COUNTED` for all numbers together."""
        settings = self.settings.read_many(numbers)
        wanted = {"number": {"$in": list(numbers)}, "there": True, "read": False}
        rows = self.views.find(FAXES.name, wanted, sort=NEWEST_FIRST, limit=MOST_COUNTED)
        unread = Counter(
            (row["number"], row["contract_number"]) for row in rows if settings[row["number"]].shows(row["stored_at"])
        )
        return {
            number: {"started": one.started, **told(one.on), "unread": unread[number, one.contract_number]}
            for number, one in settings.items()
            if one.contracted
        }

    def mark(self, fax_id: str, read: bool, origin: Origin) -> Fax:
        return self.put(fax_id, self.faxes.handle(fax_id, MarkFax(read), origin), origin)

    def delete(self, fax_id: str, origin: Origin, guard: Callable[[Fax], None]) -> None:
        """It is gone for everybody; the worker removes its content, and does so again if it is killed over it."""
        self.put(fax_id, self.faxes.handle(fax_id, DeleteFax(), origin, guard=guard), origin)

    def handed_out(self, fax: Fax, origin: Origin) -> None:
        """A customer who has the document has read it."""
        if not fax.read:
            self._note(there(fax).fax_id, MarkFax(True), origin)

    def _note(self, fax_id: str, command: MarkFax | WantCopies, origin: Origin) -> None:
        """That it cannot be noted now keeps nobody from reading."""
        try:
            self.put(fax_id, self.faxes.handle(fax_id, command, origin), origin)
        except TsunaguError as problem:
            log.info("look_not_noted", code=problem.code)

    def document(self, fax: Fax) -> Stored:
        """As it was sent."""
        return _there_still(self.contents.document(fax.content_id))

    def pdf(self, fax: Fax) -> Stored:
        """What came as PDF is handed out as it came."""
        if there(fax).media_type == "application/pdf":
            return self.document(fax)
        return self._copy(fax, "pdf")

    def picture(self, fax: Fax, page: int) -> Stored:
        return self._copy(fax, f"{page}.png")

    def _copy(self, fax: Fax, name: str) -> Stored:
        if fax.failure:
            raise NotFound("cannot-be-shown")
        if not fax.copies_id:
            raise Unavailable("copies-not-ready", retry_after=2)
        return _there_still(self.contents.copy(f"{fax.copies_id}/{name}"))

    def put(self, fax_id: str, outcome: Outcome[Fax], origin: Origin) -> Fax:
        """The fax after a command, also in its row if it changed."""
        if outcome.events:
            self.show(fax_id, outcome, origin)
        return outcome.state

    def show(self, fax_id: str, outcome: Outcome[Fax], origin: Origin) -> None:
        """The fax after a command into its row, for the very next list. Left to the projector when that fails: the
        command is done."""
        place = sequence_of(outcome.revision, len(outcome.events) - 1)
        told, stream = FaxNow(fax_id, outcome.state), self.faxes.stream(fax_id)
        event = Recorded(told, FaxNow.__name__, stream, place, "", now(), origin.actor, origin.correlation_id, "")
        try:
            self.views.project([event])
        except TsunaguError as problem:
            log.warning("row_left_to_projector", code=problem.code)


def contracted(mail: FaxMail) -> FaxMail:
    """The setting, or NotFound where the option is not contracted: its pages are hidden, its history stays."""
    if not mail.contracted:
        raise NotFound("not-found")
    return mail


def _there_still(stored: Stored | None) -> Stored:
    """It may have been deleted since its stream was read."""
    if stored is None:
        raise NotFound("not-found")
    return stored


class Turns:
    """So many faxes are examined and stored at a time, and a few more may arrive and wait. One too many is Unavailable
    `busy` at once, and so is one whose turn does not come: its receiver has it still and comes again."""

    def __init__(self, at_once: int, waiting: int = MOST_WAITING, seconds: float = WAIT_SECONDS) -> None:
        self._places = threading.BoundedSemaphore(at_once + waiting)
        self._slots, self._seconds = threading.BoundedSemaphore(at_once), seconds

    def place(self) -> AbstractContextManager[None]:
        """For as long as a fax arrives, waits and is taken."""
        return _held(self._places, 0.0)

    def slot(self) -> AbstractContextManager[None]:
        """For as long as it is examined and stored."""
        return _held(self._slots, self._seconds)


@contextmanager
def _held(free: threading.Semaphore, seconds: float) -> Iterator[None]:
    if not free.acquire(timeout=seconds):
        raise Unavailable("busy", retry_after=BUSY_SECONDS)
    try:
        yield
    finally:
        free.release()


@dataclass(frozen=True)
class Receipts:
    """Takes faxes in: what is acknowledged is durable, content first, then the event that names it."""

    shelf: Shelf
    darkroom: Darkroom
    quota: Quota
    turns: Turns

    def receive(self, sent: Sent, document: Arriving, origin: Origin) -> bool:
        """Whether it is stored by this; False when it was before.

        A crash on the way leaves a content that no fax names. Its note in `uploads` stays with it, and by that it is
        found and removed (`tasks.Housekeeper`).
        """
        setting = self.shelf.settings.read(sent.called).state
        if not setting.contracted:
            raise Forbidden("called-not-contracted")
        with self.turns.slot():
            return self._receive(setting, sent, document, origin)

    def _receive(self, setting: FaxMail, sent: Sent, document: Arriving, origin: Origin) -> bool:
        known = self.shelf.faxes.read(sent.fax_id).state
        if known.received is not None:
            return not is_taken(known, self._fax(setting, sent, document, known.received.media_type, 0))
        examined = self.darkroom.examine(document.path)
        self._check_room(sent.called, document.size)
        fax = self._fax(setting, sent, document, examined.kind.value, examined.pages)
        return self._store(fax, document, origin)

    def _check_room(self, number: str, size: int) -> None:
        """Faxes that come in the same moment may go beyond it together; the next is refused then."""
        used = self.shelf.contents.used(number)
        if used.faxes >= self.quota.faxes or used.size + size > self.quota.size:
            raise NoRoom("mailbox-full", most_faxes=self.quota.faxes, most_bytes=self.quota.size)

    def _fax(self, setting: FaxMail, sent: Sent, document: Arriving, media_type: Any, pages: int) -> FaxReceived:
        return FaxReceived(
            sent.fax_id,
            sent.called,
            setting.contract_number,
            sent.caller,
            media_type,
            pages,
            document.size,
            document.checksum,
            sent.received_at,
            setting.told,
        )

    def _store(self, fax: FaxReceived, document: Arriving, origin: Origin) -> bool:
        contents, content_id, at = self.shelf.contents, uuid.uuid4().hex, now()
        contents.begin(content_id, fax.fax_id, at)
        contents.keep(content_id, document.path, fax.number)
        outcome = self.shelf.faxes.begin(fax.fax_id, ReceiveFax(fax, content_id, at), origin)
        if outcome.state.content_id != content_id:
            contents.remove(content_id)  # Another try of the same fax was faster.
        self._settle(content_id)
        if outcome.events:
            self.shelf.show(fax.fax_id, outcome, origin)
        return bool(outcome.events)

    def _settle(self, content_id: str) -> None:
        """Left to the sweep when it fails: the fax is taken."""
        try:
            self.shelf.contents.settle(content_id)
        except TsunaguError as problem:
            log.info("upload_not_settled", code=problem.code)
