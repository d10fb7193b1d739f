"""Sending: takes due mails from the queue, a few at a time, and notes what became of each at once."""

import math
import random
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog

from chassis import progress, telemetry
from chassis.errors import Conflict, TsunaguError, Unavailable
from chassis.handling import Done, Failed, Handler, Order
from chassis.limits import Full, Limit, Limits
from chassis.messages import Actor, Origin, now
from chassis.views import Row, Views
from contracts.notify import MailFailed, MailQueued, MailSent, MailSuppressed
from services.notify.adapters import Answer, Mailer
from services.notify.flows import Post, Posting
from services.notify.model.address import Address, RefuseAddress, RestoreAddress, address_id_of
from services.notify.model.bundle import GATHERING
from services.notify.model.letters import Letter, Owed, kind_of, letter_of, letter_of_many
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
LOOK_AT = 500
# The queue's view lags: a mail that was just attended to is left alone for so long.
LEAVE_ALONE_SECONDS = 3.0
# A mail that is being sent is left alone until it has an end, however long the server takes.
IN_HAND = math.inf
# How often a sender that is to stop still tries to note what a server said: about ten seconds.
LAST_TRIES = 30
# How many mails are looked up for each connection at a time.
AT_ONCE = 8
# A fault that is older when its mail is owed was reported late.
LATE = timedelta(minutes=1)
RESULTS: Mapping[type, str] = {
    MailSent: "sent",
    MailPostponed: "postponed",
    MailFailed: "failed",
    MailHeld: "held",
    MailSuppressed: "suppressed",
}
SENDER = Actor("automatic", "sender")
Result = TypeVar("Result")
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Due:
    """A letter that is to be sent now: its mails, how far each has got, and what is known of their address."""

    post: Post
    mails: Mapping[str, Mail]
    address: Address


@dataclass(frozen=True)
class Surroundings:
    """What a sender has of its process: time, chance, and so many threads."""

    wait: Callable[[float], Any] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    clock: Callable[[], datetime] = now
    luck: Callable[[], float] = random.random
    pool: Callable[[int], Executor] = lambda threads: ThreadPoolExecutor(threads, "smtp")


AROUND = Surroundings()


@dataclass
class Sender:
    """Sends over at most `connections` connections at once. One sender runs at a time, by its lease.

    An address gets no more of each kind of mail than `most`, so that no flood of calls holds back word of a fault.

    A mail goes out twice only when a sender dies, or is told to stop while the store is away, between the server's
    answer and noting it, and then with the same Message-ID.
    """

    mails: Handler[Mail]
    addresses: Handler[Address]
    posting: Posting
    views: Views
    mailer: Mailer
    limits: Limits
    most: Limit
    site_url: str
    connections: int
    around: Surroundings = AROUND
    _busy: threading.Semaphore = field(init=False)
    _attended: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._busy = threading.Semaphore(self.connections)

    def run(self, _fence: int, going: Callable[[], bool]) -> None:
        """Until told to stop; mails that are being sent then are finished first."""
        with self.around.pool(self.connections) as pool:
            while going():
                rows = self._due()
                for due in self._still_owed(rows):
                    if not self._free_connection(going):
                        break
                    self._attended |= dict.fromkeys(due.post.ids, IN_HAND)
                    pool.submit(self._attend, due, going)
                if not rows:
                    self.around.wait(LOOK_SECONDS)

    def _due(self) -> list[Row]:
        """The oldest that are due, without those attended to a moment ago."""
        for mail_id, attended_at in list(self._attended.items()):
            if self.around.monotonic() - attended_at > LEAVE_ALONE_SECONDS:
                del self._attended[mail_id]
        at = self.around.clock()
        rows = self._looked_up({"due_at": {"$lte": at}}) or self._looked_up(_before_the_clock_went_back(at))
        progress.MAILS.take(len(rows), rows[0]["due_at"].timestamp() if rows else 0.0)
        return [row for row in rows if row["_id"] not in self._attended][: self.connections * AT_ONCE]

    def _looked_up(self, wanted: Mapping[str, Any]) -> list[Row]:
        return self.views.find(MAILS.name, wanted, sort=[("due_at", 1)], limit=LOOK_AT)

    def _still_owed(self, rows: list[Row]) -> list[Due]:
        """Leaves out what its own stream knows to be done: the rows may be behind it."""
        if not rows:
            return []
        mails, at = self.mails.read_many([row["_id"] for row in rows]), self.around.clock()
        owed = {id for id, mail in mails.items() if mail.state == "queued" and not (mail.next_at and mail.next_at > at)}
        self._attended |= {row["_id"]: self.around.monotonic() for row in rows if row["_id"] not in owed}
        posts = self.posting.posts([row for row in rows if row["_id"] in owed])
        together = {id for post in posts for id in post.ids}
        # Of a letter that is not known as a whole yet, for instance while the view is made anew.
        self._attended |= {id: self.around.monotonic() for id in owed - together}
        if not posts:
            return []
        mails |= self.mails.read_many(sorted(together))
        addresses = self.addresses.read_many([_address_id(post) for post in posts])
        return [Due(post, {id: mails[id] for id in post.ids}, addresses[_address_id(post)]) for post in posts]

    def _free_connection(self, going: Callable[[], bool]) -> bool:
        while going():
            if self._busy.acquire(timeout=LOOK_SECONDS):
                return True
        return False

    def _attend(self, due: Due, going: Callable[[], bool]) -> None:
        ids = due.post.ids
        try:
            queued = [owed_of(row) for row in due.post.rows]
            self._note(due.post.rows, self._try(queued, due, going), going)
        except TsunaguError as problem:
            # The server may have it and we could not say so: it is tried again, with the same Message-ID.
            log.warning("mail_not_noted", mail=ids[0], code=problem.code)
        except Exception:
            log.exception("mail_broke", mail=ids[0])
        finally:
            self._attended |= dict.fromkeys(ids, self.around.monotonic())
            self._busy.release()

    def _try(self, queued: list[Owed], due: Due, going: Callable[[], bool]) -> Callable[[Owed], Command]:
        """What came of it, to be noted of each mail. A refusal of the address is noted first: if we die, it holds them
        back."""
        id, address_id = queued[0].mail_id, _address_id(due.post)
        for sent in (mail_id for mail_id, mail in due.mails.items() if mail.state == "sent"):
            return _sent(f"250 sent with {sent}")  # We died before all of the letter's mails were noted.
        if due.address.refused_since and not any(mail.insisted for mail in due.mails.values()):
            return _suppressed(due.address.answer)
        place = self.limits.take(f"mail:{kind_of(queued[0])}:{address_id}", self.most, self.around.clock())
        if isinstance(place, Full):
            return _held(self.around.clock() + timedelta(seconds=place.retry_after))
        if due.address.refused_since:
            self.addresses.handle(address_id, RestoreAddress(address_id), _origin(id))
        answer = self.mailer.send(_letter(queued, due.post, self.site_url))
        log.info("mail_tried", mail=id, taken=answer.taken, permanent=answer.permanent, answer=answer.text)
        if answer.of_address:
            refusal = RefuseAddress(address_id, answer.text, self.around.clock())
            self._surely(lambda: self.addresses.handle(address_id, refusal, _origin(id)), going)
        if not answer.taken:
            self._surely(lambda: self.limits.give_back(place), going)
        return _sent(answer.text) if answer.taken else _failed(answer, self.around.clock(), self.around.luck())

    def _note(self, rows: Sequence[Row], command: Callable[[Owed], Command], going: Callable[[], bool]) -> None:
        """Of all mails of a letter at once. Each order has a name, so that to repeat them all counts no try twice."""
        queued = [owed_of(row) for row in rows]
        orders = [Order(mail.mail_id, command(mail), uuid.uuid4().hex, mail.mail_id, mark=False) for mail in queued]
        results = self._surely(lambda: self.mails.handle_many(orders, SENDER), going)
        for row, mail, result in zip(rows, queued, results, strict=True):
            if isinstance(result, Failed):
                log.error("mail_not_noted", mail=mail.mail_id, code=repr(result.error))
            for event in result.events if isinstance(result, Done) else ():
                telemetry.mailed(kind_of(mail), RESULTS[type(event)], _faulted_at(mail, row, event))

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
                self.around.wait(LOOK_SECONDS)


def _before_the_clock_went_back(at: datetime) -> Mapping[str, Any]:
    """Mails that were queued at what is still to come, by a clock that was ahead: they have waited long enough. Clocks
    of two machines differ by less."""
    return {"state": "queued", "queued_at": {"$gt": at + GATHERING}, "next_at": None}


def _faulted_at(mail: Owed, row: Row, event: Any) -> datetime | None:
    """The time of the fault of which a mail that went out tells; of a fault that was reported late, when we knew."""
    if not isinstance(event, MailSent) or not isinstance(mail, MailQueued) or mail.kind != "fault":
        return None
    queued_at: datetime = row["queued_at"]
    return mail.since if queued_at - mail.since < LATE else queued_at


def _address_id(post: Post) -> str:
    return address_id_of(post.rows[0]["queued"].get("address", ""))


def _letter(queued: list[Owed], post: Post, site_url: str) -> Letter:
    """The same for the same mails for ever."""
    queued_at, told = post.rows[0]["queued_at"], [mail for mail in queued if isinstance(mail, MailQueued)]
    if len(told) > 1:
        return letter_of_many(told, queued_at, site_url, post.answers)
    return letter_of(queued[0], queued_at, site_url, post.answers)


def _origin(mail_id: str) -> Origin:
    return Origin(SENDER, mail_id)


def _sent(answer: str) -> Callable[[Owed], Command]:
    return lambda mail: NoteSent(mail.mail_id, mail.contract_number, answer)


def _suppressed(answer: str) -> Callable[[Owed], Command]:
    return lambda mail: NoteSuppressed(mail.mail_id, mail.contract_number, answer)


def _held(until: datetime) -> Callable[[Owed], Command]:
    return lambda mail: NoteHeld(mail.mail_id, until)


def _failed(answer: Answer, at: datetime, luck: float) -> Callable[[Owed], Command]:
    """With the same luck for all mails of a letter, so that they come back together."""
    return lambda mail: NoteFailure(mail.mail_id, mail.contract_number, answer.text, answer.permanent, at, luck)
