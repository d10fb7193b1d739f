"""Pages of faxes as pictures: decoded, checked, put into a PDF without loss, made small for a telephone.

A line that came over the telephone broken is shown as far as it could be read. A page most of whose lines are broken is
no fax.
"""

import re
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import img2pdf
from PIL import Image

from chassis.errors import Rejected
from services.faxstore.formats.darkroom import Limits
from services.faxstore.formats.overheard import overheard
from services.faxstore.formats.tiff import Page, alone

# libtiff's words for a line that it could not read to its end.
_BROKEN_LINE = re.compile(rb"(?:Bad code word|Uncompressed data \(not supported\)) at line (\d+) of strip (\d+)")
_MOST_BROKEN = 0.5
# Orientations that lay a page on its side.
_ON_ITS_SIDE = range(5, 9)
_LONGEST_INCHES = 200.0  # Of a PDF page, by the PDF standard.


def picture(page: Page, document: bytes) -> Image.Image:
    """The page upright, of mode "1", with the pixels that were sent; Rejected when it cannot be read."""
    with overheard() as said:
        try:
            with Image.open(BytesIO(alone(page, document)), formats=("TIFF",)) as image:
                image.load()
        except OSError as error:
            raise Rejected("document-damaged") from error
        broken = len(set(_BROKEN_LINE.findall(said())))
    if broken > _MOST_BROKEN * page.height:
        raise Rejected("document-damaged", broken_lines=broken)
    return image


def dots(page: Page) -> tuple[float, float]:
    """Dots to the inch across and down, of the upright page."""
    across, down = page.dpi
    return (down, across) if page.orientation in _ON_ITS_SIDE else (across, down)


def write_pdf(pages: Sequence[Page], document: bytes, made: Path) -> None:
    """One page of PDF a page, as large as the paper was, with its pixels in G4."""
    with made.open("wb") as file:
        img2pdf.convert(
            [_in_one_strip(page, document) for page in pages],
            engine=img2pdf.Engine.internal,
            nodate=True,
            outputstream=file,
        )


def _in_one_strip(page: Page, document: bytes) -> bytes:
    """G4 as a PDF holds it; img2pdf then takes the data as they are."""
    image, (across, down) = picture(page, document), dots(page)
    shrink = max(1.0, image.width / across / _LONGEST_INCHES, image.height / down / _LONGEST_INCHES)
    written = BytesIO()
    image.save(
        written,
        "TIFF",
        compression="group4",
        dpi=(across * shrink, down * shrink),
        strip_size=image.width * image.height,
    )
    return written.getvalue()


def write_preview(page: Page, document: bytes, limits: Limits, made: Path) -> None:
    """PNG in greys."""
    image, (across, down) = picture(page, document), dots(page)
    size = preview_size(image.width / across, image.height / down, limits)
    image.convert("L").resize(size, Image.Resampling.BILINEAR).save(made, "PNG")


def preview_size(width: float, height: float, limits: Limits) -> tuple[int, int]:
    """Pixels across and down for paper of this size, in the paper's proportions: a telephone's width, or narrower when
    the page is very long."""
    scale = min(limits.preview_width / width, limits.preview_height / height)
    return max(1, round(width * scale)), max(1, round(height * scale))
