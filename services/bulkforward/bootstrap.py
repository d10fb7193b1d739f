"""Connects the parts of bulkforward."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
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
from chassis.telemetry import configure_logging
from chassis.views import Views
from contracts import OWNERS, bulkforward, events_of, names_of, phone
from services.bulkforward.adapters import DryRuns, MongoDryRuns
from services.bulkforward.api import WORDS, blueprint, csv_blueprint
from services.bulkforward.flows import CsvEdits
from services.bulkforward.model import CATEGORY, DECIDER, PRIVATE_EVENTS
from services.bulkforward.reactions import reactions, tell_of_starts
from services.bulkforward.settings import Settings
from services.bulkforward.views import FORWARDS, complete

NAME = "bulkforward"
HEARD = ("auth", "linewatch", "voicewarp")
CODEC = Codec((*bulkforward.EVENTS, *PRIVATE_EVENTS))


def build(
    settings: Settings,
    *,
    store: EventStore | None = None,
    dry_runs: DryRuns | None = None,
    views: Views | None = None,
    clock: Callable[[], datetime] = now,
) -> Service:
    """The service; with stand-ins of a test's own, its web application needs no database."""
    db = database(settings, NAME)
    kept = store or MongoStore(db, CODEC)
    written = MongoDryRuns(db)
    made = parts(settings, kept, views or Views(db, [FORWARDS]), dry_runs or written, clock=clock)
    return assemble(settings, db, kept, replace(made, prepare=(written.prepare,)))


def parts(
    settings: Settings,
    store: EventStore,
    forwards: Views,
    dry_runs: DryRuns,
    *,
    handler: Callable[..., Handler[Any]] = Handler,
    clock: Callable[[], datetime] = now,
) -> Parts:
    """What makes this service different from another, on whatever engines."""
    plans = handler(store, DECIDER, CATEGORY)
    whole = partial(complete, plans, forwards)
    edits = CsvEdits(plans, dry_runs, settings.dry_run_lifetime, clock, whole)
    heard = reactions(plans, settings.least_severity)
    return Parts(
        NAME,
        CODEC,
        names_of(NAME),
        lambda: [blueprint(plans, whole), csv_blueprint(plans, edits)],
        WORDS,
        HEARD,
        Intake(NAME, Codec(events_of(*HEARD), owners=OWNERS), heard, forwards, caused=tell_of_starts),
        forwards,
        plain_number=phone.normalise,
    )


def service() -> Service:
    """The service as its environment wants it."""
    settings = read(Settings)
    configure_logging(NAME, settings.log_level)
    return build(settings)


def create_app() -> Flask:
    """For gunicorn."""
    return service().app()
