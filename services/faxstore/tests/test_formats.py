"""Good faxes: what they are, and that their pages come out as they were sent."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pikepdf
import pypdfium2
import pytest
from PIL import Image, ImageChops, ImageStat

from chassis.errors import NotFound
from services.faxstore.formats import Examined, Kind, Limits, ProcessDarkroom, tiff
from services.faxstore.tests.documents import pdfs
from services.faxstore.tests.documents.pictures import FINE, STANDARD, SUPERFINE, drawn
from services.faxstore.tests.documents.tiffs import LONG, RATIONAL, SHORT, Entry, Sheet, coded, document, sheet

A4 = 210 / 297


@pytest.fixture(scope="module")
def darkroom() -> Iterator[ProcessDarkroom]:
    room = ProcessDarkroom(Limits(children=1))
    yield room
    room.close()


def pixels(image: Image.Image) -> tuple[tuple[int, int], bytes]:
    return image.size, image.convert("1").tobytes()


def in_pdf(path: Path) -> list[tuple[tuple[int, int], bytes]]:
    """The pictures of a PDF, exactly as they are in it, one a page."""
    with pikepdf.open(path) as pdf:
        return [
            pixels(pikepdf.PdfImage(cast(pikepdf.Stream, next(iter(page.get_images().values())))).as_pil_image())
            for page in pdf.pages
        ]


def drawn_by_a_reader(path: Path, number: int, size: tuple[int, int]) -> Image.Image:
    """A page of a PDF as PDFium shows it, in so many pixels."""
    with pypdfium2.PdfDocument(path) as document:
        page = document[number]
        shown: Image.Image = page.render(scale=size[0] / page.get_width(), grayscale=True).to_pil()
        return shown.resize(size)


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of greys, 0 to 255."""
    return float(ImageStat.Stat(ImageChops.difference(one.convert("L"), other.convert("L"))).mean[0])


def lsb(page: Sheet) -> Sheet:
    """The same page with the bits of its data in the other order."""
    turned = [bytes(int(f"{byte:08b}"[::-1], 2) for byte in strip) for strip in page.strips]
    return Sheet(turned, {**page.tags, tiff.FILL_ORDER: (SHORT, [2])})


def in_strips(image: Image.Image, rows: int) -> Sheet:
    parts = [image.crop((0, top, image.width, min(top + rows, image.height))) for top in range(0, image.height, rows)]
    return Sheet([coded(part) for part in parts], {**sheet(image).tags, tiff.ROWS_PER_STRIP: (LONG, [rows])})


PAGES = [drawn(number, (1728, 300)) for number in (1, 2, 3)]
FAXES = {
    "g3 1-d": document(*(sheet(page, tiff.G3) for page in PAGES)),
    "g3 2-d": document(*(sheet(page, tiff.G3, 1) for page in PAGES)),
    "g3 1-d filled": document(*(sheet(page, tiff.G3, 4) for page in PAGES)),
    "g4": document(*(sheet(page) for page in PAGES)),
    "big-endian": document(*(sheet(page) for page in PAGES), order=">"),
    "least bit first, g3": document(*(lsb(sheet(page, tiff.G3)) for page in PAGES)),
    "least bit first, g4": document(*(lsb(sheet(page)) for page in PAGES), order=">"),
    "many strips": document(*(in_strips(page, 7) for page in PAGES)),
    "strips of one row": document(*(in_strips(page, 1) for page in PAGES)),
    "rows without end": document(*(sheet(page, t278=(LONG, [2**32 - 1])) for page in PAGES)),
    "no rows per strip": document(*(sheet(page, t278=None) for page in PAGES)),
    "no sizes of strips": document(sheet(PAGES[0], t279=None), *(sheet(page) for page in PAGES[1:])),
    "mixed": document(sheet(PAGES[0]), sheet(PAGES[1], tiff.G3), lsb(sheet(PAGES[2], tiff.G3, 1))),
}


@pytest.mark.parametrize("name", [name for name in FAXES if name != "no sizes of strips"])
def test_a_fax_becomes_a_pdf_without_loss(name: str, darkroom: ProcessDarkroom, tmp_path: Path) -> None:
    path, made = tmp_path / "fax", tmp_path / "fax.pdf"
    path.write_bytes(FAXES[name])

    assert darkroom.examine(path) == Examined(Kind.TIFF, 3)
    darkroom.pdf(path, made)

    assert in_pdf(made) == [pixels(page) for page in PAGES]
    assert darkroom.examine(made) == Examined(Kind.PDF, 3)
    assert path.read_bytes() == FAXES[name]


def test_a_single_strip_needs_no_size(darkroom: ProcessDarkroom, tmp_path: Path) -> None:
    path = tmp_path / "fax"
    path.write_bytes(document(sheet(PAGES[0], t279=None)))

    assert darkroom.examine(path) == Examined(Kind.TIFF, 1)


def test_black_as_zero_is_shown_black(darkroom: ProcessDarkroom, tmp_path: Path) -> None:
    path, made = tmp_path / "fax", tmp_path / "fax.pdf"
    path.write_bytes(document(sheet(ImageChops.invert(PAGES[0]), t262=(SHORT, [1]))))

    darkroom.pdf(path, made)

    assert in_pdf(made) == [pixels(PAGES[0])]


@pytest.mark.parametrize(
    ("size", "dpi"),
    [(STANDARD, (204, 98)), (FINE, (204, 196)), (SUPERFINE, (204, 391))],
    ids=["204x98", "204x196", "204x391"],
)
def test_paper_has_its_own_proportions(
    size: tuple[int, int], dpi: tuple[int, int], darkroom: ProcessDarkroom, tmp_path: Path
) -> None:
    path, made, seen = tmp_path / "fax", tmp_path / "fax.pdf", tmp_path / "1.png"
    across, down = ((RATIONAL, [dots, 1]) for dots in dpi)
    path.write_bytes(document(sheet(drawn(1, size), tiff.G3, t282=across, t283=down)))

    darkroom.pdf(path, made)
    darkroom.preview(path, 1, seen)

    with Image.open(seen) as preview, pikepdf.open(made) as pdf:
        assert (preview.format, preview.width) == ("PNG", 1080)
        assert preview.width / preview.height == pytest.approx(1728 / 204 / (size[1] / dpi[1]), rel=0.002)
        assert preview.width / preview.height == pytest.approx(A4, rel=0.03)
        left, bottom, right, top = (float(edge) for edge in pdf.pages[0].mediabox)
        assert (right - left, top - bottom) == pytest.approx((1728 / 204 * 72, size[1] / dpi[1] * 72), abs=0.1)


@pytest.mark.parametrize("size", [STANDARD, FINE])
def test_preview_fax_and_pdf_show_the_same(size: tuple[int, int], darkroom: ProcessDarkroom, tmp_path: Path) -> None:
    path, made = tmp_path / "fax", tmp_path / "fax.pdf"
    down = (RATIONAL, [size[1] * 196 // 2287, 1])
    pages = [drawn(number, size) for number in (1, 2)]
    path.write_bytes(document(*(sheet(page, t283=down) for page in pages)))
    darkroom.pdf(path, made)

    for number, page in enumerate(pages, 1):
        darkroom.preview(path, number, tmp_path / "fax.png")
        darkroom.preview(made, number, tmp_path / "pdf.png")

        with Image.open(tmp_path / "fax.png") as of_fax, Image.open(tmp_path / "pdf.png") as of_pdf:
            assert of_fax.size == of_pdf.size
            assert difference(of_fax, page.convert("L").resize(of_fax.size, Image.Resampling.BILINEAR)) < 0.5
            assert difference(of_fax, of_pdf) < 5
            assert difference(of_fax, drawn_by_a_reader(made, number - 1, of_fax.size)) < 5
            other = drawn_by_a_reader(made, 2 - number, of_fax.size)
            assert difference(of_fax, other) > 2 * difference(of_fax, of_pdf)


@pytest.mark.parametrize(
    ("unit", "across", "down"),
    [(3, [803, 10], [772, 10]), (2, [0, 0], [196, 1]), (2, [204, 1], [1, 1000]), (2, [5000, 1], [4, 1])],
    ids=["centimetres", "by zero", "no ratio", "nonsense"],
)
def test_odd_resolutions_are_understood_or_taken_for_fine(
    unit: int, across: list[int], down: list[int], darkroom: ProcessDarkroom, tmp_path: Path
) -> None:
    path, seen = tmp_path / "fax", tmp_path / "1.png"
    changed: dict[str, Entry | None] = {"t282": (RATIONAL, across), "t283": (RATIONAL, down), "t296": (SHORT, [unit])}
    path.write_bytes(document(sheet(drawn(1), tiff.G4, 0, **changed)))

    darkroom.preview(path, 1, seen)

    with Image.open(seen) as preview:
        assert preview.width / preview.height == pytest.approx(A4, rel=0.03)


def test_a_page_on_its_side_is_turned(darkroom: ProcessDarkroom, tmp_path: Path) -> None:
    path, made, seen = tmp_path / "fax", tmp_path / "fax.pdf", tmp_path / "1.png"
    upright = drawn(1)
    path.write_bytes(
        document(sheet(upright.transpose(Image.Transpose.ROTATE_90), t274=(SHORT, [6]), t282=(RATIONAL, [196, 1])))
    )

    darkroom.pdf(path, made)
    darkroom.preview(path, 1, seen)

    assert in_pdf(made) == [pixels(upright)]
    with Image.open(seen) as preview:
        assert preview.height > preview.width


def test_a_very_long_page_is_shown_narrower(darkroom: ProcessDarkroom, tmp_path: Path) -> None:
    path, made, seen = tmp_path / "fax", tmp_path / "fax.pdf", tmp_path / "1.png"
    path.write_bytes(document(sheet(Image.new("1", (1728, 30_000), 255), t283=(RATIONAL, [98, 1]))))

    darkroom.pdf(path, made)
    darkroom.preview(path, 1, seen)

    with Image.open(seen) as preview, pikepdf.open(made) as pdf:
        assert preview.height == 8000
        assert preview.width / preview.height == pytest.approx(1728 / 204 / (30_000 / 98), rel=0.02)
        assert float(pdf.pages[0].mediabox[3]) <= 14_400


@pytest.mark.parametrize("spoiled", [1, 5, 40])
@pytest.mark.parametrize("options", [0, 1])
def test_a_fax_with_bad_lines_is_taken(options: int, spoiled: int, darkroom: ProcessDarkroom, tmp_path: Path) -> None:
    path, seen = tmp_path / "fax", tmp_path / "1.png"
    page = sheet(drawn(1), tiff.G3, options)
    data = bytearray(page.strips[0])
    for number in range(spoiled):
        data[len(data) * (number + 1) // (spoiled + 1)] ^= 0x55
    path.write_bytes(document(Sheet([bytes(data)], page.tags)))

    assert darkroom.examine(path) == Examined(Kind.TIFF, 1)
    darkroom.preview(path, 1, seen)

    with Image.open(seen) as preview:
        clean = drawn(1).convert("L").resize(preview.size, Image.Resampling.BILINEAR)
        assert difference(preview, clean) < 40


@pytest.mark.parametrize("missing", [1, 2, 3, 10, 100])
def test_a_page_whose_last_lines_are_lost_is_taken(missing: int, darkroom: ProcessDarkroom, tmp_path: Path) -> None:
    path = tmp_path / "fax"
    page = sheet(drawn(1), tiff.G3)
    path.write_bytes(document(Sheet([page.strips[0][:-missing]], page.tags)))

    assert darkroom.examine(path) == Examined(Kind.TIFF, 1)


def test_a_pdf_passes_as_it_is(darkroom: ProcessDarkroom, tmp_path: Path) -> None:
    path, made, seen = tmp_path / "fax", tmp_path / "fax.pdf", tmp_path / "1.png"
    path.write_bytes(pdfs.document())

    darkroom.pdf(path, made)
    darkroom.preview(path, 1, seen)

    assert made.read_bytes() == path.read_bytes()
    with Image.open(seen) as preview:
        assert preview.size == (1080, round(1080 * 842 / 595))


@pytest.mark.parametrize("whole", [pdfs.pages(3), FAXES["g4"]], ids=["pdf", "fax"])
@pytest.mark.parametrize("page", [0, 4, -1, 10**30])
def test_a_page_that_is_not_there_is_not_found(
    page: int, whole: bytes, darkroom: ProcessDarkroom, tmp_path: Path
) -> None:
    path, made = tmp_path / "fax", tmp_path / "1.png"
    path.write_bytes(whole)

    with pytest.raises(NotFound):
        darkroom.preview(path, page, made)

    assert not made.exists()


def test_a_name_says_nothing(darkroom: ProcessDarkroom, tmp_path: Path) -> None:
    path = tmp_path / "改行\n../or;so .pdf"
    path = tmp_path / path.name
    path.write_bytes(FAXES["g4"])

    assert darkroom.examine(path).kind is Kind.TIFF
