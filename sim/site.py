"""All services of one world: what each of their processes is made of, and how it is started, stopped and killed.

The parts are those of the services' own bootstraps, the tasks the chassis' own; only what they stand on is ours.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from kafka import TopicPartition

from chassis import kafka, replaying, runtime
from chassis.assembly import Ground, Parts, led_tasks, tasks
from chassis.consumer import Intake, Reaction
from chassis.handling import Handler
from chassis.lease import Lease as RealLease
from chassis.limits import MemoryLimits
from chassis.messages import Codec, Recorded
from chassis.store import Commit
from chassis.views import View
from chassis.views import Views as RealViews
from contracts import events_of, names_of
from contracts.notify import MailQueued, MailSent
from services.bulkforward import bootstrap as bulkforward
from services.bulkforward import model as plan
from services.bulkforward.adapters import MemoryDryRuns
from services.bulkforward.model import Plan
from services.bulkforward.settings import Settings as BulkForwardSettings
from services.bulkforward.views import FORWARDS, complete
from services.linewatch import bootstrap as linewatch
from services.linewatch.adapters import MemoryRefusals, MemorySources
from services.linewatch.flows.reporting import Reporting
from services.linewatch.settings import Settings as LinewatchSettings
from services.linewatch.views import AREAS, CONTRACTS, FAULTS
from services.notify import bootstrap as notify
from services.notify.model import notice
from services.notify.model.notice import Notice
from services.notify.settings import Settings as NotifySettings
from services.notify.tasks import Surroundings
from services.notify.views import FAX_MAILS, MAILS
from services.voicewarp import bootstrap as voicewarp
from services.voicewarp.views import ROUTES
from sim.bus import Bus, Clients
from sim.engines import Database, Lease, Positions, Store, Views, Way, database
from sim.mail import Mailer, MailServer
from sim.world import Event, Process, Task, Threads, World

_NOWHERE = ("", ("sim",), Path("none"))
LINEWATCH = LinewatchSettings(*_NOWHERE, flapping_within=timedelta(seconds=30), flapping_stable=timedelta(seconds=10))
BULKFORWARD = BulkForwardSettings(*_NOWHERE)
NOTIFY = NotifySettings(*_NOWHERE, smtp_url="", mail_from="tsunagu@example.jp", site_url="https://tsunagu.example.jp/")
AUTH_CODEC = Codec(events_of("auth"))
# Who runs, and which part of it; as in the real stack.
PROCESSES = ("auth", "linewatch", "bulkforward", "voicewarp", "notify", "notify-aside")
CODECS: Mapping[str, Codec] = {
    "auth": AUTH_CODEC,
    "linewatch": linewatch.CODEC,
    "bulkforward": bulkforward.CODEC,
    "voicewarp": voicewarp.CODEC,
    "notify": notify.CODEC,
}
HEARD: Mapping[str, tuple[str, ...]] = {
    "auth": (),
    "linewatch": tuple(map(kafka.topic_of, linewatch.HEARD)),
    "bulkforward": tuple(map(kafka.topic_of, bulkforward.HEARD)),
    "voicewarp": tuple(map(kafka.topic_of, voicewarp.HEARD)),
    "notify": tuple(map(kafka.topic_of, notify.HEARD)),
}
_NOTHING = (0, "")
PUBLIC = {name: names_of(name) for name in CODECS}
# Under which all that was led before is over.
LAST_FENCE = 1_000_000


def service_of(name: str) -> str:
    return name.removesuffix("-aside")


class Inline(Executor):
    """A pool of threads that has none: whatever is submitted is done at once. What interleaves are processes."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


@dataclass(eq=False)
class Running:
    """A process of a service, and how to tell it to stop."""

    name: str
    process: Process
    stop: Event
    threads: Sequence[Task] = ()


@dataclass
class Site:
    """The services and their engines. `bugs`: whose events the reactions of a service break on."""

    world: World
    bus: Bus = field(init=False)
    databases: Mapping[str, Database] = field(init=False)
    server: MailServer = field(init=False)
    limits: MemoryLimits = field(default_factory=MemoryLimits)
    running: list[Running] = field(default_factory=list)
    webs: dict[str, "Web"] = field(default_factory=dict)
    bugs: dict[str, str] = field(default_factory=dict)
    # Of each service, the ids of the events that have to be on its topic.
    public: dict[str, list[str]] = field(default_factory=dict)
    # Those of them that were not there when somebody last looked.
    unpublished: set[str] = field(default_factory=set)
    # Mails that are owed and not sent yet.
    owed: set[str] = field(default_factory=set)
    outstanding: int = 0
    _numbers: int = 0

    def __post_init__(self) -> None:
        self.bus, self.server = Bus(self.world), MailServer(self.world)
        self.databases = {name: database(name, self.world, codec) for name, codec in CODECS.items()}
        for name, db in self.databases.items():
            self.public[name] = []
            db.committed = partial(self._committed, self.public[name], PUBLIC[name])

    def _committed(self, public: list[str], names: frozenset[str], commit: Commit) -> None:
        for index, entry in enumerate(commit.entries):
            event = entry.event
            if type(event).__name__ in names:
                public.append(f"{commit.id}.{index}")
                self.unpublished.add(public[-1])
            if isinstance(event, MailQueued):
                self.owed.add(event.mail_id)
            elif isinstance(event, MailSent):
                self.owed.discard(event.mail_id)
                self.server.noted(event.mail_id)

    # Processes.

    def new_process(self, name: str) -> Process:
        self._numbers += 1
        return Process(f"{name}-{self._numbers}")

    def start(self, name: str, *, alone: bool = False) -> Running:
        """A new process of that name; `alone`: it leads without asking for a lease, as no other is there."""
        process = self.new_process(name)
        self.world.note(process.name, "starts")
        way = Way(self.databases[service_of(name)], process)
        parts, ground = self.parts(service_of(name), way), self._ground(way)
        unled, led = self._split(name, parts, ground)
        threads, stop = Threads(self.world, process), Event(self.world)
        if alone:
            unled |= {task: partial(run, LAST_FENCE) for task, run in led.items()}
            led = {}
        lease = cast(RealLease, Lease(way, "worker", process.name))
        started = runtime.start(lease, unled, led, stop, threads)
        self.running.append(Running(name, process, stop, cast(Sequence[Task], started)))
        return self.running[-1]

    @staticmethod
    def _split(name: str, parts: Parts, ground: Ground) -> tuple[dict[str, Any], dict[str, Any]]:
        """What runs in every such process, and what under its lease (`chassis.assembly.assemble`)."""
        led = dict(led_tasks(parts, ground))
        if name.endswith("-aside"):
            return {}, {**led, **parts.aside}
        return dict(tasks(parts, ground)), {} if parts.patient else led

    def kill(self, running: Running) -> None:
        self.world.note(running.process.name, "is killed")
        self.server.died(running.process)
        self.world.kill(running.process)
        self.bus.miss_soon()
        if running in self.running:
            self.running.remove(running)

    def pause(self, running: Running) -> None:
        """Whatever it was about to send may be sent by another meanwhile, and by it when it wakes."""
        self.world.note(running.process.name, "is stopped")
        if running.name == "notify-aside":
            self.server.allowed.update(self.owed)
        self.world.pause(running.process)
        self.bus.miss_soon()

    def resume(self, running: Running) -> None:
        """It goes on as if nothing had been; its heartbeats soon tell whether it is still in its group."""
        if running.process.paused and not running.process.dead:
            self.world.note(running.process.name, "goes on")
            self.world.resume(running.process)
            self.bus.wake(running.process)

    def wipe_bus(self) -> None:
        """All of Kafka's data is gone. Who follows a store looks at the cluster at least each second."""
        self.bus.wipe()
        self.unpublished.update(id for ids in self.public.values() for id in ids)
        for db in self.databases.values():
            db.nudges += 1
            self.world.fire(db.grown)

    def web(self, service: str) -> "Web":
        if service not in self.webs:
            process = self.new_process(f"{service}-web")
            self.webs[service] = Web(self, Way(self.databases[service], process))
        return self.webs[service]

    def kill_web(self, service: str) -> None:
        if service in self.webs:
            web = self.webs.pop(service)
            self.world.note(web.way.process.name, "is killed")
            self.world.kill(web.way.process)

    # What they are made of.

    def parts(self, service: str, way: Way) -> Parts:
        store, handler, clock = Store(way), self.handler(way), partial(self.world.wall, way.process)

        def rows(*views: View) -> RealViews:
            return cast(RealViews, Views(way, views))

        match service:
            case "linewatch":
                made = linewatch.parts(
                    LINEWATCH,
                    store,
                    rows(CONTRACTS),
                    rows(AREAS, FAULTS),
                    MemorySources(),
                    MemoryRefusals(),
                    handler=handler,
                    clock=clock,
                )
            case "bulkforward":
                made = bulkforward.parts(
                    BULKFORWARD, store, rows(FORWARDS), MemoryDryRuns(), handler=handler, clock=clock
                )
            case "voicewarp":
                made = voicewarp.parts(store, rows(ROUTES), handler=handler)
            case "notify":
                around = Surroundings(
                    self._waiting(way), self.world.monotonic, clock, self.world.chance.random, lambda _: Inline()
                )
                post = Mailer(self.server, way.process)
                made = notify.parts(
                    NOTIFY, store, rows(MAILS), rows(FAX_MAILS), post, self.limits, handler=handler, around=around
                )
            case _:
                made = Parts("auth", AUTH_CODEC, PUBLIC["auth"], lambda: [])
        return self._with_bug(made)

    def handler(self, way: Way) -> Callable[..., Handler[Any]]:
        def give_way(attempt: int) -> None:
            if attempt > 1:
                self.world.until(None, 0.005 * attempt)

        return partial(Handler, clock=partial(self.world.wall, way.process), give_way=give_way)

    def _ground(self, way: Way) -> Ground:
        clients = Clients(self.bus, way.process).made()
        return Ground(
            Store(way),
            Positions(way),
            ("sim",),
            clients,
            wait=self._waiting(way),
            monotonic=self.world.monotonic,
            clock=partial(self.world.wall, way.process),
        )

    def _waiting(self, way: Way) -> Callable[[float], None]:
        """Who only looks whether its time has come sleeps until then, or until there is more to see."""
        world, db, process = self.world, way.db, way.process

        def wait(seconds: float) -> None:
            match world.task:
                case "alarms":
                    world.until(db.wakings, _until(db.earliest_waking(), world.wall(process), seconds))
                case "sender":
                    due = [row["due_at"] for row in db.views.get(MAILS.name, {}).values() if row["due_at"]]
                    world.until(db.rows_changed, _until(min(due, default=None), world.wall(process), seconds))
                case _:
                    world.until(None, seconds)

        return wait

    def _with_bug(self, parts: Parts) -> Parts:
        if parts.name not in self.bugs or not parts.intake:
            return parts
        reactions = {
            name: [_breaking(one, self.bugs[parts.name]) for one in _several(found)]
            for name, found in parts.intake.reactions.items()
        }
        return replace(parts, intake=replace(parts.intake, reactions=reactions))

    def intake(self, service: str, way: Way) -> Intake:
        intake = self.parts(service, way).intake
        if intake is None:
            raise LookupError(service)
        return intake

    def take_dead_letters_again(self, service: str) -> None:
        """As an operator does with `./tsunagu replay`."""
        process = self.new_process(f"{service}-replay")
        way = Way(self.databases[service], process)
        clients = Clients(self.bus, process).made()
        self.outstanding += 1

        def replay() -> None:
            replaying.replay(("sim",), HEARD[service], self.intake(service, way), clients)
            self.outstanding -= 1

        self.world.spawn(process, "replay", replay)

    # Whether anything is left to do.

    def is_settled(self, *, to_the_end: bool) -> bool:
        """Nothing is on its way. `to_the_end`: nothing is planned for later either."""
        if self.outstanding or not self.world.at_rest:
            return False
        self.unpublished -= self.bus.ids
        if self.unpublished:
            return False
        soon = self.world.true_time() + timedelta(seconds=0 if to_the_end else 60)
        for name, db in self.databases.items():
            waking = db.earliest_waking()
            if waking and (to_the_end or waking < soon):
                return False
            if name != "auth" and db.followed.get("projector", 0) < len(db.log):
                return False
            if not self._has_read_all(name):
                return False
        return not to_the_end or all(
            row["due_at"] is None for row in self.databases["notify"].views.get(MAILS.name, {}).values()
        )

    def _has_read_all(self, group: str) -> bool:
        committed = self.bus.groups[group].committed
        return all(
            committed.get(TopicPartition(topic, number), _NOTHING)[0] == len(records)
            for topic in HEARD[group]
            for number, records in enumerate(self.bus.topics.get(topic, ()))
            if records
        )


class Web:
    """A web process: what the routes use of its service."""

    def __init__(self, site: Site, way: Way) -> None:
        self.site, self.way, self.store = site, way, Store(way)
        self.clock = partial(site.world.wall, way.process)
        self._handler = site.handler(way)

    @cached_property
    def reporting(self) -> Reporting:
        rows = self._rows(CONTRACTS)
        return linewatch.reporting_of(
            LINEWATCH, self.store, rows, MemorySources(), handler=self._handler, clock=self.clock
        )

    @cached_property
    def plans(self) -> Handler[Plan]:
        return self._handler(self.store, plan.DECIDER, plan.CATEGORY)

    def completed(self, contract_number: str, command: Any) -> Any:
        return complete(self.plans, self._rows(FORWARDS), contract_number, command)

    @cached_property
    def notices(self) -> Handler[Notice]:
        return self._handler(self.store, notice.DECIDER, notice.CATEGORY, wake_at=notice.wake_at)

    def _rows(self, *views: View) -> RealViews:
        return cast(RealViews, Views(self.way, views))


def _until(due: datetime | None, at: datetime, least: float) -> float:
    """Seconds from `at`, not less than those that it would sleep anyway."""
    return max(least, (due - at).total_seconds()) if due else 100_000.0


def _several(found: Reaction | Sequence[Reaction]) -> Sequence[Reaction]:
    return (found,) if isinstance(found, Reaction) else found


def _breaking(reaction: Reaction, contract_number: str) -> Reaction:
    """It breaks on this contract's faults and recoveries, as if somebody had made a mistake."""

    def orders(recorded: Recorded) -> Any:
        if getattr(recorded.event, "contract_number", "") == contract_number:
            raise LookupError("a bug")
        return reaction.orders(recorded)

    return replace(reaction, orders=orders)
