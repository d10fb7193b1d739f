"""The way to MongoDB: a service's database, what failing to reach it means, and writing several documents at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import BulkWriteError, ConnectionFailure, PyMongoError
from pymongo.monitoring import (
    ConnectionCheckedInEvent,
    ConnectionCheckedOutEvent,
    ConnectionCheckOutFailedEvent,
    ConnectionCheckOutStartedEvent,
    ConnectionClosedEvent,
    ConnectionCreatedEvent,
    ConnectionPoolListener,
    ConnectionReadyEvent,
    PoolClearedEvent,
    PoolClosedEvent,
    PoolCreatedEvent,
    PoolReadyEvent,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from chassis import telemetry
from chassis.errors import Unavailable

Document = dict[str, Any]
DUPLICATE_KEY = 11000


def connect(url: str, name: str, timeout_seconds: float = 5.0) -> Database[Document]:
    """The database of a service, durable by default: writes w:majority with journal, reads of majority-committed data.

    Connects when first used. To be called in the process that uses it, after any fork.
    """
    client: MongoClient[Document] = MongoClient(
        url,
        connect=False,
        tz_aware=True,
        appname=name,
        serverSelectionTimeoutMS=int(timeout_seconds * 1000),
        connectTimeoutMS=int(timeout_seconds * 1000),
        socketTimeoutMS=int(timeout_seconds * 2000),
        retryWrites=True,
        event_listeners=[_Pool()],
    )
    # The write concern carries no time limit: the socket's is the limit, and a timed-out write has an unknown end.
    return client.get_database(
        name, read_concern=ReadConcern("majority"), write_concern=WriteConcern(w="majority", j=True)
    )


class _Pool(ConnectionPoolListener):
    """Counts the connections of this process' clients."""

    def connection_checked_out(self, event: ConnectionCheckedOutEvent) -> None:
        telemetry.MONGO_IN_USE.inc()
        telemetry.MONGO_WAIT.observe(event.duration or 0.0)

    def connection_checked_in(self, event: ConnectionCheckedInEvent) -> None:
        telemetry.MONGO_IN_USE.dec()

    def connection_check_out_failed(self, event: ConnectionCheckOutFailedEvent) -> None:
        telemetry.MONGO_WAIT_FAILURES.inc()

    def connection_created(self, event: ConnectionCreatedEvent) -> None:
        telemetry.MONGO_OPEN.inc()

    def connection_closed(self, event: ConnectionClosedEvent) -> None:
        telemetry.MONGO_OPEN.dec()

    def connection_ready(self, event: ConnectionReadyEvent) -> None: ...

    def connection_check_out_started(self, event: ConnectionCheckOutStartedEvent) -> None: ...

    def pool_created(self, event: PoolCreatedEvent) -> None: ...

    def pool_ready(self, event: PoolReadyEvent) -> None: ...

    def pool_cleared(self, event: PoolClearedEvent) -> None: ...

    def pool_closed(self, event: PoolClosedEvent) -> None: ...


@contextmanager
def reachable() -> Iterator[None]:
    """Turns every failure to reach or to use the database into `Unavailable`, which may be tried again."""
    try:
        yield
    except PyMongoError as problem:
        raise Unavailable("store-unavailable", type(problem).__name__) from problem


@contextmanager
def at_once(db: Database[Document]) -> Iterator[ClientSession]:
    """A session in a transaction: what is written in it is written as a whole and durably, or, when somebody else has
    written the same documents since it began, not at all (`was_raced`). Many replacements in one cost a third of what
    they cost alone, as they are one entry of the server's log."""
    with db.client.start_session() as session, session.start_transaction(write_concern=db.write_concern):
        yield session


def was_raced(problem: PyMongoError) -> bool:
    """Whether somebody else wrote the same documents: a conflict, or both made one new."""
    if isinstance(problem, BulkWriteError):
        return all(error["code"] == DUPLICATE_KEY for error in problem.details["writeErrors"])
    return problem.has_error_label("TransientTransactionError") and not isinstance(problem, ConnectionFailure)
