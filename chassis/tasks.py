"""What a worker does beside consuming: each task is one run that may fail and be run again at any moment."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from chassis import progress
from chassis.handling import Failed, Handler, Order
from chassis.lease import Positions
from chassis.messages import Actor, now
from chassis.relay import FEW, REST_SECONDS
from chassis.store import EventStore, TokenLost, Waking
from chassis.views import BATCH, Views

POSITION = "projector"
SAVE_SECONDS, SAVE_IDLE_SECONDS = 1.0, 30.0
LOOK_SECONDS = 0.2
log = structlog.get_logger(__name__)


@dataclass
class Projector:
    """Folds the service's own events into its own views, from where it stopped."""

    store: EventStore
    views: Views
    positions: Positions
    fence: int
    wait: Callable[[float], Any] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def run(self, going: Callable[[], bool]) -> None:
        saved = self.positions.load(POSITION)
        token = saved if saved is not None else self._from_nothing()
        saved_at = self.monotonic()
        pause = SAVE_IDLE_SECONDS
        try:
            for batch in self.store.follow(token, self.views.events):
                progress.PROJECTION.take_events(batch.events)
                self.views.project(batch.events)
                progress.PROJECTION.done()
                pause = SAVE_SECONDS if batch.events else pause
                over = not going()
                if over or self.monotonic() - saved_at > pause:
                    self.positions.save(POSITION, self.fence, batch.token)
                    saved_at, pause = self.monotonic(), SAVE_IDLE_SECONDS
                if over:
                    return
                if 0 < len(batch.events) < FEW:
                    self.wait(REST_SECONDS)
        except TokenLost:
            log.warning("projector_place_lost")
            self._from_nothing()

    def _from_nothing(self) -> Any:
        token = self.store.start()
        batch = []
        for recorded in self.store.scan():
            batch.append(recorded)
            if len(batch) == BATCH:
                self.views.project(batch)
                batch = []
        self.views.project(batch)
        self.positions.save(POSITION, self.fence, token)
        return token


@dataclass(frozen=True)
class Alarm:
    """The command that a stream of this handler gets when its time has come."""

    handler: Handler[Any]
    command: Callable[[datetime], Any]


@dataclass(frozen=True)
class AlarmClock:
    """Wakes the streams whose commits asked for it; a stream may be woken more than once, and late."""

    store: EventStore
    alarms: Sequence[Alarm]
    service: str
    wait: Callable[[float], Any] = time.sleep
    clock: Callable[[], datetime] = now

    def run(self, going: Callable[[], bool]) -> None:
        while going():
            if not self.ring():
                self.wait(LOOK_SECONDS)

    def ring(self) -> int:
        """Wakes what is due now; the number of wakings settled."""
        due = self.store.due(self.clock(), BATCH)
        for alarm in self.alarms:
            orders = [self._order(alarm, waking) for waking in due if alarm.handler.id_of(waking.stream) is not None]
            if orders:
                results = alarm.handler.handle_many(orders, Actor("automatic", self.service))
                for order, result in zip(orders, results, strict=True):
                    if isinstance(result, Failed):
                        log.error("alarm_failed", commit=order.causation_id, cause=repr(result.error))
        self.store.settle([waking.commit_id for waking in due])
        return len(due)

    def _order(self, alarm: Alarm, waking: Waking) -> Order:
        id = alarm.handler.id_of(waking.stream) or ""
        name = f"wake:{waking.commit_id}"
        return Order(
            id, alarm.command(self.clock()), name, correlation_id=name, causation_id=waking.commit_id, mark=False
        )


Task = Callable[[Callable[[], bool]], None]
LedTask = Callable[[int, Callable[[], bool]], None]
Tasks = Mapping[str, Task]
