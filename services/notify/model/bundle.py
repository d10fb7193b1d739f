"""Which mails go out as one letter: word of one owner's lines that fell ill, or got well, at the same time (ADR 0016).

One stream for each address, contractor, kind and stretch of time. A mail belongs to one of them for ever and is claimed
there once, before anything is sent; so a letter that is sent again carries the same mails under the same Message-ID.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from chassis.decider import Decider
from contracts.notify import MailQueued

CATEGORY = "bundle"
# How long a mail waits for others to go with.
GATHERING = timedelta(seconds=2)
# How long mails are of one stream. They need not go in one letter: what comes late has the next.
STRETCH = timedelta(minutes=10)
MOST_LINES = 50
# So many at the same time still go each alone: a mail of its own says in its subject which line it is about.
FEW = 3


@dataclass(frozen=True)
class LetterFormed:
    """These mails go as one letter, under the Message-ID of the first; it replies to `answers`."""

    bundle_id: str
    mails: tuple[str, ...]
    answers: tuple[str, ...]


Event = LetterFormed
PRIVATE_EVENTS = (LetterFormed,)


@dataclass(frozen=True)
class Formed:
    """The mails of a letter, and the Message-IDs that it replies to."""

    mails: tuple[str, ...]
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Bundle:
    """The letters of one address, contractor, kind and stretch of time."""

    letters: tuple[Formed, ...] = ()

    def letter_with(self, mail_id: str) -> Formed | None:
        return next((letter for letter in self.letters if mail_id in letter.mails), None)


@dataclass(frozen=True)
class Candidate:
    """A mail that is to go out, and the Message-ID that it replies to."""

    mail_id: str
    answers: str | None


@dataclass(frozen=True)
class FormLetters:
    """These are to go out now, the leading one first. Those that are in a letter stay in it."""

    bundle_id: str
    candidates: tuple[Candidate, ...]


Command = FormLetters


def evolve(bundle: Bundle, event: Event) -> Bundle:
    match event:
        case LetterFormed(mails=mails, answers=answers):
            return Bundle((*bundle.letters, Formed(tuple(mails), tuple(answers))))
        case _:
            assert_never(event)


def decide(command: Command, bundle: Bundle) -> list[Event]:
    match command:
        case FormLetters(bundle_id, candidates):
            fresh = [one for one in candidates if bundle.letter_with(one.mail_id) is None]
            return [_letter(bundle_id, part) for part in _parts(fresh)]
        case _:
            assert_never(command)


def _parts(candidates: Sequence[Candidate]) -> Iterator[Sequence[Candidate]]:
    size = 1 if len(candidates) <= FEW else MOST_LINES
    for first in range(0, len(candidates), size):
        yield candidates[first : first + size]


def _letter(bundle_id: str, candidates: Iterable[Candidate]) -> LetterFormed:
    mails = tuple(one.mail_id for one in candidates)
    answers = tuple(dict.fromkeys(one.answers for one in candidates if one.answers))
    return LetterFormed(bundle_id, mails, answers)


def bundle_id_of(mail: MailQueued, queued_at: datetime) -> str:
    """Where the mail is claimed; the same for ever, and tells nobody the address."""
    stretch = int(queued_at.timestamp() // STRETCH.total_seconds())
    facts = "\n".join((mail.address.lower(), mail.contractor, mail.kind, str(stretch)))
    return hashlib.sha256(facts.encode()).hexdigest()[:32]


DECIDER: Decider[Bundle] = Decider(Bundle(), decide, evolve)
