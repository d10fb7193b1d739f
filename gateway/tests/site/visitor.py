"""A browser without scripts, in front of a gateway whose services are small real ones that a test makes answer."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from types import CodeType
from typing import Any, cast

from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug import Request, Response
from werkzeug.test import TestResponse

from gateway.bootstrap import build
from gateway.settings import Settings
from gateway.site.browser import LANGUAGES
from gateway.site.desk import Site
from gateway.tests.upstreams import Asked, Service, json, problem, serving

CONTRACT, SECOND = "0600001111", "0600002222"
TOKEN, PASSWORD = "tss_visitor", "tsunagu2026"
SITE = "https://tsunagu.example"
ME = {
    "number": CONTRACT,
    "unit": "line",
    "contract_number": CONTRACT,
    "numbers": [
        {"number": CONTRACT, "options": ["voicewarp", "incoming-mail"]},
        {"number": SECOND, "options": ["incoming-mail", "fax-mail"]},
    ],
    "options": ["bulk-forward", "fault-notice"],
}
ENDS = "2026-11-23T15:34:00+09:00"
SESSION = {
    "token": TOKEN,
    "id": "s1",
    "number": CONTRACT,
    "unit": "line",
    "expires_at": ENDS,
    "must_change_password": False,
    "numbers": [CONTRACT, SECOND],
}


@dataclass
class Form:
    """A form of a page: its address and what it sends as it stands."""

    action: str = ""
    method: str = "get"
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[str] = field(default_factory=list)
    id: str = ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.lang = self.title = ""
        self._select = self._area = ""
        self._in_button = self._in_title = False

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        form = self.forms[-1] if self.forms else Form()
        match tag:
            case "html":
                self.lang = found["lang"]
            case "title":
                self._in_title = True
            case "form":
                self.forms.append(Form(found.get("action", ""), found.get("method", "get"), id=found.get("id", "")))
            case "input" if found.get("type") in ("radio", "checkbox"):
                if "checked" in found:
                    form.fields.append((found["name"], found.get("value", "on")))
            case "input" if found.get("type") != "file":
                form.fields.append((found["name"], found.get("value", "")))
            case "select":
                self._select = found["name"]
            case "option" if "selected" in found:
                form.fields.append((self._select, found["value"]))
            case "textarea":
                self._area = found["name"]
            case "button" if "form" in found:
                self._in_button = True
                (owner,) = (one for one in self.forms if one.id == found["form"])
                self.forms.append(replace(owner, action=found["formaction"], buttons=[""], id=""))
            case "button":
                self._in_button = True
                form.buttons.append("")

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "title":
                self._in_title = False
            case "textarea":
                self._area = ""
            case "button":
                self._in_button = False

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
        elif self._in_button and self.forms:
            self.forms[-1].buttons[-1] += data
        elif self._area:
            self.forms[-1].fields.append((self._area, data.removeprefix("\n")))


@dataclass
class Page:
    """An answer as the visitor sees it."""

    response: TestResponse

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def text(self) -> str:
        return self.response.text

    @property
    def path(self) -> str:
        """Where the visitor is, after all redirects."""
        return self.response.request.path

    @property
    def title(self) -> str:
        return self._read.title

    @property
    def lang(self) -> str:
        return self._read.lang

    def form(self, button: str) -> Form:
        """The form with this button."""
        found = [form for form in self._read.forms if any(words.startswith(button) for words in form.buttons)]
        assert found, f"There is no button {button!r} among {[form.buttons for form in self._read.forms]}."
        return found[0]

    @property
    def _read(self) -> _Reader:
        reader = _Reader()
        reader.feed(self.text)
        return reader


class Compiled(BytecodeCache):
    """Templates compiled by one gateway of this process serve the next; compiling takes longer than most tests."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, CodeType | None]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        checksum, code = self._kept.get(bucket.key, ("", None))
        bucket.code = code if checksum == bucket.checksum else None

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.checksum, bucket.code


COMPILED = {name: Compiled() for name in LANGUAGES}


class Visitor:
    """The browser and the services behind the gateway, by name. A service answers `views` by path."""

    def __init__(self, stack: ExitStack, **changes: Any) -> None:
        # Every service there is, and those that are to come, have an address.
        names = [name.removesuffix("_url") for name in Settings.__dataclass_fields__ if name.endswith("_url")]
        self.services = {name: stack.enter_context(serving(Service())) for name in names if name != "site"}
        urls = {f"{name}_url": service.url for name, service in self.services.items()}
        settings: dict[str, Any] = {**urls, "service_seconds": 5, "site_url": SITE, **changes}
        app = build(Settings(**settings))
        site = cast(Site, app.jinja_env.globals["site"])
        for name, environment in site.templates.items():
            environment.bytecode_cache = COMPILED[name]
        self.client: FlaskClient = app.test_client()
        self.tokens = {TOKEN}
        # What the login opens, and for how many seconds the gateway may take it as known: by default a change of a test
        # is seen at once.
        self.login: dict[str, Any] = ME | {"session_expires_at": ENDS, "must_change_password": False}
        self.lifetime = 0
        auth = self.services["auth"].views
        auth["/tokens"] = self._exchange
        auth["/sessions"] = lambda request: (
            json(SESSION, 201) if request.get_json()["password"] == PASSWORD else problem(401, "login-failed")
        )
        auth["/sessions/current"] = lambda _: json(SESSION)

    def _exchange(self, request: Request) -> Response:
        known = request.get_json()["bearer"] in self.tokens
        granted = {"token": "signed", "expires_in": self.lifetime, "login": self.login}
        return json(granted) if known else problem(401, "token-invalid")

    def __getitem__(self, name: str) -> Service:
        return self.services[name]

    def open(self, path: str, **headers: str) -> Page:
        return Page(self.client.get(path, base_url=SITE, follow_redirects=True, headers=headers))

    def press(self, page: Page, button: str, follow: bool = True, **typed: str | list[str]) -> Page:
        """Sends the form with this button, with other values for the fields that are named. A field's dots are `__`.

        A list stands for several values, an empty one takes the field away.
        """
        form = page.form(button)
        changed = {name.replace("__", "."): [v] if isinstance(v, str) else v for name, v in typed.items()}
        fields = [(name, value) for name, value in form.fields if name not in changed]
        fields += [(name, value) for name, values in changed.items() for value in values]
        return self.send(form.action or page.path, fields, follow)

    def send(
        self, path: str, fields: Sequence[tuple[str, str]], follow: bool = True, origin: str = "same-origin"
    ) -> Page:
        data: dict[str, list[str]] = {}
        for name, value in fields:
            data.setdefault(name, []).append(value)
        sent = {"Sec-Fetch-Site": origin}
        return Page(self.client.post(path, data=data, base_url=SITE, headers=sent, follow_redirects=follow))

    def log_in(self) -> Page:
        return self.press(self.open("/login"), "ログインする", number="06-0000-1111", password=PASSWORD)

    @property
    def calls(self) -> int:
        """How often services were asked for something, beside who somebody is."""
        return sum(one.path != "/tokens" for service in self.services.values() for one in service.asked)

    def asked(self, service: str, method: str, path: str) -> list[Asked]:
        """What a service was asked of this kind."""
        return [one for one in self[service].asked if (one.method, one.path) == (method, path)]
