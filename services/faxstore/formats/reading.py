"""What a child process does with one document: the type, and what was asked for.

Here and below everything may die of a hostile document; `process.py` sees to it that nothing else does.
"""

import os
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

from chassis.errors import NotFound, Rejected
from services.faxstore.formats import fax, pdf, tiff
from services.faxstore.formats.darkroom import Examined, Kind, Limits

_TIFF_HEADS = (b"II*\0", b"MM\0*")
_PDF_HEAD = b"%PDF-"
# Readers look for a PDF's beginning and end in this many bytes.
_SLACK = 1024


@dataclass(frozen=True)
class Reader:
    """The darkroom of this very process."""

    limits: Limits

    def examine(self, path: Path) -> Examined:
        match kind(path):
            case Kind.TIFF:
                return Examined(Kind.TIFF, self._examined_fax(path))
            case Kind.PDF:
                return Examined(Kind.PDF, pdf.count_pages(path, self.limits))

    def _examined_fax(self, path: Path) -> int:
        document = path.read_bytes()
        pages = tiff.pages(document, self.limits)
        for page in pages:
            fax.picture(page, document)
        return len(pages)

    def pdf(self, path: Path, made: Path) -> None:
        match kind(path):
            case Kind.TIFF:
                document = path.read_bytes()
                fax.write_pdf(tiff.pages(document, self.limits), document, made)
            case Kind.PDF:
                shutil.copyfile(path, made)

    def preview(self, path: Path, page: int, made: Path) -> None:
        match kind(path):
            case Kind.TIFF:
                document = path.read_bytes()
                pages = tiff.pages(document, self.limits)
                if not 0 < page <= len(pages):
                    raise NotFound("unknown-page")
                fax.write_preview(pages[page - 1], document, self.limits, made)
            case Kind.PDF:
                pdf.write_preview(path, page, self.limits, made)


def kind(path: Path) -> Kind:
    """By content alone. What another program would take for something else has two types, and is not taken."""
    with path.open("rb") as file:
        head = file.read(_SLACK)
        file.seek(max(0, os.fstat(file.fileno()).st_size - _SLACK))
        tail = file.read(_SLACK)
    if not head:
        raise Rejected("document-empty")
    is_tiff, is_pdf = head.startswith(_TIFF_HEADS), head.startswith(_PDF_HEAD)
    if not is_tiff and not is_pdf:
        raise Rejected("document-type-unknown")
    if (is_tiff and _PDF_HEAD in head) or _is_archive(path):
        raise Rejected("document-has-two-types")
    if is_pdf and b"%%EOF" not in tail:
        raise Rejected("document-truncated")
    return Kind.TIFF if is_tiff else Kind.PDF


def _is_archive(path: Path) -> bool:
    """Whether it ends as a ZIP archive (so as Java's and many others) that names at least one file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return bool(archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return False
