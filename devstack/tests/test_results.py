"""Results keep what was measured, and their page says what fell short."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from devstack import resultpage, results
from devstack.results import Circumstances, Machine, Result, Spread
from devstack.trouble import Trouble

AT = Circumstances(
    datetime(2026, 11, 23, 9, tzinfo=UTC), "0123abc", False, Machine("Abacus", 2, 7.5, "Linux", "3.11.2")
)
RATIO = results.figure("lines/s", {"ours": [50.0, 70.0, 30.0], "bare": [100.0, 100.0, 50.0]}, beside="bare")


def _result(**figures: results.Figure) -> Result:
    return Result("storm", "A storm.", "./tsunagu bench storm", figures)


def _page(result: Result, folder: Path, at: Circumstances = AT) -> str:
    results.write(result, folder, at)
    resultpage.write(folder, folder / "results.md")
    return (folder / "results.md").read_text(encoding="utf-8")


def test_a_spread_has_the_middle_the_least_and_the_most() -> None:
    assert results.spread([3.0, 1.0, 2.0, 10.0]) == Spread(2.5, 1.0, 10.0, 4)


def test_a_ratio_is_taken_round_by_round() -> None:
    assert RATIO.ratio == Spread(0.6, 0.5, 0.7, 3)


def test_a_goal_is_one_of_the_ratio() -> None:
    rounds = {"ours": [50.0], "bare": [100.0]}

    enough = results.figure("lines/s", rounds, beside="bare", goal=results.at_least(0.5))
    too_little = results.figure("lines/s", rounds, beside="bare", goal=results.at_least(0.6))

    assert (enough.holds, too_little.holds) == (True, False)


def test_a_goal_is_one_of_ours_where_nothing_is_beside_it() -> None:
    assert results.count("s", "seeds", 61.0, goal=results.at_most(60.0)).holds is False


def test_one_goal_that_is_not_reached_makes_the_result_fall_short() -> None:
    reached, missed = results.outcome(True, "all right"), results.outcome(False, "a mail twice")

    assert (_result(a=reached).status, _result(a=reached, b=missed).status) == ("holds", "falls short")


def test_what_has_no_goal_is_measured_and_no_more() -> None:
    assert _result(a=RATIO).status == "measured"


def test_what_was_not_right_has_failed_whatever_the_goals_say() -> None:
    assert Result("chaos", "", "", {"a": results.outcome(True, "")}, ok=False).status == "failed"


def test_a_void_result_has_no_figures_and_says_why(tmp_path: Path) -> None:
    void = results.void("storm", "A storm.", "./tsunagu bench storm", "3 lines were forwarded twice")

    page = _page(void, tmp_path)

    assert "| [storm](#storm) | **void** |" in page
    assert "- 3 lines were forwarded twice" in page
    assert "median |" not in page


def test_a_result_comes_back_as_it_was_written(tmp_path: Path) -> None:
    result = _result(faults=RATIO)

    results.write(result, tmp_path, AT)

    [record] = results.read(tmp_path)
    assert (record.result.figures["faults"], record.at) == (RATIO, AT)
    assert {"name", "date", "commit", "machine", "ok", "figures", "notes"} <= record.written.keys()


def test_the_page_has_each_side_its_spread_and_the_ratio(tmp_path: Path) -> None:
    page = _page(_result(faults=RATIO), tmp_path)

    assert "| faults | ours | 50 lines/s | 30 - 70 | 3 | 0.60 (0.50 - 0.70) of bare |  |" in page
    assert "|  | bare | 100 lines/s | 50 - 100 | 3 |  |  |" in page
    assert "2026-11-23 09:00 UTC · commit 0123abc · 2 x Abacus, 7.5 GB, Linux, Python 3.11.2" in page


def test_the_page_says_what_falls_short(tmp_path: Path) -> None:
    slow = results.figure("ms", {"ours": [9.0], "bare": [3.0]}, beside="bare", goal=results.at_most(2.0))

    page = _page(_result(answer=slow), tmp_path)

    assert "at most 2: **falls short**" in page
    assert "| [storm](#storm) | **falls short** |" in page


def test_the_page_tells_of_changed_files(tmp_path: Path) -> None:
    changed = Circumstances(AT.date, AT.commit, True, AT.machine)

    assert "commit 0123abc, with changes" in _page(_result(faults=RATIO), tmp_path, changed)


def test_the_same_results_give_the_same_page_and_pictures(tmp_path: Path) -> None:
    first = _page(_result(faults=RATIO), tmp_path)
    picture = (tmp_path / "storm-lines-s.svg").read_bytes()

    again = _page(_result(faults=RATIO), tmp_path)

    assert again == first
    assert "![storm](results/storm-lines-s.svg)" in again
    assert (tmp_path / "storm-lines-s.svg").read_bytes() == picture
    assert b"<script" not in picture
    assert b"<!--" not in picture


def test_what_is_kept_is_the_last_result_with_its_own_time_and_commit(tmp_path: Path) -> None:
    last, kept = tmp_path / "last", tmp_path / "kept"
    results.write(_result(faults=RATIO), last, AT)

    results.keep(results.names(last), last, kept)

    assert (kept / "storm.json").read_bytes() == (last / "storm.json").read_bytes()


def test_what_was_never_measured_cannot_be_kept(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="no result of storm"):
        results.keep(["storm"], tmp_path, tmp_path)


def test_a_machine_is_told_without_its_name_and_its_paths() -> None:
    machine = results.circumstances().machine

    assert machine.cores >= 1
    assert machine.memory_gb > 0
    assert "/" not in machine.processor + machine.system
