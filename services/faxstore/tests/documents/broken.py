"""Documents that nobody may be harmed by, each with the code that it is to be refused with."""

import random
import struct
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from io import BytesIO
from zipfile import ZipFile

from PIL import Image

from services.faxstore.formats import tiff
from services.faxstore.tests.documents import pdfs
from services.faxstore.tests.documents.pictures import drawn
from services.faxstore.tests.documents.tiffs import (
    LONG,
    RATIONAL,
    SHORT,
    Sheet,
    coded,
    document,
    first_directory,
    sheet,
    small,
)

Maker = Callable[[], bytes]
ASCII = 2
NOISE = random.Random(1).randbytes(10_000)


def three_pages() -> bytes:
    """A good fax of three small pages, the directories after the strips."""
    return document(*(sheet(drawn(number, (256, 120))) for number in (1, 2, 3)))


def cut(share: float, whole: bytes = b"") -> bytes:
    whole = whole or three_pages()
    return whole[: int(len(whole) * share)]


def patched(whole: bytes, at: int, shape: str, *values: int) -> bytes:
    written = bytearray(whole)
    struct.pack_into(shape, written, at, *values)
    return bytes(written)


def archive() -> bytes:
    written = BytesIO()
    with ZipFile(written, "w") as packed:
        packed.writestr("run.class", b"\xca\xfe\xba\xbe")
    return written.getvalue()


def picture(kind: str, **how: str) -> bytes:
    written = BytesIO()
    drawn(1, (64, 64)).convert("L").save(written, kind, **how)
    return written.getvalue()


def big_tiff() -> bytes:
    written = BytesIO()
    drawn(1, (64, 64)).save(written, "TIFF", big_tiff=True)
    return written.getvalue()


def loop(back: int, count: int) -> bytes:
    """So many pages; the last leads back to the page of this number, counted from 0."""
    pages = [small()] * count
    whole = document(*pages)
    at = first_directory(whole)
    for _ in range(back):
        at = struct.unpack_from("<I", whole, at + 2 + 12 * struct.unpack_from("<H", whole, at)[0])[0]
    return document(*pages, last=at)


def compressed(number: int) -> bytes:
    return document(small(t259=(SHORT, [number])))


def shared_strip() -> bytes:
    """400 pages that all show the same 200 kB."""
    data = NOISE * 20
    page = Sheet([], {**small().tags, 273: (LONG, [8]), 279: (LONG, [len(data)])})
    return document(Sheet([data], small().tags), *[page] * 400)


def blank(pages: int) -> bytes:
    """Pages of 64 million white pixels, a few kB each."""
    white = sheet(Image.new("1", (8000, 8000), 255))
    return document(*[white] * pages)


def active(root: str = "", page: str = "", *more: str | bytes) -> Maker:
    return lambda: pdfs.document(root, page, *more)


def one_page(page: str) -> bytes:
    return pdfs.raw("<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>", page)


SCRIPT = "<< /S /JavaScript /JS (app.alert\\(1\\)) >>"
NOT_DOCUMENTS: Mapping[str, tuple[Maker, str]] = {
    "empty": (lambda: b"", "document-empty"),
    "one byte": (lambda: b"I", "document-type-unknown"),
    "text": (lambda: b"This is a fax, believe me.\n", "document-type-unknown"),
    "html": (lambda: b"<!doctype html><script>alert(1)</script>", "document-type-unknown"),
    "program": (lambda: b"MZ" + bytes(2000), "document-type-unknown"),
    "archive": (archive, "document-type-unknown"),
    "jpeg": (lambda: picture("JPEG"), "document-type-unknown"),
    "png": (lambda: picture("PNG"), "document-type-unknown"),
    "gif": (lambda: picture("GIF"), "document-type-unknown"),
    "bmp": (lambda: picture("BMP"), "document-type-unknown"),
    "postscript": (lambda: b"%!PS-Adobe-3.0\n(run) run", "document-type-unknown"),
    "big tiff": (big_tiff, "document-type-unknown"),
    "zeros": (lambda: bytes(5000), "document-type-unknown"),
    "pdf after junk": (lambda: b"\n\n" + pdfs.document(), "document-type-unknown"),
    "pdf behind html": (lambda: b"<html>" + pdfs.document(), "document-type-unknown"),
    "tiff and pdf": (
        lambda: document(Sheet([b"%PDF-1.7 ", *small().strips], small().tags)) + pdfs.document(),
        "document-has-two-types",
    ),
    "tiff and archive": (lambda: three_pages() + archive(), "document-has-two-types"),
    "pdf and archive": (lambda: pdfs.document() + archive(), "document-has-two-types"),
}
TIFFS: Mapping[str, tuple[Maker, str]] = {
    "tiff of 4 bytes": (lambda: b"II*\0", "document-truncated"),
    "tiff of 7 bytes": (lambda: b"MM\0*\0\0\0", "document-truncated"),
    "tiff of a header": (lambda: b"II*\0\x08\0\0\0", "document-truncated"),
    "no directory": (lambda: b"II*\0" + bytes(400), "document-damaged"),
    **{f"cut at {share}": (partial(cut, share), "document-truncated") for share in (0.02, 0.1, 0.25, 0.4)},
    **{f"cut at {share}": (partial(cut, share), "document-truncated") for share in (0.5, 0.6, 0.75, 0.9)},
    "cut by a byte": (lambda: three_pages()[:-1], "document-truncated"),
    "directory outside": (lambda: patched(three_pages(), 4, "<I", 2**32 - 1), "document-truncated"),
    "directory in its own header": (lambda: patched(three_pages(), 4, "<I", 0x2A0049), "document-truncated"),
    "65535 tags": (
        lambda: patched(three_pages(), first_directory(three_pages()), "<H", 65535),
        "document-damaged",
    ),
    "no tags": (lambda: b"II*\0\x08\0\0\0" + bytes(100), "document-compression-not-taken"),
    "loop of one": (lambda: loop(0, 1), "document-damaged"),
    "loop of three": (lambda: loop(0, 3), "document-damaged"),
    "loop of the last": (lambda: loop(2, 3), "document-damaged"),
    "loop after 300": (lambda: loop(10, 300), "document-damaged"),
    "501 pages": (lambda: document(*[small()] * 501), "document-too-many-pages"),
    "100000 pages": (lambda: document(*[small()] * 100_000), "document-too-many-pages"),
    "too wide": (lambda: document(small(t256=(LONG, [2**31]))), "document-page-too-large"),
    "too high": (lambda: document(small(t257=(LONG, [2**32 - 1]))), "document-page-too-large"),
    "too many pixels": (
        lambda: document(small(t256=(LONG, [30000]), t257=(LONG, [30000]))),
        "document-page-too-large",
    ),
    "many large pages": (lambda: blank(60), "document-too-many-pages"),
    "no width": (lambda: document(small(t256=None)), "document-damaged"),
    "width of 0": (lambda: document(small(t256=(SHORT, [0]))), "document-damaged"),
    "height of 0": (lambda: document(small(t257=(SHORT, [0]))), "document-damaged"),
    "strips of 0 rows": (lambda: document(small(t278=(SHORT, [0]))), "document-damaged"),
    "fewer strips than rows": (lambda: document(small(t278=(SHORT, [1]))), "document-damaged"),
    "no strips": (lambda: document(small(t273=None)), "document-damaged"),
    "no strips and no sizes": (lambda: document(small(t273=None, t279=None)), "document-damaged"),
    "strip outside": (lambda: document(small(t273=(LONG, [2**32 - 1]))), "document-truncated"),
    "strip too long": (lambda: document(small(t279=(LONG, [2**32 - 1]))), "document-truncated"),
    "empty strip": (lambda: document(Sheet([b""], small().tags)), "document-damaged"),
    "a strip for all": (shared_strip, "document-damaged"),
    "text as width": (lambda: document(small(t256=(ASCII, [65, 0]))), "document-damaged"),
    "rational as width": (lambda: document(small(t256=(RATIONAL, [64, 1]))), "document-damaged"),
    "eight bits": (lambda: document(small(t258=(SHORT, [8]))), "document-damaged"),
    "three samples": (lambda: document(small(t277=(SHORT, [3]))), "document-damaged"),
    "palette": (lambda: document(small(t262=(SHORT, [3]))), "document-damaged"),
    "tiles": (
        lambda: document(small(t273=None, t279=None, t322=(SHORT, [64]), t323=(SHORT, [64]))),
        "document-damaged",
    ),
    "zeros as g4": (lambda: document(Sheet([bytes(5000)], small().tags)), "document-damaged"),
    "noise as g3": (
        lambda: document(Sheet([NOISE * 4], {**sheet(drawn(1), tiff.G3).tags})),
        "document-damaged",
    ),
    "g4 called g3": (
        lambda: document(Sheet([coded(drawn(1))], {**sheet(drawn(1), tiff.G3).tags})),
        "document-damaged",
    ),
    "good page, then broken": (
        lambda: document(small(), Sheet([bytes(500)], small().tags)),
        "document-damaged",
    ),
    **{
        f"compression {number}": (partial(compressed, number), "document-compression-not-taken")
        for number in (1, 2, 5, 6, 7, 8, 32773, 32946, 34661, 34712, 34925, 50000, 50001, 65535)
    },
    **{
        f"tiff with {name}": (partial(picture, "TIFF", compression=name), "document-compression-not-taken")
        for name in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits", "raw")
    },
}
ATTACHED = "<< /Type /Filespec /F (a.exe) /EF << /F 5 0 R >> >>"
# Million bytes; more than a process may have of memory.
BOMB = 700
PDFS: Mapping[str, tuple[Maker, str]] = {
    "pdf header alone": (lambda: b"%PDF-1.7\n", "document-truncated"),
    **{
        f"pdf cut at {share}": (
            partial(cut, share, pdfs.pages(20)),
            "document-truncated",
        )
        for share in (0.05, 0.3, 0.6, 0.9, 0.99)
    },
    "pdf of an end alone": (lambda: b"%PDF-1.7\nstartxref\n0\n%%EOF\n", "document-damaged"),
    "pdf with its middle gone": (lambda: pdfs.pages(20)[:300] + pdfs.pages(20)[600:], "document-damaged"),
    "pdf without root": (lambda: pdfs.raw("<< >>", trailer=""), "document-damaged"),
    "pdf without pages": (lambda: pdfs.pages(0), "document-damaged"),
    "table that leads to itself": (
        lambda: pdfs.raw("<< /Type /Catalog >>", trailer="/Root 1 0 R /Prev 57"),
        "document-damaged",
    ),
    "locked": (lambda: pdfs.encrypted("secret"), "document-encrypted"),
    "locked with an empty password": (lambda: pdfs.encrypted(""), "document-encrypted"),
    "script when opened": (active(f"/OpenAction {SCRIPT}"), "document-has-scripts"),
    "script in a stream": (active("/X << /JS 4 0 R >>", "", pdfs.stream(b"app.alert(1)")), "document-has-scripts"),
    "script by name": (active(f"/Names << /JavaScript << /Names [(a) {SCRIPT}] >> >>"), "document-has-scripts"),
    "script spelled oddly": (active("/OpenAction << /S /J#61va#53cript /J#53 (x) >>"), "document-has-scripts"),
    "script that nothing leads to": (active("", "", SCRIPT), "document-has-scripts"),
    "script inside a packed object": (
        lambda: pdfs.packed(pdfs.document("/X 4 0 R", "", f"[[{SCRIPT}]]")),
        "document-has-scripts",
    ),
    "script when a page is shown": (active("", f"/AA << /O {SCRIPT} >>"), "document-has-scripts"),
    "address when opened": (active("/OpenAction << /S /URI /URI (http://a.example/) >>"), "document-has-scripts"),
    "address when a page is shown": (
        active("", "/AA << /O << /S /URI /URI (http://a.example/) >> >>"),
        "document-has-scripts",
    ),
    "address after a jump": (
        active("/OpenAction << /S /GoTo /D [3 0 R /Fit] /Next << /S /URI /URI (http://a.example/) >> >>"),
        "document-has-scripts",
    ),
    "launch": (active("/OpenAction << /S /Launch /F (cmd.exe) >>"), "document-has-scripts"),
    "form that is sent": (active("/X << /S /SubmitForm /F (http://a.example/) >>"), "document-has-scripts"),
    "other document": (active("/X << /S /GoToR /F (\\\\\\\\a.example\\\\b) >>"), "document-has-scripts"),
    "file inside": (
        active(
            "/Names << /EmbeddedFiles << /Names [(a) 4 0 R] >> >>",
            "",
            ATTACHED,
            pdfs.stream(b"MZ", "/Type /EmbeddedFile"),
        ),
        "document-has-scripts",
    ),
    "file pinned to the page": (
        active("", "/Annots [<< /Subtype /FileAttachment /Rect [0 0 9 9] /FS 4 0 R >>]", ATTACHED, "null"),
        "document-has-scripts",
    ),
    "form with a program": (
        active("/AcroForm << /Fields [] /XFA 4 0 R >>", "", pdfs.stream(b"<xdp/>")),
        "document-has-scripts",
    ),
    "film": (active("", "/Annots [<< /Subtype /RichMedia /Rect [0 0 9 9] >>]"), "document-has-scripts"),
    "tree of pages in a loop": (
        lambda: pdfs.raw("<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [2 0 R] /Count 1 >>"),
        "document-damaged",
    ),
    "loop of two in the tree": (
        lambda: pdfs.raw(
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            "<< /Type /Pages /Kids [2 0 R] /Count 1 /Parent 2 0 R >>",
        ),
        "document-damaged",
    ),
    "pdf of 501 pages": (lambda: pdfs.pages(501), "document-too-many-pages"),
    "pdf of 100000 pages": (lambda: pdfs.pages(100_000), "document-too-many-pages"),
    "page of a mile": (lambda: one_page(pdfs.PAGE.replace("595", "4561920")), "document-page-too-large"),
    "page of no height": (lambda: one_page(pdfs.PAGE.replace("842", "0.1")), "document-damaged"),
    "the same key twice": (active("/Lang (ja) /Lang (en)"), "document-damaged"),
    "deep lists": (active("", "", pdfs.nested("[", "]", 5_000)), "document-damaged"),
    "deep dictionaries": (active("", "", pdfs.nested("<< /A ", ">> ", 100_000)), "document-damaged"),
    "millions of numbers": (active("", "", f"[{'1 ' * 3_000_000}]"), "document-too-complex"),
    "bomb in the objects": (lambda: pdfs.bomb_of_objects(BOMB), "document-damaged"),
    "bomb on the page": (
        active("", "/Contents 4 0 R /Resources << >>", pdfs.filtered(pdfs.zeros(BOMB), 1)),
        "document-damaged",
    ),
    "bomb in a bomb": (
        active("", "/Contents 4 0 R /Resources << >>", pdfs.filtered(zlib.compress(pdfs.zeros(BOMB), 9), 2)),
        "document-damaged",
    ),
}
BROKEN: Mapping[str, tuple[Maker, str]] = {**NOT_DOCUMENTS, **TIFFS, **PDFS}
# Each of these keeps a processor busy for a second or more.
HEAVY = frozenset(
    {
        "bomb in the objects",
        "bomb in a bomb",
        "bomb on the page",
        "pdf of 100000 pages",
        "100000 pages",
        "millions of numbers",
    }
)
