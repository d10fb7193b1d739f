"""What was typed into a form, what is wrong with it, and how both come back on the page.

A field has the name that the API gives it, as a dotted path (`destinations.0.number`), so that what a service finds
wrong stands beside the field by itself.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from werkzeug.datastructures import MultiDict

# Fields of every form of ours; a page never sees them among its values.
PROOF, ONCE, ETAG, RESUMED, CONFIRMED = "csrf", "once", "etag", "resumed", "confirmed"
OURS = frozenset({PROOF, ONCE, ETAG, RESUMED, CONFIRMED})
# Never shown again nor carried along.
SECRET = frozenset({"password", "current", "new", "new_again", "key", "keys", "pressed"})


class Wrong(NamedTuple):
    """One thing to mend. An empty `field` is the form as a whole."""

    field: str
    sentence: str


@dataclass(frozen=True)
class Form:
    """Values by field in the order of the page, and what is wrong with them.

    `etag` is of the state that the form was made from, `once` names this very page, so that sending it twice is one
    order.
    """

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    wrong: tuple[Wrong, ...] = ()
    etag: str = ""
    once: str = field(default_factory=lambda: uuid.uuid4().hex)
    confirmed: bool = False

    @classmethod
    def of(cls, etag: str = "", /, **values: str | Sequence[str]) -> "Form":
        """A form with these values to begin with. Names with dots go in by `Form.filled`."""
        return cls.filled(values, etag)

    @classmethod
    def filled(cls, values: Mapping[str, str | Sequence[str]], etag: str = "") -> "Form":
        return cls({name: [one] if isinstance(one, str) else list(one) for name, one in values.items()}, etag=etag)

    @classmethod
    def sent(cls, fields: MultiDict[str, str]) -> "Form":
        """What a browser has sent."""
        values = {name: values for name, values in fields.lists() if name not in OURS}
        once = fields.get(ONCE) or uuid.uuid4().hex
        return cls(values, (), fields.get(ETAG, ""), once, CONFIRMED in fields)

    def value(self, name: str, default: str = "") -> str:
        """The field's one value."""
        return next(iter(self.values.get(name, ())), default)

    def all(self, name: str) -> Sequence[str]:
        """The values of a field that may have several."""
        return self.values.get(name, ())

    def has(self, name: str, value: str = "on") -> bool:
        """Whether a box is ticked, or a choice made."""
        return value in self.values.get(name, ())

    def error(self, name: str) -> str:
        """What is wrong with a field; "" when nothing is."""
        return next((one.sentence for one in self.wrong if one.field == name), "")

    def again(self, *wrong: Wrong) -> "Form":
        """The same form for another try, in which passwords have to be typed anew."""
        kept = {name: values for name, values in self.values.items() if name not in SECRET}
        return replace(self, values=kept, wrong=wrong, once=uuid.uuid4().hex, confirmed=False)


def carried(fields: MultiDict[str, str]) -> list[tuple[str, str]]:
    """Of a form that was sent, what goes along through a login: all that was typed but passwords."""
    left_out = (OURS | SECRET) - {ETAG}
    return [(name, value) for name, value in fields.items(multi=True) if name not in left_out]
