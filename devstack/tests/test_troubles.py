"""What can go wrong at a start is one sentence that says what to do."""

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from devstack import mongo_engine, running, stack
from devstack.__main__ import main
from devstack.places import Places
from devstack.trouble import Trouble


def test_a_port_in_use_is_named_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "PORT_SECONDS", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(Trouble, match=f"Port {port} .* in use .*--port {port + 1}"):
            stack._need_port(port)


def test_a_full_disk_is_noticed_before_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=5_000_000))

    with pytest.raises(Trouble, match="nearly full \\(5 MB free\\)"):
        Places(tmp_path / "root").make()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(Trouble, match="cannot be written"):
        Places(tmp_path / "file" / "root").make()


@pytest.fixture
def slim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """A machine on which mongod does not run, with a mongod and an ldd of our own on the PATH."""

    def program(name: str, script: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    program("mongod", "exit 127")
    return program


def test_a_plain_user_is_told_which_package_to_ask_for(
    slim: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    slim("ldd", "echo '	libcurl.so.4 => not found'; echo '	libm.so.6 => /lib/libm.so.6 (0x1)'")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(Trouble, match=r"ask your administrator to install: libcurl4\.$"):
        mongo_engine.need_libraries(lambda line: None)


def test_root_gets_the_package_and_sees_it(slim: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    slim("ldd", "echo '	libcurl.so.4 => not found'")
    slim("apt-get", 'case $* in install*libcurl4) printf "#!/bin/sh\\n" >"$(dirname "$0")/mongod" ;; esac')
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    said: list[str] = []

    mongo_engine.need_libraries(said.append)

    assert said == ["Installing the system package that mongod needs: apt-get install libcurl4"]


def test_a_second_stack_in_one_folder_is_refused(tmp_path: Path) -> None:
    places = Places(tmp_path)
    with running.lock(places), pytest.raises(Trouble, match=f"process {os.getpid()}"):
        running.lock(places)


def test_what_a_killed_stack_left_does_not_count_as_running(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.run.write_text("{}")

    assert running.find(tmp_path) is None


def test_a_trouble_is_one_line_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["tsunagu", "help", "nothing"])

    assert main() == 1
    assert capsys.readouterr().err == "tsunagu: There is no command nothing; ./tsunagu help lists them.\n"
