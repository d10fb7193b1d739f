"""What answers look like, as the OpenAPI document says it. Nothing here makes an answer: `chassis.web.reply` does.

`routes.response(200, PlanSchema)` documents a route whose view returns `reply(...)`. That the two agree is checked in
tests, by `chassis.documented`.
"""

from collections.abc import Collection
from typing import Any, ClassVar

from marshmallow import fields

from chassis.bodies import Query


class Answer(Query):
    """Base of what is answered: just these fields, and all of them always but those of `sometimes`."""

    sometimes: ClassVar[Collection[str]] = ()

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        super().on_bind_field(field_name, field_obj)
        field_obj.required = field_name not in self.sometimes


class WordsSchema(Answer):
    """A sentence for people, in two languages."""

    ja = fields.String()
    en = fields.String()


class FieldErrorSchema(Answer):
    """One of the things wrong with what was sent."""

    field = fields.String(metadata={"description": "Dotted path; empty for the body as a whole."})
    code = fields.String(metadata={"description": "Stable, in kebab-case."})
    message = fields.String()


class ProblemSchema(Answer):
    """Every error answer; OpenAPI calls it `Problem`."""

    sometimes = ("errors", "details", "current")

    type = fields.String()
    title = fields.String()
    status = fields.Integer()
    code = fields.String(metadata={"description": "Stable, in kebab-case."})
    detail = fields.String(metadata={"description": "A sentence in the language of Accept-Language."})
    errors = fields.List(fields.Nested(FieldErrorSchema))
    details = fields.Dict(metadata={"description": "What the code is about, for whoever looks for the cause."})
    current = fields.Dict(metadata={"description": "With 412: what GET would answer now; ETag is its tag."})
