"""Puts the parts of a service together: web application, worker tasks, repair commands. Contacts nothing."""

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from flask import Flask
from pymongo.database import Database

from chassis import kafka, replaying
from chassis.auth import Tokens
from chassis.consumer import Consumer, Intake
from chassis.lease import Lease, MongoPositions, Positions
from chassis.messages import Codec, Recorded, now
from chassis.mongo import Document, connect, reachable
from chassis.mongo_store import MongoStore
from chassis.relay import KafkaPublisher, Relay
from chassis.runtime import Command, Service
from chassis.store import EventStore
from chassis.storm import Patience, Storm
from chassis.tasks import Alarm, AlarmClock, LedTask, Projector, Task
from chassis.views import View, Views
from chassis.watching import Watch
from chassis.web import Blueprint, create_app

MAX_BODY = 1024 * 1024


class Engines(Protocol):
    """The settings that every service has."""

    @property
    def mongo_url(self) -> str: ...
    @property
    def kafka_servers(self) -> tuple[str, ...]: ...
    @property
    def token_keys(self) -> Path: ...


@dataclass(frozen=True)
class Parts:
    """What makes one service different from another.

    `blueprints` makes its routes; a worker needs none. `plain_number` makes the numbers in paths plain digits
    (`chassis.web.create_app`).
    `public` are the type names of its own events that go to Kafka, `heard` the owners whose topics it reads into
    `intake`; `own_views` are made from its own events, the intake's views from foreign ones, and views that are both
    from both. `aside` has tasks that run in a process that gives way to all others and waits while a storm is taken
    in; `patient` says that nobody waits for the service's own events, so that relay, projector and alarm clock run
    there too. `lists_wait` says that own views are lists which may
    lag behind a storm of own events. `prepare` is done before any task, and makes indexes.
    """

    name: str
    codec: Codec
    public: frozenset[str]
    blueprints: Callable[[], Sequence[Blueprint]]
    words: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    heard: tuple[str, ...] = ()
    intake: Intake | None = None
    own_views: Views | None = None
    plain_number: Callable[[str], str] = str
    alarms: Sequence[Alarm] = ()
    aside: Mapping[str, LedTask] = field(default_factory=dict)
    patient: bool = False
    lists_wait: bool = False
    commands: Mapping[str, Command] = field(default_factory=dict)
    prepare: Sequence[Callable[[], None]] = ()


@dataclass(frozen=True)
class Ground:
    """What the tasks of a service stand on. `note_storm` is told of batches, `is_storm` asked whether there is one."""

    store: EventStore
    positions: Positions
    servers: Sequence[str]
    clients: kafka.Clients = kafka.CLIENTS
    note_storm: Callable[[int], None] = lambda size: None
    is_storm: Callable[[], bool] = lambda: False
    wait: Callable[[float], Any] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    clock: Callable[[], datetime] = now


def database(settings: Engines, name: str) -> Database[Document]:
    """The service's own database."""
    return connect(settings.mongo_url, name)


def assemble(settings: Engines, db: Database[Document], store: EventStore, parts: Parts) -> Service:
    """The service. `store` is where its web application and its tasks keep their commits."""

    def app() -> Flask:
        return create_app(
            parts.name,
            parts.blueprints(),
            tokens=Tokens.from_file(settings.token_keys),
            ready={"store": lambda: _ping(db)},
            max_body=MAX_BODY,
            words=parts.words,
            plain_number=parts.plain_number,
        )

    def prepare() -> None:
        if isinstance(store, MongoStore):
            store.prepare()
        for views in (parts.own_views, parts.intake.views if parts.intake else None):
            if views:
                views.prepare()
        for own in parts.prepare:
            own()

    storm = Storm(db)
    ground = Ground(store, MongoPositions(db), settings.kafka_servers, note_storm=storm.note, is_storm=storm.is_on)
    led = led_tasks(parts, ground)
    aside = {**(led if parts.patient else {}), **parts.aside}
    patience = Patience(ground.is_storm)
    return Service(
        parts.name,
        app,
        lambda name, holder: Lease(db, name, holder),
        prepare,
        _tasks(settings, db, parts, ground),
        {} if parts.patient else led,
        {name: _patiently(task, patience) for name, task in aside.items()},
        {**_repairs(settings, store, parts), **parts.commands},
    )


def _ping(db: Database[Document]) -> None:
    with reachable():
        db.command("ping")


def _patiently(task: LedTask, patience: Patience) -> LedTask:
    return lambda fence, going: task(fence, patience.after_the_storm(going))


def _tasks(settings: Engines, db: Database[Document], parts: Parts, ground: Ground) -> Mapping[str, Task]:
    if not parts.intake:
        return {}
    topics = [kafka.topic_of(owner) for owner in parts.heard]

    def watch(going: Callable[[], bool]) -> None:
        Watch(settings.kafka_servers, parts.name, topics, db).run(going)

    return {**tasks(parts, ground), "watch": watch}


def tasks(parts: Parts, ground: Ground) -> Mapping[str, Task]:
    """What every worker of a service does: it consumes, where the service hears anything."""
    if not parts.intake:
        return {}
    # Only a task aside asks.
    taken = ground.note_storm if parts.aside or parts.patient else lambda records: None
    topics = [kafka.topic_of(owner) for owner in parts.heard]
    consumer = Consumer(
        ground.servers,
        topics,
        parts.intake,
        taken,
        clients=ground.clients,
        wait=ground.wait,
        monotonic=ground.monotonic,
    )
    return {"consumer": consumer.run}


def led_tasks(parts: Parts, ground: Ground) -> Mapping[str, LedTask]:
    """What one process of a service does at a time, beside its own tasks aside."""
    store, positions = ground.store, ground.positions

    def relay(fence: int, going: Callable[[], bool]) -> None:
        def publisher() -> KafkaPublisher:
            return KafkaPublisher(ground.servers, parts.name, parts.codec, ground.clients)

        noted = ground.note_storm if parts.lists_wait else lambda events: None
        Relay(store, publisher, parts.public, positions, fence, noted, ground.wait, ground.monotonic).run(going)

    def project(fence: int, going: Callable[[], bool]) -> None:
        if parts.own_views:
            patient = Patience(ground.is_storm).after_the_storm(going) if parts.lists_wait else going
            Projector(store, parts.own_views, positions, fence, ground.wait, ground.monotonic).run(patient)

    def ring(_fence: int, going: Callable[[], bool]) -> None:
        AlarmClock(store, parts.alarms, parts.name, ground.wait, ground.clock).run(going)

    wanted: dict[str, Any] = {"relay": relay, "projector": parts.own_views and project, "alarms": parts.alarms and ring}
    return {name: task for name, task in wanted.items() if task}


def _repairs(settings: Engines, store: EventStore, parts: Parts) -> Mapping[str, Command]:
    topics = [kafka.topic_of(owner) for owner in parts.heard]

    def replay(_: Sequence[str]) -> int:
        if not parts.intake:
            return _say("This service hears no events, so it has no dead letters.")
        taken, failed = replaying.replay(settings.kafka_servers, topics, parts.intake)
        return _say(f"{taken} dead letters taken again, {failed} failed again.") or int(failed > 0)

    def rebuild(arguments: Sequence[str]) -> int:
        known = _views(parts)
        if len(arguments) != 1 or arguments[0] not in known:
            return _say(f"Name one view of this service: {', '.join(known) or 'it has none'}.", 2)
        name = arguments[0]
        count = _rebuild(settings, store, parts, known[name], name, topics)
        return _say(f"View {name} was made anew from {count} events.")

    return {"replay": replay, "rebuild": rebuild}


def _views(parts: Parts) -> dict[str, Views]:
    holders = (parts.own_views, parts.intake.views if parts.intake else None)
    return {view.name: views for views in holders if views for view in views.all}


def _rebuild(settings: Engines, store: EventStore, parts: Parts, views: Views, name: str, topics: Sequence[str]) -> int:
    """From the service's own commits, from what it hears, or from both, as the view is fed."""
    everything: list[Callable[[], Iterable[Recorded]]] = []
    since: list[Callable[[], Iterable[Recorded]]] = []
    if views is parts.own_views:
        token = store.start()
        everything.append(store.scan)
        since.append(lambda: replaying.since(store, token))
    if parts.intake and views is parts.intake.views:
        codec = parts.intake.codec
        everything.append(lambda: replaying.heard(settings.kafka_servers, topics, codec))
        since.append(everything[-1])
    return views.rebuild(
        name,
        lambda: chain.from_iterable(feed() for feed in everything),
        lambda: chain.from_iterable(feed() for feed in since),
    )


def _say(sentence: str, status: int = 0) -> int:
    sys.stdout.write(sentence + "\n")
    return status


__all__ = ["MAX_BODY", "Engines", "Ground", "Parts", "View", "assemble", "database", "led_tasks", "tasks"]
