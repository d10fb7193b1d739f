"""A remembered piece is what would be rendered now, in the language of who asks."""

from functools import partial

import flask
import pytest
from jinja2 import DictLoader, Environment

from gateway.site.fragments import Fragments

MACRO = "{% macro card(one, back) %}<p>{{ word }} {{ one.name }} {{ back }}{{ rendered() }}</p>{% endmacro %}"


def _note(rendered: list[str], lang: str) -> str:
    rendered.append(lang)
    return ""


@pytest.fixture
def rendered() -> list[str]:
    return []


@pytest.fixture
def card(rendered: list[str]) -> Fragments:
    templates = {}
    for lang, word in (("ja", "開始"), ("en", "Start")):
        templates[lang] = Environment(loader=DictLoader({"card": MACRO}), autoescape=True)
        templates[lang].globals |= {"word": word, "rendered": partial(_note, rendered, lang)}
    return Fragments(templates, "card", "card")


def test_what_shows_the_same_is_rendered_once(card: Fragments, rendered: list[str]) -> None:
    with flask.Flask("site").test_request_context("/"):
        first, again = card({"name": "<a>"}, "/"), card({"name": "<a>"}, "/")

    assert first == again == "<p>開始 &lt;a&gt; /</p>"
    assert rendered == ["ja"]


def test_what_shows_something_else_is_another(card: Fragments, rendered: list[str]) -> None:
    with flask.Flask("site").test_request_context("/"):
        made = [card({"name": "a"}, "/"), card({"name": "b"}, "/"), card({"name": "a"}, "/lite")]
    with flask.Flask("site").test_request_context("/", headers={"Accept-Language": "en"}):
        made.append(card({"name": "a"}, "/"))

    assert made == ["<p>開始 a /</p>", "<p>開始 b /</p>", "<p>開始 a /lite</p>", "<p>Start a /</p>"]
    assert rendered == ["ja", "ja", "ja", "en"]
