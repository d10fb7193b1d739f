"""What has to be true of a world that has come to rest, in plain words and without the services' own rules.

I1 no accepted fault is lost; I2 a fault starts forwarding once; I3 the last state is that of the last event by
sequence; I4 one mail for each event and recipient; I5 streams have no gaps; I6 a view made anew is the same. And of
hands: what a customer started no recovery stops, what a customer stopped no old fault starts again.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from chassis import kafka
from chassis.decider import Decider
from chassis.errors import BadMessage
from chassis.messages import Codec, Recorded, from_kafka
from chassis.store import Commit
from chassis.views import View
from contracts.bulkforward import BulkForwardAutoStartSkipped, BulkForwardStarted
from contracts.linewatch import SEVERITIES, LineFaulted, LineFaultWorsened, LineRecovered
from contracts.notify import MailFailed, MailQueued, MailSent, MailSuppressed
from services.bulkforward import model as plan
from services.bulkforward.model import DropEntry, EditPlan, SetEntry, StartNow, StopNow
from services.bulkforward.views import FORWARDS
from services.linewatch.model import line
from services.linewatch.views import CONTRACTS, FAULTS
from services.notify.model import notice
from services.notify.model.bundle import LetterFormed
from services.notify.views import MAILS
from services.voicewarp.views import ROUTES
from sim.actors import Actors, Report
from sim.engines import Database, fold_into
from sim.site import CODECS, HEARD, PUBLIC, Site

# As the settings have it: from here on a fault starts forwarding.
GRAVE = SEVERITIES.index("major")
MINOR = SEVERITIES.index("minor")


@dataclass
class Checked:
    """A world's invariants, as it is when this is made."""

    site: Site
    actors: Actors
    addresses: Mapping[str, tuple[str, ...]]
    # What is kept back because a clock was ahead has been said by now.
    at_the_end: bool = False

    def road(self) -> None:
        """All but mails: what has to be right as soon as nothing is on its way."""
        self._streams()
        self._topics()
        for contract_number in self.actors.contracts:
            self._line(contract_number)
            self._taken(contract_number)
            self._plan(contract_number)
        self._views()
        self._poison()

    def mails(self) -> None:
        """When all tries are over."""
        for contract_number in self.actors.contracts:
            self._notices(contract_number)
        self._letters()

    def _db(self, name: str) -> Database:
        return self.site.databases[name]

    def _wrong(self, what: str) -> None:
        self.site.world.wrong(what)

    def _state(self, service: str, decider: Decider[Any], stream: str) -> Any:
        return decider.fold(recorded.event for recorded in self._events(service, stream))

    @cached_property
    def _everything(self) -> Mapping[str, Mapping[str, Recorded]]:
        """All that was ever recorded, by service and id."""
        return {
            name: {recorded.id: recorded for recorded in db.store.scan()} for name, db in self.site.databases.items()
        }

    def _events(self, service: str, stream: str) -> list[Recorded]:
        return [recorded for recorded in self._everything[service].values() if recorded.stream == stream]

    # I5

    def _streams(self) -> None:
        for name, db in self.site.databases.items():
            revisions: dict[str, int] = defaultdict(int)
            for commit in db.log:
                revisions[commit.stream] += 1
                if commit.revision != revisions[commit.stream]:
                    self._wrong(f"I5 {name}: {commit.id} comes after revision {revisions[commit.stream] - 1}")

    def _topics(self) -> None:
        """Everything public is there, and whoever drops what is older than what it has seen has it in order."""
        for owner, codec in CODECS.items():
            newest: dict[str, str] = {}
            there: set[str] = set()
            for recorded in self._on_topic(owner, codec):
                if recorded.id not in there and recorded.sequence < newest.get(recorded.stream, ""):
                    self._wrong(f"I5 {owner}: {recorded.id} came first after {newest[recorded.stream]}")
                there.add(recorded.id)
                newest[recorded.stream] = max(recorded.sequence, newest.get(recorded.stream, ""))
            for missing in sorted(set(self.site.public[owner]) - there):
                self._wrong(f"I1 {owner}: {missing} was never published")

    def _on_topic(self, owner: str, codec: Codec) -> Iterator[Recorded]:
        for partition in self.site.bus.topics.get(kafka.topic_of(owner), ()):
            for record in partition:
                with suppress(BadMessage):
                    yield from_kafka(record.value, record.headers, codec)

    # I1 and I3: lines

    def _line(self, number: str) -> None:
        reports = [report for report in self.actors.reports if report.contract_number == number]
        seen = self._db("linewatch").store.seen([f"report:noc|{report.id}" for report in reports])
        for report in reports:
            if report.status in ("accepted", "duplicate", "ignored") and f"report:noc|{report.id}" not in seen:
                self._wrong(f"I1 report {report.id} was acknowledged and is gone")
        state = self._state("linewatch", line.DECIDER, f"{line.CATEGORY}-{number}")
        down = any(_counts(newest) for newest in _newest(reports).values())
        if state.is_down != down:
            self._wrong(f"I3 line {number} is {'down' if state.is_down else 'up'}, its last reports say otherwise")
        if (state.fault is not None) != down and (self.at_the_end or not state.kept):
            self._wrong(
                f"I3 of line {number} is said that it is {'faulted' if state.fault else 'well'}, which is not so"
            )

    def _taken(self, number: str) -> None:
        """Whoever hears of a line has taken all that was said of it."""
        said = [recorded.id for recorded in self._said_of_line(number)]
        for service in ("bulkforward", "notify"):
            missing = set(said) - self._db(service).store.seen(said).keys()
            for id in sorted(missing):
                recorded = self._everything["linewatch"][id]
                if service == "bulkforward" or not isinstance(recorded.event, LineFaultWorsened):
                    self._wrong(f"I1 {service} has never taken {id}")

    def _said_of_line(self, number: str) -> list[Recorded]:
        events = self._events("linewatch", f"{line.CATEGORY}-{number}")
        return [one for one in events if isinstance(one.event, LineFaulted | LineFaultWorsened | LineRecovered)]

    # I2 and I3: forwarding; hands

    def _plan(self, number: str) -> None:
        stream = f"{plan.CATEGORY}-{number}"
        events = [recorded.event for recorded in self._events("bulkforward", stream)]
        starts = Counter(one.fault_id for one in events if isinstance(one, BulkForwardStarted) and one.fault_id)
        for fault_id, times in starts.items():
            if times > 1:
                self._wrong(f"I2 {fault_id} started forwarding {times} times")
        want = Expected()
        for commit in self._db("bulkforward").log:
            if commit.stream == stream:
                want.take(self._inputs(commit))
        answered = {one.fault_id for one in events if isinstance(one, BulkForwardStarted | BulkForwardAutoStartSkipped)}
        for fault_id in sorted(want.heard - answered):
            self._wrong(f"I1 fault {fault_id} was heard and never answered")
        if want.started != set(starts):
            self._wrong(f"I2 {sorted(want.started)} should have started forwarding, {sorted(starts)} did")
        state = plan.DECIDER.fold(events)
        is_now = state.running.cause if state.running else None
        if is_now != want.running:
            self._wrong(f"I3 forwarding of {number}: started by {is_now}, should be {want.running}")
        self._route(number, state)

    def _inputs(self, commit: Commit) -> Iterator[Any]:
        for name in commit.command_ids:
            if customer := self.actors.customers.get(name):
                yield customer.command
            elif recorded := self._everything["linewatch"].get(name):
                yield recorded

    def _route(self, number: str, state: Any) -> None:
        """Where calls go is what the plan says."""
        for entry, row in self._db("voicewarp").views.get(ROUTES.name, {}).items():
            ways = [period["to"] for period in row["periods"] if period["until"] is None]
            theirs = entry in (number, self._second(number))
            want = [state.entries[entry]] if state.running and entry in state.entries else []
            if theirs and ways != want:
                self._wrong(f"I3 calls to {entry} go to {ways or 'the telephone'}, should go to {want or 'it'}")

    @staticmethod
    def _second(number: str) -> str:
        return number[:-1] + "9"

    # I6

    def _views(self) -> None:
        feeds: tuple[tuple[str, View, tuple[str, ...]], ...] = (
            ("linewatch", CONTRACTS, ("auth",)),
            ("linewatch", FAULTS, ("linewatch",)),
            ("bulkforward", FORWARDS, ("bulkforward", "voicewarp")),
            ("voicewarp", ROUTES, ("bulkforward", "voicewarp")),
            ("notify", MAILS, ("notify",)),
        )
        for service, view, sources in feeds:
            rows: dict[str, dict[str, Any]] = {}
            for source in sources:
                everything, public = self._everything[source].values(), PUBLIC[source]
                fold_into(rows, view, [one for one in everything if source == service or one.type in public])
            live = self._db(service).views.get(view.name, {})
            for key in sorted({*rows, *live}):
                if _plain(rows.get(key)) != _plain(live.get(key)):
                    self._wrong(f"I6 {view.name}[{key}] is {live.get(key)}, made anew it is {rows.get(key)}")

    def _poison(self) -> None:
        for topic, name in self.actors.poison:
            buried = {
                (dict(record.headers).get("name", b"").decode(), dict(record.headers).get("dl_service", b"").decode())
                for partition in self.site.bus.topics.get(kafka.dead_letter_topic(topic), ())
                for record in partition
            }
            for service in ("linewatch", "bulkforward", "voicewarp", "notify"):
                if topic in HEARD[service] and (name, service) not in buried:
                    self._wrong(f"I1 {name} on {topic} was not buried by {service}")

    # I4

    def _notices(self, number: str) -> None:
        """By what notify has heard, in the order in which it did: which mails are owed, and that no other is."""
        stream = f"{notice.CATEGORY}-{number}"
        last, present, over = "", "", False
        want: set[tuple[str, str, str]] = set()
        for commit in self._db("notify").log:
            for name in commit.command_ids if commit.stream == stream else ():
                recorded = self._everything["linewatch"].get(name)
                if recorded is None or recorded.sequence <= last:
                    continue
                match recorded.event:
                    case LineFaulted(fault_id=fault_id):
                        last, present, over = recorded.sequence, fault_id, False
                        want |= {(fault_id, "fault", address) for address in self.addresses[number]}
                    case LineRecovered(fault_id=fault_id) if fault_id == present and not over:
                        last, over = recorded.sequence, True
                        want |= {(fault_id, "recovery", address) for address in self.addresses[number]}
        events = [one.event for one in self._events("notify", stream)]
        queued = [one for one in events if isinstance(one, MailQueued)]
        got = Counter((one.mail_id.rpartition(f"-{one.kind}-")[0], one.kind, one.address) for one in queued)
        for owed in sorted(want ^ set(got)):
            self._wrong(f"I4 mail {owed} is {'owed and was not queued' if owed in want else 'not owed'}")
        for owed, times in got.items():
            if times > 1:
                self._wrong(f"I4 mail {owed} was queued {times} times")

    def _letters(self) -> None:
        server = self.site.server
        events = [recorded.event for recorded in self._everything["notify"].values()]
        leader = {id: formed.mails[0] for formed in events if isinstance(formed, LetterFormed) for id in formed.mails}
        queued = {one.mail_id: one for one in events if isinstance(one, MailQueued)}
        ended = {one.mail_id: one for one in events if isinstance(one, MailSent | MailFailed | MailSuppressed)}
        copies = Counter((letter.mail_id, letter.to) for letter in server.taken)
        known = {(leader.get(id, id), mail.address) for id, mail in queued.items()}
        for id, mail in sorted(queued.items()):
            here = copies[(leader.get(id, id), mail.address)]
            match ended.get(id):
                case None:
                    self._wrong(f"I4 mail {id} has no end")
                case MailSent() if not here:
                    self._wrong(f"I4 mail {id} is said to be sent, and no server has it")
                case MailSuppressed() | MailFailed() if (
                    mail.address not in server.refused and here > server.allowed[id]
                ):
                    self._wrong(f"I4 mail {id} is said to have failed, and a server has it")
        for (id, to), times in copies.items():
            if (id, to) not in known:
                self._wrong(f"I4 a mail {id} to {to} went out that nobody owes")
            elif times > 1 + server.allowed[id]:
                self._wrong(f"I4 mail {id} to {to} went out {times} times")
        texts: dict[str, Any] = {}
        for letter in server.taken:
            if texts.setdefault(letter.mail_id, letter) != letter:
                self._wrong(f"I4 mail {letter.mail_id} went out with two texts")


@dataclass
class Expected:
    """What has to come of a plan's inputs, in the order in which they were recorded."""

    entries: dict[str, str] = field(default_factory=dict)
    auto_start: bool = True
    auto_stop: bool = True
    running: str | None = None
    line_sequence: str = ""
    fault: str = ""
    waits_for_worse: bool = False
    heard: set[str] = field(default_factory=set)
    started: set[str] = field(default_factory=set)

    def take(self, inputs: Iterator[Any]) -> None:
        for one in inputs:
            match one:
                case Recorded(event=LineFaulted() | LineFaultWorsened()):
                    self._fault(one)
                case Recorded(event=LineRecovered()):
                    self._recovery(one)
                case StartNow():
                    self.running = "manual"
                case StopNow():
                    self._stop()
                case EditPlan(entries=entries, auto_start=auto_start, auto_stop=auto_stop):
                    self._edit(dict(entries))
                    self.auto_start = self.auto_start if auto_start is None else auto_start
                    self.auto_stop = self.auto_stop if auto_stop is None else auto_stop
                case SetEntry(number=number, destination=destination):
                    self._edit({**self.entries, number: destination})
                case DropEntry(number=number):
                    self._edit({other: to for other, to in self.entries.items() if other != number})

    def _edit(self, entries: dict[str, str]) -> None:
        self.entries = entries
        if not entries and self.running:
            self._stop()

    def _stop(self) -> None:
        """Whatever fault is open is answered by that."""
        if self.running:
            self.running, self.waits_for_worse = None, False

    def _fault(self, recorded: Recorded) -> None:
        fault_id, grave = recorded.event.fault_id, SEVERITIES.index(recorded.event.severity) >= GRAVE
        if recorded.sequence <= self.line_sequence:
            return
        if fault_id == self.fault and not (grave and self.waits_for_worse):
            return
        self.line_sequence, self.fault, self.waits_for_worse = recorded.sequence, fault_id, not grave
        self.heard.add(fault_id)
        if not self.running and self.auto_start and self.entries and grave:
            self.running = "fault"
            self.started.add(fault_id)

    def _recovery(self, recorded: Recorded) -> None:
        if recorded.sequence <= self.line_sequence:
            return
        self.line_sequence, self.fault = recorded.sequence, ""
        if self.running == "fault" and self.auto_stop:
            self.running = None


def _newest(reports: list[Report]) -> dict[str, Report]:
    """What each alarm's last message says: by its time, or where there are none by the order of coming."""
    newest: dict[str, Report] = {}
    for report in reports:
        known = newest.get(report.alarm)
        if known is None or report.second >= known.second:
            newest[report.alarm] = report
    return newest


def _counts(report: Report) -> bool:
    return report.faulted and not report.planned and SEVERITIES.index(report.severity) >= MINOR


def _plain(row: Mapping[str, Any] | None) -> Any:
    return None if row is None else {name: value for name, value in row.items() if name != "_id"}
