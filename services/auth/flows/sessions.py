"""Logins: checking a password, opening a session, finding out whose it is, changing the password.

A login takes the same steps whatever comes of it, so that neither its answer nor its time tells if a number exists or
if its password still opens anything: limits, one look at the number's streams, one Argon2id check, one commit.
"""

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis import telemetry
from chassis.auth import Principal
from chassis.errors import Conflict, NotFound, Rejected, Unauthenticated, Unavailable
from chassis.handling import Handler, Outcome
from chassis.messages import Actor, Origin, now
from chassis.passwords import BoundedVerifiers
from contracts.auth import Contract, LoginSucceeded, PasswordChanged
from services.auth.adapters import KnownSession, Sessions, hash_of
from services.auth.flows.attempts import Attempt as Counted
from services.auth.flows.attempts import Attempts
from services.auth.model.contract import Holder, tenure
from services.auth.model.credential import (
    CHANGED_MEANWHILE,
    ChangePassword,
    Command,
    Credential,
    EndSession,
    Guess,
    LogIn,
    Rules,
    Session,
    check_new,
    live,
    opens,
    scope,
)

# Makes a leaked token easy to recognise for whoever scans for them.
PREFIX = "tss_"
SESSION_ID_LENGTH = 16
# A password that is replaced while it is checked is checked again; twice in a row is more than chance.
TRIES = 3
# How far behind the time of a session's last use may be.
SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Present:
    """A number as it is now: its credential, its contract if it has one, and its stay there ("" without)."""

    number: str
    credential: Credential
    contract: Contract | None
    tenure: str


@dataclass(frozen=True)
class Opened:
    """A session that is open. `token` is shown once, to whoever opened it, and is "" from then on."""

    present: Present
    session: Session
    expires_at: datetime
    token: str = ""


@dataclass(frozen=True)
class Login:
    """What a session token opens, and until when at the longest."""

    who: Principal
    contract: Contract
    expires_at: datetime


@dataclass(frozen=True)
class Listed:
    """A session as its owner sees it among others."""

    session: Session
    last_seen: datetime
    source: str
    current: bool


@dataclass(frozen=True)
class Attempt:
    """What one check of a password came to, before anything is decided."""

    guess: Guess
    token: str
    session_id: str


@dataclass(frozen=True)
class Customers:
    """Customers, by the login numbers and sessions that they come with. `idle` is how long a session may lie unused."""

    credentials: Handler[Credential]
    contracts: Handler[Holder]
    sessions: Sessions
    attempts: Attempts
    verifiers: BoundedVerifiers
    rules: Rules
    idle: timedelta
    clock: Callable[[], datetime] = now

    def log_in(self, number: str, password: str, source: str, correlation_id: str) -> Opened:
        """A new session. Unauthenticated `login-failed` for whatever reason it is not to be."""
        with self._attempt(number, source) as attempt:
            opened = self._repeated(lambda: self._log_in(number, password, source, correlation_id))
            if opened is None:
                attempt.failed()
                telemetry.LOGIN_FAILURES.labels("login-failed").inc()
                raise Unauthenticated("login-failed")
        return opened

    def _log_in(self, number: str, password: str, source: str, correlation_id: str) -> Opened | None:
        at, present = self.clock(), self._present(number)
        can_open = opens(present.credential, present.tenure, at, self.rules)
        attempt = self._check(present, password)
        renewed = ""
        if attempt.guess.matched and can_open:
            self._announce(present, attempt, at, source)
            renewed = self._renewed(attempt.guess.verifier, password)
        command = LogIn(attempt.guess, attempt.session_id, present.tenure, at, renewed)
        actor = Actor("customer", number, source) if attempt.guess.matched and can_open else _somebody(source)
        outcome = self._handle(number, command, Origin(actor, correlation_id))
        return self._opened(present, attempt, outcome, LoginSucceeded)

    def change_password(self, caller: Principal, current: str, new: str, new_again: str, origin: Origin) -> Opened:
        """A new session in place of all others. Rejected `password-wrong`, and what `check_new` finds."""
        check_new(current, new, new_again)
        with self._attempt(caller.id, origin.actor.source) as attempt:
            opened = self._repeated(lambda: self._change(caller, current, new, origin))
            if opened is None:
                attempt.failed()
                telemetry.LOGIN_FAILURES.labels("password-wrong").inc()
                raise Rejected("password-wrong", field="current")
        return opened

    def _change(self, caller: Principal, current: str, new: str, origin: Origin) -> Opened | None:
        at, present = self.clock(), self._present(caller.id)
        if not live(present.credential, caller.session_id, present.tenure, at, self.rules):
            raise Unauthenticated("token-invalid")
        attempt = self._check(present, current)
        verifier = ""
        if attempt.guess.matched and not present.credential.invalid:
            verifier = self.verifiers.make(new)
            self._announce(present, attempt, at, origin.actor.source)
        command = ChangePassword(attempt.guess, caller.session_id, verifier, attempt.session_id, present.tenure, at)
        return self._opened(present, attempt, self._handle(caller.id, command, origin), PasswordChanged)

    def _attempt(self, number: str, source: str) -> AbstractContextManager[Counted]:
        """What is counted is failures at the number's present temporary password and what became of it: whoever sets a
        new one by telephone is not to be kept out by what others did before."""
        issued_at = self.credentials.read(number).state.issued_at
        return self.attempts.one(number, source, self.clock(), issued_at.isoformat() if issued_at else "")

    def _present(self, number: str) -> Present:
        """In two reads, also for a number that nobody has."""
        credential = self.credentials.read(number).state
        holder = self.contracts.read(credential.contract_number or number).state
        stay = tenure(holder, number) if credential.contract_number else ""
        return Present(number, credential, holder.contract if stay else None, stay)

    def _check(self, present: Present, password: str) -> Attempt:
        verifier = present.credential.verifier
        matched = self.verifiers.matches(verifier or self.verifiers.of_nobody(), password)
        token = f"{PREFIX}{secrets.token_urlsafe(32)}"
        return Attempt(Guess(verifier, matched and bool(verifier)), token, hash_of(token)[:SESSION_ID_LENGTH])

    def _announce(self, present: Present, attempt: Attempt, at: datetime, source: str) -> None:
        """Before the commit, so that a session that has started can always be found by its token."""
        known = KnownSession(present.number, attempt.session_id, at, source)
        self.sessions.add(hash_of(attempt.token), known, at + self.rules.longest_session)

    def _renewed(self, verifier: str, password: str) -> str:
        """A verifier of today's cost in place of an older one, unless there is too much to do."""
        try:
            return self.verifiers.make(password) if self.verifiers.outdated(verifier) else ""
        except Unavailable:
            return ""

    def _handle(self, number: str, command: Command, origin: Origin) -> Outcome[Credential]:
        try:
            return self.credentials.handle(number, command, origin)
        except Conflict:  # A lost race says nothing about the password.
            raise Unavailable("busy") from None

    def _repeated(self, attempt: Callable[[], Opened | None]) -> Opened | None:
        for _ in range(TRIES):
            try:
                return attempt()
            except Rejected as refusal:
                if refusal.code != CHANGED_MEANWHILE:
                    raise
        raise Unavailable("busy")

    def _opened(self, present: Present, attempt: Attempt, outcome: Outcome[Credential], success: type) -> Opened | None:
        if not any(isinstance(event, success) for event in outcome.events):
            return None
        session = outcome.state.sessions[attempt.session_id]
        return Opened(present, session, self._end_of(session), attempt.token)

    def opened_by(self, token: str, at: datetime) -> Login | None:
        """The login of a session token, when the session is open. Using it keeps it from falling idle."""
        token_hash = hash_of(token)
        known = self.sessions.find(token_hash)
        if known is None or self._is_idle(known, at):
            return None
        present = self._present(known.number)
        session = live(present.credential, known.session_id, present.tenure, at, self.rules)
        if session is None or present.contract is None:
            return None
        if at - known.last_seen >= SEEN_EVERY:
            self.sessions.saw(token_hash, at)
        who = _principal(present, present.contract, session)
        return Login(who, present.contract, self._end_of(session))

    def _end_of(self, session: Session) -> datetime:
        """At the longest, however much it is used."""
        return session.started_at + self.rules.longest_session

    def _is_idle(self, known: KnownSession, at: datetime) -> bool:
        return at - known.last_seen >= self.idle

    def current(self, caller: Principal) -> Opened:
        """The session that the caller came with."""
        present = self._present(caller.id)
        session = live(present.credential, caller.session_id, present.tenure, self.clock(), self.rules)
        if session is None:
            raise Unauthenticated("token-invalid")
        return Opened(present, session, self._end_of(session))

    def all(self, caller: Principal) -> list[Listed]:
        """The caller's open sessions, the newest first."""
        at, present, known = self.clock(), self._present(caller.id), self.sessions.of(caller.id)
        opened = [
            Listed(session, known[id].last_seen, known[id].source, id == caller.session_id)
            for id, session in present.credential.sessions.items()
            if id in known and not self._is_idle(known[id], at)
            if live(present.credential, id, present.tenure, at, self.rules)
        ]
        return sorted(opened, key=lambda one: one.session.started_at, reverse=True)

    def end(self, caller: Principal, session_id: str, origin: Origin) -> None:
        """NotFound when it is none of the caller's own."""
        self.credentials.handle(caller.id, EndSession(session_id), origin)

    def contract_of(self, caller: Principal) -> Contract:
        """The contract of a customer. NotFound when it has ended, or the number has left it."""
        contract = self._present(caller.id).contract
        if contract is None:
            raise NotFound("not-found")
        return contract


def _somebody(source: str) -> Actor:
    """Whoever did not prove who they are."""
    return Actor("automatic", "anonymous", source)


def _principal(present: Present, contract: Contract, session: Session) -> Principal:
    unit = present.credential.unit
    numbers, everything = scope(contract, present.number, unit)
    return Principal(
        "customer",
        present.number,
        contract_number=contract.contract_number,
        numbers=numbers,
        all_numbers=everything,
        unit=unit,
        session_id=session.session_id,
        restricted=session.restricted,
    )
