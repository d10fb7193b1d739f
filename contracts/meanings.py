"""What each field of a public event means, in words for whoever reads events from outside.

A field's name means the same in every event; where one event means something of its own, the key is `Event.field`.
A test asks for the meaning of every field that is published.
"""

from collections.abc import Mapping

FIELDS: Mapping[str, str] = {
    "addresses": "Mail addresses that get the notices.",
    "address": "The one mail address that this mail goes to.",
    "answer": "The mail server's last answer, shortened.",
    "answers": "Mail id of the fault mail that this recovery mail replies to; null for a fault mail.",
    "attempts": "How many times the mail was tried, this time included.",
    "auto_start": "A fault starts bulk forwarding.",
    "auto_stop": "The recovery stops what a fault started.",
    "call_id": "The call in which it was set.",
    "cause": "Why it happened.",
    "circuit": "Id of the access line in the network, or empty.",
    "contract": "The whole contract as it is from now on.",
    "contract_number": "Main phone number of the contract, digits only.",
    "contractor": "Name of the contractor, for mails; may be empty.",
    "entries": "Where each number goes: phone number to destination, digits only.",
    "fault_id": "Names one fault of one line from its beginning to its end.",
    "forwarding": "What bulk forwarding did about it.",
    "issued_at": "When the password was set; it is valid for 24 h from then.",
    "kind": "Whether the mail tells of a fault or of its recovery.",
    "mail_id": "The same for the same fault, kind and address for ever; the Message-ID is made from it.",
    "must_change_password": "The login can only change the password: it is temporary, or older than it may be.",
    "number": "The phone number that it is about, digits only.",
    "numbers": "Every phone number of the contract, its own included, with its options.",
    "options": "Options of the contract as a whole.",
    "reason": "Why nothing was done.",
    "severity": "How grave, from `warning` to `critical`.",
    "since": "When it began.",
    "site": "Where the line is, for mails; may be empty.",
    "started": "Notices are sent.",
    "temporary": "It was a temporary password, set by telephone.",
    "unit": "Whom a login with this number stands for: the line, the number alone, administrator or user.",
    "until": "When it ended.",
    "verifier": "Argon2id hash (PHC string) of the peppered password.",
    "wrong_in_a_row": "How many guesses at the password were wrong since the last right one, this one included.",
    "BulkForwardStarted.cause": "`manual`: by a customer or an operator; `fault`: by the automation.",
    "BulkForwardStarted.fault_id": "The fault that started it; null when a hand did.",
    "BulkForwardStarted.since": "When forwarding started; a takeover by hand keeps the first start.",
    "BulkForwardStopped.cause": "`manual`: by hand; `recovery`: by the automation; else what made it pointless.",
    "BulkForwardStopped.entries": "The entries that were forwarded until now.",
    "BulkForwardStopped.fault_id": "The fault whose recovery stopped it; null for any other cause.",
    "LineFaulted.cause": "The monitoring system's words for the worst open alarm; may be empty.",
    "LineFaulted.since": "When the first alarm of the fault was raised, by the monitoring system's clock.",
    "LineFaultWorsened.cause": "The monitoring system's words for the worst open alarm; may be empty.",
    "LineFaultWorsened.since": "When the fault began, as it was said before.",
    "LineRecovered.since": "When the fault began, by the monitoring system's clock.",
    "LineRecovered.until": "When its last alarm was cleared, by the monitoring system's clock.",
    "MailQueued.entries": "How many numbers are or were forwarded.",
    "MailQueued.reason": "Why bulk forwarding did nothing; empty when it did, or when nothing was heard of it.",
    "MailQueued.since": "When the fault began.",
    "MailQueued.until": "When the line recovered; null in a fault mail.",
}


def meaning(event: str, field: str) -> str | None:
    """The words for a field of an event or of a value in it; None when nobody has written them yet."""
    return FIELDS.get(f"{event}.{field}") or FIELDS.get(field)
