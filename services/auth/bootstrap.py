"""Connects the parts of auth."""

from collections.abc import Callable
from datetime import datetime

from flask import Flask

from chassis.assembly import Parts, assemble, database
from chassis.auth import TokenIssuer
from chassis.consumer import Intake
from chassis.handling import Handler
from chassis.limits import Limit, Limits, MongoLimits
from chassis.messages import Codec, now
from chassis.mongo_store import MongoStore
from chassis.passwords import BoundedVerifiers, Verifiers
from chassis.runtime import Service
from chassis.settings import read
from chassis.store import EventStore
from chassis.telemetry import configure_logging
from contracts import OWNERS, auth, events_of, names_of, phone
from services.auth.adapters import Claims, LastSeen, MongoClaims, MongoLastSeen, MongoSessions, Sessions
from services.auth.api import WORDS, contracts_blueprint, customers_blueprint, keys_blueprint
from services.auth.commands import api_key, token_key
from services.auth.flows.attempts import Attempts, Bounds
from services.auth.flows.keys import Keys
from services.auth.flows.register import Register
from services.auth.flows.sessions import Customers
from services.auth.flows.tokens import Exchange
from services.auth.model import contract, credential, keyring
from services.auth.model.credential import Rules
from services.auth.reactions import reactions
from services.auth.settings import Settings

NAME = "auth"
HEARD = ("ivr",)
CODEC = Codec((*auth.EVENTS, *keyring.PRIVATE_EVENTS, *credential.PRIVATE_EVENTS))


def build(
    settings: Settings,
    *,
    store: EventStore | None = None,
    claims: Claims | None = None,
    last_seen: LastSeen | None = None,
    sessions: Sessions | None = None,
    limits: Limits | None = None,
    verifiers: Verifiers | None = None,
    clock: Callable[[], datetime] = now,
) -> Service:
    """The service; with stand-ins of a test's own, its web application needs no database."""
    db = database(settings, NAME)
    kept, seen = store or MongoStore(db, CODEC), last_seen or MongoLastSeen(db)
    # What is read with a login is short, however much became of a number: its time must not tell that it is known.
    contracts = Handler(kept, contract.DECIDER, contract.CATEGORY, clock=clock, snapshot_every=4)
    register = Register(contracts, claims or MongoClaims(db), clock)
    rules = Rules(settings.temporary_lifetime, settings.lasting_lifetime, settings.session_longest)
    credentials = Handler(kept, credential.decider(rules), credential.CATEGORY, clock=clock, snapshot_every=1)
    keys = Keys(Handler(kept, keyring.DECIDER, keyring.CATEGORY), seen)
    customers = Customers(
        credentials,
        contracts,
        sessions or MongoSessions(db),
        Attempts(limits or MongoLimits(db), bounds(settings)),
        BoundedVerifiers(
            verifiers or Verifiers.from_file(settings.password_pepper),
            settings.hashing_threads,
            settings.hashing_waiting,
        ),
        rules,
        settings.session_idle,
        clock,
    )
    issuer = TokenIssuer.from_file(settings.token_signing_key)
    exchange = Exchange(
        keys,
        customers,
        issuer,
        settings.token_lifetime,
        settings.machine_token_lifetime,
        settings.token_keys,
        clock,
    )
    parts = Parts(
        NAME,
        CODEC,
        names_of(NAME),
        lambda: [
            customers_blueprint(customers, credentials),
            contracts_blueprint(contracts, register),
            keys_blueprint(keys, exchange, seen),
        ],
        WORDS,
        HEARD,
        Intake(NAME, Codec(events_of(*HEARD), owners=OWNERS), reactions(credentials, contracts)),
        commands={
            "api-key": api_key(keys),
            "token-key": token_key(settings.token_signing_key, settings.token_keys),
        },
        plain_number=phone.normalise,
        prepare=(MongoSessions(db).prepare, MongoLimits(db).prepare),
    )
    return assemble(settings, db, kept, parts)


def bounds(settings: Settings) -> Bounds:
    """How many wrong passwords are taken."""
    return Bounds(
        Limit(settings.wrong_per_number, settings.wrong_per_number_within),
        Limit(settings.wrong_per_source, settings.wrong_per_source_within),
        Limit(settings.wrong_overall, settings.wrong_overall_within),
        Limit(settings.wrong_when_full, settings.wrong_overall_within),
        Limit(settings.wrong_per_number_and_source, settings.wrong_per_number_within),
    )


def service() -> Service:
    """The service as its environment wants it."""
    settings = read(Settings)
    configure_logging(NAME, settings.log_level)
    return build(settings)


def create_app() -> Flask:
    """For gunicorn."""
    return service().app()
