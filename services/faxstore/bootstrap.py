"""Connects the parts of faxstore."""

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
from contracts import OWNERS, events_of, faxstore, names_of, phone
from services.faxstore.adapters import Contents, MongoContents, Spool
from services.faxstore.api import WORDS, fax_routes, number_routes, overview_routes, receiver_routes
from services.faxstore.flows import Quota, Receipts, Shelf, Turns
from services.faxstore.formats import Darkroom, Limits, ProcessDarkroom
from services.faxstore.model import fax, setting
from services.faxstore.reactions import reactions
from services.faxstore.settings import Settings
from services.faxstore.tasks import Developer, Housekeeper
from services.faxstore.views import FAXES

NAME = "faxstore"
HEARD = ("auth",)
# What is made of a document may take longer than the look at it, for which its receiver waits.
MAKING = Limits(processor_seconds=60, patience_seconds=300)
CODEC = Codec((*faxstore.EVENTS, *setting.PRIVATE_EVENTS, *fax.PRIVATE_EVENTS))


def build(
    settings: Settings,
    *,
    store: EventStore | None = None,
    views: Views | None = None,
    contents: Contents | None = None,
    darkroom: Darkroom | None = None,
) -> Service:
    """The service; with a test's own `store`, `views` and `contents`, its web application needs no database."""
    db = database(settings, NAME)
    kept, rows, documents = store or MongoStore(db, CODEC), views or Views(db, [FAXES]), MongoContents(db)
    numbers = Handler(kept, setting.DECIDER, setting.CATEGORY)
    faxes = Handler(kept, fax.DECIDER, fax.CATEGORY)
    shelf = Shelf(numbers, faxes, rows, contents or documents)
    spool = Spool(settings.spool)
    quota = Quota(settings.most_faxes, settings.most_bytes)
    receipts = Receipts(shelf, darkroom or ProcessDarkroom(Limits()), quota, Turns(settings.receipts_at_once))
    developer = Developer(shelf, spool, darkroom or ProcessDarkroom(MAKING))
    keeper = Housekeeper(numbers, faxes, rows, shelf.contents, spool, settings.retention, settings.upload_grace)
    parts = Parts(
        NAME,
        CODEC,
        names_of(NAME),
        lambda: [
            receiver_routes(receipts, spool),
            number_routes(numbers, shelf),
            overview_routes(shelf),
            fax_routes(shelf),
        ],
        WORDS,
        HEARD,
        Intake(NAME, Codec(events_of(*HEARD), owners=OWNERS), reactions(numbers)),
        own_views=rows,
        aside={"developer": developer.run, "housekeeper": keeper.run},
        plain_number=phone.normalise,
        prepare=(documents.prepare,),
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
