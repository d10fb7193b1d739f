"""Turning away what is too much at a time, so that costly requests leave threads to all the others."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from chassis.errors import Unavailable


class Slots:
    """At most `most` holders at a time, over all threads. Nobody waits: one too many is Unavailable `busy`."""

    def __init__(self, most: int, retry_after: int) -> None:
        self._free = BoundedSemaphore(most)
        self._retry_after = retry_after

    @contextmanager
    def hold(self) -> Iterator[None]:
        if not self._free.acquire(blocking=False):
            raise Unavailable("busy", retry_after=self._retry_after)
        try:
            yield
        finally:
            self._free.release()
