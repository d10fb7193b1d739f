"""Said by auth: contracts with their numbers and options, on streams `contract-<contract number>`; and what becomes of
passwords and logins, on streams `credential-<number>`. No event has a password or anything to check one with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from contracts.ivr import Unit

NumberOption = Literal["voicewarp", "incoming-mail", "fax-mail"]
ContractOption = Literal["bulk-forward", "fault-notice"]


@dataclass(frozen=True)
class Contract:
    """One access line of one contractor. `numbers` holds every number of it, its own included, with its options.

    `circuit` is the access line's id in the network, or "". All phone numbers are digits only.
    """

    contract_number: str
    circuit: str
    contractor: str
    site: str
    options: tuple[ContractOption, ...]
    numbers: Mapping[str, tuple[NumberOption, ...]]


@dataclass(frozen=True)
class ContractImported:
    """A contract is new, or is back after its removal."""

    contract: Contract


@dataclass(frozen=True)
class ContractChanged:
    """The contract as it is from now on; numbers and options that are missing here have ended.

    `left` are the numbers that were in it until now.
    """

    contract: Contract
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class ContractRemoved:
    """The contract has ended with everything that ran on it. `left` are the numbers that it had."""

    contract_number: str
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class PasswordChanged:
    """The customer has set a new password; all sessions of the number but the one that goes on from here have ended."""

    number: str
    contract_number: str
    unit: Unit


@dataclass(frozen=True)
class LoginSucceeded:
    """Somebody knew the password of a number."""

    number: str
    contract_number: str
    unit: Unit
    must_change_password: bool


@dataclass(frozen=True)
class LoginFailed:
    """A password was wrong that could have been right."""

    number: str
    contract_number: str
    unit: Unit
    wrong_in_a_row: int


@dataclass(frozen=True)
class GuessIgnored:
    """Somebody tried a number that no password opens now, existing or not; the stream names it.

    Said like a failed login, because what is done about both must take the same time.
    """


@dataclass(frozen=True)
class PasswordInvalidated:
    """Too many wrong guesses in a row: the password is good no more. A new one comes by telephone. Sessions stay open,
    but for one in which the current password was guessed at, and the password cannot be changed in them."""

    number: str
    contract_number: str
    unit: Unit
    temporary: bool


EVENTS = (
    ContractImported,
    ContractChanged,
    ContractRemoved,
    PasswordChanged,
    LoginSucceeded,
    LoginFailed,
    GuessIgnored,
    PasswordInvalidated,
)
