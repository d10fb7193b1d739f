"""Fields of bodies that more than one service has."""

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from marshmallow import ValidationError, fields, validate

# So much longer than any number that a rule about numbers still has its say.
LONGEST = 40
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

# Makes a phone number as people type it plain digits.
PlainNumber = Callable[[str], str]


def one_line(text: str) -> None:
    """A validator: what is shown in one line, or put into a mail's header, has no line breaks and the like."""
    if _CONTROL.search(text):
        raise ValidationError("control-character")


class TypedNumber(fields.String):
    """A phone number as people type it; what `plain` makes of it from here on."""

    def __init__(self, plain: PlainNumber, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(max=LONGEST), **kwargs)
        self._plain = plain

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return self._plain(super()._deserialize(value, attr, data, **kwargs))


class ByTypedNumber(fields.Dict):
    """Something for each number. One that is spelled in two ways would have it twice, so both are refused."""

    def __init__(self, plain: PlainNumber, values: fields.Field[Any], **kwargs: Any) -> None:
        super().__init__(keys=TypedNumber(plain), values=values, **kwargs)
        self._plain = plain

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        loaded = super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]
        spelled = Counter(self._plain(number) for number in value)
        if repeated := [number for number in value if spelled[self._plain(number)] > 1]:
            raise ValidationError({number: ["repeated-number"] for number in repeated})
        return loaded
