"""Files of contracts as operators upload them: JSON Lines and CSV (spec section 1)."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from chassis.errors import BadMessage, Rejected
from chassis.strict_json import read_json
from chassis.web import load
from contracts.auth import Contract
from services.auth.schemas import ContractBody

COLUMNS = ("contract_number", "circuit", "contractor", "site", "options", "numbers")
LONGEST_LINE = 256 * 1024

Line = tuple[int, Contract | Rejected]


def json_lines(file: BinaryIO) -> Iterator[Line]:
    """A contract, or what is wrong, for each line of JSON that is not blank; lines count from 1."""
    schema = ContractBody()
    for number, line in enumerate(_lines(file), start=1):
        if line is None:
            yield number, Rejected("line-too-long")
        elif line.strip():
            yield number, _loaded(schema, lambda text=line: read_json(text))


def _lines(file: BinaryIO) -> Iterator[bytes | None]:
    """Each line, or None in place of one that is too long to be a contract."""
    while line := file.readline(LONGEST_LINE):
        piece, cut = line, False
        while len(piece) == LONGEST_LINE and not piece.endswith(b"\n"):
            piece = file.readline(LONGEST_LINE)
            cut = cut or bool(piece)
        yield None if cut else line


def csv_lines(file: BinaryIO) -> Iterator[Line]:
    """The same for CSV in UTF-8 whose first line names the columns; a row counts as the line that it ends on.

    `options` are separated by semicolons, `numbers` too, each as `0600001111:voicewarp+incoming-mail`.
    Rejected `unknown-columns` when the first line does not fit.
    """
    schema = ContractBody()
    text = io.TextIOWrapper(file, "utf-8-sig", errors="replace", newline="")
    rows = csv.DictReader(text, restkey="_more", strict=True)
    _check_columns(rows)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as problem:
            # DictReader itself counts a row only when it could read it.
            yield rows.reader.line_num, Rejected("unreadable-line", reason=str(problem))
            continue
        yield rows.line_num, _loaded(schema, lambda cells=row: _from_cells(cells))


def _check_columns(rows: "csv.DictReader[str]") -> None:
    try:
        columns = rows.fieldnames or ()
    except csv.Error:
        columns = ()
    if "contract_number" not in columns or not set(columns) <= set(COLUMNS) or len(set(columns)) < len(columns):
        raise Rejected("unknown-columns", columns=list(COLUMNS))


def _loaded(schema: ContractBody, read: Any) -> Contract | Rejected:
    try:
        contract: Contract = load(schema, read())
    except BadMessage as problem:
        return Rejected("unreadable-line", **problem.details)
    except Rejected as problem:
        return problem
    return contract


def _from_cells(cells: Mapping[str, Any]) -> dict[str, Any]:
    if "_more" in cells or None in cells.values():
        raise Rejected("wrong-number-of-cells")
    if any("\ufffd" in cell or "\x00" in cell for cell in cells.values()):
        raise Rejected("unreadable-line", reason="not UTF-8")
    told = {name: cell.strip() for name, cell in cells.items()}
    return {**told, "options": _split(told.get("options", ""), ";"), "numbers": _numbers(told.get("numbers", ""))}


def _numbers(cell: str) -> dict[str, list[str]]:
    pairs = [part.partition(":") for part in _split(cell, ";")]
    return {number.strip(): _split(options, "+") for number, _, options in pairs}


def _split(cell: str, separator: str) -> list[str]:
    return [part.strip() for part in cell.split(separator) if part.strip()]
