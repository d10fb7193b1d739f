"""Asking at a fixed rate, and what percentiles are."""

from bench.pace import offered, offered_while, percentile


def test_as_often_is_asked_as_the_rate_and_the_time_say() -> None:
    asked = list[int]()

    taken = offered(lambda: asked.append(1), rate=1000, seconds=0.02, threads=2)

    assert len(asked) == len(taken) == 20


def test_it_is_asked_as_long_as_it_goes_on_and_twice_at_least() -> None:
    assert len(offered_while(lambda asked: asked < 7, lambda: None, rate=1000, threads=2)) == 7
    assert len(offered_while(lambda asked: False, lambda: None, rate=1000, threads=2)) == 2


def test_a_percentile_stands_between_values() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0, 5.0], 50) == 3.0
    assert percentile([0.0, 100.0], 99) == 99.0
