"""No seed breaks an invariant. Played in processes of their own, as they count and log like any service."""

import pytest

from sim.run import Outcome, run

SEEDS = 10_000


def broken(outcome: Outcome) -> dict[int, tuple[str, ...]]:
    """By seed; `./tsunagu sim --seed N` shows the history of one."""
    return {result.seed: result.broken for result in outcome.broken}


def test_some_worlds_come_to_rest_with_all_invariants() -> None:
    outcome = run(range(20))

    assert outcome.seeds == 20
    assert broken(outcome) == {}


@pytest.mark.slow
def test_ten_thousand_worlds_break_no_invariant() -> None:
    outcome = run(range(SEEDS))

    assert outcome.seeds == SEEDS
    assert broken(outcome) == {}
