"""Documents that are wrong or hostile: each is refused, with the code that says what is wrong, and harms nobody."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chassis.errors import Rejected
from services.faxstore.formats import Examined, Kind, Limits, ProcessDarkroom
from services.faxstore.tests.documents import pdfs
from services.faxstore.tests.documents.broken import BROKEN, three_pages

# Each document is read in a process of its own.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def darkroom() -> Iterator[ProcessDarkroom]:
    room = ProcessDarkroom(Limits(children=1, memory=600_000_000))
    yield room
    room.close()


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_document_is_refused(name: str, darkroom: ProcessDarkroom, tmp_path: Path) -> None:
    make, code = BROKEN[name]
    path, made = tmp_path / "document", tmp_path / "made"
    path.write_bytes(make())

    with pytest.raises(Rejected) as refused:
        darkroom.examine(path)

    assert refused.value.code == code
    assert list(tmp_path.iterdir()) == [path]
    assert not made.exists()


def test_after_all_of_them_a_good_one_is_taken(darkroom: ProcessDarkroom, tmp_path: Path) -> None:
    path = tmp_path / "document"
    path.write_bytes(three_pages())

    assert darkroom.examine(path) == Examined(Kind.TIFF, 3)


LINK = "<< /Subtype /Link /Rect [0 0 9 9] /A << /S /URI /URI (http://a.example/) >> >>"
HARMLESS = {
    "plain": pdfs.document(),
    "three pages": pdfs.pages(3),
    "opens at a place": pdfs.document("/OpenAction [3 0 R /Fit]"),
    "opens by a jump": pdfs.document("/OpenAction << /S /GoTo /D [3 0 R /Fit] >>"),
    "link to click on": pdfs.document("", f"/Annots [{LINK}]"),
    "words of scripts in a text": pdfs.document("/X << /Title (/JS /JavaScript /Launch) >>"),
    "fonts of such names": pdfs.document("", "/Resources << /Font << /JS 4 0 R /AA 4 0 R >> >>", "<< /Type /Font >>"),
    "packed objects": pdfs.packed(pdfs.pages(3)),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_pdf_is_taken(name: str, darkroom: ProcessDarkroom, tmp_path: Path) -> None:
    path = tmp_path / "document"
    path.write_bytes(HARMLESS[name])

    assert darkroom.examine(path).kind is Kind.PDF


@pytest.mark.parametrize("name", ["bomb on the page", "cut at 0.5", "zeros as g4", "text", "empty"])
def test_nothing_is_made_of_a_broken_document(name: str, darkroom: ProcessDarkroom, tmp_path: Path) -> None:
    path, made = tmp_path / "document", tmp_path / "made"
    path.write_bytes(BROKEN[name][0]())

    with pytest.raises(Rejected):
        darkroom.preview(path, 1, made)

    assert list(tmp_path.iterdir()) == [path]
