"""Said by voicewarp: the forwarding of one number, on streams `voicewarp-<number>`; and what became of each call, on
streams `call-<call id>`. All phone numbers are digits only; a caller from abroad begins with +.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Mode = Literal["unconditional", "no-answer", "busy", "no-answer-or-busy"]
SelectMode = Literal["off", "forward-registered", "ring-registered"]
StopCause = Literal["manual", "contract-ended"]
Action = Literal["ring", "forward"]
Reason = Literal[
    "bulk-forward",
    "voicewarp-unconditional",
    "voicewarp-no-answer",
    "voicewarp-busy",
    "voicewarp-no-answer-or-busy",
    "caller-not-registered",
    "caller-registered",
    "caller-anonymous",
    "not-forwarded",
    "unknown-number",
]
CallOutcome = Literal["answered", "no-answer", "busy", "forwarded"]


@dataclass(frozen=True)
class Destination:
    """Where calls may be forwarded to, with the customer's own word for it, which may be empty."""

    number: str
    label: str = ""


@dataclass(frozen=True)
class Caller:
    """A caller of the select function's list, with the customer's own word for it, which may be empty."""

    number: str
    label: str = ""


@dataclass(frozen=True)
class VoiceWarpChanged:
    """The setting as it is from now on, whether it is started or not. In force at once where it is started.

    `active` counts from 1 and is null when no destination is chosen; while it is started one always is.
    """

    number: str
    contract_number: str
    mode: Mode
    ring_seconds: int
    destinations: tuple[Destination, ...]
    active: int | None
    select: SelectMode
    callers: tuple[Caller, ...]


@dataclass(frozen=True)
class VoiceWarpStarted:
    """Calls are forwarded from now on as the setting says; `destination` is the active one."""

    number: str
    contract_number: str
    destination: str


@dataclass(frozen=True)
class VoiceWarpStopped:
    """Calls ring again."""

    number: str
    contract_number: str
    cause: StopCause


@dataclass(frozen=True)
class Step:
    """What the switch does with a call. `to` and `after_seconds` are null where they have no meaning."""

    action: Action
    to: str | None = None
    after_seconds: int | None = None


@dataclass(frozen=True)
class CallReceived:
    """The switch asked, and this was answered. Said once a call, and only of calls to contracted numbers.

    `on_busy` and `on_no_answer` are null where the call just rings on.
    """

    call_id: str
    called: str
    contract_number: str
    caller: str | None
    now: Step
    on_busy: Step | None
    on_no_answer: Step | None
    reason: Reason
    received_at: datetime


@dataclass(frozen=True)
class CallEnded:
    """What became of the call, as the switch reported it. Said once a call, after its `CallReceived`.

    `forwarded_to` is null unless the outcome is `forwarded`.
    """

    call_id: str
    called: str
    contract_number: str
    caller: str | None
    outcome: CallOutcome
    forwarded_to: str | None
    received_at: datetime
    ended_at: datetime


EVENTS = (VoiceWarpChanged, VoiceWarpStarted, VoiceWarpStopped, CallReceived, CallEnded)
