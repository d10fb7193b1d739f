"""What is done with faxes beside taking and showing them: pictures are made, old ones expire, what nobody may read any
more is removed for good.

Each look does what is due and is safe to do again: what is left to do stands in the view and in the notes of uploads
until an event says that it is done. All of it runs aside, in a process that gives way to all others.
"""

import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from chassis.errors import NotFound, Rejected, Unavailable
from chassis.handling import Done, Handler, Once, Order
from chassis.messages import Actor, Origin, now
from chassis.views import Row, Views
from contracts.faxstore import FaxDeleted, FaxReceived
from services.faxstore.adapters import Contents, Spool, Stored, Upload
from services.faxstore.flows import Shelf
from services.faxstore.formats import Darkroom
from services.faxstore.model.fax import (
    AbandonContent,
    ExpireFax,
    Fax,
    NoteCopies,
    NoteFailure,
    NoteRemoval,
    is_to_be_shown,
    there,
)
from services.faxstore.model.setting import FaxDeletionNoted, FaxMail, NoteFaxDeletion
from services.faxstore.views import FAXES, Chore

LOOK_SECONDS, LOOK_AT = 0.3, 100
TIDY_SECONDS = 60.0
# After the darkroom had no time; short enough for whoever ends us.
BREATH_SECONDS = 2.0
# Many pages take longer than the grace, so what is being made is noted anew.
RENEW_SECONDS = 20.0
# A document on which we break so often is one that cannot be shown.
TRIES = 3
DEVELOPER, HOUSEKEEPER = Actor("automatic", "developer"), Actor("automatic", "housekeeper")
log = structlog.get_logger(__name__)


@dataclass
class Developer:
    """Makes the PDF and the pictures of each fax, once.

    First of those that somebody has looked at in vain, then of the newest: whoever was just told of a fax opens it, and
    does not wait behind all that came before. A fax for which the darkroom had no time comes after all others.
    One works at a time, by its lease; and whatever two of them do, only what the fax's own stream names is ever shown.
    """

    shelf: Shelf
    spool: Spool
    darkroom: Darkroom
    wait: Callable[[float], Any] = time.sleep
    renew_seconds: float = RENEW_SECONDS
    _broke: Counter[str] = field(default_factory=Counter)
    _later: set[str] = field(default_factory=set)

    @property
    def contents(self) -> Contents:
        return self.shelf.contents

    def run(self, _fence: int, going: Callable[[], bool]) -> None:
        while going():
            if fax_id := self._next():
                self._try(fax_id)
            else:
                self._later.clear()
                self.wait(LOOK_SECONDS)

    def _next(self) -> str | None:
        """Looked for anew each time, as somebody may be waiting since."""
        looks = (due(self.shelf.views, chore, self._later, newest=1) for chore in ("wanted-copies", "copies"))
        return next((row["_id"] for rows in looks for row in rows), None)

    def _try(self, fax_id: str) -> None:
        """Now, or after all others. Raises when the store is away."""
        try:
            self.develop(fax_id)
        except Unavailable as problem:
            if not problem.code.startswith("darkroom-"):
                raise
            self._later.add(fax_id)
            log.warning("fax_developed_later", fax=fax_id, code=problem.code)
            self.wait(BREATH_SECONDS)

    def develop(self, fax_id: str) -> None:
        """The copies of one fax, unless it has some or is gone. Raises when the store is away or the darkroom has
        no time."""
        fax = self.shelf.faxes.read(fax_id).state
        if not is_to_be_shown(fax):
            self._later.add(fax_id)  # The row is behind.
            return
        copies_id, origin = f"{fax.content_id}.{uuid.uuid4().hex}", Origin(DEVELOPER, f"develop:{fax_id}")
        self.contents.begin(copies_id, fax_id, now())
        outcome = self.shelf.faxes.handle(fax_id, self._made(fax_id, fax, copies_id), origin)
        if outcome.state.copies_id != copies_id:
            self.contents.remove(copies_id)  # It cannot be shown, or was deleted meanwhile.
        self.contents.settle(copies_id)
        self.shelf.put(fax_id, outcome, origin)

    def _made(self, fax_id: str, fax: Fax, copies_id: str) -> NoteCopies | NoteFailure:
        try:
            self._make(fax_id, fax, copies_id)
            return NoteCopies(copies_id)
        except (Rejected, NotFound) as refusal:
            return NoteFailure(refusal.code)
        except Unavailable:
            raise  # The database's doing, or a busy machine's, never the document's.
        except Exception as problem:
            self._broke[fax_id] += 1
            log.warning("fax_not_developed", fax=fax_id, tries=self._broke[fax_id], cause=repr(problem))
            if self._broke[fax_id] < TRIES:
                raise
            return NoteFailure("document-not-shown")

    def _make(self, fax_id: str, fax: Fax, copies_id: str) -> None:
        received, noted_at = there(fax), time.monotonic()
        with self.spool.workplace() as place:
            document, made = place / "document", place / "made"
            if not _write(self.contents.document(fax.content_id), document):
                raise Rejected("document-not-shown")
            if received.media_type != "application/pdf":
                self.darkroom.pdf(document, made)
                self._keep(f"{copies_id}/pdf", made)
            for page in range(1, received.pages + 1):
                self.darkroom.preview(document, page, made)
                self._keep(f"{copies_id}/{page}.png", made)
                if time.monotonic() - noted_at > self.renew_seconds:
                    self.contents.begin(copies_id, fax_id, now())
                    noted_at = time.monotonic()

    def _keep(self, name: str, made: Path) -> None:
        self.contents.keep_copy(name, made)
        made.unlink()


def _write(stored: Stored | None, path: Path) -> bool:
    if stored is None:
        return False
    with path.open("wb") as file:
        file.writelines(stored.pieces)
    return True


@dataclass
class Housekeeper:
    """Removes what nobody may read any more: the content of deleted faxes, and uploads that came to nothing.

    `grace` spares uploads that are on their way; that none is ever taken away under a fax that is acknowledged does not
    hang on it, but on the fax's own stream (`model/fax.py`).
    """

    numbers: Handler[FaxMail]
    faxes: Handler[Fax]
    views: Views
    contents: Contents
    spool: Spool
    retention: timedelta
    grace: timedelta
    clock: Callable[[], datetime] = now
    wait: Callable[[float], Any] = time.sleep
    _left: set[str] = field(default_factory=set)

    def run(self, _fence: int, going: Callable[[], bool]) -> None:
        pause = min(TIDY_SECONDS, self.grace.total_seconds())
        tidied_at = -pause
        while going():
            done = self.remove()
            if time.monotonic() - tidied_at > pause:
                tidied = self.tidy()
                tidied_at = tidied_at if tidied else time.monotonic()
                done += tidied
            if not done:
                self.wait(LOOK_SECONDS)

    def tidy(self) -> int:
        """Everything that may wait a minute; how much was done. What could not be removed is due again."""
        self._left.clear()
        self.spool.sweep(self.grace)
        return self.expire() + self.sweep()

    def expire(self) -> int:
        """Deletes what has been kept for as long as the retention says, the oldest first; how many there were of it."""
        before = self.clock() - self.retention
        old = {"there": True, "stored_at": {"$lte": before}}
        rows = self.views.find(FAXES.name, old, sort=(("stored_at", 1),), limit=LOOK_AT)
        orders = [_expiry(row["_id"], before) for row in rows]
        results = self.faxes.handle_many(orders, HOUSEKEEPER) if orders else []
        return sum(isinstance(result, Done) and bool(result.events) for result in results)

    def remove(self) -> int:
        """The content of deleted faxes; how many there were of it. A crash on the way leaves the chore to the next
        look, a fax on which we break leaves its own to the next tidying. Raises when the store is away."""
        return sum(self._done(row["_id"], self._remove) for row in due(self.views, "removal", self._left))

    def _done(self, fax_id: str, chore: Callable[[str], None]) -> bool:
        try:
            chore(fax_id)
        except Unavailable:
            raise
        except Exception as problem:  # noqa: BLE001  One broken fax must not keep the others.
            self._left.add(fax_id)
            log.warning("fax_not_tidied", fax=fax_id, cause=repr(problem))
            return False
        return True

    def _remove(self, fax_id: str) -> None:
        fax = self.faxes.read(fax_id).state
        if fax.received and fax.deleted and fax.content_id:
            self._tell(fax.received)
            self.contents.remove(fax.content_id)
            self.faxes.handle(fax_id, NoteRemoval(), Origin(HOUSEKEEPER, f"remove:{fax_id}"))
        else:
            self.wait(LOOK_SECONDS)  # The row is behind.

    def _tell(self, received: FaxReceived) -> None:
        """The number's history of it, once: by whom it was deleted, as the fax's own stream has it.

        Little can follow a deletion, so it is among the newest commits, however often the fax was marked before.
        """
        told = self.faxes.history(received.fax_id, 0, LOOK_AT)
        deletion = next(one for one in told if isinstance(one.event, FaxDeleted))
        noted = FaxDeletionNoted(
            received.fax_id,
            received.number,
            received.contract_number,
            received.caller,
            received.received_at,
            deletion.event.cause,
        )
        origin = Origin(deletion.actor, deletion.correlation_id, deletion.id)
        self.numbers.handle(received.number, NoteFaxDeletion(noted), origin, once=Once(f"told:{received.fax_id}"))

    def sweep(self) -> int:
        """Uploads of which nobody knows how they ended: each is decided on by its fax's own stream, and if it came to
        nothing its content is removed."""
        uploads: Sequence[Upload] = self.contents.unsettled(self.clock() - self.grace, LOOK_AT)
        return sum(self._done(upload.fax_id, partial(self._sweep, upload.content_id)) for upload in uploads)

    def _sweep(self, content_id: str, fax_id: str) -> None:
        outcome = self.faxes.handle(fax_id, AbandonContent(content_id), Origin(HOUSEKEEPER, f"sweep:{content_id}"))
        if content_id in outcome.state.abandoned:
            self.contents.remove(content_id)
            log.info("upload_swept", fax=fax_id)
        self.contents.settle(content_id)


def _expiry(fax_id: str, before: datetime) -> Order:
    name = f"expire:{fax_id}"
    return Order(fax_id, ExpireFax(before), name, name, mark=False)


def due(views: Views, chore: Chore, left: Collection[str] = (), *, newest: int = 0) -> list[Row]:
    """The oldest faxes with this chore, or so many of the newest, without those `left` for later. Rows lag: what is
    done already may still be among them."""
    wanted = {"chore": chore, "_id": {"$nin": sorted(left)}}
    return views.find(FAXES.name, wanted, sort=(("stored_at", -1 if newest else 1),), limit=newest or LOOK_AT)
