"""A browser as an attacker drives one: cookies, forms and headers as they like."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import urllib3

SESSION, VISIT = "tsunagu-session", "tsunagu-visit"
_PROOF = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass
class Page:
    status: int
    headers: urllib3.HTTPHeaderDict
    text: str

    @property
    def proof(self) -> str:
        """Of the first form."""
        found = _PROOF.search(self.text)
        assert found, "no form"
        return unescape(found[1])


@dataclass
class Browser:
    """Redirects are shown, not followed. `source` is the address from which it comes."""

    site: str
    source: str = "2001:db8:b0b::1"
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Page:
        return self._send("GET", path, None, headers)

    def post(self, path: str, fields: Mapping[str, str], **headers: str) -> Page:
        """As a form of ours sends it, unless `headers` say otherwise."""
        said = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
        return self._send("POST", path, urlencode(fields).encode(), said | headers)

    def log_in(self, number: str, password: str) -> Page:
        form = self.get("/login")
        return self.post("/login", {"csrf": form.proof, "number": number, "password": password})

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Page:
        sent = {"X-Forwarded-For": self.source, **headers}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = urllib3.request(method, self.site + path, body=body, headers=sent, retries=False, timeout=30)
        for line in answer.headers.getlist("Set-Cookie"):
            for name, kept in SimpleCookie(line).items():
                self.cookies[name] = kept.value
                if not kept.value:
                    del self.cookies[name]
        return Page(answer.status, answer.headers, answer.data.decode("utf-8", "replace"))
