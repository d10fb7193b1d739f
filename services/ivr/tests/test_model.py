"""The guide's dialogue, word for word, for each unit and each wrong turn. Reads beside the guide, section 1."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as given_any
from hypothesis import strategies as st

from chassis.errors import Conflict
from chassis.testing import NOON, given
from contracts.ivr import PasswordIssued
from services.ivr.model import (
    Call,
    CallConnected,
    CallEnded,
    Connect,
    HangUp,
    KeepSilent,
    Press,
    WrongInput,
    decider,
    guidance,
    is_finished,
)
from services.ivr.tests.examples import (
    CALL,
    CALL_CONNECTED,
    CALL_ENDED,
    CONNECT,
    HANG_UP,
    KEEP_SILENT,
    KEYS_TYPED,
    KNOWN,
    LATER,
    NOISE,
    NUMBER,
    NUMBER_CHOSEN,
    OTHER,
    PASSWORD,
    PASSWORD_ENTERED,
    PASSWORD_ISSUED,
    PRESS,
    SALT,
    SEQUENCE,
    STRANGER,
    UNIT_CHOSEN,
    VAULT,
    WRONG_INPUT,
)

MENU = (
    "仮パスワード設定をする単位を選択します。回線単位に設定する場合は1、電話番号単位に設定する場合は2、"
    "管理者/ユーザー単位に設定する場合は3を入力してください。"
)
OF_WHICH_NUMBER = "仮パスワード設定をする電話番号を市外局番から入力し、最後に#を押してください。"
FOR_WHICH_NUMBER = "仮パスワードを設定する電話番号を市外局番から入力し、最後に#を押してください。"
AGAIN = "確認のためにもう一度仮パスワードを入力してください。"
WRONG = "入力された番号が正しくありません。もう一度押してください。"
GIVEN_UP = "入力された番号が正しくありません。一度電話を切り、はじめからやり直してください。"
DECIDER = decider(VAULT)
OTHERWISE = "64738291"


def password_of(number: str) -> str:
    return f"{number}番の仮パスワードの設定を行います。登録したい仮パスワードを入力してください。"


def done(number: str) -> str:
    return f"{number}番の仮パスワードの設定が完了しました。ご利用ありがとうございました。"


@dataclass
class Telephone:
    """Somebody's telephone: what is done on it, and what is heard then. The contract is the guide's."""

    caller: str = NUMBER
    numbers: frozenset[str] = frozenset({NUMBER, OTHER})
    at: datetime = NOON
    call: Call = field(default_factory=Call)
    events: list[Any] = field(default_factory=list)

    def dials(self) -> str:
        return self._does(Connect(CALL, self.caller, NUMBER, self.at))

    def presses(self, keys: str) -> str:
        return self._does(Press(keys, self.numbers, NOISE, SALT, self.at, SEQUENCE, KNOWN))

    def presses_one_by_one(self, keys: str) -> list[str]:
        """All that is heard meanwhile."""
        return [heard for key in keys if (heard := self.presses(key))]

    def keeps_silent(self) -> str:
        return self._does(KeepSilent(self.at))

    def hangs_up(self) -> str:
        return self._does(HangUp(self.at))

    @property
    def issued(self) -> list[PasswordIssued]:
        return [event for event in self.events if isinstance(event, PasswordIssued)]

    def _does(self, command: object) -> str:
        events = DECIDER.decide(command, self.call)
        self.events += events
        self.call = DECIDER.fold(events, self.call)
        return "".join(guidance(self.call))


def issued(number: str, unit: Any, password: str = PASSWORD) -> PasswordIssued:
    return PasswordIssued(number, NUMBER, unit, VAULT.verifier(password, SALT), NOON, CALL, SEQUENCE, KNOWN)


@pytest.fixture
def telephone() -> Telephone:
    """Has dialled from the contract number."""
    telephone = Telephone()
    telephone.dials()
    return telephone


@pytest.fixture
def additional() -> Telephone:
    """Has dialled from an additional number."""
    telephone = Telephone(OTHER)
    telephone.dials()
    return telephone


# 回線単位に設定する場合


def test_for_the_line() -> None:
    telephone = Telephone()

    assert telephone.dials() == MENU
    assert telephone.presses("1") == password_of(NUMBER)
    assert telephone.presses(PASSWORD) == AGAIN
    assert telephone.presses(PASSWORD) == done(NUMBER)
    assert telephone.issued == [issued(NUMBER, "line")]


def test_for_the_line_from_an_additional_number(additional: Telephone) -> None:
    assert additional.presses("1") == password_of(NUMBER)
    assert additional.presses(PASSWORD) == AGAIN
    assert additional.presses(PASSWORD) == done(NUMBER)
    assert additional.issued == [issued(NUMBER, "line")]


# 電話番号単位に設定する場合


@pytest.mark.parametrize("caller", [NUMBER, OTHER])
@pytest.mark.parametrize("number", [NUMBER, OTHER])
def test_for_a_number(caller: str, number: str) -> None:
    telephone = Telephone(caller)

    assert telephone.dials() == MENU
    assert telephone.presses("2") == OF_WHICH_NUMBER
    assert telephone.presses(f"{number}#") == password_of(number)
    assert telephone.presses(PASSWORD) == AGAIN
    assert telephone.presses(PASSWORD) == done(number)
    assert telephone.issued == [issued(number, "number")]


# 管理者/ユーザー単位に設定する場合


@pytest.mark.parametrize("number", [NUMBER, OTHER])
def test_for_administrator_or_user_from_the_contract_number(telephone: Telephone, number: str) -> None:
    assert telephone.presses("3") == FOR_WHICH_NUMBER
    assert telephone.presses(f"{number}#") == password_of(number)
    assert telephone.presses(PASSWORD) == AGAIN
    assert telephone.presses(PASSWORD) == done(number)
    assert telephone.issued == [issued(number, "admin-user")]


def test_for_a_user_from_an_additional_number(additional: Telephone) -> None:
    assert additional.presses("3") == password_of(OTHER)
    assert additional.presses(PASSWORD) == AGAIN
    assert additional.presses(PASSWORD) == done(OTHER)
    assert additional.issued == [issued(OTHER, "admin-user")]


# Keys come as they come.


def test_keys_one_at_a_time(telephone: Telephone) -> None:
    heard = telephone.presses_one_by_one(f"2{OTHER}#{PASSWORD}{PASSWORD}")

    assert heard == [OF_WHICH_NUMBER, password_of(OTHER), AGAIN, done(OTHER)]
    assert telephone.issued == [issued(OTHER, "number")]


def test_all_keys_at_once(telephone: Telephone) -> None:
    assert telephone.presses(f"2{OTHER}#{PASSWORD}{PASSWORD}") == done(OTHER)
    assert telephone.issued == [issued(OTHER, "number")]


def test_keys_that_end_in_the_middle_of_an_entry(telephone: Telephone) -> None:
    assert telephone.presses(f"1{PASSWORD[:3]}") == ""
    assert telephone.presses(f"{PASSWORD[3:]}{PASSWORD[:6]}") == ""
    assert telephone.presses(PASSWORD[6:]) == done(NUMBER)


def test_keys_after_the_end_are_nobodys(telephone: Telephone) -> None:
    assert telephone.presses(f"1{PASSWORD}{PASSWORD}1{OTHERWISE}") == done(NUMBER)
    assert telephone.issued == [issued(NUMBER, "line")]


def test_a_wrong_entry_does_not_take_the_next_one_along(telephone: Telephone) -> None:
    assert telephone.presses(f"91{PASSWORD[:4]}*{PASSWORD[:3]}{PASSWORD}") == AGAIN


# People end entries with `#` out of habit.


def test_an_end_key_after_an_entry_that_ended_by_its_length_is_part_of_it(telephone: Telephone) -> None:
    assert telephone.presses("2#") == OF_WHICH_NUMBER
    assert telephone.presses(f"{OTHER}#") == password_of(OTHER)
    assert telephone.presses(f"{PASSWORD}#") == AGAIN
    assert telephone.presses(f"{PASSWORD}#") == done(OTHER)
    assert not any(isinstance(event, WrongInput) for event in telephone.events)


def test_an_end_key_that_cuts_the_guidance_off_makes_it_begin_again(telephone: Telephone) -> None:
    heard = telephone.presses_one_by_one(f"1#{PASSWORD}#{PASSWORD}")

    assert heard == [password_of(NUMBER), password_of(NUMBER), AGAIN, AGAIN, done(NUMBER)]


def test_an_end_key_belongs_to_a_wrong_entry_too(telephone: Telephone) -> None:
    assert telephone.presses("9#8#") == WRONG
    assert telephone.presses(f"1#1234*678#{PASSWORD[::-1]}#{PASSWORD}#{PASSWORD[::-1]}") == done(NUMBER)


@pytest.mark.parametrize("before", ["2", "1", f"1{PASSWORD}"])
def test_a_second_end_key_is_wrong_input(telephone: Telephone, before: str) -> None:
    assert telephone.presses(f"{before}#") != WRONG
    assert telephone.presses("#") == WRONG
    assert telephone.presses("##") == GIVEN_UP


def test_the_end_key_of_a_number_has_none_of_its_own(telephone: Telephone) -> None:
    assert telephone.presses(f"2{OTHER}##") == WRONG


def test_an_end_key_after_too_many_digits_of_a_number_is_an_entry_of_its_own(telephone: Telephone) -> None:
    assert telephone.presses(f"2{'0' * 20}##") == GIVEN_UP


def test_an_end_key_after_a_silence_is_wrong_input(telephone: Telephone) -> None:
    telephone.presses("1")
    telephone.keeps_silent()

    assert telephone.presses("#") == WRONG
    assert telephone.events.count(WrongInput("password")) == 2


# Wrong turns.

AT_THE_MENU, AT_THE_NUMBER, AT_THE_PASSWORD, AT_THE_CONFIRMATION = "", "2", "1", f"1{PASSWORD}"
WRONG_ENTRIES = [
    pytest.param(AT_THE_MENU, "0", id="no such unit"),
    pytest.param(AT_THE_MENU, "4", id="no such unit either"),
    pytest.param(AT_THE_MENU, "#", id="# instead of a unit"),
    pytest.param(AT_THE_MENU, "*", id="* instead of a unit"),
    pytest.param(f"{AT_THE_NUMBER}#", "#", id="no number"),
    pytest.param(AT_THE_NUMBER, f"{STRANGER}#", id="a stranger's number"),
    pytest.param(AT_THE_NUMBER, f"{NUMBER[:-1]}#", id="a digit too few"),
    pytest.param(AT_THE_NUMBER, f"{NUMBER}1#", id="a digit too many"),
    pytest.param(AT_THE_NUMBER, f"{NUMBER}*#", id="* in a number"),
    pytest.param(AT_THE_NUMBER, f"{NUMBER}{NUMBER}", id="no end"),
    pytest.param(f"{AT_THE_PASSWORD}#", "#", id="no password"),
    pytest.param(AT_THE_PASSWORD, "1234567#", id="a digit of the password too few"),
    pytest.param(AT_THE_PASSWORD, "1234*678", id="* in a password"),
    pytest.param(AT_THE_PASSWORD, "********", id="nothing but *"),
    pytest.param(AT_THE_CONFIRMATION, OTHERWISE, id="another password"),
    pytest.param(AT_THE_CONFIRMATION, f"{PASSWORD[:-1]}#", id="not the whole password"),
    pytest.param(f"{AT_THE_CONFIRMATION}#", "#", id="no confirmation"),
]


@pytest.mark.parametrize(("before", "wrong"), WRONG_ENTRIES)
def test_wrong_input_may_be_repeated(telephone: Telephone, before: str, wrong: str) -> None:
    telephone.presses(before)

    assert telephone.presses(wrong) == WRONG
    assert telephone.presses(wrong) == WRONG
    assert telephone.issued == []


@pytest.mark.parametrize(("before", "wrong"), WRONG_ENTRIES)
def test_the_third_wrong_input_ends_the_call(telephone: Telephone, before: str, wrong: str) -> None:
    telephone.presses(before)

    heard = [telephone.presses(wrong) for _ in range(3)]

    assert heard == [WRONG, WRONG, GIVEN_UP]
    assert is_finished(telephone.call, NOON)
    assert telephone.events[-1] == CallEnded("too-many-errors", NOON)
    assert telephone.issued == []


@pytest.mark.parametrize(
    ("before", "right", "heard"),
    [
        (AT_THE_MENU, "1", password_of(NUMBER)),
        (AT_THE_NUMBER, f"{OTHER}#", password_of(OTHER)),
        (AT_THE_PASSWORD, PASSWORD, AGAIN),
        (AT_THE_CONFIRMATION, PASSWORD, done(NUMBER)),
    ],
)
def test_after_two_wrong_inputs_the_right_one_goes_on(
    telephone: Telephone, before: str, right: str, heard: str
) -> None:
    telephone.presses(before)
    telephone.keeps_silent()
    telephone.keeps_silent()

    assert telephone.presses(right) == heard


def test_errors_are_counted_at_each_step_anew(telephone: Telephone) -> None:
    for entry in ("2", f"{OTHER}#", PASSWORD, PASSWORD):
        assert [telephone.keeps_silent(), telephone.keeps_silent()] == [WRONG, WRONG]
        heard = telephone.presses(entry)

    assert heard == done(OTHER)


def test_three_wrong_inputs_in_one_request(telephone: Telephone) -> None:
    assert telephone.presses("4561") == GIVEN_UP
    assert telephone.events.count(WrongInput("menu", full=True)) == 3


def test_every_wrong_entry_says_at_which_step(telephone: Telephone) -> None:
    telephone.presses(f"0200#123#{NUMBER}#*#{PASSWORD}##")

    steps = [event.step for event in telephone.events if isinstance(event, WrongInput)]
    assert steps == ["menu", "number", "number", "password", "confirmation"]


# Silence.


@pytest.mark.parametrize("before", [AT_THE_MENU, AT_THE_NUMBER, AT_THE_PASSWORD, AT_THE_CONFIRMATION])
def test_silence_counts_as_wrong_input(telephone: Telephone, before: str) -> None:
    telephone.presses(before)

    heard = [telephone.keeps_silent() for _ in range(3)]

    assert heard == [WRONG, WRONG, GIVEN_UP]


def test_silence_clears_what_was_typed(telephone: Telephone) -> None:
    telephone.presses(f"1{OTHERWISE[:7]}")

    assert telephone.keeps_silent() == WRONG
    assert telephone.presses(PASSWORD) == AGAIN


# The end.


@pytest.mark.parametrize("before", [AT_THE_MENU, AT_THE_NUMBER, AT_THE_PASSWORD, AT_THE_CONFIRMATION])
def test_hanging_up_changes_nothing(telephone: Telephone, before: str) -> None:
    telephone.presses(f"{before}{PASSWORD[:5]}")

    assert telephone.hangs_up() == ""
    assert telephone.issued == []
    with pytest.raises(Conflict, match="call-finished"):
        telephone.presses(PASSWORD)


def test_hanging_up_after_the_end_means_nothing(telephone: Telephone) -> None:
    telephone.presses(f"1{PASSWORD}{PASSWORD}")

    given(DECIDER, *telephone.events).when(HANG_UP).then()


@pytest.mark.parametrize("command", [PRESS, KEEP_SILENT])
def test_nothing_is_taken_after_the_end(command: object) -> None:
    given(DECIDER, CALL_CONNECTED, CALL_ENDED).when(command).rejects("call-finished")


@pytest.mark.parametrize("command", [PRESS, KEEP_SILENT])
def test_a_call_that_was_forgotten_is_over(command: Any) -> None:
    late = replace(command, at=NOON + timedelta(minutes=10, milliseconds=1))

    given(DECIDER, CALL_CONNECTED).when(late).rejects("call-finished")


def test_a_long_call_goes_on(telephone: Telephone) -> None:
    telephone.at = NOON + timedelta(minutes=10)

    assert telephone.presses("1") == password_of(NUMBER)


@pytest.mark.parametrize("left", [frozenset({NUMBER}), frozenset()])
def test_a_number_that_has_left_the_contract_meanwhile_gets_no_password(
    telephone: Telephone, left: frozenset[str]
) -> None:
    telephone.presses(f"2{OTHER}#{PASSWORD}")
    telephone.numbers = left

    assert telephone.presses(PASSWORD) == GIVEN_UP
    assert telephone.issued == []
    assert telephone.events[-1] == CallEnded("not-contracted", NOON)


# Whatever is pressed.

TWICE = PASSWORD * 2
ENTRIES = ("1", "2", "3", "9", "#", "*", NUMBER, f"{OTHER}#", f"{STRANGER}#", PASSWORD, PASSWORD[:5], OTHERWISE)
WAYS = (f"1{TWICE}", f"2{OTHER}#{PASSWORD}", f"3{NUMBER}#{TWICE}", TWICE, f"2#{OTHER}#{PASSWORD}#{PASSWORD}#")
KEYS = st.lists(st.sampled_from(ENTRIES) | st.sampled_from(WAYS), max_size=20).map("".join)


@given_any(st.sampled_from([NUMBER, OTHER]), KEYS, st.data())
def test_how_keys_are_cut_makes_no_difference(caller: str, keys: str, data: st.DataObject) -> None:
    at_once, in_pieces = Telephone(caller), Telephone(caller)
    for telephone in (at_once, in_pieces):
        telephone.dials()

    if keys:
        at_once.presses(keys)
    while keys and not in_pieces.call.ended:
        size = data.draw(st.integers(1, len(keys)))
        in_pieces.presses(keys[:size])
        keys = keys[size:]

    assert in_pieces.issued == at_once.issued
    assert replace(in_pieces.call, say="nothing") == replace(at_once.call, say="nothing")


@given_any(st.sampled_from([NUMBER, OTHER]), KEYS)
def test_whatever_is_pressed_only_the_right_way_ends_in_a_password(caller: str, keys: str) -> None:
    telephone = Telephone(caller)
    telephone.dials()
    if keys:
        telephone.presses(keys)

    for event in telephone.issued:
        password = VAULT.open(f"sealed {CALL} - {event.verifier.split(' ')[2]}", CALL)
        assert keys.count(password) >= 2
        assert event.number in (NUMBER, OTHER)
        assert event.unit != "line" or event.number == NUMBER
        assert event.unit != "admin-user" or caller in (NUMBER, event.number)
    errors = Counter(event.step for event in telephone.events if isinstance(event, WrongInput))
    assert len(telephone.issued) <= 1
    assert max(errors.values(), default=0) <= 3
    assert (3 in errors.values()) == (telephone.call.ended == "too-many-errors")


# What is kept of it.


def test_connecting_twice_is_connecting_once() -> None:
    given(DECIDER).when(CONNECT).then(CallConnected(CALL, NUMBER, NUMBER, NOON))
    given(DECIDER, CALL_CONNECTED).when(CONNECT).then()


def test_a_part_of_an_entry_is_kept_sealed() -> None:
    press = replace(PRESS, keys=PASSWORD[:4])

    given(DECIDER, CALL_CONNECTED, UNIT_CHOSEN, NUMBER_CHOSEN).when(press).then(KEYS_TYPED)


def test_the_password_is_kept_sealed_until_it_is_confirmed() -> None:
    connected = (CALL_CONNECTED, UNIT_CHOSEN, NUMBER_CHOSEN)
    press = replace(PRESS, keys=PASSWORD)

    given(DECIDER, *connected).when(press).then(PASSWORD_ENTERED)
    given(DECIDER, *connected, PASSWORD_ENTERED).when(press).then(PASSWORD_ISSUED, CALL_ENDED)
    given(DECIDER, *connected, WRONG_INPUT, PASSWORD_ENTERED, WRONG_INPUT).when(KEEP_SILENT).then(
        WrongInput("confirmation")
    )


def test_no_event_holds_the_digits(telephone: Telephone) -> None:
    telephone.presses_one_by_one(f"1{OTHERWISE}{PASSWORD}{OTHERWISE}")

    told = repr([event for event in telephone.events if not isinstance(event, PasswordIssued)])
    assert telephone.issued
    assert not any(part in told for part in (OTHERWISE[:4], PASSWORD[:4], OTHERWISE[-4:]))


def test_nothing_sealed_is_remembered_after_the_end(telephone: Telephone) -> None:
    telephone.presses(f"1{PASSWORD}{PASSWORD[:3]}")
    telephone.hangs_up()

    assert (telephone.call.typed, telephone.call.first) == ("", "")


def test_the_time_of_a_password_is_the_time_of_its_last_key(telephone: Telephone) -> None:
    telephone.presses(f"1{PASSWORD}")
    telephone.at = LATER
    telephone.presses(PASSWORD)

    assert telephone.issued[0].issued_at == LATER
