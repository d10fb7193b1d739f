"""What faxstore keeps beside its commits: documents and what is made from them, in MongoDB; and where they arrive.

Both buckets have GridFS's layout, so that any tool for GridFS reads them. They are written and read here in batches of
pieces, because the driver's own GridFS holds up to 48 MB of a file in memory while it writes, and 16 MB while it reads.
"""

import hashlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Any, Protocol

from pymongo import ASCENDING
from pymongo.database import Database

from chassis.errors import Damaged, Unavailable
from chassis.mongo import Document, reachable

PIECE = 255 * 1024
# How many pieces go in one round trip, and so how much of a document is in memory: 2 MB.
BATCH = 8


@dataclass(frozen=True)
class Upload:
    """A try to take a fax that has not ended as far as is known."""

    content_id: str
    fax_id: str


@dataclass(frozen=True)
class Used:
    """What a number's faxes take."""

    faxes: int
    size: int


@dataclass(frozen=True)
class Stored:
    """A file that is kept; `pieces` reads it while it is handed on."""

    size: int
    pieces: Iterator[bytes]


class Contents(Protocol):
    """Documents by content id, and copies by their own names, which begin with the content's id. Durable on return."""

    def begin(self, content_id: str, fax_id: str, at: datetime) -> None:
        """Says that something will come under this id, so that it is found when nothing else ever names it. Said again:
        it is still on its way."""

    def settle(self, content_id: str) -> None:
        """Its fate is decided and done. Harmless when it was before."""

    def unsettled(self, before: datetime, limit: int) -> Sequence[Upload]:
        """What began before that and is not settled, oldest first."""

    def keep(self, content_id: str, source: Path, number: str) -> None:
        """The document. An id is used once."""

    def keep_copy(self, name: str, source: Path) -> None:
        """What was made from a document. A name is used once."""

    def document(self, content_id: str) -> Stored | None: ...

    def copy(self, name: str) -> Stored | None: ...

    def used(self, number: str) -> Used:
        """By all documents of a number that are kept, also those of which nothing else knows yet."""

    def remove(self, content_id: str) -> None:
        """The document of this id, and all copies whose name begins with it, whole or begun. Harmless when none is."""


class MongoContents:
    """See `Contents`; buckets `documents` and `copies`, and a note in `uploads` for each try."""

    def __init__(self, db: Database[Document]) -> None:
        self._uploads = db["uploads"]
        self._documents, self._copies = _Bucket(db, "documents"), _Bucket(db, "copies")

    def prepare(self) -> None:
        with reachable():
            self._uploads.create_index([("at", ASCENDING)])
            self._documents.prepare()
            self._copies.prepare()

    def begin(self, content_id: str, fax_id: str, at: datetime) -> None:
        with reachable():
            self._uploads.replace_one({"_id": content_id}, {"fax_id": fax_id, "at": at}, upsert=True)

    def settle(self, content_id: str) -> None:
        with reachable():
            self._uploads.delete_one({"_id": content_id})

    def unsettled(self, before: datetime, limit: int) -> list[Upload]:
        with reachable():
            found = self._uploads.find({"at": {"$lt": before}}).sort("at", ASCENDING).limit(limit)
            return [Upload(one["_id"], one["fax_id"]) for one in found]

    def keep(self, content_id: str, source: Path, number: str) -> None:
        with reachable():
            self._documents.write(content_id, source, {"number": number})

    def keep_copy(self, name: str, source: Path) -> None:
        with reachable():
            self._copies.write(name, source, {})

    def document(self, content_id: str) -> Stored | None:
        with reachable():
            return self._documents.open(content_id)

    def copy(self, name: str) -> Stored | None:
        with reachable():
            return self._copies.open(name)

    def used(self, number: str) -> Used:
        with reachable():
            return self._documents.used(number)

    def remove(self, content_id: str) -> None:
        with reachable():
            self._documents.remove({"$eq": content_id})
            self._copies.remove(_beginning_with(content_id))


def _beginning_with(name: str) -> dict[str, Any]:
    """A range, which an index serves whatever is in the name; ids are letters and digits."""
    return {"$gte": name, "$lt": f"{name}\U0010ffff"}


class _Bucket:
    """Files in GridFS's layout: pieces in `<name>.chunks`, and only when all are durable one document in `.files`."""

    def __init__(self, db: Database[Document], name: str) -> None:
        self._files, self._chunks = db[f"{name}.files"], db[f"{name}.chunks"]

    def prepare(self) -> None:
        self._chunks.create_index([("files_id", ASCENDING), ("n", ASCENDING)], unique=True)
        self._files.create_index([("metadata.number", ASCENDING), ("length", ASCENDING)])

    def write(self, id: str, source: Path, metadata: Document) -> None:
        with source.open("rb") as file:
            pieces = enumerate(iter(partial(file.read, PIECE), b""))
            while batch := [{"files_id": id, "n": n, "data": data} for n, data in islice(pieces, BATCH)]:
                self._chunks.insert_many(batch)
            length = file.tell()
        about = {"length": length, "chunkSize": PIECE, "uploadDate": datetime.now(UTC), "metadata": metadata}
        self._files.insert_one({"_id": id, "filename": id, **about})

    def open(self, id: str) -> Stored | None:
        found = self._files.find_one({"_id": id}, {"length": True})
        return Stored(found["length"], self._pieces(id, found["length"])) if found else None

    def _pieces(self, id: str, length: int) -> Iterator[bytes]:
        """Without a cursor between the batches: whoever reads may be slow. Damaged when a piece is not there."""
        count = -(-length // PIECE)
        for first in range(0, count, BATCH):
            wanted = {"files_id": id, "n": {"$gte": first, "$lt": first + BATCH}}
            with reachable():
                batch = list(self._chunks.find(wanted).sort("n", ASCENDING))
            if [one["n"] for one in batch] != list(range(first, min(first + BATCH, count))):
                raise Damaged("content-damaged")
            yield from (one["data"] for one in batch)

    def used(self, number: str) -> Used:
        total = {"$group": {"_id": None, "faxes": {"$sum": 1}, "size": {"$sum": "$length"}}}
        found = list(self._files.aggregate([{"$match": {"metadata.number": number}}, total]))
        return Used(found[0]["faxes"], found[0]["size"]) if found else Used(0, 0)

    def remove(self, ids: Document) -> None:
        """First what says that a file is there; what a crash leaves of its pieces goes with the next try."""
        self._files.delete_many({"_id": ids})
        self._chunks.delete_many({"files_id": ids})


class Arriving:
    """A document while it arrives: written to disk, counted and hashed piece by piece.

    Of more than `most` bytes nothing more is kept, and `too_large` says so: whoever sends is heard to the end, because
    hanging up in the middle would keep the answer from him.
    """

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file, self._most, self._hash = file, most, hashlib.sha256()
        self.size = 0
        self.path = Path(file.name)

    def write(self, data: bytes) -> int:
        self.size += len(data)
        if not self.too_large:
            self._hash.update(data)
            try:
                self._file.write(data)
            except OSError as problem:
                raise Unavailable("spool-full") from problem
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """The form's reader calls it at the end: everything is on disk then."""
        self._file.flush()
        return self._file.seek(offset, whence)

    @property
    def too_large(self) -> bool:
        return self.size > self._most

    @property
    def checksum(self) -> str:
        """SHA-256 of what has arrived, in hexadecimal."""
        return self._hash.hexdigest()


@dataclass(frozen=True)
class Spool:
    """A folder for files that are needed for a moment. What a killed process leaves there, `sweep` takes away."""

    folder: Path

    @contextmanager
    def arriving(self, most: int) -> Iterator[Arriving]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix="arriving-") as file:
            yield Arriving(file, most)

    @contextmanager
    def workplace(self) -> Iterator[Path]:
        """A folder of one's own."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="making-") as folder:
            yield Path(folder)

    def sweep(self, age: timedelta) -> None:
        """Removes what has lain here for so long that nobody works on it any more."""
        for path in self.folder.glob("*") if self.folder.is_dir() else ():
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > age.total_seconds():
                    _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
