"""`./tsunagu chaos`: which faults, and where."""

from collections.abc import Sequence

from rich.console import Console

from devstack.running import DEFAULT_ROOT
from devstack.up import interrupted_by_signals


def run(numbers: Sequence[int], short: bool, everything: bool) -> int:
    """The exit code: 1 when a promise was broken. Raises Trouble."""
    from chaos import catalogue, running

    console = Console()
    wanted = [*numbers, *(catalogue.SHORT if short else ())]
    if everything:
        wanted = [fault.number for fault in catalogue.FAULTS]
    if not wanted:
        for fault in catalogue.FAULTS:
            console.print(f"{fault.number:2}  {fault.title}: {fault.promise}", markup=False, highlight=False)
        return 0
    with interrupted_by_signals():
        return 0 if running.run(running.chosen(wanted), DEFAULT_ROOT / "chaos", console) else 1
