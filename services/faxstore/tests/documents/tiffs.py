"""TIFF files byte by byte, so that any part of them can be wrong."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO

from PIL import Image, ImageChops

from services.faxstore.formats import tiff
from services.faxstore.tests.documents.pictures import drawn

SHORT, LONG, RATIONAL = 3, 4, 5
Entry = tuple[int, Sequence[int]]
SMALL = (64, 40)


@dataclass(frozen=True)
class Sheet:
    """One page: the data of its strips, and its tags; a tag that is None is left out."""

    strips: Sequence[bytes]
    tags: Mapping[int, Entry | None] = field(default_factory=dict)


def coded(image: Image.Image, compression: str = "group4", options: int = 0) -> bytes:
    """What libtiff makes of the picture, as one strip, most significant bit first, white as 0."""
    written = BytesIO()
    tags = {tiff.ROWS_PER_STRIP: image.height} | ({tiff.G3_OPTIONS: options} if options else {})
    strip = image.width * image.height
    ImageChops.invert(image).save(written, "TIFF", compression=compression, tiffinfo=tags, strip_size=strip)
    with Image.open(written) as again:
        (start,), (size,) = again.tag_v2[tiff.STRIP_OFFSETS], again.tag_v2[tiff.STRIP_SIZES]  # type: ignore[attr-defined]
    return written.getvalue()[start : start + size]


def sheet(image: Image.Image, compression: int = tiff.G4, options: int = 0, **changed: Entry | None) -> Sheet:
    """A good page, with tags `t256=(LONG, [1728])` instead of its own."""
    name = {tiff.G3: "group3", tiff.G4: "group4"}[compression]
    tags: dict[int, Entry | None] = {
        tiff.WIDTH: (SHORT, [image.width]),
        tiff.HEIGHT: (LONG, [image.height]),
        tiff.BITS: (SHORT, [1]),
        tiff.COMPRESSION: (SHORT, [compression]),
        tiff.PHOTOMETRIC: (SHORT, [0]),
        tiff.SAMPLES: (SHORT, [1]),
        tiff.ROWS_PER_STRIP: (LONG, [image.height]),
        tiff.X_RESOLUTION: (RATIONAL, [204, 1]),
        tiff.Y_RESOLUTION: (RATIONAL, [196, 1]),
    }
    if options:
        tags[tiff.G3_OPTIONS] = (LONG, [options])
    return Sheet([coded(image, name, options)], tags | {int(tag[1:]): entry for tag, entry in changed.items()})


def small(**changed: Entry | None) -> Sheet:
    """A page of a few bytes."""
    return sheet(drawn(1, SMALL), tiff.G4, 0, **changed)


def document(*sheets: Sheet, order: str = "<", last: int = 0) -> bytes:
    """A file as libtiff writes it: a page's strips, then its directory; the last directory leads to `last`."""
    written = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))
    link = 4
    for page in sheets:
        offsets = [len(written) + sum(map(len, page.strips[:number])) for number in range(len(page.strips))]
        written += b"".join(page.strips)
        written += bytes(len(written) % 2)
        link = _directory(written, page, offsets, order, link)
    struct.pack_into(f"{order}I", written, link, last)
    return bytes(written)


def _directory(written: bytearray, page: Sheet, offsets: Sequence[int], order: str, link: int) -> int:
    """Adds the directory, and leads to it; back comes where the way to the next one stands."""
    tags: dict[int, Entry | None] = {
        tiff.STRIP_OFFSETS: (LONG, offsets),
        tiff.STRIP_SIZES: (LONG, [len(strip) for strip in page.strips]),
        **page.tags,
    }
    entries = sorted((tag, *entry) for tag, entry in tags.items() if entry)
    packed = [_entry(written, order, *entry) for entry in entries]
    struct.pack_into(f"{order}I", written, link, len(written))
    written += struct.pack(f"{order}H", len(packed)) + b"".join(packed) + bytes(4)
    return len(written) - 4


def _entry(written: bytearray, order: str, tag: int, kind: int, values: Sequence[int]) -> bytes:
    shape = {SHORT: "H", LONG: "I", RATIONAL: "I"}.get(kind, "B")
    data = struct.pack(f"{order}{len(values)}{shape}", *values)
    count = len(values) // 2 if kind == RATIONAL else len(values)
    if len(data) > 4:
        at = len(written)
        written += data
        data = struct.pack(f"{order}I", at)
    return struct.pack(f"{order}HHI", tag, kind, count) + data.ljust(4, b"\0")


def first_directory(whole: bytes) -> int:
    """Where the first directory of a little-endian file stands."""
    (at,) = struct.unpack_from("<I", whole, 4)
    return int(at)
