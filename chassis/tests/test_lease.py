from typing import Any

import pytest
from pymongo.database import Database

from chassis.lease import Lease, LeaseLost, MongoPositions

pytestmark = pytest.mark.integration
Documents = Database[dict[str, Any]]


def test_one_holder_at_a_time(database: Documents) -> None:
    ann, bob = Lease(database, "worker", "ann"), Lease(database, "worker", "bob")

    assert (ann.take(), bob.take()) == (1, None)
    assert (ann.take(), bob.take()) == (1, None)


def test_leases_of_different_names_do_not_touch(database: Documents) -> None:
    assert (Lease(database, "one", "ann").take(), Lease(database, "two", "bob").take()) == (1, 1)


def test_the_fence_grows_with_each_change_of_holder(database: Documents) -> None:
    ann, bob = Lease(database, "worker", "ann"), Lease(database, "worker", "bob")

    fences = []
    for holder in (ann, bob, ann):
        fences.append(holder.take())
        holder.release()

    assert fences == [1, 2, 3]


def test_a_lapsed_lease_is_free(database: Documents) -> None:
    Lease(database, "worker", "ann", seconds=0).take()

    assert Lease(database, "worker", "bob").take() == 2


def test_a_release_by_who_does_not_hold_it_is_harmless(database: Documents) -> None:
    ann, bob = Lease(database, "worker", "ann"), Lease(database, "worker", "bob")
    ann.take()

    bob.release()

    assert bob.take() is None


def test_of_many_at_once_one_takes_it(database: Documents) -> None:
    from concurrent.futures import ThreadPoolExecutor

    leases = [Lease(database, "worker", str(number)) for number in range(16)]

    with ThreadPoolExecutor(16) as pool:
        fences = list(pool.map(Lease.take, leases))

    assert [fence for fence in fences if fence is not None] == [1]


def test_a_position_is_what_was_saved_last(database: Documents) -> None:
    positions = MongoPositions(database)
    assert positions.load("relay") is None

    positions.save("relay", 1, {"token": "a"})
    positions.save("relay", 1, {"token": "b"})

    assert positions.load("relay") == {"token": "b"}
    assert positions.load("projector") is None


def test_who_was_overtaken_cannot_move_the_position_back(database: Documents) -> None:
    positions = MongoPositions(database)
    positions.save("relay", 1, "old")
    positions.save("relay", 2, "new")

    with pytest.raises(LeaseLost):
        positions.save("relay", 1, "zombie")
    assert positions.load("relay") == "new"
