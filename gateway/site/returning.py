"""Where a press leads back to: the place where its button stood, which the form names in its field `back`."""

from collections.abc import Mapping
from urllib.parse import urlencode

import flask

# Where buttons stand, beside the option's own page.
PLACES: Mapping[str, str] = {"top": "/", "lite": "/lite", "fault-notice": "/fault-notice"}
KEPT = ("q", "page")


def here(place: str) -> str:
    """The name of the present page, with the part of a long list that it shows: `lite?page=2`."""
    asked = {name: value for name in KEPT if (value := flask.request.args.get(name))}
    return f"{place}?{urlencode(asked)}" if asked else place


def address(back: str, own: str) -> str:
    """Of what `here` has named; the option's `own` page for any other name. Always a page of ours."""
    place, _, query = back.partition("?")
    path = PLACES.get(place, own)
    return f"{path}?{query}" if query and place in PLACES else path
