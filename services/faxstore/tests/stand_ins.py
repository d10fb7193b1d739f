"""What faxstore needs around it, in memory: contents, rows, and a darkroom that looks at the first bytes."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from chassis.errors import Rejected, Unavailable
from chassis.messages import Recorded
from chassis.views import Row, fold_once
from services.faxstore.adapters import Stored, Upload, Used
from services.faxstore.formats import Examined, Kind
from services.faxstore.views import FAXES

TIFF, PDF = b"II*\0 three pages", b"%PDF-1.4 one page"
_KNOWN: Mapping[bytes, Examined] = {
    TIFF[:4]: Examined(Kind.TIFF, 3),
    PDF[:4]: Examined(Kind.PDF, 1),
}


@dataclass
class Glance:
    """A darkroom; see `services.faxstore.formats`. `broken`: how many of its next pictures it breaks on."""

    broken: int = 0
    looks: int = 0

    def examine(self, path: Path) -> Examined:
        self.looks += 1
        if known := _KNOWN.get(path.read_bytes()[:4]):
            return known
        raise Rejected("document-type-unknown")

    def pdf(self, path: Path, made: Path) -> None:
        if b"hopeless" in path.read_bytes():
            raise Rejected("document-not-shown")
        made.write_bytes(b"pdf of " + path.read_bytes())

    def preview(self, path: Path, page: int, made: Path) -> None:
        if self.broken:
            self.broken -= 1
            raise RuntimeError("broken")
        made.write_bytes(b"page %d of " % page + path.read_bytes())

    def close(self) -> None: ...


@dataclass
class MemoryContents:
    """See `Contents`. `away`: as if the database were; `failing` names calls that fail after they were done."""

    documents: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    copies: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    begun: Counter[str] = field(default_factory=Counter)
    failing: set[str] = field(default_factory=set)

    def begin(self, content_id: str, fax_id: str, at: datetime) -> None:
        self.uploads[content_id] = (fax_id, at)
        self.begun[content_id] += 1
        self._done("begin")

    def settle(self, content_id: str) -> None:
        self._done("settle")
        self.uploads.pop(content_id, None)

    def unsettled(self, before: datetime, limit: int) -> list[Upload]:
        return [Upload(id, fax_id) for id, (fax_id, at) in self.uploads.items() if at < before][:limit]

    def keep(self, content_id: str, source: Path, number: str) -> None:
        assert content_id not in self.documents
        self.documents[content_id] = (number, source.read_bytes())
        self._done("keep")

    def keep_copy(self, name: str, source: Path) -> None:
        assert name not in self.copies
        self.copies[name] = source.read_bytes()

    def document(self, content_id: str) -> Stored | None:
        return _stored(self.documents[content_id][1]) if content_id in self.documents else None

    def copy(self, name: str) -> Stored | None:
        return _stored(self.copies[name]) if name in self.copies else None

    def used(self, number: str) -> Used:
        sizes = [len(data) for owner, data in self.documents.values() if owner == number]
        return Used(len(sizes), sum(sizes))

    def remove(self, content_id: str) -> None:
        self.documents.pop(content_id, None)
        self.copies = {name: data for name, data in self.copies.items() if not name.startswith(content_id)}
        self._done("remove")

    def _done(self, call: str) -> None:
        if call in self.failing:
            raise Unavailable("store-unavailable")


def _stored(data: bytes) -> Stored:
    def pieces() -> Iterator[bytes]:
        for first in range(0, len(data), 7):
            yield data[first : first + 7]

    return Stored(len(data), pieces())


@dataclass
class MemoryFaxes:
    """The one view of faxstore; see `chassis.views.Views`. `away`: as if the database were."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    away: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def project(self, events: Sequence[Recorded]) -> None:
        if self.away:
            raise Unavailable("store-unavailable")
        with self._lock:
            for recorded in events:
                for key in FAXES.keys(recorded) if recorded.type in FAXES.events else ():
                    folded = fold_once(FAXES, self.rows.get(key), recorded)
                    self.rows[key] = dict(folded) if folded else self.rows[key]

    def find(self, view: str, wanted: Mapping[str, Any], *, sort: Sequence[tuple[str, int]], limit: int) -> list[Row]:
        rows: list[Row] = [{"_id": key, **row} for key, row in self.rows.items()]
        found = [row for row in rows if _fits(row, wanted)]
        for name, direction in reversed(sort):
            found.sort(key=lambda row, name=name: row[name], reverse=direction < 0)  # type: ignore[misc]
        return found[:limit]


def _fits(row: Row, wanted: Mapping[str, Any]) -> bool:
    return all(
        any(_fits(row, one) for one in want) if name == "$or" else _is(row.get(name), want)
        for name, want in wanted.items()
    )


def _is(value: Any, want: Any) -> bool:
    match want:
        case {"$in": values}:
            return value in values
        case {"$nin": values}:
            return value not in values
        case {"$lt": most}:
            return bool(value < most)
        case {"$gte": least}:
            return value is not None and bool(value >= least)
        case {"$lte": most}:
            return value is not None and bool(value <= most)
        case _:
            return bool(value == want)
