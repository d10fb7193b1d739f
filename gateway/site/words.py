"""What pages say, in both languages. Japanese is the source: it stands in templates and modules as it is shown.

English is in `gateway/words/en/`, one catalogue for each group of pages; `gateway/tests/site/test_words.py` notices a
sentence without English and English that nothing says any more.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from babel.messages.pofile import read_po
from markupsafe import Markup

from gateway.site.browser import language

FOLDER = Path(__file__).parents[1] / "words"
Translate = Callable[[str], str]


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


def translator() -> Translate:
    """Says a sentence in the language of the present answer."""
    catalogues = {name: Catalogue.of(name) for name in ("ja", "en")}

    def say(sentence: str) -> str:
        return catalogues[language()].say(sentence)

    return say


def for_templates(translate: Translate) -> Callable[..., Markup]:
    """`_` of templates. A page says hundreds of sentences, for which Jinja's own takes a third of the page's time."""

    def say(sentence: str, /, **values: object) -> Markup:
        """`values` go into %(name)s, escaped unless they are Markup."""
        said = Markup(translate(sentence))
        return said % values if values else said

    return say


def N_(sentence: str) -> str:  # noqa: N802  gettext's own name: marks a sentence that is said later.
    return sentence
