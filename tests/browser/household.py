"""A customer with every option on two numbers, some settings, and a browser that may be logged in already."""

from dataclasses import dataclass, field, replace
from typing import Self
from urllib.parse import urlsplit

from playwright.sync_api import Page

from chassis.testing import eventually
from tests.e2e.customer import API, LASTING, Customer

COOKIE = "tsunagu-session"
OFFICE_NUMBERS = 200


@dataclass(frozen=True)
class Household(Customer):
    """`token` is of one login for all windows that begin logged in, `fax_key` the receiver's of its faxes."""

    fax_key: str = ""
    _tokens: list[str] = field(default_factory=list)
    _offices: list["Household"] = field(default_factory=list)

    @property
    def source(self) -> str:
        """An address from which no other customer comes."""
        number = int(self.number)
        return f"2001:db8:{number >> 16 & 0xFFFF:x}:{number & 0xFFFF:x}::2"

    @property
    def voicewarp(self) -> str:
        return f"/numbers/{self.number}/voicewarp"

    def move_in(self) -> Self:
        """Every option, and as much set as lets each be started."""
        every = ["voicewarp", "incoming-mail"]
        self.register({self.number: every, self.second_number: [*every, "fax-mail"]}, ["bulk-forward", "fault-notice"])
        self.heard()
        assert self.operator.put(self.forwarding, {"entries": self.entries}).status == 200
        notice = {"started": True, "addresses": self.addresses}
        assert self.operator.put(f"{API}/contracts/{self.number}/fault-notice", notice).status == 200
        self._set(f"{API}{self.voicewarp}", destinations=[{"number": "09012345678", "label": "携帯"}], active=1)
        self._set(f"{API}/numbers/{self.number}/incoming-mail", addresses=self.addresses, started=True)
        return self

    def _set(self, path: str, **changes: object) -> None:
        assert eventually(lambda: self.operator.get(path).status == 200)
        assert self.operator.put(path, {**self.operator.get(path).body, **changes}).status == 200

    def office(self) -> "Household":
        """Another customer, with two hundred numbers, most of them forwarded; the same each time."""
        if not self._offices:
            self._offices.append(replace(self, number=f"03{self.number[2:]}", _tokens=[], _offices=[])._open())
        return self._offices[0]

    def _open(self) -> Self:
        """Its numbers are those behind the household's, in another place."""
        others = [f"04{int(self.number[2:]) + place}" for place in range(1, OFFICE_NUMBERS)]
        numbers = {number: ["voicewarp", "incoming-mail"] for number in (self.number, *others)}
        self.register(numbers, ["bulk-forward", "fault-notice"])
        self.heard()
        assert self.operator.put(self.forwarding, {"entries": dict.fromkeys(others[9:], "0312345678")}).status == 200
        assert eventually(self.token)
        return self

    def token(self) -> str:
        """Of a login with the lasting password."""
        if not self._tokens:
            self.at_home("line")
            answer = self.log_in(self.number, LASTING)
            assert answer.status == 201, answer
            self._tokens.append(answer.body["token"])
        return self._tokens[0]

    def enter(self, page: Page) -> Page:
        """Logged in without the login page."""
        host = urlsplit(self.site).hostname or ""
        page.context.add_cookies([{"name": COOKIE, "value": self.token(), "domain": host, "path": "/"}])
        return page
