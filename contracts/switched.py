"""Since when an option is on and who started it, as whoever sees that it is on wants to know."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True)
class SwitchedOn:
    """An option is on since `at`; `by` is what kind of person or thing started it."""

    at: datetime
    by: Literal["customer", "operator", "automatic", "telephone"]


def switched(was_started: bool, before: SwitchedOn | None, started: bool, now: SwitchedOn | None) -> SwitchedOn | None:
    """After a change `now` of an option that was on since `before`: it stays on since then, or begins anew.

    None while it is off, and where nobody noted when it was started.
    """
    if not started:
        return None
    return before if was_started else now


def told(on: SwitchedOn | None) -> dict[str, str]:
    """As answers tell it, beside whether the option is started: `since` and `by`; nothing where that is not known."""
    return {"since": on.at.isoformat(), "by": on.by} if on else {}
