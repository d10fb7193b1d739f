"""The door: whatever is pressed, heard late or twice and tried, nobody gets where the specification keeps them out.

A machine does to both services what callers, customers, thieves and operators do, in any order and over months, and
compares each answer with what is expected of it. `HARDER=20` in the environment runs it twenty times as long.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from chassis.auth import Principal, make_signing_key, write_jwks
from chassis.messages import Recorded
from chassis.passwords import make_pepper
from tests.together.both import Both, KeyFiles
from tests.together.expected import Dialogue, Expected, Issued, Login, Password, Scope

pytestmark = pytest.mark.slow

HARDER = int(os.environ.get("HARDER", "1"))
FIRST, SECOND, STRANGER = "0600001111", "0611112222", "0900000000"
MOVING = ("0600002222", "0600003333")
NUMBERS = (FIRST, SECOND, *MOVING)
TELEPHONE_PASSWORDS = ("19283746", "00000000", "55667788")
PASSWORDS = ("tsunagu2026", "tsunagu2027", "a2345678", "99999999")
WRONG = "nobodys-password"
SOURCES = ("192.0.2.7", "192.0.2.8", "2001:db8::1")

acts = st.sampled_from(("changes", "moves", "ends", "again", "tells"))
contracts, numbers, callers = st.sampled_from((FIRST, SECOND)), st.sampled_from(NUMBERS), st.sampled_from(NUMBERS)
sources = st.sampled_from(SOURCES)
told = st.sampled_from((True, True, True, False))
units = st.sampled_from("1123")
# Counted from the newest.
which = st.sampled_from((0, 0, 1, 1, 2, 3, 5, 7))
entries = st.sampled_from(("1", "2", "3", "#", "*", "9", *(f"{number}#" for number in NUMBERS), *TELEPHONE_PASSWORDS))
keys = st.lists(entries, min_size=1, max_size=5).map("".join) | st.text("0123456789*#", min_size=1, max_size=24)
whiles = st.sampled_from(
    (
        timedelta(seconds=1), timedelta(seconds=59), timedelta(minutes=11), timedelta(minutes=20),
        timedelta(minutes=29, seconds=30), timedelta(minutes=30), timedelta(hours=12), timedelta(hours=23, minutes=59),
        timedelta(hours=24), timedelta(days=59), timedelta(days=60), timedelta(days=61),
    )
)  # fmt: skip


@dataclass
class Calling:
    """A call that the telephone knows, and what was asked of it."""

    call_id: str
    dialogue: Dialogue
    asked: list[tuple[str, str, dict[str, Any] | None, str]]


@dataclass
class Session:
    """A session token and whom it stood for at first."""

    token: str
    who: Principal
    login: Login


@dataclass(frozen=True)
class Way:
    """Through the dialogue. `cut`: its keys come in two requests; `habit`: with `#` after every entry."""

    caller: str
    unit: str
    place: int
    password: str
    cut: int
    habit: bool


ways = st.builds(
    Way, callers, units, which, st.sampled_from(TELEPHONE_PASSWORDS), st.sampled_from((1, 3, 9, 12, 21)), st.booleans()
)


def other_than(contract: str) -> str:
    return SECOND if contract == FIRST else FIRST


class Door(RuleBasedStateMachine):
    """Both services and what is expected of them."""

    def __init__(self, files: KeyFiles) -> None:
        super().__init__()
        self.both, self.expected = Both(files), Expected()
        self.calls: list[Calling] = []
        self.issued: list[tuple[Recorded, Issued]] = []
        self.sessions: list[Session] = []
        self.refusals: set[bytes] = set()
        self.requests = 0
        self.contract_is(FIRST, frozenset(MOVING), True)
        self.contract_is(SECOND, frozenset(), True)

    # Contracts.

    @rule(contract=contracts, number=numbers, what=acts, at_once=told)
    def operator_acts(self, contract: str, number: str, what: str, at_once: bool) -> None:
        match what:
            case "changes":
                self.contract_is(contract, self.numbers_of(contract) ^ {number}, at_once)
            case "moves":
                self.number_moves(number, contract, at_once)
            case "ends":
                self.contract_ends(contract, at_once)
            case "tells":
                self.tell(contract, True)
            case _:
                theirs = self.numbers_of(contract)
                self.contract_ends(contract, at_once)
                self.contract_is(contract, theirs, at_once)

    def numbers_of(self, contract: str) -> frozenset[str]:
        return frozenset(self.expected.contracts.get(contract, ()))

    def contract_is(self, contract: str, numbers: frozenset[str], at_once: bool) -> None:
        wanted = numbers | {contract}
        answer = self.both.put_contract(contract, wanted)
        if answer.status_code == 422:
            assert answer.json["code"] == "number-taken"
            return
        assert not any(wanted & self.numbers_of(other) for other in self.expected.contracts if other != contract)
        self.expected.contract_becomes(contract, wanted, self.both.clock())
        self.tell(contract, at_once)

    def contract_ends(self, contract: str, at_once: bool) -> None:
        answer = self.both.remove_contract(contract)
        assert answer.status_code == (204 if self.expected.contracts.pop(contract, None) else 404)
        self.tell(contract, at_once)

    def number_moves(self, number: str, to: str, at_once: bool) -> None:
        """Also to where it is: it has left then, and come back."""
        owner = self.expected.owner(number, self.expected.contracts)
        if owner and owner != number:
            self.contract_is(owner, self.numbers_of(owner) - {number}, at_once)
        self.contract_is(to, self.numbers_of(to) | {number}, at_once)

    def tell(self, contract: str, at_once: bool) -> None:
        """All of it, and so the older news once more."""
        if at_once:
            self.both.ivr_hears(*self.both.contract_news(contract))
            self.expected.told[contract] = frozenset(self.expected.contracts.get(contract, ()))

    # The telephone.

    @rule(caller=st.sampled_from((*NUMBERS, STRANGER)))
    def dials(self, caller: str) -> None:
        self.dial(caller)

    def dial(self, caller: str) -> Calling | None:
        contract = self.expected.owner(caller, self.expected.told)
        asked = ("POST", "", {"caller": caller}, self.new_key())
        answer = self.both.telephone(*asked)
        if contract is None:
            assert (answer.status_code, answer.json["code"]) == (403, "caller-not-contracted")
            return None
        assert answer.status_code == 201
        call = Calling(answer.json["call_id"], Dialogue(caller, contract, self.both.clock()), [asked])
        self.calls.append(call)
        return call

    @precondition(lambda self: self.calls)
    @rule(place=which, pressed=keys)
    def presses(self, place: int, pressed: str) -> None:
        call = self.newest(self.calls, place)
        answer = self.ask(call, "POST", "/keys", {"keys": pressed})
        if self.is_taken(call, answer):
            before = self.expected.numbers_for(call.dialogue)
            self.note(call, call.dialogue.press(pressed, before, self.both.clock()))
            assert answer.json["finished"] is call.dialogue.over

    @precondition(lambda self: self.calls)
    @rule(place=which, request=which, what=st.sampled_from(("silence", "hang-up", "again", "again")))
    def does_not_press(self, place: int, request: int, what: str) -> None:
        call = self.newest(self.calls, place)
        match what:
            case "silence":
                self.keeps_silent(call)
            case "hang-up":
                assert self.ask(call, "DELETE", "", None).status_code == 204
                call.dialogue.over = True
            case _:
                # The same request with the same key: nothing more comes of it, whatever it is answered.
                answer = self.both.telephone(*self.newest(call.asked, request))
                assert answer.status_code in (200, 201, 204, 403)
        self.note(call, None)

    def keeps_silent(self, call: Calling) -> None:
        answer = self.ask(call, "POST", "/keys", {"timeout": True})
        if self.is_taken(call, answer):
            call.dialogue.keep_silent()
            assert answer.json["finished"] is call.dialogue.over

    @rule(way=ways, meanwhile=st.sampled_from((None, None, None, "number", "caller")), at_once=st.booleans())
    def sets_password(self, way: Way, meanwhile: str | None, at_once: bool) -> None:
        """The way through the dialogue, mostly one for this caller. A number may move in the middle of it."""
        call = self.dial(way.caller)
        if call is None:
            return
        contract, end = call.dialogue.contract_number, "#" if way.habit else ""
        number = self.newest([*NUMBERS, *sorted(self.expected.told[contract])], way.place)
        known = way.unit == "1" or (way.unit == "3" and way.caller != contract)
        pressed = f"{way.unit}{end}" + ("" if known else f"{number}#") + f"{way.password}{end}" + way.password
        before, cut = len(self.issued), min(way.cut, len(pressed) - 1)
        self.presses(0, pressed[:cut])
        if meanwhile:
            self.number_moves(number if meanwhile == "number" else way.caller, other_than(contract), True)
        self.presses(0, pressed[cut:])
        if at_once and len(self.issued) > before:
            self.auth_hears([0])

    @rule(way=ways, new=st.sampled_from(PASSWORDS[:3]), after=whiles)
    def becomes_a_customer(self, way: Way, new: str, after: timedelta) -> None:
        """The whole way to a password of one's own, and back with it after a while."""
        issued, sessions = len(self.issued), len(self.sessions)
        self.sets_password(way, None, True)
        if len(self.issued) > issued:
            self.tries(self.issued[-1][1].number, way.password, SOURCES[0])
        if len(self.sessions) > sessions:
            self.changes_password(0, True, new)
            self.time_passes(after)
            self.tries(self.issued[-1][1].number, new, SOURCES[0])

    def ask(self, call: Calling, method: str, path: str, body: dict[str, Any] | None) -> Any:
        asked = (method, f"/{call.call_id}{path}", body, self.new_key())
        answer = self.both.telephone(*asked)
        if answer.status_code < 400:
            call.asked.append(asked)
        return answer

    def is_taken(self, call: Calling, answer: Any) -> bool:
        if call.dialogue.is_over(self.both.clock()):
            assert (answer.status_code, answer.json["code"]) == (409, "call-finished")
            return False
        assert answer.status_code == 200
        return True

    def note(self, call: Calling, issued: Issued | None) -> None:
        """What was issued in the call, and nothing else ever."""
        if issued:
            (recorded,) = self.both.passwords_issued(call.call_id)
            self.issued.append((recorded, issued))
        mine = [(recorded, one) for recorded, one in self.issued if recorded.stream == f"call-{call.call_id}"]
        assert self.both.passwords_issued(call.call_id) == [recorded for recorded, _ in mine]
        for recorded, one in mine:
            fact = recorded.event
            assert (fact.number, fact.contract_number, fact.unit) == (one.number, one.contract_number, one.unit)
            assert fact.issued_at == one.at
            assert self.both.verifiers.matches(fact.verifier, one.text)

    # News for auth.

    @rule(places=st.lists(which, min_size=1, max_size=4), tries=which, meanwhile=st.none() | ways)
    def auth_comes_back(self, places: list[int], tries: int, meanwhile: Way | None) -> None:
        """News come late, twice, in any order; meanwhile somebody may have set one password after another."""
        if meanwhile:
            for password in TELEPHONE_PASSWORDS[:2]:
                self.sets_password(replace(meanwhile, password=password), None, False)
        if self.issued:
            self.auth_hears(places)
            self.try_issued(self.newest(self.issued, self.newest(places, tries))[1])

    @rule(place=which, how=st.sampled_from(("comes back", "again", "moves")), late=st.booleans(), way=ways)
    def number_changes_hands(self, place: int, how: str, late: bool, way: Way) -> None:
        """And auth hears, perhaps only now, what was set before, perhaps just before."""
        self.sets_password(way, None, not late)
        if not self.issued:
            return
        issued = self.newest(self.issued, place)[1]
        number, contract = issued.number, issued.contract_number
        match how:
            case "comes back":
                self.number_moves(number, contract, True)
            case "moves":
                self.number_moves(number, other_than(contract), True)
            case _:
                self.operator_acts(contract, number, "again", True)
        if late:
            self.auth_hears([place])
        self.try_issued(issued)

    def auth_hears(self, places: list[int]) -> None:
        news = [self.newest(self.issued, place) for place in places]
        self.both.auth_hears(*(recorded for recorded, _ in news))
        for recorded, issued in news:
            self.expected.hears(recorded.id, issued)

    def try_issued(self, issued: Issued) -> None:
        """And what the number has now, when it is something else."""
        password = self.expected.passwords.get(issued.number)
        for text in {issued.text: 0, (password.text if password else WRONG): 0}:
            self.tries(issued.number, text, SOURCES[0])

    # Customers, and others.

    @precondition(lambda self: self.expected.passwords)
    @rule(place=which, source=sources, after=whiles)
    def logs_in(self, place: int, source: str, after: timedelta) -> None:
        password = self.someones(place)
        self.time_passes(after)
        self.tries(password.number, password.text, source)

    @rule(number=st.sampled_from((*NUMBERS, STRANGER)), text=st.sampled_from((*TELEPHONE_PASSWORDS, *PASSWORDS)))
    def logs_in_with_some_password(self, number: str, text: str) -> None:
        """Perhaps an old one, perhaps another number's."""
        self.tries(number, text, SOURCES[0])

    @rule(place=which, spare=st.sampled_from((0, 0, 1)), inside=st.booleans(), way=st.none() | ways)
    def guesses(self, place: int, spare: int, inside: bool, way: Way | None) -> None:
        """Wrong ones in a row, from anywhere, as many as are allowed or one less; then the right one."""
        if way:
            self.sets_password(way, None, True)
        if not self.expected.passwords:
            return
        password = self.someones(place)
        sessions = [one for one in self.sessions if one.login.password is password and inside]
        for time in range((3 if password.temporary else 10) - password.wrong - spare):
            if sessions:
                self.change(sessions[-1], WRONG, PASSWORDS[0])
            else:
                self.tries(password.number, WRONG, SOURCES[time % 3])
        self.tries(password.number, password.text, SOURCES[0])

    def someones(self, place: int) -> Password:
        """One that opens something, where there is any."""
        at = self.both.clock()
        known = sorted(self.expected.passwords.values(), key=lambda one: self.expected.opens(one, at))
        password: Password = self.newest(known, place)
        return password

    def tries(self, number: str, text: str, source: str) -> None:
        answer = self.both.log_in(number, text, source)
        login = self.expected.log_in(number, text, self.both.clock())
        if login is None:
            assert answer.status_code == 401
            assert "Retry-After" not in answer.headers
            self.refusals.add(answer.data)
        else:
            assert answer.status_code == 201
            self.keep(answer, login)

    def keep(self, answer: Any, login: Login) -> None:
        assert answer.json["must_change_password"] is login.restricted
        who = self.both.caller(answer.json["token"])
        assert who is not None
        self.sessions.append(Session(answer.json["token"], who, login))
        self.check_scope(who, login)

    def check_scope(self, who: Principal, login: Login) -> None:
        opened = Scope(who.id, str(who.contract_number), who.unit, who.numbers, who.all_numbers, who.restricted)
        assert opened == self.expected.scope(login)

    @precondition(lambda self: self.sessions)
    @rule(place=which)
    def uses_session(self, place: int) -> None:
        session = self.newest(self.sessions, place)
        who, at = self.both.caller(session.token), self.both.clock()
        lives = self.expected.lives(session.login, at)
        assert lives is None or lives is (who is not None)
        if who is None:
            session.login.used -= timedelta(minutes=1)
        else:
            session.login.used = at
            self.check_scope(who, session.login)

    @precondition(lambda self: self.sessions)
    @rule(place=which, right=told, new=st.sampled_from(PASSWORDS))
    def changes_password(self, place: int, right: bool, new: str) -> None:
        """By a session of any age, as if a signed token of it were good for ever."""
        session = self.newest(self.sessions, place)
        self.change(session, session.login.password.text if right else WRONG, new)

    def change(self, session: Session, current: str, new: str) -> None:
        answer = self.both.change_password(session.who, current, new)
        match self.expected.change_password(session.login, current, new, self.both.clock()):
            case Login() as login:
                assert answer.status_code == 200
                self.keep(answer, login)
            case "password-wrong":
                assert (answer.status_code, answer.json["code"]) == (422, "password-wrong")
            case refusal:
                assert answer.json["code"] == refusal

    @precondition(lambda self: self.sessions)
    @rule(place=which, other=st.none() | which)
    def ends_session(self, place: int, other: int | None) -> None:
        """One's own, and of others only one's own others."""
        mine = self.newest(self.sessions, place)
        ended = mine if other is None else self.newest(self.sessions, other)
        stood = self.expected.stands(ended.login, self.both.clock())
        answer = self.both.end_session(mine.who, "current" if other is None else ended.who.session_id)
        if other is not None and mine.who.restricted:
            assert (answer.status_code, answer.json["code"]) == (403, "password-change-required")
        elif mine.who.id != ended.who.id:
            assert answer.status_code == 404
        else:
            assert answer.status_code in ((204,) if stood else (204, 404))
            ended.login.ended = True

    @rule(time=whiles)
    def time_passes(self, time: timedelta) -> None:
        self.both.clock.at += time

    # At all times.

    @invariant()
    def a_dead_session_never_lives(self) -> None:
        """The newest of them, and another one in turn."""
        dead = [one for one in self.sessions if self.expected.lives(one.login, self.both.clock()) is False]
        if dead:
            assert self.both.caller(dead[-1].token) is None
            assert self.both.caller(self.newest(dead, self.requests).token) is None

    @invariant()
    def refusals_do_not_differ(self) -> None:
        assert len(self.refusals) <= 1

    def new_key(self) -> str:
        self.requests += 1
        return f"request-{self.requests}"

    @staticmethod
    def newest(things: Sequence[Any], place: int) -> Any:
        return things[-1 - place % len(things)]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> KeyFiles:
    folder: Path = tmp_path_factory.mktemp("keys")
    files = KeyFiles(folder / "signing.pem", folder / "jwks.json", folder / "pepper")
    make_signing_key(files.signing)
    write_jwks(files.public, files.signing)
    make_pepper(files.pepper)
    return files


def test_nobody_gets_in_who_is_to_stay_out(files: KeyFiles) -> None:
    run_state_machine_as_test(
        cast(type[RuleBasedStateMachine], partial(Door, files)),
        settings=settings(
            max_examples=30 * HARDER,
            stateful_step_count=40,
            deadline=None,
            database=None,
            # As with batches: a failure is told as it is found.
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
