"""JSON that has one meaning: what two readers may understand differently is refused.

Duplicate keys, NaN, numbers beyond 64 bits, and texts that no engine can keep (NUL, lone surrogates) are refused with
the whole body, before any rule sees it.
"""

import json
import math
from typing import Any, NoReturn

from chassis.errors import BadMessage

_DEEPEST = 64
_LARGEST_INTEGER = 2**63


def read_json(data: bytes) -> Any:
    """The value of a JSON text in UTF-8; raises BadMessage `unreadable-json` and never anything else."""
    value = parse_json(data)
    check_values(value)
    return value


def parse_json(data: bytes) -> Any:
    """As `read_json`, but its values are still to be checked: for a list whose items are judged one by one."""
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_object, parse_constant=_not_a_number)
    except RecursionError:
        raise _unreadable("the nesting is too deep") from None
    except ValueError as problem:  # Also UnicodeDecodeError, JSONDecodeError and integers of thousands of digits.
        raise _unreadable(str(problem)) from None


def _unreadable(reason: str) -> BadMessage:
    return BadMessage("unreadable-json", reason=reason)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has the same key twice")
    return found


def _not_a_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def check_values(value: Any) -> None:
    """Refuses, as BadMessage `unreadable-json`, what the syntax allows and no engine can keep. Does not recurse."""
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        match item:
            case str():
                _check_text(item)
            case dict() | list():
                if depth > _DEEPEST:
                    raise _unreadable("the nesting is too deep")
                waiting.extend((inner, depth + 1) for inner in (item.values() if isinstance(item, dict) else item))
                for key in item if isinstance(item, dict) else ():
                    _check_text(key)
            case int() if not -_LARGEST_INTEGER <= item < _LARGEST_INTEGER:
                raise _unreadable("a number is too large")
            case float() if math.isinf(item):
                raise _unreadable("a number is too large")


def _check_text(text: str) -> None:
    if text.isascii() and "\0" not in text:
        return
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise _unreadable("a text holds NUL or half of a character")
