"""Wrong and hostile documents as a receiver sends them: over HTTP into the whole service, with real processes that read
them. Each is taken or refused in words, and of what is refused nothing is left.

All of it, the long ones too: `./tsunagu test unit services/faxstore/tests/test_api_broken.py`.
"""

import os
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, cast

import pytest

from chassis.memory_store import MemoryStore
from chassis.mongo_store import MongoStore
from chassis.views import Views
from services.faxstore.adapters import Contents, MongoContents
from services.faxstore.api import LARGEST_BODY
from services.faxstore.bootstrap import CODEC
from services.faxstore.formats import Limits
from services.faxstore.tests.documents.broken import BROKEN, HEAVY, three_pages
from services.faxstore.tests.documents.mutants import GOOD, mutants
from services.faxstore.tests.documents.processes import children, memory, open_files
from services.faxstore.tests.office import Office, open_office
from services.faxstore.tests.stand_ins import MemoryContents, MemoryFaxes
from services.faxstore.views import FAXES

MUTANTS = 2_000


@pytest.fixture(scope="module")
def small_office(keys: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Without a database; its processes have less memory than the bombs want."""
    views, folder = cast(Views, MemoryFaxes()), tmp_path_factory.mktemp("spool")
    made = open_office(MemoryStore(CODEC), views, MemoryContents(), folder, keys, Limits(memory=600_000_000))
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
    service = open_office(store, views, contents, tmp_path, keys, Limits())
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
    service = open_office(store, cast(Views, rows), contents, tmp_path, keys, limits)
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
