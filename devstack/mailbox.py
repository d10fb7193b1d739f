"""The mails that the sink took: a Maildir on disk, and an index in memory that makes listing cheap.

Not fsynced mail by mail: a mail survives the death of any process, not that of the machine. That is enough here and
lets the sink take a storm.
"""

import itertools
import os
import shutil
import threading
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

PARSER = BytesParser(policy=policy.default)
RETURN_PATH, DELIVERED_TO = b"X-Sink-From: ", b"X-Sink-To: "


@dataclass(frozen=True, slots=True)
class Entry:
    """One mail as the envelope had it. `id` is its file name, sorts by arrival, is made of `[0-9-]` only."""

    id: str
    sender: str
    recipients: tuple[str, ...]

    @property
    def received_at(self) -> datetime:
        return datetime.fromtimestamp(int(self.id[:16]) / 1e6, UTC)


class Mailbox:
    """Use from any thread. Order is that of arrival; what is listed comes newest first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._counter = itertools.count()
        self._make()
        self._all: list[Entry] = []
        self._to: dict[str, list[Entry]] = {}
        for name in sorted(os.listdir(folder / "new")):
            self._index(_read_entry(folder / "new" / name))

    def add(self, sender: str, recipients: tuple[str, ...], content: bytes) -> Entry:
        """The mail is a complete file in the Maildir, and listed, when this returns. May raise OSError (disk full)."""
        with self._lock:
            now = datetime.now(UTC).timestamp()
            entry = Entry(f"{int(now * 1e6):016d}-{os.getpid()}-{next(self._counter)}", sender, recipients)
            envelope = RETURN_PATH + sender.encode() + b"\n" + DELIVERED_TO + ",".join(recipients).encode() + b"\n"
            draft = self._folder / "tmp" / entry.id
            with draft.open("wb", buffering=0) as file:
                file.write(envelope + content)
            draft.rename(self._folder / "new" / entry.id)
            self._index(entry)
        return entry

    def newest(self, *, to: str = "", since: datetime | None = None, before: str = "", limit: int = 100) -> list[Entry]:
        """Newest first, at most `limit`: of one recipient, received at or after `since`, older than `before`."""
        with self._lock:
            entries = self._to.get(to.lower(), []) if to else self._all
            first = bisect_left(entries, f"{int(since.timestamp() * 1e6):016d}", key=_id) if since else 0
            last = bisect_left(entries, before, key=_id) if before else len(entries)
            return entries[max(first, last - limit) : last][::-1]

    def count(self, to: str = "") -> int:
        with self._lock:
            return len(self._to.get(to.lower(), []) if to else self._all)

    def message(self, name: str) -> EmailMessage | None:
        """The parsed mail, None when there is none of this id."""
        content = self.raw(name)
        return None if content is None else PARSER.parsebytes(content)

    def raw(self, name: str) -> bytes | None:
        """As it came over SMTP, without what the sink put on top."""
        if not name or name.strip("0123456789-"):
            return None
        try:
            content = (self._folder / "new" / name).read_bytes()
        except OSError:
            return None
        return content.split(b"\n", 2)[2]

    def clear(self) -> None:
        """Empties it at once; the files go in a thread of their own."""
        old = self._folder.with_name(f"{self._folder.name}-deleted-{next(self._counter)}")
        with self._lock:
            self._folder.rename(old)
            self._make()
            self._all, self._to = [], {}
        threading.Thread(target=shutil.rmtree, args=(old, True), daemon=True).start()

    def _make(self) -> None:
        for part in ("tmp", "new", "cur"):
            (self._folder / part).mkdir(parents=True, exist_ok=True)

    def _index(self, entry: Entry) -> None:
        self._all.append(entry)
        for recipient in entry.recipients:
            self._to.setdefault(recipient.lower(), []).append(entry)


def _id(entry: Entry) -> str:
    return entry.id


def _read_entry(path: Path) -> Entry:
    with path.open("rb") as file:
        sender = file.readline().removeprefix(RETURN_PATH).decode().rstrip("\n")
        recipients = file.readline().removeprefix(DELIVERED_TO).decode().rstrip("\n")
    return Entry(path.name, sender, tuple(recipients.split(",")))


def text_of(message: EmailMessage) -> str:
    """The plain text (or else the HTML source), decoded; an empty string for a mail without text."""
    part = message.get_body(("plain", "html"))
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except LookupError:  # A charset that Python does not know.
        content = part.get_payload(decode=True)
        return content.decode("utf-8", "replace") if isinstance(content, bytes) else ""


def headers_of(message: EmailMessage) -> Iterator[tuple[str, str]]:
    return ((name, str(value)) for name, value in message.items())
