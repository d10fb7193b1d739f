"""The page of VoiceWarp's destinations: up to four numbers with labels, one of which is in use.

Changing where calls go asks first, so what can be known to be wrong is found before that.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from contracts import phone
from gateway.site.desk import Site
from gateway.site.editing import Edit, Row
from gateway.site.forms import Form, Wrong
from gateway.site.services import Object, Reply
from gateway.site.words import N_

MOST = 4
LONGEST_LABEL = 40
PLACES = range(MOST)

WORDS = {
    ("destinations.*.number", "empty"): N_("転送先の電話番号を入力してください"),
    ("destinations.*.number", "too-short"): N_("電話番号の桁数が足りません。市外局番から入力してください"),
    ("destinations.*.number", "too-long"): N_("電話番号の桁数が多すぎます。番号を確かめてください"),
    ("destinations.*.label", "too-long"): N_("名前は40文字以内にしてください"),
    ("active", "no-active-destination"): N_(
        "転送を開始しているあいだは、使う転送先が必要です。使わないときは、先に転送を停止してください"
    ),
    ("active", "no-such-destination"): N_("使う転送先を選び直してください"),
}


def page(site: Site, number: str) -> Edit:
    own = f"/numbers/{number}/voicewarp"
    return Edit(
        path=own,
        url=f"{own}/destinations",
        template="voicewarp/destinations.html",
        done=own,
        said=N_("転送先を保存しました。"),
        values=fields,
        tidy=tidy,
        body=body,
        check=lambda form: _wrong(site, form, number),
        rows=lambda setting: _rows(site, setting),
        words=WORDS,
        names=lambda field: _name(site, field),
        asks=_goes_elsewhere,
        question="voicewarp/confirm.html",
    )


def fields(setting: Object) -> Mapping[str, str]:
    """A setting as the form's fields. Where there is no destination yet, the first is the one to be used."""
    listed = setting["destinations"]
    rows = {
        f"destinations.{place}.{part}": phone.shown(one[part]) if part == "number" else one[part]
        for place, one in enumerate(listed)
        for part in ("number", "label")
    }
    return {**rows, "active": str(setting["active"] or ("" if listed else "1"))}


def tidy(form: Form) -> Form:
    """Without gaps, so that a place means the same to the service and on the page; not while the gap is in use."""
    filled = [place for place in PLACES if any(_typed(form, place))]
    chosen = _chosen(form)
    if chosen is not None and chosen not in filled:
        return form
    rows = {
        f"destinations.{place}.{part}": [typed]
        for place, old in enumerate(filled)
        for part, typed in zip(("number", "label"), _typed(form, old), strict=True)
    }
    active = "" if chosen is None else str(filled.index(chosen) + 1)
    return replace(form, values={**rows, "active": [active]})


def body(form: Form, setting: Object) -> Object:
    rows = [_typed(form, place) for place in PLACES]
    chosen = _chosen(form)
    listed = [{"number": phone.normalise(number), "label": label} for number, label in rows if number or label]
    return {**setting, "destinations": listed, "active": None if chosen is None else chosen + 1}


def _typed(form: Form, place: int) -> tuple[str, str]:
    """Number and label."""
    return form.value(f"destinations.{place}.number").strip(), form.value(f"destinations.{place}.label").strip()


def _chosen(form: Form) -> int | None:
    active = form.value("active")
    return PLACES[int(active) - 1] if active in {str(place + 1) for place in PLACES} else None


def _wrong(site: Site, form: Form, own: str) -> Sequence[Wrong]:
    errors = list(_errors(form, own))
    return site.wrong(Reply(422, {"errors": errors}), WORDS) if errors else ()


def _errors(form: Form, own: str) -> Iterator[Mapping[str, str]]:
    """What can be said without asking the service, as it would say it."""
    rows = [_typed(form, place) for place in PLACES]
    numbers = [phone.normalise(number) for number, _ in rows]
    counted = Counter(numbers)
    for place, (number, label) in enumerate(rows):
        if not number and not label and place != _chosen(form):
            continue
        code = phone.refusal(numbers[place]) or _repeated(numbers[place], own, counted)
        if code:
            yield {"field": f"destinations.{place}.number", "code": code}
        if len(label) > LONGEST_LABEL:
            yield {"field": f"destinations.{place}.label", "code": "too-long"}


def _name(site: Site, field: str) -> str:
    """転送先2 for all fields of the second destination."""
    row = re.match(r"destinations\.(\d)\.", field)
    return site.say(N_("転送先%(place)s")) % {"place": int(row[1]) + 1} if row else ""


def _repeated(number: str, own: str, counted: Mapping[str, int]) -> str:
    return "own-number" if number == own else "repeated-number" if counted[number] > 1 else ""


def _rows(site: Site, setting: Object) -> Sequence[Row]:
    """Each destination, and which one is in use."""
    worded = [_worded(one) for one in setting["destinations"]]
    numbered = [Row(site.say(N_("転送先%(place)s")) % {"place": n}, words) for n, words in enumerate(worded, 1)]
    active = setting["active"]
    used = worded[active - 1] if active and active <= len(worded) else site.say(N_("なし"))
    return [Row(site.say(N_("使う転送先")), used), *numbered]


def _worded(one: Object) -> str:
    number = phone.shown(one["number"])
    return f"{number}（{one['label']}）" if one["label"] else number


def _goes_elsewhere(before: Object, after: Object) -> bool:
    """Another number, or another one in use; labels alone are saved at once."""
    return _ways(before) != _ways(after)


def _ways(setting: Object) -> tuple[Sequence[str], int | None]:
    return [one["number"] for one in setting["destinations"]], setting["active"]
