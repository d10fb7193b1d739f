"""Phone numbers as Tsunagu means them: how they are taken, stored, shown, and where a call may be forwarded.

The rules are our own (guide; spec section 4): the guide's 06-0000-1111 is a valid number here, whatever a general
library thinks of it. Stored and sent back as digits only.
"""

import functools
import re
import unicodedata
from typing import Literal

Refusal = Literal[
    "empty",
    "not-a-number",
    "service-code",
    "international",
    "carrier-code",
    "three-digit-number",
    "free-dial",
    "navi-dial",
    "premium-rate",
    "too-short",
    "too-long",
    "kind-not-allowed",
]

MESSAGES: dict[Refusal, str] = {
    "empty": "転送先の電話番号を入力してください",
    "not-a-number": "電話番号は数字で入力してください",
    "service-code": "「#」や「*」で始まる番号には転送できません。電話番号を市外局番から入力してください",
    "international": "国際電話の番号には転送できません。国内の番号を入力してください",
    "carrier-code": "00で始まる番号には転送できません。市外局番から入力してください",
    "three-digit-number": "110・119などの3けたの番号には転送できません。別の番号を入力してください",
    "free-dial": "0120・0800で始まる番号には転送できません。別の番号を入力してください",
    "navi-dial": "0570で始まる番号には転送できません。別の番号を入力してください",
    "premium-rate": "0990で始まる番号には転送できません。別の番号を入力してください",
    "too-short": "電話番号の桁数が足りません。市外局番から入力してください",
    "too-long": "電話番号の桁数が多すぎます。番号を確かめてください",
    "kind-not-allowed": "この番号には転送できません。市外局番から始まる番号か携帯電話などの番号を入力してください",
}

# What is said of a number that cannot call: not a word of forwarding.
CALLER_MESSAGES: dict[Refusal, str] = {
    "empty": "発信者の電話番号を入力してください",
    "not-a-number": MESSAGES["not-a-number"],
    "service-code": "「#」や「*」のある番号は登録できません。発信者の電話番号を入力してください",
    "too-short": MESSAGES["too-short"],
    "too-long": MESSAGES["too-long"],
}

OWN_NUMBER = "この電話自身には転送できません。別の番号を入力してください"

# Everything that people, keyboards and address books put between digits: spaces, brackets, dots, every dash with the
# long vowel mark and the lines of tables, and the marks that nobody sees.
_DASHES = r"\-\u00ad\u2010-\u2015\u2043\u2212\u23af\u2500\u2501\u30a0\u30fc\u301c~"
_UNSEEN = r"\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_BETWEEN = re.compile(rf"[\s{_DASHES}{_UNSEEN}・.()\[\]〔〕]+")
_DIGITS = re.compile(r"[0-9]+")
_CALLER = re.compile(r"\+?[0-9]+")
_ELEVEN = ("050", "060", "070", "080", "090")
# With 060 a number of ten digits is Osaka's 06-0xxx-xxxx; the other kinds of eleven have no such neighbour.
_ALWAYS_ELEVEN = ("050", "070", "080", "090")
# E.164 has up to fifteen digits; what is shorter than three is not shown as a number by any network.
_CALLER_DIGITS = range(3, 16)
_BY_PREFIX: tuple[tuple[str, Refusal], ...] = (
    ("010", "international"),
    ("00", "carrier-code"),
    ("0120", "free-dial"),
    ("0800", "free-dial"),
    ("0570", "navi-dial"),
    ("0990", "premium-rate"),
)


def normalise(text: str) -> str:
    """A number as typed, without what stands between the digits: full-width digits, any dash, spaces, brackets, +81.

    What is no number stays recognisable as none; it is for `refusal` and `is_subscriber` to say so.
    """
    plain = _BETWEEN.sub("", unicodedata.normalize("NFKC", text))
    return "0" + plain[3:].removeprefix("0") if plain.startswith("+81") else plain


def is_subscriber(digits: str) -> bool:
    """Whether this can be a customer's own number: 0AB-J of 10 digits, or 050/060/070/080/090 of 11."""
    return refusal(digits) is None


def refusal(digits: str) -> Refusal | None:
    """Why a normalised number may not be a destination (spec section 4), or None when it may."""
    if not digits:
        return "empty"
    if "#" in digits or "*" in digits:
        return "service-code"
    if digits.startswith("+"):
        return "international"
    if not _DIGITS.fullmatch(digits):
        return "not-a-number"
    return _refusal_by_plan(digits)


def _refusal_by_plan(digits: str) -> Refusal | None:
    for prefix, reason in _BY_PREFIX:
        if digits.startswith(prefix):
            return reason
    if len(digits) == 3 and digits.startswith("1"):
        return "three-digit-number"
    if not digits.startswith("0"):
        return "too-short" if len(digits) < 10 else "kind-not-allowed"
    return _refusal_by_length(digits)


def _refusal_by_length(digits: str) -> Refusal | None:
    if len(digits) < 10:
        return "too-short"
    if len(digits) == 10:
        return "too-short" if digits.startswith(_ALWAYS_ELEVEN) else None
    if len(digits) == 11:
        return None if digits.startswith(_ELEVEN) else "kind-not-allowed"
    return "too-long"


def caller_refusal(digits: str) -> Refusal | None:
    """Why a normalised number cannot be one that calls, or None when it can.

    Anyone may call: free dial and three-digit services too, and from abroad with +.
    """
    if not digits:
        return "empty"
    if "#" in digits or "*" in digits:
        return "service-code"
    if not _CALLER.fullmatch(digits):
        return "not-a-number"
    length = len(digits.removeprefix("+"))
    return None if length in _CALLER_DIGITS else "too-short" if length < _CALLER_DIGITS.start else "too-long"


def loop_message(destination: str) -> str:
    """What is said of a destination that forwards calls back to the number."""
    return f"転送先の{shown(destination)}が、この番号へ転送する設定になっています。別の番号を入力してください"


def mask(digits: str) -> str:
    """A number for a log: enough to tell two apart, not enough to call."""
    return f"{digits[:2]}***{digits[-2:]}" if len(digits) > 5 else "***"


@functools.lru_cache(maxsize=4096)
def shown(digits: str) -> str:
    """A number as people write it: 06-0000-1111, 090-1234-5678, 0466-12-3456. As it is where the grouping is unsure.

    A number is also shown that no call can be forwarded to.
    """
    if not _DIGITS.fullmatch(digits):
        return digits
    if len(digits) == 11 and digits.startswith((*_ELEVEN, "020", "0800")):
        return _grouped(digits, *((4, 7) if digits.startswith("0800") else (3, 7)))
    if len(digits) == 10 and digits.startswith(("03", "06")):
        return _grouped(digits, 2, 6)
    return _grouped_by_area(digits) if len(digits) == 10 and digits.startswith("0") else digits


def _grouped(digits: str, first: int, second: int) -> str:
    return f"{digits[:first]}-{digits[first:second]}-{digits[second:]}"


def _grouped_by_area(digits: str) -> str:
    """By the area codes of a general library, which is asked for nothing else."""
    import phonenumbers  # 70 ms and 7 MB, spent only where somebody has such a number.

    try:
        number = phonenumbers.parse(digits, "JP")
    except phonenumbers.NumberParseException:  # 010 and a code that no country has
        return digits
    if not phonenumbers.is_valid_number(number):
        return digits
    grouped = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    return grouped if grouped.replace("-", "") == digits else digits
