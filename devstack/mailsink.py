"""The mail sink: takes all mail by SMTP, delivers none, shows it on a page and as JSON.

`python -m devstack.mailsink <folder> <SMTP port> <HTTP port> [<address>]`; the address is 127.0.0.1 unless given.

GET /                    the newest mails (`to`, `before`)
GET /messages/<id>       one mail's text; /messages/<id>/raw its source
GET /api/messages        JSON list, newest first: `to` one recipient, `since` ISO 8601, `limit` (100, at most 10,000).
                         Each: id, to (envelope, comma separated), from, subject, headers {name: value}, body,
                         received_at.
                         Header X-Total-Count: how many mails there are (for `to`).
DELETE /api/messages     204, empties it
GET /health/ready        200
"""

import asyncio
import json
import signal
import sys
import threading
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.smtp import SMTP, Envelope, Session

from devstack import mailpage
from devstack.mailbox import Entry, Mailbox, headers_of, text_of

MOST_LISTED = 10_000
MAIL_BYTES = 34 * 1024 * 1024
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Taking:
    """aiosmtpd's handler: answers 250 when the mail is a file, 452 when the disk refuses it."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.original_content or b""
        try:
            entry = self._mailbox.add(envelope.mail_from or "", tuple(envelope.rcpt_tos), content)
        except OSError as error:
            return f"452 Not stored: {error.strerror}"
        return f"250 Stored as {entry.id}"


def as_json(mailbox: Mailbox, entry: Entry) -> dict[str, object] | None:
    """None for a mail that was deleted meanwhile."""
    message = mailbox.message(entry.id)
    if message is None:
        return None
    return {
        "id": entry.id,
        "to": ", ".join(entry.recipients),
        "from": str(message["From"] or entry.sender),
        "subject": str(message["Subject"] or ""),
        "headers": dict(headers_of(message)),
        "body": text_of(message),
        "received_at": entry.received_at.isoformat(timespec="microseconds"),
    }


class Pages(BaseHTTPRequestHandler):
    """One connection of the page and of the JSON interface."""

    protocol_version = "HTTP/1.1"
    server_version = "mailsink"
    disable_nagle_algorithm = True
    mailbox: Mailbox

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        match url.path.strip("/").split("/"):
            case [""]:
                self._list_page(query)
            case ["messages", name]:
                self._mail_page(name)
            case ["messages", name, "raw"]:
                self._raw(name)
            case ["api", "messages"]:
                self._list_json(query)
            case ["health", "ready" | "live"]:
                self._answer(HTTPStatus.OK, "text/plain", b"ok\n")
            case _:
                self._missing()

    def do_DELETE(self) -> None:
        if urlsplit(self.path).path != "/api/messages":
            self._missing()
            return
        self.mailbox.clear()
        self._answer(HTTPStatus.NO_CONTENT, "", b"")

    def log_message(self, format: str, *args: object) -> None:
        """Mail addresses stand in the requests, so they are not logged."""

    def _list_page(self, query: dict[str, str]) -> None:
        to, before = query.get("to", ""), query.get("before", "")
        entries = self.mailbox.newest(to=to, before=before, limit=mailpage.LISTED)
        mails = [(entry, message) for entry in entries if (message := self.mailbox.message(entry.id))]
        self._html(mailpage.listing(mails, to, self.mailbox.count(to)))

    def _mail_page(self, name: str) -> None:
        message = self.mailbox.message(name)
        if message is None:
            self._missing()
        else:
            self._html(mailpage.mail(name, message))

    def _raw(self, name: str) -> None:
        content = self.mailbox.raw(name)
        if content is None:
            self._missing()
        else:
            self._answer(HTTPStatus.OK, "text/plain; charset=utf-8", content)

    def _list_json(self, query: dict[str, str]) -> None:
        try:
            since = datetime.fromisoformat(query["since"].replace(" ", "+")) if "since" in query else None
            limit = min(max(int(query.get("limit", "100")), 0), MOST_LISTED)
        except ValueError:
            self._answer(HTTPStatus.BAD_REQUEST, "text/plain", b"since is ISO 8601, limit a number\n")
            return
        to = query.get("to", "")
        entries = self.mailbox.newest(to=to, since=since, limit=limit)
        mails = [mail for entry in entries if (mail := as_json(self.mailbox, entry))]
        body = json.dumps(mails, ensure_ascii=False).encode("utf-8", "replace")
        self._answer(HTTPStatus.OK, "application/json", body, {"X-Total-Count": str(self.mailbox.count(to))})

    def _missing(self) -> None:
        self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"not found\n")

    def _html(self, page: str) -> None:
        self._answer(HTTPStatus.OK, "text/html; charset=utf-8", page.encode("utf-8", "replace"))

    def _answer(self, status: HTTPStatus, kind: str, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (PAGE_HEADERS | (headers or {}) | ({"Content-Type": kind} if kind else {})).items():
            self.send_header(name, value)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve_pages(mailbox: Mailbox, host: str, port: int) -> ThreadingHTTPServer:
    """Serves from threads of its own; `shutdown()` ends it."""
    handler = type("PagesOfMailbox", (Pages,), {"mailbox": mailbox})
    server = ThreadingHTTPServer((host, port), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _connection(taking: Taking) -> SMTP:
    # A given host name spares a look-up in the DNS for every connection.
    return SMTP(taking, hostname="localhost", ident="mailsink", data_size_limit=MAIL_BYTES, enable_SMTPUTF8=True)


async def serve(folder: Path, smtp_port: int, http_port: int, host: str = "127.0.0.1") -> None:
    """Until SIGTERM. The mails of last time are there before the first request is answered."""
    mailbox = Mailbox(folder)
    taking, ended = Taking(mailbox), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    smtp = await loop.create_server(lambda: _connection(taking), host, smtp_port, backlog=200)
    serve_pages(mailbox, host, http_port)
    await ended.wait()
    smtp.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:]))
