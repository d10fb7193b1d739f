"""`integrations/snmp/tsunagu-trap` as snmptrapd calls it, against linewatch's own web application."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from chassis.testing import eventually
from contracts.linewatch import LineFaulted, LineRecovered
from services.linewatch.model.line import AlarmRaised
from services.linewatch.tests.examples import NUMBER

COMMAND = Path(__file__).parents[3] / "integrations" / "snmp" / "tsunagu-trap"
MAP = """
# device            ifIndex  line
olt-7,192.0.2.7     3        C-1111
192.0.2.8           1        line:06-0000-2222
192.0.2.9           1        circuit:unknown
"""


def v2(kind: str, uptime: str = "0:6:31:55.48", admin: str = "1", address: str = "192.0.2.7", index: str = "3") -> str:
    """As Debian's snmptrapd 5.9.3 wrote it, where no MIBs are loaded."""
    return f"""localhost
UDP: [{address}]:38897->[192.0.2.1]:162
iso.3.6.1.2.1.1.3.0 {uptime}
iso.3.6.1.6.3.1.1.4.1.0 iso.3.6.1.6.3.1.1.5.{kind}
iso.3.6.1.2.1.2.2.1.1.{index} {index}
iso.3.6.1.2.1.2.2.1.7.{index} {admin}
iso.3.6.1.2.1.2.2.1.8.{index} 2
iso.3.6.1.2.1.31.1.1.1.1.{index} "ge-0/0/{index}"
"""


DOWN, UP = v2("3"), v2("4", uptime="0:6:41:55.48")
# `-On`, as the same program wrote it.
NUMERIC = "".join(line.replace("iso.", ".1.") for line in DOWN.splitlines(keepends=True))
# With the MIBs loaded, of a trap of version 1 that somebody has passed on.
NAMED = """<UNKNOWN>
UDP: [192.0.2.250]:54287->[192.0.2.1]:162
DISMAN-EVENT-MIB::sysUpTimeInstance 0:6:31:55.48
SNMPv2-MIB::snmpTrapOID.0 IF-MIB::linkDown
IF-MIB::ifIndex.3 3
IF-MIB::ifAdminStatus.3 up
IF-MIB::ifDescr.3 ge-0/0/3
SNMP-COMMUNITY-MIB::snmpTrapAddress.0 192.0.2.7
SNMP-COMMUNITY-MIB::snmpTrapCommunity.0 "public"
"""


@dataclass
class Handler:
    """The command with a spool of its own."""

    url: str
    place: Path

    @property
    def spool(self) -> Path:
        return self.place / "spool"

    def __call__(self, trap: str, *others: str) -> "subprocess.CompletedProcess[str]":
        places = ["--key-file", str(self.place / "key"), "--map", str(self.place / "map"), "--spool", str(self.spool)]
        return subprocess.run(
            [sys.executable, str(COMMAND), "--url", self.url, *places, *others],
            input=trap,
            capture_output=True,
            text=True,
            check=False,
        )

    def flush(self) -> "subprocess.CompletedProcess[str]":
        return self("", "--flush", "--patience", "0")

    def waiting(self) -> list[Path]:
        return list(self.spool.glob("[0-9]*.json"))

    def told(self, trap: str) -> None:
        """Takes the trap and waits until it is told."""
        assert self(trap).returncode == 0
        eventually(lambda: not self.waiting())


@pytest.fixture
def handler(client: Any, as_monitor: dict[str, str], tmp_path: Path) -> Iterator[Handler]:
    (tmp_path / "key").write_text(as_monitor["Authorization"].removeprefix("Bearer ") + "\n", encoding="utf-8")
    (tmp_path / "map").write_text(MAP, encoding="utf-8")
    server = make_server("127.0.0.1", 0, client.application, threaded=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield Handler(f"http://127.0.0.1:{server.server_port}/", tmp_path)
    server.shutdown()


def said(store: Any, kind: type) -> list[Any]:
    return [one.event for one in store.scan() if isinstance(one.event, kind)]


@pytest.mark.parametrize("down", [DOWN, NUMERIC, NAMED])
def test_a_link_that_goes_down_is_a_fault_and_its_coming_up_the_recovery(
    handler: Handler, store: Any, down: str
) -> None:
    handler.told(down)
    handler.told(down)
    handler.told(UP)

    (fault,) = said(store, LineFaulted)
    assert (fault.contract_number, fault.severity) == (NUMBER, "critical")
    assert fault.cause == "link down: olt-7 ge-0/0/3"
    assert len(said(store, LineRecovered)) == 1


def test_a_device_that_was_started_anew_says_the_same_and_is_heard(handler: Handler, store: Any) -> None:
    handler.told(v2("3", uptime="0:6:31:55.48"))
    handler.told(v2("4", uptime="0:0:00:05.00"))
    handler.told(v2("3", uptime="0:0:00:05.48"))

    assert len(said(store, LineFaulted)) == 2


def test_a_number_may_name_the_line(handler: Handler, store: Any) -> None:
    handler.told(v2("3", address="192.0.2.8", index="1"))

    assert [fault.contract_number for fault in said(store, LineFaulted)] == [NUMBER]


def test_an_interface_that_was_shut_down_is_planned_work(handler: Handler, store: Any) -> None:
    handler.told(v2("3", admin="2"))

    assert [alarm.planned for alarm in said(store, AlarmRaised)] == [True]
    assert not said(store, LineFaulted)


@pytest.mark.parametrize(
    "trap",
    ["", "olt-7\n", v2("1"), v2("3", index="4"), v2("3", address="192.0.2.99"), DOWN.replace(".1.3 3", ".5.3 3")],
)
def test_what_is_no_line_of_ours_is_not_told(handler: Handler, store: Any, trap: str) -> None:
    told = handler(trap)

    assert (told.returncode, handler.waiting(), list(store.scan())) == (0, [], [])


def test_what_is_refused_is_kept_and_holds_up_nothing(handler: Handler, store: Any) -> None:
    handler.told(v2("3", address="192.0.2.9", index="1"))
    handler.told(DOWN)

    (refused,) = (handler.spool / "refused").iterdir()
    assert json.loads(refused.read_text(encoding="utf-8"))["circuit"] == "unknown"
    assert len(said(store, LineFaulted)) == 1


def test_what_cannot_be_told_waits_in_order(handler: Handler, store: Any) -> None:
    store.away = True
    for trap in (DOWN, UP):
        handler(trap, "--patience", "0")
    eventually(lambda: handler.flush().returncode == 1)  # Not while those of the traps are at it.
    failed = handler.flush()
    store.away = False

    assert (failed.returncode, len(handler.waiting())) == (1, 2)
    assert "Tsunagu answered 503" in failed.stderr
    assert (handler.flush().returncode, handler.waiting()) == (0, [])
    assert [len(said(store, kind)) for kind in (LineFaulted, LineRecovered)] == [1, 1]


@pytest.mark.parametrize(("missing", "words"), [("key", "did not answer"), ("wrong", "answered 401")])
def test_a_key_that_is_no_key_loses_nothing(handler: Handler, store: Any, missing: str, words: str) -> None:
    key = handler.place / "key"
    good = key.read_text(encoding="utf-8")
    key.unlink() if missing == "key" else key.write_text("wrong", encoding="utf-8")
    handler(DOWN, "--patience", "0")
    eventually(lambda: handler.flush().returncode == 1)
    failed = handler.flush()

    key.write_text(good, encoding="utf-8")
    assert words in failed.stderr
    assert handler.flush().returncode == 0
    assert len(said(store, LineFaulted)) == 1


def test_traps_that_come_together_are_all_told(handler: Handler, store: Any) -> None:
    flaps = [v2("34"[place % 2], uptime=f"0:6:31:{place:02}.00") for place in range(12)]
    threads = [threading.Thread(target=handler, args=(trap,)) for trap in flaps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    eventually(lambda: not handler.waiting())
    assert sum("Alarm" in one.type for one in store.scan()) == len(flaps)
