"""Connects the parts of linewatch."""

from flask import Flask

from chassis.assembly import Parts, assemble, database
from chassis.consumer import Intake
from chassis.handling import Handler
from chassis.messages import Codec
from chassis.mongo_store import MongoStore
from chassis.runtime import Service
from chassis.settings import read
from chassis.store import EventStore
from chassis.tasks import Alarm
from chassis.telemetry import configure_logging
from chassis.views import Views
from contracts import events_of, linewatch, names_of, phone
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
    lines = Handler(kept, line.DECIDER, line.CATEGORY, wake_at=line.wake_at)
    areas = Handler(kept, area.DECIDER, area.CATEGORY)
    incidents = Incidents(Handler(kept, incident.DECIDER, incident.CATEGORY))
    written, refused = MongoSources(db), MongoRefusals(db)
    heard = sources or written
    gate = Gate(settings.most_at_once)
    reporting = Reporting(lines, areas, known, heard, settings.rules, settings.clock_lead, gate)
    alerts = Alerts(reporting, refusals or refused, settings.names)
    blueprints = [
        refusals_blueprint(alerts),
        events_blueprint(reporting, incidents, alerts, settings.names, settings.grafana_secret),
        lines_blueprint(lines, own, reporting),
        operators_blueprint(areas, own, reporting, heard),
    ]
    intake = Intake(NAME, Codec(events_of(*HEARD)), reactions(lines), known)
    parts = Parts(
        NAME,
        CODEC,
        names_of(NAME),
        blueprints,
        WORDS,
        HEARD,
        intake,
        own_views=own,
        lists_wait=True,
        plain_number=phone.normalise,
        alarms=[Alarm(lines, line.Wake)],
        prepare=[written.prepare, refused.prepare],
    )
    return assemble(settings, db, kept, parts)


def service() -> Service:
    """The service as its environment wants it."""
    settings = read(Settings)
    configure_logging(NAME, settings.log_level)
    return build(settings)


def create_app() -> Flask:
    """For gunicorn."""
    return service().app()
