"""The event store on MongoDB: one collection `commits`, one document a commit.

`_id` is `<stream>@<revision>`; `command_ids` has a unique index. `wake_at` is the one field that is ever removed
from a commit: it is a note to look at the stream again, beside the facts and not one of them.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING, MongoClient
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError, ConnectionFailure, DuplicateKeyError, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from chassis.errors import Unavailable
from chassis.messages import Actor, Codec, Recorded, sequence_of
from chassis.store import (
    Answer,
    Appended,
    Batch,
    Commit,
    Loaded,
    Raced,
    Repeated,
    Seen,
    Snapshot,
    TokenLost,
    Waking,
)

Document = dict[str, Any]
DUPLICATE_KEY = 11000
# ChangeStreamFatalError, ChangeStreamHistoryLost, and the oplog entry of the token being gone.
LOST_TOKEN_CODES = frozenset({136, 280, 286})
FOLLOW_LIMIT = 1000


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
    )
    # The write concern carries no time limit: the socket's is the limit, and a timed-out write has an unknown end.
    return client.get_database(
        name, read_concern=ReadConcern("majority"), write_concern=WriteConcern(w="majority", j=True)
    )


@contextmanager
def reachable() -> Iterator[None]:
    """Turns every failure to reach or to use the database into `Unavailable`, which may be tried again."""
    try:
        yield
    except PyMongoError as problem:
        raise Unavailable("store-unavailable", type(problem).__name__) from problem


class MongoStore:
    """See `chassis.store.EventStore` for what is promised."""

    def __init__(self, db: Database[Document], codec: Codec) -> None:
        self._commits: Collection[Document] = db["commits"]
        self._snapshots: Collection[Document] = db["snapshots"]
        self._codec = codec

    def prepare(self) -> None:
        """Makes the indexes; harmless when they are there."""
        with reachable():
            self._commits.create_index([("stream", ASCENDING), ("revision", DESCENDING)])
            self._commits.create_index(
                "command_ids", unique=True, partialFilterExpression={"command_ids": {"$exists": True}}
            )
            self._commits.create_index("wake_at", partialFilterExpression={"wake_at": {"$exists": True}})

    def load(self, stream: str, shape: str = "") -> Loaded:
        return self.load_many([stream], shape)[stream]

    def load_many(self, streams: Sequence[str], shape: str = "") -> dict[str, Loaded]:
        with reachable():
            snapshots = self._find_snapshots(streams, shape)
            found = self._find_after(streams, snapshots)
        return {stream: self._loaded(snapshots.get(stream), found.get(stream, [])) for stream in streams}

    def _find_snapshots(self, streams: Sequence[str], shape: str) -> dict[str, Snapshot]:
        found = self._snapshots.find({"_id": {"$in": list(streams)}, "shape": shape})
        return {document["_id"]: Snapshot(document["revision"], document["state"]) for document in found}

    def _find_after(self, streams: Sequence[str], snapshots: dict[str, Snapshot]) -> dict[str, list[Document]]:
        whole = [stream for stream in streams if stream not in snapshots]
        parts: list[Document] = [{"stream": {"$in": whole}}] if whole else []
        parts += [{"stream": stream, "revision": {"$gt": kept.revision}} for stream, kept in snapshots.items()]
        if not parts:
            return {}
        by_stream: dict[str, list[Document]] = defaultdict(list)
        for document in self._commits.find(parts[0] if len(parts) == 1 else {"$or": parts}, batch_size=10_000):
            by_stream[document["stream"]].append(document)
        for documents in by_stream.values():
            documents.sort(key=lambda document: document["revision"])
        return by_stream

    def _loaded(self, snapshot: Snapshot | None, documents: Sequence[Document]) -> Loaded:
        revision = documents[-1]["revision"] if documents else snapshot.revision if snapshot else 0
        return Loaded(
            snapshot,
            tuple(event for document in documents for event in self._recorded(document)),
            revision,
            frozenset(command for document in documents for command in document.get("command_ids", ())),
        )

    def append(self, commit: Commit) -> Answer:
        return self.append_many([commit])[0]

    def append_many(self, commits: Sequence[Commit]) -> list[Answer]:
        if not commits:
            return []
        documents = [self._document(commit) for commit in commits]
        with reachable():
            try:
                self._commits.insert_many(documents, ordered=False)
            except BulkWriteError as problem:
                return self._sort_out(documents, problem)
        return [Appended(commit.revision) for commit in commits]

    def _sort_out(self, documents: Sequence[Document], problem: BulkWriteError) -> list[Answer]:
        """An insert that the driver repeated may meet its own first try: a commit with our token is ours."""
        errors = problem.details["writeErrors"]
        if problem.details["writeConcernErrors"] or any(error["code"] != DUPLICATE_KEY for error in errors):
            raise problem
        refused = {error["index"]: "command_ids" in error["keyPattern"] for error in errors}
        names = [documents[index]["_id"] for index in refused]
        ours = {d["_id"]: d["token"] for d in self._commits.find({"_id": {"$in": names}}, {"token": 1})}
        answers: list[Answer] = []
        for index, document in enumerate(documents):
            if index not in refused or ours.get(document["_id"]) == document["token"]:
                answers.append(Appended(document["revision"]))
            else:
                answers.append(Repeated() if refused[index] else Raced())
        return answers

    def seen(self, command_ids: Sequence[str]) -> dict[str, Seen]:
        asked = set(command_ids)
        fields = {"stream": 1, "revision": 1, "fingerprint": 1, "command_ids": 1}
        with reachable():
            found = list(self._commits.find({"command_ids": {"$in": list(asked)}}, fields))
        return {
            command: Seen(document["stream"], document["revision"], document.get("fingerprint", ""))
            for document in found
            for command in document["command_ids"]
            if command in asked
        }

    def save_snapshot(self, stream: str, shape: str, snapshot: Snapshot) -> None:
        newer = {"shape": shape, "revision": snapshot.revision, "state": snapshot.state}
        with reachable():
            try:
                self._snapshots.update_one(
                    {"_id": stream, "$or": [{"revision": {"$lt": snapshot.revision}}, {"shape": {"$ne": shape}}]},
                    {"$set": newer},
                    upsert=True,
                )
            except DuplicateKeyError:
                return  # A newer snapshot of this shape is there.

    def history(self, stream: str, before: int, limit: int) -> list[Recorded]:
        wanted: Document = {"stream": stream, **({"revision": {"$lt": before}} if before else {})}
        with reachable():
            found = list(self._commits.find(wanted).sort("revision", DESCENDING).limit(limit))
        return [event for document in found for event in reversed(self._recorded(document))]

    def start(self) -> Any:
        with reachable(), self._commits.watch(max_await_time_ms=1) as changes:
            changes.try_next()
            return changes.resume_token

    def follow(self, token: Any, types: frozenset[str] | None = None) -> Iterator[Batch]:
        with self._following(), self._commits.watch(
            self._inserts(types), resume_after=token, batch_size=FOLLOW_LIMIT, max_await_time_ms=1000
        ) as changes:
            while True:
                yield self._next_batch(changes, types)

    @staticmethod
    def _inserts(types: frozenset[str] | None) -> list[Document]:
        wanted: Document = {"operationType": "insert"}
        if types is not None:
            wanted["fullDocument.events.type"] = {"$in": sorted(types)}
        return [{"$match": wanted}, {"$project": {"fullDocument": 1}}]

    def _next_batch(self, changes: Any, types: frozenset[str] | None) -> Batch:
        """Waits for the first commit up to a second, then takes what is there without another wait."""
        events: list[Recorded] = []
        taken = 0
        change = changes.try_next()
        while change is not None:
            recorded = self._recorded(change["fullDocument"])
            events += recorded if types is None else [event for event in recorded if event.type in types]
            taken += 1
            # The cursor's own buffer says whether another try would go to the server and wait there.
            if taken >= FOLLOW_LIMIT or not changes._cursor._has_next():
                break
            change = changes.try_next()
        return Batch(tuple(events), changes.resume_token)

    @contextmanager
    def _following(self) -> Iterator[None]:
        try:
            yield
        except ConnectionFailure as problem:
            raise Unavailable("store-unavailable", type(problem).__name__) from problem
        except OperationFailure as problem:
            if problem.code in LOST_TOKEN_CODES or problem.has_error_label("NonResumableChangeStreamError"):
                raise TokenLost(str(problem.code)) from problem
            raise Unavailable("store-unavailable", str(problem.code)) from problem

    def scan(self) -> Iterator[Recorded]:
        with reachable():
            for document in self._commits.find().sort([("stream", ASCENDING), ("revision", ASCENDING)]):
                yield from self._recorded(document)

    def due(self, at: datetime, limit: int) -> list[Waking]:
        with reachable():
            found = self._commits.find({"wake_at": {"$lte": at}}, {"stream": 1}).sort("wake_at", ASCENDING).limit(limit)
            return [Waking(document["_id"], document["stream"]) for document in found]

    def settle(self, commit_ids: Sequence[str]) -> None:
        if commit_ids:
            with reachable():
                self._commits.update_many({"_id": {"$in": list(commit_ids)}}, {"$unset": {"wake_at": ""}})

    def _document(self, commit: Commit) -> Document:
        document: Document = {
            "_id": commit.id,
            "stream": commit.stream,
            "revision": commit.revision,
            "events": [self._event_document(entry) for entry in commit.entries],
            "at": commit.at,
            "actor": {"kind": commit.actor.kind, "id": commit.actor.id, "source": commit.actor.source},
            "token": uuid.uuid4().hex,
        }
        if commit.command_ids:
            document["command_ids"] = list(commit.command_ids)
        if commit.fingerprint:
            document["fingerprint"] = commit.fingerprint
        if commit.wake_at:
            document["wake_at"] = commit.wake_at
        return document

    def _event_document(self, entry: Any) -> Document:
        name, data = self._codec.encode(entry.event)
        return {"type": name, "data": data, "correlation": entry.correlation_id, "causation": entry.causation_id}

    def _recorded(self, document: Document) -> list[Recorded]:
        actor = Actor(document["actor"]["kind"], document["actor"]["id"], document["actor"]["source"])
        return [
            Recorded(
                self._codec.decode(event["type"], event["data"]),
                event["type"],
                document["stream"],
                sequence_of(document["revision"], index),
                f"{document['_id']}.{index}",
                document["at"],
                actor,
                event["correlation"],
                event["causation"],
            )
            for index, event in enumerate(document["events"])
        ]
