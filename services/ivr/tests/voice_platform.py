"""A voice platform as small as one can be: it runs our pages as VoiceXML 2.1 says, and knows nothing else of them.

What it does not understand in a page fails the test: an element, an attribute or a way to write an expression.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin
from xml.etree import ElementTree

import flask

VXML = "{http://www.w3.org/2001/vxml}"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
# Element -> the attributes that it may have here, and the elements that may stand in it.
SCHEMA: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "vxml": (frozenset({"version", LANG}), frozenset({"property", "var", "catch", "form"})),
    "property": (frozenset({"name", "value"}), frozenset()),
    "var": (frozenset({"name", "expr"}), frozenset()),
    "form": (frozenset({"id"}), frozenset({"block", "field"})),
    "block": (frozenset(), frozenset({"var", "prompt", "submit", "disconnect", "exit"})),
    "field": (frozenset({"name"}), frozenset({"grammar", "prompt", "catch", "filled"})),
    "catch": (frozenset({"event"}), frozenset({"var", "prompt", "submit", "disconnect"})),
    "filled": (frozenset(), frozenset({"submit"})),
    "submit": (frozenset({"next", "method", "namelist"}), frozenset()),
    "prompt": (frozenset({"bargein", LANG}), frozenset({"say-as"})),
    "say-as": (frozenset({"interpret-as"}), frozenset()),
    "disconnect": (frozenset(), frozenset()),
    "exit": (frozenset(), frozenset()),
    "grammar": (frozenset({"mode", "version", "root", "type"}), frozenset({"rule"})),
    "rule": (frozenset({"id", "scope"}), frozenset({"one-of"})),
    "one-of": (frozenset(), frozenset({"item"})),
    "item": (frozenset({"repeat"}), frozenset({"item", "ruleref"})),
    "ruleref": (frozenset({"uri"}), frozenset()),
}
# Fetches a page: method, URL, form.
Fetch = Callable[[str, str, Mapping[str, str]], Any]


class Disconnected(Exception):
    """The platform has ended the call."""


@dataclass
class VoicePlatform:
    """One call from `remote`. `heard` is all that was said, digits spelled apart."""

    fetch: Fetch
    url: str
    remote: str
    heard: list[str] = field(default_factory=list)
    page: ElementTree.Element = field(init=False)
    variables: dict[str, str] = field(default_factory=dict)
    keys: str = ""

    def begin(self) -> None:
        self._show("GET", self.url, {})

    def press(self, keys: str) -> None:
        """Keys in any portion; an entry ends where the grammar can take no more."""
        for key in keys:
            self.keys += key
            grammar = _grammar(self._field())
            if grammar.fullmatch(self.keys):
                self.variables[self._field().attrib["name"]], self.keys = self.keys, ""
                self._run(_only(self._field(), "filled"))

    def wait(self) -> None:
        """Longer than the timeouts: no input at all is `noinput`, half an entry is `nomatch`."""
        event, self.keys = "nomatch" if self.keys else "noinput", ""
        self._raise(event)

    def hang_up(self) -> None:
        self._raise("connection.disconnect.hangup")

    def _show(self, method: str, url: str, form: Mapping[str, str]) -> None:
        answer = self.fetch(method, url, form)
        if answer.status_code != 200:
            self._raise(f"error.badfetch.http.{answer.status_code}")
            return
        assert answer.mimetype == "application/voicexml+xml"
        self.url, self.variables = url, {}
        self.page = _checked(answer.get_data())
        for variable in self.page.findall(f"{VXML}var"):
            self._assign(variable)
        form_ = _only(self.page, "form")
        if (block := form_.find(f"{VXML}block")) is not None:
            self._run(block)
        else:
            self._say(self._field().findall(f"{VXML}prompt"))

    def _field(self) -> ElementTree.Element:
        return _only(_only(self.page, "form"), "field")

    def _raise(self, event: str) -> None:
        """The first handler in the nearest scope whose name is the event's or the beginning of it."""
        field_ = self.page.find(f"{VXML}form/{VXML}field")
        for scope in ([field_] if field_ is not None else []) + [self.page]:
            for handler in scope.findall(f"{VXML}catch"):
                if any(f"{event}.".startswith(f"{name}.") for name in handler.attrib["event"].split()):
                    self._run(handler)
                    return
        raise AssertionError(f"nobody takes {event}")

    def _run(self, handler: ElementTree.Element) -> None:
        for step in handler:
            match step.tag.removeprefix(VXML):
                case "var":
                    self._assign(step)
                case "prompt":
                    self._say([step])
                case "submit":
                    form = {name: self.variables[name] for name in step.attrib["namelist"].split()}
                    self._show(step.attrib["method"].upper(), urljoin(self.url, step.attrib["next"]), form)
                    return
                case "disconnect" | "exit":
                    raise Disconnected

    def _assign(self, variable: ElementTree.Element) -> None:
        expression = variable.attrib["expr"]
        text = re.fullmatch(r"'([0-9a-z-]*)'", expression)
        value = text[1] if text else {"session.connection.remote.uri": self.remote}[expression]
        self.variables[variable.attrib["name"]] = value

    def _say(self, prompts: list[ElementTree.Element]) -> None:
        for prompt in prompts:
            assert prompt.attrib[LANG] == "ja-JP"
            self.heard.append("".join(_spoken(prompt)).strip())


def _spoken(prompt: ElementTree.Element) -> list[str]:
    said = [prompt.text or ""]
    for part in prompt:
        assert part.attrib == {"interpret-as": "digits"}
        said += [" ".join(part.text or ""), part.tail or ""]
    return said


def _checked(data: bytes) -> ElementTree.Element:
    page = ElementTree.fromstring(data)
    assert page.tag == f"{VXML}vxml"
    assert page.attrib == {"version": "2.1", LANG: "ja-JP"}
    for parent in page.iter():
        attributes, children = SCHEMA[parent.tag.removeprefix(VXML)]
        assert parent.attrib.keys() <= attributes
        assert {child.tag.removeprefix(VXML) for child in parent} <= children
    return page


def _only(parent: ElementTree.Element, tag: str) -> ElementTree.Element:
    (found,) = parent.findall(f"{VXML}{tag}")
    return found


def _grammar(field_: ElementTree.Element) -> re.Pattern[str]:
    """The inline grammar (SRGS, XML form, DTMF) as a regular expression over keys."""
    grammar = _only(field_, "grammar")
    assert (grammar.attrib["mode"], grammar.attrib["version"]) == ("dtmf", "1.0")
    rules = {rule.attrib["id"]: rule for rule in grammar}
    return re.compile(_expression(rules[grammar.attrib["root"]], rules))


def _expression(part: ElementTree.Element, rules: Mapping[str, ElementTree.Element]) -> str:
    match part.tag.removeprefix(VXML):
        case "ruleref":
            return _expression(rules[part.attrib["uri"].removeprefix("#")], rules)
        case "one-of":
            return "(?:" + "|".join(_expression(item, rules) for item in part) + ")"
    inside = re.escape((part.text or "").strip()) + "".join(_expression(inner, rules) for inner in part)
    repeat = part.attrib.get("repeat", "1").replace("-", ",")
    return f"(?:{inside}){{{repeat}}}"


def through(client: Any, headers: Mapping[str, str]) -> Fetch:
    """Fetches from a service's test client."""

    def fetch(method: str, url: str, form: Mapping[str, str]) -> flask.Response:
        answer: flask.Response = client.open(url, method=method, data=form or None, headers=dict(headers))
        return answer

    return fetch
