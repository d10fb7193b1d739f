"""`Site`: what every page has at hand: the services, the customer, what was typed, and how to answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal, TypeVar

import flask
from flask import Response
from flask.typing import ResponseReturnValue
from jinja2 import Environment

from chassis.access import public
from chassis.errors import Unavailable
from gateway.site import browser, notice
from gateway.site.browser import Cookies
from gateway.site.demo import Demo
from gateway.site.forms import RESUMED, Form, Wrong
from gateway.site.notice import Notice
from gateway.site.services import Object, PasswordDue, Reply, Services, SessionEnded
from gateway.site.showing import now
from gateway.site.wording import OwnWords, wrong_of
from gateway.site.words import Translate

View = TypeVar("View", bound=Callable[..., ResponseReturnValue])


def is_closed(view: object) -> bool:
    """Whether a page is for who is logged in, a customer or an operator."""
    return bool(getattr(view, "closed", False))


def _closed(view: View) -> View:
    """The page itself asks who is logged in; `public` only says that no token is needed."""
    view.closed = True  # type: ignore[attr-defined]
    return public(view)


@dataclass(frozen=True)
class Me:
    """Who is logged in and what the login opens: the options by number, and those of the whole contract."""

    number: str
    unit: Literal["line", "number", "admin-user"]
    contract_number: str
    numbers: Mapping[str, Sequence[str]]
    options: Sequence[str]

    @property
    def all_numbers(self) -> bool:
        """Whether the whole contract is open, not only the number that is logged in."""
        return self.number == self.contract_number and self.unit != "number"


def _me_of(login: Object) -> Me:
    numbers = {one["number"]: one["options"] for one in login["numbers"]}
    return Me(login["number"], login["unit"], login["contract_number"], numbers, login["options"])


@dataclass(frozen=True)
class Site:
    """One for all requests; what it tells is of the present one."""

    services: Services
    cookies: Cookies
    say: Translate
    # The templates in each language.
    templates: Mapping[str, Environment]
    # The same services as an operator asks them, and as the demo's telephone does.
    staff: Services
    telephone: Services
    demo: Demo

    # --- who

    @property
    def logged_in(self) -> bool:
        """Whether the browser says so; only a service knows whether it is still true."""
        return bool(browser.session_token(self.cookies))

    @property
    def me(self) -> Me:
        """Made once a request. Raises what `services.login` does, and PasswordDue while nothing is open."""
        if "me" not in flask.g:
            if self._opened["must_change_password"]:
                raise PasswordDue
            flask.g.me = _me_of(self._opened)
        known: Me = flask.g.me
        return known

    def look(self, paths: Callable[[Me], Mapping[str, str]]) -> dict[str, Object | None]:
        """What is at the paths that follow from who is logged in, as `services.look` finds it. Raises as `me` does.

        Who comes back within a minute does not wait first for what the login opens: that is asked meanwhile, and all
        of it once more should it not be the same any more.
        """
        lately = self.services.lately()
        if lately and not lately["must_change_password"]:
            found = self.services.look(paths(_me_of(lately)), ahead=True)
            if self._opened == lately:
                return found
        return self.services.look(paths(self.me))

    @property
    def _opened(self) -> Object:
        """Read once a request. Raises what `services.login` does."""
        if not flask.g.get("login"):
            flask.g.login = self.services.login()
        told: Object = flask.g.login
        return told

    def private(self, view: View) -> View:
        """The page is for who is logged in; others log in first, and what they typed waits for them."""

        @wraps(view)
        def checked(**path: Any) -> ResponseReturnValue:
            if not self.logged_in:
                raise SessionEnded
            return view(**path)

        return _closed(checked)  # type: ignore[return-value]

    def log_in(self, token: str) -> None:
        """From this answer on the browser has this session."""
        flask.g.session_token = flask.g.new_token = token
        flask.g.pop("login", None)

    def log_out(self) -> None:
        """From this answer on the browser has none."""
        flask.g.session_token = flask.g.new_token = ""
        flask.g.pop("login", None)

    @property
    def on_duty(self) -> bool:
        """Whether the browser is an operator's; only auth knows whether the key is still good."""
        return bool(browser.operator_key(self.cookies))

    def for_operators(self, view: View) -> View:
        """The page is for operators alone; a customer's login does not open it."""

        @wraps(view)
        def checked(**path: Any) -> ResponseReturnValue:
            if not self.on_duty:
                raise SessionEnded
            return view(**path)

        return _closed(checked)  # type: ignore[return-value]

    def show_key(self, key: str) -> None:
        """For the rest of this request, `staff` asks with this key."""
        flask.g.operator_key = key

    def go_on_duty(self) -> None:
        """From this answer on the browser has the operator's key that was shown."""
        flask.g.new_operator_key = flask.g.operator_key

    def go_off_duty(self) -> None:
        """From this answer on it has none."""
        flask.g.operator_key = flask.g.new_operator_key = ""

    # --- what was typed

    @property
    def sending(self) -> bool:
        """Whether a form was sent to be carried out, and not only to be shown again."""
        return flask.request.method == "POST" and RESUMED not in flask.request.form

    @property
    def form(self) -> Form:
        """What was typed."""
        return Form.sent(flask.request.form)

    def resumed(self) -> Form | None:
        """What was typed before a login came between, to be shown again."""
        return self.form.again() if RESUMED in flask.request.form else None

    def wrong(self, reply: Reply, own: OwnWords | None = None) -> tuple[Wrong, ...]:
        """What a refusal says to whoever typed."""
        return wrong_of(reply, self.say, own or {})

    # --- answers

    def render(self, template: str, status: int = 200, /, **context: Any) -> Response:
        flask.current_app.update_template_context(context)
        page = self.templates[browser.language()].get_template(template).render(context)
        return flask.make_response(page, status)

    def go(self, url: str, said: Notice | None = None) -> Response:
        """On to another page of ours (303, so that going back sends nothing again), where `said` is shown."""
        response = flask.redirect(url, 303)
        flask.g.new_notice = said
        assert isinstance(response, Response)
        return response

    def done(self, sentence: str, /, undo: str = "", back: str = "", **values: object) -> Notice:
        """A notice that something was done; `sentence` is Japanese, `values` go into its %(name)s."""
        return Notice(
            self.say(sentence) % values if values else self.say(sentence), "done", undo, back, now().timestamp()
        )

    def attention(self, sentence: str) -> Notice:
        """A notice that something is to be looked at, in the page's language."""
        return Notice(sentence, "attention")

    def notice(self) -> Notice | None:
        """What an earlier answer left to be said, once."""
        cookie = self.cookies.read("said")
        if not cookie or flask.g.get("notice_read"):
            return None
        flask.g.notice_read = True
        return notice.read(cookie, browser.form_secret(self.cookies))

    def login(self) -> Object:
        """What any page tells of the login; {} without one, and while auth is away. Asked for once a request.

        Raises SessionEnded, and Forbidden for an API key.
        """
        if "login" not in flask.g:
            try:
                flask.g.login = self.services.login() if self.logged_in else {}
            except Unavailable:
                flask.g.login = {}
        known: Object = flask.g.login
        return known
