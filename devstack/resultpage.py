"""`docs/results.md` and its pictures, made of the results in `docs/results/`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pygal  # type: ignore[import-untyped]
from pygal.style import CleanStyle  # type: ignore[import-untyped]

from devstack import results
from devstack.results import Figure, Machine, Record, Spread

PAGE = results.KEPT.with_suffix(".md")
INTRODUCTION = """# Results

Written by `./tsunagu results` from what commands have measured; do not edit it. Medians of the rounds, with the least
and the most; a ratio is taken round by round, ours to what stands beside it in the same run. *Falls short*: all that
was checked was right, but a goal was not reached. *Void*: an effect was lost, doubled or wrong; there are no figures.
"""
# A picture of things so far apart has a logarithmic scale.
FAR_APART = 20.0


def write(folder: Path = results.KEPT, page: Path = PAGE) -> None:
    """Replaces page and pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    records = results.read(folder)
    for old in folder.glob("*.svg"):
        old.unlink()
    pictures = {record.result.name: list(_draw(record, folder)) for record in records}
    page.write_text(render(records, pictures), encoding="utf-8")


def render(records: Sequence[Record], pictures: Mapping[str, Sequence[str]]) -> str:
    """The page; `pictures` are file names beside the results."""
    sections = [_section(record, pictures.get(record.result.name, ())) for record in records]
    return "\n".join([INTRODUCTION, *_overview(records), "", *sections]).rstrip() + "\n"


def _overview(records: Sequence[Record]) -> Iterator[str]:
    yield from ("| result | | date | commit | command |", "|---|---|---|---|---|")
    for record in records:
        result, at = record.result, record.at
        yield (
            f"| [{result.name}](#{result.name}) | {_strong(result.status)} | {at.date:%Y-%m-%d %H:%M} UTC "
            f"| {_commit(record)} | `{result.command}` |"
        )


def _section(record: Record, pictures: Sequence[str]) -> str:
    result, at = record.result, record.at
    lines = [
        f"## {result.name}",
        "",
        result.title,
        "",
        f"{_strong(result.status)} · `{result.command}` · {at.date:%Y-%m-%d %H:%M} UTC · commit {_commit(record)} · "
        f"{_machine(at.machine)}",
        "",
        *(_table(result.figures) if result.figures else ()),
        *(f"- {note}" for note in result.notes),
        *([""] if result.notes else []),
        *(f"![{result.name}](results/{picture})\n" for picture in pictures),
    ]
    return "\n".join(lines)


def _table(figures: Mapping[str, Figure]) -> Iterator[str]:
    yield from ("| | | median | least - most | rounds | ratio | goal |", "|---|---|---:|---:|---:|---:|---|")
    for name, figure in figures.items():
        rows: list[tuple[str, Spread | None]] = list(figure.measured.items()) or [("", None)]
        for place, (what, spread) in enumerate(rows):
            first = place == 0
            label = f"{name}{_of(figure.note)}" if first else ""
            ends = (ratio_of(figure), goal_of(figure)) if first else ("", "")
            yield f"| {label} | {what} | {_numbers(figure.unit, spread)} | {' | '.join(ends)} |"
    yield ""


def _of(note: str) -> str:
    return f": {note}" if note else ""


def _numbers(unit: str, spread: Spread | None) -> str:
    if spread is None:
        return " | | "
    between = f"{number(spread.least)} - {number(spread.most)}" if spread.rounds > 1 else ""
    return f"{number(spread.median)} {unit} | {between} | {spread.rounds}"


def ratio_of(figure: Figure) -> str:
    """Of ours to what stands beside it; nothing where there is none."""
    if figure.ratio is None:
        return ""
    ratio = figure.ratio
    between = f" ({ratio.least:.2f} - {ratio.most:.2f})" if ratio.rounds > 1 else ""
    return f"{ratio.median:.2f}{between} of {figure.beside}"


def goal_of(figure: Figure) -> str:
    """What it should be and whether it is."""
    if figure.holds is None:
        return ""
    word = "holds" if figure.holds else "**falls short**"
    return f"{figure.goal.word} {figure.goal.limit:g}: {word}" if figure.goal else ("yes" if figure.holds else "**no**")


def number(value: float) -> str:
    """Three digits that say something, and all of a large number."""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 1 else f"{value:.3f}"


def _strong(status: str) -> str:
    return status if status in ("holds", "measured") else f"**{status}**"


def _commit(record: Record) -> str:
    return f"{record.at.commit or 'unknown'}{', with changes' if record.at.dirty else ''}"


def _machine(machine: Machine) -> str:
    return f"{machine.cores} x {machine.processor}, {machine.memory_gb:g} GB, {machine.system}, Python {machine.python}"


def _draw(record: Record, folder: Path) -> Iterator[str]:
    """A picture for each unit in which something stands beside something else; their file names."""
    compared = [(name, figure) for name, figure in record.result.figures.items() if len(figure.measured) > 1]
    for unit, group in groupby(sorted(compared, key=lambda pair: pair[1].unit), key=lambda pair: pair[1].unit):
        file = f"{record.result.name}-{re.sub(r'[^a-z0-9]+', '-', unit.lower()).strip('-')}.svg"
        (folder / file).write_text(picture(dict(group), unit, file), encoding="utf-8")
        yield file


def picture(figures: Mapping[str, Figure], unit: str, name: str) -> str:
    """Bars of medians, each with its spread, as SVG. The same figures give the same text."""
    series = list(dict.fromkeys(what for figure in figures.values() for what in figure.measured))
    spreads = [spread for figure in figures.values() for spread in figure.measured.values()]
    least, most = min(spread.least for spread in spreads), max(spread.most for spread in spreads)
    far = least > 0 and most / least > FAR_APART
    chart = pygal.HorizontalBar(
        js=(),
        style=CleanStyle(font_family="sans-serif", value_colors=("white",) * len(series), value_font_size=12),
        width=900,
        height=120 + 28 * len(series) * len(figures),
        title=f"{unit}{' (logarithmic)' if far else ''}",
        logarithmic=far,
        range=(least / 2 if far else 0, most * 1.02),
        zero=least / 2 if far else 0,
        legend_at_bottom=True,
        print_values=True,
        value_formatter=number,
    )
    chart.uuid = name
    chart.add_xml_filter(_plain)
    from_below = list(figures.items())[::-1]
    chart.x_labels = [name for name, _ in from_below]
    for what in series:
        chart.add(what, [_bar(figure.measured.get(what)) for _, figure in from_below])
    return str(chart.render(is_unicode=True))


def _plain(root: Any) -> Any:
    """Without the script that an image does not run, and without the day on which it was drawn."""
    for node in [node for node in root.iter() if not isinstance(node.tag, str) or node.tag.endswith("script")]:
        node.getparent().remove(node)
    return root


def _bar(spread: Spread | None) -> dict[str, object] | None:
    if spread is None:
        return None
    return {"value": spread.median, "ci": {"low": spread.least, "high": spread.most}}
