"""A day and a time of day as people type them, in two fields of a form, as an instant of Japan.

Browsers send 2026-11-23 and 15:04; where they have no fields for these, people type what they are used to.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import NamedTuple, TypeVar

from gateway.site.forms import Form, Wrong
from gateway.site.showing import JAPAN
from gateway.site.words import N_, Translate

Made = TypeVar("Made")
_DAY = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?")
_TIME = re.compile(r"(\d{1,2})\s*[:時]\s*(\d{1,2})\s*(?:分|:\d\d)?")
_WRONG: Mapping[str, str] = {
    "date": N_("日付を「年-月-日」の形で入力してください。例：2026-11-23"),
    "time": N_("時刻を「時:分」の形で、24時間制で入力してください。例：15:04"),
}


class Instant(NamedTuple):
    """As the API takes it, "" for now; and what is wrong with the fields."""

    at: str
    wrong: list[Wrong]


def read(form: Form, name: str, say: Translate) -> Instant:
    """Of the fields `<name>.date` and `<name>.time`, of which both are needed or none."""
    day_typed, time_typed = (_plain(form.value(f"{name}.{part}")) for part in _WRONG)
    if not day_typed and not time_typed:
        return Instant("", [])
    day, clock = _read(_DAY, day_typed, date), _read(_TIME, time_typed, time)
    wrong = [
        Wrong(f"{name}.{part}", say(_WRONG[part])) for part, found in (("date", day), ("time", clock)) if found is None
    ]
    if day is None or clock is None:
        return Instant("", wrong)
    return Instant(datetime.combine(day, clock, JAPAN).isoformat(), [])


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()


def _read(pattern: re.Pattern[str], typed: str, make: Callable[..., Made]) -> Made | None:
    """None for what is none, as the 30th of February."""
    found = pattern.fullmatch(typed)
    try:
        return make(*map(int, found.groups())) if found else None
    except ValueError:
        return None
