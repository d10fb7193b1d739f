"""A bench's result has its name and its command, and a wrong effect makes it void."""

from importlib import import_module
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from bench.ground import Ground
from devstack import benching
from devstack.benches import BENCHES
from devstack.places import Places
from devstack.running import Running
from devstack.services import Addresses
from devstack.trouble import Trouble

STAND_INS = "devstack.tests.stand_in_benches"
NOWHERE = Running(0, "http://gateway", None, Addresses("", "", "", {}), {}, {})


def _ground(folder: Path, lines: int = 0, rounds: int = 0) -> Ground:
    return Ground(NOWHERE, Places(folder), {}, Console(quiet=True), lines, rounds)


def test_a_result_says_how_it_is_measured_again(tmp_path: Path) -> None:
    result = benching.measure("storm", STAND_INS, _ground(tmp_path, lines=500, rounds=2))

    assert (result.name, result.ok) == ("storm", True)
    assert result.title == "A bench that tells how it was asked."
    assert result.command == "./tsunagu bench storm --lines 500 --rounds 2"


def test_the_usual_number_of_lines_is_not_told(tmp_path: Path) -> None:
    result = benching.measure("storm", STAND_INS, _ground(tmp_path, lines=BENCHES["storm"].lines))

    assert result.command == "./tsunagu bench storm"


def test_a_wrong_effect_makes_the_result_void(tmp_path: Path) -> None:
    result = benching.measure("storm", STAND_INS, _ground(tmp_path))

    assert (result.status, list(result.figures), list(result.notes)) == ("void", [], ["one fault was forwarded twice"])


@pytest.mark.slow
@pytest.mark.parametrize("name", BENCHES)
def test_every_bench_has_a_title_and_can_be_run(name: str) -> None:
    module = import_module(BENCHES[name].module)

    assert module.TITLE.endswith(".")
    assert callable(module.run)


def test_figures_are_shown_with_their_units(tmp_path: Path) -> None:
    console = Console(record=True, width=120, file=StringIO())
    result = benching.measure("storm", STAND_INS, _ground(tmp_path, lines=500))

    benching.show(result, console)

    shown = console.export_text()
    assert "storm: measured" in shown
    assert "500 lines" in shown


def test_a_stack_on_which_lines_would_flap_is_refused_but_for_one_round(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="FLAPPING_WITHIN"):
        _ground(tmp_path, rounds=2).need_lines_that_return()

    _ground(tmp_path, rounds=1).need_lines_that_return()
