"""gunicorn's threaded worker, whose threads stay with a connection for a moment after an answer.

gunicorn gives each request of a kept connection from its main thread to another and back. That is a third of its own
work for a small request, and at each turn a thread waits for Python's one lock. The next request of a busy connection
follows within moments, and the thread that is still there just answers it.
"""

import select
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

# A worker that is told to stop waits for those that stay.
MOST_STAYING, STAY_SECONDS = 16, 0.25


class StayingWorker(ThreadWorker):  # type: ignore[misc]
    """As the worker class `gthread`, and no more requests than `threads` are answered at the same time here either.

    The threads that stay are additional ones: an idle connection keeps no other waiting.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._answering = threading.BoundedSemaphore(self.cfg.threads)
        self._staying = threading.BoundedSemaphore(MOST_STAYING)

    def get_thread_pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(max_workers=self.cfg.threads + MOST_STAYING)

    def handle(self, conn: TConn) -> Any:
        """Requests of one connection until none follows; then what `gthread` wants to know of the last one."""
        kept = self._answer(conn)
        while kept is True and self._follows(conn):
            kept = self._answer(conn)
        return kept

    def _answer(self, conn: TConn) -> Any:
        with self._answering:
            return super().handle(conn)

    def _follows(self, conn: TConn) -> bool:
        """Whether the connection's next request, or its end, comes while there is a place to wait for it."""
        if not self.alive or conn.parser.unreader.buf.getvalue() or not self._staying.acquire(blocking=False):
            return False  # Of a request that was read already, gthread knows by itself.
        try:
            waiting = select.poll()
            waiting.register(conn.sock, select.POLLIN)
            return bool(waiting.poll(STAY_SECONDS * 1000))
        finally:
            self._staying.release()

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """gunicorn sends head and body of an answer one after the other; whoever waits for it is to wake up once. The
        kernel holds nothing back for longer than 0.2 s."""
        _hold_back(conn.sock, True)
        try:
            return super().handle_request(req, conn)
        finally:
            _hold_back(conn.sock, False)


def _hold_back(sock: socket.socket, wanted: bool) -> None:
    with suppress(OSError):  # It is closed already.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, wanted)
