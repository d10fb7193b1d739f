"""The event store on MongoDB: one collection `commits`, one document a commit.

`_id` is `<stream>@<revision>`; `command_ids` has a unique index. `wake_at` is the one field that is ever removed
from a commit: it is a note to look at the stream again, beside the facts and not one of them.
"""

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from typing import Any

import msgspec
import structlog
from bson.errors import BSONError
from pymongo import ASCENDING, DESCENDING, InsertOne, ReplaceOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError

from chassis import telemetry
from chassis.errors import BadMessage, Damaged, Unavailable
from chassis.messages import Actor, Codec, Recorded, sequence_of
from chassis.mongo import DUPLICATE_KEY, Document, at_once, reachable, was_raced
from chassis.store import (
    NOTHING,
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

log = structlog.get_logger(__name__)
# FailedToParse, CappedPositionLost, InvalidResumeToken, ChangeStreamFatalError, ChangeStreamHistoryLost.
LOST_TOKEN_CODES = frozenset({9, 136, 260, 280, 286})
# Revisions.
NEAR = 10
FOLLOW_LIMIT = 1000
FOLLOW_WAIT_MS = 1000


class MongoStore:
    """See `chassis.store.EventStore` for what is promised."""

    def __init__(self, db: Database[Document], codec: Codec) -> None:
        self._db = db
        self._commits: Collection[Document] = db["commits"]
        self._snapshots: Collection[Document] = db["snapshots"]
        self._codec = codec

    def prepare(self) -> None:
        """Makes the indexes; harmless when they are there."""
        with reachable():
            self._commits.create_index([("stream", ASCENDING), ("revision", ASCENDING)])
            self._commits.create_index(
                "command_ids", unique=True, partialFilterExpression={"command_ids": {"$exists": True}}
            )
            self._commits.create_index("wake_at", partialFilterExpression={"wake_at": {"$exists": True}})

    def load(self, stream: str, shape: str = "") -> Loaded:
        return self.load_many([stream], shape)[stream]

    def load_many(
        self, streams: Sequence[str], shape: str = "", since: Mapping[str, int] = NOTHING
    ) -> dict[str, Loaded]:
        if not streams:  # Of nothing there is nothing to be asked, and the database refuses such a question.
            return {}
        with reachable():
            snapshots = self._find_snapshots([stream for stream in streams if stream not in since], shape)
            begins = {**{stream: snapshot.revision for stream, snapshot in snapshots.items()}, **since}
            revisions = {stream: begins.get(stream, 0) for stream in streams}
            found = self._find_after(revisions)
        return {
            stream: self._loaded(snapshots.get(stream), revision, found.get(stream, []))
            for stream, revision in revisions.items()
        }

    def _find_snapshots(self, streams: Sequence[str], shape: str) -> dict[str, Snapshot]:
        """A snapshot that was damaged is passed over: the events say the same."""
        if not streams:
            return {}
        found = self._snapshots.find({"_id": {"$in": list(streams)}, "shape": shape})
        return {
            document["_id"]: Snapshot(document["revision"], document["state"])
            for document in found
            if document["digest"] == _digest(document["state"])
        }

    def _find_after(self, revisions: Mapping[str, int]) -> dict[str, list[Document]]:
        """The commits after each stream's revision, in order."""
        parts: list[Document] = [
            {"stream": {"$in": near}, "revision": {"$gt": revisions[near[0]]}} for near in _near(revisions)
        ]
        by_stream: dict[str, list[Document]] = defaultdict(list)
        for document in self._commits.find(parts[0] if len(parts) == 1 else {"$or": parts}, batch_size=10_000):
            if document["revision"] > revisions[document["stream"]]:
                by_stream[document["stream"]].append(document)
        for documents in by_stream.values():
            documents.sort(key=lambda document: document["revision"])
        return by_stream

    def _loaded(self, snapshot: Snapshot | None, begin: int, documents: Sequence[Document]) -> Loaded:
        return Loaded(
            snapshot,
            tuple(event for document in documents for event in self._recorded(document)),
            documents[-1]["revision"] if documents else begin,
            frozenset(command for document in documents for command in document.get("command_ids", ())),
        )

    def append(self, commit: Commit) -> Answer:
        return self.append_many([commit])[0]

    def append_many(self, commits: Sequence[Commit]) -> list[Answer]:
        if not commits:
            return []
        token = os.urandom(16).hex()
        documents = [self._document(commit, token) for commit in commits]
        with reachable():
            try:
                self._commits.insert_many(documents, ordered=False)
                answers: list[Answer] = [Appended(commit.revision) for commit in commits]
            except BulkWriteError as problem:
                answers = self._sort_out(documents, problem)
            except (BSONError, UnicodeEncodeError, OverflowError) as problem:
                raise BadMessage("unwritable-event", cause=type(problem).__name__) from problem
        _count(documents, answers)
        return answers

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

    def save_snapshots(self, shape: str, snapshots: Mapping[str, Snapshot]) -> None:
        if not snapshots:
            return
        with reachable():
            try:
                with at_once(self._db) as session:
                    self._save_newer(shape, snapshots, session)
            except PyMongoError as problem:
                if not was_raced(problem):
                    raise
                # Somebody else keeps some of these just now. What is not kept now is due again at the next commit.

    def _save_newer(self, shape: str, snapshots: Mapping[str, Snapshot], session: ClientSession) -> None:
        found = self._snapshots.find({"_id": {"$in": list(snapshots)}}, {"shape": 1, "revision": 1}, session=session)
        kept = {document["_id"]: document for document in found}
        writes: list[InsertOne[Document] | ReplaceOne[Document]] = []
        for stream, snapshot in snapshots.items():
            written = _snapshot_document(stream, shape, snapshot)
            if stream not in kept:
                writes.append(InsertOne(written))
            elif kept[stream]["shape"] != shape or kept[stream]["revision"] < snapshot.revision:
                writes.append(ReplaceOne({"_id": stream}, written))
        if writes:
            self._snapshots.bulk_write(writes, session=session)

    def history(self, stream: str, before: int, limit: int) -> list[Recorded]:
        wanted: Document = {"stream": stream, "events.0": {"$exists": True}}
        if before:
            wanted["revision"] = {"$lt": before}
        with reachable():
            found = list(self._commits.find(wanted).sort("revision", DESCENDING).limit(limit))
        return [event for document in found for event in reversed(self._recorded(document))]

    def start(self) -> Any:
        with self._following(), self._db.client.start_session() as session:
            token = self._open({}, [], session)["postBatchResumeToken"]
            # What was applied before the token may not be majority-committed yet, and a scan would not see it. A write
            # of nothing returns when all before it is.
            self._commits.update_one({"_id": ""}, {"$set": {"revision": 0}}, session=session)
        return token

    def follow(self, token: Any, types: frozenset[str] | None = None) -> Iterator[Batch]:
        with self._following(), self._db.client.start_session() as session:
            opened = self._open({"resumeAfter": token}, self._inserts(types), session)
            more = {"getMore": opened["id"], "collection": self._commits.name}
            while opened["id"]:
                opened = self._ask(more | {"batchSize": FOLLOW_LIMIT, "maxTimeMS": FOLLOW_WAIT_MS}, session)
                changes = [self._recorded(change["fullDocument"], types) for change in opened["nextBatch"]]
                yield Batch(tuple(chain.from_iterable(changes)), opened["postBatchResumeToken"])
        raise TokenLost("the collection is gone")

    def _open(self, at: Document, pipeline: Sequence[Document], session: ClientSession) -> Document:
        """A change stream's cursor, by the server's own commands: the driver's class does not say where a batch ends,
        so one could not take all that is there without waiting for more."""
        stages = [{"$changeStream": at}, *pipeline]
        asked = {"aggregate": self._commits.name, "pipeline": stages, "cursor": {"batchSize": 0}}
        return self._ask(asked, session)

    def _ask(self, command: Document, session: ClientSession) -> Document:
        answer = self._db.command(command, session=session, codec_options=self._db.codec_options)
        cursor: Document = answer["cursor"]
        return cursor

    @staticmethod
    def _inserts(types: frozenset[str] | None) -> list[Document]:
        wanted: Document = {"operationType": "insert"}
        if types is not None:
            wanted["fullDocument.events.type"] = {"$in": sorted(types)}
        return [{"$match": wanted}, {"$project": {"fullDocument": 1}}]

    @contextmanager
    def _following(self) -> Iterator[None]:
        try:
            yield
        except OperationFailure as problem:
            if problem.code in LOST_TOKEN_CODES or problem.has_error_label("NonResumableChangeStreamError"):
                raise TokenLost(str(problem.code)) from problem
            raise Unavailable("store-unavailable", str(problem.code)) from problem
        except PyMongoError as problem:
            raise Unavailable("store-unavailable", type(problem).__name__) from problem

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

    def _document(self, commit: Commit, token: str) -> Document:
        document: Document = {
            "_id": commit.id,
            "stream": commit.stream,
            "revision": commit.revision,
            "events": [self._event_document(entry) for entry in commit.entries],
            "at": commit.at,
            "actor": {"kind": commit.actor.kind, "id": commit.actor.id, "source": commit.actor.source},
            "token": token,
        }
        if commit.command_ids:
            document["command_ids"] = list(commit.command_ids)
        if commit.fingerprint:
            document["fingerprint"] = commit.fingerprint
        if commit.wake_at:
            document["wake_at"] = commit.wake_at
        return document

    def _event_document(self, entry: Any) -> Document:
        name, data = self._codec.shape(entry.event)
        return {"type": name, "data": data, "correlation": entry.correlation_id, "causation": entry.causation_id}

    def _recorded(self, document: Document, types: frozenset[str] | None = None) -> list[Recorded]:
        """The events of a commit, or those of `types`."""
        try:
            return self._read(document, types)
        except BadMessage as problem:
            log.exception("commit_damaged", commit=document["_id"], code=problem.code, details=problem.details)
            raise Damaged(problem.code) from problem

    def _read(self, document: Document, types: frozenset[str] | None) -> list[Recorded]:
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
            if types is None or event["type"] in types
        ]


def _count(documents: Sequence[Document], answers: Sequence[Answer]) -> None:
    appended = [document for document, answer in zip(documents, answers, strict=True) if isinstance(answer, Appended)]
    telemetry.appended(event["type"] for document in appended for event in document["events"])
    telemetry.CONFLICTS.inc(sum(isinstance(answer, Raced) for answer in answers))


def _near(revisions: Mapping[str, int]) -> list[list[str]]:
    """The streams in groups that are asked for together, each from its lowest revision on: so few that a storm of
    streams that have grown alike is one, so close that little is read for nothing."""
    groups: list[list[str]] = []
    for stream in sorted(revisions, key=lambda stream: revisions[stream]):
        if not groups or revisions[stream] - revisions[groups[-1][0]] > NEAR:
            groups.append([])
        groups[-1].append(stream)
    return groups


def _digest(state: Any) -> str:
    """A number of more than 32 bits comes back from BSON as a kind of int of its own."""
    return hashlib.sha256(msgspec.json.encode(state, enc_hook=int)).hexdigest()


def _snapshot_document(stream: str, shape: str, snapshot: Snapshot) -> Document:
    return {
        "_id": stream,
        "shape": shape,
        "revision": snapshot.revision,
        "state": snapshot.state,
        "digest": _digest(snapshot.state),
    }
