"""CSV of bulk forwarding (spec section 6): bytes to rows, entries to bytes. Knows of no plan and of no rule.

What a file means is never guessed: its encoding follows from its bytes or from what its sender says, and a number that
a spreadsheet program has spoiled is offered back in the error, not mended.
"""

import codecs
import csv
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from chassis.errors import Rejected, UnsupportedMedia
from contracts import phone

COLUMNS = ("電話番号", "転送先電話番号")
# A contract has up to 1,000 numbers, and each may stand in a file once.
MOST_ROWS = 1000
MOST_ERRORS = 100
LONGEST_SHOWN = 20


@dataclass(frozen=True)
class Row:
    """One entry that a file wants, by the line that it begins on; an empty destination deletes. Digits only."""

    line: int
    number: str
    destination: str


@dataclass(frozen=True)
class RowError:
    """What is wrong with a line and what to do about it. `suggestion` is the number that was probably meant."""

    line: int
    code: str
    message: str
    suggestion: str | None = None

    def shown(self) -> dict[str, str | int]:
        """As callers read it; without `suggestion` where there is none."""
        told: dict[str, str | int] = {"line": self.line, "code": self.code, "message": self.message}
        return told | {"suggestion": self.suggestion} if self.suggestion else told


@dataclass(frozen=True)
class Sheet:
    """What could be read of a file, and what could not. After `MOST_ERRORS` nothing more was read."""

    rows: tuple[Row, ...]
    errors: tuple[RowError, ...]


@dataclass(frozen=True)
class Known:
    """Numbers that a spoiled one may have been."""

    numbers: Collection[str] = ()
    destinations: Collection[str] = ()


def write(entries: Mapping[str, str]) -> bytes:
    """The file of these entries, which `read` takes back. In UTF-8 with a mark at its beginning, for Excel.

    The hyphens make spreadsheet programs keep numbers as text with their zeros; no cell is ever a formula, as there is
    nothing in it but digits and hyphens.
    """
    rows = [COLUMNS, *((_as_text(number), _as_text(to)) for number, to in sorted(entries.items()))]
    return codecs.BOM_UTF8 + "".join(f"{number},{to}\r\n" for number, to in rows).encode()


def _as_text(digits: str) -> str:
    grouped = phone.shown(digits)
    return grouped if "-" in grouped else f"{digits[:3]}-{digits[3:6]}-{digits[6:]}"


def read(data: bytes, charset: str | None = None, known: Known | None = None) -> Sheet:
    """The rows of a file. Rejected when it is none of ours as a whole; what is wrong with a row is in `errors`.

    `charset` is what the sender says of the encoding. Without it: UTF-8 where the bytes are valid UTF-8, else cp932.
    """
    text = _text(data, charset)
    rows = _Rows(known or Known())
    for line, cells in _without_header(_lines(text)):
        if not rows.take(line, cells):
            break
    return Sheet(tuple(rows.good), tuple(rows.errors))


# From bytes to text.

_SIGNATURES: Sequence[tuple[bytes, str]] = (
    (b"PK\x03\x04", "excel-workbook"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "excel-workbook"),
    (codecs.BOM_UTF16_LE, "utf-16-file"),
    (codecs.BOM_UTF16_BE, "utf-16-file"),
)
_CHARSETS = {
    "utf-8": "utf-8-sig",
    "utf-8-sig": "utf-8-sig",
    "ascii": "ascii",
    "shift_jis": "cp932",
    "cp932": "cp932",
    "utf-16": "utf-16",
    "utf-16-le": "utf-16",
    "utf-16-be": "utf-16",
}
# Names that the web has for cp932 and Python has not.
_ALIASES = {"x-sjis": "cp932", "x-ms-cp932": "cp932", "windows-31j": "cp932", "cswindows31j": "cp932"}


def _text(data: bytes, charset: str | None) -> str:
    for signature, code in _SIGNATURES:
        if data.startswith(signature):
            raise Rejected(code)
    if b"\x00" in data:
        raise Rejected("utf-16-file" if _looks_like_utf_16(data) else "not-a-text-file")
    if charset is not None:
        return _decoded(data, (_encoding(charset),))
    return _decoded(data, ("utf-8-sig",) if data.startswith(codecs.BOM_UTF8) else ("utf-8-sig", "cp932"))


def _looks_like_utf_16(data: bytes) -> bool:
    """Of digits and separators every other byte is zero."""
    odd, even = data[1:2000:2].count(0), data[0:2000:2].count(0)
    half = min(len(data), 2000) // 2
    return max(odd, even) * 2 > half and min(odd, even) * 10 < half


def _encoding(charset: str) -> str:
    try:
        name = codecs.lookup(_ALIASES.get(charset.lower(), charset)).name
    except (LookupError, ValueError):
        name = ""
    if name not in _CHARSETS:
        raise UnsupportedMedia("unsupported-charset")
    if _CHARSETS[name] == "utf-16":
        raise Rejected("utf-16-file")
    return _CHARSETS[name]


def _decoded(data: bytes, encodings: Sequence[str]) -> str:
    """By the first encoding that the bytes are valid in."""
    places = []
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as problem:
            places.append(problem.start)
    raise Rejected("wrong-encoding", line=len((data[: max(places)] + b"?").splitlines()))


# From text to cells.

Cells = Sequence[str]
_SEPARATORS = (",", "\t", ";")
# By this first line Excel knows the separator, and writes or keeps it.
_SAID = re.compile(r'"?sep=([,;\t])"?[ \t,;]*(?=[\r\n]|\Z)', re.IGNORECASE)
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def _lines(text: str) -> Iterator[tuple[int, Cells | None]]:
    """The cells of each line that is not blank, by the line that they begin on; None where quotes are broken."""
    lines = (found[0] for found in _LINE.finditer(text))
    said = _SAID.match(text)
    before = 1 if said and next(lines) else 0
    reader = csv.reader(lines, delimiter=said[1] if said else _separator(text), strict=True)
    while True:
        line = before + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield line, None
            continue
        if any(cell.strip() for cell in cells):
            yield line, cells


def _separator(text: str) -> str:
    """The separator of the first line that has any: programs write semicolons or tabs in some languages."""
    lines = (found[0] for found in _LINE.finditer(text))
    return next((separator for line in lines for separator in _SEPARATORS if separator in line), ",")


def _without_header(lines: Iterator[tuple[int, Cells | None]]) -> Iterator[tuple[int, Cells | None]]:
    """The lines after the header, or all when the first has a digit and so is none."""
    first = next(lines, None)
    if first is None:
        raise Rejected("empty-file")
    line, cells = first
    if cells is not None and not any(character.isdigit() for cell in cells for character in cell):
        _check_header(cells)
    else:
        yield line, cells
    yield from lines


def _check_header(cells: Cells) -> None:
    names = tuple(_plain(cell).lower() for cell in _without_empty_end(cells))
    if names not in _HEADERS:
        raise Rejected("unknown-columns")


_HEADERS = frozenset(
    (number, destination)
    for number in ("電話番号", "number")
    for destination in ("転送先電話番号", "転送先", "destination")
)


def _without_empty_end(cells: Cells) -> Cells:
    """Without the empty cells that spreadsheet programs add behind the second column."""
    last = max((place for place, cell in enumerate(cells, 1) if cell.strip()), default=0)
    return cells[: max(last, min(len(cells), len(COLUMNS)))]


def _plain(cell: str) -> str:
    return unicodedata.normalize("NFKC", cell).strip()


# From cells to rows.

_MESSAGES = {
    "broken-quotes": '引用符「"」の使い方が正しくありません。この行の引用符を消してください',
    "repeated-number": "{first}行目と同じ電話番号です。どちらかの行を消してください",
    "number-missing": "電話番号がありません。1列目に電話番号を入力するか、この行を消してください",
    "leading-zero-lost": (
        "{column}の「{cell}」は先頭の0が消えているようです。「{suggestion}」でよければ、そのように書き直してください"
    ),
    "digits-lost": (
        "{column}の「{cell}」は表計算ソフトで桁が失われています。"
        "列の書式を「文字列」にして、電話番号を入力し直してください"
    ),
    "digits-lost-with-suggestion": (
        "{column}の「{cell}」は表計算ソフトで桁が失われています。"
        "「{suggestion}」でよければ、そのように書き直してください"
    ),
    "too-many-rows": "1つのファイルに書けるのは1,000行までです。ファイルを分けてください。この行から先は読んでいません",
    "too-many-errors": "誤りが100件になったため、ここで読むのをやめました。上の行を直して、もう一度お試しください",
}
_TOO_FEW = (
    "転送先電話番号の列がありません。「電話番号,転送先電話番号」の2列で書いてください。"
    "転送先を消すときは、電話番号のあとに「,」だけを書いてください"
)
_TOO_MANY = "列が{count}つあります。「電話番号,転送先電話番号」の2列だけにしてください"


@dataclass
class _Rows:
    """Gathers rows until there are too many, or too many wrong ones."""

    known: Known
    good: list[Row] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    _lines: dict[str, int] = field(default_factory=dict)
    _count: int = 0

    def take(self, line: int, cells: Cells | None) -> bool:
        """False when nothing more shall be read."""
        self._count += 1
        if self._count > MOST_ROWS:
            return self._stop(line, "too-many-rows")
        read = self._read(line, cells)
        if isinstance(read, Row):
            self.good.append(read)
            return True
        self.errors.append(read)
        return len(self.errors) < MOST_ERRORS or self._stop(line, "too-many-errors")

    def _stop(self, line: int, code: str) -> bool:
        self.errors.append(_error(line, code))
        return False

    def _read(self, line: int, cells: Cells | None) -> Row | RowError:
        if cells is None:
            return _error(line, "broken-quotes")
        cells = _without_empty_end(cells)
        if len(cells) != len(COLUMNS):
            message = _TOO_FEW if len(cells) < len(COLUMNS) else _TOO_MANY.format(count=len(cells))
            return RowError(line, "wrong-number-of-cells", message)
        return self._row(line, *cells)

    def _row(self, line: int, number_cell: str, destination_cell: str) -> Row | RowError:
        number, destination = phone.normalise(_typed(number_cell)), phone.normalise(_typed(destination_cell))
        if not number:
            return _error(line, "number-missing")
        if number not in self.known.numbers and (spoiled := _spoiled(number_cell, self.known.numbers)):
            return _spoiled_error(line, COLUMNS[0], number_cell, *spoiled)
        if first := self._lines.get(number):
            return _error(line, "repeated-number", first=str(first))
        self._lines[number] = line
        refused = destination and phone.refusal(destination)
        if refused and (spoiled := _spoiled(destination_cell, self.known.destinations)):
            return _spoiled_error(line, COLUMNS[1], destination_cell, *spoiled)
        return Row(line, number, destination)


def _error(line: int, code: str, **words: str) -> RowError:
    return RowError(line, code, _MESSAGES[code].format(**words))


def shown_cell(cell: str) -> str:
    """A cell as it may stand in a sentence: printable and short."""
    printable = "".join(character if character.isprintable() else " " for character in cell.strip())
    return printable if len(printable) <= LONGEST_SHOWN else f"{printable[:LONGEST_SHOWN]}…"


# Ways in which people and programs tell a spreadsheet that a number is text: '0312345678 and ="0312345678".
_MARKED = re.compile(r"'(?P<after>.*)|=\"(?P<inside>[^\"]*)\"")


def _typed(cell: str) -> str:
    """What was typed into the cell."""
    text = _plain(cell)
    marked = _MARKED.fullmatch(text)
    return (marked["after"] or marked["inside"] or "").strip() if marked else text


# Spoiled numbers.

# As programs show numbers: 312345678, 312345678.0, 312,345,678.
_COUNTED = re.compile(r"([1-9][0-9]{8,9})(?:\.0*)?|([1-9][0-9]{0,2}(?:,[0-9]{3}){2,3})(?:\.0*)?")
# As they show large ones in a narrow column: 3.12E+08.
_SCIENTIFIC = re.compile(r"([1-9])(?:\.([0-9]{0,9}))?E\+?0?([89])", re.IGNORECASE)


def _spoiled(cell: str, known: Collection[str]) -> tuple[str, str | None] | None:
    """Code and suggestion for what a spreadsheet program made of a number; None when it made nothing of it."""
    text = _typed(cell)
    if scientific := _SCIENTIFIC.fullmatch(text):
        return _from_scientific(scientific[1], scientific[2] or "", int(scientific[3]), known)
    counted = _COUNTED.fullmatch(text)
    digits = (counted[1] or counted[2]).replace(",", "") if counted else phone.normalise(text)
    meant = f"0{digits}"
    return ("leading-zero-lost", meant) if not digits.startswith("0") and phone.is_subscriber(meant) else None


def _from_scientific(whole: str, fraction: str, exponent: int, known: Collection[str]) -> tuple[str, str | None]:
    if len(fraction) == exponent and phone.is_subscriber(f"0{whole}{fraction}"):
        return "leading-zero-lost", f"0{whole}{fraction}"
    said = f"{whole}.{fraction}" if fraction else whole
    fits = {one for one in known if one.isdecimal() and f"{int(one):.{len(fraction)}e}" == f"{said}e+0{exponent}"}
    return "digits-lost", fits.pop() if len(fits) == 1 else None


def _spoiled_error(line: int, column: str, cell: str, code: str, suggestion: str | None) -> RowError:
    words = "digits-lost-with-suggestion" if code == "digits-lost" and suggestion else code
    message = _MESSAGES[words].format(column=column, cell=shown_cell(cell), suggestion=suggestion)
    return RowError(line, code, message, suggestion)
