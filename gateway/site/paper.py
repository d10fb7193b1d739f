"""A page of the site on paper: headings, sentences, lists and tables of its main part as a PDF of A4 pages.

It is made of the page as it is shown, so that nothing is said twice. What is for the screen alone, and what nobody can
press on paper, is left out. The letters are those of whoever opens it, so that a PDF has a few kilobytes.
"""

import io
import re
from collections.abc import Iterator
from html import escape
from html.parser import HTMLParser
from xml.etree.ElementTree import Element, TreeBuilder

from reportlab.lib.colors import black, grey
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

# One of the fonts that a PDF may name without having it (PDF 32000-1, 9.7.5.2).
FONT = "HeiseiKakuGo-W5"
MARGIN, GAP = 18 * mm, 4 * mm
SIZES = {"h1": 20, "h2": 15, "caption": 13}
EVERYWHERE = ((0, 0), (-1, -1))
BOX = TableStyle([("BOX", *EVERYWHERE, 1.5, black), ("TOPPADDING", *EVERYWHERE, GAP)])
LINES = TableStyle([("LINEBELOW", *EVERYWHERE, 0.5, grey), ("VALIGN", *EVERYWHERE, "TOP")])
NOT_ON_PAPER = frozenset({"form", "nav", "button", "script"})
VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})


def pdf_of(page: str, title: str) -> bytes:
    """The main part of `page`, which is HTML as the site makes it; `title` is what a reader's window says."""
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    made = io.BytesIO()
    paper = SimpleDocTemplate(made, pagesize=A4, title=title, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN)
    paper.build([part for main in _tree(page).iter("main") for part in _parts(main)])
    return made.getvalue()


def _parts(element: Element) -> Iterator[Flowable]:
    for child in element:
        if _is_left_out(child):
            continue
        if "print-card" in _classes(child):
            yield Table([[list(_parts(child))]], colWidths="100%", style=BOX)
            yield Spacer(0, GAP)
        elif child.tag in {"ol", "ul"}:
            yield from (_paragraph(one, f"{place}. ") for place, one in enumerate(child, 1))
        elif child.tag == "table":
            yield from _table(child)
        elif child.tag in {"h1", "h2", "p"}:
            yield _paragraph(child)
        else:
            yield from _parts(child)


def _table(table: Element) -> Iterator[Flowable]:
    """Its rows go on on the next page, under the same heads."""
    yield from (_paragraph(caption) for caption in table.iter("caption"))
    rows = [[_paragraph(cell) for cell in row] for row in table.iter("tr")]
    yield Table(rows, colWidths=[f"{100 / len(rows[0])}%"] * len(rows[0]), style=LINES, repeatRows=1)
    yield Spacer(0, GAP)


def _paragraph(element: Element, before: str = "") -> Paragraph:
    size = SIZES.get(element.tag, 11)
    style = ParagraphStyle("", fontName=FONT, fontSize=size, leading=size * 1.6, wordWrap="CJK", spaceAfter=GAP / 2)
    return Paragraph(before + _marked(element), style)


def _marked(element: Element) -> str:
    """Its text as reportlab marks it up."""
    return _text(element.text) + "".join(_inner(child) + _text(child.tail) for child in element)


def _inner(child: Element) -> str:
    if _is_left_out(child):
        return ""
    words = _marked(child)
    if child.tag == "br" or "line" in _classes(child):
        return f"<br/>{words}"
    return f" [{words}]" if child.tag == "kbd" else words


def _text(words: str | None) -> str:
    return escape(re.sub(r"\s+", " ", words or ""))


def _is_left_out(element: Element) -> bool:
    return element.tag in NOT_ON_PAPER or "screen-only" in _classes(element)


def _classes(element: Element) -> list[str]:
    return element.get("class", "").split()


def _tree(page: str) -> Element:
    reader = _Reader()
    reader.feed(page)
    return reader.built.close()


class _Reader(HTMLParser):
    """Whatever is opened is closed on our pages, but for what never is."""

    def __init__(self) -> None:
        super().__init__()
        self.built = TreeBuilder()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.built.start(tag, {name: value or "" for name, value in attrs})
        if tag in VOID:
            self.built.end(tag)

    def handle_endtag(self, tag: str) -> None:
        self.built.end(tag)

    def handle_data(self, data: str) -> None:
        self.built.data(data)
