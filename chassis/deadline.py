"""A bound for the whole of a conversation. A library's time limits are for each read alone, so whoever sends a byte now
and then is never silent for long enough.
"""

import socket
import threading
from contextlib import suppress
from typing import Any, Self

CUT_EVERY_SECONDS = 0.2


class Deadline:
    """Cuts the connections that it watches once `seconds` have passed since its beginning; never after its end.

    Whoever reads of a cut connection meets its end. After `passed`, an answer may be the half of one.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds, self._ended, self._lock = seconds, threading.Event(), threading.Lock()
        self._watched: list[Any] = []
        self.passed = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._wait, name="deadline", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._ended.set()

    def watch(self, connection: Any) -> None:
        """From now on, whatever socket is its `sock` by then; also before it has one."""
        self._watched.append(connection)

    def _wait(self) -> None:
        """Again and again, as a connection may be made when the time is over."""
        pause = self._seconds
        while not self._ended.wait(pause):
            pause = CUT_EVERY_SECONDS
            with self._lock:
                self._cut()

    def _cut(self) -> None:
        if self._ended.is_set():
            return
        self.passed = True
        for sock in [connection.sock for connection in self._watched]:
            if isinstance(sock, socket.socket):
                with suppress(OSError):  # It is closed already.
                    # Below TLS, whose own way of closing would break whoever reads.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)
