"""Sending: takes due mails from the queue, a few at a time, and notes what became of each at once."""

import math
import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import structlog

from chassis import telemetry
from chassis.errors import Conflict, TsunaguError, Unavailable
from chassis.handling import Handler
from chassis.limits import Full, Limit, Limits
from chassis.messages import Actor, Origin, now
from chassis.views import Row, Views
from contracts.notify import MailFailed, MailSent, MailSuppressed
from services.notify.adapters import Answer, Mailer
from services.notify.model.address import Address, RefuseAddress, RestoreAddress, address_id_of
from services.notify.model.letters import Owed, kind_of, letter_of
from services.notify.model.mail import (
    Command,
    Mail,
    MailHeld,
    MailPostponed,
    NoteFailure,
    NoteHeld,
    NoteSent,
    NoteSuppressed,
)
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
RESULTS: Mapping[type, str] = {
    MailSent: "sent",
    MailPostponed: "postponed",
    MailFailed: "failed",
    MailHeld: "held",
    MailSuppressed: "suppressed",
}
Result = TypeVar("Result")
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Due:
    """A mail that is to be sent now: its row, how far it has got, and what is known of its address."""

    row: Row
    mail: Mail
    address: Address


@dataclass
class Sender:
    """Sends over at most `connections` connections at once. One sender runs at a time, by its lease.

    An address gets no more of each kind of mail than `most`, so that no flood of calls holds back word of a fault.

    A mail goes out twice only when a sender dies, or is told to stop while the store is away, between the server's
    answer and noting it, and then with the same Message-ID.
    """

    mails: Handler[Mail]
    addresses: Handler[Address]
    views: Views
    mailer: Mailer
    limits: Limits
    most: Limit
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
                for due in self._still_owed(rows):
                    if not self._free_connection(going):
                        break
                    self._attended[due.row["_id"]] = IN_HAND
                    pool.submit(self._attend, due, going)
                if not rows:
                    self.wait(LOOK_SECONDS)

    def _due(self) -> list[Row]:
        """The oldest that are due, without those attended to a moment ago."""
        for mail_id, at in list(self._attended.items()):
            if time.monotonic() - at > LEAVE_ALONE_SECONDS:
                del self._attended[mail_id]
        rows = self.views.find(MAILS.name, {"due_at": {"$lte": now()}}, sort=[("due_at", 1)], limit=LOOK_AT)
        return [row for row in rows if row["_id"] not in self._attended][: self.connections * AT_ONCE]

    def _still_owed(self, rows: list[Row]) -> list[Due]:
        """Leaves out what its own stream knows to be done: the rows may be behind it."""
        if not rows:
            return []
        mails = self.mails.read_many([row["_id"] for row in rows])
        owed = {
            id for id, mail in mails.items() if mail.state == "queued" and not (mail.next_at and mail.next_at > now())
        }
        self._attended |= {row["_id"]: time.monotonic() for row in rows if row["_id"] not in owed}
        left = [row for row in rows if row["_id"] in owed]
        addresses = self.addresses.read_many([_address_id(row) for row in left]) if left else {}
        return [Due(row, mails[row["_id"]], addresses[_address_id(row)]) for row in left]

    def _free_connection(self, going: Callable[[], bool]) -> bool:
        while going():
            if self._busy.acquire(timeout=LOOK_SECONDS):
                return True
        return False

    def _attend(self, due: Due, going: Callable[[], bool]) -> None:
        id = due.row["_id"]
        try:
            queued = owed_of(due.row)
            outcome = self._try(queued, due, going)
            noted = self._surely(lambda: self.mails.handle(id, outcome, _origin(id)), going)
            for event in noted.events:
                telemetry.MAIL_SENT.labels(kind_of(queued), RESULTS[type(event)]).inc()
        except TsunaguError as problem:
            # The server may have it and we could not say so: it is tried again, with the same Message-ID.
            log.warning("mail_not_noted", mail=id, code=problem.code)
        except Exception:
            log.exception("mail_broke", mail=id)
        finally:
            self._attended[id] = time.monotonic()
            self._busy.release()

    def _try(self, queued: Owed, due: Due, going: Callable[[], bool]) -> Command:
        """What came of it, to be noted. A refusal of the address is noted first: if we die, it holds back the mail."""
        id, address_id = queued.mail_id, _address_id(due.row)
        if due.address.refused_since and not due.mail.insisted:
            return NoteSuppressed(id, queued.contract_number, due.address.answer)
        place = self.limits.take(f"mail:{kind_of(queued)}:{address_id}", self.most, now())
        if isinstance(place, Full):
            return NoteHeld(id, now() + timedelta(seconds=place.retry_after))
        if due.address.refused_since:
            self.addresses.handle(address_id, RestoreAddress(address_id), _origin(id))
        answer = self.mailer.send(letter_of(queued, due.row["queued_at"], self.site_url))
        log.info("mail_tried", mail=id, taken=answer.taken, permanent=answer.permanent, answer=answer.text)
        if answer.of_address:
            refusal = RefuseAddress(address_id, answer.text, now())
            self._surely(lambda: self.addresses.handle(address_id, refusal, _origin(id)), going)
        if not answer.taken:
            self._surely(lambda: self.limits.give_back(place), going)
        return _noted(queued, answer)

    def _surely(self, act: Callable[[], Result], going: Callable[[], bool]) -> Result:
        """Tries until it is done: a mail of which we forget that a server has it would be sent twice."""
        tries_left = LAST_TRIES
        while True:
            try:
                return act()
            except (Unavailable, Conflict):
                tries_left -= not going()
                if not tries_left:
                    raise
                self.wait(LOOK_SECONDS)


def _address_id(row: Row) -> str:
    return address_id_of(row["queued"].get("address", ""))


def _origin(mail_id: str) -> Origin:
    return Origin(Actor("automatic", "sender"), mail_id)


def _noted(queued: Owed, answer: Answer) -> NoteSent | NoteFailure:
    if answer.taken:
        return NoteSent(queued.mail_id, queued.contract_number, answer.text)
    luck = random.random()
    return NoteFailure(queued.mail_id, queued.contract_number, answer.text, answer.permanent, now(), luck)
