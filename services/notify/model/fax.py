"""Of which faxes a mail is owed: each once, to the addresses that faxstore names (spec section 8).

One stream per fax. Who is told is decided where the FAX mail is set, at the moment when the fax came.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from chassis.decider import Decider
from contracts.notify import FaxMailQueued

CATEGORY = "faxtold"

Event = FaxMailQueued
PRIVATE_EVENTS: tuple[type, ...] = ()


@dataclass(frozen=True)
class FaxTold:
    """The mails that are owed of one fax."""

    mails: tuple[str, ...] = ()


@dataclass(frozen=True)
class HearFax:
    """faxstore: a fax has come, and these addresses are to be told."""

    fax_id: str
    contract_number: str
    number: str
    caller: str | None
    pages: int
    received_at: datetime
    addresses: tuple[str, ...]


Command = HearFax


def evolve(told: FaxTold, event: Event) -> FaxTold:
    match event:
        case FaxMailQueued(mail_id=mail_id):
            return FaxTold((*told.mails, mail_id))
        case _:
            assert_never(event)


def decide(command: Command, told: FaxTold) -> Sequence[Event]:
    match command:
        case HearFax():
            mails = [_mail(command, address) for address in command.addresses]
            return [mail for mail in mails if mail.mail_id not in told.mails]
        case _:
            assert_never(command)


def _mail(fax: HearFax, address: str) -> FaxMailQueued:
    return FaxMailQueued(
        mail_id_of(fax.fax_id, address),
        fax.contract_number,
        address,
        fax.fax_id,
        fax.number,
        fax.caller,
        fax.pages,
        fax.received_at,
    )


def mail_id_of(fax_id: str, address: str) -> str:
    """The same for the same fax and address for ever; fit for a Message-ID whatever the receiver calls its faxes."""
    fax, to = (hashlib.sha256(text.encode()).hexdigest() for text in (fax_id, address))
    return f"fax-{fax[:32]}-{to[:16]}"


DECIDER: Decider[FaxTold] = Decider(FaxTold(), decide, evolve)
