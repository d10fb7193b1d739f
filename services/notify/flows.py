"""What takes more than one stream: settings whose addresses may be refused, test mails, mails that go as one letter."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.errors import TooMany, TsunaguError
from chassis.handling import Handler, Once, Order, Outcome
from chassis.limits import Full, Limit, Limits
from chassis.messages import Actor, Origin
from chassis.views import Row, Views
from contracts.notify import FaultNoticeChanged, IncomingMailChanged, TrialMailQueued
from services.notify.model.address import Address, RestoreAddress, address_id_of
from services.notify.model.bundle import Bundle, Candidate, Formed, FormLetters
from services.notify.model.incoming import EditIncoming, Incoming
from services.notify.model.mail import Mail
from services.notify.model.notice import EditNotice, Notice, TryOut
from services.notify.views import MAILS

TRIALS = Limit(5, timedelta(minutes=10))
# Of all bundles of one look of the sender.
MOST_GATHERED = 2000


@dataclass(frozen=True)
class Addresses:
    """The addresses of settings, as the mail servers see them."""

    handler: Handler[Address]

    def refused(self, addresses: Sequence[str]) -> dict[str, Address]:
        """Those to which no mail goes now."""
        states = self.handler.read_many([address_id_of(address) for address in addresses]) if addresses else {}
        return {one: states[address_id_of(one)] for one in addresses if states[address_id_of(one)].refused_since}

    def complete(self, command: EditNotice | EditIncoming) -> EditNotice | EditIncoming:
        """The command, which then knows the refused ones among the addresses that it saves."""
        return replace(command, refused=frozenset(self.refused(command.addresses or ())))

    def restore(self, outcome: Outcome[Notice] | Outcome[Incoming], origin: Origin) -> None:
        """Whoever saves a setting wants its addresses tried again."""
        for event in outcome.events:
            if isinstance(event, FaultNoticeChanged | IncomingMailChanged):
                for address in self.refused(event.addresses):
                    id = address_id_of(address)
                    self.handler.handle(id, RestoreAddress(id), origin)


@dataclass(frozen=True)
class Trials:
    """Test mails of a fault notice, so many in a while for each contract."""

    notices: Handler[Notice]
    limits: Limits

    def order(self, contract_number: str, trial_id: str, origin: Origin, once: Once | None, at: datetime) -> list[str]:
        """The addresses that get one. A request that came before, or is refused, takes no place of the limit."""
        place = self.limits.take(f"test-mail:{contract_number}", TRIALS, at)
        if isinstance(place, Full):
            raise TooMany("too-many-test-mails", retry_after=place.retry_after)
        try:
            outcome = self.notices.handle(contract_number, TryOut(trial_id), origin, once=once)
        except TsunaguError:
            self.limits.give_back(place)
            raise
        if not outcome.events:
            self.limits.give_back(place)
            return list(outcome.state.addresses)
        return [event.address for event in outcome.events if isinstance(event, TrialMailQueued)]


@dataclass(frozen=True)
class Post:
    """What goes out as one letter: the rows of its mails, the leading one first, and which letters it answers."""

    rows: tuple[Row, ...]
    answers: tuple[str, ...] = ()

    @property
    def ids(self) -> list[str]:
        return [row["_id"] for row in self.rows]


@dataclass(frozen=True)
class Posting:
    """Puts mails that are due into letters."""

    bundles: Handler[Bundle]
    mails: Handler[Mail]
    views: Views

    def posts(self, rows: Sequence[Row]) -> list[Post]:
        """The letters in which these mails go. Which mails a letter has is durable before it is given."""
        bundled = [row for row in rows if row.get("bundle")]
        for kind in ("fault", "recovery"):  # In this order: a recovery asks in which letter its fault was told.
            self._form([row for row in bundled if row["queued"].get("kind") == kind])
        letters = self._letters(bundled)
        known = {row["_id"]: row for row in rows}
        missing = [id for letter in letters for id in letter.mails if id not in known]
        known |= {row["_id"]: row for row in self._rows("_id", missing)}
        whole = [letter for letter in letters if all(id in known for id in letter.mails)]
        posts = [Post(tuple(known[id] for id in letter.mails), letter.answers) for letter in whole]
        return posts + [Post((row,)) for row in rows if not row.get("bundle")]

    def _form(self, rows: Sequence[Row]) -> None:
        """Claims those of `rows` that are in no letter yet, with all that may go with them, due or not."""
        bundles = self.bundles.read_many(sorted({row["bundle"] for row in rows})) if rows else {}
        fresh = [row for row in rows if not bundles[row["bundle"]].letter_with(row["_id"])]
        if not fresh:
            return
        others = self._rows("bundle", sorted({row["bundle"] for row in fresh}), {"due_at": {"$ne": None}})
        gathered = {row["_id"]: row for row in (*fresh, *others)}
        states = self.mails.read_many(list(gathered))
        queued = [row for id, row in gathered.items() if states[id].state == "queued"]
        answers = self._answers(queued)
        wanted: dict[str, list[Candidate]] = {row["bundle"]: [] for row in queued}
        for row in sorted(queued, key=lambda row: (row["queued_at"], row["_id"])):
            wanted[row["bundle"]].append(Candidate(row["_id"], answers.get(row["queued"].get("answers"))))
        orders = [
            Order(id, FormLetters(id, tuple(candidates)), uuid.uuid4().hex, mark=False)
            for id, candidates in wanted.items()
        ]
        self.bundles.handle_many(orders, Actor("automatic", "sender"))

    def _answers(self, rows: Sequence[Row]) -> Mapping[str | None, str]:
        """For each fault mail that is answered, the mail under whose Message-ID it went out."""
        answered = {row["queued"]["answers"] for row in rows if row["queued"].get("answers")}
        faults = [row for row in self._rows("_id", sorted(answered)) if row.get("bundle")]
        leaders = {id: letter.mails[0] for letter in self._letters(faults) for id in letter.mails}
        return {id: leaders.get(id, id) for id in answered}

    def _letters(self, rows: Sequence[Row]) -> list[Formed]:
        bundles = self.bundles.read_many(sorted({row["bundle"] for row in rows})) if rows else {}
        letters = [bundles[row["bundle"]].letter_with(row["_id"]) for row in rows]
        return list(dict.fromkeys(letter for letter in letters if letter))

    def _rows(self, field: str, values: Sequence[str], others: Mapping[str, object] | None = None) -> list[Row]:
        if not values:
            return []
        wanted = {field: {"$in": list(values)}, **(others or {})}
        return self.views.find(MAILS.name, wanted, sort=[("queued_at", 1)], limit=MOST_GATHERED)
