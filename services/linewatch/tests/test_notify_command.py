"""`integrations/nagios/tsunagu-notify` as Nagios and Icinga call it, against linewatch's own web application."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from contracts.linewatch import LineFaulted, LineRecovered
from services.linewatch.tests.examples import NUMBER

COMMAND = Path(__file__).parents[3] / "integrations" / "nagios" / "tsunagu-notify"
Notify = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def notify(client: Any, as_monitor: dict[str, str], tmp_path: Path) -> Iterator[Notify]:
    key = tmp_path / "key"
    key.write_text(as_monitor["Authorization"].removeprefix("Bearer ") + "\n", encoding="utf-8")
    server = make_server("127.0.0.1", 0, client.application, threaded=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

    def call(**changes: str) -> "subprocess.CompletedProcess[str]":
        said = {
            "url": f"http://127.0.0.1:{server.server_port}/",
            "key-file": str(key),
            "type": "PROBLEM",
            "state-type": "HARD",
            "host": "olt-7",
            "service": "line 1111",
            "state": "CRITICAL",
            "output": "CRITICAL - 光が来ていません",
            "time": "1768446000",
            "line": "06-0000-1111",
            "circuit": "$_SERVICECIRCUIT$",
        } | {name.replace("_", "-"): value for name, value in changes.items()}
        words = [word for name, value in said.items() for word in (f"--{name}", value)]
        return subprocess.run([sys.executable, str(COMMAND), *words], capture_output=True, text=True, check=False)

    yield call
    server.shutdown()


def said(store: Any, kind: type) -> list[Any]:
    return [one.event for one in store.scan() if isinstance(one.event, kind)]


def test_a_problem_is_a_fault_and_its_recovery_is_one(notify: Notify, store: Any) -> None:
    assert notify().stdout == "tsunagu: accepted\n"
    assert notify().stdout == "tsunagu: duplicate\n"
    assert notify(type="RECOVERY", state="OK", time="1768446600").stdout == "tsunagu: accepted\n"

    (fault,) = said(store, LineFaulted)
    assert (fault.contract_number, fault.severity, fault.cause) == (NUMBER, "critical", "CRITICAL - 光が来ていません")
    assert len(said(store, LineRecovered)) == 1


@pytest.mark.parametrize("kind", ["ACKNOWLEDGEMENT", "FLAPPINGSTART", "FLAPPINGSTOP", "DOWNTIMESTART", "CUSTOM"])
def test_what_is_no_problem_and_no_recovery_is_not_told(notify: Notify, store: Any, kind: str) -> None:
    assert notify(type=kind).returncode == 0
    assert not list(store.scan())


def test_a_soft_state_is_not_told(notify: Notify, store: Any) -> None:
    assert notify(state_type="SOFT").returncode == 0
    assert not list(store.scan())


@pytest.mark.parametrize(("state", "severity"), [("DOWN", "critical"), ("WARNING", "minor"), ("UNKNOWN", "minor")])
def test_states_are_severities(notify: Notify, store: Any, state: str, severity: str) -> None:
    notify(state=state)

    assert [fault.severity for fault in said(store, LineFaulted)] == [severity]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"line": "0900000000"}, "unknown-line"),
        ({"line": ""}, "no --line, --circuit or --area"),
        ({"line": "$_SERVICELINE$"}, "no --line, --circuit or --area"),
        ({"key_file": "/nowhere/at/all"}, "the key file cannot be read"),
    ],
)
def test_what_was_not_told_is_said(notify: Notify, changes: dict[str, str], words: str) -> None:
    told = notify(**changes)

    assert told.returncode == 1
    assert words in told.stderr


def test_a_wrong_key_is_said_at_once(notify: Notify, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("wrong", encoding="utf-8")

    assert "Tsunagu answered 401" in notify(key_file=str(tmp_path / "wrong")).stderr


def test_a_store_that_comes_back_is_tried_again(notify: Notify, store: Any) -> None:
    append, tries = store.append_many, list[int]()

    def away_once(commits: Any) -> Any:
        tries.append(len(commits))
        store.away = len(tries) == 1
        try:
            return append(commits)
        finally:
            store.away = False

    store.append_many = away_once

    assert notify().stdout == "tsunagu: accepted\n"
    assert tries == [1, 1]
