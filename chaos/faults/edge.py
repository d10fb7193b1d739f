"""What meets those who are in the middle of asking."""

import signal
import socket
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]

from chaos.ground import API, Ground, promised, taken
from chaos.harm import LONG, told_to_end
from chaos.load import AT_ONCE, Load, made
from chassis.testing import eventually
from devstack.client import Answer, Client
from devstack.trouble import Trouble

READERS = 4
FEW_FILES, CROWD = 8, 200


def told_to_end_with_requests_in_flight(ground: Ground, load: Load) -> list[str]:
    """SIGTERM to the web process of monitoring's reports, of readers, and of the edge itself; then SIGKILL."""
    stopped, seen = threading.Event(), Counter[str]()

    def read() -> None:
        """Through the gateway, to a service that is told to end meanwhile: an answer each time, if only 503."""
        while not stopped.is_set():
            seen[_status(ground.operator, f"{API}/contracts/{load.lines[0]}/bulk-forward")] += 1

    with load.running(10), ThreadPoolExecutor(READERS) as threads:
        readers = [threads.submit(read) for _ in range(READERS)]
        try:
            for name in ("bulkforward-web", "linewatch-web", "voicewarp-web"):
                told_to_end(ground.stack, name)
        finally:
            stopped.set()
        for reader in readers:
            reader.result()
        promised(set(seen) <= {"200", "503"}, f"readers behind the edge saw {dict(seen)}")
        promised(not load.broken_off, f"behind the edge there broke off {dict(load.broken_off)}")
        told_to_end(ground.stack, "gateway")
        _killed_after_the_deadline(ground)
    return [f"readers saw {dict(seen)}"]


def _killed_after_the_deadline(ground: Ground) -> None:
    before = ground.stack.kill("linewatch-web", signal.SIGTERM)
    ground.stack.kill("linewatch-web", signal.SIGKILL)
    eventually(lambda: ground.stack.pid("linewatch-web") not in (None, before), within=LONG)
    ground.stack.wait_ready("linewatch-web")


def _status(client: Client, path: str) -> str:
    try:
        return str(client.get(path).status)
    except Trouble:
        return "broke off"


def files_run_short(ground: Ground, load: Load) -> list[str]:
    """No process of the way in may open more files than it has; then a crowd comes."""
    crowd: list[socket.socket] = []
    where = urlsplit(ground.stack.gateway_url)
    before = ground.family("gateway")[0].rlimit(psutil.RLIMIT_NOFILE)
    try:
        with load.running(20):
            Event().wait(3)
            for one in _way_in(ground):
                one.rlimit(psutil.RLIMIT_NOFILE, (one.num_fds() + FEW_FILES, before[1]))
            for _ in range(CROWD):
                crowd.append(socket.create_connection((where.hostname, where.port), timeout=5))
                crowd[-1].sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")  # And no more.
            Event().wait(8)
            _lift(ground, before)
            _leave(crowd)
    finally:
        _lift(ground, before)
        _leave(crowd)
    sheds = {f"{who} {status}": count for (who, status), count in load.told.items() if status >= 500}
    return [f"{CROWD} idle connections, {FEW_FILES} files left: {sheds}, {dict(load.broken_off)} broke off"]


def _way_in(ground: Ground) -> list[psutil.Process]:
    names = ("gateway", "linewatch-web", "bulkforward-web", "voicewarp-web")
    return [one for name in names for one in ground.family(name)]


def _lift(ground: Ground, limit: tuple[int, int]) -> None:
    """Also of a process that was started meanwhile, and has inherited it."""
    for one in _way_in(ground):
        with suppress(psutil.NoSuchProcess):
            one.rlimit(psutil.RLIMIT_NOFILE, limit)


def _leave(crowd: list[socket.socket]) -> None:
    for one in crowd:
        one.close()


def broken_files(ground: Ground, load: Load) -> list[str]:
    """Files for a plan while lines fall ill; one of them is good, the others change nothing."""
    line = load.lines[-1]
    path = f"{API}/contracts/{line}/bulk-forward"
    head = "電話番号,転送先電話番号\r\n"
    good = f"{head}{line},090-1234-5678\r\n"
    files: dict[str, tuple[bytes, int]] = {
        "BOM": (("\ufeff" + good).encode(), 200),
        "Shift_JIS": (good.encode("cp932"), 200),
        "CR only": (good.replace("\r\n", "\r").encode(), 200),
        "open quote": (f'{head}"{line},0312345678\r\n'.encode(), 422),
        "one row twice": (f"{good}{line},0312345679\r\n".encode(), 422),
        "formula": (f"{head}=1+1,0312345678\r\n".encode(), 422),
        "NUL": (f"{head}{line},03123\x0045678\r\n".encode(), 422),
        "half good": (f"{good}0399999999,0312345678\r\n".encode(), 422),
        "a million rows": (head.encode() + b"1,2\r\n" * 1_000_000, 413),
    }
    with load.running(10):
        answers = {name: _sent(ground, path, content) for name, (content, _) in files.items()}
    wrong = {name: answers[name].status for name, (_, status) in files.items() if answers[name].status != status}
    promised(not wrong, f"files were answered otherwise: {wrong}")
    unnumbered = [
        name
        for name, answer in answers.items()
        if answer.code == "invalid-rows" and not all("line" in row for row in answer.body["details"]["rows"])
    ]
    promised(not unnumbered, f"errors without a row: {unnumbered}")
    load.wanted[line] = "09012345678"
    return [
        ", ".join(
            f"{name}: {answer.status} {answer.code if answer.status > 200 else ''}".strip()
            for name, answer in answers.items()
        )
    ]


def _sent(ground: Ground, path: str, content: bytes) -> Answer:
    return ground.operator.send("POST", f"{path}/csv", content, {"Content-Type": "text/csv", "If-Match": "*"})


def hands_in_the_storm(ground: Ground, load: Load) -> list[str]:
    """A customer takes over what a fault has started: its recovery stops nothing. Another stops it by hand."""
    kept, stopped = load.lines[AT_ONCE * 3], load.lines[AT_ONCE * 3 + 1]
    load.lines = [line for line in load.lines if line not in (kept, stopped)]
    with load.running(12):
        load.report([kept, stopped], "faulted")
        for line, order in ((kept, "start"), (stopped, "stop")):
            path = f"{API}/contracts/{line}/bulk-forward"
            eventually(lambda path=path: ground.operator.get(path).body["running"], within=LONG)  # type: ignore[misc]
            taken(ground.operator.post(f"{path}/{order}"), 200, 201)
        Event().wait(2)
        load.report([kept, stopped], "recovered")
    load.lines = [kept, stopped, *load.lines]
    load.kept.add(kept)
    eventually(lambda: load.ground.database("bulkforward")["commits"].find_one(_stop_skipped(kept)), within=LONG)
    plan = ground.operator.get(f"{API}/contracts/{kept}/bulk-forward").body
    promised((plan["running"], plan["cause"]) == (True, "manual"), f"the customer's forwarding: {plan}")
    return []


def _stop_skipped(line: str) -> dict[str, str]:
    return {"stream": f"plan-{line}", "events.type": "BulkForwardAutoStopSkipped"}


def rolled_out(ground: Ground, load: Load) -> list[str]:
    """Every process of ours is told to end and starts anew, one after another, while the storm goes on."""
    plain = made(ground, len(load.lines))
    seconds = 4.0 * len(ground.processes())
    with plain.running(seconds):
        pass
    with load.running(seconds):
        for name in ground.processes():
            told_to_end(ground.stack, name)
    ratio = load.seconds / plain.seconds
    promised(ratio <= 1.15, f"the storm took {ratio:.2f} times as long")
    again = {f"{who} {status}": count for (who, status), count in load.told.items() if status == 503}
    return [f"{ratio:.2f} times as long; sent again: {again}, {dict(load.broken_off)} broke off"]
