"""The password of one login number, and the sessions that were opened with it (spec section 2).

There is a stream for every number that somebody tried, whether it exists or not, so that both cost the same. Whether a
password is right is found out before a command is given, because it is slow; what that means is decided here, on the
newest state, so that of many guesses at the same time exactly the allowed ones count.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, assert_never

from chassis.decider import Decider, replace
from chassis.errors import FieldError, NotFound, Rejected, Unauthenticated
from contracts.auth import Contract, GuessIgnored, LoginFailed, LoginSucceeded, PasswordChanged, PasswordInvalidated
from contracts.ivr import Unit

CATEGORY = "credential"
MOST_WRONG = 10
MOST_WRONG_TEMPORARY = 3
MOST_SESSIONS = 20
# The password that was checked is not the present one any more; check again.
CHANGED_MEANWHILE = "changed-meanwhile"
_LETTERS_AND_DIGITS = re.compile(r"[A-Za-z0-9]*")

Kind = Literal["temporary", "lasting"]
Reason = Literal["logged-out", "lapsed", "too-many", "guessing"]


@dataclass(frozen=True)
class Rules:
    """What an operator may set. `temporary` and `lasting`: how long a password of that kind is good."""

    temporary: timedelta = timedelta(hours=24)
    lasting: timedelta = timedelta(days=60)
    longest_session: timedelta = timedelta(hours=12)


@dataclass(frozen=True)
class TemporaryPasswordSet:
    """By telephone. Replaces whatever the number had.

    `tenure` says which stay of the number in the contract it is for, "" when the number had left by then. `sequence` is
    that of `PasswordIssued`.
    """

    number: str
    contract_number: str
    unit: Unit
    issued_at: datetime
    tenure: str
    sequence: int = 0


@dataclass(frozen=True)
class VerifierSet:
    """The number has another password; every session of it has ended."""

    kind: Kind
    verifier: str
    set_at: datetime


@dataclass(frozen=True)
class VerifierRenewed:
    """The same password, kept in today's way."""

    verifier: str


@dataclass(frozen=True)
class SessionStarted:
    """A session is open; a `restricted` one may only change the password."""

    session_id: str
    started_at: datetime
    restricted: bool


@dataclass(frozen=True)
class SessionsEnded:
    """These sessions are open no more."""

    contract_number: str
    session_ids: tuple[str, ...]
    reason: Reason


@dataclass(frozen=True)
class CurrentPasswordWrong:
    """Whoever wanted to change the password did not know it. Counts as a login that failed."""

    contract_number: str


Event = (
    TemporaryPasswordSet
    | VerifierSet
    | VerifierRenewed
    | SessionStarted
    | SessionsEnded
    | CurrentPasswordWrong
    | GuessIgnored
    | PasswordChanged
    | LoginSucceeded
    | LoginFailed
    | PasswordInvalidated
)
PRIVATE_EVENTS = (
    TemporaryPasswordSet,
    VerifierSet,
    VerifierRenewed,
    SessionStarted,
    SessionsEnded,
    CurrentPasswordWrong,
)


@dataclass(frozen=True)
class Session:
    """One login."""

    session_id: str
    started_at: datetime
    restricted: bool


@dataclass(frozen=True)
class Credential:
    """What a number can be opened with. `verifier` is "" before its first password; `issued_at` and `sequence` are
    those of the newest temporary one ever heard of."""

    number: str = ""
    contract_number: str = ""
    unit: Unit = "number"
    tenure: str = ""
    issued_at: datetime | None = None
    sequence: int = 0
    kind: Kind = "temporary"
    verifier: str = ""
    set_at: datetime | None = None
    wrong: int = 0
    invalid: bool = False
    sessions: Mapping[str, Session] = field(default_factory=dict)


@dataclass(frozen=True)
class Guess:
    """A password that somebody gave: which verifier it was checked against, and whether it matched."""

    verifier: str
    matched: bool


@dataclass(frozen=True)
class NoteTemporaryPassword:
    """A temporary password was set by telephone."""

    number: str
    contract_number: str
    unit: Unit
    verifier: str
    issued_at: datetime
    tenure: str
    sequence: int = 0


@dataclass(frozen=True)
class LogIn:
    """`tenure` is the number's present one, "" without a contract; `renewed` a verifier of today, when the one that
    matched is outdated."""

    guess: Guess
    session_id: str
    tenure: str
    at: datetime
    renewed: str = ""


@dataclass(frozen=True)
class ChangePassword:
    """By session `session_id`, which ends; the new session `new_session_id` goes on. The new password was checked with
    `check_new` before it became `verifier`."""

    guess: Guess
    session_id: str
    verifier: str
    new_session_id: str
    tenure: str
    at: datetime


@dataclass(frozen=True)
class EndSession:
    """The customer ends one of their sessions."""

    session_id: str


Command = NoteTemporaryPassword | LogIn | ChangePassword | EndSession


def evolve(credential: Credential, event: Event) -> Credential:
    match event:
        case TemporaryPasswordSet(number, contract_number, unit, issued_at, tenure, sequence):
            return Credential(number, contract_number, unit, tenure, issued_at, sequence)
        case VerifierSet(kind, verifier, set_at):
            return replace(credential, kind=kind, verifier=verifier, set_at=set_at, wrong=0, invalid=False, sessions={})
        case VerifierRenewed(verifier):
            return replace(credential, verifier=verifier)
        case SessionStarted(session_id, started_at, restricted):
            session = Session(session_id, started_at, restricted)
            return replace(credential, sessions={**credential.sessions, session_id: session})
        case SessionsEnded(session_ids=ended):
            left = {id: session for id, session in credential.sessions.items() if id not in ended}
            return replace(credential, sessions=left)
        case LoginSucceeded():
            return replace(credential, wrong=0)
        case LoginFailed() | CurrentPasswordWrong():
            return replace(credential, wrong=credential.wrong + 1)
        case PasswordInvalidated():
            # Its sessions stay: a stranger who guesses must not be able to throw the owner out.
            return replace(credential, invalid=True)
        case PasswordChanged() | GuessIgnored():
            return credential
        case _:
            assert_never(event)


def decide(command: Command, credential: Credential, rules: Rules) -> list[Event]:
    match command:
        case NoteTemporaryPassword():
            return _note(command, credential)
        case LogIn():
            return _log_in(command, credential, rules)
        case ChangePassword():
            return _change(command, credential, rules)
        case EndSession(session_id):
            if session_id not in credential.sessions:
                raise NotFound("not-found")
            return [SessionsEnded(credential.contract_number, (session_id,), "logged-out")]
        case _:
            assert_never(command)


def _note(command: NoteTemporaryPassword, credential: Credential) -> list[Event]:
    if _is_older(command, credential):
        return []
    who = command.number, command.contract_number, command.unit
    return [
        TemporaryPasswordSet(*who, command.issued_at, command.tenure, command.sequence),
        VerifierSet("temporary", command.verifier, command.issued_at),
    ]


def _is_older(command: NoteTemporaryPassword, credential: Credential) -> bool:
    """By what ivr says of their order. Of the time before it said so all have 0, and their times have to do."""
    if credential.issued_at is None:
        return False
    return (command.sequence, command.issued_at) < (credential.sequence, credential.issued_at)


def _log_in(command: LogIn, credential: Credential, rules: Rules) -> list[Event]:
    _need_same(command.guess, credential)
    if not opens(credential, command.tenure, command.at, rules):
        return [GuessIgnored()]
    who = credential.number, credential.contract_number, credential.unit
    if not command.guess.matched:
        return [LoginFailed(*who, credential.wrong + 1), *_invalidated(credential)]
    restricted = _must_change(credential, command.at, rules)
    return [
        *([VerifierRenewed(command.renewed)] if command.renewed else []),
        *_ended(credential, command.at, rules),
        SessionStarted(command.session_id, command.at, restricted),
        LoginSucceeded(*who, restricted),
    ]


def _change(command: ChangePassword, credential: Credential, rules: Rules) -> list[Event]:
    if not live(credential, command.session_id, command.tenure, command.at, rules):
        raise Unauthenticated("token-invalid")
    _need_same(command.guess, credential)
    if credential.invalid:
        return [GuessIgnored()]
    if not command.guess.matched:
        return [CurrentPasswordWrong(credential.contract_number), *_guessed_inside(command.session_id, credential)]
    return [
        VerifierSet("lasting", command.verifier, command.at),
        PasswordChanged(credential.number, credential.contract_number, credential.unit),
        SessionStarted(command.new_session_id, command.at, False),
    ]


def _need_same(guess: Guess, credential: Credential) -> None:
    if guess.verifier != credential.verifier:
        raise Rejected(CHANGED_MEANWHILE)


def _invalidated(credential: Credential) -> list[Event]:
    """With one more wrong guess."""
    temporary = credential.kind == "temporary"
    if credential.wrong + 1 < (MOST_WRONG_TEMPORARY if temporary else MOST_WRONG):
        return []
    return [PasswordInvalidated(credential.number, credential.contract_number, credential.unit, temporary)]


def _guessed_inside(session_id: str, credential: Credential) -> list[Event]:
    """Whoever guesses for so long is not the owner, so that session ends."""
    invalidated = _invalidated(credential)
    return [*invalidated, *[SessionsEnded(credential.contract_number, (session_id,), "guessing") for _ in invalidated]]


def _ended(credential: Credential, at: datetime, rules: Rules) -> list[Event]:
    """What makes room for one more session: those whose time is over, then the oldest."""
    lapsed = tuple(
        id for id, session in credential.sessions.items() if at >= session.started_at + rules.longest_session
    )
    left = sorted(
        (session for id, session in credential.sessions.items() if id not in lapsed), key=lambda one: one.started_at
    )
    surplus = tuple(session.session_id for session in left[: max(0, len(left) + 1 - MOST_SESSIONS)])
    reasons: tuple[tuple[tuple[str, ...], Reason], ...] = ((lapsed, "lapsed"), (surplus, "too-many"))
    return [SessionsEnded(credential.contract_number, ended, reason) for ended, reason in reasons if ended]


def opens(credential: Credential, tenure: str, at: datetime, rules: Rules) -> bool:
    """Whether the right password would open anything: there is one, it is for this stay of the number in its contract,
    was not guessed at too often, and if temporary its time is not over."""
    return not credential.invalid and _holds(credential, tenure, at, rules)


def _holds(credential: Credential, tenure: str, at: datetime, rules: Rules) -> bool:
    """Whether what was opened stays open."""
    if not credential.set_at or not tenure or credential.tenure != tenure:
        return False
    return credential.kind == "lasting" or at < credential.set_at + rules.temporary


def _must_change(credential: Credential, at: datetime, rules: Rules) -> bool:
    expired = credential.set_at is not None and at >= credential.set_at + rules.lasting
    return credential.kind == "temporary" or expired


def live(credential: Credential, session_id: str, tenure: str, at: datetime, rules: Rules) -> Session | None:
    """The session when it is open. One that a temporary password opened ends with that password's time; none ends
    because the password was guessed at too often."""
    session = credential.sessions.get(session_id)
    if not session or not _holds(credential, tenure, at, rules):
        return None
    return session if at < session.started_at + rules.longest_session else None


def check_new(current: str, new: str, new_again: str) -> None:
    """Rejected unless `new` may be the next password: 8 to 12 half-width letters and digits, not digits only.

    With all that is wrong, so that nobody mends one thing only to hear of the next.
    """
    errors = [] if current else [FieldError("current", "wrong-length")]
    errors += [FieldError("new", code) for code in _faults(current, new)]
    if new != new_again:
        errors.append(FieldError("new_again", "passwords-differ"))
    if errors:
        raise Rejected("invalid-body", errors=errors)


def _faults(current: str, new: str) -> list[str]:
    faults = {
        "too-short": len(new) < 8,
        "too-long": len(new) > 12,
        "letters-and-digits-only": not _LETTERS_AND_DIGITS.fullmatch(new),
        "digits-only": new.isdecimal(),
        "same-as-current": new == current != "",
    }
    return [code for code, is_so in faults.items() if is_so]


def scope(contract: Contract, number: str, unit: Unit) -> tuple[frozenset[str], bool]:
    """The numbers that a login opens, and whether these are all, contract-wide options too (guide, 認証単位)."""
    everything = number == contract.contract_number and unit in ("line", "admin-user")
    return (frozenset(contract.numbers) if everything else frozenset({number})), everything


def decider(rules: Rules) -> Decider[Credential]:
    return Decider(Credential(), lambda command, credential: decide(command, credential, rules), evolve)


DECIDER = decider(Rules())
