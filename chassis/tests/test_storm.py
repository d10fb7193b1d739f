from dataclasses import dataclass, field
from typing import Any

import pytest
from pymongo.database import Database

from chassis.storm import FULL_BATCH, LONGEST_SECONDS, Patience, Storm
from chassis.testing import eventually


@dataclass
class Weather:
    """A storm until `over`, on a clock that goes on only while somebody waits."""

    over: float
    at: float = 1.0
    looks: int = 0
    waits: list[float] = field(default_factory=list)

    def is_on(self) -> bool:
        self.looks += 1
        return self.at < self.over

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.at += seconds

    def patience(self) -> Patience:
        return Patience(self.is_on, lambda: self.at, self.wait)


def test_in_fair_weather_nobody_waits() -> None:
    weather = Weather(over=0.0)

    assert weather.patience().after_the_storm(lambda: True)()
    assert weather.waits == []


def test_what_can_wait_does_until_the_storm_is_over() -> None:
    weather = Weather(over=6.0)

    assert weather.patience().after_the_storm(lambda: True)()
    assert weather.at >= 6.0


def test_nobody_waits_longer_than_half_a_minute() -> None:
    weather = Weather(over=1_000.0)

    assert weather.patience().after_the_storm(lambda: True)()
    assert weather.at == pytest.approx(1.0 + LONGEST_SECONDS)


def test_who_is_told_to_stop_does_not_wait() -> None:
    weather = Weather(over=1_000.0)

    assert not weather.patience().after_the_storm(lambda: False)()
    assert weather.waits == []


def test_one_look_serves_all_for_a_moment() -> None:
    weather = Weather(over=0.0)
    going = weather.patience().after_the_storm(lambda: True)

    assert [going() for _ in range(10)] == [True] * 10
    assert weather.looks == 1


@pytest.mark.integration
def test_a_full_batch_is_a_storm_for_a_moment(database: Database[dict[str, Any]]) -> None:
    storm = Storm(database)
    storm.note(FULL_BATCH - 1)
    assert not storm.is_on()

    storm.note(FULL_BATCH)

    assert Storm(database).is_on()
    eventually(lambda: not storm.is_on())
