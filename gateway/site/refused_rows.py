"""What is wrong with the rows of a file of contracts, in words: auth tells a code, and codes by field."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from contracts import phone
from gateway.site.wording import WORDS, named
from gateway.site.words import N_, Translate

_FIELDS: Mapping[str, str] = {
    "contract_number": N_("契約番号"),
    "circuit": N_("回線"),
    "contractor": N_("契約者"),
    "site": N_("設置場所"),
    "options": N_("契約のオプション"),
    "numbers": N_("電話番号"),
}
_SENTENCES: Mapping[str, str] = {
    "changed-meanwhile": N_("同じときに別の変更がありました。この行をもう一度送ってください"),
    "circuit-taken": N_("別の契約で使われている回線です。どちらかの契約を直してください"),
    "invalid-contract": N_("契約の内容を確かめてください"),
    "line-too-long": N_("1行が長すぎます。短くするか、契約を分けてください"),
    "missing-field": N_("書かれていません。この項目を書いてください"),
    "not-a-subscriber-number": N_("電話番号として使えません。市外局番から書いてください"),
    "not-one-of": N_("知らないオプションです。オプションの名前を確かめてください"),
    "number-taken": N_("別の契約で使われている番号です。どちらかの契約を直してください"),
    "too-many-numbers": N_("1つの契約の電話番号は1,000件までです"),
    "unknown-field": N_("使えない項目です。項目の名前を確かめてください"),
    "unreadable-line": N_("この行は読み取れません。書き方と、文字コードがUTF-8かを確かめてください"),
    "wrong-number-of-cells": N_("列の数が1行目と違います。「,」の数を確かめてください"),
}
_UNREAD = "unreadable-line"


class Refused(NamedTuple):
    """A row: its line in the file, what is to be mended, and what the reader of the file has found, in English."""

    line: int
    sentences: Sequence[str]
    found: str


def refused_rows(errors: Sequence[Mapping[str, Any]], say: Translate) -> list[Refused]:
    """`errors` as auth's report of an import has them."""
    return [_row(one, say) for one in errors]


def _row(error: Mapping[str, Any], say: Translate) -> Refused:
    code, message = error["code"], error["message"]
    told = [named(_name(one["field"], say), _sentence(one["code"], say)) for one in error["errors"]]
    found = message if code == _UNREAD and message.isascii() else ""
    return Refused(error["line"], told or [_sentence(code, say)], found)


def _name(field: str, say: Translate) -> str:
    """The field as the file calls its column; a number by its digits."""
    column, _, rest = field.partition(".")
    name = say(_FIELDS[column]) if column in _FIELDS else field
    number = rest.partition(".")[0]
    return f"{name} {phone.shown(number)}" if column == "numbers" and number else name


def _sentence(code: str, say: Translate) -> str:
    return say(_SENTENCES.get(code) or WORDS.get(code) or WORDS["wrong-type"])
