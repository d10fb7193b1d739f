"""The process that documents are read in: `python -m services.faxstore.formats.child LIMITS`, LIMITS as JSON.

It reads one order a line from its standard input, as JSON, and answers each with a line on its standard output. It ends
when its input does, so that none outlives whoever started it.
"""

import contextlib
import errno
import gc
import json
import os
import resource
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from chassis.errors import NotFound, Rejected
from services.faxstore.formats.darkroom import Limits
from services.faxstore.formats.reading import Reader

_NICENESS = 19


def main() -> None:
    """Says that it is ready, then takes orders."""
    limits = Limits(**json.loads(sys.argv[1]))
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    _bind(limits)
    _be_quiet()
    reader = Reader(limits)
    _say(answers, {"ready": True})
    for line in sys.stdin.buffer:
        _give_time(limits)
        _say(answers, _answer(reader, json.loads(line)))
        gc.collect()


def _bind(limits: Limits) -> None:
    """Takes from this process, for good, what no document needs: memory, files, other processes, being urgent."""
    bounds = {
        resource.RLIMIT_AS: limits.memory,
        resource.RLIMIT_FSIZE: limits.written,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_CORE: 0,
    }
    for what, most in bounds.items():
        resource.setrlimit(what, (most, most))
    os.nice(_NICENESS)
    os.umask(0o077)


def _be_quiet() -> None:
    """What a library prints is no answer, and what it says of a document belongs into no log."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)


def _give_time(limits: Limits) -> None:
    """Processor seconds for one more document, after which the system ends this process; and, should nobody be left to
    end it, seconds by the clock."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime) + 1 + limits.processor_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))
    signal.setitimer(signal.ITIMER_REAL, 2 * limits.patience_seconds)


def _answer(reader: Reader, order: Mapping[str, Any]) -> dict[str, Any]:
    """`refused` and `unknown` speak of the document, `failed` of ourselves. `last` asks for another process."""
    try:
        return _done(reader, order)
    except Rejected as error:
        return {"refused": error.code, "details": error.details}
    except NotFound as error:
        return {"unknown": error.code}
    except MemoryError:
        return {"refused": "document-page-too-large", "last": True}
    except OSError as error:
        return _of_the_system(error)
    except Exception:  # noqa: BLE001 - the outermost loop: whatever a library raises, the document did it.
        return {"refused": "document-damaged", "last": True}


def _done(reader: Reader, order: Mapping[str, Any]) -> dict[str, Any]:
    path = Path(order["path"])
    match order["order"]:
        case "examine":
            examined = reader.examine(path)
            return {"kind": examined.kind, "pages": examined.pages}
        case "pdf":
            reader.pdf(path, Path(order["made"]))
        case "preview":
            reader.preview(path, order["page"], Path(order["made"]))
    return {"made": True}


def _of_the_system(error: OSError) -> dict[str, Any]:
    """An error without a number comes from a decoder; more written than we allow, too, is the document's doing."""
    if error.errno is None:
        return {"refused": "document-damaged", "last": True}
    if error.errno in (errno.EFBIG, errno.ENOMEM):
        return {"refused": "document-page-too-large", "last": True}
    return {"failed": errno.errorcode.get(error.errno, "unknown"), "last": True}


def _say(answers: BinaryIO, answer: Mapping[str, Any]) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        main()
