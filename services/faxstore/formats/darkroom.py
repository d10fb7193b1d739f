"""What the service asks of whoever reads documents, and how much of memory and time one document may have."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol


class Kind(StrEnum):
    """The types that are taken; their values are the media types of HTTP."""

    TIFF = "image/tiff"
    PDF = "application/pdf"


@dataclass(frozen=True)
class Examined:
    """A document that can be taken: each of its `pages` can be read."""

    kind: Kind
    pages: int


@dataclass(frozen=True)
class Limits:
    """How much one document may cost. The defaults take what fax receivers send, and not much more."""

    pages: int = 500
    side: int = 32_000
    # A3 at 400 x 391 dots to the inch has 32 million.
    pixels: int = 64_000_000
    all_pixels: int = 3_000_000_000
    # Of a PDF: its objects, counted with those inside of others. 500 scanned pages have 15,000.
    objects: int = 100_000
    preview_width: int = 1_080
    preview_height: int = 8_000
    memory: int = 1_000_000_000
    written: int = 200_000_000
    open_files: int = 32
    processor_seconds: int = 10
    # By the wall clock; a machine that is busy with other things needs longer than a processor.
    patience_seconds: float = 30
    start_seconds: float = 30
    children: int = 1
    documents_per_child: int = 200
    queue_seconds: float = 10


class Darkroom(Protocol):
    """Turns documents as sent into what can be shown. Safe to call from several threads.

    What is wrong with a document is Rejected `document-...`, for this document alone; what is wrong with ourselves is
    Unavailable. A `made` file is there whole or not at all, and an older one of its name is replaced.
    """

    def examine(self, path: Path) -> Examined:
        """The type, by content alone, and the number of pages; every page of a TIFF has been decoded once."""

    def pdf(self, path: Path, made: Path) -> None:
        """The document as PDF: a fax with exactly its pixels, a PDF as it is."""

    def preview(self, path: Path, page: int, made: Path) -> None:
        """A page, counted from 1, as PNG: a telephone's width, the paper's proportions. NotFound beyond the last."""

    def close(self) -> None:
        """Ends what was started. What is being read is read to its end; what comes later is Unavailable."""
