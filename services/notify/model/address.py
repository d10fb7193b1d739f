"""Which addresses are written to no more: those that a mail server refused for good (spec section 8).

One stream per address, whoever wrote it into a setting. A customer who saves it anew and an operator who has a mail to
it retried want it tried again.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from chassis.decider import Decider

CATEGORY = "address"


@dataclass(frozen=True)
class AddressRefused:
    """A mail server has refused the address for good."""

    address_id: str
    answer: str
    at: datetime


@dataclass(frozen=True)
class AddressRestored:
    """It is tried again."""

    address_id: str


Event = AddressRefused | AddressRestored
PRIVATE_EVENTS = (AddressRefused, AddressRestored)


@dataclass(frozen=True)
class Address:
    """Since when no mail goes there, None when mails do, and what the server said."""

    refused_since: datetime | None = None
    answer: str = ""


@dataclass(frozen=True)
class RefuseAddress:
    """A mail server refused it for good."""

    address_id: str
    answer: str
    at: datetime


@dataclass(frozen=True)
class RestoreAddress:
    """Somebody wants it tried again."""

    address_id: str


Command = RefuseAddress | RestoreAddress


def evolve(address: Address, event: Event) -> Address:
    match event:
        case AddressRefused(answer=answer, at=at):
            return Address(at, answer)
        case AddressRestored():
            return Address()
        case _:
            assert_never(event)


def decide(command: Command, address: Address) -> list[Event]:
    match command:
        case RefuseAddress(address_id, answer, at):
            return [] if address.refused_since else [AddressRefused(address_id, answer, at)]
        case RestoreAddress(address_id):
            return [AddressRestored(address_id)] if address.refused_since else []
        case _:
            assert_never(command)


def address_id_of(address: str) -> str:
    """The same however it is spelled in capitals; tells nobody the address."""
    return hashlib.sha256(address.lower().encode()).hexdigest()[:32]


DECIDER: Decider[Address] = Decider(Address(), decide, evolve)
