"""Good documents with something changed by chance, always the same."""

import random
from collections.abc import Iterator
from itertools import cycle

from services.faxstore.formats import tiff
from services.faxstore.tests.documents import pdfs
from services.faxstore.tests.documents.pictures import drawn
from services.faxstore.tests.documents.tiffs import document, sheet, small

SEED = 1876
PAGES = [drawn(number, (216, 60)) for number in (1, 2)]
SHOWS = b"0 0 m 99 99 l S BT ET q 9 0 0 9 0 0 cm /I Do Q"
PICTURE = pdfs.stream(
    bytes(200), "/Type /XObject /Subtype /Image /Width 40 /Height 40 /ColorSpace /DeviceGray /BitsPerComponent 1"
)
GOOD = (
    document(*(sheet(page) for page in PAGES)),
    document(*(sheet(page, tiff.G3) for page in PAGES), order=">"),
    document(*(sheet(page, tiff.G3, 1) for page in PAGES)),
    document(small(), *(sheet(page) for page in PAGES), order=">"),
    pdfs.document(
        "/Lang (ja)", "/Contents 4 0 R /Resources << /XObject << /I 5 0 R >> >>", pdfs.stream(SHOWS), PICTURE
    ),
    pdfs.pages(3),
    pdfs.packed(pdfs.pages(2)),
)


def mutants() -> Iterator[bytes]:
    """Without end; each of the good ones in turn."""
    chance = random.Random(SEED)
    return (mutated(whole, chance) for whole in cycle(GOOD))


def mutated(whole: bytes, chance: random.Random) -> bytes:
    """A few changes: bits, bytes, numbers at their edges, pieces lost, doubled, swapped in from another place."""
    data = bytearray(whole)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        at, size = chance.randrange(max(1, len(data))), chance.randrange(1, 40)
        match chance.randrange(7):
            case 0:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                data[at : at + 1] = bytes([(*data[at : at + 1], 0)[0] ^ 1 << chance.randrange(8)])
            case 2:
                data[at : at + 4] = chance.choice(
                    (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80")
                )
            case 3:
                del data[at : at + size]
            case 4:
                data[at:at] = data[at : at + size]
            case 5:
                data[at : at + size] = chance.randbytes(size)
            case 6 if chance.random() < 0.2:
                del data[at:]
    return bytes(data)
