"""The darkroom that reads documents in processes of its own, so that no document can do anything to the service.

A few children wait for documents and take one after another, which costs milliseconds each; a child is replaced after
some number of them, and whenever anything was odd. A child is a fresh program, never a fork of this process with its
threads and connections; it starts with an empty environment and bounds itself (`child.py`). Nothing is started before
the first document, so a server may fork as it likes until then.

A child that dies may have been killed by somebody else, so the document is tried in a fresh one; only if that dies too,
or if the document has used up its processor time, is the document to blame. One that takes too long by the clock is
not: then the machine is too busy, and the caller may come again.
"""

import contextlib
import json
import os
import queue
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from chassis.errors import NotFound, Rejected, Unavailable
from services.faxstore.formats.darkroom import Examined, Kind, Limits

_CHILD = "services.faxstore.formats.child"
_ROOT = Path(__file__).resolve().parents[3]
_LONGEST_ANSWER = 100_000
_TOO_COMPLEX = {"refused": "document-too-complex"}


class ProcessDarkroom:
    """A `Darkroom`. At most `limits.children` documents are read at a time; others wait `limits.queue_seconds`."""

    def __init__(self, limits: Limits) -> None:
        self._closed = False
        self._limits = limits
        self._seats: queue.LifoQueue[_Seat] = queue.LifoQueue()
        for _ in range(limits.children):
            self._seats.put(_Seat(limits))

    def examine(self, path: Path) -> Examined:
        answer = self._asked({"order": "examine", "path": str(path.absolute())})
        return Examined(Kind(answer["kind"]), int(answer["pages"]))

    def pdf(self, path: Path, made: Path) -> None:
        self._make({"order": "pdf", "path": str(path.absolute())}, made)

    def preview(self, path: Path, page: int, made: Path) -> None:
        self._make({"order": "preview", "path": str(path.absolute()), "page": page}, made)

    def close(self) -> None:
        self._closed = True
        self._end_idle()

    def _make(self, order: Mapping[str, Any], made: Path) -> None:
        part = made.absolute().with_name(f"{made.name}.part")
        try:
            self._asked({**order, "made": str(part)})
            part.replace(made)
        finally:
            part.unlink(missing_ok=True)

    def _asked(self, order: Mapping[str, Any]) -> Mapping[str, Any]:
        with self._seat() as seat:
            try:
                answer = seat.asked(order)
            except _Died as first:
                answer = _TOO_COMPLEX if first.used_up else seat.asked_again(order)
        if "refused" in answer:
            raise Rejected(answer["refused"], **answer.get("details", {}))
        if "unknown" in answer:
            raise NotFound(answer["unknown"])
        if "failed" in answer:
            raise Unavailable("darkroom-unavailable", error=answer["failed"])
        return answer

    @contextlib.contextmanager
    def _seat(self) -> Iterator["_Seat"]:
        if self._closed:
            raise Unavailable("darkroom-unavailable")
        try:
            seat = self._seats.get(timeout=self._limits.queue_seconds)
        except queue.Empty:
            raise Unavailable("darkroom-busy", retry_after=10) from None
        try:
            yield seat
        finally:
            self._seats.put(seat)
            if self._closed:
                self._end_idle()

    def _end_idle(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._seats.get_nowait().vacate()


class _Died(Exception):
    """The child ended while it had a document; `used_up` when it did so for want of processor time."""

    def __init__(self, used_up: bool) -> None:
        super().__init__(used_up)
        self.used_up = used_up


class _Seat:
    """A place for one child, which one thread at a time has. There is a child in it from its first document on."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._child: _Child | None = None

    def asked(self, order: Mapping[str, Any]) -> Mapping[str, Any]:
        """The child's answer. Whatever goes wrong, even in this thread, the next document gets a fresh child."""
        child = self._child or _Child(self._limits)
        self._child = None
        try:
            answer = child.asked(order)
        except BaseException:
            child.end()
            raise
        if answer.get("last") or child.documents >= self._limits.documents_per_child:
            child.end()
        else:
            self._child = child
        return answer

    def asked_again(self, order: Mapping[str, Any]) -> Mapping[str, Any]:
        """Of a document that a child has died of."""
        self.vacate()
        try:
            return self.asked(order)
        except _Died as second:
            return _TOO_COMPLEX if second.used_up else {"refused": "document-damaged"}

    def vacate(self) -> None:
        if self._child:
            self._child.end()
        self._child = None


class _Child:
    """A process that is ready for documents; Unavailable when there can be none."""

    def __init__(self, limits: Limits) -> None:
        self.documents = 0
        self._patience = limits.patience_seconds
        try:
            self._process = _started(limits)
        except OSError as error:
            raise Unavailable("darkroom-unavailable") from error
        try:
            self._line(limits.start_seconds)
        except (_Died, Unavailable) as error:
            self.end()
            raise Unavailable("darkroom-unavailable") from error
        except BaseException:
            self.end()
            raise

    def asked(self, order: Mapping[str, Any]) -> Mapping[str, Any]:
        self.documents += 1
        try:
            _pipe(self._process.stdin).write(json.dumps(order).encode() + b"\n")
        except BrokenPipeError:
            raise self._dead() from None
        answer: Mapping[str, Any] = json.loads(self._line(self._patience))
        return answer

    def _line(self, seconds: float) -> bytes:
        """The next line that it says; Unavailable when it says none for so long."""
        answers = _pipe(self._process.stdout).fileno()
        waiting = select.poll()
        waiting.register(answers, select.POLLIN)
        said, until = b"", time.monotonic() + seconds
        while not said.endswith(b"\n"):
            if not waiting.poll(max(0.0, until - time.monotonic()) * 1000):
                raise Unavailable("darkroom-busy", retry_after=10)
            more = os.read(answers, _LONGEST_ANSWER)
            said += more
            if not more or len(said) > _LONGEST_ANSWER:
                raise self._dead()
        return said

    def _dead(self) -> _Died:
        """Its pipes are closed, so it has ended or is about to; one that only closed them is made to."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        self._process.kill()
        return _Died(self._process.wait() == -signal.SIGXCPU)

    def end(self) -> None:
        """Kills it and takes back all that it had of this process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            _pipe(pipe).close()


def _started(limits: Limits) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-s", "-m", _CHILD, json.dumps(asdict(limits))],
        bufsize=0,
        cwd=_ROOT,
        env={},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # A session of its own would hide its niceness from the scheduler, which shares between sessions.
        process_group=0,
    )


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
