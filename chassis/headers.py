"""Headers that a route reads beside its body. They are said once, at the route: documented from there, and no other is
read by `chassis.web`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import flask

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Header:
    """A header of a request, as the OpenAPI document has it."""

    name: str
    description: str
    required: bool = False

    def documented(self) -> dict[str, Any]:
        about = {"description": self.description, "required": self.required}
        return {"name": self.name, "in": "header", **about, "schema": {"type": "string"}}


# For writes that are meant whatever else has changed (docs/adr/0020-which-writes-need-if-match.md).
IF_MATCH = Header(
    "If-Match", "The ETag of what was seen, or `*`. When it is another by now: 412, with the present state."
)
IF_MATCH_NEEDED = replace(IF_MATCH, description=f"{IF_MATCH.description} Without it: 428.", required=True)
IDEMPOTENCY_KEY = Header(
    "Idempotency-Key",
    "1 to 128 printable ASCII characters of the caller's own. Requests with the same key are carried out once; with "
    "another body: 422 `idempotency-key-reused`.",
)


def takes(*headers: Header) -> Callable[[View], View]:
    """The route reads these, with `chassis.web.if_match`, `idempotency_key` or `once`."""

    def mark(view: View) -> View:
        view.headers = headers  # type: ignore[attr-defined]
        return view

    return mark


def taken_by(view: Callable[..., Any]) -> Sequence[Header]:
    """What a view has said that it reads."""
    headers: Sequence[Header] = getattr(view, "headers", ())
    return headers


def need_said(name: str) -> None:
    """Raises LookupError where the present route has not said that it reads the header."""
    endpoint = flask.request.endpoint or ""
    if all(header.name != name for header in taken_by(flask.current_app.view_functions[endpoint])):
        raise LookupError(f"{endpoint} reads {name} and does not say so with `takes`")
