"""Times and numbers as people read them, in the language of the page. Times are Japan's."""

from datetime import UTC, datetime, timedelta, timezone

from markupsafe import Markup

from contracts import phone
from gateway.site.browser import language

JAPAN = timezone(timedelta(hours=9))
_DAYS = "月火水木金土日"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def time_of(text: str | datetime) -> datetime:
    """An instant of the API, in Japan's time."""
    at = datetime.fromisoformat(text) if isinstance(text, str) else text
    return at.astimezone(JAPAN)


def when(text: str | datetime) -> Markup:
    """2026年11月23日（月）15:04, as a <time> that machines read too."""
    at = time_of(text)
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="seconds"), _worded(at))


def _worded(at: datetime) -> str:
    if language() == "en":
        return f"{_MONTHS[at.month - 1]} {at.day}, {at.year}, {at:%H:%M}"
    return f"{at.year}年{at.month}月{at.day}日（{_DAYS[at.weekday()]}）{at:%H:%M}"


def clock(text: str | datetime) -> Markup:
    """15:04 alone, for what is today."""
    at = time_of(text)
    return Markup('<time datetime="{}">{:%H:%M}</time>').format(at.isoformat(timespec="seconds"), at)


def number(digits: str) -> Markup:
    """06-0000-1111, never broken over two lines."""
    return Markup('<span class="number">{}</span>').format(phone.shown(digits))


def now() -> datetime:
    return datetime.now(UTC)
