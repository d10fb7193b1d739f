"""Said by ivr: what was set by telephone. Stream `call-<call id>`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Unit = Literal["line", "number", "admin-user"]


@dataclass(frozen=True)
class PasswordIssued:
    """A temporary password was set for a number. It replaces whatever password the number had.

    `verifier` is an Argon2id hash of the password made with a pepper that only ivr and auth hold; no event has the
    password itself. Said at most once a call.

    Of two passwords of a number the one with the larger `sequence` is the newer, whatever their times say; events of
    before there were any have 0. `contract_known` is the `sequence` of the newest event of the contract that ivr had
    heard.
    """

    number: str
    contract_number: str
    unit: Unit
    verifier: str
    issued_at: datetime
    call_id: str
    sequence: int = 0
    contract_known: str = ""


EVENTS = (PasswordIssued,)
