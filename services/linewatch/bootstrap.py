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
from services.linewatch.api import WORDS, blueprint
from services.linewatch.model import line
from services.linewatch.reactions import reactions
from services.linewatch.settings import Settings
from services.linewatch.views import CONTRACTS

NAME = "linewatch"
HEARD = ("auth",)
CODEC = Codec((*linewatch.EVENTS, *line.PRIVATE_EVENTS))


def build(settings: Settings, *, store: EventStore | None = None, views: Views | None = None) -> Service:
    """The service; with a `store` and `views` of a test's own, its web application needs no database."""
    db = database(settings, NAME)
    kept = store or MongoStore(db, CODEC)
    known = views or Views(db, [CONTRACTS])
    lines = Handler(kept, line.DECIDER, line.CATEGORY, wake_at=line.wake_at)
    routes = blueprint(lines, known, settings.rules, settings.clock_lead)
    intake = Intake(NAME, Codec(events_of(*HEARD)), reactions(lines), known)
    parts = Parts(
        NAME,
        CODEC,
        names_of(NAME),
        [routes],
        WORDS,
        HEARD,
        intake,
        plain_number=phone.normalise,
        alarms=[Alarm(lines, line.Wake)],
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
