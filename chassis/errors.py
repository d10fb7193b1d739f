"""The errors that cross module borders.

Each error carries a stable kebab-case `code` that callers may branch on, and `details` for whoever reads the answer.
The class alone says which HTTP status it becomes and whether the same attempt may succeed later, so that no caller
has to know single codes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with a body: dotted path of the field, stable code, a sentence ("" = worded by the table)."""

    field: str
    code: str
    message: str = ""


class TsunaguError(Exception):
    """Base of all errors below. `message` is for people; empty means that the table of `chassis.web` words it.

    `field` among the details names the body field to blame, by a dotted path such as `entries.0600001111`.
    """

    status: ClassVar[int] = 500
    retriable: ClassVar[bool] = False

    def __init__(self, code: str, message: str = "", /, **details: Any) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.details: dict[str, Any] = details

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.message else self.code


class Rejected(TsunaguError):
    """A rule forbids the command in the present state. A normal outcome: answered or counted, never dead-lettered."""

    status = 422


class NotFound(TsunaguError):
    """There is no such thing, or the caller may not know that there is."""

    status = 404


class Conflict(TsunaguError):
    """Somebody else changed the same thing at the same time, or the same key was used for another request."""

    status = 409


class Stale(TsunaguError):
    """The caller's If-Match names a state that is gone; `current` is what GET would answer now."""

    status = 412

    def __init__(self, code: str, message: str = "", /, *, current: Mapping[str, Any] | None = None, **details: Any):
        super().__init__(code, message, **details)
        self.current = current


class Forbidden(TsunaguError):
    """The caller is known and may not do this."""

    status = 403


class Unauthenticated(TsunaguError):
    """The caller did not prove who they are."""

    status = 401


class BadMessage(TsunaguError):
    """What was sent cannot be read at all. On a topic: goes to the dead-letter topic without another attempt."""

    status = 400


class Damaged(TsunaguError):
    """What we have kept ourselves cannot be read. No fault of the caller, and no second attempt will help."""

    status = 500


class Unavailable(TsunaguError):
    """An engine or another service does not answer; the same attempt may succeed after `retry_after` seconds."""

    status = 503
    retriable = True

    def __init__(self, code: str, message: str = "", /, *, retry_after: int = 2, **details: Any) -> None:
        super().__init__(code, message, **details)
        self.retry_after = retry_after


class TooMany(TsunaguError):
    """The caller has done this too often lately, and may again after `retry_after` seconds."""

    status = 429

    def __init__(self, code: str, message: str = "", /, *, retry_after: int, **details: Any) -> None:
        super().__init__(code, message, **details)
        self.retry_after = retry_after


class Missing(TsunaguError):
    """The request lacks a header without which it may not change anything."""

    status = 428


class TooLarge(TsunaguError):
    """More bytes than this place takes."""

    status = 413


class UnsupportedMedia(TsunaguError):
    """The body's type or encoding is none that this place reads."""

    status = 415


class NoRoom(TsunaguError):
    """Everything is right with it, but there is no room for more; there may be when somebody has made some."""

    status = 507
