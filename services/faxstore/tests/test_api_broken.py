"""Wrong and hostile documents as a receiver sends them: over HTTP into the whole service, with real processes that read
them. Each is taken or refused in words, and of what is refused nothing is left.

All of it, the long ones too: `./tsunagu test unit services/faxstore/tests/test_api_broken.py`.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, cast

import pytest

from chassis.auth import Principal
from chassis.handling import Handler
from chassis.memory_store import MemoryStore
from chassis.mongo_store import MongoStore
from chassis.testing import OPERATOR
from chassis.views import Views
from services.faxstore.adapters import Contents, MongoContents, Spool
from services.faxstore.api import LARGEST_BODY
from services.faxstore.bootstrap import CODEC, build
from services.faxstore.flows import Shelf
from services.faxstore.formats import Limits, ProcessDarkroom
from services.faxstore.model import fax, setting
from services.faxstore.settings import Settings
from services.faxstore.tasks import Developer, Housekeeper
from services.faxstore.tests.documents.broken import BROKEN, HEAVY, three_pages
from services.faxstore.tests.documents.mutants import GOOD, mutants
from services.faxstore.tests.documents.processes import children, memory, open_files
from services.faxstore.tests.examples import NOTE, NUMBER
from services.faxstore.tests.stand_ins import MemoryContents, MemoryFaxes
from services.faxstore.views import FAXES

LIST = f"/numbers/{NUMBER}/faxes"
MUTANTS = 2_000


@dataclass
class Office:
    """faxstore as its receiver, its customer and its worker have it."""

    client: Any
    receiver: dict[str, str]
    customer: dict[str, str]
    contents: Contents
    spool: Path
    room: ProcessDarkroom
    developer: Developer
    keeper: Housekeeper

    def send(self, id: str, document: bytes) -> Any:
        form = {"id": id, "called": NUMBER, "received_at": "2026-11-23T09:00:00+09:00"}
        data = form | {"document": (BytesIO(document), "../fax.tif")}
        return self.client.post("/faxes", data=data, headers=self.receiver, content_type="multipart/form-data")

    def get(self, path: str) -> Any:
        return self.client.get(f"{LIST}{path}", headers=self.customer)

    def listed(self) -> list[str]:
        return [item["id"] for item in self.get("").json["items"]]

    def delete(self, id: str) -> int:
        status: int = self.client.delete(f"{LIST}/{id}", headers=self.customer).status_code
        return status


def office(store: Any, views: Any, contents: Contents, folder: Path, keys: Any, limits: Limits) -> Office:
    room = ProcessDarkroom(limits)
    settings = Settings("mongodb://127.0.0.1:1/", ("127.0.0.1:1",), keys.public, folder, most_faxes=10_000)
    app = build(settings, store=store, views=views, contents=contents, darkroom=room).app()
    numbers: Handler[Any] = Handler(store, setting.DECIDER, setting.CATEGORY)
    faxes: Handler[Any] = Handler(store, fax.DECIDER, fax.CATEGORY)
    numbers.handle(NUMBER, NOTE, OPERATOR)
    spool = Spool(folder)
    return Office(
        app.test_client(),
        keys.caller(Principal("machine", "fax-gateway", frozenset({"faxes"}))),
        keys.caller(Principal("operator", "desk", frozenset({"operator"}))),
        contents,
        folder,
        room,
        Developer(Shelf(numbers, faxes, views, contents), spool, room),
        Housekeeper(numbers, faxes, views, contents, spool, timedelta(days=60), timedelta(minutes=10)),
    )


@pytest.fixture(scope="module")
def small_office(keys: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Without a database; its processes have less memory than the bombs want."""
    views, folder = cast(Views, MemoryFaxes()), tmp_path_factory.mktemp("spool")
    made = office(MemoryStore(CODEC), views, MemoryContents(), folder, keys, Limits(memory=600_000_000))
    yield made
    made.room.close()


def refusal(answer: Any) -> str:
    """The code, of a problem that says it in words too."""
    code = str(answer.json["code"])
    assert answer.mimetype == "application/problem+json"
    assert answer.status_code == (413 if code == "body-too-large" else 422)
    assert answer.json["detail"]
    return code


def refused_as(name: str, document: bytes) -> str:
    """What is larger than any fax is not looked at."""
    return "body-too-large" if len(document) > LARGEST_BODY else BROKEN[name][1]


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow][: name in HEAVY]) for name in BROKEN])
def test_a_broken_document_is_refused_in_words(name: str, small_office: Office) -> None:
    document = BROKEN[name][0]()

    answer = small_office.send("broken", document)

    assert refusal(answer) == refused_as(name, document)
    assert is_empty(small_office.contents)
    assert not os.listdir(small_office.spool)
    assert small_office.listed() == []
    assert small_office.get("/broken").status_code == 404


def is_empty(contents: Contents) -> bool:
    kept = cast(MemoryContents, contents)
    return not (kept.documents or kept.copies or kept.uploads)


def test_the_corpus_is_large_enough() -> None:
    assert len(BROKEN) >= 60


@pytest.mark.integration
def test_the_database_has_nothing_of_a_broken_document(database: Any, keys: Any, tmp_path: Path) -> None:
    store, views, contents = MongoStore(database, CODEC), Views(database, [FAXES]), MongoContents(database)
    for one in (store, views, contents):
        one.prepare()
    service = office(store, views, contents, tmp_path, keys, Limits())
    commits = database["commits"].count_documents({})

    codes = {name: refusal(service.send("broken", BROKEN[name][0]())) for name in BROKEN if name not in HEAVY}

    assert codes == {name: BROKEN[name][1] for name in codes}
    kept = ("documents.files", "documents.chunks", "copies.files", "copies.chunks", "uploads", "faxes")
    assert {name: database[name].count_documents({}) for name in kept} == dict.fromkeys(kept, 0)
    assert database["commits"].count_documents({}) == commits
    assert not os.listdir(tmp_path)
    assert service.send("good", three_pages()).status_code == 201
    assert service.listed() == ["good"]
    service.room.close()


@pytest.mark.slow
def test_whatever_is_changed_a_document_is_taken_or_refused(keys: Any, tmp_path: Path) -> None:
    """What is taken is then shown as well, or found to be damaged; in the end it is deleted."""
    store, rows, contents = MemoryStore(CODEC), MemoryFaxes(), MemoryContents()
    before, files = children(), open_files()
    limits = Limits(preview_width=60, preview_height=400, documents_per_child=1_000)
    service = office(store, cast(Views, rows), contents, tmp_path, keys, limits)
    for number, whole in enumerate(GOOD):
        assert outcome(service, f"good-{number}", whole) == "shown"
    used = memory()

    seen = Counter(outcome(service, f"m-{n}", one) for n, one in enumerate(islice(mutants(), MUTANTS)))

    taken = seen.pop("shown") + seen.pop("not shown", 0)
    assert taken > 100
    assert all(code.startswith("document-") for code in seen)
    assert len(seen) >= 5
    assert memory() - used < 40_000_000
    assert len(children()) <= len(before) + 1
    assert len(contents.documents) == taken + len(GOOD)
    for id in list(all_listed(service)):
        assert service.delete(id) == 204
    while service.keeper.remove():
        rows.project(list(store.scan()))
    assert is_empty(contents)
    assert not os.listdir(tmp_path)
    service.room.close()
    assert children() == before
    assert open_files() <= files


def outcome(service: Office, id: str, document: bytes) -> str:
    """`shown` or `not shown` of one that was taken, else why it was refused."""
    answer = service.send(id, document)
    if answer.status_code != 201:
        return refusal(answer)
    assert service.get(f"/{id}/document").data == document
    service.developer.develop(id)
    shown = service.get(f"/{id}/pages/1.png")
    if shown.status_code == 404:
        assert shown.json["code"] == "cannot-be-shown"
        return "not shown"
    assert shown.data.startswith(b"\x89PNG")
    assert service.get(f"/{id}/pdf").data.startswith(b"%PDF-")
    return "shown"


def all_listed(service: Office) -> Iterator[str]:
    """The ids of all that are listed."""
    page = service.get("?limit=200").json
    yield from (item["id"] for item in page["items"])
    while page["next"]:
        page = service.get(f"?limit=200&before={page['next']}").json
        yield from (item["id"] for item in page["items"])
