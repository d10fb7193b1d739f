import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import gridfs
import pytest
from pymongo.database import Database

from chassis.errors import Damaged
from chassis.testing import NOON
from services.faxstore.adapters import BATCH, PIECE, Contents, MongoContents, Spool, Stored, Upload, Used
from services.faxstore.tests.examples import CONTENT, NUMBER
from services.faxstore.tests.stand_ins import MemoryContents

REAL = pytest.param("real", marks=pytest.mark.integration)


@pytest.fixture(params=["memory", REAL])
def contents(request: pytest.FixtureRequest) -> Contents:
    if request.param == "memory":
        return MemoryContents()
    return _mongo(request.getfixturevalue("database"))


@pytest.fixture
def mongo(database: Database[dict[str, Any]]) -> MongoContents:
    return _mongo(database)


def _mongo(database: Database[dict[str, Any]]) -> MongoContents:
    contents = MongoContents(database)
    contents.prepare()
    contents.prepare()
    return contents


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "document"
    path.write_bytes(b"II*\0 a document")
    return path


def read(stored: Stored | None) -> bytes:
    assert stored is not None
    data = b"".join(stored.pieces)
    assert len(data) == stored.size
    return data


def test_a_document_comes_out_as_it_went_in(contents: Contents, file: Path) -> None:
    contents.keep(CONTENT, file, NUMBER)
    contents.keep_copy(f"{CONTENT}.1/pdf", file)

    assert read(contents.document(CONTENT)) == file.read_bytes()
    assert read(contents.copy(f"{CONTENT}.1/pdf")) == file.read_bytes()


def test_what_is_not_there_is_none(contents: Contents) -> None:
    assert contents.document(CONTENT) is None
    assert contents.copy(CONTENT) is None
    contents.remove(CONTENT)
    contents.settle(CONTENT)


def test_removal_takes_the_document_and_its_own_copies(contents: Contents, file: Path) -> None:
    contents.keep("aa", file, NUMBER)
    contents.keep("ab", file, NUMBER)
    for name in ("aa.1/pdf", "aa.1/1.png", "aa.2/pdf", "ab.1/pdf"):
        contents.keep_copy(name, file)

    contents.remove("aa.1")
    assert contents.copy("aa.1/pdf") is None
    assert contents.copy("aa.2/pdf") is not None
    contents.remove("aa")

    assert contents.document("aa") is None
    assert contents.copy("aa.2/pdf") is None
    assert contents.document("ab") is not None
    assert contents.copy("ab.1/pdf") is not None


def test_a_number_s_documents_are_counted(contents: Contents, file: Path) -> None:
    assert contents.used(NUMBER) == Used(0, 0)
    contents.keep("aa", file, NUMBER)
    contents.keep("ab", file, NUMBER)
    contents.keep("ac", file, "0600001111")
    contents.keep_copy("aa.1/pdf", file)

    assert contents.used(NUMBER) == Used(2, 2 * file.stat().st_size)
    contents.remove("aa")
    assert contents.used(NUMBER) == Used(1, file.stat().st_size)


def test_uploads_are_known_until_they_are_settled(contents: Contents) -> None:
    contents.begin("aa", "f-1", NOON)
    contents.begin("ab", "f-2", NOON + timedelta(seconds=1))

    assert contents.unsettled(NOON, 9) == []
    assert contents.unsettled(NOON + timedelta(milliseconds=1), 9) == [Upload("aa", "f-1")]
    assert len(contents.unsettled(NOON + timedelta(hours=1), 1)) == 1
    contents.settle("aa")
    assert contents.unsettled(NOON + timedelta(hours=1), 9) == [Upload("ab", "f-2")]


def test_an_upload_that_is_noted_anew_is_younger(contents: Contents) -> None:
    contents.begin("aa", "f-1", NOON)
    contents.begin("aa", "f-1", NOON + timedelta(hours=1))

    assert contents.unsettled(NOON + timedelta(hours=1), 9) == []
    assert contents.unsettled(NOON + timedelta(hours=2), 9) == [Upload("aa", "f-1")]


@pytest.mark.integration
@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, BATCH * PIECE, 3 * BATCH * PIECE + 7])
def test_documents_of_any_size_are_kept_as_gridfs_has_them(
    mongo: MongoContents, database: Database[dict[str, Any]], tmp_path: Path, size: int
) -> None:
    path = tmp_path / "document"
    data = (hashlib.sha256(b"x").digest() * (size // 32 + 1))[:size]
    path.write_bytes(data)

    mongo.keep(CONTENT, path, NUMBER)

    assert read(mongo.document(CONTENT)) == data
    assert gridfs.GridFSBucket(database, "documents").open_download_stream(CONTENT).read() == data


@pytest.mark.integration
def test_a_document_that_lacks_a_piece_is_not_handed_out_as_a_whole(
    mongo: MongoContents, database: Database[dict[str, Any]], tmp_path: Path
) -> None:
    path = tmp_path / "document"
    path.write_bytes(bytes(3 * PIECE))
    mongo.keep(CONTENT, path, NUMBER)
    database["documents.chunks"].delete_one({"files_id": CONTENT, "n": 1})

    with pytest.raises(Damaged):
        read(mongo.document(CONTENT))


@pytest.mark.integration
def test_an_upload_that_was_cut_off_is_no_document_and_leaves_nothing(
    mongo: MongoContents, database: Database[dict[str, Any]], tmp_path: Path
) -> None:
    """As a kill in the middle leaves it: pieces, and nothing that says how many there are."""
    path = tmp_path / "document"
    path.write_bytes(bytes(3 * PIECE))
    mongo.keep(CONTENT, path, NUMBER)
    mongo.keep_copy(f"{CONTENT}.1/pdf", path)
    for bucket in ("documents", "copies"):
        database[f"{bucket}.files"].delete_many({})

    assert mongo.document(CONTENT) is None
    mongo.remove(CONTENT)

    assert [database[f"{bucket}.chunks"].count_documents({}) for bucket in ("documents", "copies")] == [0, 0]


def test_what_arrives_is_counted_and_hashed(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool").arriving(10) as document:
        for piece in (b"12345", b"67890"):
            document.write(piece)
        document.seek(0)

        assert document.path.read_bytes() == b"1234567890"
        assert (document.size, document.too_large) == (10, False)
        assert document.checksum == hashlib.sha256(b"1234567890").hexdigest()
    assert not list((tmp_path / "spool").iterdir())


def test_of_what_is_too_large_no_more_is_kept(tmp_path: Path) -> None:
    with Spool(tmp_path).arriving(10) as document:
        for piece in (b"1234567890", b"1", b"2"):
            document.write(piece)
        document.seek(0)

        assert document.path.read_bytes() == b"1234567890"
        assert (document.size, document.too_large) == (12, True)


def test_a_workplace_is_one_s_own_and_gone_at_the_end(tmp_path: Path) -> None:
    spool = Spool(tmp_path)

    with spool.workplace() as one, spool.workplace() as other:
        assert one != other
        (one / "document").write_bytes(b"x")

    assert not list(tmp_path.iterdir())
