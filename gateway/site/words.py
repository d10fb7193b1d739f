"""What pages say, in both languages. Japanese is the source: it stands in templates and modules as it is shown.

English is in `gateway/words/en/`, one catalogue for each group of pages; `gateway/tests/site/test_words.py` notices a
sentence without English and English that nothing says any more.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from babel.messages.pofile import read_po
from jinja2 import Environment
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from markupsafe import Markup

from gateway.site.browser import LANGUAGES, language

FOLDER = Path(__file__).parents[1] / "words"
Translate = Callable[[str], str]
# `_("...")`, and ("..." | safe) instead of it: the texts of templates and catalogues are ours.
_CALL = ("name", "lparen", "string", "rparen")
_BEFORE, _AFTER = (("lparen", "("),), (("pipe", "|"), ("name", "safe"), ("rparen", ")"))


class Catalogue:
    """All catalogues of one language as one. What it lacks is said in Japanese."""

    def __init__(self, sentences: Mapping[str, str]) -> None:
        self._sentences = dict(sentences)

    @classmethod
    def of(cls, name: str, folder: Path = FOLDER) -> "Catalogue":
        """Of a language's folder; a language without one is the source."""
        sentences: dict[str, str] = {}
        for path in sorted((folder / name).glob("*.po")):
            with path.open("rb") as file:
                found = read_po(file, locale=name)
            sentences |= {str(one.id): str(one.string) for one in found if one.id and one.string}
        return cls(sentences)

    def say(self, sentence: str) -> str:
        return self._sentences.get(sentence, sentence)


def catalogues() -> Mapping[str, Catalogue]:
    """Of each language."""
    return {name: Catalogue.of(name) for name in LANGUAGES}


def translator(catalogues: Mapping[str, Catalogue]) -> Translate:
    """Says a sentence in the language of the present answer."""

    def say(sentence: str) -> str:
        return catalogues[language()].say(sentence)

    return say


def environments(plain: Environment, catalogues: Mapping[str, Catalogue]) -> Mapping[str, Environment]:
    """The templates of `plain` as they are in each language; globals and filters stay shared.

    A page says hundreds of sentences, most of which are known when its template is compiled.
    """
    made = {name: plain.overlay(extensions=[_Said]) for name in catalogues}
    for name, environment in made.items():
        environment.extend(catalogue=catalogues[name])
    return made


class _Said(Extension):
    """Puts the sentence itself in the place of `_("...")`, where nothing is to be filled in."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        catalogue: Catalogue = self.environment.catalogue  # type: ignore[attr-defined]
        waiting: list[Token] = []
        for token in stream:
            waiting.append(token)
            if not _begins_call(waiting):
                yield from waiting
                waiting = []
            elif len(waiting) == len(_CALL):
                said = catalogue.say(waiting[2].value)
                yield from (Token(token.lineno, *part) for part in (*_BEFORE, ("string", said), *_AFTER))
                waiting = []
        yield from waiting


def _begins_call(tokens: list[Token]) -> bool:
    return tokens[0].value == "_" and all(token.type == kind for token, kind in zip(tokens, _CALL, strict=False))


def for_templates(translate: Translate) -> Callable[..., Markup]:
    """`_` of templates, where a sentence has something to fill in or is chosen by the page."""

    def say(sentence: str, /, **values: object) -> Markup:
        """`values` go into %(name)s, escaped unless they are Markup."""
        said = Markup(translate(sentence))
        return said % values if values else said

    return say


def N_(sentence: str) -> str:  # noqa: N802  gettext's own name: marks a sentence that is said later.
    return sentence
