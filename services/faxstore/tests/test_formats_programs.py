"""Faxes as other programs write them: libtiff's tools, spandsp and HylaFAX. What is missing is installed where that is
possible, else the test is skipped and says why."""

import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from ctypes.util import find_library
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image, ImageSequence

from chassis.memory_store import MemoryStore
from chassis.views import Views
from devstack import debian
from devstack.trouble import Trouble
from services.faxstore.bootstrap import CODEC
from services.faxstore.formats import Limits, tiff
from services.faxstore.tests.documents.hylafax import HylaFax
from services.faxstore.tests.documents.pictures import FINE, STANDARD, drawn
from services.faxstore.tests.documents.spandsp import Spandsp
from services.faxstore.tests.documents.tiffs import RATIONAL, Entry, coded, document, sheet
from services.faxstore.tests.office import Office, open_office
from services.faxstore.tests.stand_ins import MemoryContents, MemoryFaxes
from services.faxstore.tests.test_formats import A4, difference, drawn_by_a_reader, in_pdf, pixels

# Each document is read in a process of its own.
pytestmark = pytest.mark.slow

RESOLUTIONS = pytest.mark.parametrize(("size", "lines"), [(STANDARD, 98), (FINE, 196)], ids=["204x98", "204x196"])


@pytest.fixture(scope="module")
def office(keys: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    views, folder = cast(Views, MemoryFaxes()), tmp_path_factory.mktemp("spool")
    made = open_office(MemoryStore(CODEC), views, MemoryContents(), folder, keys, Limits())
    yield made
    made.room.close()


def needed(find: Callable[[], str | None], name: str, package: str) -> str:
    """Where it is; without it the test is skipped, and says why it is not to be had."""
    try:
        return debian.ensure(find, name, package)
    except Trouble as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def tiffcp() -> str:
    return needed(lambda: shutil.which("tiffcp"), "tiffcp", "libtiff-tools")


@pytest.fixture(scope="module")
def fax2tiff() -> str:
    return needed(lambda: shutil.which("fax2tiff"), "fax2tiff", "libtiff-tools")


@pytest.fixture(scope="module")
def spandsp() -> Spandsp:
    return Spandsp(needed(lambda: find_library("spandsp"), "libspandsp", "libspandsp2"))


@pytest.fixture(scope="module")
def hylafax(tmp_path_factory: pytest.TempPathFactory) -> HylaFax:
    try:
        folder = tmp_path_factory.mktemp("hylafax")
        return HylaFax(debian.unpacked("HylaFAX", folder, "hylafax-server", "hylafax-client"))
    except Trouble as reason:
        pytest.skip(str(reason))


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)


def fax(path: Path, size: tuple[int, int], lines: int) -> list[Image.Image]:
    """Writes a fax of three pages, and gives its pages."""
    pages = [drawn(number, size) for number in (1, 2, 3)]
    resolution: dict[str, Entry | None] = {"t283": (RATIONAL, [lines, 1])}
    path.write_bytes(document(*(sheet(page, tiff.G4, 0, **resolution) for page in pages)))
    return pages


def comes_out_as_sent(office: Office, path: Path, pages: list[Image.Image]) -> None:
    """Over HTTP: byte for byte, and page for page. The PDF's pictures exactly; the PDF as drawn, and the preview, as
    far as greys can tell."""
    fax_id, made = f"f-{uuid.uuid4().hex}", path.with_suffix(".pdf")
    assert office.send(fax_id, path.read_bytes()).status_code == 201
    assert office.get(f"/{fax_id}/document").data == path.read_bytes()
    office.developer.develop(fax_id)
    made.write_bytes(office.get(f"/{fax_id}/pdf").data)
    assert in_pdf(made) == [pixels(page) for page in pages]
    for number, page in enumerate(pages, 1):
        with Image.open(BytesIO(office.get(f"/{fax_id}/pages/{number}.png").data)) as preview:
            assert preview.width / preview.height == pytest.approx(A4, rel=0.03)
            assert difference(preview, page.convert("L").resize(preview.size, Image.Resampling.BILINEAR)) < 0.5
            assert difference(preview, drawn_by_a_reader(made, number - 1, preview.size)) < 5
    assert office.get(f"/{fax_id}/pages/{len(pages) + 1}.png").status_code == 404


@RESOLUTIONS
@pytest.mark.parametrize(
    "how",
    [
        ("-c", "g3:1d"),
        ("-c", "g3:2d"),
        ("-c", "g3:1d:fill", "-r", "64"),
        ("-c", "g3:2d:fill", "-f", "lsb2msb"),
        ("-c", "g4"),
        ("-c", "g4", "-B", "-f", "lsb2msb", "-r", "16"),
        ("-c", "g3:1d", "-B", "-r", "1"),
    ],
    ids=" ".join,
)
def test_a_fax_of_tiffcp(
    how: tuple[str, ...], size: tuple[int, int], lines: int, tiffcp: str, office: Office, tmp_path: Path
) -> None:
    pages = fax(tmp_path / "drawn.tif", size, lines)

    run(tiffcp, *how, tmp_path / "drawn.tif", tmp_path / "fax.tif")

    comes_out_as_sent(office, tmp_path / "fax.tif", pages)


@RESOLUTIONS
@pytest.mark.parametrize("how", [("-7", "-5"), ("-7", "-6"), ("-8",), ("-7", "-5", "-m", "-r", "32")], ids=" ".join)
def test_a_fax_of_fax2tiff(
    how: tuple[str, ...], size: tuple[int, int], lines: int, fax2tiff: str, office: Office, tmp_path: Path
) -> None:
    page = drawn(1, size)
    (tmp_path / "line.g3").write_bytes(coded(page, "group3"))

    run(fax2tiff, "-M", "-R", str(lines), *how, "-o", tmp_path / "fax.tif", tmp_path / "line.g3")

    comes_out_as_sent(office, tmp_path / "fax.tif", [page])


@RESOLUTIONS
@pytest.mark.parametrize("coding", ["g3 1-d", "g3 2-d", "g4"])
def test_a_fax_that_spandsp_has_received(
    coding: str, size: tuple[int, int], lines: int, spandsp: Spandsp, office: Office, tmp_path: Path
) -> None:
    pages = fax(tmp_path / "drawn.tif", size, lines)

    spandsp.received(tmp_path / "drawn.tif", tmp_path / "fax.tif", coding, len(pages))

    comes_out_as_sent(office, tmp_path / "fax.tif", pages)


@RESOLUTIONS
@pytest.mark.parametrize("coding", ["g3:1d", "g3:2d"])
def test_a_fax_that_hylafax_has_received(
    coding: str,
    size: tuple[int, int],
    lines: int,
    hylafax: HylaFax,
    tiffcp: str,
    office: Office,
    tmp_path: Path,
) -> None:
    pages = fax(tmp_path / "drawn.tif", size, lines)
    run(tiffcp, "-c", coding, "-r", str(size[1]), tmp_path / "drawn.tif", tmp_path / "line.tif")

    hylafax.received(tmp_path / "line.tif", tmp_path / "fax.tif")

    comes_out_as_sent(office, tmp_path / "fax.tif", as_received(pages, tmp_path / "fax.tif"))


def as_received(pages: list[Image.Image], path: Path) -> list[Image.Image]:
    """libtiff ends a page without the mark of a line's end, and HylaFAX may take the last line for one cut off."""
    with Image.open(path) as received:
        heights = [frame.height for frame in ImageSequence.Iterator(received)]
    assert all(page.height - height in (0, 1) for page, height in zip(pages, heights, strict=True))
    return [page.crop((0, 0, page.width, height)) for page, height in zip(pages, heights, strict=True)]
