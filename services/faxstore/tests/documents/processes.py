"""What a process has: children, open files, memory, as Linux tells it."""

import os
from pathlib import Path


def children(process: int | None = None) -> list[int]:
    """Process ids of the living children of this process, also those that other threads have started."""
    tasks = Path(f"/proc/{process or os.getpid()}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def memory(process: int | None = None) -> int:
    """Bytes of memory in use."""
    pages = Path(f"/proc/{process or os.getpid()}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
