"""Pieces of pages that say again and again the same: rendered once for what they show, and then remembered."""

from collections.abc import Mapping
from functools import lru_cache

import msgspec
from jinja2 import Environment
from markupsafe import Markup

from gateway.site.browser import language

# Of about a kilobyte each.
MOST = 4_000


class Fragments:
    """Renders `macro` of a template for a value and for where its orders lead `back`, in the language of the answer.

    What is remembered is found by all that it shows, so it is never old and never somebody else's. The macro knows
    nothing but its arguments, of which the value comes as JSON has it, and has no form of its own. Safe to share
    between threads.
    """

    def __init__(self, templates: Mapping[str, Environment], template: str, macro: str) -> None:
        self._templates, self._template, self._macro = templates, template, macro
        self._remembered = lru_cache(MOST)(self._rendered)

    def __call__(self, value: object, back: str) -> Markup:
        return self._remembered(language(), msgspec.json.encode(value), back)

    def _rendered(self, lang: str, value: bytes, back: str) -> Markup:
        macros = self._templates[lang].get_template(self._template).module
        said: Markup = getattr(macros, self._macro)(msgspec.json.decode(value), back)
        return said
