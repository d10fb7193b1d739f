"""What a process keeps of streams between two looks at them. Whoever uses it proves that it is still true, or adds what
has been recorded since."""

import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """By stream: the newest `most`, none older than `age`. Safe to share between threads."""

    def __init__(self, most: int, age: timedelta) -> None:
        self._most, self._age = most, age
        self._kept: dict[str, tuple[datetime, Value]] = {}
        self._lock = threading.Lock()

    def take(self, streams: Iterable[str], at: datetime) -> dict[str, Value]:
        """Those of the streams that are here, and not any more after this."""
        with self._lock:
            found = {stream: self._kept.pop(stream) for stream in streams if stream in self._kept}
        return self._young(found, at)

    def look(self, streams: Iterable[str], at: datetime) -> dict[str, Value]:
        """Those of the streams that are here."""
        with self._lock:
            found = {stream: self._kept[stream] for stream in streams if stream in self._kept}
        return self._young(found, at)

    def keep(self, values: Mapping[str, Value], at: datetime) -> None:
        with self._lock:
            for stream, value in values.items():
                self._kept.pop(stream, None)  # So that it is among the newest.
                self._kept[stream] = (at, value)
            for stream in list(islice(self._kept, max(0, len(self._kept) - self._most))):
                del self._kept[stream]

    def _young(self, found: Mapping[str, tuple[datetime, Value]], at: datetime) -> dict[str, Value]:
        return {stream: value for stream, (kept_at, value) in found.items() if at - kept_at <= self._age}
