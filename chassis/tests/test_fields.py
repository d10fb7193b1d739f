from functools import partial
from typing import Any

import pytest
from marshmallow import fields

from chassis.errors import FieldError, Rejected
from chassis.fields import LONGEST, ByTypedNumber, TypedNumber, one_line
from chassis.web import Body, load


def digits(number: str) -> str:
    return number.replace("-", "")


Number = partial(TypedNumber, digits)


class Form(Body):
    number = Number()
    entries = ByTypedNumber(digits, values=Number())
    name = fields.String(validate=one_line)


def errors(body: dict[str, Any]) -> list[FieldError]:
    with pytest.raises(Rejected) as refused:
        load(Form(), body)
    return list(refused.value.details["errors"])


def test_a_number_is_plain_from_here_on() -> None:
    assert load(Form(), {"number": "06-1", "entries": {"06-2": "0-3"}}) == {"number": "061", "entries": {"062": "03"}}


def test_what_is_far_too_long_for_a_number_is_refused_here() -> None:
    assert errors({"number": "0" * (LONGEST + 1)}) == [FieldError("number", "too-long")]


def test_a_number_that_is_spelled_in_two_ways_is_refused_at_both() -> None:
    found = errors({"entries": {"061": "1", "06-1": "2", "062": "3"}})

    assert found == [FieldError("entries.061", "repeated-number"), FieldError("entries.06-1", "repeated-number")]


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "\x00", "a\u0085b", "a\u2028b", "\x7f"])
def test_one_line_is_one_line(text: str) -> None:
    assert errors({"name": text}) == [FieldError("name", "control-character")]
