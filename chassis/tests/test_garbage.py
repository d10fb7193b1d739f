import gc
from collections.abc import Iterator

import pytest

from chassis.garbage import collect_seldom


@pytest.fixture
def _as_before() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()


@pytest.mark.usefixtures("_as_before")
def test_what_is_there_is_never_looked_at_again_and_the_rest_seldom() -> None:
    collect_seldom()

    assert gc.get_threshold()[0] == 50_000
    assert gc.get_freeze_count() > 0
