"""What a C library writes to the standard error: nowhere else does libtiff say which lines it could not read."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def overheard() -> Iterator[Callable[[], bytes]]:
    """Gives what was written so far in the block. For a process with one thread: the standard error is everybody's."""
    with open(os.memfd_create("overheard"), "r+b", buffering=0) as said:
        kept = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            yield lambda: os.pread(said.fileno(), os.fstat(said.fileno()).st_size, 0)
        finally:
            os.dup2(kept, 2)
            os.close(kept)
