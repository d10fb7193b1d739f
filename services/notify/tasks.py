"""Sending: takes due mails from the queue, a few at a time, and notes what became of each at once."""

import math
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import structlog

from chassis.errors import Conflict, TsunaguError, Unavailable
from chassis.handling import Handler
from chassis.messages import Actor, Origin, now
from chassis.views import Row, Views
from services.notify.adapters import Answer, Mailer
from services.notify.model.letters import Owed, letter_of
from services.notify.model.mail import Mail, NoteFailure, NoteSent
from services.notify.views import MAILS, owed_of

LOOK_SECONDS = 0.3
LOOK_AT = 200
# The queue's view lags: a mail that was just attended to is left alone for so long.
LEAVE_ALONE_SECONDS = 3.0
# A mail that is being sent is left alone until it has an end, however long the server takes.
IN_HAND = math.inf
# How often a sender that is to stop still tries to note what a server said: about ten seconds.
LAST_TRIES = 30
# How many mails are looked up for each connection at a time.
AT_ONCE = 8
log = structlog.get_logger(__name__)


@dataclass
class Sender:
    """Sends over at most `connections` connections at once. One sender runs at a time, by its lease.

    A mail goes out twice only when a sender dies, or is told to stop while the store is away, between the server's
    answer and noting it, and then with the same Message-ID.
    """

    mails: Handler[Mail]
    views: Views
    mailer: Mailer
    site_url: str
    connections: int
    wait: Callable[[float], Any] = time.sleep
    _busy: threading.Semaphore = field(init=False)
    _attended: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._busy = threading.Semaphore(self.connections)

    def run(self, _fence: int, going: Callable[[], bool]) -> None:
        """Until told to stop; mails that are being sent then are finished first."""
        with ThreadPoolExecutor(self.connections, "smtp") as pool:
            while going():
                rows = self._due()
                for row in self._still_owed(rows):
                    if not self._free_connection(going):
                        break
                    self._attended[row["_id"]] = IN_HAND
                    pool.submit(self._attend, row, going)
                if not rows:
                    self.wait(LOOK_SECONDS)

    def _due(self) -> list[Row]:
        """The oldest that are due, without those attended to a moment ago."""
        for mail_id, at in list(self._attended.items()):
            if time.monotonic() - at > LEAVE_ALONE_SECONDS:
                del self._attended[mail_id]
        rows = self.views.find(MAILS.name, {"due_at": {"$lte": now()}}, sort=[("due_at", 1)], limit=LOOK_AT)
        return [row for row in rows if row["_id"] not in self._attended][: self.connections * AT_ONCE]

    def _still_owed(self, rows: list[Row]) -> list[Row]:
        """Leaves out what its own stream knows to be done: the rows may be behind it."""
        mails = self.mails.read_many([row["_id"] for row in rows]) if rows else {}
        owed = {
            id for id, mail in mails.items() if mail.state == "queued" and not (mail.next_at and mail.next_at > now())
        }
        self._attended |= {row["_id"]: time.monotonic() for row in rows if row["_id"] not in owed}
        return [row for row in rows if row["_id"] in owed]

    def _free_connection(self, going: Callable[[], bool]) -> bool:
        while going():
            if self._busy.acquire(timeout=LOOK_SECONDS):
                return True
        return False

    def _attend(self, row: Row, going: Callable[[], bool]) -> None:
        try:
            queued = owed_of(row)
            answer = self.mailer.send(letter_of(queued, row["queued_at"], self.site_url))
            log.info("mail_tried", mail=row["_id"], taken=answer.taken, permanent=answer.permanent, answer=answer.text)
            self._note(_noted(queued, answer), going)
        except TsunaguError as problem:
            # The server may have it and we could not say so: it is tried again, with the same Message-ID.
            log.warning("mail_not_noted", mail=row["_id"], code=problem.code)
        except Exception:
            log.exception("mail_broke", mail=row["_id"])
        finally:
            self._attended[row["_id"]] = time.monotonic()
            self._busy.release()

    def _note(self, command: NoteSent | NoteFailure, going: Callable[[], bool]) -> None:
        """Tries until it is noted: a mail of which we forget that a server has it would be sent twice."""
        tries_left = LAST_TRIES
        while True:
            try:
                self.mails.handle(command.mail_id, command, Origin(Actor("automatic", "sender"), command.mail_id))
                return
            except (Unavailable, Conflict):
                tries_left -= not going()
                if not tries_left:
                    raise
                self.wait(LOOK_SECONDS)


def _noted(queued: Owed, answer: Answer) -> NoteSent | NoteFailure:
    if answer.taken:
        return NoteSent(queued.mail_id, queued.contract_number, answer.text)
    luck = random.random()
    return NoteFailure(queued.mail_id, queued.contract_number, answer.text, answer.permanent, now(), luck)
