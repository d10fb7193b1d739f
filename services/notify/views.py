"""The mail queue as rows: what is owed, how far each mail has got. Made from our own events; lags by moments.

A row folds two streams, the one that owes the mail and the mail's own, and comes out the same in either order.
Beside it the addresses of each number's FAX mail, as faxstore says them.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from chassis.messages import Recorded
from chassis.views import Row, View
from contracts.faxstore import FaxMailChanged
from contracts.notify import (
    FaxMailQueued,
    IncomingMailQueued,
    MailFailed,
    MailQueued,
    MailSent,
    MailSuppressed,
    TrialMailQueued,
)
from services.notify.model.bundle import GATHERING, bundle_id_of
from services.notify.model.drill import DrillMailQueued
from services.notify.model.letters import Owed
from services.notify.model.mail import MailHeld, MailPostponed, MailRetried


def keys_mail(recorded: Recorded) -> Sequence[str]:
    return [recorded.event.mail_id]


def fold_mail(row: Row | None, recorded: Recorded) -> Row:
    """`due_at` is when to try next, None when there is nothing to do or nothing is known to send yet.

    `bundle` is where the mail may meet others that go out in the same letter, None where each goes alone.
    """
    event, told = recorded.event, dict(row or _NOTHING)
    match event:
        case MailQueued() | IncomingMailQueued() | TrialMailQueued() | DrillMailQueued() | FaxMailQueued():
            told |= {"queued": msgspec.to_builtins(event), "queued_at": recorded.at, "contract": event.contract_number}
            told |= {"event": recorded.type}
            if isinstance(event, MailQueued):
                told |= {"bundle": bundle_id_of(event, recorded.at)}
        case MailPostponed():
            told |= {"state": "queued", "attempts": event.attempts, "answer": event.answer, "next_at": event.next_at}
        case MailRetried():
            told |= {"state": "queued", "next_at": event.at}
        case MailHeld():
            told |= {"next_at": event.next_at}
        case MailSent():
            told |= {"state": "sent", "attempts": event.attempts, "answer": event.answer}
        case MailFailed():
            told |= {"state": "failed", "attempts": event.attempts, "answer": event.answer}
        case MailSuppressed():
            told |= {"state": "suppressed", "answer": event.answer}
    return {**told, "due_at": _due_at(told)}


# What says that a mail is owed, by its name in a row.
OWED: Mapping[str, type[Owed]] = {
    owed.__name__: owed for owed in (MailQueued, IncomingMailQueued, TrialMailQueued, DrillMailQueued, FaxMailQueued)
}


def owed_of(row: Row) -> Owed:
    """What is to be sent, of a row that has it. The oldest rows name no event: all mails told of faults then."""
    return msgspec.convert(row["queued"], OWED[row.get("event", MailQueued.__name__)])


_NOTHING: Mapping[str, Any] = {
    "queued": None,
    "queued_at": None,
    "contract": "",
    "state": "queued",
    "attempts": 0,
    "answer": "",
    "next_at": None,
    "bundle": None,
}


def _due_at(told: dict[str, Any]) -> Any:
    if told["state"] != "queued" or told["queued"] is None:
        return None
    return told["next_at"] or told["queued_at"] + (GATHERING if told["bundle"] else timedelta())


MAILS = View(
    "mails",
    frozenset({*OWED, "MailPostponed", "MailRetried", "MailHeld", "MailSent", "MailFailed", "MailSuppressed"}),
    keys_mail,
    fold_mail,
    indexes=(
        (("bundle", 1), ("queued_at", 1)),
        (("due_at", 1),),
        (("contract", 1), ("queued_at", -1)),
        (("state", 1), ("queued_at", -1)),
    ),
)


def keys_fax_mail(recorded: Recorded) -> Sequence[str]:
    return [recorded.event.number]


def fold_fax_mail(_row: Row | None, recorded: Recorded) -> Row:
    """The addresses, and whose they are."""
    changed: FaxMailChanged = recorded.event
    return {"contract_number": changed.contract_number, "addresses": list(changed.addresses)}


FAX_MAILS = View("fax_mails", frozenset({FaxMailChanged.__name__}), keys_fax_mail, fold_fax_mail)
