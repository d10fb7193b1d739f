"""One world from its seed: set up, acted on and broken for a while, mended, and checked when it has come to rest."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from chassis.messages import Actor, Origin
from chassis.store import Commit, Entry
from chassis.testing import NOON
from contracts.auth import Contract, ContractImported, NumberOption
from services.bulkforward.model import EditPlan
from services.notify.model.notice import EditNotice
from sim.actors import ACTIVE_MS, DESTINATIONS, Actors, Asked, Trouble
from sim.invariants import Checked
from sim.site import PROCESSES, Site, Web
from sim.world import World

LINES = ("0600001110", "0600002220")
# How long services may take to come to rest by themselves, and a mail that is tried five times.
REST_MS, MAILS_MS = 240_000, 36 * 3_600_000
MOST_STEPS = 15_000
NOBODY = "nobody@example.jp"


@dataclass(frozen=True)
class Result:
    """What became of a seed: the invariants that did not hold, and its history where it was traced."""

    seed: int
    broken: tuple[str, ...]
    trace: tuple[str, ...] = ()


def play(seed: int, *, traced: bool = False) -> Result:
    """The world of this seed, always the same."""
    world = World(seed, traced=traced)
    with _logs_told_to(world):
        _live(world)
    return Result(seed, tuple(dict.fromkeys(world.broken)), tuple(world.trace or ()))


def _live(world: World) -> None:
    site = Site(world)
    some = 1 if world.chance.random() < 0.85 else 2
    actors = Actors(site, LINES[:some])
    addresses = {number: _addresses(world, number) for number in actors.contracts}
    site.server.refused = frozenset({NOBODY})
    trouble = Trouble(actors)
    try:
        _set_up(site, actors, addresses)
        actors.plan_reports()
        actors.plan_customers()
        trouble.plan()
        _run(world, world.now + ACTIVE_MS)
        _come_to_rest(site, trouble)
        Checked(site, actors, addresses).road()
        _send_all_mails(site)
        checked = Checked(site, actors, addresses, at_the_end=True)
        checked.road()
        checked.mails()
    except Exception as broken:  # noqa: BLE001  The seed's, not the simulator's.
        world.wrong(f"it cannot be checked: {broken!r}")
    finally:
        _end(site)


def _addresses(world: World, number: str) -> tuple[str, ...]:
    several = (f"a{number}@example.jp", NOBODY if world.chance.random() < 0.1 else f"b{number}@example.jp")
    return several[: 1 + (world.chance.random() < 0.3)]


def _set_up(site: Site, actors: Actors, addresses: dict[str, tuple[str, ...]]) -> None:
    """Contracts, entries and notices, without any trouble."""
    world, auth = site.world, site.databases["auth"]
    world.calm = True
    for number in actors.contracts:
        numbers: dict[str, tuple[NumberOption, ...]] = {number: ("voicewarp",), number[:-1] + "9": ("voicewarp",)}
        contract = Contract(number, "", f"contractor {number}", "", ("bulk-forward", "fault-notice"), numbers)
        imported = Entry(ContractImported(contract), "import", "")
        commit = Commit(f"contract-{number}", 1, (imported,), (), Actor("operator", "desk"), NOON)
        auth.store.append(commit)
        auth.committed(commit)
    for name in PROCESSES:
        site.start(name)
    _until_settled(site, REST_MS, "set up")
    for number in actors.contracts:
        if world.chance.random() < 0.9:
            actors.act(number, EditPlan({number: DESTINATIONS[0], number[:-1] + "9": DESTINATIONS[1]}, None, None))
        _edit_notice(site, number, addresses[number])
    _until_settled(site, REST_MS, "settings")
    world.calm = False


def _edit_notice(site: Site, number: str, addresses: tuple[str, ...]) -> None:
    def edit(web: Web) -> object:
        origin = Origin(Actor("customer", number), "notice")
        return web.notices.handle(number, EditNotice(True, None, None, addresses), origin)

    Asked(site, "notify", edit).begin()


def _run(world: World, until: int) -> None:
    steps = 0
    while world.now < until and world.step():
        steps += 1
        if steps > MOST_STEPS:
            world.wrong("it turns in circles")
            return


def _until_settled(site: Site, within: int, what: str, *, to_the_end: bool = False) -> None:
    world = site.world
    until, steps = world.now + within, 0
    while not site.is_settled(to_the_end=to_the_end):
        steps += 1
        if world.now > until or steps > MOST_STEPS or not world.step():
            world.wrong(f"it does not come to rest: {what}")
            return


def _come_to_rest(site: Site, trouble: Trouble) -> None:
    """Everything is there again, and nobody starts anything anew: services get over what happened by themselves."""
    site.world.note("", "all is well from here on")
    site.world.calm = True
    trouble.end()
    _until_settled(site, REST_MS, "after trouble")
    for service in ("linewatch", "bulkforward", "voicewarp", "notify"):
        if any(any(partitions) for topic, partitions in site.bus.topics.items() if topic.endswith(".dead-letter")):
            site.take_dead_letters_again(service)
    _until_settled(site, REST_MS, "after dead letters")


def _send_all_mails(site: Site) -> None:
    """The hours until the last try, without the others' looking at the clock meanwhile."""
    if site.is_settled(to_the_end=True):
        return
    for running in list(site.running):
        site.kill(running)
    for name in PROCESSES:
        site.start(name, alone=True)
    _until_settled(site, MAILS_MS, "mails", to_the_end=True)


def _end(site: Site) -> None:
    for running in list(site.running):
        site.kill(running)
    for service in list(site.webs):
        site.kill_web(service)


@contextmanager
def _logs_told_to(world: World) -> Iterator[None]:
    """What the services log is part of a history that is traced; else nobody wants to read it."""

    def tell(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        said = {name: event[name] for name in ("task", "code", "cause", "reason", "place") if name in event}
        world.note(f"log of {world.task}", f"{event['event']} {said or ''}")
        raise structlog.DropEvent

    level = logging.CRITICAL if world.trace is None else 0
    before = structlog.get_config()
    structlog.configure(
        processors=[tell], wrapper_class=structlog.make_filtering_bound_logger(level), cache_logger_on_first_use=False
    )
    try:
        yield
    finally:
        structlog.configure(**before)
