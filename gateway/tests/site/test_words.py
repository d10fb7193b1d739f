"""Every sentence of the site is said in both languages, and in plain words."""

import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po
from jinja2 import DictLoader, Environment

from gateway.site.words import Catalogue, environments

GATEWAY = Path(__file__).parents[2]
KEYWORDS = {"_": None, "N_": None, "say": None, "done": None}
JAPANESE = re.compile(r"[\u3041-\u30fa\u4e00-\u9fff]")
# Words that frighten or blame; what happened and what to do is said instead (ux.md).
NOT_SAID = re.compile("不正|無効|禁止|エラーコード|半角")


def test_every_sentence_has_english() -> None:
    known = english()

    missing = sorted(f"{place}: {sentence}" for sentence, place in said().items() if sentence not in known)

    assert not missing, "Add them to gateway/words/en/<group>.po:\n" + "\n".join(missing)


def test_no_english_is_left_over() -> None:
    spoken = said()

    unused = sorted(f"{place}: {sentence}" for sentence, place in english().items() if sentence not in spoken)

    assert not unused, "Nothing says these any more:\n" + "\n".join(unused)


def test_a_sentence_has_its_english_once() -> None:
    places = [(sentence, path) for path in catalogues() for sentence in sentences_of(path)]
    first = dict(reversed(places))

    twice = [f"{path.name}: {sentence}" for sentence, path in places if first[sentence] != path]

    assert not twice, "These stand in another catalogue already:\n" + "\n".join(twice)


def test_both_languages_fill_in_the_same() -> None:
    names = re.compile(r"%\((\w+)\)s")
    odd = [
        str(one.id)
        for path in catalogues()
        for one in read_po(path.open("rb"))
        if set(names.findall(str(one.id))) != set(names.findall(str(one.string)))
    ]

    assert not odd


def test_nothing_is_said_in_words_that_frighten() -> None:
    found = [f"{place}: {sentence}" for sentence, place in said().items() if NOT_SAID.search(sentence)]

    assert not found


def test_templates_say_nothing_that_cannot_be_translated() -> None:
    found = [
        f"{path.relative_to(GATEWAY)}:{number} {line.strip()}"
        for path in templates()
        for number, line in enumerate(_bare(path.read_text(encoding="utf-8")).splitlines(), 1)
        if JAPANESE.search(line)
    ]

    assert not found, "Put these into _(...):\n" + "\n".join(found)


def test_a_template_has_its_sentences_before_it_is_rendered() -> None:
    known = {"ja": Catalogue({}), "en": Catalogue({"開始": "On <b>now</b>", "停止": "Off"})}
    plain = Environment(
        loader=DictLoader({"page": """{{ _("開始") }}、{{ _('停止') if off else 1 }}"""}), autoescape=True
    )

    made = environments(plain, known)
    pages = {name: one.get_template("page").render(off=True) for name, one in made.items()}

    assert pages == {"ja": "開始、停止", "en": "On <b>now</b>、Off"}


def test_what_is_filled_in_or_chosen_is_said_when_the_template_is_rendered() -> None:
    plain = Environment(loader=DictLoader({"page": """{{ _("%(n)s件", n=2) }}{{ _(words) }}"""}), autoescape=True)
    plain.globals["_"] = lambda sentence, **values: f"[{sentence} {values}]"
    [made] = environments(plain, {"en": Catalogue({"%(n)s件": "%(n)s"})}).values()

    assert made.get_template("page").render(words="何か") == "[%(n)s件 {&#39;n&#39;: 2}][何か {}]"


def _bare(text: str) -> str:
    """A template without what is translated, without comments, and without the name of a language in itself."""
    without = re.sub(r"\{#.*?#\}|_\((\"[^\"]*\"|'[^']*')", "", text, flags=re.DOTALL)
    return re.sub(r'lang="ja"[^>]*>日本語<', "", without)


def said() -> dict[str, str]:
    """Every sentence of templates and modules, with a place where it stands."""
    return dict(_said())


def _said() -> Iterator[tuple[str, str]]:
    modules = list((GATEWAY / "site").rglob("*.py"))
    for method, paths in (("jinja2", templates()), ("python", modules)):
        for path in paths:
            for _, sentence, _, _ in extract_from_file(method, path, keywords=KEYWORDS):
                if isinstance(sentence, str) and JAPANESE.search(sentence):
                    yield sentence, str(path.relative_to(GATEWAY))


def templates() -> list[Path]:
    """All but the page of the API, which is in both languages by itself."""
    return [path for path in sorted((GATEWAY / "templates").rglob("*.html")) if path.name != "docs.html"]


def catalogues() -> list[Path]:
    return sorted((GATEWAY / "words" / "en").glob("*.po"))


def english() -> dict[str, str]:
    return {sentence: path.name for path in catalogues() for sentence in sentences_of(path)}


def sentences_of(path: Path) -> list[str]:
    with path.open("rb") as file:
        return [str(one.id) for one in read_po(file) if one.id and one.string]
