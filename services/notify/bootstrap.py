"""Connects the parts of notify."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from flask import Flask

from chassis.assembly import Parts, assemble, database
from chassis.consumer import Intake, Reaction
from chassis.handling import Handler
from chassis.limits import Limit, Limits, MongoLimits
from chassis.messages import Codec
from chassis.mongo_store import MongoStore
from chassis.runtime import Service
from chassis.settings import read
from chassis.store import EventStore
from chassis.tasks import Alarm
from chassis.telemetry import configure_logging
from chassis.views import Views
from contracts import OWNERS, events_of, names_of, notify, phone
from services.notify.adapters import Mailer, SmtpMailer
from services.notify.api import WORDS, fax_mail_blueprint, incoming_blueprint, mails_blueprint, notices_blueprint
from services.notify.flows import Addresses, Posting, Trials
from services.notify.model import address, bundle, drill, fax, incoming, mail, notice
from services.notify.reactions import ANSWERS, fax_reactions, reactions
from services.notify.settings import Settings
from services.notify.tasks import AROUND, Sender, Surroundings
from services.notify.views import FAX_MAILS, MAILS

NAME = "notify"
HEARD = ("auth", "linewatch", "bulkforward", "voicewarp", "faxstore")
MODELS = (notice, incoming, fax, mail, address, bundle, drill)
CODEC = Codec((*notify.EVENTS, *(event for model in MODELS for event in model.PRIVATE_EVENTS)))


def build(
    settings: Settings,
    *,
    store: EventStore | None = None,
    views: Views | None = None,
    fax_mails: Views | None = None,
    mailer: Mailer | None = None,
    limits: Limits | None = None,
) -> Service:
    """The service; with a test's own `store`, `views`, `fax_mails` and `limits`, its web application needs no
    database."""
    db = database(settings, NAME)
    kept, rows = store or MongoStore(db, CODEC), views or Views(db, [MAILS])
    written = MongoLimits(db)
    post = mailer or SmtpMailer(settings.smtp_url, settings.mail_from, settings.smtp_timeout, settings.smtp_deadline)
    made = parts(settings, kept, rows, fax_mails or Views(db, [FAX_MAILS]), post, limits or written)
    return assemble(settings, db, kept, replace(made, prepare=(written.prepare,)))


def parts(
    settings: Settings,
    store: EventStore,
    rows: Views,
    told: Views,
    post: Mailer,
    counted: Limits,
    *,
    handler: Callable[..., Handler[Any]] = Handler,
    around: Surroundings = AROUND,
) -> Parts:
    """What makes this service different from another, on whatever engines."""
    notices = handler(store, notice.DECIDER, notice.CATEGORY, wake_at=notice.wake_at)
    numbers = handler(store, incoming.DECIDER, incoming.CATEGORY)
    mails = handler(store, mail.DECIDER, mail.CATEGORY)
    drills = handler(store, drill.DECIDER, drill.CATEGORY)
    recipients = handler(store, address.DECIDER, address.CATEGORY)
    known = Addresses(recipients)
    most = Limit(settings.mails_per_hour, timedelta(hours=1))
    faxes = handler(store, fax.DECIDER, fax.CATEGORY)
    heard: dict[str, Reaction | Sequence[Reaction]] = {
        **reactions(notices, numbers, drills, settings.forwarding_wait, settings.noc_address),
        **fax_reactions(faxes, recipients),
    }
    posting = Posting(handler(store, bundle.DECIDER, bundle.CATEGORY), mails, rows)
    connections = settings.mail_connections
    sender = Sender(mails, recipients, posting, rows, post, counted, most, settings.site_url, connections, around)
    return Parts(
        NAME,
        CODEC,
        names_of(NAME),
        lambda: [
            notices_blueprint(notices, known, Trials(notices, counted)),
            incoming_blueprint(numbers, notices, known),
            fax_mail_blueprint(told, known),
            mails_blueprint(mails, rows),
        ],
        WORDS,
        HEARD,
        Intake(NAME, Codec(events_of(*HEARD), owners=OWNERS), heard, told, answers=ANSWERS),
        own_views=rows,
        alarms=[Alarm(notices, notice.Wake)],
        aside={"sender": sender.run},
        patient=True,
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
