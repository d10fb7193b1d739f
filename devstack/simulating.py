"""`./tsunagu sim`: worlds from seeds, with progress; what came of it lies in `.tsunagu/results/sim.json`."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from devstack import results
from devstack.results import Result, at_most, count
from sim.run import Outcome, run, show

MOST_SHOWN = 20


def history(seed: int) -> int:
    """Prints all that happens in the world of this seed. 1 when it breaks an invariant."""
    return show(seed)


def seeds(first: int, many: int) -> int:
    """Plays so many seeds on all processors. 1 when one breaks an invariant, and then says which."""
    console = Console()
    outcome = _with_progress(console, range(first, first + many))
    for result in outcome.broken[:MOST_SHOWN]:
        said = f"seed {result.seed} breaks {len(result.broken)}: {result.broken[0]}"
        console.print(said, markup=False, highlight=False, soft_wrap=True)
    if outcome.broken:
        again = f"{len(outcome.broken)} seeds broke an invariant; ./tsunagu sim --seed {outcome.broken[0].seed}"
        console.print(f"{again} shows the history of the first.", highlight=False, soft_wrap=True)
    console.print(f"{outcome.seeds} seeds, {len(outcome.broken)} broken, {outcome.seconds:.1f} s", highlight=False)
    results.write(_result(outcome, f"./tsunagu sim --first {first} --seeds {many}"))
    return 1 if outcome.broken else 0


def _with_progress(console: Console, chosen: range) -> Outcome:
    columns = (TextColumn("seeds"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[broken]} broken"))
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("seeds", total=len(chosen), broken=0)
        return run(chosen, done=lambda played, broken: progress.update(task, completed=played, broken=broken))


def _result(outcome: Outcome, command: str) -> Result:
    broken = len(outcome.broken)
    figures = {
        "seeds": count("worlds", "played", outcome.seeds),
        "broken": count("worlds", "broken", broken, goal=at_most(0)),
        "time": count("s", "all processors", outcome.seconds),
        "rate": count("worlds/s", "all processors", outcome.seeds / outcome.seconds),
    }
    notes = [f"seed {result.seed}: {result.broken[0]}" for result in outcome.broken[:MOST_SHOWN]]
    return Result("sim", "No seed of the simulator breaks an invariant.", command, figures, ok=not broken, notes=notes)
