"""Times and numbers as people read them, in the language of the page. Times are Japan's."""

import re
from datetime import UTC, datetime, timedelta, timezone

from markupsafe import Markup, escape

from contracts import phone
from gateway.site.browser import language

JAPAN = timezone(timedelta(hours=9))
_NUMBER = re.compile(r"\b[0-9]{2,5}-[0-9]{1,4}-[0-9]{3,4}\b", re.ASCII)
_DAYS = "月火水木金土日"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def time_of(text: str | datetime) -> datetime:
    """An instant of the API, in Japan's time."""
    at = datetime.fromisoformat(text) if isinstance(text, str) else text
    return at.astimezone(JAPAN)


def when(text: str | datetime) -> Markup:
    """2026年11月23日（月）15:04, as a <time> that machines read too."""
    at = time_of(text)
    return Markup(f'<time datetime="{at.isoformat(timespec="seconds")}">{_worded(at)}</time>')


def day(text: str | datetime) -> Markup:
    """2026年11月23日（月）alone, where the times of day stand beside it."""
    at = time_of(text)
    return Markup('<time datetime="{:%Y-%m-%d}">{}</time>').format(at, _day(at))


def _worded(at: datetime) -> str:
    return f"{_day(at)}, {at:%H:%M}" if language() == "en" else f"{_day(at)}{at:%H:%M}"


def _day(at: datetime) -> str:
    if language() == "en":
        return f"{_MONTHS[at.month - 1]} {at.day}, {at.year}"
    return f"{at.year}年{at.month}月{at.day}日（{_DAYS[at.weekday()]}）"


def clock(text: str | datetime) -> Markup:
    """15:04 alone, for what is today."""
    at = time_of(text)
    return Markup('<time datetime="{}">{:%H:%M}</time>').format(at.isoformat(timespec="seconds"), at)


def number(digits: str) -> Markup:
    """06-0000-1111, together on a line where that has room."""
    return Markup(f'<span class="number">{escape(plain(digits))}</span>')


def plain(digits: str) -> str:
    """06-0000-1111 where there is no room for marks, as in what is read out."""
    return phone.shown(digits)


def unbroken(sentence: str) -> Markup:
    """A sentence whose phone numbers stay together where a line has room."""
    return Markup(_NUMBER.sub(r'<span class="number">\g<0></span>', str(escape(sentence))))


def now() -> datetime:
    return datetime.now(UTC)
