"""Connects the parts of auth."""

from flask import Flask

from chassis.assembly import Parts, assemble, database
from chassis.auth import TokenIssuer
from chassis.handling import Handler
from chassis.messages import Codec
from chassis.mongo_store import MongoStore
from chassis.runtime import Service
from chassis.settings import read
from chassis.store import EventStore
from chassis.telemetry import configure_logging
from contracts import auth, names_of, phone
from services.auth.adapters import Claims, LastSeen, MongoClaims, MongoLastSeen
from services.auth.api import WORDS, contracts_blueprint, keys_blueprint
from services.auth.commands import api_key
from services.auth.flows import Keys, Register
from services.auth.model import contract, keyring
from services.auth.settings import Settings

NAME = "auth"
CODEC = Codec((*auth.EVENTS, *keyring.PRIVATE_EVENTS))


def build(
    settings: Settings,
    *,
    store: EventStore | None = None,
    claims: Claims | None = None,
    last_seen: LastSeen | None = None,
) -> Service:
    """The service; with stand-ins of a test's own, its web application needs no database."""
    db = database(settings, NAME)
    kept, seen = store or MongoStore(db, CODEC), last_seen or MongoLastSeen(db)
    contracts = Handler(kept, contract.DECIDER, contract.CATEGORY)
    register = Register(contracts, claims or MongoClaims(db))
    ring = Handler(kept, keyring.DECIDER, keyring.CATEGORY)
    issuer = TokenIssuer.from_file(settings.token_signing_key)
    keys = Keys(ring, seen, issuer, settings.token_lifetime, settings.token_keys)
    routes = [contracts_blueprint(contracts, register), keys_blueprint(keys, seen)]
    commands = {"api-key": api_key(keys)}
    parts = Parts(NAME, CODEC, names_of(NAME), routes, WORDS, commands=commands, plain_number=phone.normalise)
    return assemble(settings, db, kept, parts)


def service() -> Service:
    """The service as its environment wants it."""
    settings = read(Settings)
    configure_logging(NAME, settings.log_level)
    return build(settings)


def create_app() -> Flask:
    """For gunicorn."""
    return service().app()
