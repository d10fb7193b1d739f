"""PDF documents: what may not be in them, and their pages as pictures.

A fax is a picture of paper. A PDF that does something by itself, runs something, or carries other files is refused as
a whole, not cleaned: a customer downloads the document as it was sent, and half of what an attacker meant is not what
anybody sent. Links that a reader has to click on, and jumps inside of the document, stay allowed.

Two readers look at it: qpdf must read it without repairing anything, so that nothing hides in what another reader
would mend differently; PDFium, which has no script engine here, must find the same number of pages.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pikepdf
import pypdfium2

from chassis.errors import NotFound, Rejected
from services.faxstore.formats.darkroom import Limits
from services.faxstore.formats.fax import preview_size

# Actions that run, send, fetch or open something else (ISO 32000-2, 12.6.4).
_ACTIONS = frozenset(
    {"/JavaScript", "/Launch", "/SubmitForm", "/ImportData", "/GoToE", "/GoToR", "/Rendition", "/Movie", "/Sound"}
    | {"/RichMediaExecute", "/GoTo3DView"}
)
# Scripts, other files, forms and media with programs of their own.
_KEYS = frozenset({"/JavaScript", "/EmbeddedFiles", "/XFA", "/RichMediaContent"})
_TYPES = frozenset({"/EmbeddedFile", "/Filespec"})
_ANNOTATIONS = frozenset({"/FileAttachment", "/RichMedia", "/Screen", "/Movie", "/Sound", "/3D"})
_LONGEST_POINTS = 14_400.0  # 200 inches, the most that the PDF standard foresees.
# What qpdf says of a page that shows nothing; every other warning is of something that readers may take differently.
_HARMLESS = "Resources is missing or invalid"
_CONTAINERS = (pikepdf.Dictionary, pikepdf.Array, pikepdf.Stream)


def count_pages(path: Path, limits: Limits) -> int:
    """The number of pages; Rejected when the document is not to be taken."""
    try:
        with pikepdf.open(path, attempt_recovery=False, suppress_warnings=True) as pdf:
            count = _counted(pdf, limits)
    except pikepdf.PasswordError as error:
        raise Rejected("document-encrypted") from error
    except (pikepdf.PikepdfError, ValueError, TypeError, LookupError) as error:
        raise Rejected("document-damaged") from error
    with _opened(path) as document:
        if len(document) != count:
            raise Rejected("document-damaged")
        for number in range(count):
            _size(document[number])
    return count


def _counted(pdf: pikepdf.Pdf, limits: Limits) -> int:
    if pdf.is_encrypted:
        raise Rejected("document-encrypted")
    count = len(pdf.pages)
    if count > limits.pages:
        raise Rejected("document-too-many-pages", most=limits.pages)
    if any(_is_active(thing) for thing in _parts(pdf, limits)):
        raise Rejected("document-has-scripts")
    if not count or any(_HARMLESS not in warning for warning in pdf.get_warnings()):
        raise Rejected("document-damaged")
    return count


def _parts(pdf: pikepdf.Pdf, limits: Limits) -> Iterator[pikepdf.Object]:
    """Every dictionary of the document, also those of streams and inside of others, whether used or not."""
    yield pdf.trailer
    waiting: list[pikepdf.Object] = []
    looked_at = 0
    for numbered in pdf.objects:
        waiting.append(numbered)
        while waiting:
            thing = waiting.pop()
            dictionary = thing.stream_dict if isinstance(thing, pikepdf.Stream) else thing
            looked_at += 1 + (len(dictionary) if isinstance(dictionary, _CONTAINERS) else 0)
            if looked_at > limits.objects:
                raise Rejected("document-too-complex")
            inside = _inside(dictionary)
            waiting += [part for part in inside if isinstance(part, _CONTAINERS) and not part.is_indirect]
            if isinstance(dictionary, pikepdf.Dictionary):
                yield dictionary


def _inside(thing: pikepdf.Object) -> list[pikepdf.Object]:
    if isinstance(thing, pikepdf.Dictionary):
        return [value for _, value in thing.items()]
    return list(thing) if isinstance(thing, pikepdf.Array) else []


def _is_active(thing: pikepdf.Object) -> bool:
    """Whether it does something by itself, runs something or carries a file."""
    return (
        _name(thing, "/S") in _ACTIONS
        or _name(thing, "/Type") in _TYPES
        or _name(thing, "/Subtype") in _ANNOTATIONS
        or not _KEYS.isdisjoint(thing.keys())
        # Names that a font may have as well.
        or isinstance(thing.get("/JS"), pikepdf.String | pikepdf.Stream)
        or (isinstance(thing.get("/EF"), pikepdf.Dictionary) and "/F" in thing.EF)
        or _leaves(thing.get("/OpenAction"))
        or any(_leaves(action) for action in _triggered(thing.get("/AA")))
    )


def _triggered(actions: pikepdf.Object | None) -> list[pikepdf.Object]:
    return [value for _, value in actions.items()] if isinstance(actions, pikepdf.Dictionary) else []


def _leaves(action: pikepdf.Object | None) -> bool:
    """Whether an action that nobody asked for does more than to show another place of the document."""
    if not isinstance(action, pikepdf.Dictionary) or "/S" not in action:
        return False
    return _name(action, "/S") not in ("/GoTo", "/Named") or "/Next" in action


def _name(thing: pikepdf.Object, key: str) -> str:
    value = thing.get(key)
    return str(value) if isinstance(value, pikepdf.Name) else ""


def write_preview(path: Path, page: int, limits: Limits, made: Path) -> None:
    """The page as PDFium draws it, with its annotations, in greys as on paper; forms are not run."""
    with _opened(path) as document:
        if not 0 < page <= len(document):
            raise NotFound("unknown-page")
        drawn = document[page - 1]
        width, height = _size(drawn)
        across, down = preview_size(width, height, limits)
        image = drawn.render(scale=across / width, grayscale=True, may_draw_forms=False).to_pil()
        image.resize((across, down)).save(made, "PNG")


@contextmanager
def _opened(path: Path) -> Iterator[pypdfium2.PdfDocument]:
    try:
        with pypdfium2.PdfDocument(path) as document:
            yield document
    except pypdfium2.PdfiumError as error:
        raise Rejected("document-damaged") from error


def _size(page: pypdfium2.PdfPage) -> tuple[float, float]:
    """Points across and down, as the page is shown."""
    width, height = page.get_size()
    if min(width, height) < 1:
        raise Rejected("document-damaged")
    if max(width, height) > _LONGEST_POINTS:
        raise Rejected("document-page-too-large")
    return width, height
