"""The processes that documents are read in: they are bounded, replaced, and nobody else's business."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from chassis.errors import Rejected, Unavailable
from chassis.testing import eventually
from services.faxstore.formats import Examined, Kind, Limits, ProcessDarkroom
from services.faxstore.tests.documents.broken import blank, three_pages
from services.faxstore.tests.documents.processes import children, open_files
from services.faxstore.tests.documents.tiffs import document, small

# Each document is read in a process of its own.
pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def darkroom(limits: Limits) -> Iterator[ProcessDarkroom]:
    room = ProcessDarkroom(limits)
    try:
        yield room
    finally:
        room.close()


@pytest.fixture
def fax(tmp_path: Path) -> Path:
    path = tmp_path / "fax"
    path.write_bytes(three_pages())
    return path


@pytest.fixture
def stuck(tmp_path: Path) -> Path:
    """What looks like a document and keeps its reader waiting."""
    path = tmp_path / "stuck"
    os.mkfifo(path)
    return path


@pytest.fixture
def new_children() -> Callable[[], list[int]]:
    before = set(children())
    return lambda: [child for child in children() if child not in before]


def test_nothing_is_started_before_the_first_document(new_children: Callable[[], list[int]], fax: Path) -> None:
    with darkroom(Limits(children=2)) as room:
        assert new_children() == []

        room.examine(fax)

        assert len(new_children()) == 1


def test_a_child_takes_one_document_after_another(new_children: Callable[[], list[int]], fax: Path) -> None:
    with darkroom(Limits(children=2)) as room:
        room.examine(fax)
        first = new_children()
        for _ in range(20):
            room.examine(fax)

        assert new_children() == first


def test_a_child_is_replaced_after_some_documents(new_children: Callable[[], list[int]], fax: Path) -> None:
    with darkroom(Limits(children=1, documents_per_child=2)) as room:
        room.examine(fax)
        first = new_children()
        room.examine(fax)
        assert new_children() == []
        room.examine(fax)

        assert len(new_children()) == 1
        assert new_children() != first


def test_a_child_is_bound(new_children: Callable[[], list[int]], fax: Path) -> None:
    with darkroom(Limits(children=1, memory=700_000_000, written=5_000_000, open_files=30)) as room:
        room.examine(fax)
        (child,) = new_children()

        bounds = {
            what: resource.prlimit(child, what)[1]
            for what in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC)
        }
        assert list(bounds.values()) == [700_000_000, 5_000_000, 30, 0]
        assert resource.prlimit(child, resource.RLIMIT_CPU)[0] < 30
        assert Path(f"/proc/{child}/environ").read_bytes() == b""
        assert (os.getpgid(child), os.getsid(child)) == (child, os.getsid(0))
        assert os.getpriority(os.PRIO_PROCESS, child) > os.getpriority(os.PRIO_PROCESS, 0)
        assert not [name for name in Path(f"/proc/{child}/fd").iterdir() if "socket" in os.readlink(name)]


def test_closing_leaves_nothing(new_children: Callable[[], list[int]], fax: Path) -> None:
    files = open_files()
    room = ProcessDarkroom(Limits(children=2))
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(room.examine, [fax] * 8)) == [Examined(Kind.TIFF, 3)] * 8

    room.close()

    assert new_children() == []
    assert open_files() == files
    with pytest.raises(Unavailable, match="darkroom-unavailable"):
        room.examine(fax)


def test_a_child_that_was_killed_while_idle_costs_nothing(new_children: Callable[[], list[int]], fax: Path) -> None:
    with darkroom(Limits(children=1)) as room:
        room.examine(fax)
        os.kill(new_children()[0], signal.SIGKILL)

        assert room.examine(fax) == Examined(Kind.TIFF, 3)


def test_a_document_is_not_to_blame_for_one_death(
    new_children: Callable[[], list[int]], fax: Path, stuck: Path
) -> None:
    with darkroom(Limits(children=1)) as room, ThreadPoolExecutor(1) as threads:
        answer = threads.submit(room.examine, stuck)
        with held(stuck):
            fax.replace(stuck)
            os.kill(new_children()[0], signal.SIGKILL)

            assert answer.result() == Examined(Kind.TIFF, 3)


def test_a_document_that_two_children_die_of_is_damaged(
    new_children: Callable[[], list[int]], fax: Path, stuck: Path
) -> None:
    with darkroom(Limits(children=1)) as room, ThreadPoolExecutor(1) as threads:
        answer = threads.submit(room.examine, stuck)
        for _ in range(2):
            with held(stuck):
                (child,) = new_children()
                os.kill(child, signal.SIGKILL)
                eventually(_is_gone(child, new_children))

        with pytest.raises(Rejected, match="document-damaged"):
            answer.result()
        assert room.examine(fax) == Examined(Kind.TIFF, 3)


def _is_gone(child: int, new_children: Callable[[], list[int]]) -> Callable[[], bool]:
    return lambda: child not in new_children()


@contextmanager
def held(stuck: Path) -> Iterator[None]:
    """Begins when somebody reads the path, and keeps the reader waiting until the end of the block."""
    (end,) = eventually(lambda: _ends_for_writing(stuck))
    try:
        yield
    finally:
        os.close(end)


def _ends_for_writing(stuck: Path) -> list[int]:
    """Empty while nobody reads."""
    try:
        return [os.open(stuck, os.O_WRONLY | os.O_NONBLOCK)]
    except OSError:
        return []


def test_a_document_that_takes_all_its_processor_time_is_too_complex(fax: Path, tmp_path: Path) -> None:
    path = tmp_path / "blank"
    path.write_bytes(blank(100))

    with darkroom(Limits(children=1, processor_seconds=0, all_pixels=10**12)) as room:
        with pytest.raises(Rejected, match="document-too-complex"):
            room.examine(path)
        assert room.examine(fax) == Examined(Kind.TIFF, 3)


def test_a_document_that_wants_too_much_memory_is_too_large(fax: Path, tmp_path: Path) -> None:
    path = tmp_path / "blank"
    path.write_bytes(blank(1))

    with darkroom(Limits(children=1, memory=150_000_000)) as room:
        with pytest.raises(Rejected, match="document-page-too-large"):
            room.preview(path, 1, tmp_path / "1.png")
        assert room.examine(fax) == Examined(Kind.TIFF, 3)


def test_a_pdf_that_grows_too_large_leaves_nothing(fax: Path, tmp_path: Path) -> None:
    with darkroom(Limits(children=1, written=100)) as room:
        with pytest.raises(Rejected, match="document-page-too-large"):
            room.pdf(fax, tmp_path / "fax.pdf")
        assert list(tmp_path.iterdir()) == [fax]


def test_one_that_takes_too_long_by_the_clock_may_come_again(
    new_children: Callable[[], list[int]], fax: Path, stuck: Path
) -> None:
    with darkroom(Limits(children=1, patience_seconds=0.1)) as room:
        with pytest.raises(Unavailable, match="darkroom-busy"):
            room.examine(stuck)
        assert new_children() == []


def test_who_waits_too_long_for_a_child_may_come_again(fax: Path, stuck: Path) -> None:
    with darkroom(Limits(children=1, queue_seconds=0.1)) as room, ThreadPoolExecutor(1) as threads:
        answer = threads.submit(room.examine, stuck)
        with held(stuck), pytest.raises(Unavailable, match="darkroom-busy"):
            room.examine(fax)

        with pytest.raises(Rejected):
            answer.result()
        assert room.examine(fax) == Examined(Kind.TIFF, 3)


@pytest.mark.parametrize("limits", [Limits(start_seconds=0), Limits(open_files=1)], ids=["late", "cannot run"])
def test_without_a_child_a_document_may_come_again(
    limits: Limits, new_children: Callable[[], list[int]], fax: Path
) -> None:
    files = open_files()
    with darkroom(limits) as room:
        for _ in range(3):
            with pytest.raises(Unavailable, match="darkroom-unavailable"):
                room.examine(fax)

        assert new_children() == []
        assert open_files() == files


def test_a_document_that_is_not_there_is_our_own_failure(tmp_path: Path) -> None:
    with darkroom(Limits(children=1)) as room, pytest.raises(Unavailable, match="darkroom-unavailable"):
        room.examine(tmp_path / "nothing")


def test_a_place_that_cannot_be_written_is_our_own_failure(fax: Path, tmp_path: Path) -> None:
    with darkroom(Limits(children=1)) as room, pytest.raises(Unavailable, match="darkroom-unavailable"):
        room.preview(fax, 1, tmp_path / "no folder" / "1.png")


def test_what_was_made_before_is_replaced_as_a_whole(fax: Path, tmp_path: Path) -> None:
    made = tmp_path / "1.png"
    made.write_bytes(b"old")
    with darkroom(Limits(children=1)) as room:
        room.preview(fax, 1, made)

    assert made.read_bytes().startswith(b"\x89PNG")
    assert sorted(tmp_path.iterdir()) == [made, fax]


KILLED = """
import os, pathlib, signal, sys
from services.faxstore.formats import Limits, ProcessDarkroom
from services.faxstore.tests.documents.processes import children
ProcessDarkroom(Limits(children=1)).examine(pathlib.Path(sys.argv[1]))
print(*children(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_child_ends_with_whoever_started_it(fax: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(fax)], cwd=ROOT, capture_output=True, check=False)

    assert done.returncode == -signal.SIGKILL
    child = Path("/proc", done.stdout.decode().strip())
    assert child.name.isdigit()
    eventually(lambda: not child.exists() or child.joinpath("status").read_text().split("State:")[1].split()[0] == "Z")


def test_many_threads_share_a_few_children(new_children: Callable[[], list[int]], tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(document(small(), small()))
    bad.write_bytes(b"no document")
    with darkroom(Limits(children=2, queue_seconds=120)) as room, ThreadPoolExecutor(16) as threads:
        answers = [threads.submit(room.examine, path) for path in [good, bad] * 100]

        assert [answer.result().pages for answer in answers[::2]] == [2] * 100
        assert {getattr(answer.exception(), "code", "") for answer in answers[1::2]} == {"document-type-unknown"}
        assert len(new_children()) <= 2
