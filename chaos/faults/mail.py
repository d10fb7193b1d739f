"""The mail server is slow, refuses, forgets to answer, is gone."""

from collections import Counter
from threading import Event

from chaos import invariants, mailserver
from chaos.ground import API, Ground, promised
from chaos.harm import LONG
from chaos.load import Load
from chassis.testing import eventually

EACH = 6
# Within the first pause after a failed try (services/notify/model/mail.py), so that the second one meets it up again.
GONE_SECONDS = 45.0
FORWARDED_SECONDS = 10.0


def has_moods(ground: Ground, load: Load) -> list[str]:
    """Six lines for each mood, the rest are treated well."""
    moods = {
        load.address(line): mood
        for place, mood in enumerate(mailserver.MOODS)
        for line in load.lines[place * EACH : (place + 1) * EACH]
    }
    gone = [line for line in load.lines if moods.get(load.address(line)) == "gone"]
    load.unmailed.update(gone)
    load.repeats = True
    with mailserver.in_front(ground.stack, lambda address: moods.get(address, "")):
        with load.running(10):
            pass
        _forwarded_in_time(load)
        refused = [line for line in gone if line in load.up]
        eventually(lambda: all(_given_up(ground, line) for line in refused), within=LONG, every=0.5)
        held_back = sum("suppressed" in _states(ground, line) for line in refused)
        promised(held_back, "no mail to a refused address was held back")
        undeliverable = [line for line in gone if not _undeliverable(ground, line)]
        promised(not undeliverable, f"{len(undeliverable)} refused addresses are not shown as such")
        wrong = eventually(lambda: _all_arrived(load) or None, within=LONG * 2, every=1.0)
    return [f"each of {', '.join(mailserver.MOODS)} for {EACH} addresses; {wrong} mails arrived"]


def _forwarded_in_time(load: Load) -> None:
    """Whatever the mail server does, forwarding follows the lines."""

    def follows() -> bool:
        return all(known.runs == known.is_faulted for known in invariants.recorded(load).values())

    eventually(follows, within=FORWARDED_SECONDS, every=0.2)


def _given_up(ground: Ground, line: str) -> bool:
    states = _states(ground, line)
    return states.total() == 2 and states <= Counter(failed=2, suppressed=1)


def _states(ground: Ground, line: str) -> Counter[str]:
    """Of its mails; the recovery's is held back where the fault's was refused for good before."""
    return Counter(item["state"] for item in ground.operator.get(f"{API}/mails?contract={line}").body["items"])


def _undeliverable(ground: Ground, line: str) -> bool:
    return bool(ground.operator.get(f"{API}/contracts/{line}/fault-notice").body["undeliverable"])


def _all_arrived(load: Load) -> int:
    """How many mails arrived; 0 while one is missing."""
    lines = [line for line in load.lines if line not in load.unmailed]
    wanted = {line: 1 + (line in load.up) for line in lines}
    arrived = invariants.arrived(load)
    by_address = {load.address(line): 0 for line in lines}
    for _, address in arrived:
        if address in by_address:
            by_address[address] += 1
    return 0 if any(by_address[load.address(line)] < wanted[line] for line in lines) else sum(by_address.values())


def is_gone(ground: Ground, load: Load) -> list[str]:
    """Faults and recoveries come while it is gone; afterwards all is told."""
    with mailserver.in_front(ground.stack, lambda address: "", opened=False) as server:
        with load.running(10):
            pass
        _forwarded_in_time(load)
        Event().wait(GONE_SECONDS - 10)
        promised(not invariants.arrived(load), "mails arrived at a server that is gone")
        server.open()
        count = eventually(lambda: _all_arrived(load) or None, within=LONG, every=1.0)
    return [f"{count} mails went out after {GONE_SECONDS:.0f} s; faults that are over are told of all the same"]
