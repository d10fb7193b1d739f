"""Connects the parts of linewatch."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import Flask

from chassis.assembly import Parts, assemble, database
from chassis.consumer import Intake
from chassis.handling import Handler
from chassis.messages import Codec, now
from chassis.mongo_store import MongoStore
from chassis.runtime import Service
from chassis.settings import read
from chassis.store import EventStore
from chassis.tasks import Alarm
from chassis.telemetry import configure_logging
from chassis.views import Views
from contracts import OWNERS, events_of, linewatch, names_of, phone
from services.linewatch.adapters import MongoRefusals, MongoSources, Refusals, Sources
from services.linewatch.api import (
    WORDS,
    events_blueprint,
    lines_blueprint,
    operators_blueprint,
    refusals_blueprint,
)
from services.linewatch.flows.refusals import Alerts
from services.linewatch.flows.reporting import Gate, Incidents, Reporting
from services.linewatch.model import area, incident, line
from services.linewatch.reactions import reactions
from services.linewatch.settings import Settings
from services.linewatch.views import AREAS, CONTRACTS, FAULTS

NAME = "linewatch"
HEARD = ("auth",)
CODEC = Codec((*linewatch.EVENTS, *line.PRIVATE_EVENTS, *area.PRIVATE_EVENTS, *incident.PRIVATE_EVENTS))


def build(
    settings: Settings,
    *,
    store: EventStore | None = None,
    views: Views | None = None,
    sources: Sources | None = None,
    refusals: Refusals | None = None,
    own_views: Views | None = None,
) -> Service:
    """The service; with a `store` and `views` of a test's own, its web application needs no database."""
    db = database(settings, NAME)
    kept = store or MongoStore(db, CODEC)
    known, own = views or Views(db, [CONTRACTS]), own_views or Views(db, [AREAS, FAULTS])
    written, refused = MongoSources(db), MongoRefusals(db)
    made = parts(settings, kept, known, own, sources or written, refusals or refused)
    return assemble(settings, db, kept, replace(made, prepare=[written.prepare, refused.prepare]))


def parts(
    settings: Settings,
    store: EventStore,
    known: Views,
    own: Views,
    sources: Sources,
    refusals: Refusals,
    *,
    handler: Callable[..., Handler[Any]] = Handler,
    clock: Callable[[], datetime] = now,
) -> Parts:
    """What makes this service different from another, on whatever engines."""
    lines = handler(store, line.DECIDER, line.CATEGORY, wake_at=line.wake_at)
    areas = handler(store, area.DECIDER, area.CATEGORY)
    incidents = Incidents(handler(store, incident.DECIDER, incident.CATEGORY))
    reporting = reporting_of(settings, store, known, sources, handler=handler, clock=clock)
    alerts = Alerts(reporting, refusals, settings.names)
    return Parts(
        NAME,
        CODEC,
        names_of(NAME),
        lambda: [
            refusals_blueprint(alerts),
            events_blueprint(reporting, incidents, alerts, settings.names, settings.grafana_secret),
            lines_blueprint(lines, own, reporting),
            operators_blueprint(areas, own, reporting, sources),
        ],
        WORDS,
        HEARD,
        Intake(NAME, Codec(events_of(*HEARD), owners=OWNERS), reactions(lines), known),
        own_views=own,
        lists_wait=True,
        plain_number=phone.normalise,
        alarms=[Alarm(lines, line.Wake)],
    )


def reporting_of(
    settings: Settings,
    store: EventStore,
    known: Views,
    sources: Sources,
    *,
    handler: Callable[..., Handler[Any]] = Handler,
    clock: Callable[[], datetime] = now,
) -> Reporting:
    """Where the reports of a web process go in."""
    lines = handler(store, line.DECIDER, line.CATEGORY, wake_at=line.wake_at)
    areas = handler(store, area.DECIDER, area.CATEGORY)
    gate = Gate(settings.most_at_once)
    return Reporting(lines, areas, known, sources, settings.rules, settings.clock_lead, gate, clock)


def service() -> Service:
    """The service as its environment wants it."""
    settings = read(Settings)
    configure_logging(NAME, settings.log_level)
    return build(settings)


def create_app() -> Flask:
    """For gunicorn."""
    return service().app()
