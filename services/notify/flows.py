"""What takes more than one stream: settings whose addresses may be refused, and the test mail with its limit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.errors import TooMany, TsunaguError
from chassis.handling import Handler, Once, Outcome
from chassis.limits import Full, Limit, Limits
from chassis.messages import Origin
from contracts.notify import FaultNoticeChanged, IncomingMailChanged, TrialMailQueued
from services.notify.model.address import Address, RestoreAddress, address_id_of
from services.notify.model.incoming import EditIncoming, Incoming
from services.notify.model.notice import EditNotice, Notice, TryOut

TRIALS = Limit(5, timedelta(minutes=10))


@dataclass(frozen=True)
class Addresses:
    """The addresses of settings, as the mail servers see them."""

    handler: Handler[Address]

    def refused(self, addresses: Sequence[str]) -> dict[str, Address]:
        """Those to which no mail goes now."""
        states = self.handler.read_many([address_id_of(address) for address in addresses]) if addresses else {}
        return {one: states[address_id_of(one)] for one in addresses if states[address_id_of(one)].refused_since}

    def complete(self, command: EditNotice | EditIncoming) -> EditNotice | EditIncoming:
        """The command, which then knows the refused ones among the addresses that it saves."""
        return replace(command, refused=frozenset(self.refused(command.addresses or ())))

    def restore(self, outcome: Outcome[Notice] | Outcome[Incoming], origin: Origin) -> None:
        """Whoever saves a setting wants its addresses tried again."""
        for event in outcome.events:
            if isinstance(event, FaultNoticeChanged | IncomingMailChanged):
                for address in self.refused(event.addresses):
                    id = address_id_of(address)
                    self.handler.handle(id, RestoreAddress(id), origin)


@dataclass(frozen=True)
class Trials:
    """Test mails of a fault notice, so many in a while for each contract."""

    notices: Handler[Notice]
    limits: Limits

    def order(self, contract_number: str, trial_id: str, origin: Origin, once: Once | None, at: datetime) -> list[str]:
        """The addresses that get one. A request that came before, or is refused, takes no place of the limit."""
        place = self.limits.take(f"test-mail:{contract_number}", TRIALS, at)
        if isinstance(place, Full):
            raise TooMany("too-many-test-mails", retry_after=place.retry_after)
        try:
            outcome = self.notices.handle(contract_number, TryOut(trial_id), origin, once=once)
        except TsunaguError:
            self.limits.give_back(place)
            raise
        if not outcome.events:
            self.limits.give_back(place)
            return list(outcome.state.addresses)
        return [event.address for event in outcome.events if isinstance(event, TrialMailQueued)]
