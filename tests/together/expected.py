"""What has to come of calls, logins and contracts: sections 1 to 3 of the specification once more, in plain words.

Written to be compared with the services, so it uses nothing of theirs: no event, no rule, no limit.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

A_CALL = timedelta(minutes=10)
A_TEMPORARY_PASSWORD, A_PASSWORD = timedelta(hours=24), timedelta(days=60)
A_SESSION, UNUSED = timedelta(hours=12), timedelta(minutes=30)
# Uses of a session are noted to the minute, so just before its end either is right.
BLUR = timedelta(minutes=1)


@dataclass(frozen=True)
class Issued:
    """What a caller has set by telephone."""

    number: str
    contract_number: str
    unit: str
    text: str
    at: datetime


@dataclass
class Dialogue:
    """A call, key by key."""

    caller: str
    contract_number: str
    began: datetime
    step: str = "unit"
    entry: str = ""
    unit: str = ""
    number: str = ""
    first: str = ""
    errors: int = 0
    habit: bool = False
    over: bool = False

    def is_over(self, at: datetime) -> bool:
        return self.over or at > self.began + A_CALL

    def press(self, keys: str, numbers: Collection[str], at: datetime) -> Issued | None:
        """`numbers` are those of the caller's contract as the telephone knows them."""
        for key in keys:
            if not self.over and self._ends_an_entry(key):
                entry, self.entry = self.entry, ""
                self._take(entry, numbers)
                if self.step == "done":
                    done = Issued(self.number, self.contract_number, self.unit, entry, at)
                    return done if self.number in numbers else None
        return None

    def keep_silent(self) -> None:
        self.entry, self.habit = "", False
        self._wrong()

    def _ends_an_entry(self, key: str) -> bool:
        if key == "#" and self.habit:
            self.habit = False
            return False
        self.entry += key
        length = {"unit": 1, "number": 20}.get(self.step, 8)
        self.habit = key != "#" and len(self.entry) == length and self.step != "number"
        return key == "#" or len(self.entry) == length

    def _take(self, entry: str, numbers: Collection[str]) -> None:
        match self.step:
            case "unit" if entry == "1":
                self._go_on("password", unit="line", number=self.contract_number)
            case "unit" if entry == "3" and self.caller != self.contract_number:
                self._go_on("password", unit="admin-user", number=self.caller)
            case "unit" if entry in ("2", "3"):
                self._go_on("number", unit="number" if entry == "2" else "admin-user")
            case "number" if entry[-1] == "#" and entry[:-1] in numbers:
                self._go_on("password", number=entry[:-1])
            case "password" if entry.isdigit():
                self._go_on("again", first=entry)
            case "again" if entry == self.first:
                self._go_on("done")
                self.over = True
            case _:
                self._wrong()

    def _go_on(self, step: str, **known: str) -> None:
        self.step, self.errors = step, 0
        for name, value in known.items():
            setattr(self, name, value)

    def _wrong(self) -> None:
        self.errors += 1
        self.over = self.errors == 3


@dataclass
class Password:
    """What a number can be opened with. `issued_at`: when the number got its last one by telephone."""

    number: str
    contract_number: str
    unit: str
    text: str
    temporary: bool
    set_at: datetime
    issued_at: datetime
    wrong: int = 0
    invalid: bool = False


@dataclass
class Login:
    """A session; it goes with its password."""

    password: Password
    began: datetime
    used: datetime
    restricted: bool
    ended: bool = False


@dataclass(frozen=True)
class Scope:
    """What a token opens."""

    number: str
    contract_number: str
    unit: str
    numbers: frozenset[str]
    all_numbers: bool
    restricted: bool


@dataclass
class Expected:
    """All that matters. `contracts` has for every number since when it is in the contract without a break; `told` what
    the telephone has heard of them so far."""

    contracts: dict[str, dict[str, datetime]] = field(default_factory=dict)
    told: dict[str, frozenset[str]] = field(default_factory=dict)
    passwords: dict[str, Password] = field(default_factory=dict)
    newest: dict[str, datetime] = field(default_factory=dict)
    heard: set[str] = field(default_factory=set)
    logins: list[Login] = field(default_factory=list)

    def owner(self, number: str, contracts: Mapping[str, Collection[str]]) -> str | None:
        owners = [contract for contract, numbers in contracts.items() if number in numbers]
        return owners[0] if len(owners) == 1 else None

    def contract_becomes(self, contract: str, numbers: Collection[str], at: datetime) -> None:
        before = self.contracts.get(contract, {})
        self.contracts[contract] = {number: before.get(number, at) for number in numbers}

    def numbers_for(self, call: Dialogue) -> frozenset[str]:
        same = self.owner(call.caller, self.told) == call.contract_number
        return self.told[call.contract_number] if same else frozenset()

    def hears(self, message: str, issued: Issued) -> None:
        """Once; and what was set before something newer means nothing any more."""
        number = issued.number
        if message in self.heard or issued.at < self.newest.get(number, issued.at):
            return
        self.heard.add(message)
        self.newest[number] = issued.at
        self.passwords[number] = Password(
            number, issued.contract_number, issued.unit, issued.text, True, issued.at, issued.at
        )

    def opens(self, password: Password, at: datetime) -> bool:
        """For the customer who has the number now, and only if it was that customer who set it."""
        return not password.invalid and self.holds(password, at)

    def holds(self, password: Password, at: datetime) -> bool:
        """As long as this is so, what it has opened stays open, also when it was guessed at too often."""
        since = self.contracts.get(password.contract_number, {}).get(password.number)
        in_time = not password.temporary or at < password.set_at + A_TEMPORARY_PASSWORD
        return since is not None and since <= password.issued_at and in_time

    def log_in(self, number: str, text: str, at: datetime) -> Login | None:
        password = self.passwords.get(number)
        if password is None or not self.opens(password, at):
            return None
        if text != password.text:
            self._guessed_wrong(password)
            return None
        password.wrong = 0
        return self._begin(password, at)

    def _guessed_wrong(self, password: Password) -> None:
        password.wrong += 1
        password.invalid = password.wrong >= (3 if password.temporary else 10)

    def _begin(self, password: Password, at: datetime) -> Login:
        old = at >= password.set_at + A_PASSWORD
        login = Login(password, at, at, password.temporary or old)
        self.logins.append(login)
        for surplus in [one for one in self.logins if one.password is password and not one.ended][:-20]:
            surplus.ended = True
        return login

    def change_password(self, login: Login, current: str, new: str, at: datetime) -> Login | str:
        """The session that goes on, or why there is none."""
        password = login.password
        if new == current or new.isdigit():
            return "invalid-body"
        if not self.stands(login, at):
            return "token-invalid"
        if password.invalid:
            return "password-wrong"
        if current != password.text:
            self._guessed_wrong(password)
            login.ended = password.invalid
            return "password-wrong"
        changed = Password(password.number, password.contract_number, password.unit, new, False, at, password.issued_at)
        self.passwords[password.number] = changed
        return self._begin(changed, at)

    def stands(self, login: Login, at: datetime) -> bool:
        """Unless it was unused for too long."""
        present = self.passwords[login.password.number] is login.password and not login.ended
        return present and self.holds(login.password, at) and at < login.began + A_SESSION

    def lives(self, login: Login, at: datetime) -> bool | None:
        """None when either is right."""
        unused = at - login.used
        if not self.stands(login, at) or unused >= UNUSED:
            return False
        return True if unused < UNUSED - BLUR else None

    def scope(self, login: Login) -> Scope:
        password = login.password
        contract, number, unit = password.contract_number, password.number, password.unit
        everything = number == contract and unit in ("line", "admin-user")
        numbers = frozenset(self.contracts[contract]) if everything else frozenset({number})
        return Scope(number, contract, unit, numbers, everything, login.restricted)
