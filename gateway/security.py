"""What every answer of the gateway carries against misuse in a browser, and requests that it does not even look at."""

import flask
from werkzeug.exceptions import BadRequest

_ALWAYS = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": under it browsers without Fetch Metadata send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def install(app: flask.Flask) -> None:
    """For every answer of `app`, errors included."""
    app.before_request(_refuse_two_lengths)
    app.after_request(_harden)


def _refuse_two_lengths() -> None:
    """RFC 9112 section 6.1: a body with two lengths may be understood differently by whoever is behind."""
    environ = flask.request.environ
    if environ.get("HTTP_TRANSFER_ENCODING") and environ.get("CONTENT_LENGTH"):
        raise BadRequest


def _harden(response: flask.Response) -> flask.Response:
    response.headers.update(_ALWAYS)
    response.headers["Content-Security-Policy"] = _PAGE_POLICY if response.mimetype == "text/html" else _DATA_POLICY
    response.headers.setdefault("Cache-Control", "no-store")
    return response
