"""TIFF files of fax receivers, as far as a fax needs them: the pages, and each page as a small TIFF of our own.

The chain of directories is walked here, in Python, and held against the limits before any library sees the document.
The library is then given what is left of a page: eleven tags of known types and the strips. So loops, lies about sizes
and odd tags cannot reach it. BigTIFF, tiles, and other compressions than those of faxes are not read.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil

from chassis.errors import Rejected
from services.faxstore.formats.darkroom import Limits

G3, G4 = 3, 4
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, STRIP_OFFSETS = 256, 257, 258, 259, 262, 266, 273
ORIENTATION, SAMPLES, ROWS_PER_STRIP, STRIP_SIZES, X_RESOLUTION, Y_RESOLUTION = 274, 277, 278, 279, 282, 283
G3_OPTIONS, RESOLUTION_UNIT = 292, 296
_CENTIMETRE = 3
_WIDTHS = {1: "B", 3: "H", 4: "I"}
_RATIONAL = 5
# The fine resolution of T.4; what a page has that says nothing sensible.
_FINE = (204.0, 196.0)
_MOST_TAGS = 200
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
# Lets a decoder come to the end of the last line of a strip whose end is lost.
_RUN_OUT = bytes(32)


@dataclass(frozen=True)
class Page:
    """One page. `strips` are offset and size in the document; `dpi` is across and down, before it is turned upright."""

    width: int
    height: int
    compression: int
    black_is_zero: bool
    reversed_bits: bool
    two_dimensional: bool
    orientation: int
    rows_per_strip: int
    strips: tuple[tuple[int, int], ...]
    dpi: tuple[float, float]


@dataclass(frozen=True)
class _Directory:
    """The tags of one page: type, count, and where the value or its offset stands."""

    document: bytes
    order: str
    tags: Mapping[int, tuple[int, int, int]]

    def numbers(self, tag: int, most: int = 1) -> tuple[int, ...]:
        """The first `most` values of a tag; none when the page does not have it."""
        kind, count, at = self.tags.get(tag, (3, 0, 0))
        if kind not in _WIDTHS:
            raise Rejected("document-damaged", tag=tag)
        shape = f"{self.order}{min(count, most)}{_WIDTHS[kind]}"
        whole = struct.calcsize(f"{self.order}{_WIDTHS[kind]}") * count
        return _read(self.document, shape, at if whole <= 4 else _read(self.document, f"{self.order}I", at)[0])

    def number(self, tag: int, default: int) -> int:
        return next(iter(self.numbers(tag)), default)

    def ratio(self, tag: int) -> float:
        """A rational number; 0 when the page does not have it or it makes no sense."""
        kind, count, at = self.tags.get(tag, (0, 0, 0))
        if kind != _RATIONAL or count != 1:
            return 0.0
        over, under = _read(self.document, f"{self.order}2I", _read(self.document, f"{self.order}I", at)[0])
        return over / under if under else 0.0


def pages(document: bytes, limits: Limits) -> list[Page]:
    """The pages in the order of the file; Rejected when one is not to be taken."""
    found = [_page(directory, limits) for directory in _directories(document, limits)]
    if not found:
        raise Rejected("document-damaged")
    if sum(page.width * page.height for page in found) > limits.all_pixels:
        raise Rejected("document-too-many-pages")
    # No two strips of a fax share bytes; that they would is how a small file asks for much work.
    if sum(size for page in found for _, size in page.strips) > len(document):
        raise Rejected("document-damaged")
    return found


def _directories(document: bytes, limits: Limits) -> Iterator[_Directory]:
    order = "<" if document[:2] == b"II" else ">"
    (at,) = _read(document, f"{order}I", 4)
    seen: set[int] = set()
    while at:
        if at in seen:
            raise Rejected("document-damaged")
        if len(seen) == limits.pages:
            raise Rejected("document-too-many-pages", most=limits.pages)
        seen.add(at)
        (count,) = _read(document, f"{order}H", at)
        if count > _MOST_TAGS:
            raise Rejected("document-damaged")
        places = [at + 2 + 12 * number for number in range(count)]
        tags = [(*_read(document, f"{order}HHI", place), place + 8) for place in places]
        yield _Directory(document, order, {tag: rest for tag, *rest in reversed(tags)})  # type: ignore[misc]
        (at,) = _read(document, f"{order}I", at + 2 + 12 * count)


def _page(tags: _Directory, limits: Limits) -> Page:
    compression = tags.number(COMPRESSION, 1)
    if compression not in (G3, G4):
        raise Rejected("document-compression-not-taken", compression=compression)
    width, height = tags.number(WIDTH, 0), tags.number(HEIGHT, 0)
    if max(width, height) > limits.side or width * height > limits.pixels:
        raise Rejected("document-page-too-large", width=width, height=height)
    photometric, orientation = tags.number(PHOTOMETRIC, 0), tags.number(ORIENTATION, 1)
    one_bit = tags.number(BITS, 1) == tags.number(SAMPLES, 1) == 1 and photometric in (0, 1)
    rows = min(tags.number(ROWS_PER_STRIP, height), height)
    if not (width and height and rows and one_bit):
        raise Rejected("document-damaged")
    return Page(
        width,
        height,
        compression,
        black_is_zero=photometric == 1,
        reversed_bits=tags.number(FILL_ORDER, 1) == 2,
        two_dimensional=bool(tags.number(G3_OPTIONS, 0) & 1),
        orientation=orientation if orientation in range(1, 9) else 1,
        rows_per_strip=rows,
        strips=_strips(tags, ceil(height / rows)),
        dpi=_dpi(tags),
    )


def _strips(tags: _Directory, count: int) -> tuple[tuple[int, int], ...]:
    offsets, sizes = tags.numbers(STRIP_OFFSETS, count), tags.numbers(STRIP_SIZES, count)
    end = len(tags.document)
    if len(offsets) == count == 1 and not sizes:
        sizes = (max(end - offsets[0], 0),)
    if len(offsets) < count or len(sizes) < count:
        raise Rejected("document-damaged")
    if any(offset + size > end for offset, size in zip(offsets, sizes, strict=True)):
        raise Rejected("document-truncated")
    return tuple(zip(offsets, sizes, strict=True))


def _dpi(tags: _Directory) -> tuple[float, float]:
    inch = 2.54 if tags.number(RESOLUTION_UNIT, 2) == _CENTIMETRE else 1.0
    across, down = tags.ratio(X_RESOLUTION) * inch, tags.ratio(Y_RESOLUTION) * inch
    sensible = all(30 <= dots <= 2400 for dots in (across, down)) and 0.25 <= across / down <= 4
    return (across, down) if sensible else _FINE


def alone(page: Page, document: bytes) -> bytes:
    """The page as a TIFF of its own with the same pixels: little-endian, most significant bit first."""
    strips = [_strip(page, document[offset : offset + size]) for offset, size in page.strips]
    tags = {
        WIDTH: page.width,
        HEIGHT: page.height,
        BITS: 1,
        COMPRESSION: page.compression,
        PHOTOMETRIC: int(page.black_is_zero),
        ORIENTATION: page.orientation,
        SAMPLES: 1,
        ROWS_PER_STRIP: page.rows_per_strip,
    } | ({G3_OPTIONS: int(page.two_dimensional)} if page.compression == G3 else {})
    tables = 8 + 2 + 12 * (len(tags) + 2) + 4
    sizes = [len(strip) for strip in strips]
    offsets = list(accumulate(sizes[:-1], initial=tables + 8 * len(strips)))
    directory = b"".join(
        struct.pack("<HHII", tag, 4, count, value)
        for tag, count, value in sorted(
            [(tag, 1, value) for tag, value in tags.items()]
            + [_table(STRIP_OFFSETS, offsets, tables), _table(STRIP_SIZES, sizes, tables + 4 * len(strips))]
        )
    )
    head = b"II*\0" + struct.pack("<IH", 8, len(tags) + 2) + directory + bytes(4)
    return b"".join((head, struct.pack(f"<{2 * len(strips)}I", *offsets, *sizes), *strips))


def _table(tag: int, values: Sequence[int], at: int) -> tuple[int, int, int]:
    """Tag, count and value of a directory's entry; a single value stands in the entry itself."""
    return tag, len(values), values[0] if len(values) == 1 else at


def _strip(page: Page, data: bytes) -> bytes:
    upright = data.translate(_REVERSED) if page.reversed_bits else data
    return upright + _RUN_OUT if page.compression == G3 else upright


def _read(document: bytes, shape: str, at: int) -> tuple[int, ...]:
    if at + struct.calcsize(shape) > len(document):
        raise Rejected("document-truncated")
    return struct.unpack_from(shape, document, at)
