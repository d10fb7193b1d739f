"""Said by auth: which contracts there are, with their numbers and options. Stream `contract-<contract number>`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

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
    """The contract as it is from now on; numbers and options that are missing here have ended."""

    contract: Contract


@dataclass(frozen=True)
class ContractRemoved:
    """The contract has ended with everything that ran on it."""

    contract_number: str


EVENTS = (ContractImported, ContractChanged, ContractRemoved)
