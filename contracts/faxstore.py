"""Said by faxstore: the FAX mail of one number, on streams `faxmail-<number>`; and each fax that came in and was taken
away, on streams `fax-<fax id>`. All phone numbers are digits only; a caller from abroad begins with +.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from contracts.switched import SwitchedOn

MediaType = Literal["image/tiff", "application/pdf"]
DeleteCause = Literal["manual", "expired"]


@dataclass(frozen=True)
class FaxMailChanged:
    """The FAX mail of one number from now on."""

    number: str
    contract_number: str
    started: bool
    addresses: tuple[str, ...]
    on: SwitchedOn | None = None


@dataclass(frozen=True)
class FaxReceived:
    """A fax is kept. Said once a fax, however often its receiver sends it.

    `addresses` are told of it: those of the FAX mail as it was when the fax came; none where that was stopped.
    """

    fax_id: str
    number: str
    contract_number: str
    caller: str | None
    media_type: MediaType
    pages: int
    size: int
    checksum: str
    received_at: datetime
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class FaxDeleted:
    """The fax can be read no more, and its content goes for good."""

    fax_id: str
    number: str
    contract_number: str
    cause: DeleteCause


EVENTS = (FaxMailChanged, FaxReceived, FaxDeleted)
