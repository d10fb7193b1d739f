"""No seed breaks an invariant."""

import pytest

from sim.play import play
from sim.run import run

SEEDS = 10_000


@pytest.mark.parametrize("seed", range(3))
def test_a_world_comes_to_rest_with_all_invariants(seed: int) -> None:
    result = play(seed)

    assert result.broken == ()


@pytest.mark.slow
def test_ten_thousand_worlds_break_no_invariant() -> None:
    """`./tsunagu sim --seed N` shows the history of one that does."""
    outcome = run(range(SEEDS))

    assert outcome.seeds == SEEDS
    assert [(result.seed, result.broken) for result in outcome.broken] == []
