"""In a storm forwarding comes first: who takes events in says that there is a storm, and what can wait does.

Mails, lists and what nobody waits for would otherwise take the engines from the lines that are still to be forwarded.
They wait for half a minute at most, and then go on beside the storm.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pymongo.database import Database

from chassis.mongo import Document, reachable

# A batch of so many records is no trickle. The word is good for so long, and is said at most so often.
FULL_BATCH = 200
GOOD_FOR_MS = 3_000
SAY_SECONDS = 0.5
LOOK_SECONDS = 0.25
LONGEST_SECONDS = 30.0


@dataclass
class Storm:
    """Whether there is one, said and asked through the service's database; time is the database server's own."""

    db: Database[Document]
    _said_at: float = field(default=-SAY_SECONDS)

    def note(self, records: int) -> None:
        """A batch of so many records was taken in."""
        if records < FULL_BATCH or time.monotonic() - self._said_at < SAY_SECONDS:
            return
        with reachable():
            until = {"$add": ["$$NOW", GOOD_FOR_MS]}
            self.db["storm"].update_one({"_id": "storm"}, [{"$set": {"until": until}}], upsert=True)
        self._said_at = time.monotonic()

    def is_on(self) -> bool:
        with reachable():
            wanted = {"_id": "storm", "$expr": {"$gt": ["$until", "$$NOW"]}}
            return self.db["storm"].find_one(wanted) is not None


@dataclass
class Patience:
    """What several tasks ask before each step. One look at the storm serves them all for a moment."""

    is_on: Callable[[], bool]
    clock: Callable[[], float] = time.monotonic
    wait: Callable[[float], object] = time.sleep
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _looked_at: float = field(default=float("-inf"))
    _began: float | None = None

    def after_the_storm(self, going: Callable[[], bool]) -> Callable[[], bool]:
        """A `going` that answers when the storm is over, or has lasted too long to wait for."""

        def patient() -> bool:
            while going() and self._must_wait():
                self.wait(LOOK_SECONDS)
            return going()

        return patient

    def _must_wait(self) -> bool:
        with self._lock:
            now = self.clock()
            if now - self._looked_at >= LOOK_SECONDS:
                self._looked_at = now
                self._began = (self._began or now) if self.is_on() else None
            return self._began is not None and now - self._began < LONGEST_SECONDS
