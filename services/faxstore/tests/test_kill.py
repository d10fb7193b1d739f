"""A web process that is killed between keeping the content and appending the event, on the real database."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from chassis.errors import NotFound
from chassis.handling import Handler
from chassis.messages import now
from chassis.mongo import connect
from chassis.mongo_store import MongoStore
from chassis.testing import OPERATOR
from chassis.views import Views
from services.faxstore.adapters import Arriving, MongoContents, Spool
from services.faxstore.bootstrap import CODEC
from services.faxstore.flows import Quota, Receipts, Sent, Shelf, Turns
from services.faxstore.model import fax, setting
from services.faxstore.model.fax import there
from services.faxstore.tasks import Housekeeper
from services.faxstore.tests.examples import AT, NOTE, NUMBER
from services.faxstore.tests.stand_ins import TIFF, Glance
from services.faxstore.views import FAXES


class Killing(MongoContents):
    """Contents of a process that does not live to see what it has kept."""

    def __init__(self, db: Database[Any], deadly: str) -> None:
        super().__init__(db)
        self._deadly = deadly

    def begin(self, content_id: str, fax_id: str, at: Any) -> None:
        super().begin(content_id, fax_id, at)
        self._after("begin")

    def keep(self, content_id: str, source: Path, number: str) -> None:
        super().keep(content_id, source, number)
        self._after("keep")

    def settle(self, content_id: str) -> None:
        self._after("settle")

    def _after(self, call: str) -> None:
        if call == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)


def take(db: Database[Any], contents: MongoContents, spool: Spool) -> None:
    store = MongoStore(db, CODEC)
    settings: Handler[Any] = Handler(store, setting.DECIDER, setting.CATEGORY)
    faxes: Handler[Any] = Handler(store, fax.DECIDER, fax.CATEGORY)
    shelf = Shelf(settings, faxes, Views(db, [FAXES]), contents)
    with spool.arriving(1000) as document:
        _fill(document)
        receipts = Receipts(shelf, Glance(), Quota(10, 10_000), Turns(1))
        receipts.receive(Sent("f-1", NUMBER, None, AT), document, OPERATOR)


def _fill(document: Arriving) -> None:
    document.write(TIFF)
    document.seek(0)


def main(url: str, name: str, folder: str, deadly: str) -> None:
    db = connect(url, name)
    take(db, Killing(db, deadly), Spool(Path(folder)))


@pytest.mark.integration
@pytest.mark.parametrize(("deadly", "is_taken"), [("begin", False), ("keep", False), ("settle", True)])
def test_a_kill_leaves_no_orphan_after_the_sweep_and_loses_no_fax(
    engines: Any, database: Database[Any], tmp_path: Path, deadly: str, is_taken: bool
) -> None:
    contents, store, spool = MongoContents(database), MongoStore(database, CODEC), Spool(tmp_path)
    store.prepare()
    contents.prepare()
    numbers: Handler[Any] = Handler(store, setting.DECIDER, setting.CATEGORY)
    numbers.handle(NUMBER, NOTE, OPERATOR)
    faxes: Handler[Any] = Handler(store, fax.DECIDER, fax.CATEGORY)
    command = [sys.executable, "-m", __name__, engines.mongo_url, database.name, str(tmp_path), deadly]
    died = subprocess.run(command, check=False, capture_output=True)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()

    keeper = Housekeeper(
        numbers,
        faxes,
        Views(database, [FAXES]),
        contents,
        spool,
        timedelta(days=60),
        timedelta(),
        lambda: now() + timedelta(1),
    )
    assert keeper.sweep() == 1
    spool.sweep(timedelta())

    kept = 1 if is_taken else 0
    assert [database[name].count_documents({}) for name in ("documents.files", "documents.chunks", "uploads")] == [
        kept,
        kept,
        0,
    ]
    assert not list(tmp_path.iterdir())
    if is_taken:
        stored = contents.document(faxes.read("f-1").state.content_id)
        assert stored
        assert b"".join(stored.pieces) == TIFF
    else:
        with pytest.raises(NotFound):
            there(faxes.read("f-1").state)
        take(database, contents, spool)
        assert there(faxes.read("f-1").state)
        assert database["documents.files"].count_documents({}) == 1


if __name__ == "__main__":
    main(*sys.argv[1:])
