"""What dies comes back, what is stopped does not, and a killed owner takes its children with it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chassis.testing import eventually
from devstack.places import REPOSITORY
from devstack.supervisor import Process, Supervisor
from devstack.trouble import Trouble

SLEEPER = Process("sleeper", ("sleep", "600"), dict(os.environ))
# Ignores SIGTERM, and has a child in its process group.
STUBBORN = Process("stubborn", ("sh", "-c", "trap '' TERM; sleep 600 & echo $! ; wait; sleep 600"), dict(os.environ))


class Stage:
    """A supervisor, and what it said."""

    def __init__(self, logs: Path) -> None:
        self.said: list[str] = []
        self.supervisor = Supervisor(logs, self.said.append)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.supervisor.close(seconds=0.5)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_killed_process_comes_back_and_it_is_said_why(stage: Stage) -> None:
    stage.supervisor.start(SLEEPER)

    first = stage.supervisor.kill("sleeper")

    eventually(lambda: stage.supervisor.pid("sleeper") not in (None, first))
    assert len(stage.said) == 1
    assert stage.said[0].startswith("sleeper ended (SIGKILL); starting it again in 0.1 s")


def test_pauses_grow(stage: Stage) -> None:
    stage.supervisor.start(Process("failing", ("sh", "-c", "exit 3"), dict(os.environ)))

    eventually(lambda: len(stage.said) >= 3)

    assert [line.split(" in ")[1].split(" s;")[0] for line in stage.said[:3]] == ["0.1", "0.2", "0.5"]
    assert "exit code 3" in stage.said[0]


def test_a_held_process_stays_down_until_it_is_released(stage: Stage) -> None:
    stage.supervisor.start(SLEEPER)

    stage.supervisor.hold("sleeper")
    stage.supervisor.kill("sleeper")
    eventually(lambda: stage.supervisor.pid("sleeper") is None)

    assert "held" in stage.said[0]
    stage.supervisor.release("sleeper")
    eventually(lambda: stage.supervisor.pid("sleeper"))


def test_stopping_is_quiet_and_for_good(stage: Stage) -> None:
    stage.supervisor.start(SLEEPER)

    stage.supervisor.stop("sleeper")

    assert stage.supervisor.pid("sleeper") is None
    assert stage.said == []


def test_after_the_end_there_is_nothing_to_stop(stage: Stage) -> None:
    """Whoever is interrupted while starting ends what there is, and so does whoever called."""
    stage.supervisor.start(SLEEPER)
    stage.supervisor.close(seconds=5)

    again = threading.Thread(target=stage.supervisor.stop, args=("sleeper",), daemon=True)
    again.start()
    again.join(10)

    assert not again.is_alive()


def test_what_ignores_sigterm_is_killed_with_its_group(stage: Stage) -> None:
    stage.supervisor.start(STUBBORN)
    log = stage.supervisor.log("stubborn")
    eventually(lambda: log.read_text().strip())
    grandchild = int(log.read_text())

    stage.supervisor.stop("stubborn", seconds=0.2)

    eventually(lambda: not alive(grandchild))


def test_a_killed_leader_takes_its_group_with_it(stage: Stage) -> None:
    stage.supervisor.start(STUBBORN)
    log = stage.supervisor.log("stubborn")
    eventually(lambda: log.read_text().strip())
    grandchild = int(log.read_text())

    stage.supervisor.kill("stubborn")

    eventually(lambda: not alive(grandchild))


def test_a_command_that_does_not_exist_is_one_sentence(stage: Stage) -> None:
    with pytest.raises(Trouble, match="ghost cannot be started"):
        stage.supervisor.start(Process("ghost", ("/nowhere/ghost",), {}))


def test_the_thread_that_started_a_process_may_end(stage: Stage) -> None:
    starter = threading.Thread(target=stage.supervisor.start, args=(SLEEPER,))
    starter.start()
    starter.join()
    pid = stage.supervisor.pid("sleeper")
    assert pid

    stage.supervisor.start(Process("other", SLEEPER.command, SLEEPER.environment))

    assert alive(pid)


def test_logs_of_last_time_are_kept(stage: Stage) -> None:
    stage.supervisor.log("talker").write_text("of last time")

    stage.supervisor.start(Process("talker", ("echo", "of this time"), dict(os.environ)))
    eventually(lambda: "of this time" in stage.supervisor.log("talker").read_text())

    assert stage.supervisor.log("talker").with_suffix(".log.1").read_text() == "of last time"


OWNER = """
import os, sys, threading
from pathlib import Path
from devstack.supervisor import Process, Supervisor
supervisor = Supervisor(Path(sys.argv[1]))
supervisor.start(*(Process(f"sleeper-{n}", ("sleep", "600"), dict(os.environ)) for n in range(3)))
print(*(supervisor.pid(name) for name in supervisor.names()), flush=True)
threading.Event().wait()
"""


def test_children_die_with_a_killed_owner(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", OWNER, str(tmp_path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout
        children = [int(pid) for pid in owner.stdout.readline().split()]
        assert len(children) == 3
        assert all(alive(pid) for pid in children)

        owner.send_signal(signal.SIGKILL)

        eventually(lambda: not any(alive(pid) for pid in children))
