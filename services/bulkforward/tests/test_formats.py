"""Reading and writing files."""

import shutil
import subprocess
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from chassis.errors import TsunaguError
from contracts import phone
from services.bulkforward.formats import MOST_ERRORS, MOST_ROWS, Known, Sheet, read, write
from services.bulkforward.tests.csv_table import CASES, LIBREOFFICE, Case, spellings
from services.bulkforward.tests.examples import MOBILE, NUMBER, OFFICE, OTHER

KNOWN = Known((NUMBER, OTHER), (OFFICE,))


def rows_of(sheet: Sheet) -> list[tuple[int, str, str]]:
    return [(row.line, row.number, row.destination) for row in sheet.rows]


def codes_of(sheet: Sheet) -> list[str]:
    return [error.code for error in sheet.errors]


def message_of(data: str) -> str:
    (error,) = read(data.encode(), known=KNOWN).errors
    return error.message


def names(cases: Sequence[Case]) -> list[str]:
    return [case.name for case in cases]


TABLE = (*CASES, *LIBREOFFICE)


@pytest.mark.parametrize("case", TABLE, ids=names(TABLE))
def test_a_file_of_the_table(case: Case) -> None:
    if case.refused:
        with pytest.raises(TsunaguError, match=case.refused):
            read(case.data, case.charset, KNOWN)
        return

    sheet = read(case.data, case.charset, KNOWN)

    assert rows_of(sheet) == list(case.rows)
    assert [(error.line, error.code, error.suggestion) for error in sheet.errors] == list(case.errors)


def test_every_spelling_of_the_same_rows_is_read_alike() -> None:
    wrong = [case.name for case in spellings() if rows_of(read(case.data)) != list(case.rows)]

    assert wrong == []
    assert len(list(spellings())) == 3 * 3 * 3 * 2 * 2 * 2


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (f"{NUMBER},312345678", "転送先電話番号の「312345678」は先頭の0が消えているようです。「0312345678」"),
        ("600001111,", "電話番号の「600001111」は先頭の0が消えているようです。「0600001111」"),
        (f"{NUMBER},9.01E+09", "列の書式を「文字列」にして"),
        (f"{NUMBER},3.12E+08", "「0312345678」でよければ"),
        (f"{NUMBER},{OFFICE}\n{NUMBER},", "1行目と同じ電話番号です"),
        (NUMBER, "電話番号のあとに「,」だけを"),
        (f"{NUMBER},1,2,3", "列が4つあります"),
    ],
)
def test_an_error_says_what_to_do(row: str, said: str) -> None:
    assert said in message_of(row)


def test_a_cell_is_shown_short_and_in_one_line() -> None:
    message = message_of(f'{NUMBER},"3\n1\t2{" " * 30}345678"')

    assert "「3 1 2 " in message
    assert "…」" in message
    assert message.isprintable()


def test_wrong_bytes_are_named_by_their_line() -> None:
    with pytest.raises(TsunaguError) as refusal:
        read(f"{NUMBER},{OFFICE}\r\n{OTHER},\r\n".encode() + b"\x81 ,1\r\n")

    assert refusal.value.details == {"line": 3}


# Limits.


def test_reading_stops_after_so_many_errors_and_says_so() -> None:
    sheet = read(b"1\n" * 500)

    assert codes_of(sheet) == ["wrong-number-of-cells"] * MOST_ERRORS + ["too-many-errors"]
    assert sheet.errors[-1].line == MOST_ERRORS


def test_reading_stops_after_so_many_rows_and_says_so() -> None:
    data = "".join(f"06{place:08d},{OFFICE}\n" for place in range(MOST_ROWS + 5)).encode()

    sheet = read(data)

    assert len(sheet.rows) == MOST_ROWS
    assert [(error.line, error.code) for error in sheet.errors] == [(MOST_ROWS + 1, "too-many-rows")]


LARGE = 5 * 1024 * 1024


@pytest.mark.parametrize(
    "data",
    [
        b"1,2,3\n" * (LARGE // 6),
        b"1" * LARGE,
        b'"' + b"1,\n" * (LARGE // 3),
        b'1"' * (LARGE // 2),
        "あ,1\n".encode("cp932") * (LARGE // 5),
    ],
    ids=["short lines", "one line", "one quote", "quotes", "letters"],
)
def test_megabytes_of_nonsense_end_soon_in_few_errors(data: bytes) -> None:
    tracemalloc.start()
    try:
        sheet = read(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert 0 < len(sheet.errors) <= MOST_ERRORS + 1
    assert peak < 10 * LARGE


# Writing.


def test_a_file_is_written_for_excel() -> None:
    assert write({OTHER: MOBILE, NUMBER: OFFICE}) == (
        "\ufeff電話番号,転送先電話番号\r\n06-0000-1111,03-1234-5678\r\n06-0000-2222,090-1234-5678\r\n".encode()
    )


def test_no_entries_are_a_header() -> None:
    assert read(write({})) == Sheet((), ())


NUMBERS = some.from_regex(r"0[1-9][1-9][0-9]{7}|0[5-9]0[0-9]{8}", fullmatch=True).filter(phone.is_subscriber)


@pytest.mark.slow
@settings(deadline=None)
@given(some.dictionaries(NUMBERS, NUMBERS, max_size=20))
def test_what_is_written_is_read_again(entries: dict[str, str]) -> None:
    sheet = read(write(entries))

    assert {row.number: row.destination for row in sheet.rows} == entries
    assert sheet.errors == ()


@pytest.mark.slow
@settings(deadline=None)
@given(some.dictionaries(NUMBERS, NUMBERS, max_size=20))
def test_no_cell_is_a_formula_or_a_number(entries: dict[str, str]) -> None:
    lines = write(entries).decode("utf-8-sig").splitlines()[1:]

    cells = [cell for line in lines for cell in line.split(",")]
    assert all(cell.strip("0123456789") and set(cell) <= set("0123456789-") and cell[0] == "0" for cell in cells)


@given(some.binary(max_size=300))
def test_whatever_bytes_come_they_are_read_or_refused(data: bytes) -> None:
    assert status_of(data) in (200, 422)


@given(some.text(alphabet="0123456789,;\t\"'\r\n=+-.E電　", max_size=80))
def test_whatever_text_comes_it_is_read_or_refused(text: str) -> None:
    assert status_of(text.encode()) in (200, 422)


def status_of(data: bytes) -> int:
    try:
        return 200 if all(error.message for error in read(data, known=KNOWN).errors) else 500
    except TsunaguError as refusal:
        return refusal.status


SOFFICE = shutil.which("soffice")


@pytest.mark.slow
@pytest.mark.skipif(SOFFICE is None, reason="LibreOffice is not installed; its recorded files are in the table")
def test_libreoffice_gives_back_what_was_exported(tmp_path: Path) -> None:
    entries = {NUMBER: OFFICE, OTHER: MOBILE, "0460010011": "0466120012"}
    (tmp_path / "export.csv").write_bytes(write(entries))

    soffice(tmp_path, "--infilter=CSV:44,34,76,1", "--convert-to", "ods", "export.csv")
    soffice(tmp_path, "--convert-to", "csv:Text - txt - csv (StarCalc):44,34,64", "--outdir", "back", "export.ods")

    sheet = read((tmp_path / "back" / "export.csv").read_bytes())
    assert ({row.number: row.destination for row in sheet.rows}, sheet.errors) == (entries, ())


def soffice(folder: Path, *arguments: str) -> None:
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    subprocess.run([str(SOFFICE), "--headless", profile, *arguments], cwd=folder, check=True, timeout=120)
