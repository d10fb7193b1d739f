import socket
from dataclasses import dataclass

from chassis.deadline import Deadline
from chassis.testing import eventually


@dataclass
class Connection:
    sock: socket.socket | None = None


def test_who_reads_when_the_time_is_over_meets_the_end() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, Deadline(0.01) as deadline:
        deadline.watch(Connection(ours))

        assert ours.recv(1) == b""
    assert deadline.passed


def test_a_connection_that_is_made_too_late_is_cut_too() -> None:
    ours, theirs = socket.socketpair()
    late = Connection()
    with ours, theirs, Deadline(0.01) as deadline:
        deadline.watch(late)
        eventually(lambda: deadline.passed)
        late.sock = ours

        assert ours.recv(1) == b""


def test_a_connection_outlives_a_deadline_that_was_kept() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with Deadline(60) as deadline:
            deadline.watch(Connection(ours))
        theirs.sendall(b"x")

        assert (ours.recv(1), deadline.passed) == (b"x", False)


def test_a_connection_that_is_closed_already_is_no_trouble() -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    with theirs, Deadline(0.01) as deadline:
        deadline.watch(Connection(ours))
        eventually(lambda: deadline.passed)
