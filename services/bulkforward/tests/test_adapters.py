"""What both kinds of dry runs promise."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chassis.testing import NOON
from services.bulkforward.adapters import MOST_KEPT, DryRun, DryRuns, MemoryDryRuns, MongoDryRuns
from services.bulkforward.formats import RowError
from services.bulkforward.tests.examples import ENTRIES, NUMBER, OFFICE, OTHER

RUN = DryRun("r1", NUMBER, "basis", ENTRIES, (), NOON + timedelta(minutes=30))
ERRORS = (RowError(2, "leading-zero-lost", "「312345678」", OFFICE), RowError(3, "number-missing", "-"))
WRONG = DryRun("r2", NUMBER, "basis", {}, ERRORS, NOON + timedelta(minutes=30))


@pytest.fixture(params=["memory", pytest.param("mongo", marks=pytest.mark.integration)])
def dry_runs(request: pytest.FixtureRequest) -> DryRuns:
    if request.param == "memory":
        return MemoryDryRuns()
    kept = MongoDryRuns(request.getfixturevalue("database"))
    kept.prepare()
    return kept


@pytest.mark.parametrize("run", [RUN, WRONG], ids=["good", "with errors"])
def test_a_dry_run_is_found_as_it_was_kept(dry_runs: DryRuns, run: DryRun) -> None:
    dry_runs.keep(run)

    assert dry_runs.find(NUMBER, run.id) == run


def test_a_dry_run_of_another_contract_is_not_found(dry_runs: DryRuns) -> None:
    dry_runs.keep(RUN)

    assert dry_runs.find(OTHER, "r1") is None
    assert dry_runs.find(NUMBER, "r9") is None


def test_the_newest_dry_runs_of_a_contract_are_kept(dry_runs: DryRuns) -> None:
    dry_runs.keep(replace(RUN, id="other", contract_number=OTHER))
    times = [RUN.expires + timedelta(seconds=place) for place in range(MOST_KEPT + 2)]
    runs = [replace(RUN, id=f"n{place}", expires=at) for place, at in enumerate(times)]
    for run in runs:
        dry_runs.keep(run)

    assert [run.id for run in runs if dry_runs.find(NUMBER, run.id) is None] == ["n0", "n1"]
    assert dry_runs.find(OTHER, "other")
