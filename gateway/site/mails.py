"""A list of mail addresses in a form: fields that are all called `addresses`, of which empty ones do not count.

So what a service says of the third address is of the third that was filled in; `components/mail_list.html` shows them
in that order.
"""

import unicodedata
from collections.abc import Iterable

from gateway.site.browser import language
from gateway.site.forms import Form, Wrong
from gateway.site.services import Object
from gateway.site.wording import WORDS
from gateway.site.words import N_, Translate

FIELD = "addresses"


def typed(form: Form) -> list[str]:
    """In the order of the page, full-width letters as what they stand for."""
    plain = [unicodedata.normalize("NFKC", text).strip() for text in form.all(FIELD)]
    return [one for one in plain if one]


def wrong(form: Form, say: Translate) -> list[Wrong]:
    """What is plain to see, so that nobody is asked about a change that cannot be saved. The service knows the rest."""
    sentence = say(WORDS["not-a-mail-address"])
    return [Wrong(f"{FIELD}.{place}", sentence) for place, one in enumerate(typed(form)) if one.count("@") != 1]


def name(field: str, say: Translate) -> str:
    """Of one field, as the page calls it; "" for the list as a whole."""
    place = field.removeprefix(f"{FIELD}.")
    return say(N_("メールアドレス %(place)s")) % {"place": int(place) + 1} if place.isdecimal() else ""


def removes(before: Object, after: Object) -> bool:
    """Whether a change leaves out an address that had mails until now."""
    return not set(before[FIELD]) <= set(after[FIELD])


def joined(words: Iterable[str]) -> str:
    """One after the other, as the language of the page lists things."""
    return (", " if language() == "en" else "、").join(words)
