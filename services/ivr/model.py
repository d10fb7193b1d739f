"""The dialogue in which a caller sets a temporary password (guide, 「1. 仮パスワードの設定」; spec section 3).

One entry a step: it ends at its length or at `#`, however many requests its keys come in, and one request may carry
the keys of several steps. People end entries with `#` out of habit, so one right after an entry that ended by its
length still belongs to it. What was typed is kept sealed, because any of it may be the digits of a password.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Literal, Protocol, assert_never

from chassis.decider import Decider, replace
from chassis.errors import Conflict
from contracts.ivr import PasswordIssued, Unit

CATEGORY = "call"
# A call that nobody ended is over after this; nobody stays on the telephone for so long.
LONGEST = timedelta(minutes=10)
MOST_ERRORS = 3

Step = Literal["menu", "number", "password", "confirmation"]
EndedBecause = Literal["issued", "too-many-errors", "not-contracted", "hung-up"]
UNITS: Mapping[str, Unit] = {"1": "line", "2": "number", "3": "admin-user"}
LENGTHS: Mapping[Step, int] = {"menu": 1, "number": 20, "password": 8, "confirmation": 8}

# The guide's words. Its ●●● is the number, which is spoken digit by digit.
MENU = (
    "仮パスワード設定をする単位を選択します。回線単位に設定する場合は1、電話番号単位に設定する場合は2、"
    "管理者/ユーザー単位に設定する場合は3を入力してください。"
)
ASK_NUMBER: Mapping[Unit, str] = {
    "number": "仮パスワード設定をする電話番号を市外局番から入力し、最後に#を押してください。",
    "admin-user": "仮パスワードを設定する電話番号を市外局番から入力し、最後に#を押してください。",
}
ASK_PASSWORD = "{number}番の仮パスワードの設定を行います。登録したい仮パスワードを入力してください。"
ASK_AGAIN = "確認のためにもう一度仮パスワードを入力してください。"
DONE = "{number}番の仮パスワードの設定が完了しました。ご利用ありがとうございました。"
WRONG = "入力された番号が正しくありません。もう一度押してください。"
# The guide says what the caller has to do then; these are its words as guidance.
GIVEN_UP = ("入力された番号が正しくありません。", "一度電話を切り、はじめからやり直してください。")


class Vault(Protocol):
    """Keeps digits from whoever reads events, and makes verifiers. Gives the same for the same arguments."""

    def seal(self, digits: str, call_id: str, noise: bytes) -> str:
        """The digits as only `open` can read them, and only for the same call. `noise` hides which are equal."""

    def open(self, sealed: str, call_id: str) -> str: ...

    def verifier(self, password: str, salt: bytes) -> str: ...


@dataclass(frozen=True)
class CallConnected:
    """A contracted number called. The menu is the first thing that is said."""

    call_id: str
    caller: str
    contract_number: str
    at: datetime


@dataclass(frozen=True)
class KeysTyped:
    """The beginning of an entry whose end has not come yet."""

    sealed: str


@dataclass(frozen=True)
class UnitChosen:
    """The unit was chosen; the number comes next, unless it is known."""

    unit: Unit


@dataclass(frozen=True)
class NumberChosen:
    """The number that the password is for; a password comes next. Not `entered`: it followed from the unit."""

    number: str
    entered: bool = True


@dataclass(frozen=True)
class PasswordEntered:
    """The password was entered once; it comes once more."""

    sealed: str


@dataclass(frozen=True)
class WrongInput:
    """An entry that does not fit its step, or silence instead of one. `full`: it ended by its length."""

    step: Step
    full: bool = False


@dataclass(frozen=True)
class EndKeyIgnored:
    """A `#` after an entry that had ended by its length. Another one is an entry of its own."""


@dataclass(frozen=True)
class CallEnded:
    """Nothing more is taken in this call."""

    because: EndedBecause
    at: datetime


Event = (
    CallConnected
    | KeysTyped
    | UnitChosen
    | NumberChosen
    | PasswordEntered
    | WrongInput
    | EndKeyIgnored
    | PasswordIssued
    | CallEnded
)
PRIVATE_EVENTS = (
    CallConnected,
    KeysTyped,
    UnitChosen,
    NumberChosen,
    PasswordEntered,
    WrongInput,
    EndKeyIgnored,
    CallEnded,
)


@dataclass(frozen=True)
class Connection:
    """Who called, and when."""

    call_id: str
    caller: str
    contract_number: str
    at: datetime


@dataclass(frozen=True)
class Call:
    """One dialogue. `typed` and `first` are sealed: the entry so far, and the password as it was first entered.

    `errors` counts those of the present step; `say` is what the last keys led to. `full`: the last key ended an entry
    by its length.
    """

    connection: Connection | None = None
    step: Step = "menu"
    unit: Unit = "line"
    number: str = ""
    typed: str = ""
    first: str = ""
    errors: int = 0
    full: bool = False
    say: Literal["prompt", "wrong", "nothing"] = "prompt"
    ended: EndedBecause | None = None


@dataclass(frozen=True)
class Connect:
    """A contracted number calls."""

    call_id: str
    caller: str
    contract_number: str
    at: datetime


@dataclass(frozen=True)
class Press:
    """Keys: 0 to 9, `*`, `#`. `numbers` are those of the caller's contract as it is now, none when it has ended.

    `contract_known` names the news of the contract by which that is so. `noise` and `salt` are random, 16 bytes each.
    `sequence` is larger than in any command before, as no clock promises to be.
    """

    keys: str
    numbers: frozenset[str]
    noise: bytes
    salt: bytes
    at: datetime
    sequence: int
    contract_known: str


@dataclass(frozen=True)
class KeepSilent:
    """No key for as long as the telephone waits."""

    at: datetime


@dataclass(frozen=True)
class HangUp:
    """The caller has hung up. After the end of the dialogue it means nothing."""

    at: datetime


Command = Connect | Press | KeepSilent | HangUp


def evolve(call: Call, event: Event) -> Call:
    match event:
        case CallConnected():
            return replace(call, connection=Connection(event.call_id, event.caller, event.contract_number, event.at))
        case KeysTyped(sealed=sealed):
            return replace(call, typed=sealed, full=False, say="nothing")
        case UnitChosen(unit=unit):
            return replace(_next(call, "number", full=True), unit=unit)
        case NumberChosen(number=number, entered=entered):
            return replace(_next(call, "password", full=not entered), number=number)
        case PasswordEntered(sealed=sealed):
            return replace(_next(call, "confirmation", full=True), first=sealed)
        case WrongInput(full=full):
            return replace(call, typed="", errors=call.errors + 1, full=full, say="wrong")
        case EndKeyIgnored():
            # It may have cut off what was being said, so that is said again.
            return replace(call, full=False)
        case PasswordIssued():
            return call
        case CallEnded(because=because):
            return replace(call, typed="", first="", full=False, ended=because)
        case _:
            assert_never(event)


def _next(call: Call, step: Step, *, full: bool) -> Call:
    return replace(call, step=step, typed="", errors=0, full=full, say="prompt")


def decide(vault: Vault, command: Command, call: Call) -> list[Event]:
    match command:
        case Connect(call_id, caller, contract_number, at):
            return [] if call.connection else [CallConnected(call_id, caller, contract_number, at)]
        case Press():
            return _press(vault, command, _going_on(call, command.at), call)
        case KeepSilent(at):
            _going_on(call, at)
            return _wrong(call, "", at)
        case HangUp(at):
            return [] if call.ended else [CallEnded("hung-up", at)]
        case _:
            assert_never(command)


def decider(vault: Vault) -> Decider[Call]:
    return Decider(Call(), partial(decide, vault), evolve)


def is_finished(call: Call, at: datetime) -> bool:
    """Ended, or forgotten for so long that it counts as ended."""
    return call.ended is not None or call.connection is None or at - call.connection.at > LONGEST


def _going_on(call: Call, at: datetime) -> Connection:
    if call.connection is None or is_finished(call, at):
        raise Conflict("call-finished")
    return call.connection


def _press(vault: Vault, command: Press, connection: Connection, call: Call) -> list[Event]:
    """Entry by entry; keys that come after the end are nobody's."""
    events: list[Event] = []
    keys = (vault.open(call.typed, connection.call_id) if call.typed else "") + command.keys
    while keys and call.ended is None:
        new, keys = _take(vault, keys, command, connection, call)
        for event in new:
            call = evolve(call, event)
        events += new
    return events


def _take(vault: Vault, keys: str, command: Press, connection: Connection, call: Call) -> tuple[list[Event], str]:
    """What comes of the first of these keys, and the keys after it."""
    if call.full and keys.startswith("#"):
        return [EndKeyIgnored()], keys[1:]
    entry, left = _split(keys, LENGTHS[call.step])
    if not entry:
        return [KeysTyped(vault.seal(keys, connection.call_id, command.noise))], ""
    return _enter(vault, entry, command, connection, call), left


def _split(keys: str, length: int) -> tuple[str, str]:
    """The first entry, empty while its end has not come, and the keys after it."""
    end = keys.find("#") + 1 or length
    entry = keys[: min(end, length)]
    return (entry, keys[len(entry) :]) if len(keys) >= min(end, length) else ("", keys)


def _enter(vault: Vault, entry: str, command: Press, connection: Connection, call: Call) -> list[Event]:
    match call.step:
        case "menu" if entry in UNITS:
            return _choose_unit(UNITS[entry], connection)
        case "number" if entry.endswith("#") and entry[:-1] in command.numbers:
            return [NumberChosen(entry[:-1])]
        case "password" if entry.isdigit():
            return [PasswordEntered(vault.seal(entry, connection.call_id, command.noise))]
        case "confirmation" if entry == vault.open(call.first, connection.call_id):
            return _issue(vault, entry, command, connection, call)
    return _wrong(call, entry, command.at)


def _choose_unit(unit: Unit, connection: Connection) -> list[Event]:
    """Unit `line` is the contract number's, and of `admin-user` an additional number sets its own alone."""
    if unit == "line":
        return [UnitChosen(unit), NumberChosen(connection.contract_number, entered=False)]
    if unit == "admin-user" and connection.caller != connection.contract_number:
        return [UnitChosen(unit), NumberChosen(connection.caller, entered=False)]
    return [UnitChosen(unit)]


def _issue(vault: Vault, password: str, command: Press, connection: Connection, call: Call) -> list[Event]:
    """Not for a number that has left the contract since the call began."""
    if call.number not in command.numbers:
        return [CallEnded("not-contracted", command.at)]
    verifier = vault.verifier(password, command.salt)
    issued = PasswordIssued(
        call.number,
        connection.contract_number,
        call.unit,
        verifier,
        command.at,
        connection.call_id,
        command.sequence,
        command.contract_known,
    )
    return [issued, CallEnded("issued", command.at)]


def _wrong(call: Call, entry: str, at: datetime) -> list[Event]:
    """The entry of a number wants its `#`, so one after too many digits is an entry of its own."""
    full = bool(entry) and call.step != "number" and not entry.endswith("#")
    wrong = WrongInput(call.step, full)
    return [wrong] if call.errors + 1 < MOST_ERRORS else [wrong, CallEnded("too-many-errors", at)]


def guidance(call: Call) -> tuple[str, ...]:
    """What the caller hears now; nothing in the middle of an entry."""
    match call.ended:
        case "issued":
            return (DONE.format(number=call.number),)
        case "too-many-errors" | "not-contracted":
            return GIVEN_UP
        case "hung-up":
            return ()
    return {"prompt": (_prompt(call),), "wrong": (WRONG,), "nothing": ()}[call.say]


def _prompt(call: Call) -> str:
    match call.step:
        case "menu":
            return MENU
        case "number":
            return ASK_NUMBER[call.unit]
        case "password":
            return ASK_PASSWORD.format(number=call.number)
        case "confirmation":
            return ASK_AGAIN
        case _:
            assert_never(call.step)
