from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from chassis.auth import Principal
from chassis.errors import Unavailable
from chassis.handling import Handler
from chassis.memory_store import MemoryStore
from chassis.messages import Origin, sequence_of
from chassis.testing import NOON, OPERATOR, FixedClock, recorded
from chassis.views import Views
from services.faxstore.adapters import Spool
from services.faxstore.bootstrap import CODEC
from services.faxstore.flows import BUSY_SECONDS, Quota, Receipts, Sent, Shelf, Turns
from services.faxstore.model import fax, setting
from services.faxstore.model.fax import AbandonContent, DeleteFax, ExpireFax, Fax, MarkFax, ReceiveFax
from services.faxstore.model.setting import FaxDeletionNoted, FaxMail
from services.faxstore.tasks import BREATH_SECONDS, HOUSEKEEPER, LOOK_AT, LOOK_SECONDS, TRIES, Developer, Housekeeper
from services.faxstore.tests.examples import AT, NOTE, NUMBER, RECEIVED
from services.faxstore.tests.stand_ins import TIFF, Glance, MemoryContents, MemoryFaxes

DAYS, GRACE = timedelta(days=60), timedelta(minutes=10)
OPERATOR_S = Principal("operator", "desk", frozenset({"operator"}))


class Followed(MemoryFaxes):
    """Rows that a projector keeps up to date whenever somebody looks."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__()
        self._store = store

    def find(self, *args: object, **more: object) -> list[object]:  # type: ignore[override]
        self.project(list(self._store.scan()))
        return super().find(*args, **more)  # type: ignore[arg-type,return-value]


class World:
    """faxstore without an engine, with a clock of its own."""

    def __init__(self, folder: Path) -> None:
        self.store, self.contents, self.darkroom, self.clock = (
            MemoryStore(CODEC),
            MemoryContents(),
            Glance(),
            FixedClock(),
        )
        self.rows, self.spool = Followed(self.store), Spool(folder)
        self.faxes: Handler[Fax] = Handler(self.store, fax.DECIDER, fax.CATEGORY)
        self.numbers: Handler[FaxMail] = Handler(self.store, setting.DECIDER, setting.CATEGORY)
        self.numbers.handle(NUMBER, NOTE, OPERATOR)
        views = cast(Views, self.rows)
        shelf = Shelf(self.numbers, self.faxes, views, self.contents)
        self.receipts = Receipts(shelf, self.darkroom, Quota(10, 1000), Turns(1))
        self.waits: list[float] = []
        self.developer = Developer(shelf, self.spool, self.darkroom, self.waits.append)
        self.keeper = Housekeeper(
            self.numbers, self.faxes, views, self.contents, self.spool, DAYS, GRACE, self.clock, self.waits.append
        )

    def take(self, id: str = "f-1") -> Fax:
        with self.spool.arriving(1000) as document:
            document.write(TIFF)
            document.seek(0)
            self.receipts.receive(Sent(id, NUMBER, None, AT), document, OPERATOR)
        return self.faxes.read(id).state

    def fax(self, id: str = "f-1") -> Fax:
        return self.faxes.read(id).state

    def long_after_uploads(self) -> None:
        self.clock.at = max(at for _, at in self.contents.uploads.values()) + GRACE + timedelta(milliseconds=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


# Uploads that came to nothing.


def test_an_upload_that_was_never_appended_is_removed(world: World) -> None:
    world.contents.failing = {"keep"}
    with pytest.raises(Unavailable):
        world.take()
    world.contents.failing = set()
    world.long_after_uploads()

    assert world.keeper.sweep() == 1

    assert not world.contents.documents
    assert not world.contents.uploads
    assert world.take().received is not None


def test_an_upload_on_its_way_is_spared(world: World) -> None:
    world.contents.failing = {"keep"}
    with pytest.raises(Unavailable):
        world.take()
    world.long_after_uploads()
    world.clock.advance(seconds=-1)

    assert world.keeper.sweep() == 0

    assert len(world.contents.documents) == 1


def test_a_fax_whose_note_was_left_behind_is_kept(world: World) -> None:
    """As after a crash between the event and the end of the request."""
    world.contents.failing = {"settle"}
    taken = world.take()
    world.contents.failing = set()
    world.long_after_uploads()

    world.keeper.sweep()

    assert list(world.contents.documents) == [taken.content_id]
    assert not world.contents.uploads


def test_a_sweep_that_was_killed_is_taken_up_again(world: World) -> None:
    world.contents.failing = {"keep"}
    with pytest.raises(Unavailable):
        world.take()
    world.long_after_uploads()
    world.contents.failing = {"remove"}
    with pytest.raises(Unavailable):
        world.keeper.sweep()
    world.contents.failing = set()

    world.keeper.sweep()

    assert not world.contents.uploads
    assert len(world.fax().abandoned) == 1


def test_a_request_that_slept_through_the_sweep_stores_nothing(world: World) -> None:
    """Whoever comes first in the fax's stream wins: here the sweep, between the content and the event."""

    class Slow(MemoryContents):
        def keep(self, content_id: str, source: Path, number: str) -> None:
            super().keep(content_id, source, number)
            world.faxes.handle("f-1", AbandonContent(content_id), OPERATOR)

    slow = Slow()
    object.__setattr__(world.receipts.shelf, "contents", slow)

    with pytest.raises(Unavailable):
        world.take()

    assert world.fax().received is None
    assert len(slow.uploads) == 1


def test_an_upload_on_which_the_sweep_breaks_keeps_nobody_waiting(world: World) -> None:
    class Breaking(MemoryContents):
        def settle(self, content_id: str) -> None:
            if self.uploads[content_id][0] == "f-1":
                raise RuntimeError("broken")
            super().settle(content_id)

    world.keeper.contents = world.contents = contents = Breaking()
    for fax_id in ("f-1", "f-2"):
        contents.begin(f"of-{fax_id}", fax_id, NOON)
    world.long_after_uploads()

    assert world.keeper.sweep() == 1

    assert list(contents.uploads) == ["of-f-1"]


# Old faxes and deleted ones.


def test_a_fax_expires_after_its_time_and_its_content_goes(world: World) -> None:
    taken = world.take()
    assert taken.stored_at
    world.clock.at = taken.stored_at + DAYS - timedelta(milliseconds=1)
    assert world.keeper.expire() == 0

    world.clock.advance(milliseconds=1)
    assert world.keeper.expire() == 1
    assert world.keeper.remove() == 1

    assert world.fax().deleted
    assert not world.contents.documents
    assert (world.keeper.expire(), world.keeper.remove()) == (0, 0)


def test_nothing_is_left_of_a_deleted_fax(world: World) -> None:
    world.take()
    world.developer.develop("f-1")
    assert len(world.contents.copies) == 4
    world.faxes.handle("f-1", DeleteFax(), OPERATOR)

    world.keeper.remove()

    assert not world.contents.documents
    assert not world.contents.copies
    assert world.fax().content_id == ""


def test_a_removal_that_was_killed_is_taken_up_again(world: World) -> None:
    world.take()
    world.faxes.handle("f-1", DeleteFax(), OPERATOR)
    world.contents.failing = {"remove"}
    with pytest.raises(Unavailable):
        world.keeper.remove()
    world.contents.failing = set()

    assert world.keeper.remove() == 1

    assert world.fax().content_id == ""


def test_the_number_s_history_tells_once_who_deleted_a_fax(world: World) -> None:
    for id in ("f-1", "f-2"):
        world.take(id)
    world.faxes.handle("f-1", DeleteFax(), OPERATOR)
    world.faxes.handle("f-2", ExpireFax(NOON + DAYS * 10_000), Origin(HOUSEKEEPER, ""))
    world.contents.failing = {"remove"}
    with pytest.raises(Unavailable):
        world.keeper.remove()
    world.contents.failing = set()

    world.keeper.remove()

    told = [one for one in world.numbers.history(NUMBER, 0, 50) if isinstance(one.event, FaxDeletionNoted)]
    assert {(one.event.fax_id, one.event.cause, one.actor) for one in told} == {
        ("f-1", "manual", OPERATOR.actor),
        ("f-2", "expired", HOUSEKEEPER),
    }
    assert len(told) == 2


def test_a_fax_that_was_marked_very_often_is_removed_all_the_same(world: World) -> None:
    world.take()
    for turn in range(LOOK_AT + 1):
        world.faxes.handle("f-1", MarkFax(turn % 2 == 0), OPERATOR)
    world.faxes.handle("f-1", DeleteFax(), OPERATOR)

    assert world.keeper.remove() == 1

    assert world.fax().content_id == ""


def test_a_fax_on_which_the_keeper_breaks_keeps_nobody_waiting(world: World) -> None:
    class Breaking(MemoryContents):
        def remove(self, content_id: str) -> None:
            if content_id == broken.content_id:
                raise RuntimeError("broken")
            super().remove(content_id)

    broken, _ = world.take("f-1"), world.take("f-2")
    for id in ("f-1", "f-2"):
        world.faxes.handle(id, DeleteFax(), OPERATOR)
    contents, world.keeper.contents = world.contents, Breaking()

    assert (world.keeper.remove(), world.keeper.remove()) == (1, 0)
    assert (world.fax("f-1").content_id, world.fax("f-2").content_id) == (broken.content_id, "")

    world.keeper.contents = contents
    world.keeper.tidy()
    assert world.keeper.remove() == 1
    assert world.fax("f-1").content_id == ""


# Pictures.


def test_copies_are_made_once(world: World) -> None:
    world.take()
    world.developer.develop("f-1")
    made = dict(world.contents.copies)

    world.developer.develop("f-1")

    assert world.contents.copies == made
    assert not world.contents.uploads
    assert not list(world.spool.folder.iterdir())


def test_what_takes_long_is_noted_anew(world: World) -> None:
    world.take()
    world.developer.renew_seconds = -1

    world.developer.develop("f-1")

    assert world.contents.begun[world.fax().copies_id] == 1 + 3


def test_a_fax_on_which_we_break_again_and_again_cannot_be_shown(world: World) -> None:
    world.take()
    world.darkroom.broken = TRIES
    for _ in range(TRIES - 1):
        with pytest.raises(RuntimeError):
            world.developer.develop("f-1")

    world.developer.develop("f-1")

    assert world.fax().failure == "document-not-shown"


def test_a_busy_machine_is_not_the_document_s_fault(world: World) -> None:
    class Busy(Glance):
        def preview(self, path: Path, page: int, made: Path) -> None:
            raise Unavailable("darkroom-busy")

    world.take()
    world.developer.darkroom = Busy()
    for _ in range(TRIES):
        with pytest.raises(Unavailable):
            world.developer.develop("f-1")
    world.developer.darkroom = world.darkroom

    world.developer.develop("f-1")

    assert world.fax().copies_id


def test_a_fax_that_takes_too_long_comes_after_all_others(world: World) -> None:
    class Slow(Glance):
        def preview(self, path: Path, page: int, made: Path) -> None:
            self.looks += 1
            if self.looks == 1:
                raise Unavailable("darkroom-busy")
            super().preview(path, page, made)

    stored_one_after_the_other(world, "f-3", "f-2", "f-1")
    world.developer.darkroom = Slow()
    shown: list[list[str]] = []

    def going() -> bool:
        shown.append([id for id in ("f-1", "f-2", "f-3") if world.fax(id).copies_id])
        return len(shown[-1]) < 3

    world.developer.run(1, going)

    assert ["f-2", "f-3"] in shown
    assert world.waits[0] == BREATH_SECONDS


def developed(world: World, ids: tuple[str, ...], meanwhile: Callable[[int], None] = lambda turn: None) -> list[str]:
    """In the order in which they are. `meanwhile` is told how many there are, before each."""
    order: list[str] = []

    def going() -> bool:
        order.extend(id for id in ids if id not in order and world.fax(id).copies_id)
        meanwhile(len(order))
        return len(order) < len(ids) and not world.waits

    world.developer.run(1, going)
    return order


def stored_one_after_the_other(world: World, *ids: str) -> None:
    for second, id in enumerate(ids):
        received = replace(RECEIVED, fax_id=id)
        world.contents.documents[id] = (NUMBER, TIFF)
        world.faxes.begin(id, ReceiveFax(received, id, NOON + timedelta(seconds=second)), OPERATOR)


def test_the_newest_is_shown_first_also_when_it_comes_meanwhile(world: World) -> None:
    stored_one_after_the_other(world, "f-1", "f-2", "f-3")

    def newer(turn: int) -> None:
        if turn == 1 and "f-9" not in world.contents.documents:
            world.take("f-9")

    assert developed(world, ("f-1", "f-2", "f-3", "f-9"), newer) == ["f-3", "f-9", "f-2", "f-1"]


def test_what_somebody_looks_at_is_shown_before_all_others(world: World) -> None:
    stored_one_after_the_other(world, "f-1", "f-2", "f-3")

    def looked_at(turn: int) -> None:
        if turn == 1:
            world.developer.shelf.look(NUMBER, "f-1", OPERATOR_S, OPERATOR)

    assert developed(world, ("f-1", "f-2", "f-3"), looked_at) == ["f-3", "f-1", "f-2"]


def test_a_row_that_is_behind_holds_up_no_other(world: World) -> None:
    stored_one_after_the_other(world, "f-1", "f-2")
    world.rows.project(list(world.store.scan()))
    world.developer.develop("f-2")
    world.rows.rows["f-2"] = {
        **world.rows.rows["f-1"],
        "stored_at": NOON + DAYS,
        "_seen": {"fax-f-2": sequence_of(9, 0)},
    }

    assert developed(world, ("f-2", "f-1")) == ["f-2", "f-1"]


def test_the_developer_ends_when_the_store_is_away(world: World) -> None:
    world.take()
    world.contents.failing = {"begin"}

    with pytest.raises(Unavailable):
        world.developer.run(1, lambda: True)


def test_copies_that_were_begun_and_never_named_are_removed(world: World) -> None:
    world.take()
    world.darkroom.broken = 1
    with pytest.raises(RuntimeError):
        world.developer.develop("f-1")
    assert len(world.contents.copies) == 1
    world.developer.develop("f-1")
    world.long_after_uploads()

    world.keeper.sweep()

    assert {name.partition("/")[0] for name in world.contents.copies} == {world.fax().copies_id}
    assert len(world.contents.copies) == 4


def test_a_fax_that_is_deleted_while_it_is_developed_leaves_nothing(world: World) -> None:
    class Deleting(Glance):
        def preview(self, path: Path, page: int, made: Path) -> None:
            super().preview(path, page, made)
            if page == 2:
                world.faxes.handle("f-1", DeleteFax(), OPERATOR)
                world.keeper.remove()

    world.take()
    world.developer.darkroom = Deleting()

    world.developer.develop("f-1")

    assert not world.contents.copies
    assert not world.contents.documents


def test_tasks_do_what_is_due_until_they_are_told_to_stop(world: World) -> None:
    for id in ("f-1", "f-2"):
        world.take(id)
    turns = iter([True, True, True, False])

    world.developer.run(1, lambda: next(turns))

    assert all(world.fax(id).copies_id for id in ("f-1", "f-2"))


def test_the_keeper_tidies_and_waits(world: World) -> None:
    world.take()
    world.clock.at = NOON + timedelta(days=100_000)
    turns = iter([True, True, True, False])

    world.keeper.run(1, lambda: next(turns))

    assert world.fax().content_id == ""
    assert world.waits


def test_left_over_files_are_swept(world: World) -> None:
    old, new = world.spool.folder / "arriving-old", world.spool.folder / "arriving-new"
    for path in (old, new):
        path.write_bytes(TIFF)
    folder = world.spool.folder / "making-old"
    folder.mkdir()
    import os

    for path in (old, folder):
        os.utime(path, (1, 1))

    world.spool.sweep(GRACE)

    assert list(world.spool.folder.iterdir()) == [new]


def test_a_row_that_is_behind_does_no_harm(world: World) -> None:
    world.take()
    world.faxes.handle("f-1", DeleteFax(), OPERATOR)
    world.rows.project(list(world.store.scan()))
    stale = dict(world.rows.rows["f-1"])
    world.keeper.remove()
    world.rows.rows["f-1"] = {**stale, "_seen": {f"fax-{'f-1'}": sequence_of(9, 0)}}

    assert world.keeper.remove() == 1
    assert world.waits == [LOOK_SECONDS]


def test_no_event_is_lost_on_the_way_to_the_rows(world: World) -> None:
    world.rows.project([recorded(object(), "fax-f-9")])

    assert not world.rows.rows


# Turns.


def test_whose_turn_does_not_come_is_sent_away(world: World) -> None:
    world.receipts = replace(world.receipts, turns=Turns(1, seconds=0.0))

    with world.receipts.turns.slot(), pytest.raises(Unavailable) as refused:
        world.take()

    assert (refused.value.code, refused.value.retry_after) == ("busy", BUSY_SECONDS)
    assert world.take().received


def test_only_so_many_may_arrive_at_a_time() -> None:
    turns = Turns(1, waiting=1)

    with turns.place(), turns.place(), pytest.raises(Unavailable, match="busy"), turns.place():
        pass

    with turns.place():
        pass
