"""What reads a document after the other; mutants go over HTTP, in `test_api_broken.py`."""

from pathlib import Path

import pytest

from services.faxstore.formats import Limits, ProcessDarkroom
from services.faxstore.tests.documents.mutants import GOOD
from services.faxstore.tests.documents.processes import children, memory

pytestmark = pytest.mark.slow


def test_the_memory_of_a_child_stays_flat(tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(len(GOOD))]
    for path, whole in zip(paths, GOOD, strict=True):
        path.write_bytes(whole)
    room = ProcessDarkroom(Limits(children=1, documents_per_child=10_000))
    others = set(children())

    def work(rounds: int) -> int:
        for path in paths * rounds:
            room.examine(path)
            room.preview(path, 1, tmp_path / "1.png")
        (child,) = set(children()) - others
        return memory(child)

    warm = work(10)
    assert work(30) - warm < 10_000_000
    room.close()
