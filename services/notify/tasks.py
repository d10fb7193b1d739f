"""Sending: takes due mails from the queue, a few at a time, and notes what became of each at once."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog

from chassis.errors import TsunaguError
from chassis.handling import Handler
from chassis.messages import Actor, Origin, now
from chassis.views import Row, Views
from contracts.notify import MailQueued
from services.notify.adapters import Answer, Claims, Mailer
from services.notify.model.letters import letter_of
from services.notify.model.mail import Mail, NoteFailure, NoteSent
from services.notify.views import MAILS

LOOK_SECONDS = 0.3
LOOK_AT = 200
# The queue's view lags: a mail that was just attended to is left alone for so long.
LEAVE_ALONE_SECONDS = 10.0
log = structlog.get_logger(__name__)


@dataclass
class Sender:
    """Sends over at most `connections` connections at once. Several senders may run; each mail is claimed first.

    A mail goes out twice only when a sender dies, or loses the store, between the server's answer and noting it, and
    then with the same Message-ID.
    """

    mails: Handler[Mail]
    views: Views
    claims: Claims
    mailer: Mailer
    site_url: str
    connections: int
    wait: Callable[[float], Any] = time.sleep
    _busy: threading.Semaphore = field(init=False)
    _attended: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._busy = threading.Semaphore(self.connections)

    def run(self, going: Callable[[], bool]) -> None:
        """Until told to stop; mails that are being sent then are finished first."""
        with ThreadPoolExecutor(self.connections, "smtp") as pool:
            while going():
                if not self._start(pool, self._due(), going):
                    self.wait(LOOK_SECONDS)

    def _due(self) -> list[Row]:
        self._attended = {id: at for id, at in self._attended.items() if time.monotonic() - at < LEAVE_ALONE_SECONDS}
        wanted = {"due_at": {"$lte": now()}, "_id": {"$nin": list(self._attended)}}
        return self.views.find(MAILS.name, wanted, sort=[("due_at", 1)], limit=LOOK_AT)

    def _start(self, pool: ThreadPoolExecutor, rows: list[Row], going: Callable[[], bool]) -> int:
        """Starts each as a connection becomes free; the number started."""
        started = 0
        for row in rows:
            while going() and not self._busy.acquire(timeout=LOOK_SECONDS):
                continue
            if not going():
                break
            if self.claims.take([row["_id"]], now()):
                pool.submit(self._attend, row)
                started += 1
            else:
                self._busy.release()
            self._attended[row["_id"]] = time.monotonic()
        return started

    def _attend(self, row: Row) -> None:
        try:
            self._send(row)
            self.claims.give_back(row["_id"])
        except TsunaguError as problem:
            # The claim lapses by itself, and the mail is looked at again then.
            log.warning("mail_not_noted", mail=row["_id"], code=problem.code)
        except Exception:
            log.exception("mail_broke", mail=row["_id"])
        finally:
            self._busy.release()

    def _send(self, row: Row) -> None:
        """The mail's own stream decides whether it is still to be sent: the row may be behind it."""
        mail = self.mails.read(row["_id"]).state
        if mail.state != "queued" or (mail.next_at and mail.next_at > now()):
            return
        queued = msgspec.convert(row["queued"], MailQueued)
        answer = self.mailer.send(letter_of(queued, row["queued_at"], self.site_url))
        log.info("mail_tried", mail=queued.mail_id, taken=answer.taken, permanent=answer.permanent, answer=answer.text)
        self.mails.handle(queued.mail_id, _noted(queued, answer), Origin(Actor("automatic", "sender"), queued.mail_id))


def _noted(queued: MailQueued, answer: Answer) -> NoteSent | NoteFailure:
    if answer.taken:
        return NoteSent(queued.mail_id, queued.contract_number, answer.text)
    luck = random.random()
    return NoteFailure(queued.mail_id, queued.contract_number, answer.text, answer.permanent, now(), luck)
