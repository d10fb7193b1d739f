"""Good documents with something changed by chance, always the same: each is taken or refused, and nothing is left."""

import random
from collections import Counter
from pathlib import Path

import pytest

from chassis.errors import Rejected
from services.faxstore.formats import Examined, Limits, ProcessDarkroom, tiff
from services.faxstore.tests.documents import pdfs
from services.faxstore.tests.documents.pictures import drawn
from services.faxstore.tests.documents.processes import children, memory, open_files
from services.faxstore.tests.documents.tiffs import document, sheet, small

pytestmark = pytest.mark.slow

MUTANTS = 2_000
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


def test_whatever_is_changed_a_document_is_taken_or_refused(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    path, made = tmp_path / "document", tmp_path / "1.png"
    seen: Counter[str] = Counter()
    room = ProcessDarkroom(Limits(children=1, preview_width=60, preview_height=400, documents_per_child=1_000))
    before = children(), open_files()
    path.write_bytes(GOOD[0])
    room.examine(path)
    used = memory()

    for number in range(MUTANTS):
        path.write_bytes(mutated(GOOD[number % len(GOOD)], chance))
        seen[_code(room, path, made)] += 1

    assert seen.pop("taken") > 100
    assert all(code.startswith("document-") for code in seen)
    assert len(seen) >= 5
    assert memory() - used < 20_000_000
    assert len(children()) <= len(before[0]) + 1
    room.close()
    assert (children(), open_files()) == before
    assert set(tmp_path.iterdir()) <= {path, made}


def _code(room: ProcessDarkroom, path: Path, made: Path) -> str:
    """`taken`, or why not; a document that was taken is shown as well, and may then be found to be damaged."""
    try:
        assert isinstance(room.examine(path), Examined)
        room.preview(path, 1, made)
    except Rejected as error:
        return error.code
    return "taken"


def test_the_memory_of_a_child_stays_flat(tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(len(GOOD))]
    for path, whole in zip(paths, GOOD, strict=True):
        path.write_bytes(whole)
    room = ProcessDarkroom(Limits(children=1, documents_per_child=10_000))
    others = set(children())

    def work(rounds: int) -> int:
        for path in paths * rounds:
            room.examine(path)
            room.preview(path, 1, tmp_path / "1.png")
        (child,) = set(children()) - others
        return memory(child)

    warm = work(10)
    assert work(30) - warm < 10_000_000
    room.close()
