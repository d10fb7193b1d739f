"""Who acts on the services of a world: monitoring systems, customers, and all that goes wrong."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from chassis import kafka
from chassis.errors import Conflict, TsunaguError, Unavailable
from chassis.handling import Once
from chassis.messages import Actor, Origin
from chassis.testing import NOON
from services.bulkforward.model import DropEntry, EditPlan, SetEntry, StartNow, StopNow
from sim.site import PROCESSES, Running, Site, Web

MONITOR = Actor("operator", "noc")
PATIENCE_MS = 4_000
DESTINATIONS = ("08012345678", "09012345678", "0312345678")
ACTIVE_MS = 20_000
# Poison: what no reader can take.
JUNK: tuple[tuple[bytes | None, tuple[tuple[str, bytes], ...]], ...] = (
    (None, ()),
    (b"{", (("ce_type", b"LineFaulted"),)),
    (b"{}", (("ce_type", b"NeverHeardOf"), ("ce_actor", b"operator:x"))),
    (b"\xff" * 64, ()),
    (b" " * (kafka.MAX_MESSAGE_BYTES + 1), ()),
)


@dataclass
class Asked:
    """Something that a client wants of a web process; it asks again until it has an answer."""

    site: Site
    service: str
    act: Callable[[Web], Any]
    done: Callable[[Any], None] = lambda answer: None
    answered: bool = False

    def begin(self) -> None:
        self.site.outstanding += 1
        self._ask()

    def _ask(self) -> None:
        if self.answered:
            return
        web = self.site.web(self.service)
        self.site.world.spawn(web.way.process, "request", self._request, web)
        self.site.world.later(PATIENCE_MS, self._ask)

    def _request(self, web: Web) -> None:
        try:
            answer = self.act(web)
        except (Unavailable, Conflict):
            return  # It asks again.
        except TsunaguError as refusal:
            answer = refusal
        if not self.answered:
            self.answered = True
            self.site.outstanding -= 1
            self.done(answer)


@dataclass
class Report:
    """What a monitoring system says, and what came of it."""

    id: str
    contract_number: str
    alarm: str
    faulted: bool
    severity: str
    planned: bool
    second: int
    timed: bool
    status: str = ""

    @property
    def item(self) -> dict[str, Any]:
        status = "faulted" if self.faulted else "recovered"
        item: dict[str, Any] = {"id": self.id, "source": "noc", "line": self.contract_number, "status": status}
        item["alarm"] = self.alarm
        if self.timed:
            item["occurred_at"] = (NOON + timedelta(seconds=self.second)).isoformat()
        if self.faulted:
            item |= {"severity": self.severity, "planned": self.planned}
        return item


@dataclass
class Customer:
    """What somebody did by hand, under which name."""

    name: str
    contract_number: str
    command: Any


@dataclass
class Actors:
    """Everybody outside of the services. What they did is kept for whoever checks what came of it."""

    site: Site
    contracts: tuple[str, ...]
    reports: list[Report] = field(default_factory=list)
    customers: dict[str, Customer] = field(default_factory=dict)
    poison: list[tuple[str, str]] = field(default_factory=list)
    # How many of each service shall run.
    _names: int = 0

    def _at(self, milliseconds: int, act: Callable[[], None]) -> None:
        """Nothing is at rest before it was done."""

        def now() -> None:
            self.site.outstanding -= 1
            act()

        self.site.outstanding += 1
        self.site.world.later(milliseconds, now)

    # Monitoring systems.

    def plan_reports(self) -> None:
        chance = self.site.world.chance
        timed = chance.random() < 0.85
        for contract_number in self.contracts:
            for alarm in ("los", "power")[: 1 + (chance.random() < 0.2)]:
                self._plan_alarm(contract_number, alarm, timed)

    def _plan_alarm(self, contract_number: str, alarm: str, timed: bool) -> None:
        """An alarm that goes up and down a few times, or many; told of with delays, in other orders, more than once."""
        chance, start = self.site.world.chance, self._start_second
        second = start + chance.randrange(1, 6)
        flaps = chance.random() < 0.15
        said: list[Report] = []
        for _ in range(chance.randrange(3, 6) if flaps else chance.randrange(1, 3)):
            severity = chance.choice(("major", "major", "critical", "minor", "warning"))
            planned = chance.random() < 0.08
            said.append(self._report(contract_number, alarm, True, severity, planned, second, timed))
            if chance.random() < 0.15:
                second += 1
                said.append(self._report(contract_number, alarm, True, "critical", planned, second, timed))
            second += 1 if flaps else chance.randrange(1, 9)
            if chance.random() < 0.9:
                said.append(self._report(contract_number, alarm, False, "", False, second, timed))
            second += 1 if flaps else chance.randrange(1, 9)
        self.reports += said
        if timed:
            self._deliver(said)
        else:
            self._deliver_in_turn(said)

    @property
    def _start_second(self) -> int:
        return self.site.world.now // 1000 + 1

    def _report(
        self, number: str, alarm: str, faulted: bool, severity: str, planned: bool, second: int, timed: bool
    ) -> Report:
        self._names += 1
        return Report(f"r{self._names}", number, alarm, faulted, severity, planned, second, timed)

    def _deliver(self, said: list[Report]) -> None:
        chance, world = self.site.world.chance, self.site.world
        together = chance.random() < 0.3
        shuffled = chance.random() < 0.4
        held: list[Report] = []
        for report in said:
            held.append(report)
            if together and len(held) < 3 and report is not said[-1]:
                continue
            times = 1 + (chance.random() < 0.2) + (chance.random() < 0.05)
            for _ in range(times):
                delay = chance.randrange(8_000) if shuffled else chance.randrange(300)
                batch = tuple(held)
                self._at(max(0, report.second * 1000 - world.now) + delay, partial(self._post, batch))
            held = []

    def _deliver_in_turn(self, said: list[Report]) -> None:
        """Without times the order of arrival is the order of things, so each waits for the answer to the last."""
        world = self.site.world

        def go_on(place: int) -> None:
            if place < len(said):
                pause = max(0, said[place].second * 1000 - world.now)
                self._at(pause, lambda: self._post((said[place],), lambda: go_on(place + 1)))
            if place and world.chance.random() < 0.2:
                self._at(world.chance.randrange(5_000), lambda: self._post((said[place - 1],)))

        go_on(0)

    def _post(self, reports: tuple[Report, ...], done: Callable[[], None] = lambda: None) -> None:
        name = "+".join(report.id for report in reports)

        def act(web: Web) -> Any:
            return web.reporting.take("json", [report.item for report in reports], Origin(MONITOR, f"post-{name}"))

        def answered(answer: Any) -> None:
            if isinstance(answer, TsunaguError):
                self.site.world.wrong(f"reports {name} were refused as a whole: {answer!r}")
                return
            for report, one in zip(reports, answer, strict=True):
                report.status = report.status or one.status
                if one.status == "rejected":
                    self.site.world.wrong(f"report {report.id} was rejected: {one.code}")
            if self.site.world.trace is not None:
                said = ", ".join(f"{report.id} {one.status}" for report, one in zip(reports, answer, strict=True))
                self.site.world.note("monitoring", f"is answered: {said}")
            done()

        if self.site.world.trace is not None:
            self.site.world.note("monitoring", f"posts {', '.join(str(report.item) for report in reports)}")
        Asked(self.site, "linewatch", act, answered).begin()

    # Customers.

    def plan_customers(self) -> None:
        chance = self.site.world.chance
        for contract_number in self.contracts:
            for _ in range(chance.randrange(3)):
                at = chance.randrange(ACTIVE_MS)
                self._at(at, partial(self._act_by_hand, contract_number))

    def _act_by_hand(self, contract_number: str) -> None:
        chance = self.site.world.chance
        match chance.randrange(8):
            case 0 | 1 | 2:
                command: Any = StartNow(self.site.world.true_time())
            case 3 | 4:
                command = StopNow()
            case 5:
                command = EditPlan({contract_number: DESTINATIONS[1]}, chance.random() < 0.5, chance.random() < 0.5)
            case 6:
                command = SetEntry(contract_number, chance.choice(DESTINATIONS))
            case _:
                command = DropEntry(contract_number)
        self.act(contract_number, command)

    def act(self, contract_number: str, command: Any) -> None:
        """A customer's order, with an Idempotency-Key; sometimes it is sent again long after its answer."""
        self._names += 1
        name = f"key:c{self._names}"
        self.customers[name] = Customer(name, contract_number, command)
        origin = Origin(Actor("customer", contract_number), name)

        def change(web: Web) -> Any:
            whole = web.completed(contract_number, command)
            return web.plans.handle(contract_number, whole, origin, once=Once(name, "the same"))

        world = self.site.world
        world.note("customer", f"{name} {command}")
        Asked(self.site, "bulkforward", change).begin()
        if not world.calm and world.chance.random() < 0.25:
            self._at(world.chance.randrange(500, 8_000), Asked(self.site, "bulkforward", change).begin)


@dataclass
class Trouble:
    """What goes wrong, each drawn with a time."""

    actors: Actors
    kept: list[Callable[[], None]] = field(default_factory=list)

    @property
    def site(self) -> Site:
        return self.actors.site

    def plan(self) -> None:
        world = self.site.world
        kinds = (
            self._kill,
            self._kill,
            self._kill,
            self._kill_web,
            self._pause,
            self._pause,
            self._second,
            self._second,
            self._restart,
            self._store_away,
            self._bus_away,
            self._wipe,
            self._lose_place,
            self._deliver_again,
            self._poison,
            self._bug,
            self._bug,
            self._clock,
            self._mail,
            self._mail,
            self._three_times,
        )
        for _ in range(world.chance.randrange(1, 7)):
            kind = world.chance.choice(kinds)
            world.later(world.chance.randrange(ACTIVE_MS), kind)

    def end(self) -> None:
        """Whatever was broken is mended; processes that are gone are back."""
        site = self.site
        for undo in self.kept:
            undo()
        for running in list(site.running):
            if running.stop.is_set():
                site.kill(running)
            else:
                site.resume(running)
        for name in PROCESSES:
            if not any(running.name == name for running in site.running):
                site.start(name)

    def _some(self) -> Running:
        return self.site.world.chance.choice(self.site.running)

    def _later_unless_calm(self, milliseconds: int, act: Callable[[], object]) -> None:
        def unless_calm() -> None:
            if not self.site.world.calm:
                act()

        self.site.world.later(milliseconds, unless_calm)

    def _back(self, name: str) -> None:
        pause = self.site.world.chance.randrange(50, 5_000)
        self._later_unless_calm(pause, lambda: self.site.start(name))

    def _kill(self) -> None:
        if self.site.running:
            running = self._some()
            self.site.kill(running)
            self._back(running.name)

    def _kill_web(self) -> None:
        self.site.kill_web(self.site.world.chance.choice(("linewatch", "bulkforward")))

    def _pause(self) -> None:
        if not self.site.running:
            return
        running, world = self._some(), self.site.world
        self.site.pause(running)

        length = world.chance.randrange(11_000, 25_000) if world.chance.random() < 0.7 else 1_500
        world.later(length, lambda: self.site.resume(running))
        if world.chance.random() < 0.8:
            self._back(running.name)

    def _second(self) -> None:
        self.site.start(self.site.world.chance.choice(PROCESSES[1:]))

    def _restart(self) -> None:
        """As a deployment does: told to stop, killed when that takes too long."""
        if not self.site.running:
            return
        running = self._some()
        self.site.world.note(running.process.name, "is told to stop")
        running.stop.set()
        self.site.world.later(20_000, lambda: self.site.kill(running))
        self._back(running.name)

    def _store_away(self) -> None:
        name = self.site.world.chance.choice(sorted(self.site.databases))
        db = self.site.databases[name]
        self.site.world.note(f"{name}'s database", "is away")
        db.away = True
        self._for_a_while(lambda: setattr(db, "away", False))

    def _bus_away(self) -> None:
        self.site.world.note("kafka", "is away")
        self.site.bus.away = True
        self._for_a_while(lambda: setattr(self.site.bus, "away", False))

    def _for_a_while(self, undo: Callable[[], None], least: int = 300, most: int = 7_000) -> None:
        self.kept.append(undo)
        self.site.world.later(self.site.world.chance.randrange(least, most), undo)

    def _wipe(self) -> None:
        self.site.world.note("kafka", "has lost all of its data")
        self.actors.poison.clear()
        self.site.wipe_bus()

    def _lose_place(self) -> None:
        name = self.site.world.chance.choice(sorted(self.site.databases))
        db = self.site.databases[name]
        self.site.world.note(f"{name}'s database", "has forgotten the places of its followers")
        db.oldest = len(db.log)

    def _deliver_again(self) -> None:
        """A group's places go back, as by an operator or by an election of another leader."""
        group = self.site.world.chance.choice(("linewatch", "bulkforward", "voicewarp", "notify"))
        committed = self.site.bus.groups[group].committed
        self.site.world.note("kafka", f"{group} reads again")
        for place, (offset, cluster) in committed.items():
            committed[place] = (self.site.world.chance.randrange(offset + 1), cluster)
        self.site.bus.rebalance(self.site.bus.groups[group])

    def _poison(self) -> None:
        chance = self.site.world.chance
        topic = kafka.topic_of(chance.choice(("auth", "linewatch", "bulkforward", "voicewarp")))
        if topic not in self.site.bus.topics:
            return
        value, headers = chance.choice(JUNK)
        name = f"junk-{len(self.actors.poison)}-{chance.randrange(1_000_000)}"
        key = f"line-{chance.choice(self.actors.contracts)}".encode()
        self.site.world.note("somebody", f"puts {name} on {topic}")
        self.site.bus.append(topic, key, value, (*headers, ("name", name.encode())))
        self.actors.poison.append((topic, name))

    def _bug(self) -> None:
        """A version with a bug runs for a while; what it breaks on is taken again when it is mended."""
        site, chance = self.site, self.site.world.chance
        service = chance.choice(("bulkforward", "notify"))
        if service in site.bugs:
            return
        site.bugs[service] = chance.choice(self.actors.contracts)
        site.world.note(service, f"has a bug from now on: breaks on {site.bugs[service]}")
        self._deploy(service)

        def mend() -> None:
            if service in site.bugs:
                site.world.note(service, "has its bug no more")
                del site.bugs[service]
                self._deploy(service)

        self._for_a_while(mend, 3_000, 12_000)

    def _deploy(self, service: str) -> None:
        for running in list(self.site.running):
            if running.name == service:
                self.site.kill(running)
        self.site.start(service)

    def _clock(self) -> None:
        chance = self.site.world.chance
        processes = [running.process for running in self.site.running]
        processes += [web.way.process for _, web in sorted(self.site.webs.items())]
        process = chance.choice(processes) if processes else None
        if process:
            process.skew = timedelta(hours=chance.choice((-1, 1)))
            self.site.world.note(process.name, f"its clock jumps by {process.skew}")
            self._look_again()

            def mend() -> None:
                process.skew = timedelta(0)
                self._look_again()

            self._for_a_while(mend, 2_000, 20_000)

    def _look_again(self) -> None:
        for db in self.site.databases.values():
            self.site.world.fire(db.wakings)
            self.site.world.fire(db.rows_changed)

    def _mail(self) -> None:
        server = self.site.server
        server.mood = self.site.world.chance.choice(("busy", "busy", "hangs up", "full"))
        self.site.world.note("mail server", server.mood)
        self._for_a_while(lambda: setattr(server, "mood", "well"))

    def _three_times(self) -> None:
        self.site.world.note("kafka", "takes every message three times")
        self.site.bus.triple = True
        self._for_a_while(lambda: setattr(self.site.bus, "triple", False))
