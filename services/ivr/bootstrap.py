"""Connects the parts of ivr."""

from collections.abc import Callable
from datetime import datetime

from flask import Flask

from chassis.assembly import Parts, assemble, database
from chassis.consumer import Intake
from chassis.handling import Handler
from chassis.messages import Codec, now
from chassis.mongo_store import MongoStore
from chassis.runtime import Service
from chassis.settings import read
from chassis.store import EventStore
from chassis.telemetry import configure_logging
from chassis.views import Views
from contracts import OWNERS, events_of, ivr, names_of
from services.ivr.adapters import MongoSequence, PepperVault, Sequence
from services.ivr.api import WORDS, Exchange, blueprint
from services.ivr.model import CATEGORY, PRIVATE_EVENTS, decider
from services.ivr.settings import Settings
from services.ivr.views import CONTRACTS

NAME = "ivr"
HEARD = ("auth",)
CODEC = Codec((*ivr.EVENTS, *PRIVATE_EVENTS))


def build(
    settings: Settings,
    *,
    store: EventStore | None = None,
    views: Views | None = None,
    vault: PepperVault | None = None,
    sequence: Sequence | None = None,
    clock: Callable[[], datetime] = now,
) -> Service:
    """The service; with stand-ins of a test's own, its web application needs no database."""
    db = database(settings, NAME)
    kept = store or MongoStore(db, CODEC)
    known = views or Views(db, [CONTRACTS])
    safe = vault or PepperVault.from_file(settings.password_pepper)
    calls = Handler(kept, decider(safe), CATEGORY, clock=clock)
    exchange = Exchange(calls, known, safe, sequence or MongoSequence(db), clock)
    # It hears no more than its view folds.
    intake = Intake(NAME, Codec(events_of(*HEARD), owners=OWNERS), {}, known)
    parts = Parts(NAME, CODEC, names_of(NAME), lambda: [blueprint(exchange, settings.silence)], WORDS, HEARD, intake)
    return assemble(settings, db, kept, parts)


def service() -> Service:
    """The service as its environment wants it."""
    settings = read(Settings)
    configure_logging(NAME, settings.log_level)
    return build(settings)


def create_app() -> Flask:
    """For gunicorn."""
    return service().app()
