"""What a browser brings with each request: who is logged in, which language, and whether it asks for itself."""

import secrets
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import flask
from flask import Response

LANGUAGES = ("ja", "en")
LANGUAGE_SECONDS = 365 * 24 * 3600
SAID_SECONDS = 60
# As long as the longest login of a customer.
OPERATOR_SECONDS = 12 * 3600

Kept = Literal["session", "visit", "said", "language", "operator"]


@dataclass(frozen=True)
class Cookies:
    """Our cookies by what they hold. Under https they are bound to this very host (`__Host-`)."""

    secure: bool

    def name(self, kept: Kept) -> str:
        return f"__Host-tsunagu-{kept}" if self.secure else f"tsunagu-{kept}"

    def read(self, kept: Kept) -> str:
        """The cookie's text, "" when the browser has none."""
        return flask.request.cookies.get(self.name(kept), "")

    def keep(self, response: Response, kept: Kept, text: str, seconds: int | None = None) -> None:
        """Until the browser is closed, or for so many seconds. A link from a mail has to find somebody logged in, so
        SameSite is Lax; no page changes anything by GET."""
        response.set_cookie(
            self.name(kept), text, max_age=seconds, path="/", secure=self.secure, httponly=True, samesite="Lax"
        )

    def drop(self, response: Response, kept: Kept) -> None:
        response.delete_cookie(self.name(kept), path="/", secure=self.secure, httponly=True, samesite="Lax")


def session_token(cookies: Cookies) -> str:
    """The token of auth's session; "" for whoever is not logged in."""
    token: str | None = flask.g.get("session_token")
    return cookies.read("session") if token is None else token


def operator_key(cookies: Cookies) -> str:
    """The API key of an operator who has logged in here; "" for everybody else. It opens no customer's page."""
    key: str | None = flask.g.get("operator_key")
    return cookies.read("operator") if key is None else key


def form_secret(cookies: Cookies) -> str:
    """What the forms of this browser are proved with. A browser without one gets it with the present answer."""
    known = session_token(cookies) or operator_key(cookies) or cookies.read("visit") or flask.g.get("new_visit", "")
    if not known:
        known = flask.g.new_visit = secrets.token_urlsafe(32)
    return str(known)


def language() -> str:
    """Of the present answer: as chosen on a page, else as the browser prefers, else Japanese."""
    # A page asks for it with every sentence, so it is decided once.
    known = flask.g.get("language")
    if not known:
        known = flask.g.language = flask.request.accept_languages.best_match(LANGUAGES) or LANGUAGES[0]
    return str(known)


def choose_language(cookies: Cookies) -> None:
    """`?lang=` of any page, else the cookie that an earlier one has left."""
    asked, kept = flask.request.args.get("lang"), cookies.read("language")
    if asked in LANGUAGES:
        flask.g.language = flask.g.new_language = asked
    elif kept in LANGUAGES:
        flask.g.language = kept


Origin = Literal["own", "foreign", "unknown"]


def origin_of_post() -> Origin:
    """Where the form was that sent this request. Browsers say it in one of two headers; very old ones say nothing.

    `Origin: null` is no answer either: an old browser that keeps an address to itself says it of our own forms too.
    """
    headers = flask.request.headers
    fetched = headers.get("Sec-Fetch-Site")
    if fetched is not None:
        return "own" if fetched == "same-origin" else "foreign"
    if (said := headers.get("Origin", "null")) != "null":
        return "own" if urlsplit(said).netloc == flask.request.host else "foreign"
    return "unknown"


def takes_gzip() -> bool:
    return flask.request.accept_encodings.quality("gzip") > 0
