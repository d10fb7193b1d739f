"""Connects the parts of voicewarp."""

from collections.abc import Callable
from typing import Any

from flask import Flask

from chassis.assembly import Parts, assemble, database
from chassis.consumer import Intake
from chassis.handling import Handler
from chassis.messages import Codec
from chassis.mongo_store import MongoStore
from chassis.runtime import Service
from chassis.settings import read
from chassis.store import EventStore
from chassis.telemetry import configure_logging
from chassis.views import Views
from contracts import OWNERS, events_of, names_of, phone, voicewarp
from services.voicewarp.api import WORDS, call_routes, number_routes
from services.voicewarp.flows import Ways
from services.voicewarp.model import call, setting
from services.voicewarp.reactions import reactions
from services.voicewarp.settings import Settings
from services.voicewarp.views import ROUTES

NAME = "voicewarp"
HEARD = ("auth", "bulkforward")
CODEC = Codec((*voicewarp.EVENTS, *setting.PRIVATE_EVENTS))


def build(settings: Settings, *, store: EventStore | None = None, views: Views | None = None) -> Service:
    """The service; with a `store` and `views` of a test's own, its web application needs no database."""
    db = database(settings, NAME)
    kept = store or MongoStore(db, CODEC)
    return assemble(settings, db, kept, parts(kept, views or Views(db, [ROUTES])))


def parts(store: EventStore, rows: Views, *, handler: Callable[..., Handler[Any]] = Handler) -> Parts:
    """What makes this service different from another, on whatever engines."""
    numbers = handler(store, setting.DECIDER, setting.CATEGORY)
    calls = handler(store, call.DECIDER, call.CATEGORY)
    ways = Ways(numbers, rows)
    return Parts(
        NAME,
        CODEC,
        names_of(NAME),
        lambda: [number_routes(numbers, ways), call_routes(calls, ways)],
        WORDS,
        HEARD,
        Intake(NAME, Codec(events_of(*HEARD), owners=OWNERS), reactions(numbers), rows),
        # One row is made from both, the service's own commits and what it hears.
        own_views=rows,
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
