"""What every format is mapped to, our own JSON of a line event, and the words and names that all of them share.

A mapping knows of no state and asks no rule. It is lenient: what it does not need it does not look at, and it leaves it
to our own JSON's checks to refuse what does not fit. What is wrong with one item is a value, not an exception.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chassis.errors import BadMessage, FieldError, Rejected
from chassis.strict_json import check_values
from contracts.linewatch import Severity

# One item of our own JSON, or why there is none.
Item = Mapping[str, Any] | Rejected
Labels = Mapping[str, Any]

LONGEST_ID, LONGEST_SOURCE, LONGEST_CAUSE = 256, 128, 1000

# Many words for few severities. What nobody rates at all is major, as in our own JSON.
_SEVERITIES: Mapping[str, Severity] = {
    **dict.fromkeys(("critical", "crit", "disaster", "emergency", "emerg", "fatal", "page", "down"), "critical"),
    **dict.fromkeys(("major", "error", "err", "high", "alert"), "major"),
    **dict.fromkeys(("minor", "warning", "warn", "average"), "minor"),
    **dict.fromkeys(("info", "information", "informational", "notice", "none", "debug"), "warning"),
}
_YES = frozenset({"true", "yes", "1", "on"})


@dataclass(frozen=True)
class Names:
    """How senders' labels, tags or details are called that tell whose line it is; the first that is there counts."""

    line: str = "line"
    circuit: str = "circuit"
    area: str = "area"


def wrong(field: str, code: str = "wrong-type") -> Rejected:
    """The item cannot be read; `field` as its sender calls it."""
    return Rejected("invalid-item", errors=[FieldError(field, code)])


def unkeepable(value: object) -> Rejected | None:
    """Why the item holds something that no engine can keep (too deep, halves of characters), wherever it stands."""
    try:
        check_values(value)
    except BadMessage as problem:
        return Rejected("invalid-item", **problem.details)
    return None


def named(names: Names, *places: Labels) -> dict[str, str]:
    """Whose line it is, by the first name that one of `places` has; empty when none has any."""
    for own, theirs in (("line", names.line), ("circuit", names.circuit), ("area", names.area)):
        for labels in places:
            if said := text(labels.get(theirs)).strip():
                return {own: said}
    return {}


def severity(said: object) -> Severity:
    """Ours for a sender's word."""
    return _SEVERITIES.get(text(said).strip().lower(), "major")


def is_true(*said: object) -> bool:
    """Whether one of these says yes, in whatever way labels do."""
    return any(one is True or text(one).strip().lower() in _YES for one in said)


def text(value: object) -> str:
    """A text or a number as text; "" for anything else."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def first(*said: object) -> str:
    """The first that says something, no longer than a cause may be."""
    return next((text(one).strip() for one in said if text(one).strip()), "")[:LONGEST_CAUSE]


def short(name: str, most: int = LONGEST_ID) -> str:
    """A name of any length as one that is kept; what is cut is told apart by a digest of the whole."""
    if len(name) <= most:
        return name
    digest = digest_of(name)
    return name[: most - len(digest) - 1] + "-" + digest


def digest_of(value: object) -> str:
    """The same for the same JSON value, in whatever order its keys are."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def mapping(value: object) -> Mapping[str, Any] | None:
    """The object; None where there is something else. What is missing or null is an empty one."""
    if value is None:
        return {}
    return value if isinstance(value, Mapping) else None


def sequence(value: object) -> Sequence[Any] | None:
    return value if isinstance(value, list) else None
