import gc
from collections.abc import Iterator
from weakref import ref

import pytest

from chassis.garbage import collect_now_and_then, collect_seldom


@pytest.fixture
def _as_before() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()


@pytest.mark.usefixtures("_as_before")
def test_what_is_there_is_never_looked_at_again_and_the_rest_seldom() -> None:
    collect_seldom()

    assert gc.get_threshold()[0] == 1_000_000
    assert gc.get_freeze_count() > 0


class Thing:
    """Knows itself."""

    def __init__(self) -> None:
        self.me = self


@pytest.mark.usefixtures("_as_before")
@pytest.mark.parametrize(("waits", "left"), [(0, True), (1, False)])
def test_what_only_knows_itself_goes_with_each_wait(waits: int, left: bool) -> None:
    collect_seldom()
    thing = ref(Thing())
    stops = iter([*[False] * waits, True])

    collect_now_and_then(lambda _: next(stops))

    assert (thing() is not None) is left
