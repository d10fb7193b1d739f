"""Phone numbers as Tsunagu means them: how they are taken, stored, shown, and where a call may be forwarded.

The rules are our own (guide; spec section 4): the guide's 06-0000-1111 is a valid number here, whatever a general
library thinks of it. Stored and sent back as digits only.
"""

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

# Everything that people and keyboards put between digits: spaces, every dash, brackets, and the long vowel mark.
_BETWEEN = re.compile(r"[\s\-‐‑‒–—―−ー－・.()（）\[\]]+")
_DIGITS = re.compile(r"[0-9]+")
_ELEVEN = ("050", "060", "070", "080", "090")
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
        return None
    if len(digits) == 11:
        return None if digits.startswith(_ELEVEN) else "kind-not-allowed"
    return "too-long"


def mask(digits: str) -> str:
    """A number for a log: enough to tell two apart, not enough to call."""
    return f"{digits[:2]}***{digits[-2:]}" if len(digits) > 5 else "***"


def shown(digits: str) -> str:
    """A number as people write it, where its grouping is known for certain: 06-0000-1111, 090-1234-5678."""
    if len(digits) == 11:
        return f"{digits[:3]}-{digits[3:7]}-{digits[7:]}"
    if len(digits) == 10 and digits.startswith(("03", "06")):
        return f"{digits[:2]}-{digits[2:6]}-{digits[6:]}"
    return digits
