"""Looking at many settings at a time: each service by few threads, so that a silent one holds up no other."""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Any, TypeVar

from gateway.me import Place

# For all callers together; a service has hardly more threads than this to answer with.
LOOKS_AT_A_TIME = 8

# A setting as its service answers it.
Setting = TypeVar("Setting", bound=Mapping[str, Any])


class Looks:
    """Safe to share between threads. Its own begin with the first look at each service."""

    def __init__(self, services: Iterable[str], at_a_time: int = LOOKS_AT_A_TIME) -> None:
        self._threads = {name: ThreadPoolExecutor(at_a_time, f"look-{name}") for name in services}

    def at(
        self,
        places: Iterable[Place],
        look: Callable[[Place], Setting | None],
        seconds: float,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> dict[Place, Setting | None]:
        """What `look` finds at each place; None where that takes longer than `seconds` for all together.

        The caller does `meanwhile` itself; what that raises is raised, and what was found is for nobody.
        """
        until = time.monotonic() + seconds

        def in_time(place: Place) -> Setting | None:
            return look(place) if time.monotonic() < until else None

        looks = {place: self._threads[place.service].submit(copy_context().run, in_time, place) for place in places}
        meanwhile()
        done, late = wait(looks.values(), max(0.0, until - time.monotonic()))
        for one in late:
            one.cancel()
        return {place: found.result() if found in done else None for place, found in looks.items()}
