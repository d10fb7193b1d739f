"""What has to hold after every fault, looked at in the databases, the mails and the answers of the real system.

| | |
|---|---|
| I1 | no accepted fault is lost: it is said, answered by forwarding and told by mail; nor is an edit |
| I2 | a fault starts the forwarding of its line once |
| I3 | the last state of each line is that of its last event; calls go where it says |
| I4 | each mail that is owed has arrived once; one that may come twice has the same Message-ID |
| I5 | the revisions of each stream have no gaps |
| I6 | a view made from nothing is the same, byte for byte, as the one that was kept |
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from bson import json_util
from bson.json_util import JSONOptions

from chaos.ground import API, Ground
from chaos.harm import LONG
from chaos.load import Load
from chassis.testing import eventually
from devstack.services import MAIL_FROM, SERVICES

NAMES = ("I1", "I2", "I3", "I4", "I5", "I6")
# Views that the load touches. Those of contracts are made from what auth said.
VIEWS = (
    ("linewatch", "contracts"),
    ("linewatch", "faults"),
    ("bulkforward", "forwards"),
    ("voicewarp", "routes"),
    ("notify", "mails"),
)
STARTS = ("BulkForwardStarted", "BulkForwardAutoStartSkipped")
STOPS = ("BulkForwardStopped", "BulkForwardAutoStopSkipped")
# A view has settled when nothing has changed in it for so many looks, one each second: longer than the lease of a dead
# leader, before whose end another one neither publishes nor projects.
LOOKS = 12
PLAIN = JSONOptions(json_mode=json_util.JSONMode.CANONICAL)

Event = Mapping[str, Any]


@dataclass
class Line:
    """What the services have recorded of one line, in order of its streams."""

    said: list[Event] = field(default_factory=list)
    done: list[Event] = field(default_factory=list)
    owed: list[Event] = field(default_factory=list)

    def about(self, events: Sequence[Event], fault_id: str, *types: str) -> list[Event]:
        return [event for event in events if event["type"] in types and event["data"].get("fault_id") == fault_id]

    @property
    def faults(self) -> list[str]:
        return [event["data"]["fault_id"] for event in self.said if event["type"] == "LineFaulted"]

    @property
    def is_faulted(self) -> bool:
        last = [event["type"] for event in self.said if event["type"] in ("LineFaulted", "LineRecovered")]
        return last[-1:] == ["LineFaulted"]

    @property
    def runs(self) -> bool:
        last = [event["type"] for event in self.done if event["type"] in ("BulkForwardStarted", "BulkForwardStopped")]
        return last[-1:] == ["BulkForwardStarted"]

    @property
    def entries(self) -> Mapping[str, str]:
        changes = [event["data"]["entries"] for event in self.done if event["type"] == "BulkForwardEntriesChanged"]
        return changes[-1] if changes else {}


def check(load: Load, say: Callable[[str], None] = lambda text: None) -> dict[str, str]:
    """What is wrong with each invariant, "" where it holds. Waits until all has come to rest, or for `LONG`."""
    say("waiting until all is done")
    _wait(lambda: not _lost(load) and not not_at_rest(load, recorded(load)))
    say("looking at every invariant")
    lines = recorded(load)
    return {
        "I1": _shown(_lost(load)),
        "I2": _shown(started_again(load, lines)),
        "I3": _shown([*not_at_rest(load, lines), *_wrongly_shown(load, lines)]),
        "I4": _shown(_mails_not_once(load, lines)),
        "I5": _shown(_gaps(load.ground)),
        "I6": _shown(_views_that_differ(load.ground)),
    }


def _wait(look: Callable[[], bool]) -> None:
    try:
        eventually(look, within=LONG, every=0.3)
    except AssertionError:
        return  # What is missing is found again by who looks next, and named.


def _shown(wrong: Iterable[str]) -> str:
    found = list(wrong)
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return "; ".join(found[:3]) + more


def recorded(load: Load) -> dict[str, Line]:
    """Everything that there is about the lines of a load."""
    lines: dict[str, Line] = defaultdict(Line)
    for service, category, into in (
        ("linewatch", "line", "said"),
        ("bulkforward", "plan", "done"),
        ("notify", "notice", "owed"),
    ):
        streams = [f"{category}-{line}" for line in load.lines]
        commits = load.ground.database(service)["commits"].find({"stream": {"$in": streams}})
        for commit in commits.sort([("stream", 1), ("revision", 1)]):
            getattr(lines[commit["stream"].partition("-")[2]], into).extend(commit["events"])
    return lines


def _lost(load: Load) -> list[str]:
    """Accepted reports without all that has to come of them, and accepted edits that are not there."""
    lines = recorded(load)
    return [
        *(
            f"the fault of {line} {what}"
            for line in sorted(load.down | load.up)
            for what in missing(load, line, lines[line])
        ),
        *(f"the edit of {line}" for line, to in load.wanted.items() if lines[line].entries.get(line) != to),
    ]


def missing(load: Load, line: str, known: Line) -> list[str]:
    """What has to come of the last fault of a line, and of its recovery, and is not there."""
    if not known.faults:
        return ["was never said"]
    fault, wanted = known.faults[-1], []
    if line not in load.unstarted and not known.about(known.done, fault, *STARTS):
        wanted.append("was not answered by bulk forwarding")
    if line in load.up and not known.about(known.done, fault, *STOPS):
        wanted.append("has a recovery that was not answered")
    if line not in load.unmailed and _mails(known) < 1 + (line in load.up):
        wanted.append("was not told by mail")
    return wanted


def _mails(known: Line) -> int:
    return sum(event["type"] == "MailQueued" for event in known.owed)


def started_again(load: Load, lines: Mapping[str, Line]) -> Iterator[str]:
    """Lines that a fault started not once."""
    for line in load.lines:
        known = lines[line]
        for fault in known.faults:
            starts = known.about(known.done, fault, "BulkForwardStarted")
            if len(starts) > 1:
                yield f"{line} was started {len(starts)} times for one fault"
            elif not starts and line not in load.unstarted:
                yield f"{line} was not started"


def not_at_rest(load: Load, lines: Mapping[str, Line]) -> list[str]:
    """Lines whose state, or whose forwarding, is not that of the last report."""
    wrong = [f"{line} is not faulted" for line in load.down if not lines[line].is_faulted]
    wrong += [f"{line} is faulted" for line in load.up if lines[line].is_faulted]
    wrong += [f"{line} is not forwarded" for line in load.down - load.unstarted if not lines[line].runs]
    return wrong + [f"{line} is forwarded" for line in load.up - load.kept if lines[line].runs]


def _wrongly_shown(load: Load, lines: Mapping[str, Line]) -> list[str]:
    """What the interface and the answers to the switch say otherwise than the events."""

    def wrong(line: str) -> str:
        plan = load.ground.operator.get(f"{API}/contracts/{line}/bulk-forward").body
        call = load.call(line).body
        if plan["running"] != lines[line].runs:
            return f"the plan of {line} is shown wrongly"
        goes_on = call["now"]["action"] == "forward"
        return "" if goes_on == lines[line].runs else f"calls to {line} go elsewhere: {call['now']}"

    def all_right(line: str) -> str:
        try:
            eventually(lambda: not wrong(line), within=10.0)
        except AssertionError:
            return wrong(line)
        return ""

    with ThreadPoolExecutor(4) as threads:
        return [found for found in threads.map(all_right, load.lines) if found]


def _mails_not_once(load: Load, lines: Mapping[str, Line]) -> list[str]:
    owed = {
        (f"<{event['data']['mail_id']}@{MAIL_FROM.rpartition('@')[2]}>", event["data"]["address"])
        for line in load.lines
        if line not in load.unmailed
        for event in lines[line].owed
        if event["type"] == "MailQueued"
    }
    _wait(lambda: owed <= set(arrived(load)))
    there = arrived(load)
    most = 2 if load.repeats else 1
    wrong = [f"a mail to {to} has not arrived" for id, to in owed if not there[id, to]]
    wrong += [f"{count} mails to {to} are the same" for (_, to), count in there.items() if count > most]
    unmailed = {load.address(line) for line in load.unmailed}
    strange = [to for id, to in there if (id, to) not in owed and to not in unmailed]
    return wrong + [f"a mail to {to} that nobody owed" for to in strange]


def arrived(load: Load) -> Counter[tuple[str, str]]:
    """How often each mail of the load's addresses is there, by Message-ID and address."""
    ours = {load.address(line) for line in load.lines}
    return Counter((mail["headers"]["Message-ID"], mail["to"]) for mail in load.ground.mails() if mail["to"] in ours)


def _gaps(ground: Ground) -> list[str]:
    """Over all streams of all services."""
    wrong = []
    for service in SERVICES:
        rows = ground.database(service)["commits"].aggregate(
            [
                {"$match": {"stream": {"$exists": True}}},
                {"$group": {"_id": "$stream", "count": {"$sum": 1}, "last": {"$max": "$revision"}}},
                {"$match": {"$expr": {"$ne": ["$count", "$last"]}}},
            ]
        )
        wrong += [f"{row['_id']} has {row['count']} commits up to revision {row['last']}" for row in rows]
    return wrong


def _views_that_differ(ground: Ground) -> list[str]:
    _settle(ground)
    kept = {view: _rows(ground, *view) for view in VIEWS}
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda view: ground.command(view[0], "rebuild", view[1]), VIEWS))
    wrong = []
    for view, before in kept.items():
        after = _rows(ground, *view)
        differing = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
        wrong += [
            f"{len(differing)} rows of {' '.join(view)} differ, such as {key}: {before.get(key)}, anew {after.get(key)}"
            for key in differing[:1]
        ]
    return wrong


def _settle(ground: Ground) -> None:
    seen: list[Mapping[tuple[str, str], Mapping[str, str]]] = []

    def still() -> bool:
        seen.append({view: _rows(ground, *view) for view in VIEWS})
        return len(seen) > LOOKS and all(look == seen[-1] for look in seen[-LOOKS - 1 :])

    eventually(still, within=LONG, every=1.0)


def _rows(ground: Ground, service: str, view: str) -> dict[str, str]:
    """Each row as text. The order of a row's fields is not part of it: it is that in which several streams came."""
    rows = ground.database(service)[view].find()
    return {str(row["_id"]): json_util.dumps(row, json_options=PLAIN, sort_keys=True) for row in rows}
