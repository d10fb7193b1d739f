"""The table of CSV files: what people and programs send, and what is read of it.

The guide's contract has the numbers 06-0000-1111 and 06-0000-2222.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from services.bulkforward.tests.examples import MOBILE, NUMBER, OFFICE, OTHER

HEADER = "電話番号,転送先電話番号"
TWO = ((NUMBER, OFFICE), (OTHER, MOBILE))


@dataclass(frozen=True)
class Case:
    """A file. `rows` are (line, number, destination), `errors` (line, code, suggestion); `refused` is the code of a
    file that is refused as a whole."""

    name: str
    data: bytes
    rows: tuple[tuple[int, str, str], ...] = ()
    errors: tuple[tuple[int, str, str | None], ...] = ()
    refused: str = ""
    charset: str | None = None


def spellings() -> Iterator[Case]:
    """The same two rows, in every encoding with every line end, separator, way of quoting, and with and without a
    header and an end to the last line."""
    encodings = {"utf-8": "utf-8", "utf-8 with BOM": "utf-8-sig", "cp932": "cp932"}
    ends = {"LF": "\n", "CRLF": "\r\n", "CR": "\r"}
    separators = {"comma": ",", "semicolon": ";", "tab": "\t"}
    quotes = {"bare": "{}", "quoted": '"{}"'}
    for encoding, end, separator, quote, header, last in itertools.product(
        encodings, ends, separators, quotes, (True, False), (True, False)
    ):
        cells = [HEADER.split(","), *TWO] if header else list(TWO)
        lines = [separators[separator].join(quotes[quote].format(cell) for cell in line) for line in cells]
        text = ends[end].join(lines) + (ends[end] if last else "")
        name = (
            f"{encoding}, {end}, {separator}, {quote}, {'header' if header else 'bare'}, {'ended' if last else 'cut'}"
        )
        rows = tuple((line, *row) for line, row in enumerate(TWO, 2 if header else 1))
        yield Case(name, text.encode(encodings[encoding]), rows)


def typed(name: str, cell: str, number: str) -> Iterator[Case]:
    """A destination in a spelling of its own, in both encodings."""
    for encoding in ("utf-8", "cp932"):
        data = f"{HEADER}\r\n{NUMBER},{cell}\r\n".encode(encoding)
        yield Case(f"{name}, {encoding}", data, ((2, NUMBER, number),))


def spoiled(name: str, cell: str, code: str, suggestion: str | None) -> Case:
    """A destination that a spreadsheet program has changed."""
    quoted = f'"{cell}"' if "," in cell else cell
    return Case(name, f"{HEADER}\n{NUMBER},{quoted}\n".encode(), errors=((2, code, suggestion),))


ROW = ((1, NUMBER, OFFICE),)
ONE = f"{NUMBER},{OFFICE}"

CASES: tuple[Case, ...] = (
    *typed("hyphens", "03-1234-5678", OFFICE),
    *typed("full-width digits", "０３１２３４５６７８", OFFICE),
    *typed("full-width hyphens", "０３－１２３４－５６７８", OFFICE),
    *typed("long vowel marks", "０３ー１２３４ー５６７８", OFFICE),
    *typed("spaces", " 03 1234 5678 ", OFFICE),
    *typed("ideographic spaces", "　03　1234　5678　", OFFICE),
    *typed("brackets", "(03)1234-5678", OFFICE),
    *typed("an apostrophe for text", "'0312345678", OFFICE),
    *typed("a formula for text", '"=""0312345678"""', OFFICE),
    *typed("the country code", "+81-3-1234-5678", OFFICE),
    *typed("nothing, which deletes", "", ""),
    *typed("spaces, which delete", "  ", ""),
    *typed("what the model refuses", "0120-123-456", "0120123456"),
    # Lines.
    Case("blank lines are passed over", f"\n\n{ONE}\n\n".encode(), ((3, NUMBER, OFFICE),)),
    Case("lines of separators", f"{HEADER},,\r\n,\r\n , \r\n{ONE},,\r\n".encode(), ((4, NUMBER, OFFICE),)),
    Case("empty columns behind", f"{HEADER},,,\n{ONE},,,\n".encode(), ((2, NUMBER, OFFICE),)),
    Case("a break within quotes", f'"{NUMBER}\n",{OFFICE}\n{OTHER},\n'.encode(), ((1, NUMBER, OFFICE), (3, OTHER, ""))),
    Case("mixed line ends", f"{HEADER}\r\n{ONE}\r{OTHER},\n".encode(), ((2, NUMBER, OFFICE), (3, OTHER, ""))),
    Case("doubled carriage returns", f"{HEADER}\r\r\n{ONE}\r\r\n".encode(), ((3, NUMBER, OFFICE),)),
    Case("a header alone", f"{HEADER}\r\n".encode("utf-8-sig")),
    Case("a header in English", f"Number,Destination\n{ONE}".encode(), ((2, NUMBER, OFFICE),)),
    Case("a short header", f"電話番号,転送先\n{ONE}".encode("cp932"), ((2, NUMBER, OFFICE),)),
    Case("a header with spaces", f" 電話番号 , 転送先電話番号 \n{ONE}".encode(), ((2, NUMBER, OFFICE),)),
    Case("a separator", f"sep=;\r\n電話番号;転送先\r\n{NUMBER};{OFFICE}".encode("cp932"), ((3, NUMBER, OFFICE),)),
    Case("a separator that is said, bare", f"SEP=,\n{ONE}\n".encode(), ((2, NUMBER, OFFICE),)),
    Case("a separator that is said, tab", f"sep=\t\r{NUMBER}\t{OFFICE}\r".encode("utf-8-sig"), ((2, NUMBER, OFFICE),)),
    Case("a separator that is said, quoted", f'"sep=;"\n{NUMBER};{OFFICE}'.encode(), ((2, NUMBER, OFFICE),)),
    Case("a separator and an error", f"sep=;\n{NUMBER};312345678".encode(), (), ((2, "leading-zero-lost", OFFICE),)),
    Case("a separator alone", b"sep=;\r\n", refused="empty-file"),
    Case("another separator than is said", f"sep=;\n{ONE}".encode(), (), ((2, "wrong-number-of-cells", None),)),
    # Charsets that the sender names.
    Case("said to be UTF-8", f"{HEADER}\n{ONE}".encode(), ((2, NUMBER, OFFICE),), charset="UTF-8"),
    Case("said to be UTF-8, marked", f"{HEADER}\n{ONE}".encode("utf-8-sig"), ((2, NUMBER, OFFICE),), charset="utf8"),
    Case("said to be Shift_JIS", f"{HEADER}\n{ONE}".encode("cp932"), ((2, NUMBER, OFFICE),), charset="Shift_JIS"),
    Case("said to be Windows-31J", f"{HEADER}\n{ONE}".encode("cp932"), ((2, NUMBER, OFFICE),), charset="windows-31j"),
    Case("said to be x-sjis", f"{HEADER}\n{ONE}".encode("cp932"), ((2, NUMBER, OFFICE),), charset="x-sjis"),
    Case("said to be ASCII", ONE.encode(), ROW, charset="us-ascii"),
    Case("said to be UTF-8 and is not", f"{HEADER}\n{ONE}".encode("cp932"), refused="wrong-encoding", charset="utf-8"),
    Case("said to be Shift_JIS and is not", b"\x81 ,1\n", refused="wrong-encoding", charset="shift_jis"),
    Case("said to be UTF-16", ONE.encode(), refused="utf-16-file", charset="utf-16"),
    Case("said to be EUC-JP", ONE.encode(), refused="unsupported-charset", charset="euc-jp"),
    Case("said to be what nobody knows", ONE.encode(), refused="unsupported-charset", charset="klingon"),
    # What a row lacks or has too much of.
    Case("a column too few", f"{ONE}\n{OTHER}\n".encode(), ROW, ((2, "wrong-number-of-cells", None),)),
    Case("a column too many", f"{ONE}\n{OTHER},{MOBILE},携帯\n".encode(), ROW, ((2, "wrong-number-of-cells", None),)),
    Case("another separator later", f"{ONE}\n{OTHER};{MOBILE}".encode(), ROW, ((2, "wrong-number-of-cells", None),)),
    Case("no number", f"{ONE}\n,{MOBILE}\n".encode(), ROW, ((2, "number-missing", None),)),
    Case("the same number twice", f"{ONE}\n06-0000-1111,{MOBILE}\n".encode(), ROW, ((2, "repeated-number", None),)),
    Case("the same row twice", f"{ONE}\n{ONE}\n".encode(), ROW, ((2, "repeated-number", None),)),
    Case("a quote that never ends", f'{ONE}\n"{OTHER},{MOBILE}\n'.encode(), ROW, ((2, "broken-quotes", None),)),
    Case("letters behind a quote", f'{ONE}\n"{OTHER}"1,{MOBILE}'.encode(), ROW, ((2, "broken-quotes", None),)),
    Case("lines after it", f'"{OTHER}"1,\n{ONE}'.encode(), ((2, NUMBER, OFFICE),), ((1, "broken-quotes", None),)),
    # What spreadsheet programs make of numbers.
    spoiled("a lost zero", "312345678", "leading-zero-lost", OFFICE),
    spoiled("a lost zero of a mobile", "9012345678", "leading-zero-lost", MOBILE),
    spoiled("a lost zero, hyphens", "3-1234-5678", "leading-zero-lost", OFFICE),
    spoiled("a lost zero, full-width", "３１２３４５６７８", "leading-zero-lost", OFFICE),
    spoiled("a lost zero, decimal places", "312345678.0", "leading-zero-lost", OFFICE),
    spoiled("a lost zero of a mobile, decimal places", "9012345678.00", "leading-zero-lost", MOBILE),
    spoiled("a lost zero, thousands", "312,345,678", "leading-zero-lost", OFFICE),
    spoiled("a lost zero of a mobile, thousands", "9,012,345,678", "leading-zero-lost", MOBILE),
    spoiled("a lost zero, all digits of a power", "3.12345678E+08", "leading-zero-lost", OFFICE),
    spoiled("digits lost, one is known", "3.12E+08", "digits-lost", OFFICE),
    spoiled("digits lost, small e", "3.12e+08", "digits-lost", OFFICE),
    spoiled("digits lost, rounded", "3.12346E+08", "digits-lost", OFFICE),
    spoiled("digits lost, bare power", "3E+08", "digits-lost", OFFICE),
    spoiled("digits lost, of a mobile", "9.01E+09", "digits-lost", None),
    spoiled("digits lost, none is known", "4.56E+08", "digits-lost", None),
    Case("a lost zero in the first column", b"600001111,0312345678\n", errors=((1, "leading-zero-lost", NUMBER),)),
    Case("digits lost in the first column", b"6.00E+08,0312345678\n", errors=((1, "digits-lost", None),)),
    Case("digits lost, one is known", b"6.0000111E+08,0312345678\n", errors=((1, "digits-lost", NUMBER),)),
    Case("no lost zero: too short", f"{NUMBER},31234567\n".encode(), ((1, NUMBER, "31234567"),)),
    Case("no lost zero: free dial", f"{NUMBER},120123456\n".encode(), ((1, NUMBER, "120123456"),)),
    # Files that are none of ours.
    Case("nothing", b"", refused="empty-file"),
    Case("a mark and nothing", b"\xef\xbb\xbf", refused="empty-file"),
    Case("blank lines alone", b"\r\n \r\n,\r\n", refused="empty-file"),
    Case("columns the other way round", f"転送先,電話番号\n{OFFICE},{NUMBER}".encode(), refused="unknown-columns"),
    Case("other columns", f"氏名,住所\n{ONE}".encode(), refused="unknown-columns"),
    Case("a third column", f"{HEADER},備考\n{ONE},x".encode(), refused="unknown-columns"),
    Case("a sentence", "これはCSVではありません".encode(), refused="unknown-columns"),
    Case("a page", b"<html><body>", refused="unknown-columns"),
    Case("JSON", b'{"entries": {}}', refused="unknown-columns"),
    Case("UTF-16 with a mark", f"{HEADER}\n{ONE}".encode("utf-16"), refused="utf-16-file"),
    Case("UTF-16, the other way round, with a mark", b"\xfe\xff" + ONE.encode("utf-16-be"), refused="utf-16-file"),
    Case("UTF-16 without a mark", f"{ONE}\r\n".encode("utf-16-le"), refused="utf-16-file"),
    Case("a NUL", f"{ONE}\n{OTHER},\x00\n".encode(), refused="not-a-text-file"),
    Case("nonsense with NULs", bytes(range(256)) * 4, refused="not-a-text-file"),
    Case("nonsense without NULs", bytes(range(1, 256)) * 4, refused="wrong-encoding"),
    Case("a UTF-8 mark before cp932", b"\xef\xbb\xbf" + f"{HEADER}\n{ONE}".encode("cp932"), refused="wrong-encoding"),
    Case("half a letter", b"\x81", refused="wrong-encoding"),
)  # fmt: skip

# Made by LibreOffice 7.4.7: `write` of the two entries, opened as UTF-8 and saved again by `soffice --convert-to`, with
# the filter "csv:Text - txt - csv (StarCalc):" and the options in the names.
_TWO_LINES = b"06-0000-1111,03-1234-5678\n06-0000-2222,090-1234-5678\n"
_TWO_ROWS = ((2, NUMBER, OFFICE), (3, OTHER, MOBILE))
LIBREOFFICE: tuple[Case, ...] = (
    Case("44,34,76", f"{HEADER}\n".encode() + _TWO_LINES, _TWO_ROWS),
    Case("44,34,64", bytes.fromhex(
        "9364 9862 94d4 8d86 2c93 5d91 9790 e693 6498 6294 d48d 860a 3036 2d30 3030 302d 3131 3131 2c30 332d 3132 3334"
        "2d35 3637 380a 3036 2d30 3030 302d 3232 3232 2c30 3930 2d31 3233 342d 3536 3738 0a"), _TWO_ROWS),
    Case("59,34,60", bytes.fromhex(
        "9364 9862 94d4 8d86 3b93 5d91 9790 e693 6498 6294 d48d 860a 3036 2d30 3030 302d 3131 3131 3b30 332d 3132 3334"
        "2d35 3637 380a 3036 2d30 3030 302d 3232 3232 3b30 3930 2d31 3233 342d 3536 3738 0a"), _TWO_ROWS),
    Case("9,34,76,1,,0,true", bytes.fromhex(
        "22e9 9bbb e8a9 b1e7 95aa e58f b722 0922 e8bb a2e9 8081 e585 88e9 9bbb e8a9 b1e7 95aa e58f b722 0a22 3036 2d30"
        "3030 302d 3131 3131 2209 2230 332d 3132 3334 2d35 3637 3822 0a22 3036 2d30 3030 302d 3232 3232 2209 2230 3930"
        "2d31 3233 342d 3536 3738 220a"), _TWO_ROWS),
    Case("9,34,65535", bytes.fromhex(
        "fffe fb96 718a 6a75 f753 0900 e28e 0190 4851 fb96 718a 6a75 f753 0a00 3000 3600 2d00 3000 3000 3000 3000 2d00"
        "3100 3100 3100 3100 0900 3000 3300 2d00 3100 3200 3300 3400 2d00 3500 3600 3700 3800 0a00"),
        refused="utf-16-file"),
    Case("44,34,76, of digits without hyphens", f"{HEADER}\n600001111,312345678\n600002222,9012345678\n".encode(),
        errors=((2, "leading-zero-lost", NUMBER), (3, "leading-zero-lost", OTHER))),
    Case("44,34,76, of cells in the style 0.00E+00", f"{HEADER}\n6.00E+08,9.01E+09\n".encode(),
        errors=((2, "digits-lost", None),)),
    # The beginnings of files saved as a workbook.
    Case("xlsx", bytes.fromhex("504b 0304 1400 0808 0800 cfb4 775d 0000 0000 0000 0000 0000 0000 0b00 0000 5f72"
        "656c 732f 2e72 656c 73ad 92cf 4a03 3110"), refused="excel-workbook"),
    Case("xls", bytes.fromhex("d0cf 11e0 a1b1 1ae1 0000 0000 0000 0000 0000 0000 0000 0000 3b00 0300 feff 0900"),
        refused="excel-workbook"),
    Case("ods", bytes.fromhex("504b 0304 1400 0008 0000 c9b4 775d 856c 398a 2e00 0000 2e00 0000 0800 0000 6d69"),
        refused="excel-workbook"),
)  # fmt: skip
