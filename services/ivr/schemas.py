"""The bodies of the telephone, and a call as JSON (spec section 12) and as a page of VoiceXML 2.1."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

from marshmallow import ValidationError, fields, validate, validates_schema

from chassis.answers import Answer
from chassis.web import Body, Boolean, Query
from contracts import phone
from services.ivr.model import LENGTHS, Call, guidance

# Longer than any number with everything that people and switches put around it.
LONGEST_CALLER = 100
MOST_KEYS = 100
KEYS = r"\A[0-9*#]*\Z"
VOICEXML = "application/voicexml+xml"
# Where a voice platform has the caller's number: in the variable of VoiceXML 2.1, or in those of older ones.
CALLER_FIELDS = ("caller", "session.connection.remote.uri", "session.callerid", "session.telephone.ani")
NOT_NOW = "ただいまご利用になれません。しばらくしてからおかけ直しください。"
_URI = re.compile(r"\s*(?:[^<]*<)?\s*(?:tel|sips?):([^@;?>\s]*)", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{10,11}")


class CallBody(Body):
    """A call comes in. `caller` is null where the caller keeps the number back."""

    caller = fields.String(required=True, allow_none=True, validate=validate.Length(max=LONGEST_CALLER))


class KeysBody(Body):
    """Keys as they were pressed, or that none was for as long as the telephone waits."""

    keys = fields.String(validate=[validate.Length(1, MOST_KEYS), validate.Regexp(KEYS)])
    timeout = Boolean(validate=validate.Equal(True))

    @validates_schema
    def one_of_both(self, data: Mapping[str, Any], **_: Any) -> None:
        if ("keys" in data) == ("timeout" in data):
            raise ValidationError("keys-or-timeout", "keys")


class Keys(fields.String):
    """Keys in the spelling of a DTMF grammar's result: perhaps spaces between them, perhaps names for `*` and `#`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        said = "".join(super()._deserialize(value, attr, data, **kwargs).split())
        return said.replace("dtmf-", "").replace("star", "*").replace("pound", "#")


class PageBody(Query):
    """What our pages submit; see `page`. Whatever else a platform adds is ignored."""

    caller = fields.String(load_default=None, validate=validate.Length(max=LONGEST_CALLER))
    call = fields.UUID(load_default=None)
    turn = fields.Integer(load_default=None, validate=validate.Range(1, 1_000_000))
    keys = Keys(load_default="", validate=[validate.Length(max=MOST_KEYS), validate.Regexp(KEYS)])
    timeout = fields.Boolean(load_default=False)
    hangup = fields.Boolean(load_default=False)


# `POST /ivr/voicexml` reads its body itself, as it is a form.
FORM = {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": PageBody}}}


def form_of(form: Mapping[str, str]) -> dict[str, str]:
    """The fields of `PageBody` among those of a form, whatever the platform calls the caller."""
    caller = next((form[name] for name in CALLER_FIELDS if name in form), None)
    known = {name: form[name] for name in PageBody().fields if name in form}
    return {**known, **({"caller": caller} if caller is not None else {})}


def caller_of(said: str | None) -> str:
    """The caller's number, digits only, out of a number as people write it or a `tel:` or `sip:` URI; may be none."""
    uri = _URI.match(said or "")
    return phone.normalise(uri[1] if uri else said or "")


class ExpectsSchema(Answer):
    """What the telephone waits for: so many keys, or as many as there are before `ends_with`."""

    kind = fields.String(validate=validate.OneOf(("keys",)))
    length = fields.Integer(allow_none=True)
    ends_with = fields.String(allow_none=True)


class CallSchema(Answer):
    """A call after whatever was done in it; null is expected of one that is finished."""

    call_id = fields.String()
    guidance = fields.List(fields.String())
    expects = fields.Nested(ExpectsSchema, allow_none=True)
    finished = fields.Boolean()


def shown(call_id: str, call: Call, finished: bool) -> dict[str, Any]:
    """A call as the answer to whatever was done in it."""
    return {
        "call_id": call_id,
        "guidance": list(guidance(call)),
        "expects": None if finished else _expects(call),
        "finished": finished,
    }


def _expects(call: Call) -> dict[str, Any]:
    """A telephone number has no length of its own, and an end."""
    ended = call.step == "number"
    return {"kind": "keys", "length": None if ended else LENGTHS[call.step], "ends_with": "#" if ended else None}


@dataclass(frozen=True)
class Turn:
    """A call at one moment, as its page shows it."""

    call_id: str
    revision: int
    call: Call
    finished: bool


def start_page() -> bytes:
    """The page that a platform begins with: it hands the caller's number over."""
    root = _root()
    _on_failure(root)
    block = _sub(_sub(root, "form"), "block")
    _sub(block, "var", name="caller", expr="session.connection.remote.uri")
    _sub(block, "submit", next="voicexml", method="post", namelist="caller")
    return _written(root)


def page(turn: Turn, silence: timedelta) -> bytes:
    """What a platform does now: say the guidance, take one entry and hand it over, or end the call."""
    root = _root()
    if turn.finished:
        _end(root, turn.call)
    else:
        _ask(root, turn, silence)
    return _written(root)


def _end(root: ElementTree.Element, call: Call) -> None:
    block = _sub(_sub(root, "form"), "block")
    _say(block, guidance(call), bargein="false")
    # Who has hung up is not there to be disconnected.
    _sub(block, "exit" if call.ended == "hung-up" else "disconnect")


def _ask(root: ElementTree.Element, turn: Turn, silence: timedelta) -> None:
    """The grammar ends exactly where an entry ends, so a platform's own end key and timers have nothing to add."""
    wait = f"{silence.total_seconds():g}s"
    for name, value in (
        ("inputmodes", "dtmf"), ("timeout", wait), ("interdigittimeout", wait), ("termtimeout", "0s"), ("termchar", ""),
    ):  # fmt: skip
        _sub(root, "property", name=name, value=value)
    _sub(root, "var", name="call", expr=f"'{turn.call_id}'")
    _sub(root, "var", name="turn", expr=f"'{turn.revision}'")
    _submit(_sub(root, "catch", event="connection.disconnect.hangup"), "hangup")
    _on_failure(root)
    field = _sub(_sub(root, "form", id="dialogue"), "field", name="keys")
    _grammar(field, turn.call)
    _say(field, guidance(turn.call))
    _submit(_sub(field, "catch", event="noinput nomatch"), "timeout")
    _sub(_sub(field, "filled"), "submit", next="voicexml", method="post", namelist="call turn keys")


def _submit(handler: ElementTree.Element, what: str) -> None:
    _sub(handler, "var", name=what, expr="'true'")
    _sub(handler, "submit", next="voicexml", method="post", namelist=f"call turn {what}")


def _on_failure(root: ElementTree.Element) -> None:
    """A refused caller is let go without a word, as one that was never connected."""
    _sub(_sub(root, "catch", event="error.badfetch.http.403"), "disconnect")
    handler = _sub(root, "catch", event="error")
    _say(handler, (NOT_NOW,))
    _sub(handler, "disconnect")


def _say(parent: ElementTree.Element, sentences: tuple[str, ...], **attributes: str) -> None:
    """Numbers are to be read digit by digit."""
    if not sentences:
        return
    prompt = _sub(parent, "prompt", **attributes)
    prompt.set("xml:lang", "ja-JP")
    last, text = None, "".join(sentences)
    for number in _NUMBER.finditer(text):
        prompt.text = text[: number.start()]
        last = _sub(prompt, "say-as", **{"interpret-as": "digits"})
        last.text, last.tail = number[0], text[number.end() :]
    if last is None:
        prompt.text = text


def _grammar(field: ElementTree.Element, call: Call) -> None:
    """All keys up to the entry's length, or fewer with `#` at their end."""
    grammar = _sub(field, "grammar", mode="dtmf", version="1.0", root="entry", type="application/srgs+xml")
    length = LENGTHS[call.step]
    ways = _sub(_sub(grammar, "rule", id="entry", scope="public"), "one-of")
    _sub(_sub(ways, "item"), "item", repeat=f"{length}").append(_reference())
    short = _sub(ways, "item")
    if length > 1:
        _sub(short, "item", repeat=f"0-{length - 1}").append(_reference())
    _sub(short, "item").text = "#"
    keys = _sub(_sub(grammar, "rule", id="key"), "one-of")
    for key in "0123456789*":
        _sub(keys, "item").text = key


def _reference() -> ElementTree.Element:
    return ElementTree.Element("ruleref", {"uri": "#key"})


def _root() -> ElementTree.Element:
    return ElementTree.Element("vxml", {"version": "2.1", "xmlns": "http://www.w3.org/2001/vxml", "xml:lang": "ja-JP"})


def _sub(parent: ElementTree.Element, tag: str, **attributes: str) -> ElementTree.Element:
    return ElementTree.SubElement(parent, tag, attributes)


def _written(root: ElementTree.Element) -> bytes:
    ElementTree.indent(root)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written
